"""Makes a dated catalogue of our own from the CSV files of the SAT's catalogues.

Only facts are kept: codes, units and dates; the texts of the law are dropped. Import is strict,
since a row misread here is a wrong yes or a wrong no at a lane later. Every problem of every
file is reported at once, and nothing is written unless there is none.

Size: 11,519 tariff rows and 3,413 broker licenses become about 360 KB of text, 50 KB compressed.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from descargo_server.catalogues.tariff_file import (
    CatalogueError,
    Problem,
    newest_catalogue,
    write_catalogue,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = [
    "CatalogueError",
    "ImportedCatalogue",
    "Problem",
    "import_sat_catalogs",
    "newest_catalogue",
]

PROBLEMS_PER_FILE_MAX: Final = 20
"""A file with more problems is the wrong file; the rest is only counted."""

FILE_BYTES_MAX: Final = 64 * 1024 * 1024
"""Forty times the largest file of today; a larger one is not one of these catalogues."""

DATE_MIN: Final = date(1990, 1, 1)
DATE_MAX: Final = date(2100, 12, 31)
UNIT_MIN: Final = 1
UNIT_MAX: Final = 99


@dataclass(frozen=True, slots=True)
class ImportedCatalogue:
    """A catalogue that was imported."""

    path: Path
    """The file that was written, or that held the same content already."""
    version: str
    """Name of the catalogue, as verdicts cite it."""
    rows: Mapping[str, int]
    """How many rows each section has."""
    known_through: Mapping[str, str]
    """By section, the last day that the source is known to cover; empty if it has no dates."""


class _BadRow(Exception):  # noqa: N818 - never leaves this module
    """A row cannot be used."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class _Section:
    """One section of the catalogue and the file that it comes from."""

    name: str
    file: str
    columns: tuple[str, ...]
    key: Callable[[Mapping[str, str]], tuple[str, ...]]
    facts: Callable[[Mapping[str, str]], tuple[str, ...]] = lambda _: ()
    dated: bool = True


@dataclass(frozen=True, slots=True)
class _Row:
    """The facts of one row, and the line that they come from."""

    line: int
    key: tuple[str, ...]
    facts: tuple[str, ...]
    first: str
    last: str


