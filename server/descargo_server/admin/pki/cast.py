"""Who takes part in the demo: callers with their roles, signers with certificates' numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from descargo_server.admin.pki.people import (
    SE_OFFICIAL,
    SEDENA_OFFICIAL,
    SEMARNAT_SIGNER,
    TRADER,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from descargo_server.admin.pki.people import CertificateHolder

__all__ = [
    "CALLERS",
    "CSD_SERIAL",
    "FORGER_SERIAL",
    "SIGNERS",
    "DemoCaller",
    "DemoSigner",
    "TomlValue",
]

TomlValue: TypeAlias = "str | list[TomlValue] | dict[str, TomlValue]"
"""What a row of the demo's files may hold."""


@dataclass(frozen=True, slots=True)
class DemoCaller:
    """One identity of access.toml."""

    name: str
    role: str
    scope: Mapping[str, TomlValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DemoSigner:
    """One signer of access.toml."""

    name: str
    """Name of his files."""
    agency: str
    holder: CertificateHolder
    serial: str


CALLERS: Final = (
    DemoCaller("se", "agency", {"agency": "SE"}),
    DemoCaller("semarnat", "agency", {"agency": "SEMARNAT"}),
    DemoCaller("sedena", "agency", {"agency": "SEDENA"}),
    DemoCaller(
        "vucem",
        "hub",
        {"agencies": [{"agency": "SE", "permit_keys": ["C1"]}, {"agency": "SEMARNAT"}]},
    ),
    DemoCaller("lane-nuevo-laredo", "lane", {"office": "240", "lane": "3"}),
    DemoCaller("lane-tijuana", "lane", {"office": "400", "lane": "1"}),
    DemoCaller("broker", "broker", {"broker_license": "3456"}),
    DemoCaller("prevalidator", "prevalidator"),
    DemoCaller("holder", "holder", {"rfc": TRADER.rfc}),
    DemoCaller("coordinator", "coordinator"),
    DemoCaller("auditor", "auditor"),
    DemoCaller("operator", "operator"),
)

SIGNERS: Final = (
    DemoSigner("se", "SE", SE_OFFICIAL, "30001000000500000001"),
    DemoSigner("semarnat", "SEMARNAT", SEMARNAT_SIGNER, "30001000000500000002"),
    DemoSigner("sedena", "SEDENA", SEDENA_OFFICIAL, "30001000000500000003"),
)

FORGER_SERIAL: Final = "30001000000500000001"
"""The same number as the SE official's: everything about the forger is right but his authority."""

CSD_SERIAL: Final = "30001000000500000004"
