"""What a client certificate says, read once and kept by its bytes.

grpcio takes any certificate that its authority signed, also one that is itself an authority's, has
an RSA key of 1,024 bits, or expired while the connection was open. So each certificate is read
here, and its validity is asked again on every call.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from descargo_server import limits

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["CertificateFacts", "certificate_facts"]

ExtensionT = TypeVar("ExtensionT", bound=x509.ExtensionType)


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What the server needs to know about a client certificate."""

    sha256: str
    """SHA-256 of the DER, hexadecimal."""
    spki_sha256: str
    """SHA-256 of the SubjectPublicKeyInfo, hexadecimal."""
    not_before: datetime
    not_after: datetime
    unfit_because: str
    """Why it cannot identify a caller; empty when it can."""

    def is_valid_at(self, at: datetime) -> bool:
        """Whether an instant is within its validity, both ends included."""
        return self.not_before <= at <= self.not_after


@lru_cache(maxsize=limits.CERTIFICATES_CACHED_MAX)
def certificate_facts(pem: bytes) -> CertificateFacts | None:
    """The facts of a certificate in PEM, or None when it cannot be read."""
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        spki = certificate.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )
        return CertificateFacts(
            sha256=hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest(),
            spki_sha256=hashlib.sha256(spki).hexdigest(),
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
            unfit_because=_unfit_because(certificate),
        )
    except (ValueError, TypeError, x509.DuplicateExtension):
        # cryptography says so of keys and extensions that it does not know; the caller is unfit.
        return None


def _unfit_because(certificate: x509.Certificate) -> str:
    return _weak_key(certificate) or _wrong_usage(certificate.extensions)


def _weak_key(certificate: x509.Certificate) -> str:
    match certificate.public_key():
        case rsa.RSAPublicKey() as key if key.key_size < limits.RSA_BITS_MIN:
            return f"its RSA key has {key.key_size} bits, fewer than {limits.RSA_BITS_MIN}"
        case rsa.RSAPublicKey() | ed25519.Ed25519PublicKey():
            return ""
        case ec.EllipticCurvePublicKey() as key if isinstance(
            key.curve, (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
        ):
            return ""
        case _:
            return "its kind of key is not one of RSA, ECDSA on a NIST curve, Ed25519"


def _wrong_usage(extensions: x509.Extensions) -> str:
    """Why its extensions forbid to be a client; an absent extension forbids nothing."""
    basic = _extension(extensions, x509.BasicConstraints)
    if basic is not None and basic.ca:
        return "it is an authority's certificate"
    usage = _extension(extensions, x509.KeyUsage)
    if usage is not None and usage.key_cert_sign:
        return "it may sign certificates"
    if usage is not None and not usage.digital_signature:
        return "its key usage has no digitalSignature"
    extended = _extension(extensions, x509.ExtendedKeyUsage)
    if extended is not None and ExtendedKeyUsageOID.CLIENT_AUTH not in extended:
        return "its extended key usage has no clientAuth"
    return ""


def _extension(extensions: x509.Extensions, kind: type[ExtensionT]) -> ExtensionT | None:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
