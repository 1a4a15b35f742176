"""What one fdatasync costs on the disk of the ledger: the floor under every durable answer."""

from __future__ import annotations

import os
import statistics
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["median_sync_us"]

PAGE: Final = b"\x5a" * 4096
"""A page of the ledger."""


def median_sync_us(folder: Path, syncs: int) -> float:
    """Microseconds that the middle one of some fdatasync calls takes, each behind one new page.

    The file grows, as the log of a ledger does.
    """
    path = folder / "syncs"
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    try:
        taken = []
        for _ in range(syncs):
            os.write(descriptor, PAGE)
            began = time.perf_counter()
            os.fdatasync(descriptor)
            taken.append((time.perf_counter() - began) * 1e6)
        return statistics.median(taken)
    finally:
        os.close(descriptor)
        path.unlink()
