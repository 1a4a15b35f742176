"""Connections: TLS 1.3 with an enrolled client certificate, and nothing else."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import tomllib
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from descargo_server.admin.pki import make_demo_pki
from descargo_server.app import Server
from descargo_server.config.load import load_configuration
from descargo_server.transport import ListenFailed

import grpc  # isort: skip - after transport has set its cipher suites
from grpc_health.v1 import health_pb2, health_pb2_grpc  # isort: skip

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime
    from pathlib import Path

    from descargo_server._core import Caller
    from descargo_server.identity.registry import Identity
    from tests.unit.server.conftest import FakeEngine

METHOD = "/descargo.v1.ValidationService/ValidateLicense"


@asynccontextmanager
async def serving(
    folder: Path, engine: FakeEngine, caller: Callable[[Identity], Caller]
) -> AsyncIterator[tuple[Server, int]]:
    """A server with the demo's configuration, on a free port."""
    server = Server(load_configuration(folder / "descargo.toml"), engine, caller)
    port = await server.start()
    try:
        yield server, port
    finally:
        await server.stop(asyncio.Event())


def channel_as(folder: Path, name: str, port: int, ca: Path | None = None) -> grpc.aio.Channel:
    """A channel with the certificate of one of the demo's callers."""
    tls = folder / "tls"
    credentials = grpc.ssl_channel_credentials(
        (ca or tls / "ca.pem").read_bytes(),
        (tls / f"{name}.key").read_bytes(),
        (tls / f"{name}.pem").read_bytes(),
    )
    options = [("grpc.use_local_subchannel_pool", 1)]
    return grpc.aio.secure_channel(f"localhost:{port}", credentials, options)


def validate(channel: grpc.aio.Channel) -> grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]:
    """ValidateLicense with bytes."""
    return channel.unary_unary(METHOD)


async def reason_as(folder: Path, name: str, port: int) -> str:
    """The reason with which a call of one of the demo's callers ends."""
    async with channel_as(folder, name, port) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await validate(channel)(b"r", timeout=10)
    (details,) = caught.value.trailing_metadata().get_all("grpc-status-details-bin")
    assert isinstance(details, bytes)
    info = ErrorInfo()
    assert Status.FromString(details).details[0].Unpack(info)
    return str(info.reason)


async def test_enrolled_lane_is_answered(
    demo_copy: Path, engine: FakeEngine, named_caller: Callable[[Identity], Caller]
) -> None:
    async with (
        serving(demo_copy, engine, named_caller) as (_, port),
        channel_as(demo_copy, "lane-tijuana", port) as channel,
    ):
        assert await validate(channel)(b"r", timeout=10) == b"answered"
    assert engine.callers == ["lane-tijuana"]
    assert engine.closed == 1


async def test_header_of_the_demo_is_worth_nothing_over_tls(
    demo_copy: Path, engine: FakeEngine, named_caller: Callable[[Identity], Caller]
) -> None:
    async with (
        serving(demo_copy, engine, named_caller) as (_, port),
        channel_as(demo_copy, "broker", port) as channel,
    ):
        metadata = (("descargo-identity", "lane-tijuana"),)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await validate(channel)(b"r", metadata=metadata, timeout=10)
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert engine.requests == []


