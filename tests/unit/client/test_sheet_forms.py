"""Licenses in spreadsheets: what is accepted, and what is said about each bad cell and file."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import date
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from descargo_client import answer_tables
from descargo_client.faults import BadFile
from descargo_client.forms import sheets, workbooks
from descargo_client.forms.mapping import NO_MAPPING, Mapping
from descargo_client.forms.rows import items_of
from descargo_client.intake import read_items, read_table
from tests.unit.client.sheet_files import (
    ROW,
    SHEET,
    Dated,
    Formula,
    at,
    book,
    grid,
    respelled,
)

if TYPE_CHECKING:
    from descargo_client.forms.items import Item


def _read(content: bytes, mapping: Mapping = NO_MAPPING, sheet: str = "") -> list[Item]:
    table = read_table(content, "f.xlsx", mapping, sheet)
    assert table is not None
    return items_of(table, mapping)


def _refused(content: bytes, sheet: str = "", name: str = "f.xlsx") -> list[tuple[str, int, str]]:
    with pytest.raises(BadFile) as caught:
        read_items(content, name, read_table(content, name, sheet=sheet))
    for problem in caught.value.problems:
        assert problem.text("es")
        assert problem.text("en")
    return [(each.key, each.line, each.field) for each in caught.value.problems]


def test_a_row_becomes_the_same_license_as_in_csv() -> None:
    (item,) = _read(book(grid(ROW)))
    text = {name: str(value) for name, value in ROW.items()}
    csv = f"{','.join(text)}\r\n{','.join(text.values())}\r\n".encode()
    assert read_items(csv, "f.csv", read_table(csv, "f.csv")) == [item]
    assert item.submission.issue.lines[0].authorized.quantity == "1000.5"


def test_rows_are_numbered_as_the_sheet_numbers_them() -> None:
    other = ROW | {"permit_number": "0002-2026"}
    cells = grid(ROW, other)
    cells.insert(2, [])
    assert [each.lines for each in _read(book(cells, top=3))] == [(5,), (7,)]


@pytest.mark.parametrize(
    ("column", "cell", "text"),
    [
        ("quantity", 0.1, "0.1"),
        ("quantity", 1000.0, "1000"),
        ("quantity", 0.00001, "0.00001"),
        ("quantity", 123456789.12345, "123456789.12345"),
        ("quantity", 1e14, "100000000000000"),
        ("quantity", "1000.50", "1000.50"),
        ("value_usd", 1250.75, "1250.75"),
    ],
)
def test_an_exact_number_is_taken_as_its_shortest_decimal(
    column: str, cell: object, text: str
) -> None:
    (item,) = _read(book(grid(ROW | {column: cell})))
    assert not item.problems
    assert getattr(item.submission.issue.lines[0].authorized, column) == text


@pytest.mark.parametrize(
    ("column", "cell", "key"),
    [
        ("quantity", 0.000001, "sheet.decimals"),
        ("quantity", 0.1 + 0.7 + 1e-9, "sheet.inexact"),
        ("value_usd", 0.125, "sheet.decimals"),
        ("quantity", 1e15, "sheet.inexact"),
        ("quantity", 1e300, "sheet.inexact"),
        ("quantity", -1, "csv.decimal"),
        ("quantity", Dated(date(2026, 1, 1)), "sheet.date_here"),
        ("quantity", True, "sheet.bool"),
        ("quantity", Formula("=1+1"), "sheet.formula"),
        ("unit", 1.5, "sheet.code_number"),
        ("unit", 0, "csv.whole"),
        ("tariff_codes", 1012101, "sheet.code_digits"),
        ("tariff_codes", 101210100, "sheet.code_digits"),
        ("offices", 70, "sheet.code_digits"),
        ("holder_rfc", 9003173, "sheet.code_number"),
        ("valid_to", 46387, "sheet.number_for_date"),
        ("valid_to", Dated(at(2026, 12, 31, 13, 0), "yyyy-mm-dd hh:mm"), "sheet.time_of_day"),
        ("valid_to", Dated(0.5, "hh:mm"), "sheet.time"),
        ("valid_to", "31/12/2026", "csv.date"),
        ("applied_at", 45964, "sheet.number_for_date"),
        ("applied_at", Dated(0.5, "hh:mm"), "sheet.time"),
        ("applied_at", "03/11/2025", "form.instant"),
        ("ruled_at", Formula("=TODAY()"), "sheet.formula"),
        ("ruled_at", True, "sheet.bool"),
        ("ruled_at", "2025-12-15 10:00", "form.instant"),
        ("instrument_kind", "", "csv.cell_empty"),
    ],
)  # fmt: skip
def test_each_bad_cell_is_named_and_stops_its_license_only(
    column: str, cell: object, key: str
) -> None:
    good = ROW | {"permit_number": "0002-2026"}
    bad, other = _read(book(grid(ROW | {column: cell}, good)))
    assert [(each.key, each.line, each.field) for each in bad.problems] == [(key, 2, column)]
    assert bad.problems[0].text("es") != bad.problems[0].text("en")
    assert not other.problems


@pytest.mark.parametrize(
    ("column", "cell", "codes"),
    [("tariff_codes", 72142001, ["72142001"]), ("tariff_codes", 7214200101, ["72142001"])],
)
def test_a_code_as_a_number_is_taken_when_its_length_shows_that_no_zero_was_lost(
    column: str, cell: object, codes: list[str]
) -> None:
    (item,) = _read(book(grid(ROW | {column: cell})))
    assert [each.code for each in item.submission.issue.lines[0].tariff_codes] == codes


def test_dates_and_instants_are_taken_whatever_their_format() -> None:
    row = ROW | {
        "valid_from": Dated(date(2026, 1, 1), "dd/mm/yyyy"),
        "valid_to": Dated(at(2026, 12, 31), "d-mmm-yy"),
        "notified_at": Dated(at(2026, 3, 31, 13, 5, 7), "dd/mm/yyyy hh:mm:ss"),
        "applied_at": Dated(date(2025, 11, 3), "dd/mm/yyyy"),
        "ruled_at": Dated(at(2025, 12, 15, 17, 45), "d-mmm-yy hh:mm"),
    }
    issued = _read(book(grid(row)))[0].submission.issue
    assert issued.applied_at.ToJsonString() == "2025-11-03T06:00:00Z"
    assert issued.ruled_at.ToJsonString() == "2025-12-15T23:45:00Z"
    assert (issued.valid_from, issued.valid_to) == ("2026-01-01", "2026-12-31")
    assert issued.notified_at.ToJsonString() == "2026-03-31T19:05:07Z"


def test_a_permit_number_as_a_number_could_be_anybodys_and_stops_the_file() -> None:
    assert _refused(book(grid(ROW | {"permit_number": 1}))) == [
        ("sheet.code_number", 2, "permit_number")
    ]
    assert _refused(book(grid(ROW | {"permit_number": Formula("=A1")}))) == [
        ("sheet.formula", 2, "permit_number")
    ]


def test_a_formula_that_was_never_calculated_is_no_empty_cell() -> None:
    row = ROW | {"notified_at": Formula("=NOW()")}
    content = respelled(
        book(grid(row)), SHEET, lambda part: part.replace(b"<v>1</v></c></row>", b"</c></row>")
    )
    assert b"</f></c>" in zipfile.ZipFile(io.BytesIO(content)).read(SHEET)
    (item,) = _read(content)
    assert [(each.key, each.field) for each in item.problems] == [("sheet.formula", "notified_at")]


def test_an_error_of_the_sheet_is_no_empty_cell() -> None:
    content = respelled(
        book(grid(ROW | {"total_quantity": 7.25})),
        SHEET,
        lambda part: part.replace(b"><v>7.25</v>", b' t="e"><v>#N/A</v>'),
    )
    (item,) = _read(content)
    assert [each.key for each in item.problems] == ["sheet.error_cell"]


def test_the_sheet_is_the_first_or_the_named() -> None:
    content = book(grid(ROW), sheets=("Notas", "Permisos"))
    assert _refused(content) == [("csv.empty", 0, "")]
    assert _read(content, sheet="Permisos")[0].name == "SE C1 0001-2026"
    assert _refused(content, sheet="Otra") == [("sheet.no_sheet", 0, "")]


def test_a_hidden_sheet_is_only_read_by_its_name() -> None:
    hidden = respelled(
        book(grid(ROW), sheets=("Permisos",)),
        "xl/workbook.xml",
        lambda part: part.replace(b'name="Permisos"', b'name="Permisos" state="hidden"'),
    )
    assert _refused(hidden) == [("sheet.no_sheet", 0, "")]
    assert _read(hidden, sheet="Permisos")[0].name == "SE C1 0001-2026"


def test_a_sheet_that_is_named_in_a_twisted_way_hides_no_formula() -> None:
    twisted = respelled(
        _twin("xl/xl/worksheets/sheet1.xml"),
        "xl/_rels/workbook.xml.rels",
        lambda part: part.replace(b'"worksheets/sheet1.xml"', b'"xl/worksheets/sheet1.xml"'),
    )
    assert _refused(twisted) == [("sheet.no_sheet", 0, "")]
    lost = respelled(
        GOOD,
        "xl/_rels/workbook.xml.rels",
        lambda part: part.replace(b'"worksheets/sheet1.xml"', b'"../worksheets/sheet1.xml"'),
    )
    assert _refused(lost) == [("sheet.no_sheet", 0, "")]


def test_dates_are_taken_by_the_calendar_of_the_workbook() -> None:
    old = book(grid(ROW | {"valid_to": Dated(date(2026, 12, 31))}), date_1904=True)
    assert _read(old)[0].submission.issue.valid_to == "2026-12-31"


def test_every_fault_of_the_header_is_said() -> None:
    assert _refused(book([["agency", "saldo"], ["SE", "1"]]))[:2] == [
        ("csv.column_unknown", 1, "saldo"),
        ("csv.column_missing", 1, "permit_key"),
    ]
    assert _refused(book([["agency", 5]])) == [("sheet.title", 1, "")]
    cells = grid(ROW)
    cells[1].append("sobra")
    assert _refused(book(cells)) == [("sheet.untitled", 2, "")]


def _macros(content: bytes) -> bytes:
    out = io.BytesIO(content)
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"x")
    return out.getvalue()


def _macro_type(part: bytes) -> bytes:
    return part.replace(b"spreadsheetml.sheet.main", b"x").replace(
        b"application/vnd.openxmlformats-officedocument.x",
        b"application/vnd.ms-excel.sheet.macroEnabled.main",
    )


def _doctype(part: bytes) -> bytes:
    head, _, rest = part.partition(b"?>")
    return head + b'?><!DOCTYPE x [<!ENTITY a "b">]>' + rest


def _twin(name: str) -> bytes:
    """A second part under a name that another reader could take for the sheet's."""
    out = io.BytesIO(book(grid(ROW | {"notified_at": Formula("=NOW()")})))
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr(name, zipfile.ZipFile(io.BytesIO(GOOD)).read(SHEET))
    return out.getvalue()


