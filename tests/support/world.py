"""The demo's people and keys, made once for a session, in a folder of its own.

Everything stands on fixed days, so that a test means the same in every year: signatures hold from
FIRST_DAY on, and NOON is the usual instant of a test clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from unittest.mock import patch

from descargo_client.agency import seal, serialise
from descargo_client.connection import Connection
from descargo_client.signing import Signer, load_signer
from descargo_server._core import Caller
from descargo_server.admin.pki import tls, write_demo_pki
from descargo_server.admin.serve import core_caller
from descargo_server.config.load import Configuration, load_configuration

if TYPE_CHECKING:
    from pathlib import Path

    from descargo.v1 import submission_pb2

__all__ = ["FIRST_DAY", "LANE", "NOON", "OTHER_LANE", "SAME_OFFICE", "World", "make_world"]

NOON: Final = datetime(2026, 5, 12, 18, 0, tzinfo=UTC)
"""Noon in Mexico City on the usual day of a test."""
FIRST_DAY: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""First instant of the e.firma certificates."""

TLS_DAYS: Final = 70 * 365

LANE: Final = "lane-nuevo-laredo"
"""A lane at office 240."""
OTHER_LANE: Final = "lane-tijuana"
"""A lane at office 400."""
SAME_OFFICE: Final = "lane-nuevo-laredo-2"
"""A second lane at office 240; only in this process, since the demo has no certificate for it."""


@dataclass(frozen=True)
class World:
    """A demo PKI and what can be made of it."""

    root: Path
    """The folder that `descargo-server pki demo` fills."""
    configuration: Configuration
    """Its descargo.toml, checked."""
    _signers: dict[str, Signer] = field(default_factory=dict)

    def caller(self, name: str) -> Caller:
        """The core's caller of an identity: `se`, `broker`, LANE, OTHER_LANE, SAME_OFFICE ..."""
        if name == SAME_OFFICE:
            return Caller(SAME_OFFICE, "lane", office="240")
        identity = self.configuration.registry.named(name)
        assert identity is not None, name
        return core_caller(identity)

    def signer(self, name: str = "se") -> Signer:
        """The signer with an e.firma of the demo: `se`, `semarnat`, `sedena`, `forger`, `csd`."""
        if name not in self._signers:
            folder = self.root / "efirma"
            certificate, key, password = (
                (folder / f"{name}.{suffix}").read_bytes() for suffix in ("cer", "key", "password")
            )
            self._signers[name] = load_signer(certificate, key, password)
        return self._signers[name]

    def sign(
        self, submission: submission_pb2.Submission, by: str = "se"
    ) -> submission_pb2.Envelope:
        """The submission, signed."""
        return seal(serialise(submission), self.signer(by))

    def connection(self, identity: str, address: str, timeout_s: float = 10.0) -> Connection:
        """How an identity connects to a server of this world, for descargo_client.channel."""
        folder = self.root / "tls"
        return Connection(
            server=address,
            tls_cert=folder / f"{identity}.pem",
            tls_key=folder / f"{identity}.key",
            tls_ca=folder / "ca.pem",
            server_name="localhost",
            timeout_s=timeout_s,
        )


def make_world(root: Path) -> World:
    """Fills an empty folder with a demo PKI whose certificates begin on FIRST_DAY.

    gRPC judges TLS by the real clock and the server by the test's, so a TLS certificate holds from
    the one to far beyond the other.
    """
    with patch.multiple(tls, LEAF_DAYS=TLS_DAYS, AUTHORITY_DAYS=TLS_DAYS):
        write_demo_pki(root, "127.0.0.1:0", FIRST_DAY)
    return World(root, load_configuration(root / "descargo.toml"))
