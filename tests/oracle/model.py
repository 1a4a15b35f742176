"""The reference model: slow, obvious, and without any of the product's code.

A license line is one balance in two dimensions; None means that a dimension is not limited, or not
stated. When model and core disagree, one of them has misread the law: find out which.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date
    from decimal import Decimal

Pair = tuple["Decimal | None", "Decimal | None"]
"""Quantity and US dollars."""


@dataclass
class Line:
    """One balance."""

    granted: Pair
    left: list[Decimal | None]
    exercised: list[Decimal]


@dataclass
class License:
    """One license, and the answer that its agency got."""

    change: bytes
    first_day: date
    last_day: date
    notified: bool
    lines: dict[int, Line]
    permit_seq: int = 0
    answer: bytes = b""
    version: int = 1
    suspended: dict[int, set[int]] = field(default_factory=dict)
    """Lines that a suspension stops, by the version that it made."""
    revoked: set[int] = field(default_factory=set)
    """Lines that are withdrawn for good."""
    changes: dict[int, tuple[bytes, bytes]] = field(default_factory=dict)
    """Each accepted change and its answer, by the version that it made."""

    @property
    def is_withdrawn(self) -> bool:
        """Whether nothing of it is left to exercise, ever."""
        return self.revoked >= self.lines.keys()


@dataclass
class Change:
    """A change of a license that exists."""

    kind: str
    """The arm of the submission."""
    version: int
    content: bytes
    lines: set[int]
    """Lines that a stop stops."""
    ends: int = 0
    """Version of the suspension that a reinstatement ends."""
    values: dict[int, Decimal | None] = field(default_factory=dict)
    """Value in US dollars that an amendment grants to each line."""


@dataclass
class Statement:
    """One draw, as somebody states it."""

    license: str
    declaration: str
    line_no: int
    license_line: int
    taken: Pair
    content: bytes

    @property
    def draw(self) -> tuple[str, int, str]:
        """What may be exercised only once."""
        return (self.declaration, self.line_no, self.license)


@dataclass
class Model:
    """All that the ledger must remember."""

    licenses: dict[str, License] = field(default_factory=dict)
    draws: dict[tuple[str, int, str], tuple[bytes, bytes]] = field(default_factory=dict)
    requests: dict[tuple[str, str], tuple[bytes, bytes]] = field(default_factory=dict)

    def submit(self, number: str, license_: License) -> bytes | set[str]:
        """The first answer when there is one, else why not, or nothing against it."""
        before = self.licenses.get(number)
        if before is None:
            license_.permit_seq = len(license_.lines)
            self.licenses[number] = license_
            return set()
        return before.answer if before.change == license_.change else {"N401"}

    def change(self, number: str, said: Change, today: date) -> bytes | set[str]:
        """The first answer when there is one, else why not, or nothing against it."""
        if number not in self.licenses:
            return {"N408"}
        license_ = self.licenses[number]
        content, answer = license_.changes.get(said.version, (b"", b""))
        if content == said.content:
            return answer
        why = set()
        if said.version != license_.version + 1:
            why.add("E305" if said.version > license_.version else "E306")
        expired = today > license_.last_day
        in_force = license_.notified and not expired and not license_.is_withdrawn
        if said.kind == "amendment":
            why |= set() if in_force else {"N405"}
            for line_no, value in said.values.items():
                below = value is not None and value < license_.lines[line_no].exercised[1]
                why |= {"N404"} if below else set()
        elif said.kind == "notification":
            awaits = not (license_.notified or expired or license_.is_withdrawn)
            why |= set() if awaits else {"N409"}
        elif license_.is_withdrawn:
            why.add("N409")
        if said.kind == "reinstatement" and said.ends not in license_.suspended:
            why.add("N409")
        return why

    def make(self, number: str, said: Change, answer: bytes) -> None:
        """Makes a change that nothing speaks against."""
        license_ = self.licenses[number]
        license_.version += 1
        license_.changes[said.version] = (said.content, answer)
        moved = 0
        for line_no, value in said.values.items():
            line = license_.lines[line_no]
            moved += line.granted[1] != value
            line.granted = (line.granted[0], value)
            line.left[1] = None if value is None else value - line.exercised[1]
        license_.permit_seq += moved or 1
        if said.kind == "suspension":
            license_.suspended[said.version] = said.lines
        elif said.kind == "reinstatement":
            del license_.suspended[said.ends]
        elif said.kind == "revocation":
            license_.revoked |= said.lines
        elif said.kind == "notification":
            license_.notified = True

    def judge(self, said: Statement, today: date) -> bytes | set[str]:
        """The first answer when there is one, else why not, or nothing against it."""
        if said.license not in self.licenses:
            return {"N411"}
        if said.draw in self.draws:
            content, answer = self.draws[said.draw]
            return answer if content == said.content else {"E341"}
        license_ = self.licenses[said.license]
        line = license_.lines[said.license_line]
        why = set()
        if not license_.first_day <= today <= license_.last_day:
            why.add("N418")
        why |= stopped(license_, said.license_line)
        for limit, taken in zip(line.granted, said.taken, strict=True):
            why |= {"S101"} if limit is not None and taken is None else set()
            why |= {"N426"} if taken == 0 else set()
        if 0 in line.left:
            return why | {"N421"}
        for code, left, taken in zip(("N424", "N425"), line.left, said.taken, strict=True):
            if left is not None and taken is not None and taken > left:
                why.add(code)
        return why

    def draw(self, said: Statement) -> None:
        """Takes what is stated, for good."""
        license_ = self.licenses[said.license]
        license_.permit_seq += 1
        line = license_.lines[said.license_line]
        for dimension, taken in enumerate(said.taken):
            if taken is not None:
                left = line.left[dimension]
                line.left[dimension] = None if left is None else left - taken
                line.exercised[dimension] += taken


def stopped(license_: License, line_no: int) -> set[str]:
    """What its agency has done, or not done yet, that speaks against an exercise of a line."""
    why = set()
    if line_no in license_.revoked:
        why.add("N420")
    elif any(line_no in lines for lines in license_.suspended.values()):
        why.add("N419")
    # Once all of it is withdrawn, it awaits nothing.
    if not license_.notified and not license_.is_withdrawn:
        why.add("N422")
    return why
