"""Every change of a license, in JSON lines and in tables: read alike, refused alike."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from descargo.v1 import submission_pb2
from descargo_client.faults import BadFile
from descargo_client.forms import csv_rows, json_lines
from descargo_client.forms.places import column_of
from tests.unit.client.sheet_files import ROW

if TYPE_CHECKING:
    from descargo_client.forms.items import Item

NAME = {"agency": "SE", "permit_key": "C1", "permit_number": "0001"}
STOP_JSON = {"lines": {"only": ["1", "3"]}, "offices": {"every": True}, "reason": "Oficio 12"}
STOP_CSV = {"stop_lines": "1;3", "stop_offices": "*", "reason": "Oficio 12"}
CHANGES: dict[str, tuple[Any, dict[str, str]]] = {
    "extension": (
        {"valid_to": "2027-06-30", "office": "240"},
        {"valid_to": "2027-06-30", "extending_office": "240"},
    ),
    "suspension": (
        STOP_JSON | {"start_time": "2026-12-01", "end_time": "2027-01-01T08:00:00-06:00",
                     "legal_basis": "Art. 36"},
        STOP_CSV | {"start_time": "2026-12-01", "end_time": "2027-01-01T08:00:00-06:00",
                    "legal_basis": "Art. 36"},
    ),
    "reinstatement": (
        {"suspension_version": 3, "reason": "Comprobado"},
        {"suspension_version": "3", "reason": "Comprobado"},
    ),
    "revocation": (STOP_JSON, STOP_CSV),
    "cancellation": (STOP_JSON, STOP_CSV),
    "notification": ("2026-03-31", {"notified_at": "2026-03-31"}),
}  # fmt: skip


def _table(*rows: dict[str, Any]) -> bytes:
    written = io.StringIO()
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(written, names)
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue().encode()


def _rows(*rows: dict[str, Any]) -> list[Item]:
    return csv_rows.read_submissions(_table(*rows), "f.csv")


def _keys(item: Item) -> list[tuple[str, int, str]]:
    return [(each.key, each.line, each.field) for each in item.problems]


@pytest.mark.parametrize("change", CHANGES)
def test_a_row_says_the_same_change_as_a_line_of_json(change: str) -> None:
    as_json, as_row = CHANGES[change]
    line = json.dumps({"license": NAME, "version": 4, change: as_json}).encode()
    (said,) = json_lines.read_submissions(line)
    (item,) = _rows(NAME | {"version": "4", "change": change} | as_row)
    assert item.problems == said.problems == ()
    assert item.submission == said.submission
    assert item.submission.WhichOneof("change") == change


def test_every_change_of_the_contract_is_known() -> None:
    arms = {each.name for each in submission_pb2.Submission.DESCRIPTOR.oneofs[0].fields}
    assert arms == {*CHANGES, "issue", "onboarding", "amendment"}


def test_an_amendment_states_the_whole_license_line_by_line() -> None:
    row = {**ROW, "version": "2", "change": "Amendment"}
    (item,) = _rows(row, row | {"tariff_codes": "72142099"})
    assert not item.problems
    assert item.submission.version == 2
    assert [each.line_no for each in item.submission.amendment.lines] == [1, 2]


def test_changes_of_many_kinds_stand_in_one_table() -> None:
    items = _rows(
        {**ROW, "change": "issue"},
        NAME | {"permit_number": "0002", "version": "2", "change": "extension",
                "valid_to": "2027-01-01"},
        NAME | {"permit_number": "0003", "version": "2", "change": "revocation"} | STOP_CSV,
    )  # fmt: skip
    assert [each.submission.WhichOneof("change") for each in items] == [
        "issue", "extension", "revocation",
    ]  # fmt: skip
    assert not any(each.problems for each in items)


@pytest.mark.parametrize("change", [*CHANGES, "amendment"])
def test_a_change_of_a_license_that_exists_says_its_version(change: str) -> None:
    as_json, as_row = CHANGES.get(change, ({}, {}))
    line = json.dumps({"license": NAME, change: as_json}).encode()
    (said,) = json_lines.read_submissions(line)
    assert _keys(said) == [("form.no_version", 1, "version")]
    (item,) = _rows((NAME if as_row else ROW) | {"change": change} | as_row)
    assert _keys(item) == [("csv.version_needed", 2, "version")]


@pytest.mark.parametrize("change", CHANGES)
def test_each_cell_that_a_change_needs_is_asked_for(change: str) -> None:
    as_row = CHANGES[change][1]
    (item,) = _rows(NAME | {"version": "2", "change": change} | dict.fromkeys(as_row, ""))
    assert {key for key, _, _ in _keys(item)} == {"csv.cell_empty"}
    optional = {"start_time", "end_time", "legal_basis", "extending_office"}
    assert {field for _, _, field in _keys(item)} == set(as_row) - optional


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ({"change": "borrado"}, ("csv.change", "change")),
        ({"change": ""}, ("csv.cell_empty", "change")),
        ({"valid_from": "2026-01-01"}, ("csv.not_for_change", "valid_from")),
        ({"end_time": "2027-01-01"}, ("csv.not_for_change", "end_time")),
        ({"start_time": "mañana"}, ("form.instant", "start_time")),
        ({"stop_lines": "* 2"}, ("csv.every", "stop_lines")),
    ],
)
def test_each_bad_cell_of_a_change_is_named(cells: dict[str, str], problem: Any) -> None:
    row = NAME | {"version": "2", "change": "revocation"} | STOP_CSV | cells
    bad, good = _rows(row, row | {"permit_number": "0002", "change": "cancellation",
                                  "valid_from": "", "end_time": "", "start_time": "",
                                  "stop_lines": "1"})  # fmt: skip
    assert [(key, field) for key, _, field in _keys(bad)] == [problem]
    assert bad.problems[0].text("es") != bad.problems[0].text("en")
    assert not good.problems


def test_a_change_of_one_row_stands_once() -> None:
    row = NAME | {"version": "2", "change": "revocation"} | STOP_CSV
    (item,) = _rows(row, row | {"stop_lines": "2"})
    assert _keys(item) == [("csv.one_row", 3, "change")]


def test_what_is_left_belongs_to_an_onboarding_alone() -> None:
    (item,) = _rows({**ROW, "change": "issue", "left_quantity": "5"})
    assert _keys(item) == [("csv.not_for_change", 2, "left_quantity")]
    (good,) = _rows({**ROW, "change": "onboarding", "left_quantity": "5"})
    assert good.submission.onboarding.remainders[0].left.quantity == "5"


def test_a_table_of_changes_needs_no_columns_of_whole_licenses_but_the_name() -> None:
    with pytest.raises(BadFile) as caught:
        _rows({"change": "extension", "valid_to": "2027-01-01"})
    assert [(each.key, each.field) for each in caught.value.problems] == [
        ("csv.column_missing", name) for name in NAME
    ]


@pytest.mark.parametrize(
    ("path", "column"),
    [
        ("license.permit_number", "permit_number"),
        ("version", "version"),
        ("issue.holder.rfc", "holder_rfc"),
        ("onboarding.license.lines[0].tariff_codes[1].code", "tariff_codes"),
        ("onboarding.remainders[2].left.quantity", "left_quantity"),
        ("amendment.lines[3].authorized.value_usd", "value_usd"),
        ("issue.total.quantity", "total_quantity"),
        ("issue.lines[0].countries_seller_buyer.only[0]", "countries_seller_buyer"),
        ("issue.offices.only[0]", "offices"),
        ("suspension.offices.only[0]", "stop_offices"),
        ("revocation.lines", "stop_lines"),
        ("suspension.end_time", "end_time"),
        ("extension.valid_to", "valid_to"),
        ("extension.office", "extending_office"),
        ("reinstatement.suspension_version", "suspension_version"),
        ("notification", "notified_at"),
        ("signed_at", ""),
        ("", ""),
    ],
)
def test_a_finding_s_field_is_found_in_the_table(path: str, column: str) -> None:
    assert column_of(path) == column
