"""One run with tiny counts: it ends well, and bench.json has the shape that is promised."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
FIGURES = {"value", "min", "max"}


def test_quick_run_keeps_a_well_formed_report(tmp_path: Path) -> None:
    out = tmp_path / "bench.json"
    command = [sys.executable, "-m", "loadtests.bench", "--quick", "--without-core"]
    command += ["--rounds", "1", "--window-s", "0.05", "--licenses", "3", "--out", str(out)]
    ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    report = json.loads(out.read_text(encoding="utf-8"))
    assert set(report) == {"machine", "versions", "rows", "bars", "notes"}
    assert {"cpu", "cores", "kernel", "file_system"} <= set(report["machine"])
    assert {"python", "grpcio"} <= set(report["versions"])
    for row in report["rows"]:
        assert set(row) == {"group", "figure", "unit"} | FIGURES
        assert row["min"] <= row["value"] <= row["max"]
    assert {row["group"] for row in report["rows"]} >= {
        "ValidateLicense, 1 outstanding",
        "ValidateLicense, 64 outstanding",
        "ValidateLicense on one license, 64 outstanding",
        "CheckLicense, 8 outstanding",
        "empty, as CheckLicense, 8 outstanding",
    }
    # No call takes less than a microsecond: a client that says so keeps no time.
    assert all(row["min"] > 1 for row in report["rows"] if row["figure"] in {"p50", "p99"})
    for bar in report["bars"]:
        assert set(bar) == {"name", "sense", "goal", "holds", "missing"} | FIGURES
        assert (bar["holds"] is None) == bool(bar["missing"])
    assert "FALLS SHORT" in ended.stdout or "holds" in ended.stdout
    assert not (tmp_path / "bench").exists(), "the demo's keys and ledger do not stay behind"
