"""One opening of a stream, its two halves moved by hand: stalled readers, ends, and draining."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest

from descargo_server.refused import Refused
from descargo_server.streams.submit import Exchange, Submissions
from descargo_server.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from descargo_server.engine import Completion

FOREVER_S = 3_600.0
AT_ONCE_S = 0.01


@dataclass
class FakeStream:
    """Counts items like the core does."""

    items: int = 0
    frames: list[bytes] = field(default_factory=list)
    refusal: Refused | None = None

    def frame(self, message: bytes) -> int:
        """One item each, unless it is to be refused."""
        if self.refusal is not None:
            raise self.refusal
        self.frames.append(message)
        self.items += 1
        return 1

    def wrote(self) -> None:
        """One item each; the opening's answer has none."""
        self.items = max(0, self.items - 1)

    def waiting(self) -> int:
        """Without an answer that was taken."""
        return self.items


@dataclass
class FakeCall:
    """A client that sends what a test puts in, and takes answers or does not."""

    sent: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)
    taken: list[bytes] = field(default_factory=list)
    takes_up_to: int = 1_000

    async def read(self) -> object:
        """The next message, or something that is none."""
        message = await self.sent.get()
        return message if message is not None else object()

    async def write(self, message: bytes) -> None:
        """Returns when it is taken; beyond `takes_up_to` never."""
        if len(self.taken) >= self.takes_up_to:
            await asyncio.Event().wait()
        self.taken.append(message)


@dataclass
class FakeDesk:
    """All that an exchange needs of the desk."""

    metrics: Metrics = field(default_factory=Metrics)


@dataclass
class Opening:
    """An exchange and everything around it."""

    stalled_s: float
    stream: FakeStream = field(default_factory=FakeStream)
    call: FakeCall = field(default_factory=FakeCall)
    told: asyncio.Queue[Completion | None] = field(default_factory=asyncio.Queue)
    revoked: bool = False

    def __post_init__(self) -> None:
        """Opens."""
        self.submissions = Submissions(self.stalled_s)
        self.tell(b"position")

    def tell(self, message: bytes | None, refusal: str = "") -> None:
        """What the core says."""
        self.told.put_nowait((7, message, (refusal, "", "", None) if refusal else None))

    def start(self) -> asyncio.Task[None]:
        """Runs it."""
        desk, call, stream = (cast("Any", part) for part in (FakeDesk(), self.call, self.stream))
        exchange = Exchange(desk, self.submissions, call, stream, self.told, self._recheck)
        return asyncio.create_task(exchange.run())

    def _recheck(self) -> None:
        if self.revoked:
            raise Refused("CERTIFICATE_REVOKED")


async def until_read(opening: Opening, frames: int) -> None:
    """Lets the loop run until so many frames were let in; the test's timeout bounds it."""
    while len(opening.stream.frames) < frames:  # noqa: ASYNC110 - the condition has no event
        await asyncio.sleep(0)


async def ended(task: asyncio.Task[None]) -> str:
    """The reason that it ends with; empty when it ends well."""
    try:
        await task
    except Refused as refused:
        return refused.reason
    return ""


@pytest.mark.parametrize("takes", [0, 1, 3])
async def test_a_reader_that_takes_nothing_is_given_up(takes: int) -> None:
    opening = Opening(AT_ONCE_S)
    opening.call.takes_up_to = takes
    for number in range(4):
        opening.call.sent.put_nowait(b"frame %d" % number)
        opening.tell(b"answer %d" % number)
    assert await ended(opening.start()) == "READER_STALLED"
    assert len(opening.call.taken) == takes


async def test_an_answer_uses_no_credit_once_the_agency_may_have_read_it() -> None:
    opening = Opening(FOREVER_S)
    opening.call.sent.put_nowait(b"frame")
    task = opening.start()
    await until_read(opening, 1)
    waiting: list[int] = []

    async def write(message: bytes) -> None:
        waiting.append(opening.stream.waiting())
        opening.call.taken.append(message)

    opening.call.write = write  # type: ignore[method-assign]
    opening.tell(b"answer")
    opening.call.sent.put_nowait(None)
    assert await ended(task) == ""
    assert waiting == [0]


async def test_an_agency_that_has_no_more_gets_every_answer_first() -> None:
    opening = Opening(FOREVER_S)
    opening.call.sent.put_nowait(b"frame")
    opening.call.sent.put_nowait(None)
    task = opening.start()
    await until_read(opening, 1)
    assert not task.done()
    opening.tell(b"answer")
    assert await ended(task) == ""
    assert opening.call.taken == [b"position", b"answer"]


async def test_a_frame_that_is_refused_ends_it_after_the_answers() -> None:
    opening = Opening(FOREVER_S)
    opening.call.sent.put_nowait(b"frame")
    task = opening.start()
    await until_read(opening, 1)
    opening.stream.refusal = Refused("SEQUENCE_GAP")
    opening.call.sent.put_nowait(b"gap")
    opening.tell(b"answer")
    assert await ended(task) == "SEQUENCE_GAP"
    assert opening.call.taken == [b"position", b"answer"]


async def test_what_the_core_says_ends_it_at_once() -> None:
    opening = Opening(FOREVER_S)
    opening.call.sent.put_nowait(b"frame")
    task = opening.start()
    await until_read(opening, 1)
    opening.tell(None, "STREAM_SUPERSEDED")
    assert await ended(task) == "STREAM_SUPERSEDED"


async def test_a_certificate_revoked_meanwhile_lets_no_frame_in() -> None:
    opening = Opening(FOREVER_S)
    opening.call.sent.put_nowait(b"frame")
    task = opening.start()
    await until_read(opening, 1)
    opening.revoked = True
    opening.call.sent.put_nowait(b"another")
    opening.tell(b"answer")
    assert await ended(task) == "CERTIFICATE_REVOKED"
    assert opening.stream.frames == [b"frame"]
    assert opening.call.taken == [b"position", b"answer"]


async def test_a_server_that_stops_answers_what_it_let_in() -> None:
    opening = Opening(FOREVER_S)
    opening.call.sent.put_nowait(b"frame")
    task = opening.start()
    await until_read(opening, 1)
    opening.submissions.close()
    opening.tell(b"answer")
    assert await ended(task) == "DRAINING"
    assert opening.call.taken == [b"position", b"answer"]
    late = Opening(FOREVER_S)
    late.submissions.close()
    assert await ended(late.start()) == "DRAINING"


async def test_a_fault_of_the_reading_is_no_good_end() -> None:
    opening = Opening(FOREVER_S)
    opening.stream.refusal = cast("Refused", RuntimeError("the core panicked"))
    opening.call.sent.put_nowait(b"frame")
    with pytest.raises(RuntimeError, match="panicked"):
        await opening.start()


async def test_a_cancelled_call_stays_cancelled() -> None:
    opening = Opening(FOREVER_S)
    opening.call.sent.put_nowait(b"frame")
    task = opening.start()
    await until_read(opening, 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not [other for other in asyncio.all_tasks() if other is not asyncio.current_task()]
