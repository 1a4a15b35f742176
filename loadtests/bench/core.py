"""The core alone: runs its Rust bench through cargo and reads the figures that it prints."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from loadtests.bench.sizes import Sizes

__all__ = ["CoreFigures", "core_figures"]

REPOSITORY: Final = Path(__file__).resolve().parents[2]
DECISIONS: Final = (500, 2_500)
"""Counted twice, so that only the decisions between the two counts remain."""


@dataclass(frozen=True, slots=True)
class CoreFigures:
    """Unit and rounds of each figure, by group and figure; or why there are none."""

    figures: Mapping[tuple[str, str], tuple[str, Sequence[float]]] = field(default_factory=dict)
    missing: str = ""


def core_figures(inputs: Path, sizes: Sizes, tell: Callable[[str], None]) -> CoreFigures:
    """What the core costs without server and transport."""
    cargo = shutil.which("cargo")
    if cargo is None:
        return CoreFigures(missing="no cargo on this machine: the core's own figures need it")
    tell("the core alone (the first time its bench is compiled)")
    command = [cargo, "bench", "--quiet", "--locked", "--package", "descargo-engine"]
    command += ["--bench", "core", "--manifest-path", str(REPOSITORY / "core_rs" / "Cargo.toml")]
    command += ["--", str(inputs), str(sizes.rounds), str(sizes.core_draws)]
    command += [str(sizes.core_timing_ms)]
    target = os.environ.get("CARGO_TARGET_DIR", str(REPOSITORY / "core_rs" / "target"))
    ended = subprocess.run(  # noqa: S603 - fixed argv
        command,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"CARGO_TARGET_DIR": target},
    )
    if ended.returncode != 0:
        last = (ended.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return CoreFigures(missing=f"the core's bench failed: {last}")
    return CoreFigures({**parsed(ended.stdout), **_instructions(inputs, command, target, tell)})


def _instructions(
    inputs: Path, bench: Sequence[str], target: str, tell: Callable[[str], None]
) -> Mapping[tuple[str, str], tuple[str, Sequence[float]]]:
    """Instructions of one decision, which no busy machine disturbs; empty without valgrind."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        tell("no valgrind on this machine: instructions are not counted")
        return {}
    built = subprocess.run(  # noqa: S603 - fixed argv
        [*bench[: bench.index("--")], "--no-run", "--message-format", "json"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"CARGO_TARGET_DIR": target},
    )
    (program,) = [
        artifact["executable"]
        for artifact in map(json.loads, built.stdout.splitlines())
        if artifact.get("executable") and artifact["target"]["name"] == "core"
    ]
    tell("instructions of a decision")
    few, many = (_counted(valgrind, program, inputs, count) for count in DECISIONS)
    each = (many - few) / (DECISIONS[1] - DECISIONS[0])
    return {("a decision without signatures", "instructions"): ("", [each])}


def _counted(valgrind: str, program: str, inputs: Path, decisions: int) -> int:
    """All instructions of a run; what start-up takes falls out between two runs."""
    out = inputs / "callgrind.out"
    command = [valgrind, "--tool=callgrind", f"--callgrind-out-file={out}", program]
    command += [str(inputs), "decide", str(decisions)]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - our own program
    for line in out.read_text(encoding="utf-8").splitlines():
        if line.startswith(("summary:", "totals:")):
            return int(line.split()[1])
    raise RuntimeError("callgrind told no sum")


def parsed(text: str) -> Mapping[tuple[str, str], tuple[str, Sequence[float]]]:
    """The figures in what the Rust bench prints."""
    return {
        (figure["group"], figure["figure"]): (figure["unit"], figure["rounds"])
        for figure in json.loads(text)["figures"]
    }
