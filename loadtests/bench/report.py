"""Samples into rows and bars: medians with the lowest and highest round, ratios within a round.

A ratio is taken between two cells of one round and only then its median, so that a machine that
was busy for a while disturbs both sides alike.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["Bar", "Row", "Sense", "Spread", "missing_bar", "percentile", "ratios", "whole_report"]

LARGE = 100
"""From here on a figure is told without decimals."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some rounds, and how far they lie apart."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, rounds: Iterable[float]) -> Spread:
        """The spread of one figure over its rounds; raises ValueError when there is no round."""
        figures = list(rounds)
        if not figures:
            raise ValueError("a figure without a round")
        return cls(statistics.median(figures), min(figures), max(figures))


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of the report."""

    group: str
    """What was measured, such as `ValidateLicense, 64 outstanding`."""
    figure: str
    """Which figure of it, such as `rate`."""
    unit: str
    spread: Spread

    def as_json(self) -> dict[str, object]:
        """The row as it stands in bench.json."""
        return {
            "group": self.group,
            "figure": self.figure,
            "unit": self.unit,
            "value": rounded(self.spread.value),
            "min": rounded(self.spread.low),
            "max": rounded(self.spread.high),
        }


class Sense(StrEnum):
    """On which side of its goal a bar holds."""

    AT_LEAST = "at least"
    AT_MOST = "at most"


@dataclass(frozen=True, slots=True)
class Bar:
    """A number that we hold ourselves to."""

    name: str
    sense: Sense
    goal: float
    spread: Spread | None
    """None when it was not measured."""
    missing: str = ""
    """Why it was not measured; empty when it was."""

    def holds(self) -> bool | None:
        """Whether the median keeps to the goal; None when there is no figure."""
        if self.spread is None:
            return None
        if self.sense is Sense.AT_LEAST:
            return self.spread.value >= self.goal
        return self.spread.value <= self.goal

    def as_json(self) -> dict[str, object]:
        """The bar as it stands in bench.json; figures are null when it was not measured."""
        spread = self.spread
        return {
            "name": self.name,
            "sense": self.sense.value,
            "goal": self.goal,
            "value": None if spread is None else rounded(spread.value),
            "min": None if spread is None else rounded(spread.low),
            "max": None if spread is None else rounded(spread.high),
            "holds": self.holds(),
            "missing": self.missing,
        }


def missing_bar(name: str, sense: Sense, goal: float, why: str) -> Bar:
    """A bar without a figure."""
    return Bar(name, sense, goal, None, why)


def ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Round by round, one figure as a part of another; raises ValueError when rounds differ."""
    return [one / other for one, other in zip(above, below, strict=True)]


def percentile(samples: Mapping[float, int], percent: float) -> float:
    """The smallest sample that at least `percent` of all samples do not exceed.

    `samples` tells how often each was seen; raises ValueError when none was.
    """
    total = sum(samples.values())
    if not total:
        raise ValueError("a percentile of nothing")
    rank = max(-(-total * percent // 100), 1)
    for sample in sorted(samples):
        rank -= samples[sample]
        if rank <= 0:
            return sample
    return max(samples)


def rounded(figure: float) -> float:
    """A figure as it is told: no more digits than it means."""
    return float(round(figure)) if abs(figure) >= LARGE else float(f"{figure:.3g}")


def whole_report(
    machine: dict[str, object],
    versions: dict[str, str],
    rows: Sequence[Row],
    bars: Sequence[Bar],
    notes: Sequence[str],
) -> dict[str, object]:
    """What bench.json holds."""
    return {
        "machine": machine,
        "versions": versions,
        "rows": [row.as_json() for row in rows],
        "bars": [bar.as_json() for bar in bars],
        "notes": list(notes),
    }
