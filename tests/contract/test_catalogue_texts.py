"""Every finding and every reason has complete texts, in both languages, and a line in the docs."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Final

import grpc
import pytest

from descargo.catalogue import (
    ACTORS,
    CLASS_OF_LETTER,
    STATUSES,
    CatalogueTextError,
    FindingTextRow,
    ReasonRow,
    findings,
    parse_findings,
    parse_reasons,
    reasons,
)
from descargo.v1 import verdict_pb2

if TYPE_CHECKING:
    from pathlib import Path

# A code, once published, stays: this list only grows.
PUBLISHED_CODES: Final = (
    "S101 S102 S103 S104 S105 S106 S107 S108 S111 "
    "C201 C202 C203 C204 C205 C206 C207 C208 C211 "
    "E301 E302 E303 E304 E305 E307 E341 "
    "N401 N402 N407 N411 N412 N413 N414 N415 N416 N417 N418 N419 N420 N421 N422 N423 N424 N425 "
    "N426 F501 F502 F503 F504 F505 F506 F507 F508 F509 F511 W801 W802 W803 W811"
)

PUBLISHED_REASONS: Final = {
    "UNAUTHENTICATED": (
        "IDENTITY_UNKNOWN CERTIFICATE_EXPIRED CERTIFICATE_REVOKED CERTIFICATE_UNFIT"
    ),
    "PERMISSION_DENIED": "ROLE_NOT_ALLOWED",
    "INVALID_ARGUMENT": (
        "MESSAGE_UNREADABLE FIELD_UNKNOWN FIELD_INVALID SEQUENCE_GAP PAGE_TOKEN_INVALID "
        "CURSOR_INVALID RULESET_INVALID"
    ),
    "ALREADY_EXISTS": "REQUEST_ID_REUSED",
    "NOT_FOUND": "LICENSE_UNKNOWN OUTCOME_UNKNOWN RECEIPT_UNKNOWN RULESET_UNKNOWN",
    "RESOURCE_EXHAUSTED": "LIMIT_EXCEEDED RATE_EXCEEDED CREDIT_EXCEEDED READER_STALLED",
    "ABORTED": "STREAM_SUPERSEDED",
    "DEADLINE_EXCEEDED": "NOT_DECIDED",
    "UNAVAILABLE": (
        "OUTCOME_UNCERTAIN STORE_UNAVAILABLE OVERLOADED REVISION_AHEAD DRAINING HALTED"
    ),
    "INTERNAL": "FAULT",
}

FINDING: Final = """
[N424]
class = "NORMATIVE"
actor = "TRADER"
message_es = "a"
message_en = "b"
remedy_es = "c"
remedy_en = "d"
"""

REASON: Final = """
[FAULT]
status = "INTERNAL"
message_es = "a"
message_en = "b"
remedy_es = "c"
remedy_en = "d"
"""

BAD_FINDINGS: Final = [
    pytest.param('class = "NORMATIVE"', 'class = "WARNING"', "N424", id="class of another letter"),
    pytest.param('actor = "TRADER"', 'actor = "LANE"', "`LANE`", id="actor unknown"),
    pytest.param('remedy_en = "d"', "", "N424", id="text missing"),
    pytest.param('remedy_en = "d"', 'remedy_en = " "', "remedy_en", id="text empty"),
    pytest.param('remedy_en = "d"', "remedy_en = 1", "remedy_en", id="text not a string"),
    pytest.param('remedy_en = "d"', 'remedy_en = "d"\nx = "y"', "N424", id="field unknown"),
    pytest.param("[N424]", "[N42]", "N42", id="code too short"),
    pytest.param("[N424]", "[X424]", "X424", id="letter without a class"),
    pytest.param("[N424]", "[N424", "line 2", id="not TOML"),
]

BAD_REASONS: Final = [
    pytest.param('status = "INTERNAL"', 'status = "OK"', "`OK`", id="status unknown"),
    pytest.param('message_es = "a"', "", "FAULT", id="text missing"),
    pytest.param("[FAULT]", "[Fault]", "Fault", id="not in capitals"),
]


@pytest.mark.parametrize("code", PUBLISHED_CODES.split())
def test_a_published_code_has_all_its_texts(code: str) -> None:
    _assert_complete(findings()[code])


@pytest.mark.parametrize(
    ("status", "reason"),
    [(status, reason) for status, names in PUBLISHED_REASONS.items() for reason in names.split()],
)
def test_a_published_reason_has_all_its_texts_and_its_status(status: str, reason: str) -> None:
    row = reasons()[reason]
    assert row.status == status
    _assert_complete(row)


def test_a_message_is_said_once() -> None:
    """Two codes with one text would leave a broker guessing which of them he has."""
    rows: list[FindingTextRow | ReasonRow] = [*findings().values(), *reasons().values()]
    assert len({row.message_es for row in rows}) == len(rows)
    assert len({row.message_en for row in rows}) == len(rows)


def test_every_row_of_the_catalogue_has_one_line_in_the_docs(repository: Path) -> None:
    page = (repository / "docs" / "error-catalogue.md").read_text(encoding="utf-8")
    rows: dict[str, FindingTextRow | ReasonRow] = {**findings(), **reasons()}
    for name, row in rows.items():
        lines = [line for line in page.splitlines() if line.startswith(f"| `{name}` |")]
        assert len(lines) == 1, name
        for text in (row.message_es, row.message_en, row.remedy_es, row.remedy_en):
            assert text.replace("|", "\\|") in lines[0]


def test_classes_actors_and_statuses_are_those_of_the_contract() -> None:
    classes = {f"FINDING_CLASS_{name}" for name in CLASS_OF_LETTER.values()}
    assert classes | {"FINDING_CLASS_UNSPECIFIED"} == set(verdict_pb2.FindingClass.keys())
    actors = {f"ACTOR_{name}" for name in ACTORS}
    assert actors | {"ACTOR_UNSPECIFIED"} == set(verdict_pb2.Actor.keys())
    assert {status.name for status in grpc.StatusCode} >= STATUSES


def test_a_good_text_file_is_read() -> None:
    """The cases below differ from this one in one thing each."""
    assert parse_findings(FINDING) == {
        "N424": FindingTextRow("N424", "NORMATIVE", "TRADER", "a", "b", "c", "d")
    }
    assert parse_reasons(REASON) == {"FAULT": ReasonRow("FAULT", "INTERNAL", "a", "b", "c", "d")}


@pytest.mark.parametrize(("before", "after", "named"), BAD_FINDINGS)
def test_a_bad_finding_text_fails_the_load(before: str, after: str, named: str) -> None:
    with pytest.raises(CatalogueTextError) as caught:
        parse_findings(FINDING.replace(before, after), "mine.toml")
    assert str(caught.value).startswith("mine.toml: ")
    assert named in str(caught.value)


@pytest.mark.parametrize(("before", "after", "named"), BAD_REASONS)
def test_a_bad_reason_text_fails_the_load(before: str, after: str, named: str) -> None:
    with pytest.raises(CatalogueTextError) as caught:
        parse_reasons(REASON.replace(before, after), "mine.toml")
    assert str(caught.value).startswith("mine.toml: ")
    assert named in str(caught.value)


def _assert_complete(row: FindingTextRow | ReasonRow) -> None:
    """Every text is a sentence, and none is a copy of the other language's."""
    for field in fields(row):
        if field.name.startswith(("message", "remedy")):
            text = getattr(row, field.name)
            assert text[0].isupper()
            assert text.endswith(".")
            assert text == text.strip()
            assert "{" not in text
    assert row.message_es != row.message_en
    assert row.remedy_es != row.remedy_en
