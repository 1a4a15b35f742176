"""Verifies a receipt offline: signature, kind, and that what is shown is what was signed.

A receipt comes as JSON (`descargo ... -o json`, a saved receipt, an answer in proto3 JSON, or lines
of any of these) or as a serialised `Answer` or `Receipt`. The validator's public key is all that is
needed beside.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)
from google.protobuf.message import DecodeError

from descargo.v1 import verdict_pb2
from descargo_client.documents import (
    UNSIGNED_KEYS,
    Document,
    outcome_of,
    receipt_document,
    verdict_document,
)
from descargo_client.faults import BadInput, ClientError

if TYPE_CHECKING:
    from typing import ClassVar

VERDICT_TYPE: Final = "descargo.v1.Verdict"
KEY_ID_DIGITS: Final = 16
_DER_SEQUENCE: Final = 0x30


class ReceiptInvalid(ClientError):  # noqa: N818 - the name says what it is
    """The receipt proves nothing: it was changed, or another key signed it."""

    exit_code: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class PresentedReceipt:
    """A receipt as it was handed over, not believed yet."""

    receipt: verdict_pb2.Receipt
    """Payload and signature."""
    shown_verdict: verdict_pb2.Verdict | None = None
    """The verdict that stood beside it as a message, if one did."""
    shown: Document | None = None
    """What stood beside it as a plain object, if anything did."""


@dataclass(frozen=True, slots=True)
class ProvenReceipt:
    """A receipt whose signature holds, with the verdict that was signed."""

    receipt: verdict_pb2.Receipt
    """Payload and signature."""
    verdict: verdict_pb2.Verdict
    """The verdict, decoded from the payload."""


def load_public_key(pem: bytes) -> ec.EllipticCurvePublicKey:
    """Reads the validator's public key, P-256 in PEM."""
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadInput("receipt.public_key") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise BadInput("receipt.public_key")
    return key


def key_id_of(key: ec.EllipticCurvePublicKey) -> str:
    """The name that receipts give to a key."""
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(spki).hexdigest()[:KEY_ID_DIGITS]


def verify_receipt(presented: PresentedReceipt, key: ec.EllipticCurvePublicKey) -> ProvenReceipt:
    """Returns what was signed; raises ReceiptInvalid when the receipt does not prove it."""
    receipt = presented.receipt
    if receipt.key_id != key_id_of(key):
        raise ReceiptInvalid("receipt.other_key", key_id=receipt.key_id, own=key_id_of(key))
    try:
        key.verify(receipt.signature, receipt.payload, ec.ECDSA(SHA256()))
    except InvalidSignature as error:
        raise ReceiptInvalid("receipt.signature") from error
    try:
        verdict = verdict_pb2.Verdict.FromString(receipt.payload)
    except DecodeError as error:
        raise ReceiptInvalid("receipt.payload") from error
    if verdict.type != VERDICT_TYPE:
        raise ReceiptInvalid("receipt.type", type=verdict.type)
    if outcome_of(verdict) == "none":
        raise ReceiptInvalid("receipt.no_outcome")
    _compare(presented, verdict)
    return ProvenReceipt(receipt, verdict)


def _compare(presented: PresentedReceipt, verdict: verdict_pb2.Verdict) -> None:
    """What stands beside the signed bytes must say the same: people read that, not the payload."""
    if presented.shown_verdict is not None and presented.shown_verdict != verdict:
        raise ReceiptInvalid("receipt.differs", field="verdict")
    signed = verdict_document(verdict)
    for name, value in (presented.shown or {}).items():
        if name not in UNSIGNED_KEYS and (name not in signed or signed[name] != value):
            raise ReceiptInvalid("receipt.differs", field=name)


def saved_receipt(answer: verdict_pb2.Answer) -> Document:
    """What `--receipt-out` writes: the decision in words, and the receipt that proves it."""
    return verdict_document(answer.verdict) | {"receipt": receipt_document(answer.receipt)}


def read_receipts(content: bytes) -> list[PresentedReceipt]:
    """Reads every receipt of a file; raises BadInput when there is none."""
    text = content.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"{"):
        # A line of `--answers` without an answer was never sent, so there is nothing to prove.
        objects = [each for each in _json_objects(text) if each.get("answer", each) is not None]
        if not objects:
            raise BadInput("receipt.none")
        return [_from_json(each) for each in objects]
    return [_from_bytes(content)]


def _json_objects(text: bytes) -> list[Document]:
    """One object, or one on each line."""
    try:
        return [json.loads(text)]
    except ValueError:
        pass
    try:
        found = [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError as error:
        raise BadInput("receipt.unreadable", why=error) from error
    if not all(isinstance(each, dict) for each in found):
        raise BadInput("receipt.unreadable", why="a line is not an object")
    return found


def _from_json(document: Document) -> PresentedReceipt:
    if "payload" in document:
        return PresentedReceipt(_receipt_from(document))
    inner = document.get("answer", document)
    receipt = inner.get("receipt") if isinstance(inner, dict) else None
    if not isinstance(receipt, dict):
        raise BadInput("receipt.none")
    if isinstance(inner.get("verdict"), dict):
        return PresentedReceipt(_receipt_from(receipt), _verdict_from(inner["verdict"]))
    if "outcome" in inner:
        return PresentedReceipt(_receipt_from(receipt), shown=inner)
    return PresentedReceipt(_receipt_from(receipt))


def _receipt_from(document: Document) -> verdict_pb2.Receipt:
    return verdict_pb2.Receipt(
        payload=_octets(document, "payload"),
        signature=_octets(document, "signature"),
        key_id=str(document.get("key_id", document.get("keyId", ""))),
    )


def _octets(document: Document, name: str) -> bytes:
    value: Any = document.get(name)
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise BadInput("receipt.unreadable", why=f"{name}: {error}") from error


def _verdict_from(document: Document) -> verdict_pb2.Verdict:
    from google.protobuf.json_format import ParseDict, ParseError  # noqa: PLC0415 - slow to import

    try:
        return ParseDict(document, verdict_pb2.Verdict())
    except ParseError as error:
        raise BadInput("receipt.unreadable", why=error) from error


def _from_bytes(content: bytes) -> PresentedReceipt:
    """Field 2 tells the two apart: a DER signature in a `Receipt`, a message in an `Answer`."""
    try:
        receipt = verdict_pb2.Receipt.FromString(content)
        if receipt.signature[:1] == bytes([_DER_SEQUENCE]):
            return PresentedReceipt(receipt)
        answer = verdict_pb2.Answer.FromString(content)
    except DecodeError as error:
        raise BadInput("receipt.unreadable", why="neither JSON nor a message") from error
    if not answer.HasField("receipt"):
        raise BadInput("receipt.none")
    return PresentedReceipt(answer.receipt, answer.verdict)
