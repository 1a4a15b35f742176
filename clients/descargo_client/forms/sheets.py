"""Reads one sheet of an XLSX workbook as a table of typed cells.

The values come from calamine, which is fast and knows the formats of dates; what must not be
believed of them was marked before by `workbooks`. Hidden rows and columns are read as all others.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

from descargo_client.faults import BadFile, BadInput, Problem
from descargo_client.forms.columns import COLUMNS
from descargo_client.forms.tables import Cell, Row, Table, Unusable
from descargo_client.forms.workbooks import COLUMNS_MAX, ROWS_MAX, Workbook

if TYPE_CHECKING:
    from descargo_client.forms.workbooks import SheetFacts

SUFFIX: Final = ".xlsx"
OTHER_SUFFIXES: Final = (".xlsm", ".xltm", ".xlam", ".xls", ".xlsb", ".ods")
"""Spreadsheets that are known and not taken; `.xlsm` may hold macros."""


def read_table(content: bytes, file: str, sheet: str = "", title_row: int = 0) -> Table:
    """Reads the sheet, or the first that is visible; titles are its first row with a value."""
    workbook = Workbook.open(content, file)
    name = _chosen(workbook, sheet)
    facts = workbook.facts(name)
    if facts.columns > COLUMNS_MAX:
        raise _refused(file, "sheet.columns", count=facts.columns, limit=COLUMNS_MAX)
    if facts.rows > ROWS_MAX + max(title_row, 1):
        raise _refused(file, "sheet.rows", count=facts.rows, limit=ROWS_MAX)
    values = _values(workbook, name)
    return _table(file, name, values, facts, title_row)


def _values(workbook: Workbook, sheet: str) -> list[list[Cell]]:
    """What the cells say, by calamine."""
    try:
        import python_calamine  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        raise BadInput("sheet.no_reader") from error
    checked = io.BytesIO(workbook.checked(sheet))
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(checked)
        rows = book.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
    except python_calamine.CalamineError as error:
        raise _refused(workbook.file, "sheet.damaged", why=error) from error
    except BaseException as error:
        # What Rust calls a panic comes as an exception that is no Exception.
        if type(error).__name__ != "PanicException":
            raise
        raise _refused(workbook.file, "sheet.damaged", why=error) from error
    return [[*row] for row in rows]


def _chosen(workbook: Workbook, sheet: str) -> str:
    visible = [name for name in workbook.sheets if name not in workbook.hidden]
    if sheet in workbook.sheets:
        return sheet
    if sheet or not visible:
        known = ", ".join(f"`{name}`" for name in workbook.sheets)
        raise _refused(workbook.file, "sheet.no_sheet", name=sheet, known=known)
    return visible[0]


def _table(
    file: str, sheet: str, values: list[list[Cell]], facts: SheetFacts, title_row: int
) -> Table:
    titles: tuple[Cell, ...] | None = None
    title_line = 0
    rows: list[Row] = []
    for index in range(max(len(values), facts.rows)):
        cells = _cells(index, values[index] if index < len(values) else [], facts)
        if titles is None:
            if (index + 1 == title_row) if title_row else any(cell != "" for cell in cells):
                titles, title_line = cells, index + 1
        elif any(not isinstance(cell, str) or cell.strip() for cell in cells):
            rows.append(Row(index + 1, cells))
    if titles is None:
        raise _refused(file, "csv.empty", columns=", ".join(COLUMNS))
    named = [_title(cell, file, title_line) for cell in titles]
    while named and not named[-1]:
        named.pop()
    _refuse_untitled(file, title_line, named, rows)
    # A column between others that has neither title nor values only keeps them apart.
    kept = [column for column, title in enumerate(named) if title]
    short = tuple(Row(row.number, tuple(row.cells[each] for each in kept)) for row in rows)
    return Table(file, tuple(named[each] for each in kept), title_line, short, sheet)


def _cells(index: int, values: list[Cell], facts: SheetFacts) -> tuple[Cell, ...]:
    """One row; a formula that was never calculated has no value, and stands here all the same."""
    if not facts.marks and len(values) >= facts.columns:
        return tuple(values)
    filled = [*values, *([""] * (facts.columns - len(values)))]
    return tuple(
        Unusable(key, value) if (key := facts.marks.get((index, column))) else value
        for column, value in enumerate(filled)
    )


def _title(cell: Cell, file: str, line: int) -> str:
    if isinstance(cell, str):
        return cell.strip()
    shown = cell.shown if isinstance(cell, Unusable) else cell
    raise BadFile(file, (Problem("sheet.title", (("value", str(shown)),), line=line),))


def _refuse_untitled(file: str, line: int, titles: list[str], rows: list[Row]) -> None:
    """A value below no title belongs to nothing; it is refused, as a cell too many of CSV is."""
    width = max((len(row.cells) for row in rows), default=0)
    untitled = [each for each in range(width) if each >= len(titles) or not titles[each]]
    for row in rows:
        for column in untitled:
            cell = row.cells[column] if column < len(row.cells) else ""
            if not isinstance(cell, str) or cell.strip():
                shown = (("place", f"{letters(column)}{row.number}"), ("titles", str(line)))
                raise BadFile(file, (Problem("sheet.untitled", shown, line=row.number),))


def letters(column: int) -> str:
    """A column's name in the sheet: 0 is A, 26 is AA."""
    name = ""
    column += 1
    while column:
        column, letter = divmod(column - 1, 26)
        name = chr(ord("A") + letter) + name
    return name


def _refused(file: str, key: str, **values: object) -> BadFile:
    shown = tuple((name, str(value)) for name, value in values.items())
    return BadFile(file, (Problem(key, shown),))