GOOD = book(grid(ROW))
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
TYPES = "[Content_Types].xml"
BAD_FILES = {
    "empty": (b"", "sheet.not_xlsx"),
    "a page": (b"<html></html>", "sheet.not_xlsx"),
    "cut short": (GOOD[: len(GOOD) // 2], "sheet.damaged"),
    "a flipped octet": (
        GOOD.replace(GOOD[200:210], bytes(10), 1), "sheet.damaged",
    ),
    "a password": (OLE + "EncryptedPackage".encode("utf-16-le"), "sheet.password"),
    "the old format": (OLE, "sheet.old_format"),
    "another zip": (respelled(GOOD, "xl/workbook.xml", lambda _: b"<x/>"), "sheet.no_sheet"),
    "a macro": (_macros(GOOD), "sheet.macros"),
    "a macro type": (respelled(GOOD, TYPES, _macro_type), "sheet.macros"),
    "a document type": (respelled(GOOD, SHEET, _doctype), "sheet.damaged"),
    "broken XML": (respelled(GOOD, SHEET, lambda part: part[:-30]), "sheet.damaged"),
    "cells without place": (
        respelled(GOOD, SHEET, lambda part: part.replace(b' r="A1"', b"")), "sheet.damaged",
    ),
    "two parts of one name": (_twin("xl/worksheets/Sheet1.xml"), "sheet.damaged"),
    "a list of absurd length": (
        respelled(
            GOOD, "xl/sharedStrings.xml",
            lambda part: part.replace(b'uniqueCount="', b'uniqueCount="99999999'),
        ),
        "sheet.damaged",
    ),
    "another encoding": (
        respelled(GOOD, SHEET, lambda part: part.decode().encode("utf-16")), "sheet.damaged",
    ),
    "another encoding without its mark": (
        respelled(GOOD, SHEET, lambda part: part.decode().encode("utf-16-le")), "sheet.damaged",
    ),
    "too many columns": (
        respelled(GOOD, SHEET, lambda part: part.replace(b'r="B1"', b'r="XFD1"')), "sheet.columns",
    ),
    "too many rows": (
        respelled(GOOD, SHEET, lambda part: part.replace(b'"A2"', b'"A100002"')), "sheet.rows",
    ),
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD_FILES)
def test_a_file_that_must_not_be_read_is_named(bad: str) -> None:
    content, key = BAD_FILES[bad]
    assert [each[0] for each in _refused(content)] == [key]


@pytest.mark.parametrize(
    ("name", "key"), [("f.xlsm", "sheet.macros"), ("f.xls", "sheet.old_format")]
)
def test_other_formats_are_named(name: str, key: str) -> None:
    assert [each[0] for each in _refused(GOOD, name=name)] == [key]


def test_a_zip_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = respelled(GOOD, "docProps/app.xml", lambda _: bytes(2_000_000))
    assert len(bomb) < 50_000
    monkeypatch.setattr(workbooks, "UNPACKED_BYTES_MAX", 1_000_000)
    assert [each[0] for each in _refused(bomb)] == ["sheet.unpacked"]


def test_what_a_zip_says_of_its_size_is_not_believed() -> None:
    liar = bytearray(respelled(GOOD, "docProps/app.xml", lambda _: bytes(2_000_000)))
    size = (2_000_000).to_bytes(4, "little")
    while (at := liar.find(size)) >= 0:
        liar[at : at + 4] = (100).to_bytes(4, "little")
    assert [each[0] for each in _refused(bytes(liar))] == ["sheet.damaged"]


def test_a_file_above_the_limit_is_not_opened() -> None:
    content = GOOD + bytes(workbooks.FILE_BYTES_MAX)
    assert [each[0] for each in _refused(content)] == ["sheet.too_long"]


SPOILT = st.tuples(
    st.sampled_from([SHEET, "xl/styles.xml", "xl/sharedStrings.xml", "xl/workbook.xml"]),
    st.integers(0, 10_000),
    st.sampled_from([
        "-1", "1e308", "99999999999", "2958466", "-0.5", "NaN", "inf", "", "[h]:mm", "_x0000_",
        "s", "d", "b", "e", "inlineStr", "hidden", "XFD1048576", "A1",
    ]),
)  # fmt: skip


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(st.lists(SPOILT, min_size=1, max_size=3))
def test_whatever_stands_in_the_parts_a_sheet_is_read_and_answered_or_refused(
    spoilt: list[tuple[str, int, str]],
) -> None:
    content = book(grid(ROW | {"valid_to": Dated(date(2026, 12, 31)), "total_quantity": 7.25}))
    for part, place, token in spoilt:
        content = respelled(content, part, lambda old: _with_value(old, place, token))  # noqa: B023
    problems: list[str] = []
    try:
        table = read_table(content, "f.xlsx")
        assert table is not None
        answers = answer_tables.answers_of_problems(table, (), "es")
        assert answer_tables.xlsx_bytes(table, answers, "es")
        read_items(content, "f.xlsx", table)
    except BadFile as bad:
        problems = [each.text("es") for each in bad.problems]
    assert all(problems)


def _with_value(part: bytes, place: int, token: str) -> bytes:
    """The part with the value of one attribute or the text of one element replaced."""
    found = list(re.finditer(rb'(?<==")[^"]*(?=")|(?<=>)[^<]+(?=<)', part))
    hit = found[place % len(found)]
    return part[: hit.start()] + token.encode() + part[hit.end() :]


def test_columns_have_the_letters_of_the_sheet() -> None:
    assert [sheets.letters(column) for column in (0, 25, 26, 701, 702)] == [
        "A", "Z", "AA", "ZZ", "AAA",
    ]  # fmt: skip
