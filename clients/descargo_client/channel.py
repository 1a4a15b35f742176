"""One open channel to a validator: TLS, deadlines, retries, and statuses turned into typed errors.

Every request is either a read or carries its own key, so a retry can never do a thing twice. Only
UNAVAILABLE is retried: then nothing was decided, or the same key gets the answer that was.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, Protocol, Self, TypeVar

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from descargo.catalogue import reasons
from descargo_client.faults import (
    BadInput,
    CallFailure,
    CallFault,
    NotAllowed,
    RequestRefused,
    TransportFault,
)
from descargo_client.texts import text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from google.protobuf.message import Message

    from descargo.v1.verdict_pb2 import ItemRefusal
    from descargo_client.connection import Connection

ATTEMPTS_MAX: Final = 4
BACKOFF_S: Final = 0.2
"""Pause before the first retry; doubled before each further one."""
ANSWER_BYTES_MAX: Final = 16 * 1024 * 1024
"""Limit of the contract for one answer."""
IDENTITY_KEY: Final = "descargo-identity"
"""Metadata with which a demo client without TLS says who it is."""

_OPTIONS: Final = (
    # Each channel has its own connection: a pool shared by all would tie every lane to one server
    # process.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_receive_message_length", ANSWER_BYTES_MAX),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    # A stream may be silent for long; a peer that vanished must be noticed all the same.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # A proxy of the office has nothing to do with loopback or with mutual TLS.
    ("grpc.enable_http_proxy", 0),
)
_STATUS_KEY: Final = "grpc-status-details-bin"
_REFUSED: Final = frozenset(
    {
        "INVALID_ARGUMENT",
        "ALREADY_EXISTS",
        "NOT_FOUND",
        "FAILED_PRECONDITION",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
    }
)
_NOT_ALLOWED: Final = frozenset({"UNAUTHENTICATED", "PERMISSION_DENIED"})

AnswerT_co = TypeVar("AnswerT_co", bound="Message", covariant=True)


class Rpc(Protocol[AnswerT_co]):
    """A callable of a generated stub."""

    def __call__(
        self,
        request: Any,
        timeout: float | None = None,
        metadata: Any = None,
    ) -> AnswerT_co:
        """Sends one request and returns its answer."""


class Channel:
    """An open channel. Use it as a context, or close it."""

    def __init__(
        self,
        connection: Connection,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Opens the channel; nothing is sent before the first call."""
        self.connection = connection
        self.grpc = _open(connection)
        self._clock = clock
        self._sleep = sleep
        identity = connection.identity
        self.metadata: tuple[tuple[str, str | bytes], ...] = (
            ((IDENTITY_KEY, identity),) if identity else ()
        )

    def __enter__(self) -> Self:
        """Returns the channel itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes the channel."""
        self.close()

    def close(self) -> None:
        """Ends the connection; calls under way end as cancelled."""
        self.grpc.close()

    def call(self, rpc: Rpc[AnswerT_co], request: Message, request_id: str = "") -> AnswerT_co:
        """Calls with the connection's deadline and bounded retries; raises a CallFault."""
        deadline = self._clock() + self.connection.timeout_s
        for attempt in range(1, ATTEMPTS_MAX + 1):
            left = deadline - self._clock()
            try:
                return rpc(request, timeout=max(left, 0.001), metadata=self.metadata)
            except grpc.RpcError as error:
                fault = fault_of(error, self.connection.server, request_id)
                pause = _pause(fault, attempt)
                if pause is None or attempt == ATTEMPTS_MAX or self._clock() + pause >= deadline:
                    raise fault from error
            self._sleep(pause)
        raise AssertionError("the last attempt returns or raises")


def fault_of(error: grpc.RpcError, server: str, request_id: str = "") -> CallFault:
    """Turns what gRPC raised into a typed error with its texts."""
    call = _ended_call(error)
    status = call.code().name if call else "UNKNOWN"
    detail = (call.details() or "") if call else str(error)
    return _typed(_failure(_details(call), status, detail, server, request_id))


def fault_of_item(refusal: ItemRefusal, request_id: str) -> CallFault:
    """Turns a refused item of a stream into what its unary call would have raised."""
    row = reasons().get(refusal.reason)
    why = refusal.detail or (row.message_en if row else refusal.message_en)
    failure = CallFailure(
        refusal.status,
        refusal.reason,
        refusal.message_es,
        refusal.message_en,
        (f"{refusal.field}: {why}",) if refusal.field else (),
        refusal.retry_after_ms / 1000 if refusal.retry_after_ms else None,
        request_id,
        refusal.detail,
    )
    return _typed(failure)


def _typed(failure: CallFailure) -> CallFault:
    if failure.status in _NOT_ALLOWED:
        return NotAllowed(failure)
    if failure.status in _REFUSED or failure.reason == "LIMIT_EXCEEDED":
        return RequestRefused(failure)
    return TransportFault(failure)


