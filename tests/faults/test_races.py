"""A suspension that one worker acknowledged binds every exercise that is sent to any worker then.

A race: an agency suspends at one worker while lanes exercise at both. What was sent before the
acknowledgement may pass, but only with a place in the license's history before the suspension; what
is sent after it never does. Then the agency reinstates, and a lane's next exercise passes.
"""

from __future__ import annotations

import itertools
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from descargo.v1 import submission_service_pb2_grpc, validation_service_pb2_grpc
from tests.support import books, messages
from tests.support.changes import change, end_of, stop
from tests.support.workers import workers
from tests.support.world import LANE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import grpc

    from descargo.v1 import submission_pb2, verdict_pb2
    from tests.support.world import World

LONG: Final = os.environ.get("HYPOTHESIS_PROFILE") == "long"
RACES: Final = 10_000 if LONG else 200
AGENCIES: Final = 4
"""Races at a time."""
RACES_EACH: Final = 25
"""Races on one license, whose versions grow by two with each."""
UNDER_WAY: Final = 3
"""Exercises at each worker that are sent just before the suspension."""
PATIENCE_S: Final = 60.0


@dataclass(frozen=True)
class Place:
    """One worker, as an agency and a lane reach it."""

    agency: Any
    lane: Any

    @classmethod
    def of(cls, agency: grpc.Channel, lane: grpc.Channel) -> Place:
        """The stubs of two channels."""
        return cls(
            submission_service_pb2_grpc.SubmissionServiceStub(agency),
            validation_service_pb2_grpc.ValidationServiceStub(lane),
        )


@dataclass
class Contest:
    """The races on one license."""

    world: World
    places: tuple[Place, Place]
    number: str
    serials: Iterator[int]
    firma: str = ""
    passed: int = 0

    def run(self) -> int:
        """All of them; returns how many exercises passed that were under way."""
        self.firma = self.submit(
            self.places[0], messages.license_submission(self.number, content=plenty())
        ).firma.discharge_signature
        for race in range(RACES_EACH):
            self.race(2 + 2 * race, self.places[race % 2], self.places[1 - race % 2])
        return self.passed

    def race(self, version: int, here: Place, there: Place) -> None:
        """Suspends here while lanes exercise on both sides, reinstates there."""
        suspension = self.signed(change(self.number, version, suspension=stop()))
        under_way = [
            place.lane.ValidateLicense.future(self.exercise(), timeout=PATIENCE_S)
            for _ in range(UNDER_WAY)
            for place in (there, here)
        ]
        acknowledged = here.agency.SubmitLicense(suspension, timeout=PATIENCE_S).answer.verdict
        # From here on nothing passes.
        later = [
            place.lane.ValidateLicense.future(self.exercise(), timeout=PATIENCE_S)
            for place in (there, here)
        ]
        (suspended,) = acknowledged.firma.movements
        for call in later:
            assert codes(call.result().answer.verdict) == ["N419"]
        for call in under_way:
            verdict = call.result().answer.verdict
            if verdict.HasField("firma"):
                self.passed += 1
                assert verdict.firma.movements[0].permit_seq < suspended.permit_seq
            else:
                assert codes(verdict) == ["N419"]
        verdict = self.submit(
            there, change(self.number, version + 1, reinstatement=end_of(version))
        )
        assert verdict.HasField("firma"), verdict
        free = here.lane.ValidateLicense(self.exercise(), timeout=PATIENCE_S).answer.verdict
        assert free.HasField("firma"), free

    def submit(self, place: Place, submission: submission_pb2.Submission) -> verdict_pb2.Verdict:
        """What a worker answers to the agency."""
        request = self.signed(submission)
        verdict: verdict_pb2.Verdict = place.agency.SubmitLicense(
            request, timeout=PATIENCE_S
        ).answer.verdict
        return verdict

    def signed(self, submission: submission_pb2.Submission) -> Any:
        """The request of a submission that the agency signs."""
        return messages.submit_request(self.world.sign(submission))

    def exercise(self) -> Any:
        """A draw that nobody made before."""
        return messages.validate_request(
            messages.declaration(
                messages.license_id(self.number),
                self.firma,
                number=messages.declaration_number(next(self.serials)),
            )
        )


def plenty() -> Any:
    """A license that is not used up by all of its races."""
    line = messages.license_line(quantity="1000000")
    return messages.license_content(lines=[line])


def codes(verdict: verdict_pb2.Verdict) -> list[str]:
    return [finding.code for finding in verdict.findings]


def test_no_exercise_passes_after_a_suspension_was_acknowledged(
    world: World, tmp_path: Path
) -> None:
    serials = itertools.count(1)
    with workers(world, tmp_path) as live:
        agencies, lanes = live.channels("se"), live.channels(LANE)
        one, other = (Place.of(agencies[number], lanes[number]) for number in sorted(agencies))
        with ThreadPoolExecutor(AGENCIES) as together:
            contests = [
                together.submit(Contest(world, (one, other), f"RACE-{number}", serials).run)
                for number in range(RACES // RACES_EACH)
            ]
            passed = sum(contest.result() for contest in contests)
        # Both ends of a race were seen, or it would be none.
        assert 0 < passed < RACES * 2 * UNDER_WAY
        assert live.server.stop() == 0
        # Ten thousand refusals of a caller are kept; the long run has more.
        books.audit(live.server.ledger, thorough=True, all_kept=not LONG)
