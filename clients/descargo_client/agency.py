"""The agency's side: makes submissions, signs and submits them, and reads its licenses."""

from __future__ import annotations

import hashlib
import uuid
from typing import TYPE_CHECKING, Any, Final, Literal

from descargo.v1 import license_pb2, submission_pb2, submission_service_pb2
from descargo_client.canonical import canonical_string
from descargo_client.faults import BadFile, BadInput
from descargo_client.forms.changes import problems_of
from descargo_client.forms.messages import fill_message

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from descargo.v1.verdict_pb2 import Answer
    from descargo_client.channel import Channel
    from descargo_client.faults import Problem
    from descargo_client.signing import Signer

Form = Literal["payload", "canonical"]
"""What is signed: the bytes of a submission, or its cadena original."""
SUBMISSION_TYPE: Final = "descargo.v1.Submission"
PAYLOAD_BYTES_MAX: Final = 256 * 1024
"""Limit of the contract for what is signed, in either form."""
REQUEST_IDS: Final = uuid.UUID("6f0f5a3e-6a0c-5c0e-9a58-5f1f6f6f2a11")
"""Namespace of the request ids that are derived from what is sent."""


def build_submission(
    document: Mapping[str, Any], *, validator: str, signed_at: datetime
) -> submission_pb2.Submission:
    """Makes a submission from a plain object; raises BadFile with everything that does not fit."""
    submission = submission_pb2.Submission()
    problems: list[Problem] = []
    fill_message(submission, document, "", problems)
    if not problems:
        problems += problems_of(submission)
    if problems:
        raise BadFile("submission", tuple(problems))
    return address(submission, validator=validator, signed_at=signed_at)


def address(
    submission: submission_pb2.Submission, *, validator: str, signed_at: datetime
) -> submission_pb2.Submission:
    """Fills in what every submission carries, where it is not stated yet."""
    addressed = submission_pb2.Submission()
    addressed.CopyFrom(submission)
    addressed.type = addressed.type or SUBMISSION_TYPE
    addressed.validator = addressed.validator or validator
    addressed.version = addressed.version or 1
    if not addressed.HasField("signed_at"):
        addressed.signed_at.FromDatetime(signed_at.replace(microsecond=0))
    return addressed


def serialise(submission: submission_pb2.Submission) -> bytes:
    """The bytes that are signed: the same submission always gives the same."""
    return submission.SerializeToString(deterministic=True)


def seal(payload: bytes, signer: Signer) -> submission_pb2.Envelope:
    """Signs a payload and puts the certificate beside it."""
    envelope = _signed(payload, signer)
    envelope.payload = payload
    return envelope


def seal_canonical(
    submission: submission_pb2.Submission, signer: Signer
) -> submission_pb2.Envelope:
    """Signs the canonical string of a submission, which must be sent beside the envelope."""
    written = canonical_string(submission)
    envelope = _signed(written.encode(), signer)
    envelope.canonical_string = written
    return envelope


def _signed(content: bytes, signer: Signer) -> submission_pb2.Envelope:
    if len(content) > PAYLOAD_BYTES_MAX:
        raise BadInput("submission.too_long", size=len(content), limit=PAYLOAD_BYTES_MAX)
    return submission_pb2.Envelope(
        signature=signer.sign(content), certificate_der=signer.certificate.encoding
    )


def request_id_of(envelope: submission_pb2.Envelope, attempt: int = 0) -> str:
    """A key derived from the envelope: the same envelope is the same request.

    A later attempt is another request: an error may be mended outside the envelope, and signing
    again within the same second gives the same bytes.
    """
    encoded = envelope.SerializeToString(deterministic=True)
    return str(uuid.uuid5(REQUEST_IDS, f"{hashlib.sha256(encoded).hexdigest()}/{attempt}"))


class Agency:
    """An agency's calls over an open channel."""

    def __init__(self, channel: Channel) -> None:
        """Takes the channel; it stays the caller's to close."""
        from descargo.v1.submission_service_pb2_grpc import SubmissionServiceStub  # noqa: PLC0415 - imports grpc

        self._channel = channel
        self._stub = SubmissionServiceStub(channel.grpc)

    def submit(
        self,
        envelope: submission_pb2.Envelope,
        request_id: str = "",
        submission: submission_pb2.Submission | None = None,
    ) -> Answer:
        """Submits a signed change; the answer is a firma or an error.

        `submission` goes with a canonical string, and only with one.
        """
        key = request_id or request_id_of(envelope)
        request = submission_service_pb2.SubmitLicenseRequest(
            request_id=key, envelope=envelope, submission=submission
        )
        return self._channel.call(self._stub.SubmitLicense, request, key).answer

    def license(
        self, license_id: license_pb2.LicenseId, version: int | None = None
    ) -> submission_service_pb2.LicenseRecord:
        """Reads a license and its balances; the last version unless one is named."""
        request = submission_service_pb2.GetLicenseRequest(license=license_id, version=version)
        return self._channel.call(self._stub.GetLicense, request).record
