"""Opening e.firma pairs and signing with each kind of key."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding
from cryptography.hazmat.primitives.hashes import SHA256

from descargo_client.faults import BadInput
from descargo_client.signing import ask_password, is_encrypted, load_signer, read_password

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from tests.unit.client.conftest import CertificateMaker

PAYLOAD = b"lo que se firma"
PASSWORD = b"clave-de-prueba"


def _spki(key: Any) -> bytes:
    encoded: bytes = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return encoded


def _plain(key: Any, encoding: serialization.Encoding = serialization.Encoding.DER) -> bytes:
    encoded: bytes = key.private_bytes(
        encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return encoded


def test_the_satss_encrypted_key_signs_with_rsa(
    certs: CertificateMaker, rsa_key: RSAPrivateKey
) -> None:
    signer = load_signer(certs.person(_spki(rsa_key)), certs.encrypted_key(rsa_key), PASSWORD)
    signature = signer.sign(PAYLOAD)
    rsa_key.public_key().verify(signature, PAYLOAD, padding.PKCS1v15(), SHA256())


def test_a_p256_key_in_pem_signs_in_der(certs: CertificateMaker) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = _plain(key, serialization.Encoding.PEM)
    signature = load_signer(certs.person(_spki(key)), pem, None).sign(PAYLOAD)
    key.public_key().verify(signature, PAYLOAD, ec.ECDSA(SHA256()))


def test_an_ed25519_key_signs(certs: CertificateMaker) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    signature = load_signer(certs.person(_spki(key)), _plain(key), None).sign(PAYLOAD)
    key.public_key().verify(signature, PAYLOAD)


def test_a_certificate_in_pem_serves_too(certs: CertificateMaker, rsa_key: RSAPrivateKey) -> None:
    encoding = certs.person(_spki(rsa_key))
    armor = b"-----BEGIN CERTIFICATE-----\n%s-----END CERTIFICATE-----\n"
    signer = load_signer(armor % base64.encodebytes(encoding), _plain(rsa_key), None)
    assert signer.certificate.encoding == encoding


@pytest.mark.parametrize("password", [b"otra", b"", None])
def test_a_wrong_password_is_said(
    certs: CertificateMaker, rsa_key: RSAPrivateKey, password: bytes | None
) -> None:
    with pytest.raises(BadInput) as caught:
        load_signer(certs.person(_spki(rsa_key)), certs.encrypted_key(rsa_key), password)
    assert caught.value.key == "key.password"


def test_a_password_that_old_software_wrote_in_latin_1_opens_the_key(
    certs: CertificateMaker, rsa_key: RSAPrivateKey
) -> None:
    key = certs.encrypted_key(rsa_key, "contraseña".encode("latin-1"))
    assert load_signer(certs.person(_spki(rsa_key)), key, "contraseña".encode())


def test_a_key_of_another_certificate_is_refused(
    certs: CertificateMaker, rsa_key: RSAPrivateKey
) -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(BadInput) as caught:
        load_signer(certs.person(_spki(rsa_key)), _plain(other), None)
    assert caught.value.key == "key.mismatch"
    assert "30001000000400002335" in caught.value.text("es")


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (ec.generate_private_key(ec.SECP384R1()), "key.curve"),
        (ed448.Ed448PrivateKey.generate(), "key.kind"),
    ],
)
def test_kinds_of_keys_that_the_contract_lacks_are_refused(
    certs: CertificateMaker, key: Any, expected: str
) -> None:
    with pytest.raises(BadInput) as caught:
        load_signer(certs.person(_spki(key)), _plain(key), None)
    assert caught.value.key == expected


@pytest.mark.parametrize(
    "content", [b"", b"basura", b"-----BEGIN CERTIFICATE-----\n", b"0" * 70_000]
)
def test_what_is_no_key_is_said(certs: CertificateMaker, content: bytes) -> None:
    with pytest.raises(BadInput) as caught:
        load_signer(certs.person(), content, PASSWORD)
    assert caught.value.key == "key.not_key"


def test_only_an_encrypted_key_asks_for_a_password(
    certs: CertificateMaker, rsa_key: RSAPrivateKey
) -> None:
    assert is_encrypted(certs.encrypted_key(rsa_key))
    assert not is_encrypted(_plain(rsa_key))
    assert not is_encrypted(b"basura")


def test_the_first_line_of_the_file_is_the_password(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_bytes(b"\xef\xbb\xbf con espacio \r\notra cosa\n")
    assert read_password(file) == b" con espacio "


@pytest.mark.parametrize("content", [b"", b"\n", b"a" * 2000])
def test_a_file_without_a_password_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "password"
    file.write_bytes(content)
    with pytest.raises(BadInput):
        read_password(file)


def test_without_a_terminal_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("clave\n"))
    with pytest.raises(BadInput) as caught:
        ask_password("?")
    assert caught.value.key == "password.no_terminal"


def test_a_signer_never_shows_its_key(certs: CertificateMaker, rsa_key: RSAPrivateKey) -> None:
    signer = load_signer(certs.person(_spki(rsa_key)), _plain(rsa_key), None)
    assert repr(signer) == "Signer(number='30001000000400002335')"
