"""Reads a file of submissions by its ending: JSON lines, CSV, or a spreadsheet.

A table is kept beside what was read of it, so that it can be written back with the answers, even
when nothing of it could be sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from descargo_client.faults import BadFile, BadInput, Problem
from descargo_client.forms import csv_rows, json_lines, rows, sheets
from descargo_client.forms.mapping import NO_MAPPING

if TYPE_CHECKING:
    from descargo_client.forms.items import Item
    from descargo_client.forms.mapping import Mapping
    from descargo_client.forms.tables import Table

JSON_SUFFIXES: Final = (".jsonl", ".ndjson", ".json")
CSV_SUFFIX: Final = ".csv"
SUFFIXES: Final = (*JSON_SUFFIXES, CSV_SUFFIX, sheets.SUFFIX)
STANDARD_INPUT: Final = "-"


def read_table(
    content: bytes, name: str, mapping: Mapping = NO_MAPPING, sheet: str = ""
) -> Table | None:
    """The table of the file; None for JSON lines, which are none."""
    lower = name.lower()
    if lower.endswith(CSV_SUFFIX):
        return csv_rows.read_table(content, name, mapping)
    if lower.endswith(sheets.SUFFIX):
        return sheets.read_table(content, name, sheet or mapping.sheet, mapping.title_row)
    if lower.endswith(sheets.OTHER_SUFFIXES):
        key = "sheet.macros" if lower.endswith((".xlsm", ".xltm", ".xlam")) else "sheet.old_format"
        raise BadFile(name, (Problem(key),))
    if name == STANDARD_INPUT or lower.endswith(JSON_SUFFIXES):
        return None
    raise BadInput("submit.ending", file=name)


def read_items(
    content: bytes, name: str, table: Table | None, mapping: Mapping = NO_MAPPING
) -> list[Item]:
    """The submissions of the file; raises BadFile or BadInput when there is nothing to send."""
    items = rows.items_of(table, mapping) if table else json_lines.read_submissions(content)
    if not items:
        raise BadInput("submit.empty", file=name)
    if all(item.problems for item in items):
        raise BadFile(name, tuple(problem for item in items for problem in item.problems))
    return items
