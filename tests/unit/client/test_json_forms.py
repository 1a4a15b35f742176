"""Submissions and declarations in JSON: what is accepted, and what is said about the rest."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from descargo.v1 import license_pb2
from descargo_client.agency import build_submission, request_id_of, seal, serialise
from descargo_client.faults import BadFile, BadInput
from descargo_client.forms.json_lines import read_declaration, read_submissions

LICENSE: dict[str, Any] = {
    "instrument_kind": "PRIOR_PERMIT",
    "holder": {"rfc": "EKU9003173C9"},
    "operation": "IMPORT",
    "regimes": {"only": ["IMD"]},
    "offices": {"every": True},
    "valid_from": "2026-01-01",
    "valid_to": "2026-12-31",
    "quantity_basis": "UMT",
    "notified_at": "2026-01-01T12:00:00Z",
    "lines": [
        {
            "line_no": 1,
            "tariff_codes": [{"code": "72142001"}],
            "unit": 1,
            "authorized": {"quantity": "1000.50000", "value_usd": "0.10"},
            "countries_origin_destination": {"every": True},
            "countries_seller_buyer": {"only": ["USA"]},
        }
    ],
}
SUBMISSION: dict[str, Any] = {
    "license": {"agency": "SE", "permit_key": "C1", "permit_number": "0001"},
    "version": 1,
    "issue": LICENSE,
}
AT = datetime(2026, 3, 31, 18, 0, 0, 123456, tzinfo=UTC)


def _read(document: object) -> Any:
    (item,) = read_submissions(json.dumps(document).encode())
    return item


def _with(path: str, value: object) -> dict[str, Any]:
    """The sample with one value replaced; `path` names objects and list positions."""
    document: dict[str, Any] = json.loads(json.dumps(SUBMISSION))
    *parents, last = path.split(".")
    place: Any = document
    for step in parents:
        place = place[int(step) if step.isdigit() else step]
    place[last] = value
    return document


def test_a_plain_object_becomes_a_submission_with_decimals_untouched() -> None:
    submission = build_submission(SUBMISSION, validator="descargo.prueba", signed_at=AT)
    assert submission.type == "descargo.v1.Submission"
    assert submission.validator == "descargo.prueba"
    assert submission.signed_at.ToJsonString() == "2026-03-31T18:00:00Z"
    assert submission.issue.operation == license_pb2.OPERATION_TYPE_IMPORT
    assert submission.issue.lines[0].authorized.quantity == "1000.50000"
    assert submission.issue.lines[0].authorized.value_usd == "0.10"


def test_camel_case_and_prefixed_enums_mean_the_same() -> None:
    document = _with("issue.operation", "OPERATION_TYPE_IMPORT")
    document["license"] = {"agency": "SE", "permitKey": "C1", "permitNumber": "0001"}
    assert _read(document).submission == _read(SUBMISSION).submission


def test_a_date_alone_is_its_first_instant_in_mexico_city() -> None:
    item = _read(_with("issue.notified_at", "2026-01-01"))
    assert item.submission.issue.notified_at.ToJsonString() == "2026-01-01T06:00:00Z"


@pytest.mark.parametrize("name", ["applied_at", "ruled_at"])
def test_application_and_ruling_are_instants_or_days(name: str) -> None:
    day = _read(_with(f"issue.{name}", "2025-11-03")).submission.issue
    instant = _read(_with(f"issue.{name}", "2025-11-03T00:00:00-06:00")).submission.issue
    assert getattr(day, name).ToJsonString() == "2025-11-03T06:00:00Z"
    assert day == instant
    assert not _read(SUBMISSION).submission.issue.HasField(name)


def test_what_the_file_states_itself_is_kept() -> None:
    stated = SUBMISSION | {"signed_at": "2026-01-02T03:04:05Z", "validator": "otro"}
    submission = build_submission(stated, validator="descargo.prueba", signed_at=AT)
    assert (submission.validator, submission.signed_at.ToJsonString()) == (
        "otro", "2026-01-02T03:04:05Z",
    )  # fmt: skip


def test_texts_of_the_law_are_the_servers_to_judge() -> None:
    item = _read(_with("issue.valid_to", "31/12/2026"))
    assert not item.problems
    assert item.submission.issue.valid_to == "31/12/2026"


@pytest.mark.parametrize(
    ("path", "value", "key", "field"),
    [
        ("issue.lines.0.authorized.quantity", 1000.5, "form.decimal_number",
         "issue.lines[0].authorized.quantity"),
        ("issue.lines.0.tariff_codes.0.code", 72142001, "form.text_number",
         "issue.lines[0].tariff_codes[0].code"),
        ("license.permit_number", True, "form.not_text", "license.permit_number"),
        ("license.permit_number", "\ud800", "form.not_unicode", "license.permit_number"),
        ("issue.operation", "IMPORTACION", "form.enum", "issue.operation"),
        ("issue.operation", 0, "form.enum", "issue.operation"),
        ("issue.operation", "UNSPECIFIED", "form.enum", "issue.operation"),
        ("issue.regimes", ["IMD"], "form.not_object", "issue.regimes"),
        ("issue.regimes.only", "IMD", "form.not_list", "issue.regimes.only"),
        ("issue.offices.every", "true", "form.not_bool", "issue.offices.every"),
        ("issue.lines.0.unit", -1, "form.not_whole", "issue.lines[0].unit"),
        ("issue.lines.0.unit", 1.5, "form.not_whole", "issue.lines[0].unit"),
        ("issue.lines.0.unit", 2**32, "form.not_whole", "issue.lines[0].unit"),
        ("issue.notified_at", "ayer", "form.instant", "issue.notified_at"),
        ("issue.notified_at", "2026-01-01T12:00:00", "form.instant", "issue.notified_at"),
        ("issue.notified_at", 1767225600, "form.instant", "issue.notified_at"),
        ("issue.applied_at", "2025-11-31", "form.instant", "issue.applied_at"),
        ("issue.applied_at", 1762149600, "form.instant", "issue.applied_at"),
        ("issue.ruled_at", "2025-12-15T10:00:00", "form.instant", "issue.ruled_at"),
        ("issue.ruled_at", {"seconds": 1}, "form.instant", "issue.ruled_at"),
        ("issue.vigencia", "2026", "form.field_unknown", "issue.vigencia"),
        ("onboarding", {}, "form.two_arms", "onboarding"),
        ("issue", None, "form.no_change", "issue"),
    ],
)  # fmt: skip
def test_each_misfit_is_named_with_its_path(path: str, value: object, key: str, field: str) -> None:
    (problem,) = _read(_with(path, value)).problems
    assert (problem.key, problem.field, problem.line) == (key, field, 1)
    assert problem.text("es") != problem.text("en")


def test_all_misfits_of_a_line_come_at_once() -> None:
    document = _with("issue.lines.0.unit", "uno")
    document["issue"]["operation"] = "X"
    document["license"]["folio"] = "1"
    assert [each.key for each in _read(document).problems] == [
        "form.field_unknown", "form.enum", "form.not_whole",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "key"),
    [
        (b"{", "json.syntax"),
        (b'{"a": NaN}', "json.syntax"),
        (b"[" * 100_000, "json.syntax"),
        (b'{"version": 1, "version": 2}', "json.name_twice"),
        (b'{"a": "\xd1"}', "json.not_utf8"),
        (b"[]", "form.not_object"),
    ],
)
def test_a_bad_line_is_reported_and_the_others_are_read(line: bytes, key: str) -> None:
    good = json.dumps(SUBMISSION).encode()
    items = read_submissions(b"\xef\xbb\xbf" + good + b"\r\n\r\n" + line + b"\n" + good)
    assert [item.lines for item in items] == [(1,), (3,), (4,)]
    assert [bool(item.problems) for item in items] == [False, True, False]
    assert (items[1].problems[0].key, items[1].problems[0].line) == (key, 3)


def test_a_line_above_the_limit_is_refused_unread() -> None:
    (item,) = read_submissions(b'"' + b"a" * (4 * 1024 * 1024) + b'"')
    assert item.problems[0].key == "json.too_long"


def test_the_same_submission_gives_the_same_bytes_and_request_id(rsa_key: Any, certs: Any) -> None:
    from descargo_client.certificates import parse_certificate  # noqa: PLC0415 - one test needs it
    from descargo_client.signing import Signer  # noqa: PLC0415 - one test needs it

    signer = Signer(parse_certificate(certs.person()), rsa_key)
    first, second = (
        seal(serialise(build_submission(SUBMISSION, validator="v", signed_at=AT)), signer)
        for _ in range(2)
    )
    assert first == second
    assert request_id_of(first) == request_id_of(second)
    with pytest.raises(BadInput) as caught:
        seal(b"x" * (256 * 1024 + 1), signer)
    assert caught.value.key == "submission.too_long"


def test_a_bad_object_is_refused_with_everything_that_is_wrong() -> None:
    with pytest.raises(BadFile) as caught:
        build_submission({"license": 1, "version": "x"}, validator="v", signed_at=AT)
    assert [each.field for each in caught.value.problems] == ["license", "version"]


def test_a_declaration_is_read_bare_and_with_its_request_id() -> None:
    bare = b'{"declaration_number": "262434566000001", "lines": [{"line_no": 1}]}'
    wrapped = b'{"request_id": "3f0c", "declaration": ' + bare + b"}"
    assert read_declaration(bare, "f")[1] == ""
    assert read_declaration(wrapped, "f") == (read_declaration(bare, "f")[0], "3f0c")


@pytest.mark.parametrize(
    ("content", "keys"),
    [
        (b"{", ["json.syntax"]),
        (b"null", ["form.not_object"]),
        (b'{"declaration": {}, "otro": 1}', ["form.field_unknown"]),
        (b'{"lines": {}, "operation": "X"}', ["form.not_list", "form.enum"]),
    ],
)
def test_a_bad_declaration_is_refused_whole(content: bytes, keys: list[str]) -> None:
    with pytest.raises(BadFile) as caught:
        read_declaration(content, "f.json")
    assert [each.key for each in caught.value.problems] == keys
