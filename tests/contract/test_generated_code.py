"""The committed files that derive from the contract are what the contract gives today."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

if TYPE_CHECKING:
    from pathlib import Path

    from tests.contract.conftest import Buf


@dataclass(frozen=True)
class Change:
    """One edit, and the generated files that it makes stale."""

    name: str
    file: str
    before: str
    after: str
    stale: frozenset[str]


CHANGES: Final = [
    Change(
        name="comment of a field",
        file="proto/descargo/v1/license.proto",
        before="// 8 digits. Required.",
        after="// Eight digits. Required.",
        stale=frozenset({"proto/descargo/v1/license_pb2.pyi"}),
    ),
    Change(
        name="name of a field",
        file="proto/descargo/v1/license.proto",
        before="string nico = 2;",
        after="string suffix = 2;",
        stale=frozenset({"proto/descargo/v1/license_pb2.py", "proto/descargo/v1/license_pb2.pyi"}),
    ),
    Change(
        name="name of an rpc",
        file="proto/descargo/v1/validation_service.proto",
        before="rpc GetOutcome(",
        after="rpc ReadOutcome(",
        stale=frozenset(
            {
                "proto/descargo/v1/validation_service_pb2.py",
                "proto/descargo/v1/validation_service_pb2_grpc.py",
                "proto/descargo/v1/validation_service_pb2_grpc.pyi",
            }
        ),
    ),
    Change(
        name="text of a finding",
        file="proto/descargo/catalogue/findings.toml",
        before='message_es = "Falta un dato obligatorio."',
        after='message_es = "Falta un dato."',
        stale=frozenset({"docs/error-catalogue.md"}),
    ),
    Change(
        name="hand in a generated page",
        file="docs/error-catalogue.md",
        before="| `S101` |",
        after="| `S100` |",
        stale=frozenset({"docs/error-catalogue.md"}),
    ),
]


def test_committed_files_are_fresh(repository: Path) -> None:
    """Nobody changed a .proto or a text without generating again."""
    result = _gen(repository, repository, "--check")
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_a_change_makes_its_files_stale(repository: Path, tmp_path: Path, change: Change) -> None:
    """The check names each file that a change reaches, and generating mends it."""
    copy = _copy(repository, tmp_path)
    text = (copy / change.file).read_text(encoding="utf-8")
    assert text.count(change.before) == 1
    (copy / change.file).write_text(text.replace(change.before, change.after), encoding="utf-8")

    check = _gen(repository, copy, "--check")
    assert check.returncode == 1
    assert _named(check.stderr) == change.stale

    assert _gen(repository, copy).returncode == 0
    assert _gen(repository, copy, "--check").returncode == 0


def test_a_file_that_nothing_generates_any_more_is_stale(repository: Path, tmp_path: Path) -> None:
    """What a removed .proto left behind would still import."""
    copy = _copy(repository, tmp_path)
    leftover = copy / "proto/descargo/v1/removed_pb2.py"
    leftover.write_text("# left behind\n", encoding="utf-8")
    check = _gen(repository, copy, "--check")
    assert check.returncode == 1
    assert _named(check.stderr) == {"proto/descargo/v1/removed_pb2.py"}
    assert _gen(repository, copy).returncode == 0
    assert not leftover.exists()


def test_a_missing_file_is_stale(repository: Path, tmp_path: Path) -> None:
    """A stub that was never committed is as bad as an old one."""
    copy = _copy(repository, tmp_path)
    (copy / "proto/descargo/v1/verdict_pb2_grpc.pyi").unlink()
    check = _gen(repository, copy, "--check")
    assert _named(check.stderr) == {"proto/descargo/v1/verdict_pb2_grpc.pyi"}


def test_a_contract_that_does_not_compile_is_named(repository: Path, tmp_path: Path) -> None:
    """The compiler's own words come through, with file and line; nothing is written."""
    copy = _copy(repository, tmp_path)
    with (copy / "proto/descargo/v1/license.proto").open("a", encoding="utf-8") as proto:
        proto.write("message {\n")
    before = (copy / "proto/descargo/v1/license_pb2.py").read_bytes()
    result = _gen(repository, copy)
    assert result.returncode == 2
    assert "descargo/v1/license.proto:" in result.stderr
    assert (copy / "proto/descargo/v1/license_pb2.py").read_bytes() == before


def test_generated_python_names_no_time_and_no_machine(repository: Path) -> None:
    """Two people who generate get the same bytes."""
    generated = sorted((repository / "proto/descargo/v1").glob("*_pb2*.py*"))
    assert len(generated) == 4 * len(list((repository / "proto/descargo/v1").glob("*.proto")))
    for path in generated:
        text = path.read_text(encoding="utf-8")
        assert str(repository) not in text
        assert "/tmp" not in text  # noqa: S108 - the word is looked for, not used


def test_the_core_reads_by_the_same_contract(repository: Path, buf: Buf) -> None:
    """The descriptor that the Rust reader walks by says what the .proto files say."""
    committed = repository / "core_rs/crates/model/src/generated/descargo.v1.binpb"
    image = buf.image(repository / "proto", "present")
    assert _descriptors(committed) == _descriptors(image)


def _descriptors(path: Path) -> dict[str, str]:
    """Each file of a descriptor set as text, without what compilers are free to add."""
    descriptors = FileDescriptorSet.FromString(path.read_bytes())
    texts = {}
    for file in descriptors.file:
        if file.name.startswith("descargo/"):
            file.ClearField("source_code_info")
            texts[file.name] = str(file)
    assert texts
    return texts


def _gen(repository: Path, root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the generator of this repository on the copy at `root`, Rust left alone."""
    script = repository / "scripts" / "gen.py"
    command = [sys.executable, str(script), "--python-only", "--root", str(root), *options]
    return subprocess.run(command, capture_output=True, check=False, text=True)


def _named(stderr: str) -> set[str]:
    """The files that the check calls stale."""
    lines = stderr.splitlines()
    assert all(line.startswith("stale: ") for line in lines), stderr
    return {line.removeprefix("stale: ").split(";")[0] for line in lines}


def _copy(repository: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "copy"
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info", "dist", "build")
    shutil.copytree(repository / "proto", copy / "proto", ignore=ignore)
    (copy / "docs").mkdir()
    shutil.copy(repository / "docs" / "error-catalogue.md", copy / "docs")
    return copy
