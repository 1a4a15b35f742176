"""A short `make load`: it ends well when promises are kept, and badly when one is not."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
THRESHOLDS = REPOSITORY / "loadtests" / "scenarios" / "thresholds.json"

pytestmark = pytest.mark.skipif(shutil.which("cargo") is None, reason="the corpus tool needs cargo")


def load(folder: Path, thresholds: dict[str, dict[str, float]]) -> subprocess.CompletedProcess[str]:
    stated = folder / "thresholds.json"
    stated.write_text(json.dumps(thresholds), encoding="utf-8")
    command = [sys.executable, "-m", "loadtests.load", "--seconds", "10", "--users", "6"]
    command += ["--licenses", "500", "--thresholds", str(stated), "--out", str(folder / "out")]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


def test_day_ends_well_and_a_promise_that_nobody_can_keep_is_told(tmp_path: Path) -> None:
    """One run for both: nobody answers in no time, and everybody else keeps what was promised."""
    # How fast this machine is today is no matter of this test, nor how often each one came.
    kept = {
        name: {"failures_part": fields["failures_part"], "requests_min": 1}
        for name, fields in json.loads(THRESHOLDS.read_text(encoding="utf-8")).items()
        if name in {"lane", "stream item", "watch"}
    }
    kept["lane"]["p99_ms"] = 0.0
    ended = load(tmp_path, kept)
    assert ended.returncode == 1, ended.stderr
    broken = [line for line in ended.stdout.splitlines() if line.startswith("BROKEN")]
    assert len(broken) == 1, ended.stdout
    assert broken[0].startswith("BROKEN  lane: p99 ")
    assert (tmp_path / "out" / "locust.html").stat().st_size > 0
