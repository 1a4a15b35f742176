"""What an operator says of signatures, on two cores over one ledger."""

from __future__ import annotations

import hashlib
import uuid
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.timestamp_pb2 import Timestamp

from descargo.v1 import operations_service_pb2 as operations
from descargo.v1 import submission_pb2, submission_service_pb2
from descargo_server._core import Caller
from tests.support.messages import copy_of, submit_request
from tests.vectors.finding_cases import good_submission
from tests.vectors.finding_engine import CALLERS
from tests.vectors.signers import STRANGER

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from tests.support.engines import LiveEngine
    from tests.vectors.signers import SigningWorld

__all__ = ["OPERATOR", "SIGNED_S", "Operations", "enrolment", "revocation"]

OPERATOR: Final = Caller("operator", "operator")
SIGNED_S: Final = 1_778_436_000
"""When the good submission was signed: 2026-05-10T18:00:00Z."""


class Operations:
    """Two cores on one ledger, as two worker processes have it, and how an operator calls them."""

    def __init__(self, signing: SigningWorld, cores: list[LiveEngine]) -> None:
        """Takes the signers and open cores; whoever opened them closes them."""
        self.signing = signing
        self.cores = cores

    def enroll(self, request: Message, at: int = 0, by: Caller = OPERATOR) -> str:
        """The revision from which an official counts."""
        core = self.cores[at]
        ticket = core.core.enroll_signer(by, request.SerializeToString(), None)
        return operations.EnrollSignerResponse.FromString(core.answer(ticket)).revision

    def revoke(self, request: Message, at: int = 0, by: Caller = OPERATOR) -> str:
        """The revision from which a revocation binds."""
        core = self.cores[at]
        ticket = core.core.revoke_certificate(by, request.SerializeToString(), None)
        return operations.RevokeCertificateResponse.FromString(core.answer(ticket)).revision

    def signers(self, **asked: Any) -> operations.ListSignersResponse:
        """A page of the officials."""
        request = operations.ListSignersRequest(**asked).SerializeToString()
        answer = self.cores[0].core.list_signers(OPERATOR, request)
        return operations.ListSignersResponse.FromString(answer)

    def submit(self, by: str, number: str, at: int = 0) -> list[str]:
        """Codes of what is answered to a license that a signer signed."""
        submission = copy_of(good_submission())
        submission.license.permit_number = number
        payload = submission.SerializeToString()
        signer = self.signing.signer(by)
        envelope = submission_pb2.Envelope(
            payload=payload,
            signature=signer.sign(payload),
            certificate_der=signer.certificate_der,
        )
        response = self.cores[at].submit(CALLERS["se"], submit_request(envelope))
        answer = submission_service_pb2.SubmitLicenseResponse.FromString(response).answer
        return [finding.code for finding in answer.verdict.findings]


def enrolment(
    rfc: str = STRANGER.rfc, key: uuid.UUID | None = None, **row: Any
) -> operations.EnrollSignerRequest:
    """Enrols somebody whom no file names."""
    certificate = row.pop("certificate", b"")
    reason = row.pop("reason", "a new official")
    told = {"name": STRANGER.name, "agency": "SE", "valid_from": "2026-01-01"} | row
    return operations.EnrollSignerRequest(
        request_id=str(key or uuid.uuid4()),
        signer=operations.Signer(rfc=rfc, **told),
        certificate=certificate,
        reason=reason,
    )


def revocation(
    certificate: bytes, at_s: int = SIGNED_S, **fields: Any
) -> operations.RevokeCertificateRequest:
    """Revokes a certificate from an instant on."""
    told: dict[str, Any] = {
        "request_id": str(uuid.uuid4()),
        "certificate_sha256": hashlib.sha256(certificate).digest(),
        "revoked_at": Timestamp(seconds=at_s),
        "reason": "key lost",
    }
    return operations.RevokeCertificateRequest(**(told | fields))
