"""Events of the feed and versions of a license as plain objects, as `-o json` prints them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from descargo.v1 import submission_pb2, submission_service_pb2
from descargo_client.certificates import certificate_facts
from descargo_client.documents import (
    Document,
    enum_word,
    license_document,
    movement_document,
    position_document,
    receipt_document,
)
from descargo_client.faults import ClientError

if TYPE_CHECKING:
    from descargo.v1.submission_service_pb2 import LicenseVersion, WatchExercisesResponse
    from descargo.v1.verdict_pb2 import RecordedMovement


def event_document(event: WatchExercisesResponse) -> Document:
    """An event as one object: its cursor, and a movement or an alert."""
    document: Document = {"cursor": event.cursor, "event": event.WhichOneof("event") or "none"}
    if event.HasField("movement"):
        document |= recorded_document(event.movement)
        document["receipt"] = receipt_document(event.receipt)
    elif event.HasField("alert"):
        alert = event.alert
        document |= {
            "alert": enum_word(submission_service_pb2.AlertKind.DESCRIPTOR, alert.kind),
            "license": license_document(alert.license),
            "license_line_no": alert.license_line_no,
            "percent": alert.percent,
            "on_date": alert.on_date,
        }
    return document


def recorded_document(recorded: RecordedMovement) -> Document:
    """A movement with who asked for it, when it was decided and why."""
    return movement_document(recorded.movement) | {
        "verdict_id": recorded.verdict_id,
        "decided_at": recorded.decided_at.ToJsonString(),
        "position": position_document(recorded),
        "caller": recorded.caller,
        "reason": recorded.reason,
    }


def version_document(version: LicenseVersion) -> Document:
    """A version with who signed it, when, and what it changed."""
    envelope = version.envelope
    submission = _submission(envelope)
    return {
        "version": version.version,
        "verdict_id": version.verdict_id,
        "change": submission.WhichOneof("change") if submission else None,
        "signed_at": submission.signed_at.ToJsonString() if submission else None,
        "signer": _signer(envelope.certificate_der),
        "changes": [
            {"field": each.field, "old_value": each.old_value, "new_value": each.new_value}
            for each in version.changes
        ],
        "envelope": {
            "payload": _base64(envelope.payload),
            "canonical_string": envelope.canonical_string,
            "signature": _base64(envelope.signature),
            "certificate_der": _base64(envelope.certificate_der),
        },
    }


def _submission(envelope: submission_pb2.Envelope) -> submission_pb2.Submission | None:
    """What was signed; of a canonical string only the string is at hand."""
    if envelope.WhichOneof("form") != "payload":
        return None
    return submission_pb2.Submission.FromString(envelope.payload)


def _signer(certificate: bytes) -> dict[str, Any] | None:
    try:
        facts = certificate_facts(certificate)
    except ClientError:
        return None
    return {"name": facts.name, "rfc": facts.rfc, "number": facts.number}


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
