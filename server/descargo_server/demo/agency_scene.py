"""An agency at work: a stream that is cut, a suspension that binds at once, and the agency's feed.

As in the story, each step insists on what it expects; the feed is held against every answer that
the agency's licenses got in the whole demo.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from descargo.v1 import submission_service_pb2
from descargo_client.agency import request_id_of
from descargo_server.demo.exercises import NUEVO_LAREDO, TIJUANA, Exercise
from descargo_server.demo.grants import (
    reinstatement_document,
    submission_document,
    suspension_document,
)
from descargo_server.demo.story import Drawn, StepFailed, expect

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from descargo.v1.submission_service_pb2 import SubmitLicenseRequest, WatchExercisesResponse
    from descargo.v1.verdict_pb2 import Answer, RecordedMovement
    from descargo_server.demo.grants import Grant
    from descargo_server.demo.story import Story

__all__ = ["AgencyScene", "Changed", "Fed", "Streamed"]

FRAME_ITEMS: Final = 10
CUT_AFTER: Final = 50
"""Answers that the agency holds when its line is cut."""
CABLE_BYTES: Final = 250_000
"""What the line brings before it is cut, so that the last answers are never among it: less than the
answers to the whole stream take, and more than those above and one more message of answers."""
FEED_SHOWN: Final = 6


@dataclass(frozen=True, slots=True)
class Streamed:
    """What a stream looked like from the agency's side."""

    grants: Sequence[Grant]
    before: int
    """Answers that came before the cut."""
    resent: int
    """Licenses that had been sent and had no answer then, and were sent again."""
    after: int
    """Answers that came after the cut."""
    duplicates: int
    """How often a license came into being more than once."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A license that its agency changed, with the answer."""

    how: str
    """Key of the text that says what was done."""
    grant: Grant
    answer: Answer


@dataclass(frozen=True, slots=True)
class Fed:
    """The agency's feed."""

    movements: Sequence[RecordedMovement]
    """The last ones."""
    count: int
    """Movements of the whole feed."""
    cursor: str
    """From where on the last ones are told."""
    told: int
    """Events after the cursor, alerts included."""


