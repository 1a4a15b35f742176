"""Answers and licenses as plain objects with stable names, as `-o json` prints them.

Everything that an answer's object says about the decision is taken from the verdict, so that a
verifier can build it again from the signed bytes and compare.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final, Literal

from descargo.v1 import license_pb2, verdict_pb2

if TYPE_CHECKING:
    from google.protobuf.descriptor import EnumDescriptor

    from descargo.v1.submission_service_pb2 import LicenseRecord
    from descargo_client.texts import Language

Outcome = Literal["firma", "error", "preview", "none"]

UNSIGNED_KEYS: Final = frozenset({"receipt", "revision", "texts"})
"""What an answer's object holds beside the decision."""

Document = dict[str, Any]


def outcome_of(verdict: verdict_pb2.Verdict) -> Outcome:
    """Which outcome a verdict has; `none` means no, as everything unknown does."""
    return verdict.WhichOneof("outcome") or "none"


def answer_document(answer: verdict_pb2.Answer, language: Language) -> Document:
    """An answer as one object: the decision, the texts of its findings, and the receipt."""
    document = verdict_document(answer.verdict)
    document["texts"] = [_text_document(each, language) for each in answer.texts]
    document["revision"] = answer.revision
    document["receipt"] = receipt_document(answer.receipt) if answer.HasField("receipt") else None
    return document


def receipt_document(receipt: verdict_pb2.Receipt) -> Document:
    """A receipt with its bytes in base64."""
    return {
        "payload": base64.b64encode(receipt.payload).decode("ascii"),
        "signature": base64.b64encode(receipt.signature).decode("ascii"),
        "key_id": receipt.key_id,
    }


def verdict_document(verdict: verdict_pb2.Verdict) -> Document:
    """A verdict as one object; the same verdict always gives the same object."""
    return {
        "outcome": outcome_of(verdict),
        "validator": verdict.validator,
        "verdict_id": verdict.verdict_id,
        "request_id": verdict.request_id,
        "request_sha256": verdict.request_sha256.hex(),
        "caller": verdict.caller,
        "signer_sha256": verdict.signer_sha256.hex(),
        "decided_at": _instant(verdict, "decided_at"),
        "ruleset_hash": verdict.ruleset_hash.hex(),
        "catalogue_version": verdict.catalogue_version,
        "acceptance_code": verdict.firma.acceptance_code,
        "discharge_signature": verdict.firma.discharge_signature,
        "findings": [_finding_document(each) for each in verdict.findings],
        "movements": [movement_document(each) for each in _movements(verdict)],
        "standings": [standing_document(each) for each in verdict.error.standings],
        "position": position_document(verdict),
    }


def record_document(record: LicenseRecord) -> Document:
    """A license as the validator holds it."""
    from google.protobuf.json_format import MessageToDict  # noqa: PLC0415 - slow to import

    content = MessageToDict(record.license, preserving_proto_field_name=True)
    return {
        "standing": standing_document(record.standing),
        "discharge_signature": record.discharge_signature,
        "content": content,
        "next_steps": list(record.next_steps),
        "doubtful_versions": list(record.doubtful_versions),
    }


def standing_document(standing: verdict_pb2.Standing) -> Document:
    """Where a license stands."""
    return {
        "license": license_document(standing.license),
        "permit_seq": standing.permit_seq,
        "version": standing.version,
        "status": enum_word(license_pb2.LicenseStatus.DESCRIPTOR, standing.status),
        "balances": [balance_document(each) for each in standing.balances],
    }


def balance_document(balance: verdict_pb2.Balance) -> Document:
    """A balance; a dimension that is not limited is null."""
    return {
        "license_line_no": balance.license_line_no,
        "unit": balance.unit,
        "authorized": amount_document(balance.authorized),
        "available": amount_document(balance.available),
        "reserved": amount_document(balance.reserved),
        "exercised": amount_document(balance.exercised),
    }


def amount_document(amount: license_pb2.Amount) -> Document:
    """An amount; what is not stated is null, never zero."""
    return {
        "quantity": amount.quantity if amount.HasField("quantity") else None,
        "value_usd": amount.value_usd if amount.HasField("value_usd") else None,
    }


def enum_word(kind: EnumDescriptor, number: int) -> str:
    """The name of an enum value without its prefix; a number that we do not know stays a number."""
    prefix = kind.values[0].name.removesuffix("UNSPECIFIED")
    found = kind.values_by_number.get(number)
    return found.name.removeprefix(prefix) if found else str(number)


def _movements(verdict: verdict_pb2.Verdict) -> list[verdict_pb2.Movement]:
    return [*verdict.firma.movements, *verdict.preview.movements]


def _finding_document(finding: verdict_pb2.Finding) -> Document:
    locator = finding.locator
    return {
        "code": finding.code,
        "class": enum_word(verdict_pb2.FindingClass.DESCRIPTOR, finding.finding_class),
        "field": locator.field,
        "line_no": locator.line_no,
        "record": locator.record,
        "record_field": locator.record_field,
        "ordinal": locator.ordinal,
        "declared": finding.declared,
        "granted": finding.granted,
    }


def _text_document(finding_text: verdict_pb2.FindingText, language: Language) -> Document:
    spanish = language == "es"
    return {
        "code": finding_text.code,
        "actor": enum_word(verdict_pb2.Actor.DESCRIPTOR, finding_text.actor),
        "message": finding_text.message_es if spanish else finding_text.message_en,
        "remedy": finding_text.remedy_es if spanish else finding_text.remedy_en,
    }


def movement_document(movement: verdict_pb2.Movement) -> Document:
    """One step of a balance, or of a license."""
    has_balance = movement.HasField("balance_after")
    return {
        "license": license_document(movement.license),
        "permit_seq": movement.permit_seq,
        "kind": enum_word(verdict_pb2.MovementKind.DESCRIPTOR, movement.kind),
        "version": movement.version,
        "status": enum_word(license_pb2.LicenseStatus.DESCRIPTOR, movement.status),
        "license_line_no": movement.license_line_no,
        "line_no": movement.line_no,
        "taken": amount_document(movement.taken),
        "returned": amount_document(movement.returned),
        "balance_after": balance_document(movement.balance_after) if has_balance else None,
    }


def license_document(license_id: license_pb2.LicenseId) -> Document:
    """A license's name."""
    return {
        "agency": license_id.agency,
        "permit_key": license_id.permit_key,
        "permit_number": license_id.permit_number,
    }


def position_document(
    message: verdict_pb2.Verdict | verdict_pb2.RecordedMovement,
) -> Document | None:
    """Where a declaration stands; None when the message speaks of none."""
    if not message.HasField("position"):
        return None
    position = message.position
    return {
        "declaration_number": position.declaration_number,
        "position_no": position.position_no,
        "state": enum_word(verdict_pb2.DeclarationState.DESCRIPTOR, position.state),
        "lease_until": _instant(position, "lease_until"),
    }


def _instant(message: Any, field: str) -> str | None:
    return getattr(message, field).ToJsonString() if message.HasField(field) else None
