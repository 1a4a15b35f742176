"""Large ledgers: filled by the compiled corpus tool, unsigned: to sign a million takes long."""

from __future__ import annotations

import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from descargo_server.config.load import load_configuration
from loadtests.bench import tools
from loadtests.bench.corpus import Agency, Corpus, broker_licenses
from loadtests.bench.process_cpu import family
from loadtests.bench.stage import AGENCY, Filled, demo_folder, serving_validator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["STEEL", "Bulk", "bulk_stage", "resident_bytes"]

STEEL: Final = (("72083701", "01"),)
"""What the bench's declarations state."""
SEED: Final = 1
CORPUS_MAX: Final = 1_000_000
"""Licenses that clients draw from; a client holds all of them in memory."""


@dataclass(frozen=True, slots=True)
class Bulk(Filled):
    """A validator on a large ledger."""

    filled_s: float
    """How long the tool took."""
    started_s: float
    """From the start of the process until it answers."""
    ledger_bytes: int


@contextmanager
def bulk_stage(
    folder: Path,
    licenses: int,
    tell: Callable[[str], None],
    tariff: Sequence[tuple[str, str]] = STEEL,
    workers: int = 1,
) -> Iterator[Bulk]:
    """A validator with so many licenses until the block ends; raises RuntimeError without cargo."""
    tool = tools.built("descargo-corpus", tell)
    if tool is None:
        raise RuntimeError("the corpus tool needs cargo")
    demo = demo_folder(folder, workers)
    configuration = load_configuration(demo / "descargo.toml")
    ledger = Path(configuration.config.ledger)
    began = time.perf_counter()
    filled = _filled(folder, ledger, tool, licenses, tariff)
    filled_s = time.perf_counter() - began
    corpus_path = folder / "corpus.json"
    Corpus(filled, broker_licenses(configuration.catalogue)).write(corpus_path)
    began = time.perf_counter()
    with serving_validator(demo) as validator:
        started_s = time.perf_counter() - began
        yield Bulk(demo, corpus_path, validator, filled_s, started_s, ledger.stat().st_size)


def _filled(
    folder: Path, ledger: Path, tool: Path, licenses: int, tariff: Sequence[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Fills a ledger that is not open; numbers and firmas of at most `CORPUS_MAX` licenses."""
    like, codes, out = (folder / name for name in ("license.binpb", "tariff.tsv", "licenses.tsv"))
    like.write_bytes(Agency(folder / "demo", AGENCY).license().SerializeToString())
    codes.write_text("".join(f"{code}\t{nico}\n" for code, nico in tariff), encoding="ascii")
    command = [str(tool), str(ledger), str(like), str(codes), str(licenses), str(SEED), str(out)]
    subprocess.run(command, check=True)  # noqa: S603 - our own program
    step = max(licenses // CORPUS_MAX, 1)
    kept = []
    with out.open(encoding="ascii") as lines:
        for position, line in enumerate(lines):
            if position % step == 0:
                number, firma = line.rstrip("\n").split("\t")
                kept.append((number, firma))
    return kept


def resident_bytes(pid: int) -> int:
    """Memory of a process and its workers that is in use now."""
    return sum(_own_bytes(each) for each in family(pid))


def _own_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(":")
        if name == "VmRSS":
            return int(value.split()[0]) * 1024
    raise RuntimeError(f"process {pid} has no memory")
