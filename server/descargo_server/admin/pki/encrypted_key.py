"""Private keys as people get them from the SAT: PKCS#8 in DER, PBES2, PBKDF2, des-ede3-cbc.

cryptography reads this form and no longer writes it, rightly: it is old. The demo needs it all the
same, since what reads real e.firma pairs is to be shown with pairs of their form. Never use it for
a key that protects anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

__all__ = ["encrypted_pkcs8"]

ITERATIONS: Final = 2048
KEY_BYTES: Final = 24
BLOCK_BITS: Final = 64

PBES2: Final = bytes.fromhex("06092a864886f70d01050d")
PBKDF2: Final = bytes.fromhex("06092a864886f70d01050c")
DES_EDE3_CBC: Final = bytes.fromhex("06082a864886f70d0307")

SEQUENCE: Final = 0x30
OCTET_STRING: Final = 0x04
INTEGER: Final = 0x02
SHORT_LENGTH_MAX: Final = 127


def encrypted_pkcs8(key: RSAPrivateKey, password: bytes, salt: bytes, iv: bytes) -> bytes:
    """The key, encrypted with a password, as `EncryptedPrivateKeyInfo`."""
    plain = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    # PBKDF2's default is HMAC with SHA-1, which is what the SAT's keys use.
    derived = PBKDF2HMAC(hashes.SHA1(), KEY_BYTES, salt, ITERATIONS).derive(password)  # noqa: S303
    padder = PKCS7(BLOCK_BITS).padder()
    padded = padder.update(plain) + padder.finalize()
    encryptor = Cipher(TripleDES(derived), CBC(iv)).encryptor()
    ciphertext = encryptor.update(padded) + encryptor.finalize()
    iterations = _tlv(INTEGER, ITERATIONS.to_bytes(2, "big"))
    derivation = _sequence(PBKDF2, _sequence(_tlv(OCTET_STRING, salt), iterations))
    scheme = _sequence(DES_EDE3_CBC, _tlv(OCTET_STRING, iv))
    algorithm = _sequence(PBES2, _sequence(derivation, scheme))
    return _sequence(algorithm, _tlv(OCTET_STRING, ciphertext))


def _sequence(*parts: bytes) -> bytes:
    return _tlv(SEQUENCE, b"".join(parts))


def _tlv(tag: int, content: bytes) -> bytes:
    """Tag, length and content, as DER wants them."""
    size = len(content)
    if size <= SHORT_LENGTH_MAX:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content