@dataclass(slots=True)
class _File:
    """A file under import: its rows by key, and what was wrong."""

    path: Path
    rows: list[_Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    unlisted: int = 0

    def report(self, line: int, what: str, remedy: str) -> None:
        if len(self.problems) < PROBLEMS_PER_FILE_MAX:
            self.problems.append(Problem(str(self.path), line, what, remedy))
        else:
            self.unlisted += 1


def import_sat_catalogs(directory: Path, output_dir: Path) -> ImportedCatalogue:
    """Import the CSV files of `directory` and write the catalogue into `output_dir`.

    The same files give the same bytes, so importing again changes nothing. Raises `CatalogueError`
    with every problem of every file; then nothing has been written.
    """
    files = {section.name: _read(section, directory / section.file) for section in _SECTIONS}
    _check_tariff_units(files["tariff"], files["units"])
    problems = [problem for file in files.values() for problem in _all_problems(file)]
    if problems:
        raise CatalogueError(problems)
    path, header = write_catalogue(
        output_dir,
        {name: [_cells(row) for row in file.rows] for name, file in files.items()},
        {name: _known_through(file) for name, file in files.items()},
    )
    rows = MappingProxyType({name: len(file.rows) for name, file in files.items()})
    return ImportedCatalogue(path, header.version, rows, header.known_through)


def _read(section: _Section, path: Path) -> _File:
    """Read one CSV file; problems are kept in the result."""
    file = _File(path)
    text = _text(file)
    if text is None:
        return file
    # Not strict: a quote inside a text that we drop is no reason to refuse a fact.
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        header = next(reader, [])
        missing = [name for name in section.columns if header.count(name) != 1]
        if missing:
            what = f"must have each column once: {', '.join(f'`{name}`' for name in missing)}"
            file.report(1, what, f"export the file with columns {', '.join(section.columns)}")
            return file
        for line, cells in _numbered(reader):
            _take(section, file, header, line, cells)
    except csv.Error as error:
        file.report(reader.line_num, f"not CSV: {error}", "export the file again")
    if not file.rows and not file.problems:
        file.report(0, "has no rows", "export the file again")
    _check_periods(file)
    return file


def _text(file: _File) -> str | None:
    """Return the file's text, or None when there is none to read."""
    try:
        if file.path.stat().st_size > FILE_BYTES_MAX:
            file.report(0, f"larger than {FILE_BYTES_MAX} bytes", "check that it is the right file")
            return None
        content = file.path.read_bytes()
    except FileNotFoundError:
        remedy = "put all six files of the format `sat-catalogs` into one directory"
        file.report(0, "file is missing", remedy)
        return None
    except OSError as error:
        file.report(0, f"not readable: {error.strerror}", "check its owner and permissions")
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        file.report(line, "not UTF-8", "save the file as UTF-8")
        return None


def _numbered(reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """Each row with the line that it starts on; a quoted text may span several lines."""
    lines_before = 1
    for cells in reader:
        yield lines_before + 1, cells
        lines_before = reader.line_num  # type: ignore[attr-defined]  # csv.reader has it


def _take(
    section: _Section, file: _File, header: Sequence[str], line: int, cells: Sequence[str]
) -> None:
    """Keep the facts of one row, or report what is wrong with it."""
    if len(cells) != len(header):
        file.report(line, f"{len(cells)} fields where the header has {len(header)}", _FIX_ROW)
        return
    row = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
    try:
        first, last = _period(row) if section.dated else ("", "")
        file.rows.append(_Row(line, section.key(row), section.facts(row), first, last))
    except _BadRow as error:
        file.report(line, error.what, error.remedy)


def _period(row: Mapping[str, str]) -> tuple[str, str]:
    first = _day(row, "vigencia_desde")
    last = _day(row, "vigencia_hasta") if row["vigencia_hasta"] else ""
    if last and last < first:
        what = f"ends on `{last}`, before it begins on `{first}`"
        raise _BadRow(what, "correct `vigencia_desde` or `vigencia_hasta`")
    return first, last


def _day(row: Mapping[str, str], column: str) -> str:
    text = row[column]
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = DATE_MIN
        text = text or "(empty)"
    if day.isoformat() != text or not DATE_MIN <= day <= DATE_MAX:
        what = f"`{column}` is `{text[:40]}`, not a day from {DATE_MIN} to {DATE_MAX}"
        raise _BadRow(what, "write the date as YYYY-MM-DD")
    return text


def _matching(column: str, pattern: str, shape: str) -> Callable[[Mapping[str, str]], str]:
    expression = re.compile(pattern)

    def read(row: Mapping[str, str]) -> str:
        if not expression.fullmatch(row[column]):
            raise _BadRow(f"`{column}` is `{row[column][:40]}`, not {shape}", _FIX_ROW)
        return row[column]

    return read


def _tariff_key(row: Mapping[str, str]) -> tuple[str, ...]:
    code = _TARIFF_CODE(row)
    return code[:8], code[8:]


def _unit(column: str) -> Callable[[Mapping[str, str]], str]:
    shape = f"a unit key from {UNIT_MIN} to {UNIT_MAX}"
    digits = _matching(column, "[0-9]{1,2}", shape)

    def read(row: Mapping[str, str]) -> str:
        # "1" and "01" both occur and mean the same unit.
        unit = int(digits(row))
        if unit < UNIT_MIN:
            raise _BadRow(f"`{column}` is `{row[column]}`, not {shape}", _FIX_ROW)
        return str(unit)

    return read


def _directions(row: Mapping[str, str]) -> tuple[str, ...]:
    words = [word.strip() for word in row["impoexpo"].split(",")]
    if not set(words) <= _DIRECTION_OF.keys():
        what = f"`impoexpo` is `{row['impoexpo'][:40]}`, not Entrada, Salida or both"
        raise _BadRow(what, _FIX_ROW)
    return (",".join(letter for word, letter in _DIRECTION_OF.items() if word in words),)


def _check_periods(file: _File) -> None:
    """Report rows of one key whose periods meet: on such a day it would say two things."""
    by_key = defaultdict(list)
    for row in file.rows:
        by_key[row.key].append((row.first, row.last or DATE_MAX.isoformat(), row.line))
    for key, periods in by_key.items():
        for (_, last, line), (first, _, other) in itertools.pairwise(sorted(periods)):
            if first <= last:
                earlier, later = sorted((line, other))
                what = f"`{''.join(key)}` is in force twice, here and on line {earlier}"
                file.report(later, what, "leave one row for each period of a key")


def _check_tariff_units(tariff: _File, units: _File) -> None:
    """Report tariff rows with a unit that the units lack, unless the units are unreadable."""
    if units.problems:
        return
    known = {row.key for row in units.rows}
    for row in tariff.rows:
        if row.facts not in known:
            what = f"unit `{row.facts[0]}` is not in {units.path.name}"
            tariff.report(row.line, what, "take both files from the same publication")


def _all_problems(file: _File) -> Iterable[Problem]:
    yield from sorted(file.problems, key=lambda problem: problem.line)
    if file.unlisted:
        what = f"{file.unlisted} further problems"
        yield Problem(str(file.path), 0, what, "mend the ones listed first")


def _known_through(file: _File) -> str:
    """Return the latest day on which a row begins.

    Not the latest end: an end may be announced long before, while new codes of that time are not
    known yet.
    """
    return max(row.first for row in file.rows)


def _cells(row: _Row) -> tuple[str, ...]:
    return (*row.key, *row.facts, row.first, row.last)


_FIX_ROW: Final = "correct the row, or export the file again"
_DIRECTION_OF: Final = {"Entrada": "I", "Salida": "E"}
_TARIFF_CODE: Final = _matching("fraccion", "[0-9]{10}", "8 digits of the code and 2 of the NICO")
_TARIFF_UNIT: Final = _unit("unidad")
_UNIT_KEY: Final = _unit("id")
_COUNTRY: Final = _matching("id", "[A-Z]{3}", "3 capital letters")
_REGIME: Final = _matching("id", "[A-Z]{3}", "3 capital letters")
_ADUANA: Final = _matching("id", "[0-9]{2}", "2 digits")
_BROKER_LICENSE: Final = _matching("id", "[0-9]{4}", "4 digits")
_DATES: Final = ("vigencia_desde", "vigencia_hasta")

_SECTIONS: Final = (
    _Section(
        "tariff",
        "cce_20_fracciones_arancelarias.csv",
        ("fraccion", *_DATES, "unidad"),
        _tariff_key,
        lambda row: (_TARIFF_UNIT(row),),
    ),
    _Section(
        "units",
        "cce_20_unidades_medida.csv",
        ("id", *_DATES),
        lambda row: (_UNIT_KEY(row),),
    ),
    # The source gives countries without dates.
    _Section("countries", "cfdi_40_paises.csv", ("id",), lambda row: (_COUNTRY(row),), dated=False),
    _Section(
        "regimes",
        "ccp_31_regimenes_aduaneros.csv",
        ("id", "impoexpo", *_DATES),
        lambda row: (_REGIME(row),),
        _directions,
    ),
    _Section("aduanas", "cfdi_40_aduanas.csv", ("id", *_DATES), lambda row: (_ADUANA(row),)),
    _Section(
        "broker_licenses",
        "cfdi_40_patentes_aduanales.csv",
        ("id", *_DATES),
        lambda row: (_BROKER_LICENSE(row),),
    ),
)
