"""The contract is well kept, and everything planned can join it without breaking a caller.

`whole_sketch/` holds the whole contract as planned. What ships today must be contained in it, so a
field number or type that would be in the way later is found now.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.contract.conftest import Buf

PLANNED_RPCS: Final = {
    "ValidationService": {
        "CheckLicense",
        "CheckDeclaration",
        "ValidateLicense",
        "ValidateLicenses",
        "ReserveDeclaration",
        "PayDeclaration",
        "ValidateDeclaration",
        "ReleaseDeclaration",
        "RectifyDeclaration",
        "GetOutcome",
        "ListRequiredLicenses",
    },
    "SubmissionService": {
        "SubmitLicense",
        "SubmitLicenses",
        "WatchExercises",
        "GetLicense",
        "ListLicenses",
        "ListLicenseVersions",
        "ReportActivity",
        "GetBalance",
        "ListMovements",
    },
    "RulesService": {"PublishRuleset", "ActivateRuleset", "ListRulesets", "ShadowRuleset"},
    "EvidenceService": {"GetReceipt", "GetCheckpoint", "GetConsistencyProof", "ListEntries"},
    "OperationsService": {
        "RevokeCertificate",
        "ImportCrl",
        "EnrollSigner",
        "ListSigners",
        "ListAffectedLicenses",
        "QuarantineCertificate",
        "Halt",
        "Resume",
        "ListStreams",
    },
}


@dataclass(frozen=True)
class Break:
    """One edit that would strand callers, and the words in which buf reports it."""

    name: str
    file: str
    before: str
    after: str
    report: str


BREAKS: Final = [
    Break(
        name="retyped field",
        file="license.proto",
        before="string permit_number = 3;",
        after="bytes permit_number = 3;",
        report='Field "3" with name "permit_number" on message "LicenseId" changed type',
    ),
    Break(
        name="renumbered field",
        file="license.proto",
        before="string permit_number = 3;",
        after="string permit_number = 4;",
        report='Previously present field "3" with name "permit_number" on message "LicenseId"',
    ),
    Break(
        name="renamed field",
        file="declaration.proto",
        before="string paid_on = 10;",
        after="string payment_date = 10;",
        report='from "paid_on" to "payment_date"',
    ),
    Break(
        name="lost presence",
        file="license.proto",
        before="optional string quantity = 1;",
        after="string quantity = 1;",
        report='Field "1" with name "quantity" on message "Amount" changed cardinality',
    ),
    Break(
        name="renumbered enum value",
        file="verdict.proto",
        before="ACTOR_OPERATOR = 5;",
        after="ACTOR_OPERATOR = 6;",
        report='Previously present enum value "5" on enum "Actor"',
    ),
]


def test_contract_keeps_the_lint_rules(buf: Buf, repository: Path) -> None:
    """STANDARD names, and a comment on every element."""
    result = buf.run("lint", repository / "proto")
    assert result.returncode == 0, result.stdout + result.stderr


def test_lint_reports_a_field_without_comment(buf: Buf, repository: Path, tmp_path: Path) -> None:
    """The rules of the lint are really in use."""
    copy = _copy(repository / "proto", tmp_path)
    _edit(copy / "descargo/v1/license.proto", "  // 8 digits. Required.\n", "")
    result = buf.run("lint", copy)
    assert result.returncode == 100, result.stderr
    assert 'Field "code" should have a non-empty comment' in result.stdout


def test_everything_planned_joins_without_a_break(buf: Buf, repository: Path) -> None:
    """An old lane gets the same answer after each of the steps to come."""
    result = _breaking(buf, repository / "proto", _sketch(repository), repository)
    assert result == ""


def test_the_sketch_holds_every_planned_rpc(repository: Path) -> None:
    """A sketch that lost a service would prove nothing."""
    rpcs = {}
    for path in _sketch(repository).rglob("*_service.proto"):
        text = path.read_text(encoding="utf-8")
        service = re.findall(r"^service (\w+)", text, re.MULTILINE)
        rpcs[service[0]] = set(re.findall(r"^  rpc (\w+)", text, re.MULTILINE))
    assert rpcs == PLANNED_RPCS


@pytest.mark.parametrize("case", BREAKS, ids=lambda case: case.name)
def test_a_break_is_reported(buf: Buf, repository: Path, tmp_path: Path, case: Break) -> None:
    """Each kind of break that would strand a caller is seen by the check above."""
    sketch = _copy(_sketch(repository), tmp_path)
    _edit(sketch / "descargo/v1" / case.file, case.before, case.after)
    assert case.report in _breaking(buf, repository / "proto", sketch, repository)


def _sketch(repository: Path) -> Path:
    return repository / "tests" / "contract" / "whole_sketch"


def _breaking(buf: Buf, present: Path, later: Path, repository: Path) -> str:
    """What `buf breaking` says of the step from `present` to `later`; empty if nothing breaks."""
    result = buf.run(
        "breaking",
        buf.image(later, "later"),
        "--against",
        buf.image(present, "present"),
        "--config",
        repository / "proto" / "buf.yaml",
    )
    assert result.returncode in {0, 100}, result.stderr
    assert (result.returncode == 0) == (result.stdout == "")
    return result.stdout


def _copy(source: Path, tmp_path: Path) -> Path:
    return shutil.copytree(source, tmp_path / "copy", ignore=shutil.ignore_patterns("*.py*"))


def _edit(path: Path, before: str, after: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1
    path.write_text(text.replace(before, after), encoding="utf-8")
