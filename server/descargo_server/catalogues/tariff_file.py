"""The file that a dated catalogue is kept in: how it is named, written, described and chosen.

A catalogue is a gzip file of tab-separated lines: the format, the version and how far each section
is known, then the sections, each under its name in brackets. Its name holds a hash of its content,
so a file is never changed, only added.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FORMAT_LINE: Final = "descargo-catalogue\t1"
"""First line of every catalogue; a change of the format changes the number."""

FILE_PATTERN: Final = "tariff-*.tsv.gz"
"""Names of catalogue files in a directory."""

HEADER_BYTES_MAX: Final = 4096
"""The lines before the first section take under 300 bytes."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a file, and how to mend it."""

    file: str
    """Path of the file."""
    line: int
    """Line in it, from 1; 0 when it is the file as a whole."""
    what: str
    """What is wrong."""
    remedy: str
    """How to mend it."""

    def __str__(self) -> str:
        """Say it in one line."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.what}; {self.remedy}"


class CatalogueError(Exception):
    """A catalogue cannot be read, imported or chosen; `problems` says why, in order."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        """Keep every problem; there is at least one."""
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class CatalogueHeader:
    """What the first lines of a catalogue say."""

    version: str
    """Name of the catalogue, as verdicts cite it."""
    known_through: Mapping[str, str]
    """By section, the last day that the source is known to cover; empty if it has no dates."""


def write_catalogue(
    output_dir: Path,
    sections: Mapping[str, Sequence[tuple[str, ...]]],
    known_through: Mapping[str, str],
) -> tuple[Path, CatalogueHeader]:
    """Write sorted sections as one catalogue; the same sections give the same name and bytes."""
    body = "".join(_section_text(name, rows) for name, rows in sections.items())
    digest = hashlib.sha256(body.encode()).hexdigest()[:8]
    version = f"sat-{known_through['tariff']}-{digest}"
    lines = [FORMAT_LINE, f"version\t{version}"]
    lines += [f"known_through\t{name}\t{day}" for name, day in known_through.items()]
    path = output_dir / FILE_PATTERN.replace("*", version)
    try:
        _write_once(path, "\n".join([*lines, body]).encode())
    except OSError as error:
        remedy = "check the directory's owner, permissions and free space"
        what = f"cannot be written: {error.strerror}"
        raise CatalogueError([Problem(str(path), 0, what, remedy)]) from error
    return path, CatalogueHeader(version, MappingProxyType(dict(known_through)))


def newest_catalogue(directories: Sequence[Path]) -> Path:
    """Return the catalogue whose tariff is known through the latest day, then by version.

    Reads headers only. A directory that does not exist holds none; of two files with the same
    version the one in the earlier directory is taken. Raises `CatalogueError` when there is none,
    or when one cannot be read: to pass it over silently might decide on older law.
    """
    candidates = [
        path for directory in directories for path in sorted(directory.glob(FILE_PATTERN))
    ]
    if not candidates:
        places = ", ".join(str(directory) for directory in directories)
        remedy = "import one with `descargo-server catalogue import --format sat-catalogs DIR`"
        raise CatalogueError([Problem(places, 0, f"no catalogue `{FILE_PATTERN}`", remedy)])
    headers = [(read_header(path), path) for path in candidates]
    # max keeps the first of equals.
    newest = max(headers, key=lambda pair: (pair[0].known_through["tariff"], pair[0].version))
    return newest[1]


def read_header(path: Path) -> CatalogueHeader:
    """Return what the catalogue's first lines say, without reading its rows."""
    remedy = "import it again, or take the file away"
    try:
        with gzip.open(path) as stream:
            start = stream.read(HEADER_BYTES_MAX).decode("utf-8", "replace")
    except (OSError, EOFError, zlib.error) as error:
        raise CatalogueError([Problem(str(path), 0, f"not readable: {error}", remedy)]) from error
    lines, found, _ = start.partition("\n[")
    version = ""
    known_through: dict[str, str] = {}
    for number, line in enumerate(lines.split("\n"), start=1):
        match line.split("\t"):
            case [*_] if number == 1 and line == FORMAT_LINE:
                pass
            case ["version", name] if number > 1 and name:
                version = name
            case ["known_through", section, day] if number > 1:
                known_through[section] = day
            case _:
                what = f"not a line of a catalogue's header: `{line[:80]}`"
                raise CatalogueError([Problem(str(path), number, what, remedy)])
    if not found or not version or not known_through.get("tariff"):
        what = "its header is incomplete"
        raise CatalogueError([Problem(str(path), 0, what, remedy)])
    return CatalogueHeader(version, MappingProxyType(known_through))


def _section_text(name: str, rows: Sequence[tuple[str, ...]]) -> str:
    return "".join([f"[{name}]\n", *("\t".join(row) + "\n" for row in sorted(rows))])


def _write_once(path: Path, content: bytes) -> None:
    """Write a file that is whole or absent, and never replace another content of the same name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        if _unpacked(path) != content:
            what = "a different file of this name exists"
            raise CatalogueError([Problem(str(path), 0, what, "take it away and import again")])
        return
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".import-", delete=False) as temporary:
        try:
            with gzip.GzipFile("", "wb", 9, temporary, mtime=0) as packed:
                packed.write(content)
            temporary.flush()
            os.fchmod(temporary.fileno(), 0o644)
            os.fsync(temporary.fileno())
            Path(temporary.name).replace(path)
        except BaseException:
            Path(temporary.name).unlink(missing_ok=True)
            raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _unpacked(path: Path) -> bytes | None:
    try:
        return gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error):
        return None