def _ended_call(error: object) -> grpc.Call | None:
    """What gRPC raises is the ended call itself, which its types do not say."""
    return error if isinstance(error, grpc.Call) else None


def _failure(
    details: Sequence[Message], status: str, detail: str, server: str, request_id: str
) -> CallFailure:
    reason = ""
    fields: list[str] = []
    retry_after_s: float | None = None
    said = {"es": "", "en": ""}
    for kind in details:
        if isinstance(kind, error_details_pb2.ErrorInfo):
            reason = kind.reason
        elif isinstance(kind, error_details_pb2.LocalizedMessage):
            said["en" if kind.locale.lower().startswith("en") else "es"] = kind.message
        elif isinstance(kind, error_details_pb2.BadRequest):
            fields += [f"{item.field}: {item.description}" for item in kind.field_violations]
        elif isinstance(kind, error_details_pb2.RetryInfo):
            retry_after_s = kind.retry_delay.seconds + kind.retry_delay.nanos / 1e9
    message_es, message_en = _messages(reason, status, detail, server, said)
    return CallFailure(
        status, reason, message_es, message_en, tuple(fields), retry_after_s, request_id, detail
    )


def _messages(
    reason: str, status: str, detail: str, server: str, said: dict[str, str]
) -> tuple[str, str]:
    """The server's own words first, else the catalogue's, else what the transport can tell."""
    row = reasons().get(reason)
    if row is not None:
        return (
            _with_remedy(said["es"] or row.message_es, row.remedy_es),
            _with_remedy(said["en"] or row.message_en, row.remedy_en),
        )
    if said["es"] or said["en"]:
        return said["es"] or said["en"], said["en"] or said["es"]
    key = _transport_key(status, detail)
    values = {"server": server, "status": status, "detail": detail}
    return text(key, "es", **values), text(key, "en", **values)


def _with_remedy(message: str, remedy: str) -> str:
    return message if remedy in message else f"{message} {remedy}"


def _transport_key(status: str, detail: str) -> str:
    if status == "DEADLINE_EXCEEDED":
        return "call.deadline"
    if status != "UNAVAILABLE":
        return "call.status"
    lowered = detail.lower()
    return "call.tls" if "handshake" in lowered or "ssl" in lowered else "call.unreachable"


def _details(call: grpc.Call | None) -> list[Message]:
    """The details of `google.rpc.Status` that we know; a damaged status counts as none."""
    found: list[Message] = []
    for key, value in (call.trailing_metadata() or ()) if call else ():
        if key != _STATUS_KEY or not isinstance(value, bytes):
            continue
        try:
            status = status_pb2.Status.FromString(value)
            found += [unpacked for detail in status.details if (unpacked := _unpacked(detail))]
        except DecodeError:
            continue
    return found


def _unpacked(detail: Any) -> Message | None:
    for kind in (
        error_details_pb2.ErrorInfo,
        error_details_pb2.LocalizedMessage,
        error_details_pb2.BadRequest,
        error_details_pb2.RetryInfo,
    ):
        if detail.Is(kind.DESCRIPTOR):
            message: Message = kind()
            detail.Unpack(message)
            return message
    return None


def _pause(fault: CallFault, attempt: int) -> float | None:
    """Seconds before the next attempt, or None when a retry would be wrong."""
    if fault.failure.status != "UNAVAILABLE":
        return None
    asked = fault.failure.retry_after_s
    return asked if asked is not None else BACKOFF_S * 2 ** (attempt - 1)


def _open(connection: Connection) -> grpc.Channel:
    options: Sequence[tuple[str, Any]] = _OPTIONS
    if connection.plaintext:
        return grpc.insecure_channel(connection.server, options=options)
    if connection.server_name:
        options = (*options, ("grpc.ssl_target_name_override", connection.server_name))
    credentials = grpc.ssl_channel_credentials(
        _pem(connection.tls_ca, "--tls-ca", "CERTIFICATE"),
        _pem(connection.tls_key, "--tls-key", "PRIVATE KEY"),
        _pem(connection.tls_cert, "--tls-cert", "CERTIFICATE"),
    )
    return grpc.secure_channel(connection.server, credentials, options=options)


def _pem(path: Path | None, option: str, label: str) -> bytes:
    """The bytes of a PEM file; gRPC itself would only say that the handshake failed."""
    if path is None:
        raise BadInput("connection.missing", option=option)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInput("file.unreadable", file=path, why=error.strerror or error) from error
    if f"{label}-----".encode() not in content:
        raise BadInput("connection.not_pem", file=path, option=option, label=label)
    if b"ENCRYPTED" in content:
        raise BadInput("connection.encrypted_key", file=path, option=option)
    return content
