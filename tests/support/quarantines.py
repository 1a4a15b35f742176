"""Agencies, a lane and an operator whose agency lost a key, on two cores over one ledger."""

from __future__ import annotations

import hashlib
import uuid
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.timestamp_pb2 import Timestamp

from descargo.v1 import operations_service_pb2 as operations
from descargo.v1 import (
    submission_pb2,
    submission_service_pb2,
    validation_service_pb2,
    verdict_pb2,
)
from tests.support.books import balances
from tests.support.engines import LiveEngine, open_engine
from tests.support.messages import (
    check_request,
    copy_of,
    get_license_request,
    license_id,
    submit_request,
    validate_request,
)
from tests.support.operations import OPERATOR
from tests.vectors.finding_cases import good_declaration
from tests.vectors.finding_engine import CALLERS

if TYPE_CHECKING:
    from pathlib import Path

    from descargo.v1 import declaration_pb2
    from descargo_server._core import Caller
    from tests.support.world import World
    from tests.vectors.signers import SigningWorld

__all__ = ["BAD", "EARLY", "LATE", "REASON", "SOUND", "THIRD", "Office", "instant"]

BAD: Final = "se"
SOUND: Final = "se-p256"
THIRD: Final = "se-ed25519"
EARLY: Final = "2026-05-10T18:00:30Z"
LATE: Final = "2026-05-11T18:00:00Z"
REASON: Final = "key stolen"


BALANCE_PARTS: Final = {"authorized", "available", "reserved", "exercised"}


class Office:
    """Two cores on one ledger, with agencies, a lane and an operator."""

    def __init__(self, world: World, signing: SigningWorld, folder: Path) -> None:
        """Opens both."""
        self.world = world
        self.signing = signing
        self.folder = folder
        self.cores = [self.open(), self.open()]
        self.at(EARLY)

    def open(self) -> LiveEngine:
        """One more core."""
        settings = self.signing.settings(self.folder)
        return open_engine(self.world, self.folder, clock=None, **settings)

    def at(self, instant: str) -> None:
        """Sets the clock."""
        (self.folder / "clock.txt").write_text(instant, encoding="ascii")

    def restart(self) -> None:
        """Both processes end and begin again."""
        for core in self.cores:
            core.core.close()
        self.cores = [self.open(), self.open()]

    def submit(
        self,
        submission: submission_pb2.Submission,
        by: str = BAD,
        *,
        caller: str = "se",
        at: int = 0,
        key: str = "",
    ) -> verdict_pb2.Verdict:
        """What is answered to a change that somebody signed."""
        payload = submission.SerializeToString()
        signer = self.signing.signer(by)
        envelope = submission_pb2.Envelope(
            payload=payload,
            signature=signer.sign(payload),
            certificate_der=signer.certificate_der,
        )
        response = self.cores[at].submit(CALLERS[caller], submit_request(envelope, key))
        return submission_service_pb2.SubmitLicenseResponse.FromString(response).answer.verdict

    def draw(self, number: str, firma: str, serial: int, at: int = 0) -> verdict_pb2.Verdict:
        """What is answered to an exercise."""
        response = self.cores[at].validate(
            CALLERS["lane"], validate_request(self._declaration(number, firma, serial))
        )
        return validation_service_pb2.ValidateLicenseResponse.FromString(response).answer.verdict

    def check(self, number: str, firma: str) -> list[str]:
        """Codes of what an exercise would be answered."""
        request = check_request(self._declaration(number, firma, 99))
        response = self.cores[0].check(CALLERS["broker"], request)
        answer = validation_service_pb2.CheckLicenseResponse.FromString(response).answer
        return [finding.code for finding in answer.verdict.findings]

    def _declaration(self, number: str, firma: str, serial: int) -> declaration_pb2.Declaration:
        stated = copy_of(good_declaration(firma))
        stated.declaration_number = f"{stated.declaration_number[:-3]}{serial:03}"
        stated.lines[0].draws[0].license.permit_number = number
        return stated

    def record(self, number: str) -> submission_service_pb2.LicenseRecord:
        """The license as its agency reads it."""
        response = self.cores[0].license(CALLERS["se"], get_license_request(license_id(number)))
        return submission_service_pb2.GetLicenseResponse.FromString(response).record

    def quarantine(
        self, by: str = BAD, after: str = EARLY, *, key: str = "", at: int = 0
    ) -> operations.QuarantineCertificateResponse:
        """Orders a quarantine and waits for it."""
        answer = self.cores[at].core.quarantine_certificate(
            OPERATOR, self.order(by, after, key).SerializeToString(), None
        )
        return operations.QuarantineCertificateResponse.FromString(answer)

    def order(self, by: str, after: str, key: str) -> operations.QuarantineCertificateRequest:
        """The order."""
        return operations.QuarantineCertificateRequest(
            request_id=key or str(uuid.uuid4()),
            certificate_sha256=self.fingerprint(by),
            signed_after=instant(after),
            reason=REASON,
        )

    def affected(
        self, by: str = BAD, after: str = EARLY, page_size: int = 0
    ) -> list[operations.AffectedLicense]:
        """Everything that rests on a certificate."""
        found: list[operations.AffectedLicense] = []
        token = ""
        while True:
            request = operations.ListAffectedLicensesRequest(
                page_size=page_size,
                page_token=token,
                certificate_sha256=self.fingerprint(by),
                signed_after=instant(after),
            )
            answer = self.cores[0].core.list_affected_licenses(
                OPERATOR, request.SerializeToString()
            )
            page = operations.ListAffectedLicensesResponse.FromString(answer)
            found += page.licenses
            token = page.next_page_token
            if not token:
                return found

    def fingerprint(self, name: str) -> bytes:
        """SHA-256 of a certificate."""
        return hashlib.sha256(self.signing.signer(name).certificate_der).digest()

    def feed(self, caller: Caller) -> list[verdict_pb2.RecordedMovement]:
        """Every movement of the agency."""
        events, cursor, more = [], "", True
        while more:
            told, cursor, more = self.cores[1].core.watch_part(caller, cursor)
            events += told
        responses = map(submission_service_pb2.WatchExercisesResponse.FromString, events)
        return [each.movement for each in responses if each.HasField("movement")]

    def balance(self, number: str) -> dict[str, Any]:
        """The balance of a license as the file has it."""
        row = balances(self.cores[0].ledger)[number, 1]
        return {name: row[name] for name in row if name.split("_")[0] in BALANCE_PARTS}


def instant(text: str) -> Timestamp:
    """An instant, as the contract has it."""
    made = Timestamp()
    made.FromJsonString(text)
    return made
