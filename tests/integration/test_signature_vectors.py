"""`descargo-server verify-raw`: signatures made by another library, one by one and in a batch."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

if TYPE_CHECKING:
    from pathlib import Path

    from tests.vectors.signers import SigningKey

COMMAND: Final = [sys.executable, "-m", "descargo_server", "verify-raw"]
MESSAGE: Final = "Permiso ficticio nº 1 — 1 000 kg".encode()
FULL_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Order of P-256."""


@dataclass(frozen=True)
class Vector:
    """One signature, and the reason for which it must not be believed; none when it must."""

    name: str
    alg: str
    spki: bytes
    message: bytes
    signature: bytes
    reason: str = ""

    def line(self) -> str:
        """A line of the batch."""
        fields = {"id": self.name, "alg": self.alg, "spki": self.spki.hex()}
        return json.dumps(fields | {"msg": self.message.hex(), "sig": self.signature.hex()})


def spki_of(key: SigningKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def p1363(signature: bytes) -> bytes:
    """Two numbers of 32 bytes instead of DER."""
    r, s = utils.decode_dss_signature(signature)
    return r.to_bytes(32) + s.to_bytes(32)


RSA, DER, P1363, ED25519 = (
    "rsa-pkcs1-sha256",
    "ecdsa-p256-sha256",
    "ecdsa-p256-sha256-p1363",
    "ed25519",
)
NO_MATCH: Final = "signature does not verify"


@cache
def vectors() -> tuple[Vector, ...]:
    """Good signatures of each kind, and each way to spoil them."""
    strong = rsa.generate_private_key(65537, 2048)
    curve = ec.generate_private_key(ec.SECP256R1())
    edwards = ed25519.Ed25519PrivateKey.generate()
    rsa_signature = strong.sign(MESSAGE, padding.PKCS1v15(), hashes.SHA256())
    der_signature = curve.sign(MESSAGE, ec.ECDSA(hashes.SHA256()))
    good = [
        Vector("rsa", RSA, spki_of(strong), MESSAGE, rsa_signature),
        Vector("p256", DER, spki_of(curve), MESSAGE, der_signature),
        Vector("p256-p1363", P1363, spki_of(curve), MESSAGE, p1363(der_signature)),
        Vector("ed25519", ED25519, spki_of(edwards), MESSAGE, edwards.sign(MESSAGE)),
        Vector("ed25519-empty", ED25519, spki_of(edwards), b"", edwards.sign(b"")),
    ]
    spoilt = [vector for each in good for vector in spoilings(each)]
    return (*good, *spoilt, *weak_keys(), *wrong_forms(strong, curve, der_signature))


def spoilings(good: Vector) -> list[Vector]:
    """What becomes of a good one when it is changed, cut or taken for another."""
    signature = good.signature
    changes = {
        "flipped": (good.message, signature[:-1] + bytes([signature[-1] ^ 1])),
        "other message": (good.message + b" ", signature),
        "truncated": (good.message, signature[:-1]),
        "padded": (good.message, signature + b"\x00"),
        "zero": (good.message, bytes(len(signature))),
        "empty": (good.message, b""),
    }
    spoilt = [
        Vector(f"{good.name} {how}", good.alg, good.spki, message, changed, NO_MATCH)
        for how, (message, changed) in changes.items()
    ]
    kinds = {RSA: "RSA", DER: "P-256", P1363: "P-256", ED25519: "Ed25519"}
    for other, kind in kinds.items():
        if kind != kinds[good.alg]:
            why = f"algorithm `{other}` does not match the key"
            name = f"{good.name} as {other}"
            spoilt.append(Vector(name, other, good.spki, good.message, signature, why))
    return [
        *spoilt,
        Vector(f"{good.name} key cut", good.alg, good.spki[:-1], b"", signature, "key unreadable"),
        Vector(f"{good.name} no key", good.alg, b"", b"", signature, "key unreadable"),
    ]


def weak_keys() -> list[Vector]:
    """Right signatures of keys that our policy does not take."""
    short = rsa.generate_private_key(65537, 1024)  # noqa: S505 - it must be refused
    small = rsa.generate_private_key(3, 2048)
    almost = rsa.generate_private_key(65537, 2040)  # noqa: S505 - so must this
    found = []
    for name, key, why in (
        ("rsa-1024", short, "key below policy: RSA of 1024 bits"),
        ("rsa-2040", almost, "key below policy: RSA of 2040 bits"),
        ("rsa-e3", small, "key below policy: RSA exponent of 3"),
    ):
        signature = key.sign(MESSAGE, padding.PKCS1v15(), hashes.SHA256())
        found.append(Vector(name, RSA, spki_of(key), MESSAGE, signature, why))
    larger = ec.generate_private_key(ec.SECP384R1())
    signature = larger.sign(MESSAGE, ec.ECDSA(hashes.SHA256()))
    found.append(Vector("p384", DER, spki_of(larger), MESSAGE, signature, "algorithm"))
    bitcoin = ec.generate_private_key(ec.SECP256K1())
    signature = bitcoin.sign(MESSAGE, ec.ECDSA(hashes.SHA256()))
    found.append(Vector("k256", DER, spki_of(bitcoin), MESSAGE, signature, "key not supported"))
    return found


def wrong_forms(
    strong: rsa.RSAPrivateKey, curve: ec.EllipticCurvePrivateKey, der: bytes
) -> list[Vector]:
    """The right key over the right message in a form that is not the one asked for."""
    spki, point = spki_of(strong), spki_of(curve)
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
    r, s = utils.decode_dss_signature(der)
    over = utils.encode_dss_signature(r, s + FULL_ORDER)
    return [
        Vector("rsa-pss", RSA, spki, MESSAGE, strong.sign(MESSAGE, pss, hashes.SHA256()), NO_MATCH),
        Vector(
            "rsa-sha512",
            RSA,
            spki,
            MESSAGE,
            strong.sign(MESSAGE, padding.PKCS1v15(), hashes.SHA512()),
            NO_MATCH,
        ),
        Vector(
            "p256-sha512",
            DER,
            point,
            MESSAGE,
            curve.sign(MESSAGE, ec.ECDSA(hashes.SHA512())),
            NO_MATCH,
        ),
        Vector("p256 der as p1363", P1363, point, MESSAGE, der, NO_MATCH),
        Vector("p256 p1363 as der", DER, point, MESSAGE, p1363(der), NO_MATCH),
        Vector("p256 s beyond the order", DER, point, MESSAGE, over, NO_MATCH),
        Vector("p256 r zero", P1363, point, MESSAGE, bytes(32) + s.to_bytes(32), NO_MATCH),
    ]


def run(*arguments: str, lines: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*COMMAND, *arguments], input=lines, capture_output=True, check=False)


