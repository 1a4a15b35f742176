"""Where the validator is and how the caller proves who it is.

Options come from the command line, then from the environment (`DESCARGO_...`), then from a profile
file in TOML, whose paths are relative to it. Plaintext is for the demo on loopback only.
"""

from __future__ import annotations

import ipaddress
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from descargo_client.faults import BadInput

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DEFAULT_SERVER: Final = "127.0.0.1:50443"
"""Address that a demo validator listens on."""
DEFAULT_TIMEOUT_S: Final = 10.0
"""A lorry waits: after this the caller had better ask for the outcome."""
TIMEOUT_S_MAX: Final = 300.0

_PATHS: Final = frozenset({"tls_cert", "tls_key", "tls_ca"})
_TEXTS: Final = frozenset({"server", "server_name", "identity", "validator"})
PROFILE_KEYS: Final = _PATHS | _TEXTS | {"timeout", "plaintext"}
"""What a profile file may say."""


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach a validator, and as whom."""

    server: str = DEFAULT_SERVER
    """`HOST:PORT`."""
    tls_cert: Path | None = None
    """The caller's TLS certificate, PEM."""
    tls_key: Path | None = None
    """Its key, PEM, not encrypted."""
    tls_ca: Path | None = None
    """Certificates of the authority that issued the server's, PEM."""
    server_name: str = ""
    """Name in the server's certificate, when it differs from the host."""
    timeout_s: float = DEFAULT_TIMEOUT_S
    """Deadline of one call with its retries."""
    plaintext: bool = False
    """Without TLS; loopback only."""
    identity: str = ""
    """Name to act as without TLS, for the demo."""

    def __post_init__(self) -> None:
        """Refuses what could never work, before anything is sent."""
        if not 0 < self.timeout_s <= TIMEOUT_S_MAX:
            raise BadInput("connection.timeout", value=self.timeout_s, limit=TIMEOUT_S_MAX)
        host, port = split_server(self.server)
        if not host or not port.isdigit() or not 0 < int(port) < 65536:  # noqa: PLR2004 - ports
            raise BadInput("connection.server", value=self.server)
        if self.plaintext and not is_loopback(host):
            raise BadInput("connection.plaintext", value=self.server)
        if self.identity and not self.plaintext:
            raise BadInput("connection.identity")


def split_server(server: str) -> tuple[str, str]:
    """Splits `HOST:PORT`; an IPv6 host stands in brackets."""
    host, _, port = server.rpartition(":")
    return host.removeprefix("[").removesuffix("]"), port


def is_loopback(host: str) -> bool:
    """Says whether a host is this machine, without asking any name server."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_profile(path: Path) -> Mapping[str, object]:
    """Reads a profile file; paths in it become absolute."""
    try:
        profile = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise BadInput("file.unreadable", file=path, why=error.strerror or error) from error
    except ValueError as error:
        raise BadInput("profile.syntax", file=path, why=error) from error
    for name, value in profile.items():
        _check_profile_value(path, name, value)
    return {
        name: path.parent.absolute() / str(value) if name in _PATHS else value
        for name, value in profile.items()
    }


def _check_profile_value(path: Path, name: str, value: object) -> None:
    if name not in PROFILE_KEYS:
        known = ", ".join(sorted(PROFILE_KEYS))
        raise BadInput("profile.unknown", file=path, name=name, known=known)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    fits = {"timeout": number, "plaintext": isinstance(value, bool)}
    if not fits.get(name, isinstance(value, str)):
        raise BadInput("profile.value", file=path, name=name, value=value)
