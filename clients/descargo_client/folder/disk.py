"""The few things done to a disk while files are moved, each whole or not at all.

They stand in one place so that a test can stop the world before and after each of them.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Disk:
    """Moves, writes and removes, durably."""

    def make(self, folder: Path) -> None:
        """Makes a folder if it is not there."""
        folder.mkdir(parents=True, exist_ok=True)

    def move(self, source: Path, target: Path) -> None:
        """Moves a file within one file system: it is here, then there, never both or neither."""
        source.replace(target)
        _sync_folder(target.parent)
        if target.parent != source.parent:
            _sync_folder(source.parent)

    def write(self, path: Path, content: bytes) -> None:
        """Writes a file whole: until it is durable, it is not there under its name."""
        partial = path.with_name(f".{path.name}.partial")
        with partial.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        self.move(partial, path)

    def remove(self, path: Path) -> None:
        """Removes a file, if it is there."""
        path.unlink(missing_ok=True)
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Makes names durable; some systems cannot open a folder and need no such thing."""
    if os.name != "posix":
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
