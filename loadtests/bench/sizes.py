"""How much one run measures: the whole bench in 15 minutes at most, a quick one in 90 s."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["DEFAULT", "QUICK", "Sizes"]


@dataclass(frozen=True, slots=True)
class Sizes:
    """Counts and lengths of one run."""

    rounds: int
    """How often every cell is measured; cells alternate within a round (A-B-A-B)."""
    window_s: float
    """How long one cell is loaded in one round."""
    open_window_s: float
    """How long an open loop lasts in one round."""
    warm_up_s: float
    """Load before the window opens, not counted."""
    licenses: int
    """Licenses that draws are spread over."""
    core_draws: int
    """Durable draws in the core in one round at 64 outstanding; fewer at fewer."""
    core_timing_ms: int
    """How long one figure in nanoseconds is timed in one round."""
    syncs: int
    """fdatasync calls in one round."""
    stream_rounds: int
    """How often streams are measured."""
    stream_items: int
    """Submissions of one stream."""
    stored: tuple[int, ...]
    """Licenses in the ledgers whose validators' memory is compared; none: not compared."""


DEFAULT: Final = Sizes(
    rounds=5,
    window_s=3.0,
    open_window_s=5.0,
    warm_up_s=0.3,
    licenses=10_000,
    core_draws=20_000,
    core_timing_ms=100,
    syncs=200,
    stream_rounds=3,
    stream_items=5_000,
    stored=(10_000, 1_000_000),
)
QUICK: Final = Sizes(
    rounds=2,
    window_s=0.6,
    open_window_s=1.0,
    warm_up_s=0.1,
    licenses=500,
    core_draws=2_000,
    core_timing_ms=10,
    syncs=50,
    stream_rounds=1,
    stream_items=1_000,
    stored=(),
)
