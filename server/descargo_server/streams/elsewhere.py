"""Notices that another process has committed to the same ledger.

Every commit writes to the ledger's log, so the log's size and time change. Asking the system for
them costs two microseconds and no lock. A clock that is too coarse, four milliseconds on Linux, may
hide one commit behind another; who must not miss one also looks by himself now and then.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["LOOK_S", "Elsewhere"]

LOOK_S: Final = 0.025
"""How often it looks, while somebody wants to know: 40 looks a second cost nobody anything."""


class Elsewhere:
    """Looks at a ledger's log, on the running loop."""

    def __init__(self, ledger: Path, committed: Callable[[], None]) -> None:
        """Calls `committed` after commits of others, between `begin` and `end`."""
        self._log = ledger.with_name(f"{ledger.name}-wal")
        self._committed = committed
        self._seen: tuple[int, int] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Somebody wants to know; he looks by himself first."""
        if self._timer is None:
            self._seen = self._now()
            self._again()

    def end(self) -> None:
        """Nobody wants to know any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def own(self) -> None:
        """This process committed, and whoever wants to know is told otherwise."""
        if self._timer is not None:
            self._seen = self._now()

    def _again(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(LOOK_S, self._look)

    def _look(self) -> None:
        self._again()
        now = self._now()
        if now != self._seen:
            self._seen = now
            self._committed()

    def _now(self) -> tuple[int, int] | None:
        try:
            found = self._log.stat()
        except OSError:
            # The first commit makes the file, the last process to close it takes it away.
            return None
        return found.st_size, found.st_mtime_ns
