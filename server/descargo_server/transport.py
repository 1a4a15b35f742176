"""How connections are made: TLS 1.3 with client certificates, or plaintext on loopback for a demo.

grpcio has no setting for the lowest TLS version. It offers one list of cipher suites, for TLS 1.2
only; with a suite that needs an RSA certificate, and a server certificate that is ECDSA, no TLS 1.2
handshake can succeed, while TLS 1.3 has its own suites and goes on. The list is read from the
environment when grpc's core starts, so it is set here, before the first import of grpc.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from descargo_server import limits

TLS12_SUITE_WITHOUT_USE: Final = "ECDHE-RSA-AES128-GCM-SHA256"
os.environ["GRPC_SSL_CIPHER_SUITES"] = TLS12_SUITE_WITHOUT_USE

import grpc  # noqa: E402 - after the setting above

if TYPE_CHECKING:
    from pathlib import Path

    from descargo_server.config.model import ServerConfig, TlsSection

__all__ = ["ListenFailed", "bind", "cannot_listen", "server_options"]


class ListenFailed(Exception):  # noqa: N818 - it says what happened
    """The server cannot listen; the message names the address and a remedy."""


def server_options(connections_max: int, *, shared: bool = False) -> list[tuple[str, int]]:
    """Channel options that bound what one client can take from the others.

    `shared`: other processes of this server listen at the same port.
    """
    return [
        ("grpc.max_receive_message_length", limits.MESSAGE_BYTES_MAX),
        ("grpc.max_send_message_length", limits.ANSWER_BYTES_MAX),
        ("grpc.max_metadata_size", limits.METADATA_BYTES_MAX),
        ("grpc.absolute_max_metadata_size", limits.METADATA_BYTES_MAX),
        ("grpc.max_concurrent_streams", limits.CONCURRENT_STREAMS_MAX),
        ("grpc.max_allowed_incoming_connections", connections_max),
        ("grpc.server_handshake_timeout_ms", limits.HANDSHAKE_TIMEOUT_MS),
        ("grpc.http2.settings_timeout", limits.SETTINGS_TIMEOUT_MS),
        ("grpc.max_connection_age_ms", limits.CONNECTION_AGE_MS),
        ("grpc.max_connection_age_grace_ms", limits.CONNECTION_AGE_GRACE_MS),
        ("grpc.keepalive_time_ms", limits.KEEPALIVE_TIME_MS),
        ("grpc.keepalive_timeout_ms", limits.KEEPALIVE_TIMEOUT_MS),
        ("grpc.http2.min_ping_interval_without_data_ms", limits.PING_INTERVAL_MIN_MS),
        # Compressed requests cost memory before anything is known about them.
        ("grpc.compression_enabled_algorithms_bitset", 1),
        # A second server on this port must fail loudly: it would answer half of the calls. Where
        # the port is shared, the parent has seen to it.
        ("grpc.so_reuseport", int(shared)),
    ]


def bind(server: grpc.aio.Server, config: ServerConfig) -> int:
    """Listens at the configured address; returns the port. Raises ListenFailed with a remedy."""
    address = str(config.address)
    try:
        if config.tls is None:
            port = server.add_insecure_port(address)
        else:
            port = server.add_secure_port(address, _credentials(config.tls))
    except RuntimeError as error:
        raise ListenFailed(cannot_listen(address)) from error
    if port == 0:
        raise ListenFailed(cannot_listen(address))
    return port


def cannot_listen(address: str) -> str:
    """What an operator is told when an address cannot be had."""
    return f"cannot listen at `{address}` - stop what listens there, or change `listen`"


def _credentials(tls: TlsSection) -> grpc.ServerCredentials:
    """TLS with a client certificate required. The files were checked with the configuration."""

    def content(path: Path) -> bytes:
        return path.read_bytes()

    return grpc.ssl_server_credentials(
        [(content(tls.key), content(tls.certificate))],
        root_certificates=content(tls.client_ca),
        require_client_auth=True,
    )
