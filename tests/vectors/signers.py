"""Signers of every kind that a case needs, on fixed days: good, forged, revoked, weak, unknown.

All certificates hold from 2024-01-01T00:00:00Z to 2028-01-01T00:00:00Z. Every name is fictional.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from descargo_server.admin.pki.efirma import new_authority
from descargo_server.admin.pki.people import SE_OFFICIAL, SEMARNAT_SIGNER, CertificateHolder

if TYPE_CHECKING:
    from pathlib import Path

    from descargo_server.admin.pki.efirma import EfirmaAuthority

__all__ = ["FIRST", "LAST", "REVOKED_AT", "SigningKey", "SigningWorld", "TestSigner"]

SigningKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

FIRST: Final = datetime(2024, 1, 1, tzinfo=UTC)
"""First second of every certificate."""
LAST: Final = datetime(2028, 1, 1, tzinfo=UTC)
"""Last second of every certificate of a signer."""
REVOKED_AT: Final = "2026-05-10T12:00:00Z"
"""From when the certificate of `revoked` does not count any more."""

NAME: Final = x509.ObjectIdentifier("2.5.4.41")
STRANGER: Final = CertificateHolder("PERSONA FICTICIA SIN REGISTRO", "ZZZ010101ZZ5")
RENAMED: Final = CertificateHolder("OTRO NOMBRE FICTICIO", SE_OFFICIAL.rfc)
KEYED: Final = CertificateHolder("PERSONA FICTICIA DE UNA CLAVE", "AAA010101AAA")
TERM: Final = CertificateHolder("PERSONA FICTICIA POR DIEZ DIAS", "BBB010101BB3")
SENER_SIGNER: Final = CertificateHolder("PERSONA FICTICIA DE SENER", "CCC010101CC3")


@dataclass(frozen=True, slots=True)
class TestSigner:
    """A certificate and the key that belongs to it."""

    __test__ = False

    certificate_der: bytes
    key: SigningKey

    def sign(self, payload: bytes) -> bytes:
        """A signature in the form that the key's kind has."""
        match self.key:
            case rsa.RSAPrivateKey() as key:
                return key.sign(payload, padding.PKCS1v15(), hashes.SHA256())
            case ec.EllipticCurvePrivateKey() as key:
                return key.sign(payload, ec.ECDSA(hashes.SHA256()))
            case key:
                return key.sign(payload)


class SigningWorld:
    """An authority, its signers, and the engine settings under which they count."""

    def __init__(self) -> None:
        """Makes the two keys of an authority and the one that most signers share."""
        self.authority = new_authority(FIRST)
        self._rsa = rsa.generate_private_key(65537, 2048)
        self._made: dict[str, TestSigner] = {}

    def signer(self, name: str) -> TestSigner:
        """The signer of a name, made when it is first needed."""
        if name not in self._made:
            self._made[name] = self._new_signer(name)
        return self._made[name]

    def settings(self, folder: Path) -> dict[str, Any]:
        """Writes trust and revocations into a folder, and tells the engine of them."""
        root = self.authority.root.public_bytes(Encoding.PEM)
        issuing = self.authority.issuing.certificate.public_bytes(Encoding.PEM)
        revoked = f'[[revoked]]\nserial = "{_serial("revoked")}"\nat = "{REVOKED_AT}"\n'
        (folder / "root.pem").write_bytes(root)
        (folder / "issuing.pem").write_bytes(issuing)
        (folder / "revoked.toml").write_text(f'{revoked}reason = "key lost"\n', encoding="utf-8")
        return {
            "anchors_path": str(folder / "root.pem"),
            "intermediates_path": str(folder / "issuing.pem"),
            "revocations_path": str(folder / "revoked.toml"),
            "signers": REGISTRY,
        }

    def _new_signer(self, name: str) -> TestSigner:
        authority = self._forgers_authority if name == "forger" else self.authority
        key = self._key(name)
        holder = HOLDERS.get(name, SE_OFFICIAL)
        certificate = _certificate(name, holder, key, authority)
        return TestSigner(certificate.public_bytes(Encoding.DER), key)

    @cached_property
    def _forgers_authority(self) -> EfirmaAuthority:
        """The same names, other keys."""
        return new_authority(FIRST)

    def _key(self, name: str) -> SigningKey:
        match name:
            case "rsa-1024":
                return rsa.generate_private_key(65537, 1024)  # noqa: S505 - it must be refused
            case "rsa-e3":
                return rsa.generate_private_key(3, 2048)
            case "p384":
                return ec.generate_private_key(ec.SECP384R1())
            case "se-p256":
                return ec.generate_private_key(ec.SECP256R1())
            case "se-ed25519":
                return ed25519.Ed25519PrivateKey.generate()
            case _:
                return self._rsa


