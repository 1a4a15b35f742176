"""Reads the cases of tests/vectors/findings and makes the messages that they describe."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from google.protobuf.json_format import ParseDict

from descargo.v1 import declaration_pb2, submission_pb2
from tests.vectors.field_paths import copy_field, remove_field, repeat_field, set_field

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from google.protobuf.message import Message

__all__ = [
    "Case",
    "ExerciseCase",
    "Expected",
    "SubmissionCase",
    "change_of",
    "declaration_of",
    "exercise_cases",
    "good_declaration",
    "good_submission",
    "license_of",
    "submission_cases",
    "submission_of",
]

FOLDER: Final = Path(__file__).parent / "findings"
FIRMA: Final = "(firma)"
"""Stands in a declaration for the discharge signature that was issued."""

CaseT = TypeVar("CaseT", bound="Case")


@dataclass(frozen=True)
class Expected:
    """One finding that must come, with what it tells where the case says so."""

    code: str
    field: str
    told: tuple[str, str] | None
    """What was declared and what is granted; None where the case leaves it open."""

    @classmethod
    def parse(cls, text: str) -> Expected:
        """Reads `CODE path` or `CODE path: declared / granted`."""
        place, colon, told = text.partition(": ")
        code, path = place.split(" ")
        if not colon:
            return cls(code, path, None)
        declared, granted = told.rsplit(" / ", 1) if " / " in told else (told, "")
        return cls(code, path, (declared, granted))


@dataclass(frozen=True, kw_only=True)
class Case:
    """What submissions and exercises have in common."""

    name: str
    file: str
    expect: tuple[str, ...]
    now: str
    caller: str
    policy: dict[str, Any] = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    copy: dict[str, str] = field(default_factory=dict)
    set: dict[str, Any] = field(default_factory=dict)
    times: dict[str, tuple[str, int]] = field(default_factory=dict)
    before: tuple[dict[str, Any], ...] = ()
    same_answer: bool = False

    @property
    def expected(self) -> list[Expected]:
        """Every finding that must come, in order."""
        return [Expected.parse(text) for text in self.expect]

    @property
    def refuses(self) -> bool:
        """Whether the answer must be no: anything but warnings."""
        return any(not each.code.startswith("W") for each in self.expected)


@dataclass(frozen=True, kw_only=True)
class SubmissionCase(Case):
    """A submission."""

    now: str = "2026-05-10T18:00:30Z"
    caller: str = "se"
    signer: str = "se"
    spoil: str = ""
    append: str = ""
    form: str = "payload"
    """`canonical`: signed as a canonical string, with the submission beside it."""
    string: tuple[str, str] = ("", "")
    """What is written otherwise in that string before it is signed: this, and what instead."""
    change: dict[str, Any] = field(default_factory=dict)
    onboard: list[dict[str, Any]] | None = None


@dataclass(frozen=True, kw_only=True)
class ExerciseCase(Case):
    """A declaration on a license that was issued before."""

    now: str = "2026-05-11T18:00:00Z"
    caller: str = "lane"
    check_only: bool = False
    status: str = ""
    license_line: int = 1
    license: dict[str, Any] = field(default_factory=dict)
    license_remove: tuple[str, ...] = ()
    license_copy: dict[str, str] = field(default_factory=dict)
    license_onboard: list[dict[str, Any]] | None = None
    changes: tuple[dict[str, Any], ...] = ()
    standing: str = ""
    """The status that is shown, where neither the findings nor the day say it."""
    before_refused: tuple[dict[str, Any], ...] = ()


@cache
def submission_cases() -> tuple[SubmissionCase, ...]:
    """Every case of a submission."""
    return tuple(_cases(SubmissionCase, "submission_*.toml"))


@cache
def exercise_cases() -> tuple[ExerciseCase, ...]:
    """Every case of an exercise."""
    return tuple(_cases(ExerciseCase, "exercise_*.toml"))


def declaration_codes() -> set[str]:
    """Every code that a case of whole declarations expects."""
    cases = tomllib.loads((FOLDER / "declarations.toml").read_text(encoding="utf-8"))["case"]
    told = [each for case in cases for step in case["steps"] for each in step.get("expect", [])]
    return {each.split()[0] for each in told}


def _cases(kind: type[CaseT], pattern: str) -> Iterator[CaseT]:
    known = {each.name for each in fields(kind)}
    for path in sorted(FOLDER.glob(pattern)):
        for row in tomllib.loads(path.read_text(encoding="utf-8"))["case"]:
            unknown = set(row) - known
            assert not unknown, f"{path.name}: `{row.get('name')}` has unknown keys {unknown}"
            yield kind(file=path.stem, **row)


def good_submission() -> submission_pb2.Submission:
    """The submission that every case begins with."""
    return ParseDict(_good("good_submission.json"), submission_pb2.Submission())


def good_declaration(firma: str) -> declaration_pb2.Declaration:
    """The declaration that every case begins with, on a license with this discharge signature."""
    declaration = ParseDict(_good("good_declaration.json"), declaration_pb2.Declaration())
    for line in declaration.lines:
        for draw in line.draws:
            draw.discharge_signature = draw.discharge_signature.replace(FIRMA, firma)
    return declaration


def submission_of(case: SubmissionCase) -> submission_pb2.Submission:
    """What a case submits."""
    submission = change_of(good_submission(), case.change)
    _onboard(submission, case.onboard)
    _change(submission, case.remove, case.copy, case.set, case.times)
    return submission


def change_of(
    issued: submission_pb2.Submission, told: Mapping[str, Any]
) -> submission_pb2.Submission:
    """A change of an issued license: the fields told, in place of its issue.

    An `amendment` begins as what was issued; `set` and `onboard` are applied at the end.
    """
    submission = submission_pb2.Submission()
    submission.CopyFrom(issued)
    fields_told = {name: value for name, value in told.items() if name not in {"set", "onboard"}}
    if "amendment" in fields_told:
        submission.amendment.CopyFrom(issued.issue)
    ParseDict(fields_told, submission)
    _onboard(submission, told.get("onboard"))
    _change(submission, (), {}, told.get("set", {}), {})
    return submission


def license_of(case: ExerciseCase) -> submission_pb2.Submission:
    """The submission of the license that a case exercises."""
    submission = good_submission()
    _onboard(submission, case.license_onboard)
    _change(submission, case.license_remove, case.license_copy, case.license, {})
    return submission


def declaration_of(
    case: ExerciseCase, firma: str, instead: Mapping[str, Any] | None = None
) -> declaration_pb2.Declaration:
    """What a case declares, or with `instead` one of the declarations before it."""
    declaration = good_declaration(firma)
    if instead is None:
        _change(declaration, case.remove, case.copy, case.set, case.times)
    else:
        _change(declaration, (), {}, instead, {})
    return declaration


def _onboard(
    submission: submission_pb2.Submission, remainders: list[dict[str, Any]] | None
) -> None:
    """Turns the issue into an onboarding of the same license."""
    if remainders is not None:
        onboarding = submission_pb2.Onboarding(license=submission.issue)
        submission.onboarding.CopyFrom(onboarding)
        ParseDict({"remainders": remainders}, submission.onboarding)


def _change(
    message: Message,
    remove: tuple[str, ...],
    copy: Mapping[str, str],
    values: Mapping[str, Any],
    times: Mapping[str, tuple[str, int]],
) -> None:
    for target, source in copy.items():
        copy_field(message, target, source)
    for path, value in values.items():
        set_field(message, path, value)
    for path, (value, count) in times.items():
        repeat_field(message, path, value, count)
    for path in remove:
        remove_field(message, path)


def _good(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))
