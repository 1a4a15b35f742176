"""What the demo's agencies grant: real tariff codes of the shipped catalogue, invented holders.

Every date is counted from the start of the demo, so that it never grows old.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

from descargo_server.admin.pki.people import TRADER
from descargo_server.demo.texts import Texts

if TYPE_CHECKING:
    from datetime import date

__all__ = ["Grant", "Grants", "Start", "mistaken", "reinstatement_document"]
__all__ += ["submission_document", "suspension_document"]

MEXICO_CITY: Final = timezone(timedelta(hours=-6))
"""Mexico City has kept no summer time since 2022."""
VALIDITY: Final = timedelta(days=180)
IN_USE_FOR: Final = timedelta(days=60)
STREAMED: Final = 200
"""Licenses that go through the stream."""


@dataclass(frozen=True, slots=True)
class Start:
    """When the demo started. Submissions are signed as of it, so midnight may pass meanwhile."""

    at: datetime

    @property
    def day(self) -> date:
        """The day in Mexico City."""
        return self.at.astimezone(MEXICO_CITY).date()

    @property
    def instant(self) -> str:
        """RFC 3339."""
        return self.at.isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True)
class Grant:
    """One license of one line."""

    signer: str
    """Who signs and submits: the name of the e.firma's and of the connection's files."""
    agency: str
    permit_key: str
    number: str
    kind: str
    goods: str
    """Key of the text that describes the goods."""
    tariff_code: str
    nico: str
    unit: int
    """Key of Apendice 7, the tariff unit of the code."""
    quantity: str
    value_usd: str
    left: tuple[str, str] | None = None
    """Quantity and value that are left of a license already in use; None for a new one."""


class Grants:
    """The licenses of the demo, numbered in its year."""

    def __init__(self, year: int) -> None:
        """Makes them."""

        def number(serial: int) -> str:
            return f"DEMO-{year}-{serial:04}"

        steel = ("72083901", "01", 1)
        wood = ("44071103", "00", 5)
        rifles = ("93033091", "00", 6)
        notice, certificate = "AUTOMATIC_NOTICE", "CERTIFICATE"
        self.steel = Grant(
            *("se", "SE", "C1", number(1), notice, "goods_steel", *steel), "100000", "80000"
        )
        self.wood = Grant(
            *("semarnat", "SEMARNAT", "T5", number(2), certificate, "goods_wood", *wood),
            *("200", "50000"),
        )
        self.rifles = Grant(
            *("sedena", "SEDENA", "D1", number(3), "AUTHORIZATION", "goods_rifles", *rifles),
            *("500", "250000", ("120", "60000")),
        )
        self.corrected = Grant(
            *("semarnat", "SEMARNAT", "T5", number(4), certificate, "goods_wood", *wood),
            *("300", "75000"),
        )
        self.forged = Grant(
            *("se", "SE", "C1", number(5), notice, "goods_steel", *steel), "900000", "720000"
        )
        self.altered = Grant(
            *("se", "SE", "C1", number(6), notice, "goods_steel", *steel), "50000", "40000"
        )
        self.by_hand = Grant(
            *("se", "SE", "C1", number(7), notice, "goods_steel", *steel), "40000", "32000"
        )
        self.streamed = [
            Grant(
                *("se", "SE", "C1", number(1000 + serial), notice, "goods_steel", *steel),
                *("20000", "16000"),
            )
            for serial in range(1, STREAMED + 1)
        ]


def submission_document(grant: Grant, start: Start) -> dict[str, Any]:
    """The submission in the names of the contract's JSON form, as `descargo submit` reads it."""
    first = start.day if grant.left is None else start.day - IN_USE_FOR
    amount = {"quantity": grant.quantity, "value_usd": grant.value_usd}
    content = {
        "instrument_kind": grant.kind,
        "holder": {"rfc": TRADER.rfc, "legal_name": TRADER.name},
        "operation": "IMPORT",
        "regimes": {"only": ["IMD"]},
        "offices": {"only": ["240", "400"]},
        "valid_from": first.isoformat(),
        "valid_to": (first + VALIDITY).isoformat(),
        "quantity_basis": "UMT",
        "notified_at": start.instant,
        "lines": [
            {
                "line_no": 1,
                "tariff_codes": [{"code": grant.tariff_code, "nico": grant.nico}],
                "description": Texts("es").say(grant.goods),
                "unit": grant.unit,
                "authorized": amount,
                "countries_origin_destination": {"only": ["USA", "CAN"]},
                "countries_seller_buyer": {"only": ["USA"]},
            }
        ],
    }
    document = _document(grant, start)
    if grant.left is None:
        return document | {"issue": content}
    left = {"quantity": grant.left[0], "value_usd": grant.left[1]}
    remainders = [{"line_no": 1, "left": left}]
    return document | {"onboarding": {"license": content, "remainders": remainders}}


def suspension_document(grant: Grant, version: int, start: Start) -> dict[str, Any]:
    """Stops the whole license everywhere, until further notice."""
    every = {"every": True}
    reason = Texts("es").say("reason_suspended")
    suspension = {"lines": every, "offices": every, "reason": reason}
    return _document(grant, start) | {"version": version, "suspension": suspension}


def reinstatement_document(grant: Grant, version: int, start: Start) -> dict[str, Any]:
    """Ends the suspension that made the version before."""
    reason = Texts("es").say("reason_reinstated")
    reinstatement = {"suspension_version": version - 1, "reason": reason}
    return _document(grant, start) | {"version": version, "reinstatement": reinstatement}


def _document(grant: Grant, start: Start) -> dict[str, Any]:
    """What every submission for a license says."""
    name = {
        "agency": grant.agency,
        "permit_key": grant.permit_key,
        "permit_number": grant.number,
    }
    return {"signed_at": start.instant, "license": name}


def mistaken(document: dict[str, Any], start: Start) -> dict[str, Any]:
    """The same submission with mistakes that people make: five, of three classes."""
    wrong = copy.deepcopy(document)
    content = wrong["issue"]
    line = content["lines"][0]
    content["holder"]["rfc"] = TRADER.rfc[:-1]
    content["valid_to"] = (start.day - VALIDITY).isoformat()
    content["regimes"]["only"] = ["IMP"]
    line["unit"] = 1
    line["countries_seller_buyer"]["only"] = ["EUA"]
    return wrong
