"""Runs the compilers of the contract the way `scripts/gen.py` and a reviewer would."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Final

import pytest

REPOSITORY: Final = Path(__file__).resolve().parents[2]


class Buf:
    """The `buf` beside this interpreter, without network, home or cache of its own."""

    def __init__(self, scratch: Path) -> None:
        """Keep what buf writes in `scratch`."""
        self._scratch = scratch

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run buf; exit code 100 means that it found something."""
        program = Path(sys.executable).parent / "buf"
        return subprocess.run(
            [program, *arguments],
            capture_output=True,
            check=False,
            text=True,
            env={"HOME": str(self._scratch), "PATH": ""},
        )

    def image(self, proto_dir: Path, name: str) -> Path:
        """Compile every .proto of `proto_dir` into one image, imports included."""
        image = self._scratch / f"{name}.binpb"
        sources = sorted(path.relative_to(proto_dir) for path in proto_dir.rglob("*.proto"))
        command = [
            sys.executable,
            "-m",
            "grpc_tools.protoc",
            f"--proto_path={proto_dir}",
            # google.rpc.Status comes with googleapis-common-protos.
            f"--proto_path={sysconfig.get_path('purelib')}",
            "--include_imports",
            "--include_source_info",
            f"--descriptor_set_out={image}",
            *map(str, sources),
        ]
        result = subprocess.run(command, capture_output=True, check=False, text=True)
        assert result.returncode == 0, result.stderr
        return image


@pytest.fixture
def buf(tmp_path: Path) -> Buf:
    """Return a buf that works in this test's own directory."""
    scratch = tmp_path / "buf"
    scratch.mkdir()
    return Buf(scratch)


@pytest.fixture
def repository() -> Path:
    """Return the root of the repository."""
    return REPOSITORY
