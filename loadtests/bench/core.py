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
    return CoreFigures(parsed(ended.stdout))


def parsed(text: str) -> Mapping[tuple[str, str], tuple[str, Sequence[float]]]:
    """The figures in what the Rust bench prints."""
    return {
        (figure["group"], figure["figure"]): (figure["unit"], figure["rounds"])
        for figure in json.loads(text)["figures"]
    }
