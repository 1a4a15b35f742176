"""What one fdatasync costs on the disk of the ledger: the floor under every durable answer."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["syncs_us"]

PAGE: Final = b"\x5a" * 4096
"""A page of the ledger."""
PAGES: Final = 1_024
"""Pages of the file, written over in turn."""


def syncs_us(folder: Path, syncs: int) -> list[float]:
    """Microseconds that each of some fdatasync calls takes, each behind one written page.

    Pages are written over, as the log of a ledger does after its first lap. A file that grows would
    take longer: the file system must then keep its new length too.
    """
    path = folder / "syncs"
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, PAGE * PAGES)
        os.fsync(descriptor)
        taken = []
        for number in range(syncs):
            os.pwrite(descriptor, PAGE, number % PAGES * len(PAGE))
            began = time.perf_counter()
            os.fdatasync(descriptor)
            taken.append((time.perf_counter() - began) * 1e6)
        return taken
    finally:
        os.close(descriptor)
        path.unlink()
