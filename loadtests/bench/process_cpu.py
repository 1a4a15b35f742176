"""How much processor time a process has used, all of its threads, read from outside."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

__all__ = ["cpu_seconds"]

TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
UTIME_AFTER_NAME: Final = 11
"""Position of utime behind the process name, which may itself hold spaces; stime follows it."""


def cpu_seconds(pid: int) -> float:
    """User and system time of a process since its start, to a hundredth of a second."""
    text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    behind_name = text[text.rindex(")") + 2 :].split(" ")
    utime, stime = behind_name[UTIME_AFTER_NAME : UTIME_AFTER_NAME + 2]
    return (int(utime) + int(stime)) / TICKS_PER_S
