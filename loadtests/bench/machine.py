"""Which machine and which versions the figures belong to: without them a figure means nothing."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Final

__all__ = ["commit", "machine_facts", "version_facts"]

DISTRIBUTIONS: Final = ("descargo-server", "grpcio", "protobuf", "uvloop", "cryptography")


def machine_facts(folder: Path) -> dict[str, object]:
    """The machine, the file system of `folder`, and how busy others keep the machine."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count() or 0,
        "kernel": f"{platform.system()} {platform.release()}",
        "memory_gib": round(_memory_bytes() / 2**30, 1),
        "file_system": _file_system(folder),
        "load_before": round(os.getloadavg()[0], 2),
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def version_facts() -> dict[str, str]:
    """Versions of what takes part; rustc only where there is one."""
    versions = {"python": platform.python_version()}
    versions |= {name: metadata.version(name) for name in DISTRIBUTIONS}
    rustc = shutil.which("rustc")
    if rustc is not None:
        told = subprocess.run([rustc, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - fixed argv
        versions["rustc"] = told.stdout.removeprefix("rustc ").strip()
    return versions


def commit(repository: Path) -> str:
    """Which commit was measured, marked where files differ from it; empty without git."""
    git = shutil.which("git")
    if git is None:
        return ""
    command = [git, "-C", str(repository), "describe", "--always", "--dirty"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed argv
    return told.stdout.strip()


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.machine()


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _file_system(folder: Path) -> str:
    """Kind of the file system, since a commit in memory is no commit."""
    best, kind = Path("/"), "unknown"
    for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines():
        _, point, found, *_ = line.split(" ")
        mount = Path(point)
        if folder.resolve().is_relative_to(mount) and len(mount.parts) >= len(best.parts):
            best, kind = mount, found
    return kind
