"""Tells files that are complete from files that are still being written.

A file is complete when two looks, one interval apart, see the same file with the same size and the
same time of its last change. An empty file is waited for, since some programs make the name first.
A file that a spreadsheet has open is waited for as well. Who wants to be sure writes under another
ending, such as `.part`, and renames when done: a file that appears whole is whole at both looks.
"""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Final

from descargo_client.forms.sheets import OTHER_SUFFIXES
from descargo_client.intake import SUFFIXES

if TYPE_CHECKING:
    from pathlib import Path

TAKEN: Final = (*SUFFIXES, *OTHER_SUFFIXES)
"""Endings that are taken up; formats that cannot be read are, so that somebody is told."""
_HIDDEN: Final = (".", "~$")
Sight = tuple[int, int, int]


class Looks:
    """What was seen of each file, and since when it has been the same."""

    def __init__(self, interval_s: float) -> None:
        """Takes the time that must lie between two equal looks."""
        self._interval_s = interval_s
        self._seen: dict[Path, tuple[Sight, float]] = {}

    def settled(self, folder: Path, now_s: float) -> list[Path]:
        """Looks at the folder; returns the files that are complete, by name."""
        names = {path.name for path in folder.iterdir()}
        taken = sorted(name for name in names if name.lower().endswith(TAKEN))
        present = [folder / name for name in taken if not name.startswith(_HIDDEN)]
        for path in [each for each in self._seen if each.parent == folder and each not in present]:
            del self._seen[path]
        return [path for path in present if self._look(path, now_s) and not _is_open(path, names)]

    def moved(self, source: Path, target: Path) -> None:
        """What was seen of a file stays known after it moved."""
        if source in self._seen:
            self._seen[target] = self._seen.pop(source)

    def forget(self, path: Path) -> None:
        """The file must be looked at twice again."""
        self._seen.pop(path, None)

    def _look(self, path: Path, now_s: float) -> bool:
        try:
            status = path.lstat()
        except OSError:
            # It went away between the listing and the look.
            return False
        if not stat.S_ISREG(status.st_mode) or status.st_size == 0:
            return False
        sight = (status.st_ino, status.st_size, status.st_mtime_ns)
        earlier = self._seen.get(path)
        if earlier is None or earlier[0] != sight:
            self._seen[path] = (sight, now_s)
            return False
        return now_s - earlier[1] >= self._interval_s


def _is_open(path: Path, names: set[str]) -> bool:
    """Excel and LibreOffice leave a note beside a workbook that they have open."""
    notes = (f"~${path.name}", f"~${path.name[2:]}", f".~lock.{path.name}#")
    return not names.isdisjoint(notes)
