"""SubmitLicenses: one opening of an agency's stream, from its first message to its status.

Two halves run beside each other. One reads frames and hands them to the core; the other writes what
the core answers. Whatever ends the reading - the agency has no more, a frame that cannot be let in,
an identity revoked meanwhile, a server that stops - everything let in before is answered first.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import grpc

from descargo_server import limits
from descargo_server.identity.permissions import SUBMISSION_SERVICE
from descargo_server.refused import Refused
from descargo_server.rpc.errors import abort_with
from descargo_server.rpc.handlers import NOT_OURS, admitted, refusal_of, still_admitted
from descargo_server.telemetry.metrics import ANSWERED, CANCELLED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from descargo_server._core import SubmissionStream
    from descargo_server.engine import Completion
    from descargo_server.rpc.handlers import Desk, ServicerContext

__all__ = ["METHOD", "Exchange", "Submissions", "submit_handler"]

METHOD: Final = f"/{SUBMISSION_SERVICE}/SubmitLicenses"


WAKE: Final = None
"""Put among the answers when the reading has ended."""


class Submissions:
    """The open streams of this process. Runs on the loop's thread only."""

    def __init__(self, stalled_s: float) -> None:
        """`stalled_s`: how long answers may stay untaken."""
        self.stalled_s = stalled_s
        self.closing = False
        self._stops: set[Callable[[], None]] = set()

    def close(self) -> None:
        """Lets no more frames in; each stream ends once what it let in is answered."""
        self.closing = True
        for stop in list(self._stops):
            stop()

    @contextmanager
    def open(self, stop: Callable[[], None]) -> Iterator[None]:
        """Calls `stop` when the server stops within the block; at once if it does already."""
        self._stops.add(stop)
        if self.closing:
            stop()
        try:
            yield
        finally:
            self._stops.discard(stop)


def submit_handler(desk: Desk, submissions: Submissions) -> grpc.RpcMethodHandler[bytes, bytes]:
    """The handler of `SubmitLicenses`."""
    metrics = desk.metrics.of_method(METHOD)

    async def handle(_requests: object, context: ServicerContext) -> None:
        started = time.perf_counter()
        try:
            await _answer(desk, submissions, context)
        except NOT_OURS:
            metrics.observe(CANCELLED, time.perf_counter() - started)
            raise
        except BaseException as error:  # noqa: BLE001 - a panic of the core is one
            refused = refusal_of(desk, METHOD, error)
        else:
            metrics.observe(ANSWERED, time.perf_counter() - started)
            return
        metrics.observe(refused.reason, time.perf_counter() - started)
        try:
            async with asyncio.timeout(limits.ABORT_MAX_S):
                await abort_with(context, refused)
        except TimeoutError:
            # The status stands behind answers that the client does not read; it waits there for
            # him, and nothing of ours does.
            return

    return grpc.stream_stream_rpc_method_handler(handle)


async def _answer(desk: Desk, submissions: Submissions, context: ServicerContext) -> None:
    identity = admitted(desk, METHOD, context)

    def recheck() -> None:
        # A stream may stay open for half an hour; its caller may be revoked meanwhile.
        still_admitted(desk, METHOD, context, identity)

    with desk.outstanding.one_more(identity.name):
        first = await _message(context)
        if first is None:
            return
        stream = desk.engine.open_stream(desk.callers.of(identity), first)
        told = desk.completions.follow(stream.ticket())
        try:
            with desk.metrics.stream():
                await Exchange(desk, submissions, context, stream, told, recheck).run()
        finally:
            desk.completions.unfollow(stream.ticket())
            stream.close()


async def _message(context: ServicerContext) -> bytes | None:
    """The next message; None when the agency sends no more."""
    message: object = await context.read()
    return message if isinstance(message, bytes) else None


@dataclass(slots=True)
class Exchange:
    """An open stream's two halves."""

    desk: Desk
    submissions: Submissions
    context: ServicerContext
    stream: SubmissionStream
    told: asyncio.Queue[Completion | None]
    recheck: Callable[[], None]
    """Raises Refused once the caller may not go on."""
    _end: BaseException | None = None

    async def run(self) -> None:
        """Answers until the reading has ended and nothing waits; raises why, if it ended badly."""
        # The opening's answer tells the agency where to go on, so no frame is read before it.
        await self._tell(await self.told.get())
        reading = asyncio.ensure_future(self._read())
        reading.add_done_callback(lambda _: self.told.put_nowait(WAKE))
        try:
            with self.submissions.open(lambda: self._stop(reading)):
                while not (reading.done() and self.stream.waiting() == 0):
                    await self._tell(await self.told.get())
        finally:
            # Waited for, not awaited: its own end has been noted, and a cancellation of this call
            # goes on as one.
            reading.cancel()
            await asyncio.wait({reading})
        if self._end is not None:
            raise self._end

    async def _read(self) -> None:
        """Lets frames in until something ends it, which is kept for the end of the call."""
        try:
            while (message := await _message(self.context)) is not None:
                self.recheck()
                self.desk.metrics.stream_items(self.stream.frame(message))
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - a panic of the core is one
            self._end = error

    def _stop(self, reading: asyncio.Future[None]) -> None:
        if self._end is None and not reading.done():
            self._end = Refused("DRAINING", retry_after_ms=limits.DRAINING_RETRY_AFTER_MS)
            reading.cancel()

    async def _tell(self, completion: Completion | None) -> None:
        """Writes one message of answers, for which the agency has its time."""
        if completion is WAKE:
            return
        _, message, refusal = completion
        if refusal is not None or message is None:
            raise Refused(*(refusal or ("FAULT", "", "", None)))
        # Before, not after: the agency may have read it and sent more on its credit before this
        # half runs again. So one message at most is on its way beyond the credit.
        self.stream.wrote()
        try:
            async with asyncio.timeout(self.submissions.stalled_s):
                await self.context.write(message)
        except TimeoutError:
            detail = f"answers were not taken for {self.submissions.stalled_s:g} s"
            raise Refused("READER_STALLED", detail=detail) from None
