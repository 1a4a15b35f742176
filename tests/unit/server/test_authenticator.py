"""Who a certificate proves to be, at which instant; and every certificate that proves nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from descargo_server.identity.authenticator import DemoAuthenticator, TlsAuthenticator
from descargo_server.identity.certificate import certificate_facts
from descargo_server.identity.registry import Identity, Registry, RevokedIdentity
from descargo_server.refused import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cryptography.hazmat.primitives.asymmetric.types import (
        CertificateIssuerPublicKeyTypes,
    )

FROM = datetime(2026, 1, 1, tzinfo=UTC)
TO = datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ISSUER = ec.generate_private_key(ec.SECP256R1())
KEY = ec.generate_private_key(ec.SECP256R1()).public_key()
BREAKABLE = rsa.generate_private_key(65537, 1024)  # noqa: S505 - it must be refused
NOT_CA = x509.BasicConstraints(ca=False, path_length=None)


@dataclass
class SetClock:
    """A clock that a test sets."""

    instant: datetime = NOON

    def now(self) -> datetime:
        """The instant that was set."""
        return self.instant


@dataclass(frozen=True)
class Context:
    """A call with or without a client certificate."""

    pem: bytes | None = None
    metadata: tuple[tuple[str, str | bytes], ...] = ()

    def auth_context(self) -> Mapping[str, Sequence[bytes]]:
        """What TLS proved."""
        return {} if self.pem is None else {"x509_pem_cert": [self.pem]}

    def invocation_metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        """The headers."""
        return self.metadata


def certificate(
    key: CertificateIssuerPublicKeyTypes = KEY,
    extensions: Sequence[x509.ExtensionType] = (NOT_CA,),
) -> x509.Certificate:
    """A certificate for a key; its validity is 2026."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "caller of a test")])
    builder = x509.CertificateBuilder(name, name, key, 1, FROM, TO)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(ISSUER, hashes.SHA256())


def pem_of(signed: x509.Certificate) -> bytes:
    return signed.public_bytes(Encoding.PEM)


def identity_of(signed: x509.Certificate) -> Identity:
    fingerprint = signed.fingerprint(hashes.SHA256()).hex()
    row = {"name": "se", "role": "agency", "agency": "SE", "certificate_sha256": fingerprint}
    return Identity.model_validate(row)


