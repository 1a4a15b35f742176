"""Submissions and declarations that are right, with keyword overrides for what a test is about.

The license is a prior permit C1 of SE for the demo's trader: pig iron, tariff code 72011001 in
kilograms. A declaration of the defaults draws on it at office 240.
"""

from __future__ import annotations

import uuid
from datetime import timedelta, timezone
from typing import TYPE_CHECKING, Final, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from descargo.v1 import (
    declaration_pb2,
    license_pb2,
    submission_pb2,
    submission_service_pb2,
    validation_service_pb2,
)
from descargo_server.admin.pki.people import TRADER
from tests.support.world import NOON

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date, datetime

    from google.protobuf.message import Message

__all__ = [
    "amount",
    "check_request",
    "copy_of",
    "declaration",
    "declaration_number",
    "get_license_request",
    "license_content",
    "license_id",
    "license_line",
    "license_submission",
    "mexico_day",
    "onboarding_submission",
    "outcome_request",
    "request_id",
    "submit_request",
    "validate_request",
]

TARIFF_CODE: Final = "72011001"
NICO: Final = "00"
KILOGRAM: Final = 1
VALID_DAYS: Final = 300
MEXICO_CITY: Final = timezone(timedelta(hours=-6))
"""Without summer time since 2022."""


def mexico_day(instant: datetime) -> date:
    """The day in Mexico City."""
    return instant.astimezone(MEXICO_CITY).date()


def amount(quantity: str | None = None, value_usd: str | None = None) -> license_pb2.Amount:
    """An amount; a dimension that is None is not stated."""
    return license_pb2.Amount(quantity=quantity, value_usd=value_usd)


def license_id(
    number: str = "SE-0001", *, agency: str = "SE", permit_key: str = "C1"
) -> license_pb2.LicenseId:
    """The name of a license."""
    return license_pb2.LicenseId(agency=agency, permit_key=permit_key, permit_number=number)


def license_line(  # one line of a license has so many parts
    *,
    line_no: int = 1,
    quantity: str | None = "1000",
    value_usd: str | None = None,
    tariff_codes: Iterable[str] = (TARIFF_CODE,),
    unit: int = KILOGRAM,
    countries: Iterable[str] = (),
) -> license_pb2.LicenseLine:
    """A line; a dimension that is None is not limited. No `countries` means every country."""
    only = list(countries)
    extent = license_pb2.Extent(every=not only, only=only)
    return license_pb2.LicenseLine(
        line_no=line_no,
        tariff_codes=[license_pb2.TariffCode(code=code) for code in tariff_codes],
        description="pig iron",
        unit=unit,
        authorized=amount(quantity, value_usd),
        countries_origin_destination=extent,
        countries_seller_buyer=extent,
    )


def license_content(
    *,
    signed_at: datetime = NOON,
    lines: Sequence[license_pb2.LicenseLine] = (),
    notified: bool = True,
    valid_from: str = "",
    valid_to: str = "",
) -> license_pb2.License:
    """What is granted: in force from the day of signing on, for most of a year."""
    every = license_pb2.Extent(every=True)
    content = license_pb2.License(
        instrument_kind=license_pb2.INSTRUMENT_KIND_PRIOR_PERMIT,
        holder=license_pb2.Party(rfc=TRADER.rfc, legal_name=TRADER.name),
        operation=license_pb2.OPERATION_TYPE_IMPORT,
        regimes=every,
        offices=every,
        valid_from=valid_from or mexico_day(signed_at).isoformat(),
        valid_to=valid_to or mexico_day(signed_at + timedelta(days=VALID_DAYS)).isoformat(),
        quantity_basis=license_pb2.QUANTITY_BASIS_UMT,
        lines=lines or [license_line()],
    )
    if notified:
        content.notified_at.FromDatetime(signed_at)
    return content


def license_submission(
    number: str = "SE-0001",
    *,
    agency: str = "SE",
    permit_key: str = "C1",
    signed_at: datetime = NOON,
    content: license_pb2.License | None = None,
    version: int = 1,
) -> submission_pb2.Submission:
    """A new license."""
    return submission_pb2.Submission(
        type="descargo.v1.Submission",
        validator="descargo.demo",
        signed_at=_timestamp(signed_at),
        license=license_id(number, agency=agency, permit_key=permit_key),
        version=version,
        issue=content or license_content(signed_at=signed_at),
    )


