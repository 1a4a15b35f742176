"""docs/rules.md does what it says: its files and its commands; and the sample rules that ship."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest

from descargo_server.config.files import shipped_folder

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
RULES: Final = shipped_folder().parent / "rulesets"
SEED: Final = RULES / "seed"
AGENCIES: Final = {
    "SE", "SENER", "SEMARNAT", "PROFEPA", "SENASICA", "COFEPRIS", "SEDENA", "CICOPLAFEST",
    "INAH", "INBAL", "AMECAFE", "CRT", "CRE",
}  # fmt: skip


def run(folder: Path, command: str, code: int = 0) -> str:
    """What a command prints, both streams."""
    program, *arguments = command.split()
    ran = subprocess.run(
        [Path(sys.executable).parent / program, *arguments],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == code, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The page's files, as it names them."""
    blocks = re.findall(r"`(mis-reglas/\S+)`:\n\n```toml\n(.*?)```", PAGE, re.DOTALL)
    assert [name for name, _ in blocks] == ["mis-reglas/se.toml", "mis-reglas/acero.cases.toml"]
    (tmp_path / "mis-reglas").mkdir()
    for name, text in blocks:
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_the_page_does_what_it_says(folder: Path) -> None:
    commands = re.findall(r"^    (descargo-server rules .*)$", PAGE, re.MULTILINE)
    said = [run(folder, command) for command in commands]
    assert said[:2] == said[2:]
    assert said[0].startswith("1 rule, no problem\nsha256  ")
    assert said[1] == "3 cases, all as expected\n"


def test_a_problem_has_its_place_and_ends_with_1(folder: Path) -> None:
    file = folder / "mis-reglas" / "se.toml"
    text = file.read_text(encoding="utf-8")
    line = text.splitlines().index('except_countries = ["TMEC"]') + 1
    file.write_text(text.replace('["TMEC"]', '["TMEC", "XXX"]'), encoding="utf-8")
    said = run(folder, "descargo-server rules check mis-reglas", 1)
    assert said == f"mis-reglas/se.toml:{line}:29: country `XXX` is not known\n"
    run(folder, "descargo-server rules test mis-reglas", 1)
    run(folder, "descargo-server rules check mis-reglas/other.toml", 2)
    run(folder, "descargo-server rules test mis-reglas/se.toml", 1)


def test_a_case_that_comes_out_otherwise_ends_with_1(folder: Path) -> None:
    file = folder / "mis-reglas" / "acero.cases.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('codes = ["N428"]', 'codes = ["N429"]'), encoding="utf-8")
    said = run(folder, "descargo-server rules test mis-reglas", 1)
    assert 'codes is ["N428"], expected ["N429"]' in said
    assert said.startswith("mis-reglas/acero.cases.toml:1:1: case `acero de China sin aviso`")
    file.unlink()
    assert "no case was found" in run(folder, "descargo-server rules test mis-reglas", 2)


def test_the_sample_rules_hold_and_cover_every_agency() -> None:
    assert "no problem" in run(ROOT, f"descargo-server rules check {SEED}")
    assert "all as expected" in run(ROOT, f"descargo-server rules test {SEED}")
    files = [path for path in SEED.glob("*.toml") if not path.name.endswith(".cases.toml")]
    rules = [rule for path in files for rule in tomllib.loads(path.read_text())["rule"]]
    assert {rule["agency"] for rule in rules} == AGENCIES
    assert len({code for rule in rules for code in rule["tariff"]}) >= 60
    # Nobody has compared them with the law.
    assert all(rule["illustrative"] for rule in rules)


def test_the_schema_names_every_field_that_the_core_reads() -> None:
    schema = json.loads((RULES / "ruleset.schema.json").read_text(encoding="utf-8"))
    source = ROOT / "core_rs" / "crates" / "rules" / "src" / "ruleset" / "source.rs"
    text = source.read_text(encoding="utf-8")
    for struct, part in (("RawRule", "rule"), ("RawCover", "covers")):
        body = text.split(f"struct {struct} {{")[1].split("}")[0]
        fields = set(re.findall(r"pub (\w+):", body))
        assert set(schema["properties"][part]["items"]["properties"]) == fields
