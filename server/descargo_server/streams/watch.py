"""WatchExercises: an agency follows the movements of its licenses.

The core tells a part of the feed at a time, from a cursor alone; nothing of a watcher is kept here
but the part that is being sent, at most 1 MiB and one verdict. The writer's wake-up of the loop
wakes the watchers too, and so do the commits of other processes, within LOOK_S of `elsewhere`. Each
watcher also looks by itself once a second, so that one wake-up more or less changes nothing.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import grpc

from descargo.v1 import submission_service_pb2
from descargo_server import limits
from descargo_server.identity.outstanding import Outstanding
from descargo_server.identity.permissions import SUBMISSION_SERVICE
from descargo_server.refused import Refused
from descargo_server.rpc.errors import abort_with
from descargo_server.rpc.handlers import NOT_OURS, admitted, refusal_of, still_admitted
from descargo_server.streams.elsewhere import Elsewhere
from descargo_server.telemetry.metrics import ANSWERED, CANCELLED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from descargo_server._core import Caller
    from descargo_server.rpc.handlers import Desk, ServicerContext

__all__ = ["METHOD", "Watches", "watch_handler"]

METHOD: Final = f"/{SUBMISSION_SERVICE}/WatchExercises"

LOOK_AGAIN_S: Final = 1.0
"""How long a movement may take to be told at worst, if its commit woke nobody."""

GATHER_S: Final = 0.01
"""After a wake-up others follow within milliseconds: one look serves them all, so that watchers
cost the lanes at most a hundred looks a second each."""


class Watches:
    """The watchers of this process."""

    def __init__(self, heartbeat_s: float, stalled_s: float, ledger: Path) -> None:
        """`heartbeat_s`: longest silence; `stalled_s`: longest wait for a reader."""
        self.heartbeat_s = heartbeat_s
        self.stalled_s = stalled_s
        self.outstanding = Outstanding(limits.WATCHERS_PER_IDENTITY_MAX)
        self.closing = False
        self._bells: set[asyncio.Event] = set()
        self._elsewhere = Elsewhere(ledger, self._ring)

    def __len__(self) -> int:
        """How many watch now."""
        return len(self._bells)

    def wake(self) -> None:
        """Something was committed here: whoever waits looks."""
        self._elsewhere.own()
        self._ring()

    def _ring(self) -> None:
        for bell in self._bells:
            bell.set()

    def close(self) -> None:
        """Ends every watcher, so that the others' grace is not spent on them."""
        self.closing = True
        self._ring()

    @contextmanager
    def bell(self) -> Iterator[asyncio.Event]:
        """The event that wakes one watcher, while it watches."""
        bell = asyncio.Event()
        self._bells.add(bell)
        self._elsewhere.begin()
        try:
            yield bell
        finally:
            self._bells.discard(bell)
            if not self._bells:
                self._elsewhere.end()


def watch_handler(desk: Desk, watches: Watches) -> grpc.RpcMethodHandler[bytes, bytes]:
    """The handler of `WatchExercises`."""
    metrics = desk.metrics.of_method(METHOD)
    desk.metrics.watch_watchers(watches.__len__)

    async def handle(request: bytes, context: ServicerContext) -> None:
        try:
            identity = admitted(desk, METHOD, context)
            with (
                desk.outstanding.one_more(identity.name),
                watches.outstanding.one_more(identity.name),
            ):

                def recheck() -> None:
                    still_admitted(desk, METHOD, context, identity)

                watcher = Watcher(desk, watches, desk.callers.of(identity), context, recheck)
                await watcher.follow(desk.engine.watch_from(request))
        except NOT_OURS:
            metrics.count(CANCELLED)
            raise
        except BaseException as error:  # noqa: BLE001 - a panic of the core is one
            refused = refusal_of(desk, METHOD, error)
        else:
            # Only the end of the call ends a watcher; this keeps the type of `refused` whole.
            metrics.count(ANSWERED)
            return
        metrics.count(refused.reason)
        await abort_with(context, refused)

    return grpc.unary_stream_rpc_method_handler(handle)


@dataclass(slots=True)
class Watcher:
    """One call of one agency."""

    desk: Desk
    watches: Watches
    caller: Caller
    context: ServicerContext
    recheck: Callable[[], None]
    """Raises Refused once the caller may not go on."""
    said_at: float = 0.0
    alerted_on: str = ""
    """The day whose alerts were told."""

    async def follow(self, cursor: str) -> None:
        """Tells everything after the cursor, then what comes, until the call ends."""
        self.said_at = self._now()
        accepted = False
        with self.watches.bell() as bell:
            while True:
                if self.watches.closing:
                    raise Refused("DRAINING")
                # A feed stays open for long; its caller may be revoked or narrowed meanwhile.
                self.recheck()
                # Before the look: what is committed during it rings again.
                bell.clear()
                events, cursor, more = await asyncio.to_thread(
                    self.desk.engine.watch_part, self.caller, cursor
                )
                if not accepted:
                    # The client learns that its cursor is good before the first event comes.
                    await self.context.send_initial_metadata(())
                    accepted = True
                for event in events:
                    await self._tell(event)
                self.desk.metrics.told(len(events))
                if not more:
                    await self._tell_day(cursor)
                # A heartbeat says that nothing was there to tell, also while others' are passed by.
                silent = not (events and more)
                if silent and self._now() >= self._heartbeat_due():
                    await self._beat(cursor)
                if not more:
                    await self._wait(bell)

    async def _tell_day(self, cursor: str) -> None:
        """Tells the alerts of a day once: when the feed has caught up, and when a day begins."""
        engine = self.desk.engine
        today, after = engine.today(), None
        if today == self.alerted_on:
            return
        self.alerted_on = today
        while True:
            events, after = await asyncio.to_thread(engine.day_alerts, self.caller, cursor, after)
            for event in events:
                await self._tell(event)
            self.desk.metrics.told(len(events))
            if after is None:
                return

    @staticmethod
    def _now() -> float:
        """The loop's clock, which timers go by too."""
        return asyncio.get_running_loop().time()

    def _heartbeat_due(self) -> float:
        return self.said_at + self.watches.heartbeat_s

    async def _beat(self, cursor: str) -> None:
        heartbeat = submission_service_pb2.WatchExercisesResponse(
            cursor=cursor, heartbeat=submission_service_pb2.Heartbeat()
        )
        await self._tell(heartbeat.SerializeToString())

    async def _tell(self, event: bytes) -> None:
        """Sends one event; a reader that does not take it in time is given up."""
        try:
            async with asyncio.timeout(self.watches.stalled_s):
                await self.context.write(event)
        except TimeoutError:
            detail = f"nothing was read for {self.watches.stalled_s:g} s"
            raise Refused("READER_STALLED", detail=detail) from None
        self.said_at = self._now()

    async def _wait(self, bell: asyncio.Event) -> None:
        """Waits for a commit, for a look without one, or for a heartbeat."""
        left_s = max(self._heartbeat_due() - self._now(), 0.0)
        try:
            async with asyncio.timeout(min(LOOK_AGAIN_S, left_s)):
                await bell.wait()
        except TimeoutError:
            return
        await asyncio.sleep(GATHER_S)