def onboarding_submission(
    number: str = "SE-0001",
    *,
    left: dict[int, license_pb2.Amount],
    content: license_pb2.License | None = None,
    signed_at: datetime = NOON,
) -> submission_pb2.Submission:
    """A license that was in use elsewhere, with what is left of each of its lines."""
    submission = license_submission(number, signed_at=signed_at)
    onboarding = submission_pb2.Onboarding(license=content or submission.issue)
    for line_no, amount_left in left.items():
        onboarding.remainders.add(line_no=line_no, left=amount_left)
    submission.onboarding.CopyFrom(onboarding)
    return submission


def declaration_number(serial: int, *, aduana: str = "24", broker_license: str = "3456") -> str:
    """Fifteen digits: year of validation, aduana, patente, digit of the year, serial."""
    return f"26{aduana}{broker_license}6{serial:06d}"


def declaration(
    license_name: license_pb2.LicenseId,
    discharge_signature: str,
    *,
    number: str = "",
    quantity: str | None = "1",
    value_usd: str | None = None,
    office: str = "240",
    line_no: int = 1,
    line_quantity: str = "1000000",
    line_value_usd: str = "1000000",
    tariff_code: str = TARIFF_CODE,
    unit: int = KILOGRAM,
    country: str = "USA",
    rfc: str = TRADER.rfc,
) -> declaration_pb2.Declaration:
    """A declaration of one line with one draw."""
    stated = declaration_pb2.Declaration(
        declaration_number=number or declaration_number(1, aduana=office[:2]),
        declaration_key="A1",
        operation=license_pb2.OPERATION_TYPE_IMPORT,
        regime="IMD",
        trader=license_pb2.Party(rfc=rfc),
        clearance_office=office,
    )
    measure = license_pb2.Measure(quantity=line_quantity, unit=unit)
    line = stated.lines.add(
        line_no=line_no,
        tariff_code=license_pb2.TariffCode(code=tariff_code, nico=NICO),
        country_origin_destination=country,
        country_seller_buyer=country,
        umc=measure,
        umt=measure,
        value_usd=line_value_usd,
    )
    line.draws.add(
        license=license_name,
        discharge_signature=discharge_signature,
        amount=amount(quantity, value_usd),
    )
    return stated


MessageT = TypeVar("MessageT", bound="Message")


def copy_of(message: MessageT) -> MessageT:
    """A copy that may be changed."""
    copy = type(message)()
    copy.CopyFrom(message)
    return copy


def request_id(number: int | None = None) -> str:
    """A fresh key, or the one that belongs to a number, where a test must be the same each time."""
    return str(uuid.uuid4() if number is None else uuid.UUID(int=number))


def submit_request(
    envelope: submission_pb2.Envelope,
    key: str = "",
    submission: submission_pb2.Submission | None = None,
) -> submission_service_pb2.SubmitLicenseRequest:
    """Submits under a key, a fresh one unless it is named; `submission` goes with a string."""
    return submission_service_pb2.SubmitLicenseRequest(
        request_id=key or request_id(), envelope=envelope, submission=submission
    )


def validate_request(
    stated: declaration_pb2.Declaration, key: str = ""
) -> validation_service_pb2.ValidateLicenseRequest:
    """Exercises under a key, a fresh one unless it is named."""
    return validation_service_pb2.ValidateLicenseRequest(
        request_id=key or request_id(), declaration=stated
    )


def check_request(
    stated: declaration_pb2.Declaration, min_revision: str = ""
) -> validation_service_pb2.CheckLicenseRequest:
    """Asks what would be answered."""
    return validation_service_pb2.CheckLicenseRequest(declaration=stated, min_revision=min_revision)


def outcome_request(key: str) -> validation_service_pb2.GetOutcomeRequest:
    """Asks for an earlier answer."""
    return validation_service_pb2.GetOutcomeRequest(request_id=key)


def get_license_request(
    name: license_pb2.LicenseId, version: int | None = None
) -> submission_service_pb2.GetLicenseRequest:
    """Asks for a license."""
    return submission_service_pb2.GetLicenseRequest(license=name, version=version)


def _timestamp(instant: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(instant)
    return stamp
