"""Opens an XLSX workbook as if an enemy had sent it, and marks cells that must not be believed.

An XLSX file is a zip of XML. The reader that turns it into values trusts both, and gives the last
result of a formula as if somebody had typed it. So everything is unpacked here first, with a bound;
the sheet's XML is walked for formulas, errors and the sheet's size; and what was checked is packed
again, without compression and without any other sheet, so that the reader sees these very bytes,
however differently it may understand the names in the file.

The largest file that is let in takes a few seconds and about 1 GiB; a usual one of 1,000 rows some
milliseconds.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from xml.parsers import expat

from descargo_client.faults import BadFile, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FILE_BYTES_MAX: Final = 10 * 1024 * 1024
UNPACKED_BYTES_MAX: Final = 256 * 1024 * 1024
PARTS_MAX: Final = 2_000
ROWS_MAX: Final = 100_000
COLUMNS_MAX: Final = 200
AREA_MAX: Final = 5_000_000
"""Rows times columns: the reader keeps a place for each, filled or not."""
MARKS_MAX: Final = 100_000
"""Cells with formulas or errors that are kept; above, the sheet is refused as a whole."""

_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED: Final = "EncryptedPackage".encode("utf-16-le")
_ZIP: Final = b"PK\x03\x04"
_CHUNK: Final = 1 << 20
_PLACE: Final = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})\Z")
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_DIGITS: Final = "0123456789"
_ROW_DIGITS_MAX: Final = 7
_WORKBOOK: Final = "xl/workbook.xml"
_TARGET: Final = re.compile(r"(?:/xl/)?(worksheets/[\w.-]+\.xml)\Z", re.IGNORECASE)
_COMMON: Final = frozenset(
    {
        *("[content_types].xml", "_rels/.rels", "xl/workbook.xml", "xl/_rels/workbook.xml.rels"),
        *("xl/sharedstrings.xml", "xl/styles.xml"),
    }
)
"""Parts beside the sheet that its values need, in small letters."""
_COUNTS: Final = frozenset({"count", "uniqueCount"})
_RELATIONS: Final = "xl/_rels/workbook.xml.rels"
_TYPES: Final = "[Content_Types].xml"
Attributes = dict[str, str]


@dataclass(frozen=True, slots=True)
class SheetFacts:
    """What the XML of a sheet says about its cells; places are row and column, from 0."""

    marks: Mapping[tuple[int, int], str]
    """Formulas and errors, each with the key of the text that says so."""
    rows: int
    """Rows up to the last cell with a value."""
    columns: int
    """Columns up to the last cell with a value."""


@dataclass(slots=True)
class Workbook:
    """A workbook that was unpacked within the bounds."""

    file: str
    """Name of the file, for messages."""
    parts: dict[str, bytes]
    """XML parts by name."""
    sheets: dict[str, str] = field(default_factory=dict)
    """Name of each worksheet, in order, with its part."""
    hidden: set[str] = field(default_factory=set)
    """Names of those that are not shown."""

    @classmethod
    def open(cls, content: bytes, file: str) -> Workbook:
        """Unpacks it; raises BadFile for what is no XLSX, or is not let in."""
        if len(content) > FILE_BYTES_MAX:
            raise _refused(file, "sheet.too_long", size=len(content), limit=FILE_BYTES_MAX)
        if content.startswith(_OLE):
            key = "sheet.password" if _ENCRYPTED in content else "sheet.old_format"
            raise _refused(file, key)
        if not content.startswith(_ZIP):
            raise _refused(file, "sheet.not_xlsx")
        parts = _unpacked(content, file)
        if _WORKBOOK not in parts or _RELATIONS not in parts or _TYPES not in parts:
            raise _refused(file, "sheet.not_xlsx")
        book = cls(file, parts)
        book._refuse_macros()
        book._find_sheets()
        return book

    def checked(self, sheet: str) -> bytes:
        """The very parts that were unpacked, as far as one sheet needs them, for the reader."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
            for name, part in self.parts.items():
                if name.lower() in _COMMON:
                    self._check_counts(part)
                    archive.writestr(name, part)
                elif name == self.sheets[sheet]:
                    archive.writestr(name, part)
        return packed.getvalue()

    def facts(self, sheet: str) -> SheetFacts:
        """Walks the XML of a sheet."""
        walk = _SheetWalk(self.file)
        _parse(self.parts[self.sheets[sheet]], self.file, walk.start)
        if walk.rows * walk.columns > AREA_MAX:
            area, limit = walk.rows * walk.columns, AREA_MAX
            raise _refused(self.file, "sheet.area", area=area, limit=limit)
        return SheetFacts(walk.marks, walk.rows, walk.columns)

    def _check_counts(self, part: bytes) -> None:
        """A list that says it is longer than its part: the reader would reserve room for it all."""

        def start(name: str, attributes: Attributes) -> None:
            for attribute in _COUNTS & attributes.keys():
                written = attributes[attribute]
                if not written.isdigit() or len(written) > _ROW_DIGITS_MAX + 2:
                    raise _refused(self.file, "sheet.damaged", why=f"{name} {written[:20]}")
                if int(written) > len(part):
                    raise _refused(self.file, "sheet.damaged", why=f"{name} {written}")

        _parse(part, self.file, start)

    def _refuse_macros(self) -> None:
        def start(name: str, attributes: Attributes) -> None:
            del name
            kind = attributes.get("ContentType", "").lower()
            if "macroenabled" in kind or "vbaproject" in kind:
                raise _refused(self.file, "sheet.macros")
            if ".sheet.binary" in kind:
                raise _refused(self.file, "sheet.not_xlsx")

        _parse(self.parts[_TYPES], self.file, start)

    def _find_sheets(self) -> None:
        targets: dict[str, str] = {}

        def relation(name: str, attributes: Attributes) -> None:
            if name == "Relationship" and attributes.get("Type", "").endswith("/worksheet"):
                target = _TARGET.match(attributes.get("Target", ""))
                if target:
                    targets[attributes.get("Id", "")] = f"xl/{target[1]}"

        def sheet(name: str, attributes: Attributes) -> None:
            number = next((v for k, v in attributes.items() if k.endswith(":id")), "")
            if name == "sheet" and targets.get(number) in self.parts:
                self.sheets[attributes.get("name", "")] = targets[number]
                if attributes.get("state", "visible") != "visible":
                    self.hidden.add(attributes.get("name", ""))

        _parse(self.parts[_RELATIONS], self.file, relation)
        _parse(self.parts[_WORKBOOK], self.file, sheet)


