"""Signs with an e.firma as people have it: a .cer, an encrypted .key and a password.

The password comes from a prompt or a file, never from the command line or the environment, where
other users of the machine could read it. The key stays in this process.
"""

from __future__ import annotations

import getpass
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
    load_pem_private_key,
)

from descargo_client.certificates import ParsedCertificate, parse_certificate
from descargo_client.faults import BadInput

if TYPE_CHECKING:
    from pathlib import Path

PASSWORD_BYTES_MAX: Final = 1024
KEY_BYTES_MAX: Final = 65_536
_READABLE_BY_OTHERS: Final = 0o077

SigningKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class Signer:
    """A key and its certificate, which belong together."""

    certificate: ParsedCertificate
    """The certificate that goes with each signature."""
    key: SigningKey
    """The private key; it is never written anywhere."""

    def sign(self, payload: bytes) -> bytes:
        """Signs the payload in the way that the key's kind has."""
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(payload, padding.PKCS1v15(), SHA256())
        if isinstance(self.key, ec.EllipticCurvePrivateKey):
            return self.key.sign(payload, ec.ECDSA(SHA256()))
        return self.key.sign(payload)

    def __repr__(self) -> str:
        """Names the certificate, never the key."""
        return f"Signer(number={self.certificate.facts.number!r})"


def load_signer(certificate: bytes, key: bytes, password: bytes | None) -> Signer:
    """Opens the key with the password and checks that it is the certificate's."""
    parsed = parse_certificate(certificate)
    opened = _open_key(key, password)
    if _spki(opened) != _public_spki(parsed):
        raise BadInput("key.mismatch", number=parsed.facts.number, name=parsed.facts.name)
    return Signer(parsed, opened)


def is_encrypted(key: bytes) -> bool:
    """Says whether a key asks for a password."""
    try:
        _load(key, None)
    except TypeError:
        return True
    except (ValueError, UnsupportedAlgorithm):
        return False
    return False


def read_password(path: Path) -> bytes:
    """The first line of a password file."""
    try:
        with path.open("rb") as file:
            line = file.readline(PASSWORD_BYTES_MAX + 1)
    except OSError as error:
        raise BadInput("file.unreadable", file=path, why=error.strerror or error) from error
    password = line.removeprefix(b"\xef\xbb\xbf").rstrip(b"\r\n")
    if not password or len(password) > PASSWORD_BYTES_MAX:
        raise BadInput("password.file", file=path, limit=PASSWORD_BYTES_MAX)
    return password


def is_open_to_others(path: Path) -> bool:
    """Says whether other users of the machine may read a file; never on systems without modes."""
    return os.name == "posix" and bool(path.stat().st_mode & _READABLE_BY_OTHERS)


def ask_password(prompt: str) -> bytes:
    """Asks on the terminal; without one there is nobody to ask."""
    if not sys.stdin.isatty():
        raise BadInput("password.no_terminal")
    try:
        return getpass.getpass(prompt).encode()
    except (KeyboardInterrupt, EOFError):
        # The terminal still stands behind the prompt.
        sys.stderr.write("\n")
        raise


def _open_key(key: bytes, password: bytes | None) -> SigningKey:
    if len(key) > KEY_BYTES_MAX or b"BEGIN CERTIFICATE" in key or b"PUBLIC KEY-----" in key:
        raise BadInput("key.not_key")
    opened = _decrypt(key, password)
    if isinstance(opened, ec.EllipticCurvePrivateKey) and opened.curve.name != "secp256r1":
        raise BadInput("key.curve", curve=opened.curve.name)
    if isinstance(
        opened, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
    ):
        return opened
    raise BadInput("key.kind")


def _decrypt(key: bytes, password: bytes | None) -> object:
    encrypted = is_encrypted(key)
    try:
        if not encrypted:
            return _load(key, None)
        return _load_as_typed(key, password or b"")
    except UnsupportedAlgorithm as error:
        raise BadInput("key.algorithm", why=error) from error
    except (ValueError, TypeError) as error:
        # A wrong password and a damaged key look the same once decrypted.
        raise BadInput("key.password" if encrypted else "key.not_key") from error


def _load_as_typed(key: bytes, password: bytes) -> object:
    """Old tools encrypted an Ñ of the password as Latin-1, new ones as UTF-8."""
    try:
        return _load(key, password)
    except ValueError:
        latin = password.decode("utf-8").encode("latin-1")
        if latin == password:
            raise
        return _load(key, latin)


def _load(key: bytes, password: bytes | None) -> object:
    if b"-----BEGIN" in key:
        return load_pem_private_key(key, password)
    return load_der_private_key(key, password)


def _spki(key: SigningKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _public_spki(parsed: ParsedCertificate) -> bytes:
    """The certificate's key, encoded as we encode the private key's, so that the two compare."""
    try:
        public = load_der_public_key(parsed.spki)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadInput("certificate.key", why=error) from error
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
