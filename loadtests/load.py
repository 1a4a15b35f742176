"""`make load`: a day at the border in about a minute, and whether what was promised held.

Puts up a validator with a generated corpus, lets locust play lanes, agencies, watchers and bad
actors, with the compiled probe beside it, prints a table, and fails when a threshold is crossed.
Locust's loops are closed, and one process of it reaches its ceiling at a few thousand requests a
second; it shows that everything holds together. The percentiles to quote are the probe's.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

from descargo_server.config.load import load_configuration
from loadtests.bench.bulk import SEED, bulk_stage
from loadtests.bench.clients import Load, Sample, load_clients
from loadtests.bench.report import percentile
from loadtests.bench.tools import REPOSITORY
from loadtests.scenarios import thresholds
from loadtests.scenarios.corpus import steel_codes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loadtests.bench.bulk import Bulk
    from loadtests.scenarios.thresholds import Promise, Seen

SCENARIOS: Final = Path(__file__).parent / "scenarios"
PROBE: Final = Load(
    "/descargo.v1.ValidationService/CheckLicense", "check", "", 1, rate=100.0, seed=SEED
)
"""A check draws nothing, so it disturbs nobody's balance, and waits as a draw does."""
GRACE_S: Final = 60.0
NOTE: Final = """\
Locust's loops are closed (a user waits for its answer before it asks again) and one process of it
ends at a few thousand requests a second, so its percentiles are kind. The probe's count from the
moment that a call was due, whether or not others were answered: those are the ones to quote."""


def main() -> int:
    """Runs; 0 when everything held, 1 when something did not."""
    options = _options()
    options.out.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="load-", dir=options.out))
    try:
        stats, probe = _day(options, folder)
    finally:
        shutil.rmtree(folder)
    found = thresholds.seen(stats)
    promised = thresholds.promises(options.thresholds)
    broken = list(thresholds.breaches(promised, found))
    for line in _table(promised, found, probe, broken):
        sys.stdout.write(line + "\n")
    return 1 if broken else 0


def _day(options: argparse.Namespace, folder: Path) -> tuple[list[dict[str, object]], Sample]:
    tariff = steel_codes(_catalogue(folder))
    tell(f"a corpus of {options.licenses:,} licenses over {len(tariff)} tariff codes")
    with (
        bulk_stage(folder, options.licenses, tell, tariff) as stage,
        load_clients(stage, tell) as clients,
        ThreadPoolExecutor(1) as beside,
    ):
        probe = beside.submit(clients.sample, stage.validator, PROBE, 0.5, options.seconds)
        tell(f"a day in {options.seconds:g} s, at most {options.users} lanes at a time")
        stats = _locust(options, stage, tariff)
        return stats, probe.result()


def _catalogue(folder: Path) -> Path:
    """The catalogue that a demo has: asked of a configuration that is thrown away."""
    from loadtests.bench.stage import demo_folder  # noqa: PLC0415 - a demo of its own

    place = folder / "asked"
    place.mkdir()
    return load_configuration(demo_folder(place) / "descargo.toml").catalogue


def _locust(
    options: argparse.Namespace, stage: Bulk, tariff: list[tuple[str, str]]
) -> list[dict[str, object]]:
    out = options.out / "locust"
    place = {
        "folder": str(stage.folder),
        "corpus": str(stage.corpus_path),
        "target": stage.validator.target,
        "tariff": tariff,
        "seed": SEED,
        "seconds": options.seconds,
        "users": options.users,
    }
    command = [sys.executable, "-m", "locust", "-f", str(SCENARIOS / "locustfile.py")]
    command += ["--headless", "--only-summary", "--html", f"{out}.html", "--json-file", str(out)]
    command += ["--exit-code-on-error", "0", "--stop-timeout", "10"]
    environment = os.environ | {"DESCARGO_LOAD": json.dumps(place), "PYTHONPATH": str(REPOSITORY)}
    with out.with_suffix(".log").open("wb") as log:
        ended = subprocess.run(  # noqa: S603 - our own scenarios
            command,
            check=False,
            env=environment,
            stdout=log,
            stderr=log,
            timeout=options.seconds + GRACE_S,
        )
    if ended.returncode != 0:
        raise RuntimeError(f"locust ended badly; it says why in {out.with_suffix('.log')}")
    stats: list[dict[str, object]] = json.loads(out.with_suffix(".json").read_text("utf-8"))
    return stats


def _table(
    promised: dict[str, Promise], found: dict[str, Seen], probe: Sample, broken: list[str]
) -> Iterator[str]:
    yield f"{'':<22}{'requests':>10}{'failed':>8}{'p50 ms':>9}{'p99 ms':>9}{'promised':>10}"
    for name in sorted(promised.keys() | found.keys()):
        seen, promise = found.get(name), promised.get(name)
        goal = "" if promise is None or promise.p99_ms is None else f"{promise.p99_ms:g}"
        if seen is not None:
            yield (
                f"{name:<22}{seen.requests:>10,}{seen.failures:>8,}{seen.p50_ms:>9,g}"
                f"{seen.p99_ms:>9,g}{goal:>10}"
            )
    waits = [percentile(probe.latencies_us, percent) / 1e3 for percent in (50, 99, 99.9)]
    yield f"probe, open loop at {PROBE.rate:g}/s: p50, p99, p99.9 " + ", ".join(
        f"{wait:.2f} ms" for wait in waits
    )
    yield ""
    yield NOTE
    yield ""
    yield from (f"BROKEN  {each}" for each in broken)
    yield "something did not hold" if broken else "everything held"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m loadtests.load", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the day is")
    parser.add_argument("--users", type=int, default=40, help="lanes in the busiest hour")
    parser.add_argument("--licenses", type=int, default=20_000, help="in the ledger")
    parser.add_argument("--thresholds", type=Path, default=SCENARIOS / "thresholds.json")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "build" / "load")
    return parser.parse_args()


BEGAN: Final = time.monotonic()


def tell(what: str) -> None:
    """Says on stderr what happens now, and since when."""
    sys.stderr.write(f"[{time.monotonic() - BEGAN:5.0f} s] {what}\n")


if __name__ == "__main__":
    sys.exit(main())
