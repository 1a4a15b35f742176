"""What a certificate of the tax authority (SAT) says: whose it is, its number, and what it is for.

It reads DER or PEM and trusts nothing: no signature and no chain is checked here. An e.firma and a
seal for invoices (CSD) come from the same authority; as people tell them apart, a CSD's subject
names an organisational unit (OU) and an e.firma's does not.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from descargo_client import der
from descargo_client.faults import BadInput

CERTIFICATE_BYTES_MAX: Final = 65_536
"""Real ones have less than 2 KiB; this bounds what is read from a wrong file."""

Kind = Literal["efirma", "csd", "other"]

_COMMON_NAME: Final = "2.5.4.3"
_SERIAL_NUMBER: Final = "2.5.4.5"
_ORGANIZATION: Final = "2.5.4.10"
_ORGANIZATIONAL_UNIT: Final = "2.5.4.11"
_NAME: Final = "2.5.4.41"
_UNIQUE_IDENTIFIER: Final = "2.5.4.45"
_BASIC_CONSTRAINTS: Final = "2.5.29.19"

_VERSION_TAG: Final = 0xA0
_EXTENSIONS_TAG: Final = 0xA3
_BOOLEAN: Final = 0x01
_RFC: Final = re.compile(r"[A-ZÑ&]{3,4}[0-9]{6}[A-Z0-9]{3}\Z")
_PEM: Final = re.compile(rb"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
_CENTURY_PIVOT: Final = 50


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What a certificate says about its holder."""

    rfc: str
    """RFC in 2.5.4.45; empty when there is none."""
    curp: str
    """CURP in 2.5.4.5; a company's certificate has its representative's."""
    number: str
    """The 20 digits, or the serial number in hexadecimal when it is not digits."""
    kind: Kind
    """`efirma`, `csd` (seal for invoices), or `other`."""
    name: str
    """Name of the person or company."""
    representative_rfc: str
    """RFC of a company's representative; empty for a person."""
    valid_from: str
    """First instant, RFC 3339, UTC."""
    valid_to: str
    """Last instant, RFC 3339, UTC."""
    issuer: str
    """Name of the authority that issued it."""


@dataclass(frozen=True, slots=True)
class ParsedCertificate:
    """A certificate's DER, its public key, and what it says."""

    encoding: bytes
    """The whole certificate in DER."""
    spki: bytes
    """SubjectPublicKeyInfo in DER."""
    facts: CertificateFacts
    """What it says."""


def certificate_facts(content: bytes) -> CertificateFacts:
    """Reads what a DER or PEM certificate says; raises BadInput for anything else."""
    return parse_certificate(content).facts


def parse_certificate(content: bytes) -> ParsedCertificate:
    """Reads a DER or PEM certificate; raises BadInput for anything else."""
    if len(content) > CERTIFICATE_BYTES_MAX:
        raise BadInput("certificate.too_long", size=len(content), limit=CERTIFICATE_BYTES_MAX)
    if b"PRIVATE KEY-----" in content and b"BEGIN CERTIFICATE" not in content:
        raise BadInput("certificate.is_key")
    encoding = _from_pem(content) if b"-----BEGIN" in content else content
    try:
        return _parse(encoding)
    except (der.DerError, ValueError, StopIteration) as error:
        raise BadInput("certificate.unreadable", why=error) from error


def _from_pem(content: bytes) -> bytes:
    found = _PEM.search(content)
    if found is None:
        raise BadInput("certificate.no_pem")
    try:
        return base64.b64decode(b"".join(found[1].split()), validate=True)
    except binascii.Error as error:
        raise BadInput("certificate.unreadable", why=error) from error


