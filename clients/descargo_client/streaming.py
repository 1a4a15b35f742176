"""Submits the items of a file over one stream, and ends as submitting them one by one does.

The outbox keeps what was signed and under which key, the stream's state how far it is answered. So
a run that was killed goes on behind the last answer that it kept, and repeats nothing.
"""

from __future__ import annotations

import hashlib
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from descargo.v1 import submission_service_pb2
from descargo_client import agency
from descargo_client.channel import fault_of_item
from descargo_client.documents import outcome_of
from descargo_client.faults import BadFile, ClientError
from descargo_client.stream import AgencyStream
from descargo_client.stream_state import Origin, StreamState
from descargo_client.submitting import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from descargo.v1.submission_service_pb2 import SubmitLicenseRequest
    from descargo.v1.verdict_pb2 import ItemAnswer
    from descargo_client.connection import Connection
    from descargo_client.forms.items import Item
    from descargo_client.outbox import Letter, Outbox
    from descargo_client.signing import Signer
    from descargo_client.submitting import State


@dataclass(frozen=True, slots=True)
class Teller:
    """Who is told what happens to the stream itself."""

    resumed: Callable[[int, int], None] = lambda _held, _total: None
    """So many of so many items were answered in earlier runs."""
    waiting: Callable[[float], None] = lambda _seconds: None
    """The connection broke; the next is tried after so many seconds."""


class StreamSubmitter:
    """Submits the items of one file over a stream."""

    def __init__(  # noqa: PLR0917 - each is a different thing
        self,
        connection: Connection,
        signer: Signer,
        outbox: Outbox,
        validator: str,
        clock: Callable[[], datetime],
        state: Path | None,
        form: agency.Form = "payload",
        teller: Teller | None = None,
    ) -> None:
        """Keeps what every item needs; `state` is where the stream's state is kept."""
        self._connection = connection
        self._signer = signer
        self._outbox = outbox
        self._validator = validator
        self._clock = clock
        self._state = state
        self._form: agency.Form = form
        self._teller = teller or Teller()

    def submit(self, items: Sequence[Item], done: Callable[[Result], None]) -> list[Result]:
        """Submits all; calls `done` for each as it ends; returns them in order."""
        with StreamState(self._state, self._origin(items)) as state:
            run = _Run(items, done)
            self._take_up(state, run)
            for position, item in enumerate(items):
                if item.problems:
                    run.end(position, Result(item, "unreadable"))
            fault = self._stream(state, run) if run.left() else None
            if fault is None:
                state.finish()
            keys = {position: letter.request_id for position, letter in run.sent}
            for position in run.left():
                key = keys.get(position, "")
                run.end(position, Result(items[position], "not_sent", key, fault=fault))
        return [run.results[position] for position in range(len(items))]

    def _origin(self, items: Sequence[Item]) -> Origin:
        digest = hashlib.sha256()
        for item in items:
            said = (*item.lines, *(each.key for each in item.problems))
            for part in (repr(said).encode(), agency.serialise(item.submission)):
                digest.update(len(part).to_bytes(8, "big"))
                digest.update(part)
        signer = hashlib.sha256(self._signer.certificate.encoding).hexdigest()
        return Origin(digest.hexdigest(), signer, self._validator, len(items))

    def _take_up(self, state: StreamState, run: _Run) -> None:
        """What earlier runs were answered."""
        for held in state.held:
            result = _result(run.items[held.position], held.answer)
            if result.answer is not None:
                outcome = outcome_of(result.answer.verdict)
                self._outbox.settle(held.content_key, held.answer.request_id, outcome)
            run.end(held.position, result)
        if state.held:
            self._teller.resumed(len(state.held), len(run.items))

    def _stream(self, state: StreamState, run: _Run) -> ClientError | None:
        """Submits what is left; returns why it could not go on, if so."""
        stream = AgencyStream(
            self._connection, state.stream_id, answered=state.answered, sleep=self._wait
        )
        with stream:
            try:
                for answer in stream.submit(self._requests(run)):
                    position, letter = run.sent.popleft()
                    # First the stream's state: what it has is not sent again, whatever the outbox
                    # knows.
                    state.keep(position, letter.content_key, answer.item)
                    result = _result(run.items[position], answer.item)
                    if result.answer is not None:
                        self._outbox.answered(letter, outcome_of(result.answer.verdict))
                    run.end(position, result)
            except ClientError as fault:
                return fault
        return None

    def _requests(self, run: _Run) -> Iterator[SubmitLicenseRequest]:
        """Signs as far as the stream takes; what cannot be signed has no place on it."""
        for position in run.left():
            item = run.items[position]
            try:
                letter = self._outbox.letter(
                    item.submission,
                    self._signer,
                    validator=self._validator,
                    signed_at=self._clock(),
                    form=self._form,
                )
            except BadFile as fault:
                # Form 1 has no place for something that it says; a payload would have.
                told = item.read(item.lines, item.submission, fault.problems)
                run.end(position, Result(told, "unreadable"))
                continue
            except ClientError as fault:
                run.end(position, Result(item, "refused", fault=fault))
                continue
            run.sent.append((position, letter))
            yield submission_service_pb2.SubmitLicenseRequest(
                request_id=letter.request_id,
                envelope=letter.envelope,
                submission=letter.submission,
            )

    def _wait(self, seconds: float) -> None:
        self._teller.waiting(seconds)
        time.sleep(seconds)


class _Run:
    """How far the items of the file are."""

    def __init__(self, items: Sequence[Item], done: Callable[[Result], None]) -> None:
        self.items = items
        self.results: dict[int, Result] = {}
        self.sent: deque[tuple[int, Letter]] = deque()
        """Items without an answer, by their place, in the order of the stream."""
        self._done = done

    def end(self, position: int, result: Result) -> None:
        self.results[position] = result
        self._done(result)

    def left(self) -> list[int]:
        """Places of the items that have not ended."""
        return [position for position in range(len(self.items)) if position not in self.results]


def _result(item: Item, answer: ItemAnswer) -> Result:
    """How an item ended, as if it had been sent alone."""
    if not answer.HasField("answer"):
        fault = fault_of_item(answer.refusal, answer.request_id)
        return Result(item, "refused", answer.request_id, fault=fault)
    verdict = answer.answer.verdict
    state: State = "firma" if outcome_of(verdict) == "firma" else "error"
    return Result(item, state, answer.request_id, answer.answer)
