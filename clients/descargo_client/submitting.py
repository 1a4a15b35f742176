"""Submits many licenses over one channel, several at a time, in order within each license.

A fault of the transport or a refused identity would befall every further item too, so it stops the
run; what was not sent then is said to be so, and running the file again goes on from there.
"""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from descargo_client.agency import Agency, Form
from descargo_client.channel import Channel
from descargo_client.documents import outcome_of
from descargo_client.faults import BadFile, ClientError, NotAllowed, TransportFault

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from descargo.v1.verdict_pb2 import Answer
    from descargo_client.connection import Connection
    from descargo_client.forms.items import Item
    from descargo_client.outbox import Outbox
    from descargo_client.signing import Signer

FAULT: Final = "FAULT"
"""The validator's reason for what went wrong on its side: it may befall one item alone."""

State = Literal["firma", "error", "unreadable", "refused", "not_sent"]


@dataclass(frozen=True, slots=True)
class Result:
    """How one item of a file ended."""

    item: Item
    """The item."""
    state: State
    """A verdict, or why there is none."""
    request_id: str = ""
    """Key that it was sent under; empty when it was not."""
    answer: Answer | None = None
    """The answer, for `firma` and `error`."""
    fault: ClientError | None = None
    """Why there is no answer."""


class Submitter:
    """Submits the items of one file."""

    def __init__(  # noqa: PLR0917 - each is a different thing
        self,
        connection: Connection,
        signer: Signer,
        outbox: Outbox,
        validator: str,
        clock: Callable[[], datetime],
        parallel: int = 8,
        form: Form = "payload",
        *,
        faults_are_final: bool = False,
    ) -> None:
        """Keeps what every item needs; the channel is opened with the first submission.

        With `faults_are_final` an item that the validator has a fault with ends alone; otherwise
        it ends the run, to be tried again.
        """
        self._connection = connection
        self._signer = signer
        self._outbox = outbox
        self._validator = validator
        self._clock = clock
        self._parallel = parallel
        self._form: Form = form
        self._faults_are_final = faults_are_final
        self._stop: ClientError | None = None
        self._ended = False

    def stop(self) -> None:
        """Ends `submit` after the licenses under way; may be called from a signal."""
        self._ended = True

    def submit(self, items: list[Item], done: Callable[[Result], None]) -> list[Result]:
        """Submits all; calls `done` from this thread for each as it ends; returns them in order."""
        results: dict[int, Result] = {}
        chains: dict[tuple[str, ...], list[int]] = {}
        for position, item in enumerate(items):
            name = item.submission.license
            identity = (name.agency, name.permit_key, name.permit_number)
            chains.setdefault(identity, []).append(position)
        with Channel(self._connection) as channel:
            agency = Agency(channel)
            pool = ThreadPoolExecutor(self._parallel, thread_name_prefix="submit")
            try:
                waiting = {
                    pool.submit(self._first, agency, items, chain): chain
                    for chain in chains.values()
                }
                self._collect(pool, agency, items, waiting, results, done)
            except BaseException:
                # Ctrl-C: closing the channel ends the calls under way, so that no thread is waited
                # for.
                channel.close()
                raise
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
        return [results[position] for position in range(len(items))]

    def _collect(  # noqa: PLR0917 - one loop's state
        self,
        pool: ThreadPoolExecutor,
        agency: Agency,
        items: list[Item],
        waiting: dict[Future[Result], list[int]],
        results: dict[int, Result],
        done: Callable[[Result], None],
    ) -> None:
        """Takes results as they come; a license's next item starts when the one before ended."""
        while waiting:
            ended, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in ended:
                chain = waiting.pop(future)
                result = future.result()
                results[chain[0]] = result
                done(result)
                if chain[1:]:
                    waiting[pool.submit(self._first, agency, items, chain[1:])] = chain[1:]

    def _first(self, agency: Agency, items: list[Item], chain: list[int]) -> Result:
        return self._submit_one(agency, items[chain[0]])

    def _submit_one(self, agency: Agency, item: Item) -> Result:
        if item.problems:
            return Result(item, "unreadable")
        if self._ended or self._stop is not None:
            return Result(item, "not_sent", fault=self._stop)
        request_id = ""
        try:
            letter = self._outbox.letter(
                item.submission,
                self._signer,
                validator=self._validator,
                signed_at=self._clock(),
                form=self._form,
            )
            request_id = letter.request_id
            answer = agency.submit(letter.envelope, request_id, letter.submission)
        except BadFile as fault:
            # Form 1 has no place for something that it says; a payload would have.
            told = item.read(item.lines, item.submission, fault.problems)
            return Result(told, "unreadable")
        except (TransportFault, NotAllowed) as fault:
            alone = self._faults_are_final and fault.reason == FAULT
            if not alone:
                self._stop = fault
            return Result(item, "refused" if alone else "not_sent", request_id, fault=fault)
        except ClientError as fault:
            return Result(item, "refused", request_id, fault=fault)
        outcome = outcome_of(answer.verdict)
        self._outbox.answered(letter, outcome)
        return Result(item, "firma" if outcome == "firma" else "error", request_id, answer)
