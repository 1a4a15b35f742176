"""How long a stream waits for a reader that takes nothing, by a clock that the test moves.

The server's timers go by the loop's clock, so a loop with another clock is all that it takes.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from descargo_server import limits
from descargo_server.refused import Refused
from descargo_server.streams.submit import Exchange, Submissions
from descargo_server.streams.watch import Watcher, Watches
from descargo_server.telemetry.metrics import Metrics
from tests.support.still_loop import run_still

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from tests.support.still_loop import StillLoop

STEP_S = 0.001
"""The border's width; timers are no finer."""


@dataclass
class Reader:
    """A client that takes a number of messages and then none."""

    takes: int
    taken: list[bytes] = field(default_factory=list)
    offered: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while a message is held out to him."""

    async def read(self) -> object:
        """Sends nothing, and does not end."""
        return await asyncio.Event().wait()

    async def send_initial_metadata(self, _metadata: object) -> None:
        """Takes it."""

    async def write(self, message: bytes) -> None:
        """Returns when it is taken; for one that is not, never."""
        if len(self.taken) >= self.takes:
            self.offered.set()
            await asyncio.Event().wait()
        self.taken.append(message)


@dataclass
class Desk:
    """What a stream needs of the desk: two events, then nothing."""

    metrics: Metrics = field(default_factory=Metrics)

    @property
    def engine(self) -> Desk:
        """The core is here too."""
        return self

    def watch_part(self, _caller: object, _cursor: str) -> tuple[list[bytes], str, bool]:
        """Two events."""
        return [b"first", b"second"], "cursor", False


class Items:
    """A stream of submissions with items that wait."""

    def wrote(self) -> None:
        """One more went out."""

    def waiting(self) -> int:
        """Always some."""
        return 1


def feed(reader: Reader, stalled_s: float) -> Coroutine[Any, Any, None]:
    """A feed that tells two events."""
    watches = Watches(limits.HEARTBEAT_S, stalled_s, Path("none"))
    desk, caller, context = (cast("Any", part) for part in (Desk(), None, reader))
    return Watcher(desk, watches, caller, context, lambda: None).follow("")


def submissions(reader: Reader, stalled_s: float) -> Coroutine[Any, Any, None]:
    """A stream of submissions that tells a position and an answer."""
    told: asyncio.Queue[Any] = asyncio.Queue()
    for message in (b"first", b"second"):
        told.put_nowait((7, message, None))
    desk, context, stream = (cast("Any", part) for part in (Desk(), reader, Items()))
    exchange = Exchange(desk, Submissions(stalled_s), context, stream, told, lambda: None)
    return exchange.run()


@pytest.mark.parametrize("opened", [feed, submissions])
@pytest.mark.parametrize("takes", [0, 1])
def test_a_reader_has_thirty_seconds_for_each_message(
    opened: Callable[[Reader, float], Coroutine[Any, Any, None]], takes: int
) -> None:
    async def scene(loop: StillLoop) -> None:
        reader = Reader(takes)
        task = asyncio.ensure_future(opened(reader, limits.READER_STALLED_S))
        await reader.offered.wait()
        await loop.pass_by(limits.READER_STALLED_S - STEP_S)
        assert not task.done()
        await loop.pass_by(2 * STEP_S)
        assert task.done()
        with pytest.raises(Refused, match="READER_STALLED") as caught:
            await task
        assert "30 s" in caught.value.detail
        assert reader.taken == [b"first", b"second"][:takes]

    assert limits.READER_STALLED_S == 30
    run_still(scene)