HOLDERS: Final = {
    "semarnat": SEMARNAT_SIGNER,
    "sener": SENER_SIGNER,
    "stranger": STRANGER,
    "renamed": RENAMED,
    "keyed": KEYED,
    "term": TERM,
}
"""Whose certificate each signer has; the others have that of SE's official."""

SERIALS: Final = ("revoked", "csd", "self", "forger", *HOLDERS)


def _row(holder: CertificateHolder, agency: str, **row: object) -> dict[str, object]:
    """One signer of the registry."""
    registered = {"rfc": holder.rfc, "name": holder.name, "agency": agency}
    return registered | {"permit_keys": [], "from": "2023-01-01", "to": ""} | row


REGISTRY: Final = [
    _row(SE_OFFICIAL, "SE"),
    _row(SEMARNAT_SIGNER, "SEMARNAT"),
    _row(SENER_SIGNER, "SENER"),
    _row(KEYED, "SE", permit_keys=["AV"]),
    _row(TERM, "SE", **{"from": "2026-05-01", "to": "2026-05-10"}),
]


def _serial(name: str) -> str:
    """A number of 20 digits like the SAT's, the same in each run."""
    place = SERIALS.index(name) if name in SERIALS else len(SERIALS)
    return str(30001000000500000013 + place)


def _certificate(
    name: str, holder: CertificateHolder, key: SigningKey, authority: EfirmaAuthority
) -> x509.Certificate:
    issuer = authority.issuing
    subject = _subject(holder, unit="MATRIZ FICTICIA" if name == "csd" else "")
    builder = x509.CertificateBuilder().subject_name(subject).public_key(key.public_key())
    builder = builder.issuer_name(subject if name == "self" else issuer.certificate.subject)
    builder = builder.serial_number(int.from_bytes(_serial(name).encode("ascii"), "big"))
    builder = builder.not_valid_before(FIRST).not_valid_after(LAST)
    basic = x509.BasicConstraints(ca=False, path_length=None)
    builder = builder.add_extension(basic, critical=True)
    builder = builder.add_extension(_usage(undeniable=name != "weak-usage"), critical=False)
    if name == "self":
        assert isinstance(key, rsa.RSAPrivateKey)
        return builder.sign(key, hashes.SHA256())
    return builder.sign(issuer.key, hashes.SHA256())


def _subject(holder: CertificateHolder, *, unit: str) -> x509.Name:
    identifier = x509.NameAttribute(NameOID.X500_UNIQUE_IDENTIFIER, holder.unique_identifier)
    attributes: list[x509.NameAttribute[str]] = [
        x509.NameAttribute(NameOID.COMMON_NAME, holder.name),
        x509.NameAttribute(NAME, holder.name),
        identifier,
    ]
    if holder.serial_number:
        attributes.append(x509.NameAttribute(NameOID.SERIAL_NUMBER, holder.serial_number))
    if unit:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit))
    return x509.Name(attributes)


def _usage(*, undeniable: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=undeniable,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
