"""Retries, deadlines, and statuses turned into typed errors, against a real server on loopback."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import grpc
import pytest

from descargo.v1 import declaration_pb2, verdict_pb2
from descargo_client import Channel, Connection, Lane
from descargo_client.faults import BadInput, CallFault, NotAllowed, RequestRefused, TransportFault

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.client.conftest import ScriptedValidator

REQUEST_ID = "3f0c2f0e-6f0e-4d7e-9a51-1c0a3e9a7f10"


class _Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, pause_s: float) -> None:
        self.pauses.append(pause_s)
        self.now += pause_s


def _channel(validator: ScriptedValidator, clock: _Clock, timeout_s: float = 10.0) -> Channel:
    connection = Connection(
        validator.address, plaintext=True, identity="lane-1", timeout_s=timeout_s
    )
    return Channel(connection, clock=clock, sleep=clock.sleep)


def _validate(channel: Channel) -> verdict_pb2.Answer:
    with channel:
        return Lane(channel).validate(declaration_pb2.Declaration(), REQUEST_ID)


def _firma(validator: ScriptedValidator) -> verdict_pb2.Answer:
    verdict = verdict_pb2.Verdict(firma=verdict_pb2.Firma(acceptance_code="ABCD2345"))
    answer: verdict_pb2.Answer = validator.answer(verdict)
    return answer


def test_an_unavailable_validator_is_asked_again_with_the_same_key(
    validator: ScriptedValidator,
) -> None:
    clock = _Clock()
    answer = _firma(validator)
    uncertain = validator.refusal(grpc.StatusCode.UNAVAILABLE, "OUTCOME_UNCERTAIN")
    validator.replies.extend([uncertain, uncertain, answer])
    assert _validate(_channel(validator, clock)) == answer
    assert [request.request_id for request in validator.requests] == [REQUEST_ID] * 3
    assert validator.identities == ["lane-1"] * 3
    assert clock.pauses == [0.2, 0.4]


def test_the_servers_own_pause_is_kept(validator: ScriptedValidator) -> None:
    clock = _Clock()
    overloaded = validator.refusal(grpc.StatusCode.UNAVAILABLE, "OVERLOADED", retry_after_ms=1500)
    validator.replies.extend([overloaded, _firma(validator)])
    _validate(_channel(validator, clock))
    assert clock.pauses == [1.5]


def test_retries_are_bounded(validator: ScriptedValidator) -> None:
    clock = _Clock()
    validator.replies.append(validator.refusal(grpc.StatusCode.UNAVAILABLE, "OUTCOME_UNCERTAIN"))
    with pytest.raises(TransportFault) as caught:
        _validate(_channel(validator, clock))
    assert len(validator.requests) == 4
    assert (caught.value.reason, caught.value.failure.request_id) == (
        "OUTCOME_UNCERTAIN",
        REQUEST_ID,
    )


def test_no_pause_goes_beyond_the_deadline(validator: ScriptedValidator) -> None:
    clock = _Clock()
    validator.replies.append(
        validator.refusal(grpc.StatusCode.UNAVAILABLE, "OVERLOADED", retry_after_ms=60_000)
    )
    with pytest.raises(TransportFault):
        _validate(_channel(validator, clock))
    assert (len(validator.requests), clock.pauses) == (1, [])


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (grpc.StatusCode.UNAUTHENTICATED, "IDENTITY_UNKNOWN", NotAllowed),
        (grpc.StatusCode.PERMISSION_DENIED, "ROLE_NOT_ALLOWED", NotAllowed),
        (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID", RequestRefused),
        (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED", RequestRefused),
        (grpc.StatusCode.NOT_FOUND, "OUTCOME_UNKNOWN", RequestRefused),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED", RequestRefused),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_EXCEEDED", TransportFault),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "NOT_DECIDED", TransportFault),
        (grpc.StatusCode.INTERNAL, "FAULT", TransportFault),
        (grpc.StatusCode.UNKNOWN, "", TransportFault),
    ],
)
def test_each_status_is_one_typed_error_and_is_not_retried(
    validator: ScriptedValidator, code: grpc.StatusCode, reason: str, kind: type[CallFault]
) -> None:
    validator.replies.append(validator.refusal(code, reason))
    with pytest.raises(kind) as caught:
        _validate(_channel(validator, _Clock()))
    assert len(validator.requests) == 1
    assert caught.value.reason == (reason or code.name)
    assert caught.value.text("es") != caught.value.text("en")


def test_the_servers_words_and_fields_are_kept(validator: ScriptedValidator) -> None:
    validator.replies.append(
        validator.refusal(
            grpc.StatusCode.INVALID_ARGUMENT,
            "FIELD_INVALID",
            fields=(("declaration.lines", "has 2, not 1"),),
            message_es="Un campo no sirve.",
        )
    )
    with pytest.raises(RequestRefused) as caught:
        _validate(_channel(validator, _Clock()))
    assert caught.value.text("es").startswith("Un campo no sirve.")
    assert caught.value.failure.fields == ("declaration.lines: has 2, not 1",)


def test_a_status_that_cannot_be_read_is_still_an_error(validator: ScriptedValidator) -> None:
    validator.replies.append(validator.refusal(grpc.StatusCode.INTERNAL, raw_status=b"\xff\xff"))
    with pytest.raises(TransportFault) as caught:
        _validate(_channel(validator, _Clock()))
    assert caught.value.reason == "INTERNAL"


def test_nobody_listening_is_a_transport_fault() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        connection = Connection(f"127.0.0.1:{taken.getsockname()[1]}", plaintext=True)
        clock = _Clock()
        with (
            Channel(connection, clock=clock, sleep=clock.sleep) as channel,
            pytest.raises(TransportFault) as caught,
        ):
            Lane(channel).outcome(REQUEST_ID)
    assert caught.value.reason == "UNAVAILABLE"
    assert connection.server in caught.value.text("es")


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"server": "validador.example:50443", "plaintext": True}, "connection.plaintext"),
        ({"server": "127.0.0.1.example.com:1", "plaintext": True}, "connection.plaintext"),
        ({"server": "127.0.0.1"}, "connection.server"),
        ({"server": "127.0.0.1:70000"}, "connection.server"),
        ({"timeout_s": 0}, "connection.timeout"),
        ({"timeout_s": float("nan")}, "connection.timeout"),
        ({"identity": "lane-1"}, "connection.identity"),
    ],
)
def test_what_could_never_work_is_refused_at_once(options: dict[str, object], key: str) -> None:
    with pytest.raises(BadInput) as caught:
        Connection(**options)  # type: ignore[arg-type]
    assert caught.value.key == key


@pytest.mark.parametrize("server", ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1"])
def test_plaintext_is_for_this_machine(server: str) -> None:
    assert Connection(server, plaintext=True).plaintext


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (b"basura", "connection.not_pem"),
        (b"-----BEGIN ENCRYPTED PRIVATE KEY-----", "connection.encrypted_key"),
        (None, "file.unreadable"),
    ],
)
def test_a_tls_file_of_the_wrong_kind_is_named(
    tmp_path: Path, content: bytes | None, key: str
) -> None:
    ca, own = tmp_path / "ca.pem", tmp_path / "own.key"
    ca.write_bytes(b"-----BEGIN CERTIFICATE-----")
    if content is not None:
        own.write_bytes(content)
    with pytest.raises(BadInput) as caught:
        Channel(Connection("127.0.0.1:1", tls_cert=ca, tls_key=own, tls_ca=ca))
    assert caught.value.key == key
    assert "own.key" in caught.value.text("es")
