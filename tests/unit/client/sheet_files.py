"""Spreadsheets for tests: written by the usual library, then spoilt part by part where needed."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import xlsxwriter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROW: Final[dict[str, object]] = {
    "agency": "SE",
    "permit_key": "C1",
    "permit_number": "0001-2026",
    "instrument_kind": "PRIOR_PERMIT",
    "holder_rfc": "EKU9003173C9",
    "operation": "IMPORT",
    "regimes": "IMD; ITR",
    "offices": "*",
    "valid_from": "2026-01-01",
    "valid_to": "2026-12-31",
    "quantity_basis": "UMT",
    "tariff_codes": "72142001",
    "unit": 1,
    "quantity": 1000.5,
    "value_usd": "",
    "countries_origin_destination": "USA CAN",
    "countries_seller_buyer": "*",
}
SHEET: Final = "xl/worksheets/sheet1.xml"


class Formula(str):
    """A cell that is calculated."""

    __slots__ = ()


class Dated:
    """A number that its format shows as a date or a time."""

    def __init__(self, value: Any, shape: str = "yyyy-mm-dd") -> None:
        """Takes what is written and its format."""
        self.value = value
        self.shape = shape


def at(*parts: int) -> datetime:
    """An instant as a sheet has it: without a zone."""
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001 - sheets know no zones


def grid(*rows: dict[str, object], titles: Sequence[str] = ()) -> list[list[object]]:
    """Titles and rows, as they stand in the sheet."""
    names = list(titles or rows[0])
    return [list(names), *([row.get(name, "") for name in names] for row in rows)]


def book(
    cells: list[list[object]],
    *,
    sheets: Sequence[str] = ("Permisos",),
    top: int = 0,
    date_1904: bool = False,
) -> bytes:
    """A workbook whose last sheet holds the cells."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True, "date_1904": date_1904}) as workbook:
        for name in sheets:
            sheet = workbook.add_worksheet(name)
        for number, row in enumerate(cells):
            for column, cell in enumerate(row):
                _write(workbook, sheet, number + top, column, cell)
    return content.getvalue()


def respelled(content: bytes, part: str, change: Callable[[bytes], bytes]) -> bytes:
    """The workbook with one of its parts changed."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            found = old.read(name)
            new.writestr(name, change(found) if name == part else found)
    return out.getvalue()


def _write(workbook: Any, sheet: Any, row: int, column: int, cell: object) -> None:
    if isinstance(cell, Formula):
        sheet.write_formula(row, column, str(cell), None, 1)
    elif isinstance(cell, Dated):
        shape = workbook.add_format({"num_format": cell.shape})
        write = sheet.write_number if isinstance(cell.value, float) else sheet.write_datetime
        write(row, column, cell.value, shape)
    elif isinstance(cell, bool):
        sheet.write_boolean(row, column, cell)
    elif isinstance(cell, int | float):
        sheet.write_number(row, column, cell)
    elif cell != "":
        sheet.write_string(row, column, str(cell))
