"""Runs the bench, prints its report and keeps it as JSON."""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
import sys
import time
from pathlib import Path
from typing import Final

from loadtests.bench import core, figures, history, machine, memory, page, report, sizes, table
from loadtests.bench.clients import load_clients
from loadtests.bench.measure import measure
from loadtests.bench.stage import staged
from loadtests.bench.streams import stream_rows

REPOSITORY: Final = Path(__file__).resolve().parents[2]
REPORT: Final = REPOSITORY / "build" / "bench.json"
HISTORY: Final = REPOSITORY / "docs" / "performance" / "history.jsonl"

NOTES: Final = (
    """\
Load comes from this same machine. "server CPU" for each call is the honest column: 1,000,000
divided by it is what one core of server answers in a second. Where "server busy" is well below one
core, the server was waiting for its clients or for the disk.""",
    """\
Rates come from closed loops, whose latencies say what a call takes only with one call outstanding.
Percentiles under load come from the open loop: calls are sent on a Poisson schedule, and their time
counts from the moment that they were due.""",
)
PYTHON_CLIENTS: Final = """\
No cargo: load came from Python clients. Such a client costs about as much processor time as the
server that it asks, so it sets the rates as much as the servers do, and a ratio of rates is nearer
to 1 than the servers are to each other."""


def main() -> int:
    """Measures; returns the exit code, which no figure changes."""
    options = _options()
    size = _sizes(options)
    out: Path = options.out
    out.parent.mkdir(parents=True, exist_ok=True)
    # Beside the report, on a disk: in memory a commit would cost nothing.
    folder = out.parent / "bench"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    facts, versions = machine.machine_facts(folder), machine.version_facts()
    tell(f"putting up a validator with {size.licenses:,} licenses")
    with staged(folder, size.licenses) as stage:
        with load_clients(stage, tell) as clients:
            compiled = clients.compiled
            measured = measure(stage, clients, size, tell)
            streams = stream_rows(stage, clients, size, tell)
        inputs = stage.core_inputs
    # When the servers are down: nothing else shall take the core's processor time.
    alone = core.CoreFigures(missing="left out by --without-core")
    if not options.without_core:
        alone = core.core_figures(inputs, size, tell)
    stored = memory.resident(folder, size, tell)
    rows = figures.call_rows(measured) + streams + figures.core_rows(alone.figures)
    rows += memory.memory_rows(stored)
    bars = [*figures.bars(measured, alone.figures, alone.missing), memory.memory_bar(stored)]
    notes = [
        *NOTES,
        *([] if compiled else [PYTHON_CLIENTS]),
        *([f"Missing rows: {alone.missing}."] if alone.missing else []),
    ]
    whole = report.whole_report(facts, versions, rows, bars, notes)
    out.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for line in table.lines(facts, versions, rows, bars, notes):
        sys.stdout.write(line + "\n")
    shutil.rmtree(folder)
    tell(f"kept in {out}")
    if options.record:
        history.append(HISTORY, whole, machine.commit(REPOSITORY))
        page.write(REPOSITORY / "docs", whole, history.read(HISTORY))
        tell("recorded in docs/performance.md and docs/performance/history.jsonl")
    return 0


def tell(what: str) -> None:
    """Says on stderr what happens now, and since when the bench runs."""
    sys.stderr.write(f"[{time.monotonic() - BEGAN:5.0f} s] {what}\n")


BEGAN: Final = time.monotonic()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m loadtests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under 90 seconds, rough figures")
    parser.add_argument("--out", type=Path, default=REPORT, help="where the JSON goes")
    parser.add_argument("--record", action="store_true", help="add to docs/performance")
    parser.add_argument("--rounds", type=int, help="how often each cell is measured")
    parser.add_argument("--window-s", type=float, help="seconds that one cell is loaded")
    parser.add_argument("--licenses", type=int, help="licenses that draws are spread over")
    parser.add_argument("--without-core", action="store_true", help="leave out the Rust bench")
    return parser.parse_args()


def _sizes(options: argparse.Namespace) -> sizes.Sizes:
    size = sizes.QUICK if options.quick else sizes.DEFAULT
    stated = {
        name: value
        for name in ("rounds", "window_s", "licenses")
        if (value := getattr(options, name)) is not None
    }
    return dataclasses.replace(size, **stated)


if __name__ == "__main__":
    sys.exit(main())
