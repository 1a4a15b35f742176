"""Recorded runs: a regression shows, noise and other machines do not; the page tells all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from loadtests.bench import history, page

if TYPE_CHECKING:
    from pathlib import Path

MACHINE = {"cpu": "made up", "cores": 2}
GROUP = "ValidateLicense, 64 outstanding"


def report(
    rate: float, p99: float = 500.0, instructions: float = 9_000.0, cores: int = 2
) -> dict[str, Any]:
    figures = {"rate": rate, "p99": p99, "instructions": instructions, "server busy": 1.0}
    rows = [
        {"group": GROUP, "figure": name, "unit": "", "value": value, "min": value, "max": value}
        for name, value in figures.items()
    ]
    common = {"sense": "at least", "goal": 0.95}
    measured = {"name": "a bar", "value": 0.9, "min": 0.8, "max": 1.0, "holds": False}
    absent = {"name": "another", "value": None, "min": None, "max": None, "holds": None}
    return {
        "machine": MACHINE | {"cores": cores},
        "versions": {"python": "3"},
        "rows": rows,
        "bars": [
            common | measured | {"missing": ""},
            common | absent | {"missing": "not built yet"},
        ],
        "notes": ["a note"],
    }


def recorded(folder: Path, *reports: dict[str, Any]) -> list[dict[str, Any]]:
    path = folder / "performance" / "history.jsonl"
    for each in reports:
        history.append(path, each, "abc")
    return history.read(path)


@pytest.mark.parametrize(
    ("before", "now", "worse"),
    [
        (report(1_000), report(890), {f"{GROUP}: rate": True}),
        (report(1_000), report(1_120), {f"{GROUP}: rate": False}),
        (report(1_000), report(910), {}),
        (report(1_000, p99=500), report(1_000, p99=560), {f"{GROUP}: p99": True}),
        (report(1_000), report(1_000, instructions=9_046), {f"{GROUP}: instructions": True}),
        (report(1_000), report(1_000, instructions=9_044), {}),
        (report(1_000, cores=8), report(100), {}),
    ],
    ids=[
        "slower",
        "faster",
        "noise",
        "longer waits",
        "more instructions",
        "as many instructions",
        "another machine",
    ],
)
def test_newest_run_is_compared_with_those_before(
    tmp_path: Path, before: dict[str, Any], now: dict[str, Any], worse: dict[str, bool]
) -> None:
    changes = history.changes(recorded(tmp_path, before, before, now))
    assert {change.name: change.worse for change in changes} == worse


def test_nothing_is_compared_without_a_run_before(tmp_path: Path) -> None:
    assert history.changes([]) == []
    assert history.changes(recorded(tmp_path, report(1_000))) == []


def test_page_tells_bars_regressions_and_what_was_not_measured(tmp_path: Path) -> None:
    newest = report(500)
    page.write(tmp_path, newest, recorded(tmp_path, report(1_000), newest))
    text = (tmp_path / "performance.md").read_text(encoding="utf-8")
    assert "| a bar | at least 0.95 | 0.9 | 0.8 | 1 | **falls short** |" in text
    assert "- another: not built yet" in text
    assert f"| {GROUP}: rate | 1,000 | 500 | **worse** |" in text
    svg = (tmp_path / "performance" / "rates.svg").read_text(encoding="utf-8")
    assert svg.startswith("<svg")
    assert ">500</text>" in svg
