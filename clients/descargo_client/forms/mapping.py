"""An agency's own words for ours: titles of columns, fixed values, and translated values.

The mapping is a TOML file that somebody writes once; see docs/agencies.md. Titles and values are
compared without regard to capitals, accents and repeated spaces. What the file does not name is
never guessed: a title that is neither mapped, nor ours, nor ignored is refused.
"""

from __future__ import annotations

import tomllib
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from descargo_client.faults import BadFile, Problem
from descargo_client.forms.columns import ANSWER_TITLES, COLUMNS, LIST_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping as Map

FILE_BYTES_MAX: Final = 1024 * 1024
KEYS: Final = ("sheet", "title_row", "ignore", "columns", "fixed", "values", "digits")
_DIGITS_MAX: Final = 15
_SEPARATORS: Final = ";"


@dataclass(frozen=True, slots=True)
class Mapping:
    """How a table's titles and values become ours."""

    sheet: str = ""
    """Sheet to read; empty for the first."""
    title_row: int = 0
    """Row of the titles; 0 for the first that is not empty."""
    columns: Map[str, str] = field(default_factory=dict)
    """Our column for each title, as titles are compared."""
    ignored: frozenset[str] = frozenset()
    """Titles that are passed over, as titles are compared."""
    fixed: Map[str, str] = field(default_factory=dict)
    """Values of columns that the table does not have."""
    values: Map[str, Map[str, str]] = field(default_factory=dict)
    """For each of our columns, our value for each of theirs, as values are compared."""
    digits: Map[str, tuple[int, ...]] = field(default_factory=dict)
    """For each code, how many digits a number cell must have."""

    def column_of(self, title: str) -> str | None:
        """Our column for a title; None when it is passed over; the title itself if unknown."""
        plain = folded(title)
        if plain in self.columns:
            return self.columns[plain]
        if plain in self.ignored or is_answer_title(title):
            return None
        lower = title.strip().lower()
        return lower if lower in COLUMNS else title

    def value_of(self, column: str, written: str) -> str:
        """Our value for what the cell says; a list is also looked up item by item."""
        known = self.values.get(column)
        if not known or not written:
            return written
        whole = known.get(folded(written))
        if whole is not None or column not in LIST_COLUMNS:
            return written if whole is None else whole
        return " ".join(
            known.get(folded(part), part.strip()) for part in written.split(_SEPARATORS)
        )


def folded(text: str) -> str:
    """A text as it is compared: no capitals, accents, or repeated spaces."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(sign for sign in apart if not unicodedata.combining(sign))
    return " ".join(bare.split())


_ANSWERS: Final = frozenset(folded(title) for titles in ANSWER_TITLES.values() for title in titles)
NO_MAPPING: Final = Mapping()


def is_answer_title(title: str) -> bool:
    """Whether we wrote this column beside the others at an earlier time."""
    return folded(title) in _ANSWERS


def read_mapping(content: bytes, file: str) -> Mapping:
    """Reads the TOML file; raises BadFile with everything that is wrong with it."""
    if len(content) > FILE_BYTES_MAX:
        shown = (("size", str(len(content))), ("limit", str(FILE_BYTES_MAX)))
        raise BadFile(file, (Problem("mapping.too_long", shown),))
    try:
        document = tomllib.loads(content.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadFile(file, (Problem("mapping.syntax", (("why", str(error)),)),)) from error
    reader = _Reader()
    mapping = reader.mapping(document)
    if reader.problems:
        raise BadFile(file, tuple(reader.problems))
    return mapping


class _Reader:
    """Takes the document apart, and notes what does not fit."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def mapping(self, document: dict[str, Any]) -> Mapping:
        for name in document:
            if name not in KEYS:
                self._refuse("mapping.key", name, known=", ".join(KEYS))
        fixed = {
            column: text
            for column, value in self._table(document, "fixed").items()
            if self._ours("fixed", column)
            and (text := self._scalar(f"fixed.{column}", value)) is not None
        }
        columns = self._columns(document)
        for column in sorted(set(fixed) & set(columns.values())):
            self._refuse("mapping.both", f"fixed.{column}", column=column)
        return Mapping(
            sheet=self._typed(document, "sheet", str, ""),
            title_row=max(0, self._typed(document, "title_row", int, 0)),
            columns=columns,
            ignored=frozenset(self._ignored(document)),
            fixed=fixed,
            values={
                column: self._values(column, table)
                for column, table in self._table(document, "values").items()
                if self._ours("values", column)
            },
            digits={
                column: self._digits(column, value)
                for column, value in self._table(document, "digits").items()
                if self._ours("digits", column)
            },
        )

    def _refuse(self, key: str, place: str, **values: object) -> None:
        shown = tuple((name, str(value)[:250]) for name, value in values.items())
        self.problems.append(Problem(key, shown, field=place))

    def _ours(self, table: str, column: str) -> bool:
        if column in COLUMNS:
            return True
        self._refuse("mapping.column", f"{table}.{column}", name=column, known=", ".join(COLUMNS))
        return False

    def _table(self, document: dict[str, Any], name: str) -> dict[str, Any]:
        value = document.get(name, {})
        if isinstance(value, dict):
            return value
        self._refuse("mapping.table", name)
        return {}

    def _typed(self, document: dict[str, Any], name: str, kind: type, default: Any) -> Any:
        value = document.get(name, default)
        if type(value) is kind:
            return value
        self._refuse("mapping.value", name, value=value)
        return default

    def _scalar(self, place: str, value: object) -> str | None:
        """A text or a whole number; a decimal must be a text, so that it stays what is written."""
        if isinstance(value, str) or type(value) is int:
            return str(value).strip()
        self._refuse("mapping.value", place, value=value)
        return None

    def _columns(self, document: dict[str, Any]) -> dict[str, str]:
        found: dict[str, str] = {}
        for column, title in self._table(document, "columns").items():
            if not self._ours("columns", column):
                continue
            if not isinstance(title, str) or not title.strip():
                self._refuse("mapping.value", f"columns.{column}", value=title)
            elif folded(title) in found:
                self._refuse("mapping.title_twice", f"columns.{column}", title=title)
            else:
                found[folded(title)] = column
        return found

    def _ignored(self, document: dict[str, Any]) -> list[str]:
        titles = self._typed(document, "ignore", list, [])
        for title in titles:
            if not isinstance(title, str):
                self._refuse("mapping.value", "ignore", value=title)
        return [folded(title) for title in titles if isinstance(title, str)]

    def _values(self, column: str, table: object) -> dict[str, str]:
        if not isinstance(table, dict):
            self._refuse("mapping.table", f"values.{column}")
            return {}
        found: dict[str, str] = {}
        for theirs, value in table.items():
            ours = self._scalar(f"values.{column}.{theirs}", value)
            if ours is not None and found.setdefault(folded(theirs), ours) != ours:
                self._refuse("mapping.value_twice", f"values.{column}.{theirs}", value=theirs)
        return found

    def _digits(self, column: str, value: object) -> tuple[int, ...]:
        lengths = value if isinstance(value, list) else [value]
        if all(type(each) is int and 0 < each <= _DIGITS_MAX for each in lengths):
            return tuple(lengths)
        self._refuse("mapping.value", f"digits.{column}", value=value)
        return ()
