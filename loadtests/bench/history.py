"""Recorded runs, one JSON line each, and whether the newest is worse than those before it.

Figures of another machine are no comparison: only runs on the same processor with as many cores are
taken together.
"""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["Change", "append", "changes", "read"]

KEPT_FIGURES: Final = frozenset({"rate", "server CPU", "p50", "p99", "p99.9", "instructions"})
NOTICEABLE: Final = 0.10
"""A change by less is noise, on a machine that others share."""
NOTICEABLE_INSTRUCTIONS: Final = 0.005
"""Counting is free of such noise, but for the order in which hash tables happen to be."""
HIGHER_IS_BETTER: Final = frozenset({"rate"})


@dataclass(frozen=True, slots=True)
class Change:
    """A figure of the newest run that is worse or better than before."""

    name: str
    before: float
    """Median of the runs before."""
    now: float
    worse: bool


def append(path: Path, report: Mapping[str, Any], commit: str) -> None:
    """Adds a run."""
    rows = {
        f"{row['group']}: {row['figure']}": row["value"]
        for row in report["rows"]
        if row["figure"] in KEPT_FIGURES
    }
    bars = {bar["name"]: bar["value"] for bar in report["bars"]}
    run = {"machine": report["machine"], "commit": commit, "bars": bars, "rows": rows}
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(run, ensure_ascii=False) + "\n")


def read(path: Path) -> list[dict[str, Any]]:
    """All runs, oldest first; none when nothing was recorded."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def changes(runs: Sequence[Mapping[str, Any]]) -> list[Change]:
    """What the newest run does noticeably worse or better than the median of those before it."""
    if not runs:
        return []
    newest = runs[-1]
    before = [run for run in runs[:-1] if _machine(run) == _machine(newest)]
    found = []
    for name, now in newest["rows"].items():
        earlier = [run["rows"][name] for run in before if name in run["rows"]]
        if not earlier:
            continue
        median = statistics.median(earlier)
        figure = name.rpartition(": ")[2]
        limit = NOTICEABLE_INSTRUCTIONS if figure == "instructions" else NOTICEABLE
        if median and abs(now / median - 1) > limit:
            found.append(Change(name, median, now, (now < median) == (figure in HIGHER_IS_BETTER)))
    return found


def _machine(run: Mapping[str, Any]) -> tuple[object, object]:
    return run["machine"]["cpu"], run["machine"]["cores"]
