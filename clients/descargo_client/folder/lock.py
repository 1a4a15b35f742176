"""Locks that end with their process: one watcher for a folder, one process for a file's stream.

A second would submit what the first has in hand.
"""

from __future__ import annotations

import sys
from typing import IO, TYPE_CHECKING

from descargo_client.faults import BadInput

if TYPE_CHECKING:
    from pathlib import Path


def take(path: Path) -> IO[bytes]:
    """Takes the lock, which ends with the process however that ends; raises BadInput if taken."""
    try:
        stream = path.open("ab")
        try:
            lock(stream)
        except OSError:
            stream.close()
            raise
    except BlockingIOError as error:
        raise BadInput("watch.locked", folder=path.parent.parent) from error
    except OSError as error:
        raise BadInput("file.unwritable", file=path, why=error.strerror or error) from error
    return stream


if sys.platform == "win32":
    import msvcrt

    def lock(stream: IO[bytes]) -> None:
        """Locks an open file; raises BlockingIOError if somebody has it."""
        try:
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError(*error.args) from error
else:
    import fcntl

    def lock(stream: IO[bytes]) -> None:
        """Locks an open file; raises BlockingIOError if somebody has it."""
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
