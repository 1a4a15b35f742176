"""A stream of submissions that outlives its connections.

The validator keeps how far a stream is answered, and every item carries its own key. So after a
cut the stream is opened again, what has no answer yet is sent again, and what was decided meanwhile
gets the answer that it had: each item is answered exactly once, in order.
"""

from __future__ import annotations

import queue
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Self

import grpc

from descargo.v1 import submission_service_pb2
from descargo_client.channel import Channel, fault_of
from descargo_client.faults import BadInput, StreamBroken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from descargo.v1.submission_service_pb2 import SubmitLicenseRequest, SubmitLicensesResponse
    from descargo.v1.verdict_pb2 import ItemAnswer
    from descargo_client.connection import Connection
    from descargo_client.faults import CallFault

FRAME_ITEMS_MAX: Final = 500
FRAME_BYTES_MAX: Final = 4 * 1024 * 1024
CREDIT_BYTES: Final = 8 * 1024 * 1024
"""Limits of the contract for a frame, and for what is without an answer."""
ITEM_FRAMING_BYTES: Final = 8
"""More than an item's tag and length take in a frame."""
ATTEMPTS_MAX: Final = 8
"""Connections in a row that bring no answer before the stream gives up: about half a minute."""
BACKOFF_S: Final = 0.2
"""Pause before the second connection; doubled before each further one."""
BACKOFF_MAX_S: Final = 10.0

_RESUMABLE: Final = frozenset(
    {"DRAINING", "STORE_UNAVAILABLE", "OUTCOME_UNCERTAIN", "OVERLOADED", "READER_STALLED"}
)
"""Reasons after which the same stream goes on."""
_CUT: Final = frozenset({"UNAVAILABLE", "INTERNAL", "UNKNOWN", "CANCELLED"})
"""What gRPC says of a connection that ended, without a reason of the validator's."""


@dataclass(frozen=True, slots=True)
class StreamAnswer:
    """One item and its answer."""

    sequence: int
    """The item's number on the stream."""
    request: SubmitLicenseRequest
    """What was sent."""
    item: ItemAnswer
    """Firma, error, or why there is no verdict."""


@dataclass(slots=True)
class _Waiting:
    """An item without an answer."""

    sequence: int
    request: SubmitLicenseRequest
    size: int


