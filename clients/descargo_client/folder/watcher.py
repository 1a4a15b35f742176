"""Takes up one complete file after the other, until it is told to stop.

Whoever submits is given the file's content, read once, so that what is answered is what was read.
If the file in hand has changed meanwhile, since a program still wrote to it, it is taken up again:
what was accepted gets its same answer, and what came later is submitted too.
"""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from descargo_client.faults import BadFile, BadInput, Problem, TransportFault
from descargo_client.folder import lock
from descargo_client.folder.disk import Disk
from descargo_client.folder.looks import Looks
from descargo_client.folder.tray import Filed, Tray
from descargo_client.forms.csv_rows import FILE_BYTES_MAX

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PAUSE_MAX_S: Final = 60.0
"""Longest pause between tries while no answer comes."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file."""

    accepted: bool
    """Whether every license of it got its firma."""
    answers: Mapping[str, bytes]
    """Answer files, by patterns of their names with `{stem}` and `{name}`."""


class Submit(Protocol):
    """Whoever submits."""

    def submit(self, content: bytes, name: str, outbox: Path) -> Outcome | None:
        """Submits a file's content and says what became of it.

        Raises TransportFault when no answer comes, so that it is tried again; returns None when it
        was told to stop before the end.
        """

    def unreadable(self, name: str, why: BadInput) -> Outcome:
        """Says what is told about a file that cannot even be read."""

    def stop(self) -> None:
        """Ends `submit` after the licenses under way; may be called from a signal."""


class Watched(Protocol):
    """Hears of what happens."""

    def filed(self, filed: Filed) -> None:
        """A file was filed away."""

    def waiting(self, path: Path, fault: TransportFault, pause_s: float) -> None:
        """No answer came; it is tried again after a pause."""


class Clock:
    """The time, and waiting for it."""

    def now_s(self) -> float:
        """Seconds that only grow."""
        return time.monotonic()

    def wait(self, seconds: float, stop: threading.Event) -> None:
        """Waits, or less if told to stop."""
        stop.wait(seconds)


class Watcher:
    """Watches one folder."""

    def __init__(  # noqa: PLR0917 - each is a different thing
        self,
        folder: Path,
        submit: Submit,
        watched: Watched,
        interval_s: float,
        clock: Clock | None = None,
        disk: Disk | None = None,
    ) -> None:
        """Makes the folder's places and takes its lock; raises BadInput if another has it."""
        self._tray = Tray(folder, disk or Disk())
        self._lock = lock.take(self._tray.lock_path)
        self._submit = submit
        self._watched = watched
        self._interval_s = interval_s
        self._clock = clock or Clock()
        self._looks = Looks(interval_s)
        self._stop = threading.Event()

    def close(self) -> None:
        """Lets go of the folder."""
        self._lock.close()

    def stop(self) -> None:
        """Ends `run` after the licenses under way; may be called from a signal."""
        self._stop.set()
        self._submit.stop()

    def run(self, *, once: bool = False) -> None:
        """Watches until told to stop, or, once, until two looks in a row find nothing complete."""
        try:
            self._run(once=once)
        except OSError as error:
            place = error.filename or self._tray.folder
            raise BadInput("file.unwritable", file=place, why=error.strerror or error) from error

    def _run(self, *, once: bool) -> None:
        filed = self._tray.recover()
        if filed is not None:
            self._watched.filed(filed)
        looks = 0
        while not self._stop.is_set():
            if self._turn(once=once):
                looks = 0
                continue
            looks += 1
            if once and looks > 1:
                return
            self._clock.wait(self._interval_s, self._stop)

    def _turn(self, *, once: bool) -> bool:
        """Takes up one file; says whether there was one."""
        now_s = self._clock.now_s()
        in_hand = self._looks.settled(self._tray.current, now_s)
        if not in_hand and not any(self._tray.current.iterdir()):
            in_hand = self._take(now_s)
        return bool(in_hand) and self._deliver(in_hand[0], once=once)

    def _take(self, now_s: float) -> list[Path]:
        """Takes the first complete file of the folder in hand."""
        for path in self._looks.settled(self._tray.folder, now_s):
            try:
                taken = self._tray.take(path)
            except (PermissionError, FileNotFoundError):
                # Windows holds a file that is still open; or somebody took it away again.
                self._looks.forget(path)
                continue
            self._looks.moved(path, taken)
            return self._looks.settled(self._tray.current, now_s)
        return []

    def _deliver(self, path: Path, *, once: bool) -> bool:
        content = _read(path)
        if isinstance(content, BadInput):
            outcome: Outcome | None = self._submit.unreadable(path.name, content)
        else:
            digest = hashlib.sha256(content).hexdigest()
            outbox = self._tray.outbox_path(digest)
            outcome = self._answered(content, path, outbox, once=once)
        if outcome is None:
            return False
        if _read(path) != content and not isinstance(content, BadInput):
            self._looks.forget(path)
            return False
        accepted, answers = outcome.accepted, outcome.answers
        self._watched.filed(self._tray.file_away(path, accepted=accepted, answers=answers))
        self._looks.forget(path)
        return True

    def _answered(self, content: bytes, path: Path, outbox: Path, *, once: bool) -> Outcome | None:
        """Submits until an answer comes; None when told to stop."""
        pause_s = self._interval_s
        while not self._stop.is_set():
            try:
                return self._submit.submit(content, path.name, outbox)
            except TransportFault as fault:
                if once:
                    raise
                self._watched.waiting(path, fault, pause_s)
                self._clock.wait(pause_s, self._stop)
                pause_s = min(pause_s * 2, PAUSE_MAX_S)
        return None


def _read(path: Path) -> bytes | BadInput:
    """The content, or why it cannot be had."""
    try:
        size = path.stat().st_size
        if size > FILE_BYTES_MAX:
            problem = Problem("csv.too_long", (("size", str(size)), ("limit", str(FILE_BYTES_MAX))))
            return BadFile(path.name, (problem,))
        return path.read_bytes()
    except PermissionError as error:
        return BadInput("file.unreadable", file=path.name, why=error.strerror or error)
