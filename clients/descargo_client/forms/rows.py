"""Makes submissions of a table, CSV or spreadsheet alike: one row for each license line.

Rows of the same agency, permit key, permit number and version are one license; the columns about
the whole license must agree in all of them. Lists are separated by spaces or `;`, and `*` means
every. A license with a bad row is reported and not sent, the others are. A row that does not say
whose it is could belong to any license, so then nothing of the file is sent.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from descargo_client.faults import BadFile, Problem
from descargo_client.forms.cells import text_of
from descargo_client.forms.changes import change_of, empty_cells, submission
from descargo_client.forms.columns import (
    CHANGE,
    COLUMNS,
    IDENTITY_COLUMNS,
    LICENSE_COLUMNS,
    REQUIRED_COLUMNS,
    SIMPLE_CHANGES,
    columns_of,
)
from descargo_client.forms.items import Item
from descargo_client.forms.mapping import NO_MAPPING

if TYPE_CHECKING:
    from collections.abc import Mapping as Map

    from descargo_client.forms.mapping import Mapping
    from descargo_client.forms.tables import Table

_FIRST_VERSION: Final = "1"
_AMOUNTS: Final = {"csv.no_amount": "value_usd", "csv.left": "left_value_usd"}
"""Problems that name the first of two columns; a bad cell in the second is why."""

Row = dict[str, str]
Numbered = list[tuple[int, Row]]
Spoilt = dict[tuple[int, str], Problem]


def items_of(table: Table, mapping: Mapping = NO_MAPPING) -> list[Item]:
    """Reads each license as one item; raises BadFile when nothing of the file may be sent."""
    columns = _columns(table, mapping)
    spoilt: Spoilt = {}
    rows = _texts(table, columns, mapping, spoilt)
    lost = [
        spoilt.get((problem.line, problem.field), problem)
        for number, row in rows
        if (problem := _without_identity(number, row, spoilt))
    ]
    titles = _titles(columns, table)
    if lost:
        raise BadFile(table.file, tuple(_titled(each, titles) for each in lost))
    licenses: dict[tuple[str, ...], Numbered] = {}
    for number, row in rows:
        licenses.setdefault(_identity(row), []).append((number, row))
    return [_item(each, spoilt, titles) for each in licenses.values()]


def titles_of(table: Table, mapping: Mapping = NO_MAPPING) -> dict[str, str]:
    """The title of each of our columns in the table."""
    return _titles([mapping.column_of(title) for title in table.titles], table)


def version_of(row: Row) -> str:
    """The version that a row is about; the first unless it says another."""
    return row.get("version", "") or _FIRST_VERSION


def _titles(columns: list[str | None], table: Table) -> dict[str, str]:
    return {column: title for column, title in zip(columns, table.titles, strict=True) if column}


def _columns(table: Table, mapping: Mapping) -> list[str | None]:
    """Our column for each title; raises BadFile with every fault of the header."""
    columns = [mapping.column_of(title) for title in table.titles]
    line, known = table.title_line, (("columns", ", ".join(COLUMNS)),)
    names = [name for name in columns if name is not None]
    problems = [
        Problem("csv.column_unknown", (("name", name), *known), line=line, field=name)
        for name in names
        if name not in COLUMNS
    ]
    problems += [
        Problem("csv.column_twice", (("name", name),), line=line, field=name)
        for name in sorted({each for each in names if names.count(each) > 1})
    ]
    problems += [
        Problem("csv.column_fixed", (("name", name),), line=line, field=name)
        for name in names
        if name in mapping.fixed
    ]
    present = {*names, *mapping.fixed}
    # A table that says what is done with each license has each row's needs seen to row by row.
    needed = REQUIRED_COLUMNS & set(IDENTITY_COLUMNS) if CHANGE in present else REQUIRED_COLUMNS
    wanted = {ours: title for title, ours in mapping.columns.items()}
    problems += [
        Problem("csv.title_missing", (("name", name), ("title", wanted[name])), line=line)
        for name in COLUMNS
        if name in wanted and name not in present
    ]
    problems += [
        Problem("csv.column_missing", (("name", name),), line=line, field=name)
        for name in COLUMNS
        if name in needed and name not in present and name not in wanted
    ]
    if problems:
        raise BadFile(table.file, tuple(problems))
    if not table.rows:
        raise BadFile(table.file, (Problem("csv.empty", known),))
    return columns


def _texts(table: Table, columns: list[str | None], mapping: Mapping, spoilt: Spoilt) -> Numbered:
    """Every row as texts under our names; cells that cannot be taken are empty and noted."""
    rows: Numbered = []
    for row in table.rows:
        texts: Row = {}
        for column, cell in zip(columns, row.cells, strict=False):
            if column is None:
                continue
            text = text_of(column, column, cell, row.number, mapping.digits.get(column, ()))
            if isinstance(text, Problem):
                spoilt[row.number, column] = text
                texts[column] = ""
            else:
                texts[column] = mapping.value_of(column, text)
        rows.append((row.number, _with_fixed(texts, mapping)))
    return rows


def _with_fixed(texts: Row, mapping: Mapping) -> Row:
    """The row with the fixed values that its change has a use for; they are no wish of the row."""
    change = (texts.get(CHANGE) or mapping.fixed.get(CHANGE, "")).lower()
    if change not in SIMPLE_CHANGES:
        return {**mapping.fixed, **texts}
    used = {CHANGE, *IDENTITY_COLUMNS, *columns_of(change)}
    return {**{name: value for name, value in mapping.fixed.items() if name in used}, **texts}


def _titled(problem: Problem, titles: Map[str, str]) -> Problem:
    """The problem under the title that people see in their table."""
    title = titles.get(problem.field, problem.field)
    return problem if title.lower() == problem.field else replace(problem, field=title)


def _identity(row: Row) -> tuple[str, ...]:
    return (*(row.get(name, "") for name in IDENTITY_COLUMNS[:3]), version_of(row))


def _without_identity(number: int, row: Row, spoilt: Spoilt) -> Problem | None:
    for name in IDENTITY_COLUMNS[:3]:
        if not row.get(name):
            return Problem("csv.no_identity", (("name", name),), line=number, field=name)
    version = version_of(row)
    if (number, "version") in spoilt:
        return spoilt[number, "version"]
    if not (version.isascii() and version.isdigit() and len(version) < 10):  # noqa: PLR2004 - fits 32 bits
        return Problem("csv.version", (("value", version),), line=number, field="version")
    return None


def _item(rows: Numbered, spoilt: Spoilt, titles: Map[str, str]) -> Item:
    problems: list[Problem] = []
    first_line, first = rows[0]
    change = change_of(rows)
    for number, row in rows:
        problems += [
            Problem("csv.cell_empty", line=number, field=name) for name in _empty(row, change)
        ]
        problems += [
            _differs(number, name, row, first_line, first)
            for name in (CHANGE, *LICENSE_COLUMNS)
            if row.get(name, "") != first.get(name, "")
        ]
    built = submission(rows, int(version_of(first)), problems)
    said = _with_spoilt(problems, spoilt, {number for number, _ in rows})
    placed = [_titled(each, titles) for each in said]
    return Item.read(tuple(number for number, _ in rows), built, placed)


def _empty(row: Row, change: str) -> list[str]:
    """Where the table says what is done, a row that does not is no guess of ours."""
    return [CHANGE] if CHANGE in row and not row[CHANGE] else empty_cells(row, change)


def _differs(number: int, name: str, row: Row, first_line: int, first: Row) -> Problem:
    values = (("value", row.get(name, "")), ("first", first.get(name, "")))
    return Problem("csv.differs", (*values, ("line", str(first_line))), line=number, field=name)


def _with_spoilt(problems: list[Problem], spoilt: Spoilt, lines: set[int]) -> list[Problem]:
    """Adds the cells that cannot be taken; what is only said because they are empty is left out."""
    own = {place: problem for place, problem in spoilt.items() if place[0] in lines}
    if not own:
        return problems
    fields = {name for _, name in own}
    kept = [
        each
        for each in problems
        if (each.line, each.field) not in own
        and (each.line, _AMOUNTS.get(each.key, "")) not in own
        and not (each.key == "csv.differs" and each.field in fields)
    ]
    return sorted([*own.values(), *kept], key=lambda each: each.line)
