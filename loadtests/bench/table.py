"""The report as people read it."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from loadtests.bench.report import Bar, Row, rounded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["lines"]

FIGURE_WIDTH: Final = 44
UNIT_WIDTH: Final = 8


def lines(
    machine: Mapping[str, object],
    versions: Mapping[str, str],
    rows: Sequence[Row],
    bars: Sequence[Bar],
    notes: Sequence[str],
) -> Iterator[str]:
    """The whole report, line by line."""
    yield "machine   " + ", ".join(f"{name} {fact}" for name, fact in machine.items())
    yield "versions  " + ", ".join(f"{name} {version}" for name, version in versions.items())
    yield ""
    yield f"{'':<{FIGURE_WIDTH}} {'median':>10} {'lowest':>10} {'highest':>10}"
    for group, of_group in groupby(rows, key=lambda row: row.group):
        yield group
        for row in of_group:
            label = f"  {row.figure}" + (f", {row.unit}" if row.unit else "")
            yield f"{label:<{FIGURE_WIDTH}} {_figures(row.spread.value)}" + " ".join(
                ("", _figures(row.spread.low), _figures(row.spread.high))
            )
    yield ""
    yield "bars"
    for bar in bars:
        yield from _bar(bar)
    yield ""
    yield from notes


def _bar(bar: Bar) -> Iterator[str]:
    yield f"  {bar.name}"
    goal = f"{bar.sense.value} {bar.goal:g}"
    if bar.spread is None:
        yield f"    not measured ({goal}): {bar.missing}"
        return
    spread = bar.spread
    told = f"{rounded(spread.value):g} ({rounded(spread.low):g} to {rounded(spread.high):g})"
    yield f"    {'holds' if bar.holds() else 'FALLS SHORT'}: {told}, goal {goal}"


def _figures(figure: float) -> str:
    return f"{rounded(figure):>10,.10g}"
