"""One submission as it stands in a file: where, and what it says or what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

    from descargo.v1.submission_pb2 import Submission
    from descargo_client.faults import Problem


@dataclass(frozen=True, slots=True)
class Item:
    """One submission of a file."""

    lines: tuple[int, ...]
    """Lines of the file that it was read from, from 1."""
    submission: Submission
    """What was read; of use only without problems."""
    problems: tuple[Problem, ...]
    """Everything that is wrong with it."""

    @classmethod
    def read(
        cls, lines: tuple[int, ...], submission: Submission, problems: Sequence[Problem]
    ) -> Self:
        """Makes an item; problems without a line get the item's first."""
        placed = tuple(each if each.line else replace(each, line=lines[0]) for each in problems)
        return cls(lines, submission, placed)

    @property
    def name(self) -> str:
        """The license's name as people say it; empty when it could not be read."""
        license_id = self.submission.license
        parts = (license_id.agency, license_id.permit_key, license_id.permit_number)
        return " ".join(part for part in parts if part)