def usage(**flags: bool) -> x509.KeyUsage:
    names = (
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
    return x509.KeyUsage(**{name: flags.get(name, False) for name in names})


GOOD = certificate()


def reason_for(authenticator: TlsAuthenticator, context: Context) -> str:
    with pytest.raises(Refused) as caught:
        authenticator.caller_of(context)
    return caught.value.reason


def test_enrolled_certificate_names_its_caller() -> None:
    authenticator = TlsAuthenticator(Registry([identity_of(GOOD)]), SetClock())
    assert authenticator.caller_of(Context(pem_of(GOOD))).name == "se"


def test_renewed_certificate_with_an_enrolled_key_names_its_caller() -> None:
    facts = certificate_facts(pem_of(GOOD))
    assert facts is not None
    row = {"name": "se", "role": "agency", "agency": "SE", "spki_sha256": facts.spki_sha256}
    authenticator = TlsAuthenticator(Registry([Identity.model_validate(row)]), SetClock())
    renewed = certificate()
    assert renewed != GOOD
    assert authenticator.caller_of(Context(pem_of(renewed))).name == "se"


@pytest.mark.parametrize(
    ("instant", "reason"),
    [
        (FROM - SECOND, "CERTIFICATE_EXPIRED"),
        (FROM, None),
        (TO, None),
        (TO + SECOND, "CERTIFICATE_EXPIRED"),
    ],
)
def test_validity_is_asked_on_every_call(instant: datetime, reason: str | None) -> None:
    clock = SetClock()
    authenticator = TlsAuthenticator(Registry([identity_of(GOOD)]), clock)
    context = Context(pem_of(GOOD))
    assert authenticator.caller_of(context).name == "se"
    clock.instant = instant
    if reason is None:
        assert authenticator.caller_of(context).name == "se"
    else:
        assert reason_for(authenticator, context) == reason


def test_revocation_counts_from_its_instant_on() -> None:
    identity = identity_of(GOOD)
    row = {"certificate_sha256": identity.certificate_sha256, "at": "2026-06-01T12:00:00Z"}
    registry = Registry([identity], revoked=[RevokedIdentity.model_validate(row)])
    clock = SetClock(NOON - SECOND)
    authenticator = TlsAuthenticator(registry, clock)
    assert authenticator.caller_of(Context(pem_of(GOOD))).name == "se"
    clock.instant = NOON
    assert reason_for(authenticator, Context(pem_of(GOOD))) == "CERTIFICATE_REVOKED"


def test_replaced_registry_counts_on_the_next_call() -> None:
    authenticator = TlsAuthenticator(Registry([identity_of(GOOD)]), SetClock())
    authenticator.registry = Registry([])
    assert reason_for(authenticator, Context(pem_of(GOOD))) == "IDENTITY_UNKNOWN"


def test_call_without_certificate_is_unknown() -> None:
    authenticator = TlsAuthenticator(Registry([identity_of(GOOD)]), SetClock())
    assert reason_for(authenticator, Context()) == "IDENTITY_UNKNOWN"


def test_certificate_that_is_not_enrolled_is_unknown() -> None:
    other = certificate(ec.generate_private_key(ec.SECP256R1()).public_key())
    authenticator = TlsAuthenticator(Registry([identity_of(GOOD)]), SetClock())
    assert reason_for(authenticator, Context(pem_of(other))) == "IDENTITY_UNKNOWN"


@pytest.mark.parametrize(
    ("unfit", "words"),
    [
        (certificate(extensions=[x509.BasicConstraints(True, None)]), "authority's"),
        (certificate(extensions=[usage(digital_signature=True, key_cert_sign=True)]), "sign cert"),
        (certificate(extensions=[usage(key_agreement=True)]), "digitalSignature"),
        (
            certificate(extensions=[x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])]),
            "clientAuth",
        ),
        (certificate(BREAKABLE.public_key()), "1024 bits"),
        (certificate(ec.generate_private_key(ec.SECP256K1()).public_key()), "kind of key"),
        (certificate(dsa.generate_private_key(2048).public_key()), "kind of key"),
    ],
    ids=["ca", "keyCertSign", "no-signature", "server", "rsa-1024", "k1", "dsa"],
)
def test_unfit_certificate_is_refused_though_enrolled(unfit: x509.Certificate, words: str) -> None:
    authenticator = TlsAuthenticator(Registry([identity_of(unfit)]), SetClock())
    with pytest.raises(Refused) as caught:
        authenticator.caller_of(Context(pem_of(unfit)))
    assert caught.value.reason == "CERTIFICATE_UNFIT"
    assert words in caught.value.detail


@pytest.mark.parametrize(
    "fit",
    [
        certificate(extensions=()),
        certificate(extensions=[NOT_CA, usage(digital_signature=True)]),
        certificate(extensions=[x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])]),
        certificate(rsa.generate_private_key(65537, 2048).public_key()),
        certificate(ed25519.Ed25519PrivateKey.generate().public_key()),
    ],
    ids=["bare", "signature", "client", "rsa-2048", "ed25519"],
)
def test_fit_certificate_names_its_caller(fit: x509.Certificate) -> None:
    authenticator = TlsAuthenticator(Registry([identity_of(fit)]), SetClock())
    assert authenticator.caller_of(Context(pem_of(fit))).name == "se"


@pytest.mark.parametrize(
    "pem", [b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
)
def test_unreadable_certificate_is_unfit(pem: bytes) -> None:
    authenticator = TlsAuthenticator(Registry([identity_of(GOOD)]), SetClock())
    assert reason_for(authenticator, Context(pem)) == "CERTIFICATE_UNFIT"


def test_facts_are_those_of_the_certificate() -> None:
    facts = certificate_facts(pem_of(GOOD))
    assert facts is not None
    spki = KEY.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    digest = hashes.Hash(hashes.SHA256())
    digest.update(spki)
    assert facts.spki_sha256 == digest.finalize().hex()
    assert (facts.not_before, facts.not_after) == (FROM, TO)


def test_demo_believes_the_header_and_nothing_else() -> None:
    authenticator = DemoAuthenticator(Registry([identity_of(GOOD)]))
    named = Context(metadata=(("user-agent", "x"), ("descargo-identity", "se")))
    assert authenticator.caller_of(named).name == "se"
    for context in (Context(pem_of(GOOD)), Context(metadata=(("descargo-identity", "other"),))):
        with pytest.raises(Refused) as caught:
            authenticator.caller_of(context)
        assert caught.value.reason == "IDENTITY_UNKNOWN"
