"""Turns the cell of a spreadsheet into the text that a CSV file would hold, or says why not.

The rule for numbers: a cell holds a binary number. Its text is the shortest decimal that names this
number, which is what was typed as long as it has at most 15 significant digits. A decimal is taken
when this text has no more digits than that and no more decimals than the contract allows; so 0.1 is
`0.1`, while a sum pasted as 0.30000000000000004 is refused instead of rounded. Codes are texts: as
a number a code loses its leading zeros, so a number is only taken where its length shows that none
was lost. Dates carry no time of day, and instants are of Mexico City.
"""

from __future__ import annotations

import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from descargo_client.faults import Problem
from descargo_client.forms.columns import CODE_DIGITS, decimals_of, kind_of
from descargo_client.forms.messages import shorten
from descargo_client.forms.tables import Unusable

if TYPE_CHECKING:
    from descargo_client.forms.tables import Cell

SIGNIFICANT_DIGITS_MAX: Final = 15
"""What spreadsheets keep of a number; beyond, what was typed is lost."""
_MEXICO_CITY: Final = "-06:00"
_EXACT_MAX: Final = 10**SIGNIFICANT_DIGITS_MAX


def text_of(
    column: str, title: str, cell: Cell, line: int, digits: tuple[int, ...] = ()
) -> str | Problem:
    """The cell's text, or what is wrong with it; a code's number must have one of the lengths."""
    try:
        return _text(column, cell, digits or CODE_DIGITS.get(column, ()))
    except _UnfitError as error:
        return Problem(error.key, error.values, line=line, field=title)


def plain(number: float) -> str:
    """The shortest decimal that names the binary number, without an exponent."""
    written = format(Decimal(repr(number)), "f")
    return written.rstrip("0").rstrip(".") if "." in written else written


class _UnfitError(ValueError):
    """A cell that cannot be taken."""

    def __init__(self, key: str, value: object, **more: object) -> None:
        super().__init__(key)
        self.key = key
        self.values = tuple(
            (name, shorten(each)) for name, each in {"value": value, **more}.items()
        )


def _text(column: str, cell: Cell, digits: tuple[int, ...]) -> str:
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, Unusable):
        raise _UnfitError(cell.key, cell.shown)
    if isinstance(cell, bool):
        raise _UnfitError("sheet.bool", cell)
    if isinstance(cell, int | float):
        return _number(column, float(cell), digits)
    if isinstance(cell, date):
        return _date(column, cell)
    raise _UnfitError("sheet.time", cell)


def _number(column: str, number: float, digits: tuple[int, ...]) -> str:
    kind = kind_of(column)
    if not math.isfinite(number):
        raise _UnfitError("sheet.inexact", number, limit=SIGNIFICANT_DIGITS_MAX)
    if kind in {"date", "instant"}:
        raise _UnfitError("sheet.number_for_date", plain(number))
    written = plain(number)
    whole, _, decimals = written.removeprefix("-").partition(".")
    if len((whole + decimals).strip("0")) > SIGNIFICANT_DIGITS_MAX or abs(number) >= _EXACT_MAX:
        raise _UnfitError("sheet.inexact", written, limit=SIGNIFICANT_DIGITS_MAX)
    if kind == "decimal":
        if len(decimals) > decimals_of(column):
            raise _UnfitError("sheet.decimals", written, limit=decimals_of(column))
        return written
    if not decimals and number >= 0 and (kind in {"whole", "prose"} or (len(whole) in digits)):
        return written
    if digits:
        lengths = " / ".join(str(each) for each in digits)
        raise _UnfitError("sheet.code_digits", written, count=len(whole), lengths=lengths)
    raise _UnfitError("sheet.code_number", written)


def _date(column: str, cell: date) -> str:
    kind = kind_of(column)
    if kind not in {"date", "instant"}:
        raise _UnfitError("sheet.date_here", cell)
    if not isinstance(cell, datetime):
        return cell.isoformat()
    # A sheet's instant is a binary fraction of a day, so seconds come back a little off.
    moment = (cell + timedelta(microseconds=500_000)).replace(microsecond=0)
    if kind == "instant":
        return moment.isoformat() + _MEXICO_CITY
    if moment.time() != time(0):
        raise _UnfitError("sheet.time_of_day", cell)
    return moment.date().isoformat()
