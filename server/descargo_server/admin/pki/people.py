"""The invented people and companies of the demo, with RFC and CURP whose check digits are right.

Every name says that it is fictional. They cover what real ones have: Ñ and accents, & in a
company's name and RFC, and a company that signs through its representative.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = [
    "CSD_COMPANY",
    "SEDENA_OFFICIAL",
    "SEMARNAT_SIGNER",
    "SE_OFFICIAL",
    "TRADER",
    "CertificateHolder",
    "curp_check_digit",
    "rfc_check_digit",
]

RFC_VALUES: Final = "0123456789ABCDEFGHIJKLMN&OPQRSTUVWXYZ Ñ"
CURP_VALUES: Final = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class CertificateHolder:
    """Whom a certificate names."""

    name: str
    rfc: str
    """RFC of the holder."""
    curp: str = ""
    """CURP of a person; empty for a company."""
    representative_rfc: str = ""
    """RFC of the person that signs for a company; empty for a person."""
    representative_curp: str = ""

    @property
    def unique_identifier(self) -> str:
        """What 2.5.4.45 holds: `RFC`, or `RFC / RFC-of-representative`."""
        return f"{self.rfc} / {self.representative_rfc}" if self.representative_rfc else self.rfc

    @property
    def serial_number(self) -> str:
        """What 2.5.4.5 holds: `CURP`, or ` / CURP-of-representative`."""
        return f" / {self.representative_curp}" if self.representative_curp else self.curp


def rfc_check_digit(body: str) -> str:
    """The last character of an RFC, of the 11 or 12 before it."""
    padded = body.rjust(12)
    total = sum(
        RFC_VALUES.index(character) * (13 - position) for position, character in enumerate(padded)
    )
    remainder = total % 11
    return {0: "0", 1: "A"}.get(remainder, str(11 - remainder))


def curp_check_digit(body: str) -> str:
    """The last character of a CURP, of the 17 before it."""
    total = sum(
        CURP_VALUES.index(character) * (18 - position) for position, character in enumerate(body)
    )
    return str((10 - total % 10) % 10)


def _rfc(body: str) -> str:
    return body + rfc_check_digit(body)


def _curp(body: str) -> str:
    return body + curp_check_digit(body)


SE_OFFICIAL: Final = CertificateHolder(
    name="PERSONA FICTICIA MUÑOZ",
    rfc=_rfc("FIMP800101D1"),
    curp=_curp("FIMP800101MDFCXR0"),
)
"""Signs for SE in the demo."""

SEMARNAT_SIGNER: Final = CertificateHolder(
    name="BOSQUES & FAUNA FICTICIA",
    rfc=_rfc("B&F010203D2"),
    representative_rfc=_rfc("FIPR850615D3"),
    representative_curp=_curp("FIPR850615HJCCRP0"),
)
"""Signs for SEMARNAT in the demo: a body with & in its name, through its representative."""

SEDENA_OFFICIAL: Final = CertificateHolder(
    name="OFICIAL FICTICIO DE PRUEBA",
    rfc=_rfc("FIPO790320D4"),
    curp=_curp("FIPO790320HNLCRF0"),
)
"""Signs for SEDENA in the demo."""

CSD_COMPANY: Final = CertificateHolder(
    name="FACTURAS FICTICIAS DE PRUEBA",
    rfc=_rfc("FFP050505D5"),
    representative_rfc=_rfc("FIPR850615D3"),
    representative_curp=_curp("FIPR850615HJCCRP0"),
)
"""Has an invoice seal (CSD), with which nobody may sign a license."""

TRADER: Final = CertificateHolder(name="IMPORTADORA FICTICIA DE PRUEBA", rfc=_rfc("IFP020202D6"))
"""Holds the demo's licenses and imports the goods."""
