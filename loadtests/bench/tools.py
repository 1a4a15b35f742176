"""Our own compiled tools, built where there is cargo."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["REPOSITORY", "built"]

REPOSITORY: Final = Path(__file__).resolve().parents[2]


def built(package: str, tell: Callable[[str], None]) -> Path | None:
    """The program of a package; None where there is no cargo, or it cannot be built."""
    cargo = shutil.which("cargo")
    if cargo is None:
        return None
    tell(f"{package} (the first time it is built)")
    command = [cargo, "build", "--quiet", "--release", "--locked", "--package", package]
    command += ["--manifest-path", str(REPOSITORY / "core_rs" / "Cargo.toml")]
    target = os.environ.get("CARGO_TARGET_DIR", str(REPOSITORY / "core_rs" / "target"))
    environment = os.environ | {"CARGO_TARGET_DIR": target}
    ended = subprocess.run(command, check=False, env=environment)  # noqa: S603 - fixed argv
    return Path(target) / "release" / package if ended.returncode == 0 else None
