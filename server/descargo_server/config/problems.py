"""What is wrong with a configuration, so that a person can mend it: file, line, what, remedy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["ConfigurationInvalid", "Problem"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in one file."""

    file: Path
    line: int | None
    """Line of the mistake from 1, or None when it concerns the whole file."""
    what: str
    remedy: str

    def __str__(self) -> str:
        """One line for a terminal: `FILE:LINE: what - remedy`."""
        place = str(self.file) if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.what} - {self.remedy}"


class ConfigurationInvalid(Exception):  # noqa: N818 - it says what the configuration is
    """The server does not start with this configuration; carries every problem at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        """Keeps the problems in the order in which they were found."""
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)
