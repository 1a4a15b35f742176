"""The customs declarations of the demo: one line, one draw each, as the two lanes state them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from descargo_server.admin.pki.people import TRADER

if TYPE_CHECKING:
    from datetime import date

    from descargo_server.demo.grants import Grant

__all__ = ["NUEVO_LAREDO", "TIJUANA", "Exercise", "Office", "declaration_document"]

BROKER_LICENSE: Final = "3456"


@dataclass(frozen=True, slots=True)
class Office:
    """A customs office with its lane."""

    name: str
    code: str
    lane: str
    """Name of the lane's identity."""


NUEVO_LAREDO: Final = Office("Nuevo Laredo", "240", "lane-nuevo-laredo")
TIJUANA: Final = Office("Tijuana", "400", "lane-tijuana")


@dataclass(frozen=True, slots=True)
class Exercise:
    """One exercise of one license."""

    office: Office
    grant: Grant
    serial: int
    """Serial of the declaration, per office."""
    quantity: str
    value_usd: str

    def declaration_number(self, day: date) -> str:
        """15 digits: year, aduana, broker license, last digit of the year, serial."""
        year = f"{day.year % 100:02}"
        return f"{year}{self.office.code[:2]}{BROKER_LICENSE}{year[-1]}{self.serial:06}"


def declaration_document(exercise: Exercise, firma: str, day: date) -> dict[str, Any]:
    """The declaration in the names of the contract's JSON form, as `--file` reads it."""
    grant = exercise.grant
    measure = {"quantity": exercise.quantity, "unit": grant.unit}
    draw = {
        "license": {"permit_key": grant.permit_key, "permit_number": grant.number},
        "discharge_signature": firma,
        "amount": {"quantity": exercise.quantity, "value_usd": exercise.value_usd},
    }
    line = {
        "line_no": 1,
        "tariff_code": {"code": grant.tariff_code, "nico": grant.nico},
        "country_origin_destination": "USA",
        "country_seller_buyer": "USA",
        "umc": measure,
        "umt": measure,
        "value_usd": exercise.value_usd,
        "draws": [draw],
    }
    return {
        "declaration_number": exercise.declaration_number(day),
        "declaration_key": "A1",
        "operation": "IMPORT",
        "regime": "IMD",
        "trader": {"rfc": TRADER.rfc, "legal_name": TRADER.name},
        "clearance_office": exercise.office.code,
        "paid_on": day.isoformat(),
        "lines": [line],
    }
