"""The rounds: in each, every cell is loaded once, ours and the empty handler in turn (A-B-A-B)."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from loadtests.bench.clients import Clients, Load, Sample
from loadtests.bench.disk import syncs_us
from loadtests.bench.empty_server import CHECK as EMPTY_CHECK
from loadtests.bench.empty_server import VALIDATE as EMPTY_VALIDATE

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadtests.bench.sizes import Sizes
    from loadtests.bench.stage import Stage

__all__ = ["CHECK", "HALF", "HOT", "MOST", "OUTSTANDING", "VALIDATE", "Cell", "Measured", "measure"]

OUTSTANDING: Final = (1, 8, 64)
MOST: Final = OUTSTANDING[-1]
SERVICE: Final = "/descargo.v1.ValidationService"

CHECK: Final = "CheckLicense"
VALIDATE: Final = "ValidateLicense"
HOT: Final = "ValidateLicense on one license"
HALF: Final = 0.5
"""Of the empty handler's capacity: what an open loop sends."""
EMPTY_OF: Final = {CHECK: "empty, as CheckLicense", VALIDATE: "empty, as ValidateLicense"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One thing that is loaded: a method at some calls outstanding."""

    name: str
    outstanding: int

    @property
    def group(self) -> str:
        """Its rows in the report."""
        return f"{self.name}, {self.outstanding} outstanding"

    def empty(self) -> Cell:
        """The empty handler with the same bytes and as many outstanding."""
        return Cell(EMPTY_OF[CHECK if self.name == CHECK else VALIDATE], self.outstanding)


LONE_DRAWS: Final = Cell(VALIDATE, 1)
"""What the disk's own time is compared with."""


@dataclass(slots=True)
class Measured:
    """The samples of each cell, round by round, and the disk's."""

    samples: dict[Cell, list[Sample]] = field(default_factory=dict)
    syncs_us: list[float] = field(default_factory=list)
    waits: dict[str, list[Sample]] = field(default_factory=dict)
    """Of the open loops, by the cell's name; empty without the compiled client."""


def measure(stage: Stage, clients: Clients, sizes: Sizes, tell: Callable[[str], None]) -> Measured:
    """Takes every round."""
    measured = Measured()
    for round_no in range(1, sizes.rounds + 1):
        tell(f"round {round_no} of {sizes.rounds}")
        syncs: list[float] = []
        for cell in _cells():
            if cell == LONE_DRAWS:
                syncs += syncs_us(stage.folder, sizes.syncs)
            for measured_cell in (cell.empty(), cell) if cell.name != HOT else (cell,):
                load = _load(measured_cell)
                server = stage.empty if not load.expect else stage.validator
                sample = clients.sample(server, load, sizes.warm_up_s, sizes.window_s)
                measured.samples.setdefault(measured_cell, []).append(sample)
            if cell == LONE_DRAWS:
                # Before and after, since a disk may be busier a few seconds later.
                syncs += syncs_us(stage.folder, sizes.syncs)
        measured.syncs_us.append(statistics.median(syncs))
        if clients.compiled:
            _wait(stage, clients, sizes, measured, seed=round_no)
    return measured


def _wait(stage: Stage, clients: Clients, sizes: Sizes, measured: Measured, *, seed: int) -> None:
    """How long callers wait at half of what the empty handler just did, on the same schedule."""
    empty = Cell(VALIDATE, MOST).empty()
    rate = measured.samples[empty][-1].rate * HALF
    for cell in (empty, Cell(VALIDATE, MOST)):
        load = replace(_load(cell), rate=rate, seed=seed)
        server = stage.empty if not load.expect else stage.validator
        sample = clients.sample(server, load, sizes.warm_up_s, sizes.open_window_s)
        measured.waits.setdefault(cell.name, []).append(sample)


def _cells() -> list[Cell]:
    each = [Cell(name, outstanding) for outstanding in OUTSTANDING for name in (CHECK, VALIDATE)]
    return [*each, Cell(HOT, MOST)]


def _load(cell: Cell) -> Load:
    match cell.name:
        case name if name == CHECK:
            return Load(f"{SERVICE}/CheckLicense", "check", "preview", cell.outstanding)
        case name if name in (VALIDATE, HOT):
            method = f"{SERVICE}/ValidateLicense"
            return Load(method, "validate", "firma", cell.outstanding, hot=name == HOT)
        case name if name == EMPTY_OF[CHECK]:
            return Load(EMPTY_CHECK, "check", "", cell.outstanding)
        case _:
            return Load(EMPTY_VALIDATE, "validate", "", cell.outstanding)
