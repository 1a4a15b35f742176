"""access.toml as values: who may connect as what, whose signatures count, and what is revoked."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from descargo_server.clock import parse_instant
from descargo_server.identity.roles import Role

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["HubAgency", "Identity", "Registry", "RevokedIdentity", "Row", "Signer"]

FINGERPRINT: Final = r"^[0-9a-f]{64}$"
RFC: Final = r"^[A-ZÑ&]{3,4}[0-9]{6}[A-Z0-9]{3}$"


def _instant(value: object) -> object:
    return parse_instant(value) if isinstance(value, str) else value


def _optional_date(value: object) -> object:
    return None if value == "" else value


Instant = Annotated[datetime, BeforeValidator(_instant)]
OptionalDate = Annotated[date | None, BeforeValidator(_optional_date)]


PermitKeys = Annotated[
    tuple[Annotated[str, Field(pattern=r"^[A-Z0-9]{1,3}$")], ...],
    Field(description="keys of Apendice 9; empty for all of the agency", examples=[["C1"]]),
]


class Row(BaseModel):
    """One table of an array: no unknown key, no change afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class HubAgency(Row):
    """One of the agencies whose licenses a hub transmits."""

    agency: str = Field(min_length=1, description="the agency", examples=["SE"])
    permit_keys: PermitKeys = ()


class Identity(Row):
    """One `[[identity]]`: a caller, recognised by his certificate or by its key."""

    name: str = Field(
        pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$",
        max_length=60,
        description="a name of lower case letters, digits and hyphens",
        examples=["se"],
    )
    role: Role = Field(description="what the caller is: " + ", ".join(Role), examples=["agency"])
    certificate_sha256: str = Field(
        default="",
        pattern=r"^([0-9a-f]{64})?$",
        description="SHA-256 of the certificate in DER, 64 lower case hexadecimal digits",
    )
    spki_sha256: str = Field(
        default="",
        pattern=r"^([0-9a-f]{64})?$",
        description="SHA-256 of its public key (SPKI), 64 lower case hexadecimal digits",
    )
    agency: str = Field(default="", description="the agency", examples=["SE"])
    permit_keys: PermitKeys = ()
    agencies: tuple[HubAgency, ...] = Field(
        default=(),
        max_length=100,
        description="the agencies of a hub, each with its `permit_keys` or without, for all",
    )
    office: str = Field(
        default="", pattern=r"^([0-9]{2,3})?$", description="the customs office", examples=["240"]
    )
    lane: str = Field(default="", max_length=20, description="the lane", examples=["3"])
    broker_license: str = Field(
        default="", pattern=r"^([0-9]{4})?$", description="the patente, 4 digits", examples=["3456"]
    )
    rfc: str = Field(default="", description="an RFC of 12 or 13 characters")

    @field_validator("rfc")
    @classmethod
    def _has_the_form_of_an_rfc(cls, value: str) -> str:
        if value and not re.match(RFC, value):
            raise ValueError("must be an RFC of 12 or 13 characters")
        return value

    @field_validator("agencies")
    @classmethod
    def _names_each_agency_once(cls, value: tuple[HubAgency, ...]) -> tuple[HubAgency, ...]:
        if len({each.agency for each in value}) < len(value):
            raise ValueError("must name each agency once")
        return value

    @property
    def named_agencies(self) -> tuple[str, ...]:
        """Every agency that its row names."""
        own = (self.agency,) if self.agency else ()
        return own + tuple(each.agency for each in self.agencies)


class Signer(Row):
    """One `[[signer]]`: an official whose e.firma counts for an agency."""

    rfc: str = Field(pattern=RFC, description="the RFC in his certificate")
    name: str = Field(
        min_length=1, max_length=250, description="his name", examples=["FUNCIONARIA DE PRUEBA"]
    )
    agency: str = Field(min_length=1, description="the agency that he signs for", examples=["SE"])
    permit_keys: PermitKeys = ()
    valid_from: Annotated[date, BeforeValidator(_optional_date)] = Field(
        alias="from", description="first day of his authority", examples=["2026-01-01"]
    )
    valid_to: OptionalDate = Field(
        default=None, alias="to", description="its last day, or empty", examples=["2026-12-31"]
    )
    certificate: str = Field(
        default="",
        max_length=1000,
        description="the file of his certificate, beside this one; only that one counts then",
        examples=["efirma/se.cer"],
    )
    certificate_sha256: str = Field(
        default="",
        pattern=r"^([0-9a-f]{64})?$",
        description="SHA-256 of the only certificate that counts, 64 lower case hexadecimal digits",
    )


class RevokedIdentity(Row):
    """One `[[revoked_identity]]`: a client certificate that counts no more."""

    certificate_sha256: str = Field(
        pattern=FINGERPRINT, description="SHA-256 of the certificate in DER, 64 hexadecimal digits"
    )
    at: Instant = Field(description="from when on", examples=["2026-05-01T00:00:00Z"])

    @field_validator("at")
    @classmethod
    def _names_a_time_zone(cls, value: datetime) -> datetime:
        if value.tzinfo is None:
            raise ValueError("must name its time zone")
        return value


class Registry:
    """Identities by fingerprint and by name, signers, revocations. Never changed, only replaced."""

    def __init__(
        self,
        identities: Collection[Identity],
        signers: Collection[Signer] = (),
        revoked: Collection[RevokedIdentity] = (),
    ) -> None:
        """Indexes what the file says; the caller has checked that fingerprints are unique."""
        self.signers = tuple(signers)
        self._by_name = {identity.name: identity for identity in identities}
        self._by_certificate = {
            identity.certificate_sha256: identity
            for identity in identities
            if identity.certificate_sha256
        }
        self._by_spki = {
            identity.spki_sha256: identity for identity in identities if identity.spki_sha256
        }
        self._revoked_at = {row.certificate_sha256: row.at for row in revoked}

    def with_certificate(self, certificate_sha256: str, spki_sha256: str) -> Identity | None:
        """The identity that a certificate proves, by itself or by its key."""
        by_certificate = self._by_certificate.get(certificate_sha256)
        return by_certificate or self._by_spki.get(spki_sha256)

    def named(self, name: str) -> Identity | None:
        """The identity of a name; only for the demo without TLS."""
        return self._by_name.get(name)

    def is_revoked(self, certificate_sha256: str, at: datetime) -> bool:
        """Whether a client certificate is revoked at an instant, that instant included."""
        revoked_at = self._revoked_at.get(certificate_sha256)
        return revoked_at is not None and revoked_at <= at

    def __len__(self) -> int:
        """How many identities there are."""
        return len(self._by_name)