MALFORMED: Final[dict[str, tuple[str, object]]] = {
    "": ("line is not JSON in UTF-8", None),
    "{": ("line is not JSON in UTF-8", None),
    "[1]": ("line is not a JSON object", None),
    "null": ("line is not a JSON object", None),
    '{"id": 7}': ("`alg` is missing or not text", 7),
    '{"id": "a", "alg": "ed25519", "spki": "zz", "msg": "", "sig": ""}': (
        "`spki` is not hexadecimal",
        "a",
    ),
    '{"id": "b", "alg": "ed25519", "spki": "00", "msg": "0", "sig": ""}': (
        "`msg` is not hexadecimal",
        "b",
    ),
    '{"id": "c", "alg": "ed25519", "spki": "00", "msg": ""}': ("`sig` is missing or not text", "c"),
}


def test_batch_answers_every_line_in_order() -> None:
    asked = [vector.line() for vector in vectors()]
    # Malformed lines stand among the others, so that an answer out of step would be seen.
    malformed = list(MALFORMED)
    lines: list[str] = []
    for index, line in enumerate(asked):
        lines += malformed[index : index + 1]
        lines.append(line)
    ended = run("--batch", lines="".join(f"{line}\n" for line in lines).encode())
    assert ended.returncode == 0, ended.stderr
    answers = [json.loads(line) for line in ended.stdout.splitlines()]
    assert len(answers) == len(lines)
    by_line = {vector.line(): vector for vector in vectors()}
    for line, answer in zip(lines, answers, strict=True):
        assert set(answer) == {"id", "result", "reason"}
        if line in by_line:
            assert_answered(by_line[line], answer)
        else:
            reason, name = MALFORMED[line]
            assert answer == {"id": name, "result": "invalid", "reason": reason}


def assert_answered(vector: Vector, answer: dict[str, Any]) -> None:
    assert answer["id"] == vector.name
    if vector.reason:
        assert answer["result"] == "invalid", vector.name
        assert answer["reason"].startswith(vector.reason), (vector.name, answer)
    else:
        assert answer == {"id": vector.name, "result": "valid", "reason": ""}


def test_batch_takes_bytes_that_are_no_text_and_an_unfinished_last_line() -> None:
    good = vectors()[0].line().encode()
    ended = run("--batch", lines=b"\xff\xfe\n" + good + b"\n" + b"[" * 100_000 + b"\n" + good)
    answers = [json.loads(line)["result"] for line in ended.stdout.splitlines()]
    assert (ended.returncode, answers) == (0, ["invalid", "valid", "invalid", "valid"])
    assert run("--batch").stdout == b""


SINGLE: Final = ["rsa", "p256", "p256-p1363", "ed25519", "rsa flipped", "rsa-1024", "rsa-e3"]


@pytest.mark.parametrize("name", SINGLE)
def test_single_signature_is_told_by_its_exit_code(tmp_path: Path, name: str) -> None:
    (vector,) = (each for each in vectors() if each.name == name)
    arguments = ["--alg", vector.alg]
    files = {"spki": vector.spki, "msg": vector.message, "sig": vector.signature}
    for option, content in files.items():
        (tmp_path / option).write_bytes(content)
        arguments += [f"--{option}", str(tmp_path / option)]
    ended = run(*arguments)
    said = ended.stdout.decode().strip()
    if vector.reason:
        assert ended.returncode == 1
        assert said.startswith(f"invalid: {vector.reason}")
    else:
        assert (ended.returncode, said) == (0, "valid")


def test_wrong_use_is_neither_valid_nor_invalid(tmp_path: Path) -> None:
    absent = str(tmp_path / "absent")
    for arguments in (
        [],
        ["--alg", RSA],
        ["--alg", RSA, "--spki", absent, "--msg", absent, "--sig", absent],
    ):
        assert run(*arguments).returncode == 2


def test_algorithm_that_is_not_offered_is_invalid() -> None:
    good = json.loads(vectors()[0].line())
    for alg in ("none", "RSA-PKCS1-SHA256", "rsa-pkcs1-sha1", ""):
        ended = run("--batch", lines=json.dumps(good | {"alg": alg}).encode())
        (answer,) = (json.loads(line) for line in ended.stdout.splitlines())
        assert answer["result"] == "invalid"
        assert answer["reason"]