class AgencyStream:
    """An agency's stream. Use it as a context, or close it."""

    def __init__(
        self,
        connection: Connection,
        stream_id: str,
        *,
        answered: int | None = None,
        frame_items: int = 100,
        attempts_max: int = ATTEMPTS_MAX,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Names the stream; nothing is sent before the first answer is asked for.

        `answered` is the last sequence whose answer the caller holds: after a crash of the caller
        its items go on behind it. Without it they go on where the validator stands.
        """
        if not 1 <= frame_items <= FRAME_ITEMS_MAX:
            raise BadInput("stream.frame_items", value=frame_items, limit=FRAME_ITEMS_MAX)
        from descargo.v1.submission_service_pb2_grpc import SubmissionServiceStub  # noqa: PLC0415 - imports grpc

        self._channel = Channel(connection)
        self._stub = SubmissionServiceStub(self._channel.grpc)
        self._stream_id = stream_id
        self._answered = answered
        self._frame_items = frame_items
        self._attempts_max = attempts_max
        self._sleep = sleep
        self._waiting: deque[_Waiting] = deque()
        self._closed = False

    def __enter__(self) -> Self:
        """Returns the stream itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self.close()

    def close(self) -> None:
        """Ends the connection. The position stays with the validator."""
        self._closed = True
        self._channel.close()

    @property
    def answered(self) -> int | None:
        """The last sequence whose answer was handed out; None before the first connection."""
        return self._answered

    def submit(self, requests: Iterable[SubmitLicenseRequest]) -> Iterator[StreamAnswer]:
        """Submits in order and yields each item's answer, in order.

        Items are taken from `requests` as far as the credit allows, on the thread that asks for
        answers. Raises a CallFault when the stream cannot go on; what has no answer then can be
        submitted again, on this stream or another: its keys are the same.
        """
        source = iter(requests)
        fruitless = 0
        while True:
            try:
                for answer in self._connected(source):
                    fruitless = 0
                    yield answer
            except grpc.RpcError as error:
                fault = fault_of(error, self._channel.connection.server)
                fruitless += 1
                if self._closed or not _may_resume(fault) or fruitless >= self._attempts_max:
                    raise fault from error
                self._sleep(_pause(fault, fruitless))
            else:
                return

    def _connected(self, source: Iterator[SubmitLicenseRequest]) -> Iterator[StreamAnswer]:
        """One connection: until everything is answered, or gRPC says that it is over."""
        outbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        outbox.put(submission_service_pb2.SubmitLicensesRequest(stream_id=self._stream_id))
        call: Any = self._stub.SubmitLicenses(
            iter(outbox.get, None), metadata=self._channel.metadata
        )
        try:
            opening = next(call, None)
            if opening is None:
                raise StreamBroken("stream.ended")
            self._resume_at(opening.answered_sequence)
            window = _Window(self._frame_items, opening.credit, self._waiting)
            while window.fill(source, self._answered or 0, outbox.put):
                response = next(call, None)
                if response is None:
                    raise StreamBroken("stream.ended")
                yield from self._take(response)
                window.answered(len(response.answers), response.credit)
            outbox.put(None)
            _hear_out(call)
        finally:
            outbox.put(None)
            call.cancel()

    def _resume_at(self, position: int) -> None:
        if self._answered is None:
            self._answered = position
        if self._answered > position:
            # Answers that we hold are durable by the contract: this is another ledger.
            raise StreamBroken("stream.position", held=self._answered, position=position)

    def _take(self, response: SubmitLicensesResponse) -> Iterator[StreamAnswer]:
        sequence = response.answered_sequence - len(response.answers)
        for item in response.answers:
            sequence += 1
            if not self._waiting or self._waiting[0].sequence != sequence:
                raise StreamBroken("stream.order", sequence=sequence)
            request = self._waiting.popleft().request
            self._answered = sequence
            yield StreamAnswer(sequence, request, item)


class _Window:
    """What one connection has sent and not been answered, held within the credit."""

    def __init__(self, frame_items: int, credit: int, waiting: deque[_Waiting]) -> None:
        self._frame_items = frame_items
        self._credit = credit
        self._waiting = waiting
        self._unsent = deque(waiting)
        self._sent: deque[int] = deque()
        self._sent_bytes = 0
        self._exhausted = False

    def fill(
        self,
        source: Iterator[SubmitLicenseRequest],
        answered: int,
        send: Callable[[submission_service_pb2.SubmitLicensesRequest], None],
    ) -> bool:
        """Sends what fits; says whether answers are still to come."""
        while True:
            self._pull(source, answered)
            frame = self._frame()
            if not frame:
                return bool(self._sent)
            for item in frame:
                self._unsent.popleft()
                self._sent.append(item.size)
                self._sent_bytes += item.size
            send(
                submission_service_pb2.SubmitLicensesRequest(
                    first_sequence=frame[0].sequence, items=[item.request for item in frame]
                )
            )

    def answered(self, count: int, credit: int) -> None:
        """So many of the oldest are answered."""
        self._credit = credit
        for _ in range(count):
            self._sent_bytes -= self._sent.popleft()

    def _pull(self, source: Iterator[SubmitLicenseRequest], answered: int) -> None:
        """Takes items from the source until a frame of them waits."""
        while len(self._unsent) < self._frame_items and not self._exhausted:
            request = next(source, None)
            if request is None:
                self._exhausted = True
                return
            size = request.ByteSize()
            if size + ITEM_FRAMING_BYTES > FRAME_BYTES_MAX:
                raise BadInput("submission.too_long", size=size, limit=FRAME_BYTES_MAX)
            last = self._waiting[-1].sequence if self._waiting else answered
            item = _Waiting(last + 1, request, size)
            self._waiting.append(item)
            self._unsent.append(item)

    def _frame(self) -> list[_Waiting]:
        """The next frame: a whole one or the last, as soon as the credit has room for it."""
        count = min(len(self._unsent), self._frame_items)
        if len(self._sent) + count > self._credit and self._sent:
            return []
        frame: list[_Waiting] = []
        frame_bytes = ITEM_FRAMING_BYTES * 2
        outstanding = self._sent_bytes
        for item in islice(self._unsent, min(count, self._credit)):
            frame_bytes += item.size + ITEM_FRAMING_BYTES
            outstanding += item.size
            if frame_bytes > FRAME_BYTES_MAX or outstanding > CREDIT_BYTES:
                break
            frame.append(item)
        return frame


def _hear_out(call: Any) -> None:
    """Lets the validator end the stream; how it does changes nothing any more."""
    with suppress(grpc.RpcError):
        for _ in call:
            pass


def _may_resume(fault: CallFault) -> bool:
    reason = fault.failure.reason
    return reason in _RESUMABLE if reason else fault.failure.status in _CUT


def _pause(fault: CallFault, attempt: int) -> float:
    """Seconds before the next connection; the validator's own wish counts, within the bound."""
    asked = fault.failure.retry_after_s
    pause = BACKOFF_S * 2 ** (attempt - 1) if asked is None else asked
    return min(pause, BACKOFF_MAX_S)
