"""Reads a table from CSV: a header, then a row for each license line.

The text is UTF-8 (with or without BOM) when the whole file is, else Windows-1252, as old
spreadsheets write. A row with a cell too many or too few could mean anything, so then nothing of
the file is read.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final, Protocol

from descargo_client.faults import BadFile, Problem
from descargo_client.forms.columns import COLUMNS
from descargo_client.forms.mapping import NO_MAPPING
from descargo_client.forms.rows import items_of
from descargo_client.forms.tables import Row, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from descargo_client.forms.items import Item
    from descargo_client.forms.mapping import Mapping

FILE_BYTES_MAX: Final = 256 * 1024 * 1024
_DELIMITERS: Final = (",", ";", "\t", "|")


class CsvReader(Protocol):
    """What `csv.reader` returns."""

    @property
    def line_num(self) -> int:
        """Lines read so far."""

    def __iter__(self) -> Iterator[list[str]]:
        """The rows."""


def read_submissions(content: bytes, file: str, mapping: Mapping = NO_MAPPING) -> list[Item]:
    """Reads each license as one item; raises BadFile when nothing of the file may be sent."""
    return items_of(read_table(content, file, mapping), mapping)


def read_table(content: bytes, file: str, mapping: Mapping = NO_MAPPING) -> Table:
    """Reads the rows as they stand; raises BadFile when the file is no such table."""
    text = _decoded(content, file)
    delimiter = _delimiter(text, mapping)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    return _read_rows(reader, file, mapping.title_row)


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


def _delimiter(text: str, mapping: Mapping) -> str:
    """The separator with which one of the first lines names most columns."""
    lines = [line.replace('"', "") for line in text.lstrip().split("\n", mapping.title_row + 1)]
    known = set(COLUMNS)

    def named(mark: str) -> int:
        cells = (line.split(mark) for line in lines[: max(mapping.title_row, 1)])
        return max(len({mapping.column_of(cell) for cell in each} & known) for each in cells)

    return max(_DELIMITERS, key=named)


def _read_rows(reader: CsvReader, file: str, title_row: int) -> Table:
    """Every row with the line that it ends on; raises BadFile for rows of another length."""
    titles: list[str] | None = None
    title_line = 0
    rows: list[Row] = []
    ragged: list[Problem] = []
    try:
        for cells in reader:
            number = reader.line_num
            if not any(cell.strip() for cell in cells) or (titles is None and number < title_row):
                continue
            if titles is None:
                titles, title_line = _titles(cells), number
            elif len(cells) < len(titles) or any(cells[len(titles) :]):
                shown = (("count", str(len(cells))), ("expected", str(len(titles))))
                ragged.append(Problem("csv.ragged", shown, line=number))
            else:
                rows.append(Row(number, tuple(cells[: len(titles)])))
    except csv.Error as error:
        problem = Problem("csv.syntax", (("why", str(error)),), line=reader.line_num)
        raise BadFile(file, (problem,)) from error
    if titles is None:
        raise BadFile(file, (Problem("csv.empty", (("columns", ", ".join(COLUMNS)),)),))
    if ragged:
        raise BadFile(file, tuple(ragged))
    return Table(file, tuple(titles), title_line, tuple(rows))


def _titles(cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    while names and not names[-1]:
        names.pop()
    return names
