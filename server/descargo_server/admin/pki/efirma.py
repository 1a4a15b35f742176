"""Authorities and certificates shaped like those of the SAT (e.firma and CSD).

What is unusual is on purpose and is what real ones have: the RFC in 2.5.4.45 as a text though X.520
wants a bit string, serial numbers of 20 ASCII digits, no key identifiers, no revocation pointers.
Where the SAT's authorities have 4,096 bits, ours have 2,048: a demo should not wait for primes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from datetime import datetime

    from descargo_server.admin.pki.people import CertificateHolder

__all__ = ["EfirmaAuthority", "EfirmaPair", "new_authority"]

RSA_BITS: Final = 2048
PUBLIC_EXPONENT: Final = 65537
LEAF_DAYS: Final = 4 * 365 + 1
AUTHORITY_DAYS: Final = 10 * 365

NAME_OID: Final = x509.ObjectIdentifier("2.5.4.41")
NETSCAPE_CERT_TYPE: Final = x509.ObjectIdentifier("2.16.840.1.113730.1.1")
SSL_CLIENT_AND_SMIME: Final = bytes.fromhex("030205a0")
"""BIT STRING with the bits SSL client and S/MIME."""

PRINTABLE: Final = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?"
)


@dataclass(frozen=True, slots=True)
class EfirmaPair:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class EfirmaAuthority:
    """Issues e.firma and CSD certificates: its own pair, and its root's certificate."""

    root: x509.Certificate
    issuing: EfirmaPair

    def efirma(self, holder: CertificateHolder, serial: str, valid_from: datetime) -> EfirmaPair:
        """An e.firma: four extensions, no OU."""
        key = _new_key()
        builder = self._leaf(_subject(holder), key, serial, valid_from)
        builder = builder.add_extension(_efirma_usage(), critical=False)
        builder = builder.add_extension(
            x509.UnrecognizedExtension(NETSCAPE_CERT_TYPE, SSL_CLIENT_AND_SMIME), critical=False
        )
        usage = x509.ExtendedKeyUsage(
            [ExtendedKeyUsageOID.EMAIL_PROTECTION, ExtendedKeyUsageOID.CLIENT_AUTH]
        )
        builder = builder.add_extension(usage, critical=False)
        return EfirmaPair(builder.sign(self.issuing.key, hashes.SHA256()), key)

    def csd(self, holder: CertificateHolder, serial: str, valid_from: datetime) -> EfirmaPair:
        """An invoice seal: two extensions, and an OU that names the branch."""
        key = _new_key()
        subject = x509.Name(
            [
                *_subject(holder),
                x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "MATRIZ FICTICIA"),
            ]
        )
        builder = self._leaf(subject, key, serial, valid_from)
        builder = builder.add_extension(_seal_usage(), critical=False)
        return EfirmaPair(builder.sign(self.issuing.key, hashes.SHA256()), key)

    def _leaf(
        self, subject: x509.Name, key: rsa.RSAPrivateKey, serial: str, valid_from: datetime
    ) -> x509.CertificateBuilder:
        number = int.from_bytes(serial.encode("ascii"), "big")
        builder = _builder(subject, self.issuing.certificate.subject, key, valid_from, LEAF_DAYS)
        return builder.serial_number(number).add_extension(
            x509.BasicConstraints(ca=False, path_length=None), critical=True
        )


def new_authority(valid_from: datetime) -> EfirmaAuthority:
    """A root and, under it, an issuing authority. Two calls give the same names and other keys."""
    root_key, issuing_key = _new_key(), _new_key()
    root_name, issuing_name = _authority_name("raíz"), _authority_name("emisora")
    root = _authority(root_name, root_name, root_key, root_key, valid_from)
    issuing = _authority(issuing_name, root_name, issuing_key, root_key, valid_from)
    return EfirmaAuthority(root, EfirmaPair(issuing, issuing_key))


def _authority(
    subject: x509.Name,
    issuer: x509.Name,
    key: rsa.RSAPrivateKey,
    signing_key: rsa.RSAPrivateKey,
    valid_from: datetime,
) -> x509.Certificate:
    builder = _builder(subject, issuer, key, valid_from, AUTHORITY_DAYS)
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    builder = builder.add_extension(_authority_usage(), critical=True)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = builder.add_extension(identifier, critical=False)
    return builder.sign(signing_key, hashes.SHA256())


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: rsa.RSAPrivateKey,
    valid_from: datetime,
    days: int,
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
    builder = builder.public_key(key.public_key()).not_valid_before(valid_from)
    return builder.not_valid_after(valid_from + timedelta(days=days))


def _authority_name(kind: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, f"A.C. {kind} ficticia de la demo de Descargo"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Autoridad ficticia sin validez"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "Demostración de Descargo"),
            x509.NameAttribute(NameOID.COUNTRY_NAME, "MX"),
        ]
    )


def _subject(holder: CertificateHolder) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, holder.name),
            x509.NameAttribute(NAME_OID, holder.name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, holder.name),
            _directory_text(NameOID.X500_UNIQUE_IDENTIFIER, holder.unique_identifier),
            _directory_text(NameOID.SERIAL_NUMBER, holder.serial_number),
        ]
    )


def _directory_text(oid: x509.ObjectIdentifier, value: str) -> x509.NameAttribute[str]:
    """PrintableString where its few characters suffice, else UTF8String, as the SAT does."""
    kind = _ASN1Type.PrintableString if PRINTABLE.issuperset(value) else _ASN1Type.UTF8String
    # The type has no public name, and its default would differ from the SAT's certificates.
    return x509.NameAttribute(oid, value, _type=kind)


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(PUBLIC_EXPONENT, RSA_BITS)


def _usage(*names: str) -> x509.KeyUsage:
    every = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{name: name in names for name in every})


def _efirma_usage() -> x509.KeyUsage:
    return _usage("digital_signature", "content_commitment", "data_encipherment", "key_agreement")


def _seal_usage() -> x509.KeyUsage:
    return _usage("digital_signature", "content_commitment")


def _authority_usage() -> x509.KeyUsage:
    return _usage("key_cert_sign", "crl_sign")