def _parse(encoding: bytes) -> ParsedCertificate:
    certificate, rest = der.take(encoding)
    if rest:
        raise der.DerError(f"is followed by {len(rest)} more bytes")
    to_be_signed, *_ = _children(certificate.expect(der.SEQUENCE), 3)
    fields = list(to_be_signed.expect(der.SEQUENCE).children())
    if fields and fields[0].tag == _VERSION_TAG:
        fields = fields[1:]
    if len(fields) < 6:  # noqa: PLR2004 - serial, algorithm, issuer, validity, subject, key
        raise der.DerError("is not an X.509 certificate")
    serial, _, issuer, validity, subject, spki, *further = fields
    not_before, not_after = _children(validity.expect(der.SEQUENCE), 2)
    facts = _facts(
        _names(subject), _names(issuer), serial, (not_before, not_after), is_ca=_is_ca(further)
    )
    return ParsedCertificate(encoding, spki.expect(der.SEQUENCE).encoding, facts)


def _children(element: der.Element, count: int) -> list[der.Element]:
    children = list(element.children())
    if len(children) != count:
        raise der.DerError("is not an X.509 certificate")
    return children


def _facts(
    subject: dict[str, str],
    issuer: dict[str, str],
    serial: der.Element,
    validity: tuple[der.Element, der.Element],
    *,
    is_ca: bool,
) -> CertificateFacts:
    rfc, representative_rfc = _halves(subject.get(_UNIQUE_IDENTIFIER, ""))
    own_curp, representative_curp = _halves(subject.get(_SERIAL_NUMBER, ""))
    return CertificateFacts(
        rfc=rfc,
        curp=own_curp or representative_curp,
        number=_number(serial),
        kind=_kind(rfc, subject, is_ca=is_ca),
        name=_first(subject, _NAME, _COMMON_NAME, _ORGANIZATION),
        representative_rfc=representative_rfc,
        valid_from=_instant(validity[0]),
        valid_to=_instant(validity[1]),
        issuer=_first(issuer, _COMMON_NAME, _ORGANIZATION, _NAME),
    )


def _kind(rfc: str, subject: dict[str, str], *, is_ca: bool) -> Kind:
    if is_ca or not _RFC.match(rfc.upper()):
        return "other"
    return "csd" if _ORGANIZATIONAL_UNIT in subject else "efirma"


def _halves(value: str) -> tuple[str, str]:
    """Both sides of `RFC / RFC-of-representative`; either may be missing."""
    own, _, other = value.partition("/")
    return own.strip(), other.strip()


def _first(names: dict[str, str], *kinds: str) -> str:
    return next((names[kind] for kind in kinds if names.get(kind)), "")


def _names(name: der.Element) -> dict[str, str]:
    """The first value of each kind in a distinguished name."""
    values: dict[str, str] = {}
    for group in name.expect(der.SEQUENCE).children():
        for pair in group.expect(der.SET).children():
            kind, value = _children(pair.expect(der.SEQUENCE), 2)
            values.setdefault(der.object_identifier(kind), der.directory_text(value))
    return values


def _number(serial: der.Element) -> str:
    """SAT writes the 20 digits of the number as ASCII into the serial number."""
    content = serial.expect(der.INTEGER).content
    if len(content) > 1 and content.isdigit():
        return content.decode("ascii")
    return content.hex()


def _is_ca(further: list[der.Element]) -> bool:
    for part in further:
        if part.tag != _EXTENSIONS_TAG:
            continue
        for extension in part.child(der.SEQUENCE).children():
            kind, *_, value = extension.expect(der.SEQUENCE).children()
            if der.object_identifier(kind) == _BASIC_CONSTRAINTS:
                constraints, _ = der.take(value.content)
                flags = [item for item in constraints.children() if item.tag == _BOOLEAN]
                return bool(flags) and flags[0].content != b"\x00"
    return False


def _instant(element: der.Element) -> str:
    """A UTCTime or GeneralizedTime in RFC 3339."""
    written = element.content.decode("ascii")
    if element.tag == der.UTC_TIME:
        century = "20" if int(written[:2]) < _CENTURY_PIVOT else "19"
        written = century + written
    elif element.tag != der.GENERALIZED_TIME:
        raise der.DerError("has a time of an unknown form")
    layout = "%Y%m%d%H%M%SZ" if len(written) > len("YYYYMMDDhhmmZ") else "%Y%m%d%H%MZ"
    moment = datetime.strptime(written, layout).replace(tzinfo=UTC)
    return moment.isoformat().replace("+00:00", "Z")
