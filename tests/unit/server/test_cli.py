"""The command line: help with examples, and exit codes that scripts can rest on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from descargo_server.admin.cli import cli

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = [
    ["serve"],
    ["config", "check"],
    ["catalogue", "import"],
    ["pki", "demo"],
    ["verify-raw"],
    ["demo"],
]


def run(*arguments: str) -> tuple[int, str]:
    ended = CliRunner().invoke(cli, list(arguments))
    return ended.exit_code, ended.output


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_shows_an_example(command: list[str]) -> None:
    code, said = run(*command, "--help")
    assert code == 0
    assert f"Example: descargo-server {' '.join(command)}" in " ".join(said.split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["serve"],
        ["no-such-command"],
        ["config", "check"],
        ["pki", "demo"],
        ["catalogue", "import", "DIR"],
        ["catalogue", "import", "DIR", "--format", "pdf", "--out", "OUT"],
        ["catalogue", "import", "DIR", "--format", "sat-catalogs"],
        ["catalogue", "import", "DIR", "--format", "sat-catalogs", "--out", "O", "--config", "C"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_code_2(arguments: list[str]) -> None:
    code, said = run(*arguments)
    assert code == 2, said


def test_pki_demo_can_be_checked(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    assert run("pki", "demo", "--out", str(folder))[0] == 0
    code, said = run("config", "check", "--config", str(folder / "descargo.toml"))
    assert (code, "127.0.0.1:50443" in said) == (0, True)


def test_import_of_a_folder_without_the_files_names_them_and_writes_nothing(
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    arguments = ["--format", "sat-catalogs", "--out", str(out)]
    code, said = run("catalogue", "import", str(tmp_path), *arguments)
    assert code == 1
    assert "cce_20_fracciones_arancelarias.csv" in said
    assert not list(out.iterdir())
