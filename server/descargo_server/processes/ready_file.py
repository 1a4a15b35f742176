"""The file that says that calls are taken, with the port in it; a script waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ReadyFile"]


class ReadyFile:
    """The file, or nothing when there is no path."""

    def __init__(self, path: Path | None) -> None:
        """Takes away what another process left."""
        self._path = path
        self.say(None)

    def say(self, port: int | None) -> None:
        """Writes the port, or takes the file away; a script that waits never reads half of it."""
        if self._path is None:
            return
        if port is None:
            self._path.unlink(missing_ok=True)
            return
        unfinished = self._path.with_name(f".{self._path.name}.new")
        unfinished.write_text(f"{port}\n", encoding="ascii")
        unfinished.replace(self._path)
