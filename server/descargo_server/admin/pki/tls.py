"""The demo's TLS authority and the pairs that it issues, all ECDSA P-256."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["TlsAuthority", "TlsPair", "new_tls_authority"]

LEAF_DAYS: Final = 2 * 365
AUTHORITY_DAYS: Final = 10 * 365


@dataclass(frozen=True, slots=True)
class TlsPair:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class TlsAuthority:
    """Issues the server's certificate and those of its clients."""

    own: TlsPair

    def server(self, valid_from: datetime) -> TlsPair:
        """The server's pair, for this machine only."""
        alternatives = x509.SubjectAlternativeName(
            [
                x509.DNSName("localhost"),
                x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
                x509.IPAddress(ipaddress.ip_address("::1")),
            ]
        )
        return self._pair("localhost", ExtendedKeyUsageOID.SERVER_AUTH, valid_from, alternatives)

    def client(self, name: str, valid_from: datetime) -> TlsPair:
        """The pair of a caller."""
        return self._pair(name, ExtendedKeyUsageOID.CLIENT_AUTH, valid_from, None)

    def _pair(
        self,
        name: str,
        usage: x509.ObjectIdentifier,
        valid_from: datetime,
        alternatives: x509.SubjectAlternativeName | None,
    ) -> TlsPair:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(name, key, self.own.certificate.subject, valid_from, LEAF_DAYS)
        basic = x509.BasicConstraints(ca=False, path_length=None)
        builder = builder.add_extension(basic, critical=True)
        builder = builder.add_extension(_key_usage(authority=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if alternatives is not None:
            builder = builder.add_extension(alternatives, critical=False)
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.own.key.public_key())
        builder = builder.add_extension(authority, critical=False)
        return TlsPair(builder.sign(self.own.key, hashes.SHA256()), key)


def new_tls_authority(valid_from: datetime) -> TlsAuthority:
    """A new authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = "Demo de Descargo, autoridad TLS ficticia"
    builder = _builder(name, key, _name(name), valid_from, AUTHORITY_DAYS)
    basic = x509.BasicConstraints(ca=True, path_length=0)
    builder = builder.add_extension(basic, critical=True)
    builder = builder.add_extension(_key_usage(authority=True), critical=True)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = builder.add_extension(identifier, critical=False)
    return TlsAuthority(TlsPair(builder.sign(key, hashes.SHA256()), key))


def _builder(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    valid_from: datetime,
    days: int,
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(_name(name)).issuer_name(issuer)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(valid_from)
    return builder.not_valid_after(valid_from + timedelta(days=days))


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Demo de Descargo, sin validez"),
        ]
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
