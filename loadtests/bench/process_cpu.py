"""How much processor time a process has used, all of its threads, read from outside."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

__all__ = ["cpu_seconds", "family"]

TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
UTIME_AFTER_NAME: Final = 11
"""Position of utime behind the process name, which may itself hold spaces; stime follows it."""


def family(pid: int) -> list[int]:
    """A process and all that it started and that still run: a server's workers, for one."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [pid, *(each for child in children for each in family(int(child)))]


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its children, to a hundredth of a second."""
    return sum(_own_seconds(each) for each in family(pid))


def _own_seconds(pid: int) -> float:
    text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    behind_name = text[text.rindex(")") + 2 :].split(" ")
    utime, stime = behind_name[UTIME_AFTER_NAME : UTIME_AFTER_NAME + 2]
    return (int(utime) + int(stime)) / TICKS_PER_S
