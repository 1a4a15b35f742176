"""The cadena original: published vectors, a frozen form, and no two submissions with one string."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.json_format import ParseDict

from descargo.v1 import submission_pb2
from descargo_client.canonical import FORM_1, FORM_2, canonical_string
from descargo_client.faults import BadFile

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

VECTORS = Path(__file__).parents[2] / "vectors" / "canonical"
UNWRITABLE = VECTORS / "unwritable.json"
PUBLISHED = sorted(path for path in VECTORS.glob("*.json") if path != UNWRITABLE)


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def submission_of(case: Any) -> submission_pb2.Submission:
    return ParseDict(case["submission"], submission_pb2.Submission())


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.stem)
def test_published_submission_has_its_string(path: Path) -> None:
    case = read(path)
    submission = submission_of(case)
    assert canonical_string(submission) == case["canonical_string"]
    assert hashlib.sha256(case["canonical_string"].encode()).hexdigest() == case["sha256"]
    # The two ways in which a vector tells its submission say the same.
    told = submission_pb2.Submission.FromString(bytes.fromhex(case["serialized_hex"]))
    assert told == submission


def test_published_strings_differ_from_each_other() -> None:
    strings = [read(path)["canonical_string"] for path in PUBLISHED]
    assert len(set(strings)) == len(strings) >= 14


@pytest.mark.parametrize("case", read(UNWRITABLE), ids=lambda case: case["name"])
def test_what_has_no_string_is_refused_with_its_path(case: Any) -> None:
    with pytest.raises(BadFile) as refused:
        canonical_string(submission_of(case))
    told = [problem.field for problem in refused.value.problems]
    assert told == [part.split(" ")[1] for part in case["unwritable"]]
    for problem in refused.value.problems:
        assert problem.text("es") != problem.text("en")


def messages_within(message: Descriptor, found: dict[str, list[str]]) -> dict[str, list[str]]:
    """Each message of the contract that a submission can hold, with its fields by number."""
    fields = sorted(message.fields, key=lambda field: field.number)
    found[message.name] = [field.name for field in fields]
    for field in fields:
        inner = field.message_type
        if inner is not None and inner.file.package == "descargo.v1" and inner.name not in found:
            messages_within(inner, found)
    return found


def test_form_1_is_frozen_and_form_2_has_the_rest() -> None:
    """A field that the contract gains comes into form 2: form 1 is published and not changed."""
    contract = messages_within(submission_pb2.Submission.DESCRIPTOR, {})
    assert {name: fields.split() for name, fields in FORM_2.items()} == contract
    later = {"applied_at", "ruled_at"}
    contract["License"] = [name for name in contract["License"] if name not in later]
    assert {name: fields.split() for name, fields in FORM_1.items()} == contract


@pytest.mark.parametrize("name", ["applied_at", "ruled_at"])
def test_a_submission_is_written_in_the_lowest_form_that_has_a_place_for_it(name: str) -> None:
    submission = submission_pb2.Submission()
    submission.issue.legal_basis = "DOF"
    assert canonical_string(submission).startswith("||1|")
    getattr(submission.issue, name).FromJsonString("2026-03-01T18:00:00Z")
    assert canonical_string(submission).startswith("||2|")


def test_a_field_that_form_1_does_not_know_cannot_be_signed_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(FORM_1, "Extension", "valid_to")
    submission = submission_pb2.Submission()
    submission.extension.office = "240"
    with pytest.raises(BadFile) as refused:
        canonical_string(submission)
    (problem,) = refused.value.problems
    assert (problem.key, problem.field) == ("canonical.later_field", "extension.office")
