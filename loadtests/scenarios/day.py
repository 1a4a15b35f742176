"""A day at the border, told in the time that a run has: lorries queue where shifts change."""

from __future__ import annotations

import math
from typing import Final

__all__ = ["lanes_at"]

SHIFT_CHANGES_H: Final = (8.0, 16.0)
PEAK_WIDTH_H: Final = 1.5
NIGHT_PART: Final = 0.2
"""Of the busiest hour, what a quiet hour still has."""


def lanes_at(part_of_day: float, lanes_max: int) -> int:
    """How many lanes are open at a part of the day, 0 at midnight to 1 at the next."""
    hour = part_of_day * 24
    peak = max(math.exp(-(((hour - change) / PEAK_WIDTH_H) ** 2)) for change in SHIFT_CHANGES_H)
    return max(round(lanes_max * (NIGHT_PART + (1 - NIGHT_PART) * peak)), 1)
