"""Licenses and declarations of the bench: all alike in size, none drawn twice.

A declaration is a template with four places of fixed length, so that making one costs the client
a microsecond and every request of a run has the same number of bytes.
"""

from __future__ import annotations

import gzip
import json
import uuid
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_private_key

from descargo.v1 import (
    declaration_pb2,
    license_pb2,
    submission_pb2,
    submission_service_pb2,
    validation_service_pb2,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Agency", "Corpus", "Requests", "broker_licenses", "permit_number"]

TRADER_RFC: Final = "EKU9003173C9"
"""SAT's public example of a company; its check digit is right, so no answer carries a warning."""
SERIALS: Final = 999_999
"""Declarations of one broker license in a year: the serial has six digits and is not zero."""
VALID_DAYS: Final = 300
MEXICO_CITY: Final = timezone(timedelta(hours=-6))
PLENTY: Final = "90000000000"
"""Granted quantity and value: no run exhausts it."""


def _in_mexico(instant: datetime) -> datetime:
    """Mexico City, which keeps no summer time."""
    return instant.astimezone(MEXICO_CITY)


def permit_number(position: int) -> str:
    """The number of the license at a position; all have the same length."""
    return f"BENCH-{position:08}"


@dataclass(frozen=True, slots=True)
class Corpus:
    """The licenses that the validator accepted, as load clients and the core's bench read them."""

    licenses: list[tuple[str, str]]
    """Permit number and discharge signature."""
    broker_licenses: list[str]
    """Broker licenses (patentes) that the catalogue has."""

    def write(self, path: Path) -> None:
        """Keeps it as JSON, with what a client in another language needs to make requests."""
        year = _in_mexico(datetime.now(UTC)).year % 100
        kept = asdict(self) | {"year": year, "templates": _templates()}
        path.write_text(json.dumps(kept), encoding="ascii")

    @classmethod
    def read(cls, path: Path) -> Corpus:
        """Reads what `write` kept."""
        kept = json.loads(path.read_text(encoding="ascii"))
        return cls([(number, firma) for number, firma in kept["licenses"]], kept["broker_licenses"])


def broker_licenses(catalogue: Path) -> list[str]:
    """The broker licenses of a packed catalogue that have no last day."""
    lines = iter(gzip.decompress(catalogue.read_bytes()).decode().splitlines())
    for line in lines:
        if line == "[broker_licenses]":
            break
    found = []
    for line in lines:
        if line.startswith("["):
            break
        number, _, last_day = line.split("\t")
        if not last_day:
            found.append(number)
    return found


class Agency:
    """Signs submissions with one of the demo's e.firmas."""

    def __init__(self, folder: Path, name: str) -> None:
        """Reads the pair of `name` in a demo folder."""
        efirma = folder / "efirma"
        password = (efirma / f"{name}.password").read_bytes()
        key = load_der_private_key((efirma / f"{name}.key").read_bytes(), password)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError("the demo's e.firmas are RSA")
        self._key = key
        self._certificate = (efirma / f"{name}.cer").read_bytes()
        self._now = datetime.now(UTC)

    def submission(self, number: str) -> submission_service_pb2.SubmitLicenseRequest:
        """A signed license for hot-rolled steel in kilograms."""
        submission = submission_pb2.Submission(
            type="descargo.v1.Submission",
            validator="descargo.demo",
            license=license_pb2.LicenseId(agency="SE", permit_key="C1", permit_number=number),
            version=1,
            issue=self.license(),
        )
        submission.signed_at.FromDatetime(self._now)
        payload = submission.SerializeToString()
        envelope = submission_pb2.Envelope(
            payload=payload,
            signature=self._key.sign(payload, padding.PKCS1v15(), hashes.SHA256()),
            certificate_der=self._certificate,
        )
        return submission_service_pb2.SubmitLicenseRequest(
            request_id=str(uuid.uuid4()), envelope=envelope
        )

    def license(self) -> license_pb2.License:
        """What every license of the bench grants."""
        every = license_pb2.Extent(every=True)
        first_day = _in_mexico(self._now).date()
        line = license_pb2.LicenseLine(
            line_no=1,
            tariff_codes=[license_pb2.TariffCode(code="72083701", nico="01")],
            description="LAMINA DE PRUEBA",
            unit=1,
            authorized=license_pb2.Amount(quantity=PLENTY, value_usd=PLENTY),
            countries_origin_destination=license_pb2.Extent(only=["USA", "CAN"]),
            countries_seller_buyer=every,
        )
        granted = license_pb2.License(
            instrument_kind=license_pb2.INSTRUMENT_KIND_PRIOR_PERMIT,
            holder=license_pb2.Party(rfc=TRADER_RFC, legal_name="IMPORTADORA FICTICIA DE PRUEBA"),
            operation=license_pb2.OPERATION_TYPE_IMPORT,
            regimes=license_pb2.Extent(only=["IMD"]),
            offices=every,
            valid_from=first_day.isoformat(),
            valid_to=(first_day + timedelta(days=VALID_DAYS)).isoformat(),
            quantity_basis=license_pb2.QUANTITY_BASIS_UMT,
            lines=[line],
        )
        granted.notified_at.FromDatetime(self._now)
        return granted


class Requests:
    """Fresh declarations, one after another, of one load client."""

    def __init__(self, corpus: Corpus, client_no: int, clients: int) -> None:
        """`client_no` of `clients`: each uses other declaration numbers."""
        self._corpus = corpus
        self._client_no, self._clients = client_no, clients
        self._run = uuid.uuid4().hex[:16]
        self._year = _in_mexico(datetime.now(UTC)).year % 100
        self._made = 0

    def checks(self, *, hot: bool = False) -> Iterator[bytes]:
        """CheckLicenseRequests without end."""
        return self._requests(_check_template(), hot=hot)

    def validations(self, *, hot: bool = False) -> Iterator[bytes]:
        """ValidateLicenseRequests without end; `hot`: all draw from one license."""
        return self._requests(_validation_template(), hot=hot)

    def _requests(self, template: tuple[bytes, ...], *, hot: bool) -> Iterator[bytes]:
        licenses = self._corpus.licenses[:1] if hot else self._corpus.licenses
        places = [(number.encode(), firma.encode()) for number, firma in licenses]
        while True:
            position = self._made
            self._made += 1
            # Neighbours of a client are far apart, so that a batch meets many licenses.
            number, firma = places[(position * 7_919 + self._client_no) % len(places)]
            values = (self._request_id(position), self._declaration(position), number, firma)
            # A CheckLicenseRequest has no request_id: its template begins at the declaration.
            used = values[len(values) + 1 - len(template) :]
            pieces = [template[0]]
            for value, piece in zip(used, template[1:], strict=True):
                pieces += (value, piece)
            yield b"".join(pieces)

    def _request_id(self, position: int) -> bytes:
        run = self._run
        return f"{run[:8]}-{run[8:12]}-4{run[13:16]}-8{self._client_no:03}-{position:012x}".encode()

    def _declaration(self, position: int) -> bytes:
        turn, serial = divmod(position, SERIALS)
        broker = self._corpus.broker_licenses[self._client_no + turn * self._clients]
        year = self._year
        return f"{year:02}24{broker}{year % 10}{serial + 1:06}".encode()


PLACES: Final = (
    "0f8fad5b-d9cb-469f-a165-70867728950e",
    "262434566000001",
    permit_number(0),
    "FIRMA234",
)


def _declaration_of_places() -> declaration_pb2.Declaration:
    """A declaration at Nuevo Laredo that draws one kilogram for one dollar."""
    _, declaration_number, number, firma = PLACES
    one_kilogram = license_pb2.Measure(quantity="1", unit=1)
    draw = declaration_pb2.Draw(
        license=license_pb2.LicenseId(permit_key="C1", permit_number=number),
        discharge_signature=firma,
        amount=license_pb2.Amount(quantity="1", value_usd="1"),
    )
    line = declaration_pb2.DeclarationLine(
        line_no=1,
        tariff_code=license_pb2.TariffCode(code="72083701", nico="01"),
        country_origin_destination="USA",
        country_seller_buyer="USA",
        umc=one_kilogram,
        umt=one_kilogram,
        value_usd="1",
        draws=[draw],
    )
    return declaration_pb2.Declaration(
        declaration_number=declaration_number,
        declaration_key="A1",
        operation=license_pb2.OPERATION_TYPE_IMPORT,
        regime="IMD",
        trader=license_pb2.Party(rfc=TRADER_RFC),
        clearance_office="240",
        lines=[line],
    )


PLACE_NAMES: Final = ("request_id", "declaration", "number", "firma")


def _templates() -> dict[str, list[dict[str, str | None]]]:
    """The requests of each kind: bytes in hexadecimal, and the place that follows them."""
    return {
        "check": _told(_check_template(), PLACE_NAMES[1:]),
        "validate": _told(_validation_template(), PLACE_NAMES),
    }


def _told(template: tuple[bytes, ...], names: tuple[str, ...]) -> list[dict[str, str | None]]:
    return [
        {"bytes": piece.hex(), "then": name}
        for piece, name in zip(template, (*names, None), strict=True)
    ]


def _check_template() -> tuple[bytes, ...]:
    request = validation_service_pb2.CheckLicenseRequest(declaration=_declaration_of_places())
    return _split(request.SerializeToString(deterministic=True), PLACES[1:])


def _validation_template() -> tuple[bytes, ...]:
    request = validation_service_pb2.ValidateLicenseRequest(
        request_id=PLACES[0], declaration=_declaration_of_places()
    )
    return _split(request.SerializeToString(deterministic=True), PLACES)


def _split(message: bytes, places: tuple[str, ...]) -> tuple[bytes, ...]:
    """The pieces of a message between its places."""
    pieces = []
    for place in places:
        piece, found, message = message.partition(place.encode())
        if not found:
            raise ValueError(f"the template lacks `{place}`")
        pieces.append(piece)
    return (*pieces, message)
