"""Turns the core's tickets into awaitables, with one wake-up of the loop for a whole batch.

The core's writer thread commits a batch, pushes the answers to a queue and makes a descriptor
readable. The loop then drains the queue in one call. So nothing of Python runs on the writer's
thread, and 64 answers cost one wake-up. All of this runs on the loop's thread: a ticket is
registered before the loop can read the descriptor again, so an answer cannot come before its
future.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from descargo_server.refused import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from descargo_server.engine import Completion, DecisionEngine
    from descargo_server.telemetry.metrics import Metrics

__all__ = ["Completions"]


class Completions:
    """The requests that the core has not answered yet."""

    def __init__(self, engine: DecisionEngine, metrics: Metrics) -> None:
        """Begins with none; `open` starts listening."""
        self._engine = engine
        self._metrics = metrics
        self._pending: dict[int, asyncio.Future[bytes]] = {}
        self._followed: dict[int, asyncio.Queue[Completion | None]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._fd = -1
        self.on_commit: Callable[[], None] = _nobody

    def __len__(self) -> int:
        """How many requests wait for an answer."""
        return len(self._pending)

    def open(self) -> None:
        """Listens for answers, on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._fd = self._engine.wakeup_fd()
        self._loop.add_reader(self._fd, self._on_readable)

    def close(self) -> None:
        """Stops listening, after a last look; whoever still waits is told to ask again."""
        if self._loop is None:
            return
        self._loop.remove_reader(self._fd)
        self._loop = None
        self._on_readable()
        for ticket in list(self._pending):
            self._settle((ticket, None, ("OUTCOME_UNCERTAIN", "", "", None)))

    async def answer(self, ticket: int, timeout_s: float) -> bytes:
        """The answer of a ticket; raises Refused when the core refuses or is late.

        Late means unknown, not failed: the core may have decided, so the caller asks GetOutcome or
        resends its key. Whatever ends the wait, no future stays behind.
        """
        if self._loop is None:
            raise Refused("DRAINING")
        future: asyncio.Future[bytes] = self._loop.create_future()
        self._pending[ticket] = future
        # Not asyncio.timeout: that costs four microseconds of each call, this one.
        timer = self._loop.call_later(timeout_s, _give_up, future, timeout_s)
        try:
            return await future
        finally:
            timer.cancel()
            self._pending.pop(ticket, None)

    def follow(self, ticket: int) -> asyncio.Queue[Completion | None]:
        """Everything that the core says under a stream's ticket, in order.

        The queue has no bound of its own: what the core says is bounded by the stream's credit.
        """
        return self._followed.setdefault(ticket, asyncio.Queue())

    def unfollow(self, ticket: int) -> None:
        """Nobody listens to a ticket any more."""
        self._followed.pop(ticket, None)

    def _on_readable(self) -> None:
        try:
            completions = self._engine.drain()
        except BaseException as fault:  # noqa: BLE001 - a panic of the core is one
            # Nobody would ever be answered again, so each waiting call fails with the fault.
            for future in self._pending.values():
                if not future.done():
                    future.set_exception(RuntimeError(f"the core cannot be drained: {fault!r}"))
            for ticket, told in self._followed.items():
                told.put_nowait((ticket, None, ("FAULT", "", "", None)))
            return
        for completion in completions:
            self._settle(completion)
        if completions:
            self.on_commit()

    def _settle(self, completion: Completion) -> None:
        ticket, response, refusal = completion
        told = self._followed.get(ticket)
        if told is not None:
            told.put_nowait(completion)
            return
        future = self._pending.pop(ticket, None)
        if future is None or future.done():
            self._metrics.abandoned()
        elif refusal is not None:
            future.set_exception(Refused(*refusal))
        elif response is not None:
            future.set_result(response)
        else:
            future.set_exception(RuntimeError("the core gave neither an answer nor a refusal"))


def _nobody() -> None:
    """Nobody wants to know of commits."""


def _give_up(future: asyncio.Future[bytes], timeout_s: float) -> None:
    if not future.done():
        detail = f"no answer in {timeout_s:.3f} s"
        future.set_exception(Refused("OUTCOME_UNCERTAIN", detail=detail))
