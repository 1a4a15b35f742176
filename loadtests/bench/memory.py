"""Resident memory of a validator by the licenses that it stores, after draws over all of them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

from loadtests.bench.bulk import bulk_stage, resident_bytes
from loadtests.bench.clients import Load, load_clients
from loadtests.bench.measure import MOST
from loadtests.bench.report import Bar, Row, Sense, Spread, missing_bar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from loadtests.bench.sizes import Sizes

__all__ = ["memory_bar", "memory_rows", "resident"]

BAR: Final = "resident memory, 1 M licenses stored / 10 k"
GOAL: Final = 1.5
DRAWS: Final = Load("/descargo.v1.ValidationService/ValidateLicense", "validate", "firma", MOST)


def resident(folder: Path, sizes: Sizes, tell: Callable[[str], None]) -> Mapping[int, float]:
    """Bytes by licenses stored, each in a validator of its own; empty without cargo."""
    found: dict[int, float] = {}
    for licenses in sizes.stored:
        tell(f"memory with {licenses:,} licenses")
        place = folder / f"stored-{licenses}"
        place.mkdir()
        try:
            with bulk_stage(place, licenses, tell) as stage, load_clients(stage, tell) as clients:
                clients.sample(stage.validator, DRAWS, sizes.warm_up_s, sizes.window_s)
                found[licenses] = resident_bytes(stage.validator.pid)
        except RuntimeError as missing:
            tell(f"memory is left out: {missing}")
            return {}
        finally:
            shutil.rmtree(place)
    return found


def memory_rows(found: Mapping[int, float]) -> list[Row]:
    """Megabytes by licenses stored."""
    return [
        Row("the validator's memory", f"{licenses:,} licenses", "MiB", Spread.of([value / 2**20]))
        for licenses, value in found.items()
    ]


def memory_bar(found: Mapping[int, float]) -> Bar:
    """The larger ledger against the smaller one."""
    if len(found) != 2:  # noqa: PLR2004 - one ledger and another
        why = "left out: a quick run fills no large ledger, and without cargo none can be filled"
        return missing_bar(BAR, Sense.AT_MOST, GOAL, why)
    small, large = sorted(found)
    return Bar(BAR, Sense.AT_MOST, GOAL, Spread.of([found[large] / found[small]]))
