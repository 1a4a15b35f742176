"""A key in other hands: what rests on it is held, told, signed again and goes on where it stood."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from descargo.v1 import (
    license_pb2,
    submission_pb2,
    verdict_pb2,
)
from descargo.v1 import operations_service_pb2 as operations
from descargo_server._core import Caller
from descargo_server.refused import Refused
from tests.support.books import audit
from tests.support.messages import (
    copy_of,
)
from tests.support.operations import OPERATOR
from tests.support.quarantines import BAD, EARLY, LATE, REASON, SOUND, THIRD, Office, instant
from tests.vectors.finding_cases import good_submission
from tests.vectors.finding_engine import CALLERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.world import World
    from tests.vectors.signers import SigningWorld


@pytest.fixture
def office(world: World, signing: SigningWorld, tmp_path: Path) -> Iterator[Office]:
    (tmp_path / "clock.txt").write_text(EARLY, encoding="ascii")
    opened = Office(world, signing, tmp_path)
    yield opened
    for core in opened.cores:
        core.core.close()
    audit(opened.cores[0].ledger)


def codes(verdict: verdict_pb2.Verdict) -> list[str]:
    return [finding.code for finding in verdict.findings]


def issue(number: str = "SE-0001/26", signed_at: str = "") -> submission_pb2.Submission:
    submission = copy_of(good_submission())
    submission.license.permit_number = number
    if signed_at:
        submission.signed_at.FromJsonString(signed_at)
    return submission


def change(number: str, version: int, **arm: Any) -> submission_pb2.Submission:
    submission = issue(number)
    submission.ClearField("issue")
    submission.version = version
    ((name, content),) = arm.items()
    getattr(submission, name).CopyFrom(content)
    return submission


EVERY: Final = license_pb2.Extent(every=True)
STOP: Final = submission_pb2.Stop(lines=EVERY, offices=EVERY, reason="motivo ficticio")


def only_movement(verdict: verdict_pb2.Verdict) -> verdict_pb2.Movement:
    assert verdict.HasField("firma"), verdict
    (movement,) = verdict.firma.movements
    return movement


def test_from_theft_to_the_next_exercise(office: Office) -> None:
    """The whole way, on two processes and over a restart in between."""
    issued = office.submit(issue())
    firma = issued.firma.discharge_signature
    drawn = office.draw("SE-0001/26", firma, 1)
    before = office.balance("SE-0001/26")
    (listed,) = office.affected()
    assert (listed.license.permit_number, list(listed.versions)) == ("SE-0001/26", [1])
    assert list(listed.verdict_ids) == [issued.verdict_id, drawn.verdict_id]
    assert not listed.quarantined

    held = office.quarantine()
    assert held.licenses == 1
    refused = office.draw("SE-0001/26", firma, 2, at=1)
    assert codes(refused) == ["N433"]
    assert refused.error.standings[0].status == license_pb2.LICENSE_STATUS_QUARANTINED
    assert office.check("SE-0001/26", firma) == ["N433"]
    # What was exercised before stays so: the same statement gets the same answer.
    assert office.draw("SE-0001/26", firma, 1, at=1).verdict_id == drawn.verdict_id
    record = office.record("SE-0001/26")
    assert record.standing.status == license_pb2.LICENSE_STATUS_QUARANTINED
    assert list(record.next_steps) == ["signing_again", "revocation", "cancellation"]
    assert list(record.doubtful_versions) == [1]
    assert office.affected()[0].quarantined

    office.restart()
    # The same key, whatever it says of the time, and another content are refused as they were.
    assert codes(office.submit(issue(signed_at="2026-05-09T00:00:00Z"))) == ["F504"]
    other = issue()
    other.issue.valid_to = "2026-12-30"
    assert codes(office.submit(other, SOUND)) == ["N401"]
    again = office.submit(issue(signed_at=EARLY), SOUND, at=1)
    movement = only_movement(again)
    assert movement.kind == verdict_pb2.MOVEMENT_KIND_REINSTATE
    assert movement.status == license_pb2.LICENSE_STATUS_ACTIVE
    assert (movement.permit_seq, movement.version) == (record.standing.permit_seq + 1, 1)
    assert again.firma.discharge_signature == firma
    assert again.signer_sha256 == office.fingerprint(SOUND)
    assert office.balance("SE-0001/26") == before
    assert office.affected() == []
    assert not office.record("SE-0001/26").doubtful_versions
    passed = office.draw("SE-0001/26", firma, 2)
    assert only_movement(passed).permit_seq == movement.permit_seq + 1
    # Signed once more, it is the change that was accepted at first.
    assert office.submit(issue(signed_at=EARLY), THIRD).verdict_id == issued.verdict_id

    told = office.feed(CALLERS["se"])
    kinds = [verdict_pb2.MovementKind.Name(each.movement.kind)[14:] for each in told]
    assert kinds[-5:] == ["ISSUE", "COMMIT", "QUARANTINE", "REINSTATE", "COMMIT"]
    quarantined, reinstated = told[-3:-1]
    assert (quarantined.caller, quarantined.reason) == ("operator", REASON)
    assert (reinstated.caller, reinstated.reason) == ("se", "")


def test_what_was_decided_before_and_what_others_signed_is_untouched(office: Office) -> None:
    early = office.submit(issue("SE-EARLY"))
    office.at(LATE)
    late = office.submit(issue("SE-LATE"))
    sound = office.submit(issue("SE-SOUND"), SOUND)
    others = issue("SEM-1")
    others.license.agency = "SEMARNAT"
    others.license.permit_key = "T1"
    others.issue.instrument_kind = license_pb2.INSTRUMENT_KIND_CERTIFICATE
    other = office.submit(others, "semarnat", caller="semarnat")
    assert not codes(other), other
    assert office.quarantine(after=LATE).licenses == 1
    assert codes(office.draw("SE-LATE", late.firma.discharge_signature, 1)) == ["N433"]
    assert only_movement(office.draw("SE-EARLY", early.firma.discharge_signature, 2))
    assert only_movement(office.draw("SE-SOUND", sound.firma.discharge_signature, 3))
    # An instant earlier, the other one rests on it as well; the first is held already.
    assert office.quarantine(after=EARLY).licenses == 1
    assert codes(office.draw("SE-EARLY", early.firma.discharge_signature, 4)) == ["N433"]


def test_each_version_in_doubt_must_be_signed_again(office: Office) -> None:
    firma = office.submit(issue()).firma.discharge_signature
    extended = change("SE-0001/26", 2, extension=submission_pb2.Extension(valid_to="2027-01-31"))
    only_movement(office.submit(extended, SOUND))
    suspended = change("SE-0001/26", 3, suspension=STOP)
    only_movement(office.submit(suspended))
    ended = submission_pb2.Reinstatement(suspension_version=3, reason="motivo ficticio")
    only_movement(office.submit(change("SE-0001/26", 4, reinstatement=ended), SOUND))
    assert office.quarantine().licenses == 1
    assert list(office.record("SE-0001/26").doubtful_versions) == [1, 3]
    # A version that is sound is no business of this.
    repeated = office.submit(extended, SOUND)
    assert only_movement(repeated).kind == verdict_pb2.MOVEMENT_KIND_EXTEND
    # Nothing is built upon what is in doubt.
    amended = change("SE-0001/26", 5, extension=submission_pb2.Extension(valid_to="2027-02-28"))
    assert codes(office.submit(amended, SOUND)) == ["N405"]
    first = only_movement(office.submit(suspended, SOUND))
    assert (first.version, first.status) == (3, license_pb2.LICENSE_STATUS_QUARANTINED)
    assert codes(office.draw("SE-0001/26", firma, 1)) == ["N433"]
    second = only_movement(office.submit(issue(), SOUND))
    assert (second.version, second.status) == (1, license_pb2.LICENSE_STATUS_ACTIVE)
    assert only_movement(office.draw("SE-0001/26", firma, 1))
    reasons = [each.reason for each in office.feed(CALLERS["se"])]
    assert reasons[-3:] == ["", "", ""]


def test_a_license_stands_afterwards_as_its_stops_and_notification_say(office: Office) -> None:
    office.submit(issue("SE-STOPPED"))
    office.submit(change("SE-STOPPED", 2, suspension=STOP), SOUND)
    waiting = issue("SE-WAITING")
    waiting.issue.ClearField("notified_at")
    office.submit(waiting)
    office.submit(issue("SE-REVOKED"))
    office.submit(change("SE-REVOKED", 2, revocation=STOP))
    office.submit(issue("SE-WITHDRAWN"))
    assert office.quarantine().licenses == 4
    withdrawn = change("SE-WITHDRAWN", 2, revocation=STOP)
    assert only_movement(office.submit(withdrawn, SOUND)).kind == verdict_pb2.MOVEMENT_KIND_REVOKE
    for submission, status in (
        (issue("SE-STOPPED"), license_pb2.LICENSE_STATUS_SUSPENDED),
        (waiting, license_pb2.LICENSE_STATUS_AWAITING_NOTIFICATION),
        (issue("SE-REVOKED"), license_pb2.LICENSE_STATUS_QUARANTINED),
        (change("SE-REVOKED", 2, revocation=STOP), license_pb2.LICENSE_STATUS_REVOKED),
    ):
        assert only_movement(office.submit(submission, SOUND)).status == status
    # What is withdrawn for good stays so; the signature over it is the accepted change again.
    assert office.submit(issue("SE-WITHDRAWN"), SOUND).HasField("firma")
    assert office.record("SE-WITHDRAWN").standing.status == license_pb2.LICENSE_STATUS_REVOKED


def test_a_second_key_that_signed_again_can_be_lost_too(office: Office) -> None:
    firma = office.submit(issue()).firma.discharge_signature
    office.quarantine()
    office.submit(issue(), SOUND)
    assert office.quarantine(SOUND).licenses == 1
    assert office.quarantine(BAD).licenses == 0
    assert codes(office.draw("SE-0001/26", firma, 1)) == ["N433"]
    assert codes(office.submit(issue(), SOUND)) == ["F504"]
    assert only_movement(office.submit(issue(), THIRD))
    assert only_movement(office.draw("SE-0001/26", firma, 1))


def test_the_same_order_again_answers_the_same_and_holds_nothing_twice(office: Office) -> None:
    key = str(uuid.UUID(int=5))
    office.submit(issue())
    first = office.quarantine(key=key)
    moved = office.record("SE-0001/26").standing.permit_seq
    assert office.quarantine(key=key, at=1) == first
    office.restart()
    assert office.quarantine(key=key) == first
    assert office.record("SE-0001/26").standing.permit_seq == moved
    # Another order finds nothing that is not held.
    assert office.quarantine().licenses == 0
    other = office.order(BAD, LATE, key).SerializeToString()
    with pytest.raises(Refused, match="REQUEST_ID_REUSED"):
        office.cores[0].core.quarantine_certificate(OPERATOR, other, None)
    # And signed again, it stays so, whoever repeats the order.
    office.submit(issue(), SOUND)
    assert office.quarantine(key=key) == first
    assert office.record("SE-0001/26").standing.status == license_pb2.LICENSE_STATUS_ACTIVE


def test_an_order_that_nobody_waited_for_is_carried_out_by_the_next_start(office: Office) -> None:
    for number in range(30):
        office.submit(issue(f"SE-{number:03}"))
    key = str(uuid.UUID(int=6))
    order = office.order(BAD, EARLY, key).SerializeToString()
    with pytest.raises(Refused, match=r"OUTCOME_UNCERTAIN|NOT_DECIDED"):
        office.cores[0].core.quarantine_certificate(OPERATOR, order, 0.0)
    office.restart()
    assert office.quarantine(key=key).licenses == 30


def test_pages_tell_every_license_once(office: Office) -> None:
    numbers = [f"SE-{number:03}" for number in range(7)]
    for number in numbers:
        office.submit(issue(number))
    office.submit(change("SE-003", 2, suspension=STOP))
    found = office.affected(page_size=2)
    assert [each.license.permit_number for each in found] == numbers
    assert [list(each.versions) for each in found][3] == [1, 2]
    assert office.affected() == found
    assert office.affected(SOUND) == []


BAD_ORDERS: Final[list[tuple[str, dict[str, Any]]]] = [
    ("request_id", {"request_id": "x"}),
    ("certificate_sha256", {"certificate_sha256": b""}),
    ("certificate_sha256", {"certificate_sha256": bytes(33)}),
    ("signed_after", {"signed_after": None}),
    ("signed_after", {"signed_after": Timestamp(nanos=-1)}),
    ("reason", {"reason": "  "}),
]


@pytest.mark.parametrize(("field", "fields"), BAD_ORDERS)
def test_a_bad_order_names_its_field(office: Office, field: str, fields: dict[str, Any]) -> None:
    good: dict[str, Any] = {
        "request_id": str(uuid.uuid4()),
        "certificate_sha256": bytes(32),
        "signed_after": instant(EARLY),
        "reason": REASON,
    }
    order = operations.QuarantineCertificateRequest(**(good | fields))
    with pytest.raises(Refused, match="FIELD_INVALID") as refused:
        office.cores[0].core.quarantine_certificate(OPERATOR, order.SerializeToString(), None)
    assert refused.value.field == field


def test_nobody_but_an_operator_orders_or_reads_it(office: Office) -> None:
    order = office.order(BAD, EARLY, "").SerializeToString()
    for caller in (CALLERS["se"], CALLERS["lane"], Caller("auditor", "auditor")):
        with pytest.raises(Refused, match="ROLE_NOT_ALLOWED"):
            office.cores[0].core.quarantine_certificate(caller, order, None)
        with pytest.raises(Refused, match="ROLE_NOT_ALLOWED"):
            office.cores[0].core.list_affected_licenses(caller, b"")
