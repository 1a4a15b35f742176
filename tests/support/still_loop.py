"""An event loop whose time stands until a test moves it: the server's timers go by the loop's."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["StillLoop", "run_still", "turns"]

TURNS: Final = 200
"""Turns of the loop that are more than any step of the server takes without a thread."""


class StillLoop(asyncio.SelectorEventLoop):
    """The loop."""

    now = 1_000.0

    def time(self) -> float:
        """The test's time."""
        return self.now

    async def pass_by(self, seconds: float) -> None:
        """Moves the time, and lets everything happen that is due then."""
        self.now += seconds
        await turns()


def run_still(scene: Callable[[StillLoop], Coroutine[object, object, None]]) -> None:
    """Runs a scene on a loop of its own."""

    async def on_loop() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, StillLoop)
        await scene(loop)

    with asyncio.Runner(loop_factory=StillLoop) as runner:
        runner.run(on_loop())


async def turns() -> None:
    """Lets the loop do what it can do without time passing."""
    for _ in range(TURNS):
        await asyncio.sleep(0)
