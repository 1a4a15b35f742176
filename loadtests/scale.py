"""How speed, memory and start depend on how many licenses the ledger holds, and a long backlog.

    python -m loadtests.scale                   # 10 thousand and 1 million licenses
    python -m loadtests.scale --ten-million     # 10 million too: about 10 minutes and 15 GB of disk
    python -m loadtests.scale --workers 2       # with two worker processes
    python -m loadtests.scale --backlog         # and 345,000 exercises in one go (48 hours' worth)

Each size has a validator of its own on a fresh ledger. Writes `build/scale.json`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from loadtests.bench.bulk import bulk_stage, resident_bytes
from loadtests.bench.clients import Load, load_clients
from loadtests.bench.machine import machine_facts, version_facts
from loadtests.bench.report import percentile, rounded
from loadtests.bench.tools import REPOSITORY

if TYPE_CHECKING:
    from loadtests.bench.bulk import Bulk
    from loadtests.bench.clients import Clients

VALIDATE: Final = "/descargo.v1.ValidationService/ValidateLicense"
OUTSTANDING: Final = 64
SIZES: Final = (10_000, 1_000_000)
TEN_MILLION: Final = 10_000_000
BACKLOG: Final = 345_000
"""Exercises of 48 hours, should the validator be away that long."""
BACKLOG_S_MAX: Final = 900.0
CONNECTIONS: Final = 16
"""Enough that the system spreads them over the workers."""
OPEN_RATE: Final = 1_000.0
"""Calls per second of the open loop: the same at every size, well below what any reaches."""
WARM_UP_S: Final = 0.5


def main() -> int:
    """Measures every size; returns the exit code, which no figure changes."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.scale", description=__doc__)
    parser.add_argument("--ten-million", action="store_true", help="10 million licenses too")
    parser.add_argument("--workers", type=int, default=1, help="worker processes of the server")
    parser.add_argument("--backlog", action="store_true", help=f"drain {BACKLOG:,} exercises")
    parser.add_argument("--window-s", type=float, default=5.0, help="seconds of each load")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), help="licenses")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "build" / "scale.json")
    options = parser.parse_args()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    sizes = [*options.sizes, *([TEN_MILLION] if options.ten_million else [])]
    rows = []
    for licenses in sizes:
        # Beside the report, on a disk: in memory a commit would cost nothing.
        folder = Path(tempfile.mkdtemp(prefix="scale-", dir=options.out.parent))
        try:
            with (
                bulk_stage(folder, licenses, tell, workers=options.workers) as stage,
                load_clients(stage, tell) as clients,
            ):
                row = measured(stage, clients, licenses, options.window_s)
                if options.backlog and licenses == sizes[-1]:
                    tell(f"a backlog of {BACKLOG:,} exercises")
                    row |= _drained(stage, clients)
        finally:
            shutil.rmtree(folder)
        tell(", ".join(f"{name} {value:,g}" for name, value in row.items()))
        rows.append(row)
    report = {
        "machine": machine_facts(options.out.parent),
        "versions": version_facts(),
        "workers": options.workers,
        "sizes": rows,
    }
    options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0


def measured(stage: Bulk, clients: Clients, licenses: int, window_s: float) -> dict[str, float]:
    """One size: what the ledger weighs, how fast draws over all of it are, how long they wait."""
    idle = resident_bytes(stage.validator.pid)
    load = Load(VALIDATE, "validate", "firma", OUTSTANDING, connections=CONNECTIONS)
    closed = clients.sample(stage.validator, load, WARM_UP_S, window_s)
    waiting = replace(load, rate=OPEN_RATE, seed=1)
    opened = clients.sample(stage.validator, waiting, WARM_UP_S, window_s)
    figures = {
        "licenses": float(licenses),
        "fill_s": stage.filled_s,
        "start_s": stage.started_s,
        "ledger_bytes_per_license": stage.ledger_bytes / licenses,
        "resident_mib_idle": idle / 2**20,
        "resident_mib": resident_bytes(stage.validator.pid) / 2**20,
        "draws_per_s": closed.rate,
        "server_cpu_us": closed.server_cpu_us,
        "open_loop_p50_us": percentile(opened.latencies_us, 50),
        "open_loop_p99_us": percentile(opened.latencies_us, 99),
    }
    return {name: rounded(value) for name, value in figures.items()}


def _drained(stage: Bulk, clients: Clients) -> dict[str, float]:
    """Exercises that waited while the validator was away, as fast as lanes may send them."""
    load = Load(VALIDATE, "validate", "firma", OUTSTANDING, connections=CONNECTIONS)
    load = replace(load, calls_max=BACKLOG)
    began = time.perf_counter()
    sample = clients.sample(stage.validator, load, 0.0, BACKLOG_S_MAX)
    return {
        "backlog_s": rounded(time.perf_counter() - began),
        "backlog_draws_per_s": rounded(sample.rate),
    }


BEGAN: Final = time.monotonic()


def tell(what: str) -> None:
    """Says on stderr what happens now, and since when."""
    sys.stderr.write(f"[{time.monotonic() - BEGAN:5.0f} s] {what}\n")


if __name__ == "__main__":
    sys.exit(main())