class _SheetWalk:
    """Notes what stands in the cells, one element after the other."""

    def __init__(self, file: str) -> None:
        self.marks: dict[tuple[int, int], str] = {}
        self.rows = 0
        self.columns = 0
        self._file = file
        self._cell: tuple[int, int] | None = None
        self._columns: dict[str, int] = {}

    def start(self, name: str, attributes: Attributes) -> None:
        """An element begins; what is inside a cell follows it before the next cell does."""
        if name == "c":
            self._cell = self._place(attributes.get("r", ""))
            if attributes.get("t") == "e":
                self._mark("sheet.error_cell")
        elif name in {"v", "is"}:
            self._reach()
        elif name == "f":
            self._mark("sheet.formula")

    def _reach(self) -> None:
        if self._cell is not None:
            row, column = self._cell
            if row >= self.rows:
                self.rows = row + 1
            if column >= self.columns:
                self.columns = column + 1

    def _mark(self, key: str) -> None:
        self._reach()
        if self._cell is not None:
            self.marks[self._cell] = key
        if len(self.marks) > MARKS_MAX:
            raise _refused(self._file, "sheet.marks", limit=MARKS_MAX)

    def _place(self, written: str) -> tuple[int, int]:
        """A cell that does not say where it stands could be taken for another."""
        letters = written.rstrip(_DIGITS)
        column = self._columns.get(letters)
        row = written[len(letters) :]
        if column is None or not 0 < len(row) <= _ROW_DIGITS_MAX or row.startswith("0"):
            if _PLACE.match(written) is None:
                raise _refused(self._file, "sheet.damaged", why=f"cell `{written[:20]}`")
            column = self._columns.setdefault(letters, _column(letters))
        return int(row) - 1, column


def _column(letters: str) -> int:
    column = 0
    for letter in letters:
        column = column * 26 + ord(letter) - ord("A") + 1
    return column - 1


def _unpacked(content: bytes, file: str) -> dict[str, bytes]:
    parts: dict[str, bytes] = {}
    left = UNPACKED_BYTES_MAX
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if len(members) > PARTS_MAX:
                raise _refused(file, "sheet.parts", count=len(members), limit=PARTS_MAX)
            for member in members:
                if member.flag_bits & 1:
                    raise _refused(file, "sheet.password")
                name = member.filename.lstrip("/")
                if name.lower().endswith("vbaproject.bin"):
                    raise _refused(file, "sheet.macros")
                if not name.lower().endswith((".xml", ".rels")):
                    continue
                # Readers that do not mind capitals could take either for the other.
                if name.lower() in {each.lower() for each in parts}:
                    raise _refused(file, "sheet.damaged", why=f"`{name}` x 2")
                parts[name] = _part(archive, member, left, file)
                left -= len(parts[name])
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
        raise _refused(file, "sheet.damaged", why=error) from error
    except (ValueError, LookupError) as error:
        raise _refused(file, "sheet.damaged", why=error) from error
    return parts


def _part(archive: zipfile.ZipFile, member: zipfile.ZipInfo, left: int, file: str) -> bytes:
    """Unpacks one part, counting what comes out and not what the file says of itself."""
    chunks: list[bytes] = []
    with archive.open(member) as stream:
        while chunk := stream.read(_CHUNK):
            left -= len(chunk)
            if left < 0:
                raise _refused(file, "sheet.unpacked", limit=UNPACKED_BYTES_MAX)
            chunks.append(chunk)
    return b"".join(chunks)


def _parse(part: bytes, file: str, start: Callable[[str, Attributes], None]) -> None:
    """Walks XML by local names; a document type, which could define entities, is refused."""

    def no_type(*_: object) -> None:
        raise _refused(file, "sheet.damaged", why="DOCTYPE")

    def begin(name: str, attributes: Attributes) -> None:
        start(name.rpartition(":")[2] if ":" in name else name, attributes)

    # In any other encoding another reader could see other elements.
    if part.startswith(_UTF16) or b"\x00" in part[:4]:
        raise _refused(file, "sheet.damaged", why="UTF-16")
    parser = expat.ParserCreate("utf-8")
    parser.StartDoctypeDeclHandler = no_type
    parser.StartElementHandler = begin
    try:
        parser.Parse(part, True)
    except expat.ExpatError as error:
        raise _refused(file, "sheet.damaged", why=error) from error


def _refused(file: str, key: str, **values: object) -> BadFile:
    shown = tuple((name, str(value)) for name, value in values.items())
    return BadFile(file, (Problem(key, shown),))