async def test_certificate_of_another_authority_gets_no_connection(
    demo_copy: Path,
    engine: FakeEngine,
    named_caller: Callable[[Identity], Caller],
    tmp_path: Path,
) -> None:
    other = tmp_path / "other"
    assert make_demo_pki(other, force=False, listen="127.0.0.1:0", valid_from="") == 0
    async with (
        serving(demo_copy, engine, named_caller) as (_, port),
        channel_as(other, "lane-tijuana", port, demo_copy / "tls/ca.pem") as channel,
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await validate(channel)(b"r", timeout=10)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert engine.requests == []


def handshake(folder: Path, port: int, version: ssl.TLSVersion, name: str | None) -> str | None:
    """The TLS version that is spoken; raises OSError when none is."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(folder / "tls/ca.pem")
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2"])
    if version is ssl.TLSVersion.TLSv1_2:
        context.set_ciphers("ALL:@SECLEVEL=0")
    if name is not None:
        context.load_cert_chain(folder / f"tls/{name}.pem", folder / f"tls/{name}.key")
    with (
        socket.create_connection(("127.0.0.1", port), 10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as spoken,
    ):
        # In TLS 1.3 a server refuses a client's certificate after the handshake: read its answer.
        if not spoken.recv(1):
            raise ConnectionResetError
        return spoken.version()


async def test_only_tls13_is_spoken(
    demo_copy: Path, engine: FakeEngine, named_caller: Callable[[Identity], Caller]
) -> None:
    async with serving(demo_copy, engine, named_caller) as (_, port):
        lane = "lane-tijuana"
        v12, v13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
        assert await asyncio.to_thread(handshake, demo_copy, port, v13, lane) == "TLSv1.3"
        with pytest.raises(OSError, match=r".*"):
            await asyncio.to_thread(handshake, demo_copy, port, v12, lane)


async def test_client_without_certificate_gets_no_connection(
    demo_copy: Path, engine: FakeEngine, named_caller: Callable[[Identity], Caller]
) -> None:
    async with serving(demo_copy, engine, named_caller) as (_, port):
        with pytest.raises(OSError, match=r".*"):
            await asyncio.to_thread(handshake, demo_copy, port, ssl.TLSVersion.TLSv1_3, None)


async def test_reloaded_access_file_counts_on_open_connections(
    demo_copy: Path, engine: FakeEngine, named_caller: Callable[[Identity], Caller]
) -> None:
    access = demo_copy / "access.toml"
    before = access.read_text(encoding="utf-8")
    rows = {row["name"]: row for row in tomllib.loads(before)["identity"]}
    fingerprint = rows["lane-tijuana"]["certificate_sha256"]
    revoked = (
        f'[[revoked_identity]]\ncertificate_sha256 = "{fingerprint}"\nat = 2026-01-01T00:00:00Z\n'
    )
    async with (
        serving(demo_copy, engine, named_caller) as (server, port),
        channel_as(demo_copy, "lane-tijuana", port) as channel,
    ):
        call = validate(channel)
        assert await call(b"r", timeout=10) == b"answered"
        access.write_text(before + "[[identity]]\n", encoding="utf-8")
        server.reload_access()
        assert await call(b"r", timeout=10) == b"answered", "a bad file keeps the old one"
        access.write_text("# nobody\n", encoding="utf-8")
        engine.bad_authority = "revocations.toml: damaged"
        server.reload_access()
        assert await call(b"r", timeout=10) == b"answered", "so does a bad file of [trust]"
        assert not engine.authority
        engine.bad_authority = ""
        access.write_text(before + revoked, encoding="utf-8")
        server.reload_access()
        assert json.loads(engine.authority)["signers"]
        assert await reason_as(demo_copy, "lane-tijuana", port) == "CERTIFICATE_REVOKED"
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(b"r", timeout=10)
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def set_to(clock: Path, instant: datetime) -> None:
    """Sets the server's test clock."""
    clock.write_text(f"{instant.isoformat()}\n", encoding="ascii")


async def test_certificate_that_expires_while_connected_is_refused(
    demo_copy: Path, engine: FakeEngine, named_caller: Callable[[Identity], Caller]
) -> None:
    config = demo_copy / "descargo.toml"
    clock = demo_copy / "clock"
    pem = (demo_copy / "tls/lane-tijuana.pem").read_bytes()
    certificate = x509.load_pem_x509_certificate(pem)
    set_to(clock, certificate.not_valid_after_utc)
    with config.open("a", encoding="utf-8") as file:
        file.write('[demo]\nallow = true\nclock_file = "clock"\n')
    async with (
        serving(demo_copy, engine, named_caller) as (_, port),
        channel_as(demo_copy, "lane-tijuana", port) as channel,
    ):
        call = validate(channel)
        assert await call(b"r", timeout=10) == b"answered"
        set_to(clock, certificate.not_valid_after_utc + timedelta(seconds=1))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(b"r", timeout=10)
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        assert await reason_as(demo_copy, "lane-tijuana", port) == "CERTIFICATE_EXPIRED"


async def test_health_answers_for_each_service(
    demo_copy: Path, engine: FakeEngine, named_caller: Callable[[Identity], Caller]
) -> None:
    async with (
        serving(demo_copy, engine, named_caller) as (_, port),
        channel_as(demo_copy, "operator", port) as channel,
    ):
        stub = health_pb2_grpc.HealthStub(channel)
        for service in ("", "descargo.v1.ValidationService", "descargo.v1.SubmissionService"):
            request = health_pb2.HealthCheckRequest(service=service)
            answer = await stub.Check(request, timeout=10)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_second_server_at_the_same_address_fails_with_a_remedy(
    demo_copy: Path, engine: FakeEngine, named_caller: Callable[[Identity], Caller]
) -> None:
    config = demo_copy / "descargo.toml"
    async with serving(demo_copy, engine, named_caller) as (_, port):
        text = config.read_text(encoding="utf-8").replace("127.0.0.1:0", f"127.0.0.1:{port}")
        config.write_text(text, encoding="utf-8")
        second = Server(load_configuration(config), engine, named_caller)
        with pytest.raises(ListenFailed, match=f"127.0.0.1:{port}.* - stop what listens there"):
            await second.start()
