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
        if not license_.notified:
            why.add("N422")
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
