"""What time it is, as an argument.

A whole-process test must be able to stand on the last second of a validity, so the clock may be a
file with one RFC 3339 instant, which is read again for each question.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Clock", "FileClock", "SystemClock", "parse_instant"]


class Clock(Protocol):
    """Answers what time it is."""

    def now(self) -> datetime:
        """The instant, with its time zone."""
        ...


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The instant by the machine's clock, UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class FileClock:
    """A test clock: the instant that stands in a file."""

    path: Path

    def now(self) -> datetime:
        """The instant in the file; raises ValueError when there is none."""
        return parse_instant(self.path.read_text(encoding="ascii").strip())


def parse_instant(text: str) -> datetime:
    """The instant that `text` names in RFC 3339; raises ValueError when it names none."""
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"`{text}` names no time zone; write it like 2026-05-01T00:00:00Z")
    return instant
