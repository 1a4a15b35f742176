"""A table as it stands in a file, whatever the file's format: titles, and rows of cells.

Cells keep what the file holds, so that the same table can be written back with the answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time, timedelta


@dataclass(frozen=True, slots=True)
class Unusable:
    """A cell that is not to be believed, such as a formula; what it shows is kept to be shown."""

    key: str
    """Why, as a key of the texts."""
    shown: object
    """What the sheet showed when it was last saved."""


Value = str | float | bool | date | time | timedelta
Cell = Value | Unusable
"""Every `datetime` is a `date`, every `int` is taken as a `float`."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table."""

    number: int
    """Line or row of the file, from 1."""
    cells: tuple[Cell, ...]
    """Its cells, as many as the table has titles."""


@dataclass(frozen=True, slots=True)
class Table:
    """The titles and the rows that are not empty."""

    file: str
    """Name of the file, for messages."""
    titles: tuple[str, ...]
    """Titles as they stand."""
    title_line: int
    """Line or row of the titles, from 1."""
    rows: tuple[Row, ...]
    """The rows below."""
    sheet: str = ""
    """Name of the sheet; empty for CSV."""


def shown(cell: Cell) -> object:
    """What a cell shows, believed or not."""
    return cell.shown if isinstance(cell, Unusable) else cell
