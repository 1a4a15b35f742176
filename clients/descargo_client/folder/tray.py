"""The file in hand: taken out of the folder, then filed away with its answers, once.

    DIR/permisos.xlsx                       what somebody left
    DIR/.descargo/current/permisos.xlsx     in hand
    DIR/.descargo/answers/...               answers that are being written
    DIR/.descargo/plan.json                 where everything goes: from here on it is decided
    DIR/.descargo/outbox/SHA256.jsonl       what was signed, by content of the file
    DIR/accepted/, DIR/rejected/            done

Every step moves one file whole. Before the plan is there, a crash leaves the file in hand: it is
submitted again, and the outbox sends the same envelopes, which get the same answers. After it, only
moves are left, and those that were made already are passed over. So a file is never lost, never
filed twice, and its answers are there before it is.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from descargo_client.faults import BadInput

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from descargo_client.folder.disk import Disk

ACCEPTED: Final = "accepted"
REJECTED: Final = "rejected"
_WORK: Final = ".descargo"
_STEM_BYTES_MAX: Final = 180
"""File systems end names at 255 bytes, and an answer's name is longer than its file's."""


@dataclass(frozen=True, slots=True)
class Filed:
    """Where a file went."""

    path: Path
    """The file."""
    accepted: bool
    """Whether every license of it got its firma."""
    answers: tuple[Path, ...]
    """Its answer files, beside it."""


class Tray:
    """The folder's own places, and the file in hand."""

    def __init__(self, folder: Path, disk: Disk) -> None:
        """Makes the places that are not there."""
        self.folder = folder
        self._disk = disk
        self._work = folder / _WORK
        self.current = self._work / "current"
        self._answers = self._work / "answers"
        self._plan = self._work / "plan.json"
        self.lock_path = self._work / "lock"
        try:
            for place in (self.current, self._answers, self._work / "outbox"):
                disk.make(place)
            for name in (ACCEPTED, REJECTED):
                disk.make(folder / name)
        except OSError as error:
            raise BadInput("file.unwritable", file=folder, why=error.strerror or error) from error

    def outbox_path(self, content_sha256: str) -> Path:
        """Where the outbox of a content is: the same file left again sends the same envelopes."""
        return self._work / "outbox" / f"{content_sha256}.jsonl"

    def recover(self) -> Filed | None:
        """Ends what a crash left half done, if it was decided; else clears what was not."""
        if self._plan.exists():
            return self._carry_out()
        for left in list(self._answers.iterdir()):
            self._disk.remove(left)
        return None

    def take(self, path: Path) -> Path:
        """Takes a file out of the folder, into the hand."""
        target = self.current / path.name
        self._disk.move(path, target)
        return target

    def file_away(self, path: Path, *, accepted: bool, answers: Mapping[str, bytes]) -> Filed:
        """Files the file in hand away; `answers` are named by patterns with `{stem}`, `{name}`."""
        for left in list(self._answers.iterdir()):
            self._disk.remove(left)
        name, placed = self._free_names(path, answers)
        for answer, content in placed.items():
            self._disk.write(self._answers / answer, content)
        plan = {
            "file": path.name,
            "target": ACCEPTED if accepted else REJECTED,
            "name": name,
            "answers": list(placed),
        }
        self._disk.write(self._plan, json.dumps(plan).encode())
        return self._carry_out()

    def _carry_out(self) -> Filed:
        plan = json.loads(self._plan.read_bytes())
        target = self.folder / plan["target"]
        for answer in plan["answers"]:
            if (self._answers / answer).exists():
                self._disk.move(self._answers / answer, target / answer)
        source = self.current / plan["file"]
        if source.exists():
            self._disk.move(source, target / plan["name"])
        self._disk.remove(self._plan)
        answers = tuple(target / answer for answer in plan["answers"])
        return Filed(target / plan["name"], plan["target"] == ACCEPTED, answers)

    def _free_names(self, path: Path, answers: Mapping[str, bytes]) -> tuple[str, dict[str, bytes]]:
        """Names that neither folder has yet: a second `permisos.csv` becomes `permisos.2.csv`."""
        taken = {each.name for name in (ACCEPTED, REJECTED) for each in self._entries(name)}
        base = path.stem
        while len(os.fsencode(base)) > _STEM_BYTES_MAX:
            base = base[:-1]
        count = 1
        while True:
            stem = base if count == 1 else f"{base}.{count}"
            name = stem + path.suffix
            placed = {
                pattern.format(stem=stem, name=name): content
                for pattern, content in answers.items()
            }
            if taken.isdisjoint({name, *placed}):
                return name, placed
            count += 1

    def _entries(self, name: str) -> list[Path]:
        return list((self.folder / name).iterdir())
