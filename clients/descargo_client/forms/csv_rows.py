"""Reads licenses from CSV with a header: one row for each license line.

Rows of the same agency, permit key, permit number and version are one license; the columns about
the whole license must agree in all of them. Lists are separated by spaces or `;`, and `*` means
every. A license with a bad row is reported and not sent, the others are. A row that does not say
whose it is could belong to any license, so then nothing of the file is sent; the same goes for a
row with a cell too many or too few.

The text is UTF-8 (with or without BOM) when the whole file is, else Windows-1252, as old
spreadsheets write.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final, Protocol

from descargo_client.faults import BadFile, Problem
from descargo_client.forms import csv_cells
from descargo_client.forms.items import Item

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE_BYTES_MAX: Final = 256 * 1024 * 1024

IDENTITY_COLUMNS: Final = ("agency", "permit_key", "permit_number", "version")
LICENSE_COLUMNS: Final = (
    "instrument_kind",
    "holder_rfc",
    "holder_curp",
    "holder_legal_name",
    "operation",
    "regimes",
    "offices",
    "valid_from",
    "valid_to",
    "quantity_basis",
    "total_quantity",
    "total_value_usd",
    "notified_at",
    "authorization_complement",
    "vucem_folio",
    "legal_basis",
)
LINE_COLUMNS: Final = (
    "line_no",
    "tariff_codes",
    "description",
    "unit",
    "quantity",
    "value_usd",
    "countries_origin_destination",
    "countries_seller_buyer",
    "left_quantity",
    "left_value_usd",
)
COLUMNS: Final = (*IDENTITY_COLUMNS, *LICENSE_COLUMNS, *LINE_COLUMNS)
REQUIRED_COLUMNS: Final = frozenset(
    {
        "agency",
        "permit_key",
        "permit_number",
        "instrument_kind",
        "holder_rfc",
        "operation",
        "regimes",
        "offices",
        "valid_from",
        "valid_to",
        "quantity_basis",
        "tariff_codes",
        "unit",
        "countries_origin_destination",
        "countries_seller_buyer",
    }
)
"""Columns that must be there and filled in every row; of `quantity` and `value_usd` one must be."""

_DELIMITERS: Final = (",", ";", "\t", "|")
_FIRST_VERSION: Final = "1"

Row = dict[str, str]
Numbered = list[tuple[int, Row]]


class CsvReader(Protocol):
    """What `csv.reader` returns."""

    @property
    def line_num(self) -> int:
        """Lines read so far."""

    def __iter__(self) -> Iterator[list[str]]:
        """The rows."""


def read_submissions(content: bytes, file: str) -> list[Item]:
    """Reads each license as one item; raises BadFile when nothing of the file may be sent."""
    text = _decoded(content, file)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    rows, lost = _read_rows(reader, file)
    lost += [problem for number, row in rows if (problem := _without_identity(number, row))]
    if lost:
        raise BadFile(file, tuple(sorted(lost, key=lambda problem: problem.line)))
    licenses: dict[tuple[str, ...], Numbered] = {}
    for number, row in rows:
        licenses.setdefault(_identity(row), []).append((number, row))
    return [_item(license_rows) for license_rows in licenses.values()]


def _decoded(content: bytes, file: str) -> str:
    if len(content) > FILE_BYTES_MAX:
        shown = (("size", str(len(content))), ("limit", str(FILE_BYTES_MAX)))
        raise BadFile(file, (Problem("csv.too_long", shown),))
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in content:
        raise BadFile(file, (Problem("csv.utf16"),))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    try:
        return content.decode("cp1252")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        octet = (("octet", f"{content[error.start]:#04x}"),)
        raise BadFile(file, (Problem("csv.encoding", octet, line=line),)) from error


def _delimiter(text: str) -> str:
    """The separator with which the header names most columns."""
    header = text.lstrip().partition("\n")[0].lower().replace('"', "")
    known = set(COLUMNS)
    return max(
        _DELIMITERS, key=lambda mark: len(known & {cell.strip() for cell in header.split(mark)})
    )


def _read_rows(reader: CsvReader, file: str) -> tuple[Numbered, list[Problem]]:
    """Every row with the line that it ends on, and what is wrong with rows of another length."""
    rows: Numbered = []
    ragged: list[Problem] = []
    header: list[str] | None = None
    try:
        for cells in reader:
            number = reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = _header(cells, file)
                continue
            if len(cells) < len(header) or any(cells[len(header) :]):
                shown = (("count", str(len(cells))), ("expected", str(len(header))))
                ragged.append(Problem("csv.ragged", shown, line=number))
                continue
            trimmed = [cell.strip() for cell in cells]
            rows.append((number, dict(zip(header, trimmed, strict=False))))
    except csv.Error as error:
        problem = Problem("csv.syntax", (("why", str(error)),), line=reader.line_num)
        raise BadFile(file, (problem,)) from error
    if not rows and not ragged:
        raise BadFile(file, (Problem("csv.empty", (("columns", ", ".join(COLUMNS)),)),))
    return rows, ragged


def _header(cells: list[str], file: str) -> list[str]:
    names = [cell.strip().lower() for cell in cells]
    while names and not names[-1]:
        names.pop()
    columns = (("columns", ", ".join(COLUMNS)),)
    problems = [
        Problem("csv.column_unknown", (("name", name), *columns), line=1, field=name)
        for name in names
        if name not in COLUMNS
    ]
    problems += [
        Problem("csv.column_twice", (("name", name),), line=1, field=name)
        for name in sorted({each for each in names if names.count(each) > 1})
    ]
    missing = [each for each in COLUMNS if each in REQUIRED_COLUMNS and each not in names]
    problems += [
        Problem("csv.column_missing", (("name", name),), line=1, field=name) for name in missing
    ]
    if problems:
        raise BadFile(file, tuple(problems))
    return names


def _identity(row: Row) -> tuple[str, ...]:
    return (*(row.get(name, "") for name in IDENTITY_COLUMNS[:3]), _version(row))


def _version(row: Row) -> str:
    return row.get("version", "") or _FIRST_VERSION


def _without_identity(number: int, row: Row) -> Problem | None:
    for name in IDENTITY_COLUMNS[:3]:
        if not row.get(name):
            return Problem("csv.no_identity", (("name", name),), line=number, field=name)
    version = _version(row)
    if not (version.isascii() and version.isdigit() and len(version) < 10):  # noqa: PLR2004 - fits 32 bits
        return Problem("csv.version", (("value", version),), line=number, field="version")
    return None


def _item(rows: Numbered) -> Item:
    problems: list[Problem] = []
    first_line, first = rows[0]
    for number, row in rows:
        problems += [
            Problem("csv.cell_empty", line=number, field=name)
            for name in COLUMNS
            if name in REQUIRED_COLUMNS and name not in IDENTITY_COLUMNS and not row.get(name)
        ]
        problems += [
            Problem(
                "csv.differs",
                (
                    ("value", row.get(name, "")),
                    ("first", first.get(name, "")),
                    ("line", str(first_line)),
                ),
                line=number,
                field=name,
            )
            for name in LICENSE_COLUMNS
            if row.get(name, "") != first.get(name, "")
        ]
    submission = csv_cells.submission(rows, int(_version(first)), problems)
    return Item.read(tuple(number for number, _ in rows), submission, problems)