class AgencyScene:
    """The scene's steps, in order."""

    def __init__(self, story: Story) -> None:
        """Takes the story, which knows everybody and keeps every answer."""
        self._story = story
        self._cast = story.cast
        self._grants = story.grants.streamed
        self._agency = self._grants[0].signer
        self._events: list[WatchExercisesResponse] = []

    def stream_licenses(self) -> Streamed:
        """Submits many licenses through one stream, whose connection is cut in the middle."""
        requests = [self._request(grant) for grant in self._grants]
        taken: list[SubmitLicenseRequest] = []
        answers: list[Answer] = []
        cuts: list[tuple[int, int]] = []

        def source() -> Iterator[SubmitLicenseRequest]:
            for request in requests:
                taken.append(request)
                yield request

        def cut_noticed() -> None:
            cuts.append((len(answers), len(taken) - len(answers)))

        with self._cast.cable(CABLE_BYTES) as cable:
            with self._cast.stream(self._agency, cable.port, FRAME_ITEMS, cut_noticed) as stream:
                for answered in stream.submit(source()):
                    self._take(answered.sequence, answered.item.answer, answers)
                    if len(answers) == CUT_AFTER:
                        cable.cut()
            connections = cable.connections
        seen = f"{len(cuts)} {connections} {len(answers)}"
        if seen != f"1 2 {len(requests)}":
            raise StepFailed("step_stream", self._agency, f"1 2 {len(requests)}", seen)
        self._story.keep("stream", *answers)
        (before, resent), *_ = cuts
        duplicates = self._duplicates(answers[-1].verdict.verdict_id)
        return Streamed(self._grants, before, resent, len(answers) - before, duplicates)

    def stop_license(self) -> list[Drawn | Changed]:
        """Suspends a license between two exercises: the lane is bound as soon as it has answered.

        The exercise after the suspension comes from the other office, over another connection.
        """
        story, grant = self._story, self._grants[-1]
        first = Exercise(NUEVO_LAREDO, grant, 5, "6000", "4800")
        second = Exercise(TIJUANA, grant, 4, "5000", "4000")
        suspension = suspension_document(grant, 2, story.start)
        reinstatement = reinstatement_document(grant, 3, story.start)
        return [
            story.exercise(first),
            self._change("suspended", grant, suspension),
            story.exercise(second, ("N419",)),
            self._change("reinstated", grant, reinstatement),
            story.exercise(second),
        ]

    def follow_feed(self) -> Fed:
        """Reads the feed on from where it was left; it must hold every movement, once, in order."""
        receipts = [answer.receipt for answer in self._moving()]
        last = [answer.verdict.verdict_id for answer in self._moving()][-1]
        self._read_until(last)
        told = [each for each in self._events if each.HasField("movement")]
        if [each.receipt for each in told] != receipts:
            raise StepFailed("step_feed", self._agency, str(len(receipts)), str(len(told)))
        shown = told[-FEED_SHOWN:]
        begin = self._events.index(shown[0])
        return Fed(
            [each.movement for each in shown],
            len(told),
            self._events[begin - 1].cursor,
            len(self._events) - begin,
        )

    def _request(self, grant: Grant) -> SubmitLicenseRequest:
        payload = self._cast.payload(submission_document(grant, self._story.start))
        envelope = self._cast.sealed(payload, grant.signer)
        return submission_service_pb2.SubmitLicenseRequest(
            request_id=request_id_of(envelope), envelope=envelope
        )

    def _take(self, sequence: int, answer: Answer, answers: list[Answer]) -> None:
        """Takes the next answer of the stream, which must be the next item's firma."""
        grant = self._grants[len(answers)]
        if sequence != len(answers) + 1:
            raise StepFailed("step_stream", grant.number, str(len(answers) + 1), str(sequence))
        expect("step_stream", grant.number, answer, "firma", ())
        answers.append(answer)
        self._story.firmas[grant.number] = answer.verdict.firma.discharge_signature

    def _change(self, how: str, grant: Grant, document: dict[str, Any]) -> Changed:
        envelope = self._cast.sealed(self._cast.payload(document), grant.signer)
        answer = self._cast.agency(grant.signer).submit(envelope)
        expect(f"step_{how}", grant.number, answer, "firma", ())
        self._story.keep(how, answer)
        return Changed(how, grant, answer)

    def _duplicates(self, last: str) -> int:
        """How many licenses of the stream came into being beyond once each, as the feed tells."""
        self._read_until(last)
        numbers = {grant.number for grant in self._grants}
        born = [
            each.movement.movement.license.permit_number
            for each in self._events
            if each.movement.movement.license.permit_number in numbers
        ]
        duplicates = len(born) - len(numbers)
        if duplicates or set(born) != numbers:
            raise StepFailed("step_stream", self._agency, str(len(numbers)), str(len(born)))
        return duplicates

    def _moving(self) -> list[Answer]:
        """Every answer so far that moved one of the agency's licenses, in order."""
        agency = self._grants[0].agency
        return [
            answer
            for answer in self._story.every_answer()
            for movement in answer.verdict.firma.movements
            if movement.license.agency == agency
        ]

    def _read_until(self, verdict_id: str) -> None:
        """Reads the feed on until it tells what this verdict moved."""
        cursor = self._events[-1].cursor if self._events else ""
        with closing(self._cast.feed(self._agency, cursor)) as events:
            for event in events:
                # Nothing for so long: the feed has not what was decided before it was asked.
                if event.HasField("heartbeat"):
                    raise StepFailed("step_feed", self._agency, verdict_id, "heartbeat")
                self._events.append(event)
                if event.movement.verdict_id == verdict_id:
                    return
