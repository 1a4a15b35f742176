"""Receipts proven offline: every form that they come in, and every way to tamper with one."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from google.protobuf.json_format import MessageToJson

from descargo.v1 import verdict_pb2
from descargo_client.documents import answer_document
from descargo_client.faults import BadInput
from descargo_client.receipts import (
    ProvenReceipt,
    ReceiptInvalid,
    load_public_key,
    read_receipts,
    saved_receipt,
    verify_receipt,
)

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = ec.generate_private_key(ec.SECP256R1())


def _public(key: ec.EllipticCurvePrivateKey, encoding: serialization.Encoding) -> bytes:
    return key.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)


def _receipt(payload: bytes, key: ec.EllipticCurvePrivateKey = KEY) -> verdict_pb2.Receipt:
    spki = _public(key, serialization.Encoding.DER)
    return verdict_pb2.Receipt(
        payload=payload,
        signature=key.sign(payload, ec.ECDSA(SHA256())),
        key_id=hashlib.sha256(spki).hexdigest()[:16],
    )


def _answer() -> verdict_pb2.Answer:
    verdict = verdict_pb2.Verdict(
        type="descargo.v1.Verdict", validator="descargo.prueba", verdict_id="v1"
    )
    verdict.error.SetInParent()
    verdict.findings.add(code="N424", declared="500", granted="120.5")
    payload = verdict.SerializeToString(deterministic=True)
    return verdict_pb2.Answer(verdict=verdict, receipt=_receipt(payload), revision="r1")


def _prove(content: bytes) -> list[ProvenReceipt]:
    key = load_public_key(_public(KEY, serialization.Encoding.PEM))
    return [verify_receipt(each, key) for each in read_receipts(content)]


def _json(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


FORMS: dict[str, Callable[[verdict_pb2.Answer], bytes]] = {
    "-o json": lambda answer: _json(answer_document(answer, "es")),
    "--receipt-out": lambda answer: _json(saved_receipt(answer)),
    "--answers": lambda answer: _json({"lines": [1], "answer": answer_document(answer, "en")}),
    "answer in proto3 JSON": lambda answer: MessageToJson(answer).encode(),
    "receipt in proto3 JSON": lambda answer: MessageToJson(answer.receipt).encode(),
    "binary answer": lambda answer: answer.SerializeToString(),
    "binary receipt": lambda answer: answer.receipt.SerializeToString(),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_receipt_is_proven_in_every_form(form: str) -> None:
    answer = _answer()
    (proven,) = _prove(FORMS[form](answer))
    assert proven.verdict == answer.verdict


def test_lines_are_proven_each_and_unsent_ones_skipped() -> None:
    document = answer_document(_answer(), "es")
    lines = [{"answer": document}, {"answer": None}, {"answer": document}]
    assert len(_prove(b"\n".join(map(_json, lines)))) == 2


@pytest.mark.parametrize("form", FORMS)
def test_a_changed_payload_is_not_proven(form: str) -> None:
    answer = _answer()
    answer.receipt.payload = answer.receipt.payload.replace(b"N424", b"N425")
    with pytest.raises(ReceiptInvalid) as caught:
        _prove(FORMS[form](answer))
    assert caught.value.key == "receipt.signature"
    assert caught.value.exit_code == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("outcome", "firma"),
        ("findings", []),
        ("acceptance_code", "ABCD2345"),
        ("nota", "todo bien"),
    ],
)
def test_what_people_read_must_be_what_was_signed(name: str, value: object) -> None:
    document = answer_document(_answer(), "es") | {name: value}
    with pytest.raises(ReceiptInvalid) as caught:
        _prove(_json(document))
    assert caught.value.key == "receipt.differs"
    assert name in caught.value.text("es")


@pytest.mark.parametrize("form", ["answer in proto3 JSON", "binary answer"])
def test_a_verdict_beside_the_receipt_must_be_the_signed_one(form: str) -> None:
    answer = _answer()
    answer.verdict.firma.acceptance_code = "ABCD2345"
    with pytest.raises(ReceiptInvalid) as caught:
        _prove(FORMS[form](answer))
    assert caught.value.key == "receipt.differs"


@pytest.mark.parametrize(
    ("receipt", "key"),
    [
        (_receipt(b"x", ec.generate_private_key(ec.SECP256R1())), "receipt.other_key"),
        (_receipt(b"\xff"), "receipt.payload"),
        (_receipt(b""), "receipt.type"),
        (
            _receipt(verdict_pb2.Verdict(type="descargo.v1.Verdict").SerializeToString()),
            "receipt.no_outcome",
        ),
    ],
)
def test_what_was_signed_must_be_a_verdict_of_this_key(
    receipt: verdict_pb2.Receipt, key: str
) -> None:
    with pytest.raises(ReceiptInvalid) as caught:
        _prove(receipt.SerializeToString())
    assert caught.value.key == key


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"basura",
        b"{",
        b"{}",
        b'{"receipt": null, "outcome": "preview"}',
        b'{"payload": "%%", "signature": "", "key_id": ""}',
        b'{"payload": 5}',
        b'{"answer": []}',
        b'{"receipt": {"payload": "", "signature": ""}, "verdict": {"nada": 1}}',
        b"{}\n[]",
        verdict_pb2.Answer(revision="r").SerializeToString(),
    ],
)
def test_what_is_no_receipt_is_said(content: bytes) -> None:
    with pytest.raises(BadInput):
        read_receipts(content)


@pytest.mark.parametrize(
    "pem",
    [
        b"basura",
        _public(KEY, serialization.Encoding.DER),
        _public(ec.generate_private_key(ec.SECP384R1()), serialization.Encoding.PEM),
    ],
)
def test_only_a_p256_public_key_in_pem_proves(pem: bytes) -> None:
    with pytest.raises(BadInput) as caught:
        load_public_key(pem)
    assert caught.value.key == "receipt.public_key"


def test_the_saved_bytes_are_the_signed_ones() -> None:
    answer = _answer()
    saved = saved_receipt(answer)["receipt"]
    assert base64.b64decode(saved["payload"]) == answer.receipt.payload
