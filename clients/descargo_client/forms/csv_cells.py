"""Turns the rows of one license into its submission, cell by cell.

A spreadsheet spoils cells in known ways: it drops the leading zero of a tariff code, writes dates
in the local order and decimals with a comma. Those are said here, by row and column, since a person
must mend them in the sheet.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Final

from descargo.v1 import license_pb2
from descargo_client.faults import Problem
from descargo_client.forms.columns import CHANGE, COLUMNS, IDENTITY_COLUMNS
from descargo_client.forms.messages import fill_instant, fill_message, shorten

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message
    from google.protobuf.timestamp_pb2 import Timestamp

    from descargo.v1 import submission_pb2

Row = dict[str, str]
Numbered = list[tuple[int, Row]]

_SEPARATORS: Final = re.compile(r"[;\s]+")
_TARIFF_CODE: Final = re.compile(r"([0-9]{8})(?:[-.]?([0-9]{2}))?\Z")
_DECIMAL: Final = re.compile(r"[0-9]+(\.[0-9]+)?\Z")
_EVERY: Final = "*"
_PLAIN_LICENSE: Final = ("authorization_complement", "vucem_folio", "legal_basis")
_INSTANTS: Final = ("notified_at", "applied_at", "ruled_at")
_HOLDER: Final = ("rfc", "curp", "legal_name")


class Cells:
    """The cells of one row, read with their problems."""

    def __init__(self, line: int, row: Row, problems: list[Problem]) -> None:
        """Takes the row, and where problems go."""
        self._line = line
        self._row = row
        self._problems = problems

    def text(self, column: str) -> str:
        """The cell as it stands; empty when the column is not there."""
        return self._row.get(column, "")

    def filled(self) -> list[str]:
        """Columns beside the identity that hold something, in their order."""
        known = (name for name in COLUMNS if name not in {*IDENTITY_COLUMNS, CHANGE})
        return [name for name in known if self.text(name)]

    def instant(self, moment: Timestamp, column: str) -> None:
        """Fills an instant, read just as in JSON."""
        found: list[Problem] = []
        fill_instant(moment, self.text(column), "", found)
        for problem in found:
            self.refuse(problem.key, column, **dict(problem.values))

    def refuse(self, key: str, column: str, **values: object) -> None:
        """Notes what is wrong with a cell."""
        shown = tuple((name, shorten(value)) for name, value in values.items())
        self._problems.append(Problem(key, shown, line=self._line, field=column))

    def checked(self, key: str, column: str, fits: Callable[[str], object]) -> str:
        """The cell, when it is empty or fits."""
        cell = self.text(column)
        if not cell or fits(cell):
            return cell
        self.refuse(key, column, value=cell)
        return ""

    def amount(self, message: license_pb2.Amount, quantity: str, value_usd: str) -> bool:
        """Fills an amount; an empty cell is a dimension that is not stated."""
        for name, column in (("quantity", quantity), ("value_usd", value_usd)):
            cell = self.checked("csv.decimal", column, _DECIMAL.match)
            if cell:
                setattr(message, name, cell)
        return bool(self.text(quantity) or self.text(value_usd))

    def whole(self, column: str) -> int:
        """A number from 1, or 0 when the cell is empty or wrong."""
        cell = self.checked("csv.whole", column, _is_small_whole)
        return int(cell) if cell else 0

    def extent(self, message: license_pb2.Extent, column: str) -> None:
        """`*` for every, else a list."""
        codes = _listed(self.text(column))
        if codes == [_EVERY]:
            message.every = True
        elif _EVERY in codes:
            self.refuse("csv.every", column, value=self.text(column))
        else:
            message.only.extend(codes)

    def tariff_codes(self, line: license_pb2.LicenseLine) -> None:
        """Codes of 8 digits, each with its NICO if the license fixes it."""
        for cell in _listed(self.text("tariff_codes")):
            parts = _TARIFF_CODE.match(cell)
            if parts:
                line.tariff_codes.add(code=parts[1], nico=parts[2] or "")
            else:
                self.refuse("csv.tariff_code", "tariff_codes", value=cell)


def fill_whole(
    result: submission_pb2.Submission, change: str, rows: Numbered, problems: list[Problem]
) -> None:
    """Fills in a whole license from its rows; adds what is wrong to the problems."""
    onboarding = change == "onboarding"
    content = result.onboarding.license if onboarding else getattr(result, change)
    _fill_license(content, Cells(*rows[0], problems))
    seen: dict[int, int] = {}
    for position, (number, row) in enumerate(rows, start=1):
        cells = Cells(number, row, problems)
        license_line = content.lines.add()
        _fill_line(license_line, cells, position)
        first_row = seen.setdefault(license_line.line_no, number)
        if first_row != number:
            cells.refuse("csv.line_twice", "line_no", value=license_line.line_no, line=first_row)
        if onboarding:
            remainder = result.onboarding.remainders.add(line_no=license_line.line_no)
            remainder.left.SetInParent()
            if not cells.amount(remainder.left, "left_quantity", "left_value_usd"):
                cells.refuse("csv.left", "left_quantity")


def _fill_license(content: license_pb2.License, cells: Cells) -> None:
    named(content, cells, "instrument_kind", "operation", "quantity_basis")
    content.holder.SetInParent()
    for name in _HOLDER:
        setattr(content.holder, name, cells.text(f"holder_{name}"))
    cells.extent(content.regimes, "regimes")
    cells.extent(content.offices, "offices")
    content.valid_from = cells.checked("csv.date", "valid_from", is_date)
    content.valid_to = cells.checked("csv.date", "valid_to", is_date)
    total = license_pb2.Amount()
    if cells.amount(total, "total_quantity", "total_value_usd"):
        content.total.CopyFrom(total)
    named(content, cells, *_INSTANTS)
    for name in _PLAIN_LICENSE:
        setattr(content, name, cells.text(name))


def _fill_line(line: license_pb2.LicenseLine, cells: Cells, position: int) -> None:
    line.line_no = cells.whole("line_no") if cells.text("line_no") else position
    cells.tariff_codes(line)
    line.description = cells.text("description")
    line.unit = cells.whole("unit")
    line.authorized.SetInParent()
    if not cells.amount(line.authorized, "quantity", "value_usd"):
        cells.refuse("csv.no_amount", "quantity")
    cells.extent(line.countries_origin_destination, "countries_origin_destination")
    cells.extent(line.countries_seller_buyer, "countries_seller_buyer")


def named(content: Message, cells: Cells, *columns: str) -> None:
    """Fields whose words the contract fixes, read just as in JSON."""
    for column in columns:
        if not cells.text(column):
            continue
        found: list[Problem] = []
        fill_message(content, {column: cells.text(column)}, "", found)
        for problem in found:
            cells.refuse(problem.key, column, **dict(problem.values))


def _listed(cell: str) -> list[str]:
    return [part for part in _SEPARATORS.split(cell) if part]


def _is_small_whole(cell: str) -> bool:
    return cell.isascii() and cell.isdigit() and len(cell) < 10 and int(cell) > 0  # noqa: PLR2004 - fits 32 bits


def is_date(cell: str) -> bool:
    """Whether the cell is a day as the contract writes it."""
    try:
        return len(cell) == len("YYYY-MM-DD") and bool(date.fromisoformat(cell))
    except ValueError:
        return False
