"""The life of a license through the real core: what each change does, shows and binds."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest

from descargo.v1 import license_pb2, submission_pb2, validation_service_pb2, verdict_pb2
from tests.support import books, messages
from tests.support.changes import change, end_of, record_of, stamp, stop, submit
from tests.support.engines import LEDGER, engine, open_engine
from tests.support.world import LANE, NOON

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.engines import LiveEngine
    from tests.support.world import World

NUMBER: Final = "SE-0001"
IN_FORCE: Final = ["amendment", "extension", "suspension", "revocation", "cancellation"]
SUSPENDED: Final = [*IN_FORCE[:3], "reinstatement", *IN_FORCE[3:]]
ROUNDS: Final = 100


@pytest.fixture
def live(world: World, tmp_path: Path) -> Iterator[LiveEngine]:
    with engine(world, tmp_path) as opened:
        yield opened
    books.audit(tmp_path / LEDGER, thorough=True)


def issue(live: LiveEngine, world: World, content: license_pb2.License | None = None) -> str:
    """Issues the license; returns its firma."""
    verdict = submit(live, world, messages.license_submission(NUMBER, content=content))
    assert verdict.HasField("firma"), verdict.findings
    return verdict.firma.discharge_signature


def accepted(
    live: LiveEngine, world: World, submission: submission_pb2.Submission
) -> list[verdict_pb2.Movement]:
    verdict = submit(live, world, submission)
    assert verdict.HasField("firma"), verdict.findings
    return list(verdict.firma.movements)


def exercise(live: LiveEngine, world: World, firma: str, serial: int) -> verdict_pb2.Verdict:
    return verdict_of(live, ask(live, world, firma, serial))


def ask(live: LiveEngine, world: World, firma: str, serial: int, quantity: str = "1") -> int:
    """Queues an exercise; returns its ticket."""
    declaration = messages.declaration(
        messages.license_id(NUMBER),
        firma,
        number=messages.declaration_number(serial),
        quantity=quantity,
    )
    request = messages.validate_request(declaration).SerializeToString()
    return live.core.validate_license(world.caller(LANE), request, None)


def verdict_of(live: LiveEngine, ticket: int) -> verdict_pb2.Verdict:
    response = live.answer(ticket)
    return validation_service_pb2.ValidateLicenseResponse.FromString(response).answer.verdict


def codes(verdict: verdict_pb2.Verdict) -> set[str]:
    return {finding.code for finding in verdict.findings}


def status_of(live: LiveEngine, world: World) -> str:
    status = record_of(live, world, NUMBER).standing.status
    return license_pb2.LicenseStatus.Name(status).removeprefix("LICENSE_STATUS_")


def test_a_license_tells_its_stops_and_what_may_come_next(live: LiveEngine, world: World) -> None:
    issue(live, world, messages.license_content(notified=False))
    record = record_of(live, world, NUMBER)
    assert list(record.next_steps) == ["suspension", "revocation", "cancellation", "notification"]
    (notified,) = accepted(live, world, change(NUMBER, 2, notification=stamp(NOON)))
    assert notified.kind == verdict_pb2.MOVEMENT_KIND_NOTIFY
    assert (notified.permit_seq, notified.version, notified.license_line_no) == (2, 2, 0)
    assert notified.status == license_pb2.LICENSE_STATUS_ACTIVE
    assert not notified.HasField("balance_after")
    record = record_of(live, world, NUMBER)
    assert record.license.notified_at == stamp(NOON)
    assert list(record.next_steps) == IN_FORCE
    (suspended,) = accepted(live, world, change(NUMBER, 3, suspension=stop()))
    assert suspended.status == license_pb2.LICENSE_STATUS_SUSPENDED
    record = record_of(live, world, NUMBER)
    assert list(record.next_steps) == SUSPENDED
    (shown,) = record.stops
    assert (shown.lines.every, shown.offices.every, shown.reason) == (True, True, stop().reason)
    assert shown.start_time == stamp(NOON)
    (reinstated,) = accepted(live, world, change(NUMBER, 4, reinstatement=end_of(3)))
    assert reinstated.status == license_pb2.LICENSE_STATUS_ACTIVE
    assert not record_of(live, world, NUMBER).stops
    accepted(live, world, change(NUMBER, 5, revocation=stop()))
    record = record_of(live, world, NUMBER)
    assert status_of(live, world) == "REVOKED"
    assert not record.next_steps
    assert (record.standing.version, record.standing.permit_seq) == (5, 5)


def test_a_suspension_ends_by_itself_and_the_license_expires(
    live: LiveEngine, world: World
) -> None:
    firma = issue(live, world)
    end = NOON + timedelta(hours=2)
    accepted(live, world, change(NUMBER, 2, suspension=stop(end=end)))
    live.clock.set(end - timedelta(seconds=1))
    assert (status_of(live, world), codes(exercise(live, world, firma, 1))) == (
        "SUSPENDED",
        {"N419"},
    )
    live.clock.set(end)
    assert status_of(live, world) == "ACTIVE"
    assert exercise(live, world, firma, 2).HasField("firma")
    assert not record_of(live, world, NUMBER).stops
    live.clock.move(timedelta(days=400))
    assert status_of(live, world) == "EXPIRED"
    first = record_of(live, world, NUMBER, version=1)
    assert list(first.next_steps) == ["suspension", "revocation", "cancellation"]


def test_an_extension_is_the_content_of_its_version_and_the_old_one_stays(
    live: LiveEngine, world: World
) -> None:
    firma = issue(live, world, messages.license_content(valid_to="2026-05-31"))
    extension = submission_pb2.Extension(valid_to="2026-06-30")
    (extended,) = accepted(live, world, change(NUMBER, 2, extension=extension))
    assert extended.kind == verdict_pb2.MOVEMENT_KIND_EXTEND
    live.clock.set(NOON + timedelta(days=40))
    assert exercise(live, world, firma, 1).HasField("firma")
    assert record_of(live, world, NUMBER).license.valid_to == "2026-06-30"
    old = record_of(live, world, NUMBER, version=1)
    assert old.license.valid_to == "2026-05-31"
    assert old.standing.status == license_pb2.LICENSE_STATUS_ACTIVE, "by its present last day"


def test_an_amendment_opens_an_exhausted_license_again(live: LiveEngine, world: World) -> None:
    lines = [messages.license_line(quantity="1000", value_usd="100")]
    content = messages.license_content(lines=lines)
    firma = issue(live, world, content)

    def draw(serial: int, value_usd: str) -> verdict_pb2.Verdict:
        declaration = messages.declaration(
            messages.license_id(NUMBER),
            firma,
            number=messages.declaration_number(serial),
            value_usd=value_usd,
        )
        response = live.validate(world.caller(LANE), messages.validate_request(declaration))
        return validation_service_pb2.ValidateLicenseResponse.FromString(response).answer.verdict

    assert draw(1, "100").firma.movements[0].status == license_pb2.LICENSE_STATUS_EXHAUSTED
    assert codes(draw(2, "1")) == {"N421"}
    content.lines[0].authorized.value_usd = "150.50"
    (amended,) = accepted(live, world, change(NUMBER, 2, amendment=content))
    assert amended.kind == verdict_pb2.MOVEMENT_KIND_AMEND
    assert amended.status == license_pb2.LICENSE_STATUS_ACTIVE
    assert (amended.license_line_no, amended.returned.value_usd) == (1, "50.5")
    assert amended.balance_after.available.value_usd == "50.5"
    assert draw(3, "50.50").HasField("firma")


def test_a_suspension_binds_what_is_queued_behind_it(live: LiveEngine, world: World) -> None:
    firma = issue(live, world)
    for round_no in range(10):
        version = 2 + 2 * round_no
        stopped = messages.submit_request(world.sign(change(NUMBER, version, suspension=stop())))
        serials = range(100 * round_no + 1, 100 * round_no + 21)
        # All of it waits in the queue together, so that one batch holds before and after.
        before = [ask(live, world, firma, serial) for serial in serials[:10]]
        live.core.submit_license(world.caller("se"), stopped.SerializeToString(), None)
        after = [ask(live, world, firma, serial) for serial in serials[10:]]
        assert all(verdict_of(live, ticket).HasField("firma") for ticket in before)
        assert all(codes(verdict_of(live, ticket)) == {"N419"} for ticket in after)
        accepted(live, world, change(NUMBER, version + 1, reinstatement=end_of(version)))


def test_a_suspension_that_is_answered_binds_every_worker(world: World, tmp_path: Path) -> None:
    workers = [open_engine(world, tmp_path) for _ in range(2)]
    try:
        firma = issue(workers[0], world)
        for round_no in range(ROUNDS):
            one, other = workers[round_no % 2], workers[1 - round_no % 2]
            version = 2 + 2 * round_no
            # The other worker is busy while the suspension is decided.
            racing = [ask(other, world, firma, 10 * round_no + part + 1) for part in range(3)]
            accepted(one, world, change(NUMBER, version, suspension=stop()))
            late = exercise(other, world, firma, 10 * round_no + 9)
            assert codes(late) == {"N419"}
            outcomes = [verdict_of(other, ticket) for ticket in racing]
            stopped = [verdict.HasField("error") for verdict in outcomes]
            assert stopped == sorted(stopped), "once stopped, it stays so"
            accepted(other, world, change(NUMBER, version + 1, reinstatement=end_of(version)))
            assert exercise(one, world, firma, 10 * round_no + 8).HasField("firma")
    finally:
        for worker in workers:
            worker.core.close()
    books.audit(tmp_path / LEDGER)
