"""Licenses in CSV: what is accepted, and what is said about each bad cell, row and file."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from descargo.v1 import license_pb2
from descargo_client.faults import BadFile
from descargo_client.forms.columns import COLUMNS
from descargo_client.forms.csv_rows import read_submissions

ROW = {
    "agency": "SE",
    "permit_key": "C1",
    "permit_number": "0001-2026",
    "version": "1",
    "instrument_kind": "PRIOR_PERMIT",
    "holder_rfc": "EKU9003173C9",
    "holder_legal_name": "PEÑA & NIÑO SA DE CV",
    "operation": "import",
    "regimes": "IMD; ITR",
    "offices": "*",
    "valid_from": "2026-01-01",
    "valid_to": "2026-12-31",
    "quantity_basis": "UMT",
    "notified_at": "2026-01-01",
    "line_no": "1",
    "tariff_codes": "72142001 72142002-01;7214200399",
    "unit": "1",
    "quantity": "1000.50",
    "value_usd": "",
    "countries_origin_destination": "USA CAN",
    "countries_seller_buyer": "*",
}


def _csv(*rows: dict[str, str], columns: list[str] | None = None, delimiter: str = ",") -> bytes:
    written = io.StringIO()
    writer = csv.DictWriter(
        written, columns or list(ROW), delimiter=delimiter, extrasaction="ignore"
    )
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue().encode()


def _refused(content: bytes) -> list[tuple[str, int, str]]:
    with pytest.raises(BadFile) as caught:
        read_submissions(content, "f.csv")
    for problem in caught.value.problems:
        assert problem.text("es")
        assert problem.text("en")
    return [(each.key, each.line, each.field) for each in caught.value.problems]


def test_a_row_becomes_a_license() -> None:
    (item,) = read_submissions(_csv(ROW), "f.csv")
    assert not item.problems
    issued = item.submission.issue
    assert item.submission.version == 1
    assert item.name == "SE C1 0001-2026"
    assert issued.holder.legal_name == "PEÑA & NIÑO SA DE CV"
    assert issued.operation == license_pb2.OPERATION_TYPE_IMPORT
    assert list(issued.regimes.only) == ["IMD", "ITR"]
    assert issued.offices.every
    assert not issued.HasField("total")
    assert issued.notified_at.ToJsonString() == "2026-01-01T06:00:00Z"
    (line,) = issued.lines
    assert [(each.code, each.nico) for each in line.tariff_codes] == [
        ("72142001", ""), ("72142002", "01"), ("72142003", "99"),
    ]  # fmt: skip
    assert line.authorized.quantity == "1000.50"
    assert not line.authorized.HasField("value_usd")
    assert list(line.countries_origin_destination.only) == ["USA", "CAN"]


@pytest.mark.parametrize(
    ("cell", "instant"),
    [
        ("2025-11-03", "2025-11-03T06:00:00Z"),
        ("2025-11-03T09:30:00-06:00", "2025-11-03T15:30:00Z"),
        ("2025-11-03T23:59:59Z", "2025-11-03T23:59:59Z"),
    ],
)
@pytest.mark.parametrize("column", ["applied_at", "ruled_at"])
def test_application_and_ruling_are_instants_or_days(column: str, cell: str, instant: str) -> None:
    (item,) = read_submissions(_csv(ROW | {column: cell}, columns=[*ROW, column]), "f.csv")
    assert not item.problems
    assert getattr(item.submission.issue, column).ToJsonString() == instant
    assert _instants_of(item.submission.issue) == {"notified_at", column}


def _instants_of(issued: license_pb2.License) -> set[str]:
    """The instants that a license states."""
    return {name for name in ("notified_at", "applied_at", "ruled_at") if issued.HasField(name)}


@pytest.mark.parametrize("column", ["applied_at", "ruled_at"])
def test_application_and_ruling_are_of_the_whole_license(column: str) -> None:
    first = ROW | {column: "2025-11-03"}
    second = ROW | {"line_no": "2", column: "2025-11-04"}
    (item,) = read_submissions(_csv(first, second, columns=[*ROW, column]), "f.csv")
    assert [(each.key, each.line, each.field) for each in item.problems] == [
        ("csv.differs", 3, column)
    ]


def test_rows_of_one_license_need_not_stand_together() -> None:
    other = ROW | {"permit_number": "0002-2026"}
    second = ROW | {"line_no": "2", "tariff_codes": "72142099"}
    items = read_submissions(_csv(ROW, other, second), "f.csv")
    assert [item.lines for item in items] == [(2, 4), (3,)]
    assert [line.line_no for line in items[0].submission.issue.lines] == [1, 2]


def test_lines_are_numbered_by_their_place_when_the_file_does_not() -> None:
    row = ROW | {"line_no": ""}
    (item,) = read_submissions(_csv(row, row), "f.csv")
    assert not item.problems
    assert [line.line_no for line in item.submission.issue.lines] == [1, 2]


def test_what_is_left_makes_an_onboarding() -> None:
    columns = [*ROW, "left_quantity", "left_value_usd"]
    first, second = ROW | {"left_quantity": "0"}, ROW | {"line_no": "2", "left_quantity": "12.5"}
    (item,) = read_submissions(_csv(first, second, columns=columns), "f.csv")
    assert not item.problems
    assert [each.left.quantity for each in item.submission.onboarding.remainders] == ["0", "12.5"]
    (bad,) = read_submissions(_csv(first, second | {"left_quantity": ""}, columns=columns), "f.csv")
    assert [(each.key, each.line) for each in bad.problems] == [("csv.left", 3)]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_the_header_tells_the_separator(delimiter: str) -> None:
    assert read_submissions(_csv(ROW, delimiter=delimiter), "f") == read_submissions(_csv(ROW), "f")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_names_survive_in_utf8_with_or_without_bom_and_in_windows_1252(encoding: str) -> None:
    content = _csv(ROW).decode().encode(encoding)
    (item,) = read_submissions(content, "f.csv")
    assert item.submission.issue.holder.legal_name == "PEÑA & NIÑO SA DE CV"


def test_empty_rows_and_empty_cells_at_the_end_are_no_rows() -> None:
    content = _csv(ROW).replace(b"\r\n", b",,\r\n") + b",,,\r\n\r\n"
    (item,) = read_submissions(content, "f.csv")
    assert item.lines == (2,)


@pytest.mark.parametrize(
    ("column", "value", "key"),
    [
        ("operation", "IMPORTACION", "form.enum"),
        ("instrument_kind", "", "csv.cell_empty"),
        ("valid_to", "31/12/2026", "csv.date"),
        ("valid_to", "2026-02-30", "csv.date"),
        ("quantity", "1,000.50", "csv.decimal"),
        ("quantity", "-1", "csv.decimal"),
        ("unit", "KG", "csv.whole"),
        ("unit", "0", "csv.whole"),
        ("tariff_codes", "1012101", "csv.tariff_code"),
        ("offices", "* 240", "csv.every"),
        ("notified_at", "ayer", "form.instant"),
        ("applied_at", "2025-11-31", "form.instant"),
        ("applied_at", "03/11/2025", "form.instant"),
        ("applied_at", "2025-11-03T09:30:00", "form.instant"),
        ("ruled_at", "2025-12-15T24:30:00Z", "form.instant"),
        ("ruled_at", "20251215", "form.instant"),
        ("quantity", "", "csv.no_amount"),
    ],
)
def test_each_bad_cell_is_named_with_row_and_column(column: str, value: str, key: str) -> None:
    rows = (ROW | {column: value}, ROW | {"permit_number": "0002"})
    (bad, good) = read_submissions(_csv(*rows, columns=[*{**ROW, column: ""}]), "f.csv")
    assert [(each.key, each.line, each.field) for each in bad.problems] == [(key, 2, column)]
    assert not good.problems


def test_all_problems_of_a_license_come_at_once() -> None:
    second = ROW | {"valid_to": "2027-01-31", "unit": "x"}
    (item,) = read_submissions(_csv(ROW | {"regimes": ""}, second), "f.csv")
    assert [(each.key, each.line, each.field) for each in item.problems] == [
        ("csv.cell_empty", 2, "regimes"),
        ("csv.differs", 3, "regimes"),
        ("csv.differs", 3, "valid_to"),
        ("csv.whole", 3, "unit"),
        ("csv.line_twice", 3, "line_no"),
    ]


def test_a_row_that_does_not_say_whose_it_is_stops_the_file() -> None:
    rows = [ROW, ROW | {"permit_number": ""}, ROW | {"version": "v2"}]
    assert _refused(_csv(*rows)) == [
        ("csv.no_identity", 3, "permit_number"), ("csv.version", 4, "version"),
    ]  # fmt: skip


def test_a_row_of_another_length_stops_the_file() -> None:
    content = _csv(ROW) + b"SE,C1\r\n" + _csv(ROW).splitlines()[1] + b",sobra\r\n"
    assert [(key, line) for key, line, _ in _refused(content)] == [
        ("csv.ragged", 3), ("csv.ragged", 4),
    ]  # fmt: skip


def test_every_fault_of_the_header_is_said() -> None:
    columns = [name for name in ROW if name not in {"unit", "agency"}]
    assert _refused(_csv(ROW, columns=[*columns, "saldo", "regimes"])) == [
        ("csv.column_unknown", 1, "saldo"),
        ("csv.column_twice", 1, "regimes"),
        ("csv.column_missing", 1, "agency"),
        ("csv.column_missing", 1, "unit"),
    ]


@pytest.mark.parametrize(
    ("content", "key", "line"),
    [
        (b"", "csv.empty", 0),
        (_csv(), "csv.empty", 0),
        (_csv(ROW).decode().encode("utf-16"), "csv.utf16", 0),
        (b"agency\r\n\x81\r\n", "csv.encoding", 2),
        (_csv(ROW) + b'"SE"x,C1\r\n', "csv.syntax", 3),
    ],
)
def test_a_file_that_is_no_csv_is_refused(content: bytes, key: str, line: int) -> None:
    assert [(each[0], each[1]) for each in _refused(content)] == [(key, line)]


def test_every_column_is_in_the_readme() -> None:
    readme = Path(__file__).parents[3] / "clients" / "README.md"
    written = readme.read_text(encoding="utf-8")
    assert [name for name in COLUMNS if f"`{name}`" not in written] == []
