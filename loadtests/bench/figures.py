"""Rows of the calls, and the bars of the design: which samples each is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from loadtests.bench.measure import CHECK, HOT, MOST, VALIDATE, Cell, Measured
from loadtests.bench.report import Bar, Row, Sense, Spread, missing_bar, percentile, ratios

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from loadtests.bench.clients import Sample

__all__ = ["CoreFigures", "bars", "call_rows", "core_rows"]

CoreFigures = "Mapping[tuple[str, str], tuple[str, Sequence[float]]]"
"""Unit and rounds of the core's figures, by group and figure."""

PERCENTS: Final = (50, 99, 99.9)
DRAWS_IN_CORE: Final = ("durable draws in the core, 64 outstanding", "rate")
SQLITE_ONE_BY_ONE: Final = ("SQLite, one draw per commit", "rate")

CHECK_BAR: Final = "CheckLicense throughput / empty handler, 64 outstanding"
VALIDATE_BAR: Final = "ValidateLicense throughput (durable, signed) / empty handler, 64 outstanding"
WAIT_BAR: Final = "p99 at half the empty handler's capacity, durable / empty, open loop"
ONE_BY_ONE_BAR: Final = "one call at a time: (median durable - median empty) / median fdatasync"
HOT_BAR: Final = "one license / spread over many, ValidateLicense, 64 outstanding"
CORE_BAR: Final = "draws/s in the core at 64 outstanding / SQLite one draw per commit"


def call_rows(measured: Measured) -> list[Row]:
    """Rates, processor time, latencies and ratios of every cell."""
    rows = [Row("disk", "median fdatasync", "us", Spread.of(measured.syncs_us))]
    for cell, samples in measured.samples.items():
        rows += _rows_of(cell, samples, measured.samples.get(_other(cell), []))
    for name, samples in measured.waits.items():
        rows += _open_rows(name, samples)
    return rows


def _open_rows(name: str, samples: Sequence[Sample]) -> Iterator[Row]:
    """What callers wait who send whether or not others were answered."""
    group = f"{name}, open loop at half the empty handler's capacity"
    yield Row(group, "rate", "calls/s", Spread.of(_each(samples)))
    for percent in PERCENTS:
        waits = [percentile(sample.latencies_us, percent) for sample in samples]
        yield Row(group, f"p{percent:g}", "us", Spread.of(waits))
    late = Spread.of(sample.late_p99_us for sample in samples)
    yield Row(group, "sent late, p99", "us", late)
    yield Row(group, "server CPU", "us/call", Spread.of(s.server_cpu_us for s in samples))


def _other(cell: Cell) -> Cell:
    """What a cell is a ratio of: nothing for the empty handler, which is its own measure."""
    return cell if cell.name.startswith("empty") else cell.empty()


def _rows_of(cell: Cell, samples: Sequence[Sample], empty: Sequence[Sample]) -> Iterator[Row]:
    def row(figure: str, unit: str, of: Callable[[Sample], float]) -> Row:
        return Row(cell.group, figure, unit, Spread.of(of(sample) for sample in samples))

    yield row("rate", "calls/s", _rate)
    if empty is not samples:
        yield Row(cell.group, "rate / empty", "", Spread.of(ratios(_each(samples), _each(empty))))
    yield row("server CPU", "us/call", lambda sample: sample.server_cpu_us)
    if empty is not samples:
        cost = ratios([s.server_cpu_us for s in samples], [s.server_cpu_us for s in empty])
        yield Row(cell.group, "server CPU / empty", "", Spread.of(cost))
    yield row("server busy", "cores", lambda sample: sample.rate * sample.server_cpu_us / 1e6)
    yield row("client CPU", "us/call", lambda sample: sample.client_cpu_us)
    yield row("p50", "us", lambda sample: percentile(sample.latencies_us, 50))
    if cell.outstanding == 1:
        yield row("p99", "us", lambda sample: percentile(sample.latencies_us, 99))


def core_rows(core: Mapping[tuple[str, str], tuple[str, Sequence[float]]]) -> list[Row]:
    """The core's own figures."""
    return [
        Row(group, figure, unit, Spread.of(rounds))
        for (group, figure), (unit, rounds) in core.items()
    ]


def bars(
    measured: Measured, core: Mapping[tuple[str, str], tuple[str, Sequence[float]]], no_core: str
) -> list[Bar]:
    """Every bar of the design; `no_core` says why the core's figures are missing."""
    samples = measured.samples
    spread = samples[Cell(VALIDATE, MOST)]
    return [
        _throughput_bar(CHECK_BAR, measured, Cell(CHECK, MOST)),
        _throughput_bar(VALIDATE_BAR, measured, Cell(VALIDATE, MOST)),
        _wait_bar(measured),
        _one_by_one_bar(measured),
        Bar(
            HOT_BAR,
            Sense.AT_LEAST,
            0.90,
            Spread.of(ratios(_each(samples[Cell(HOT, MOST)]), _each(spread))),
        ),
        missing_bar(
            "lines per second, 64 lines per declaration / one per call",
            Sense.AT_LEAST,
            20.0,
            "not measured yet: no client of the bench states whole declarations",
        ),
        _core_bar(core, no_core),
        missing_bar(
            "rules: ns per line at 200,000 rules / at 10,000",
            Sense.AT_MOST,
            3.0,
            "not measured here: `cargo bench -p descargo-rules --bench rulesets` does",
        ),
    ]


def _throughput_bar(name: str, measured: Measured, cell: Cell) -> Bar:
    ours, empty = measured.samples[cell], measured.samples[cell.empty()]
    return Bar(name, Sense.AT_LEAST, 0.95, Spread.of(ratios(_each(ours), _each(empty))))


def _wait_bar(measured: Measured) -> Bar:
    if not measured.waits:
        why = "needs the compiled load client, which needs cargo"
        return missing_bar(WAIT_BAR, Sense.AT_MOST, 2.0, why)
    cell = Cell(VALIDATE, MOST)
    durable, empty = (
        [percentile(sample.latencies_us, 99) for sample in measured.waits[name]]
        for name in (cell.name, cell.empty().name)
    )
    return Bar(WAIT_BAR, Sense.AT_MOST, 2.0, Spread.of(ratios(durable, empty)))


def _one_by_one_bar(measured: Measured) -> Bar:
    cell = Cell(VALIDATE, 1)
    durable = [percentile(sample.latencies_us, 50) for sample in measured.samples[cell]]
    empty = [percentile(sample.latencies_us, 50) for sample in measured.samples[cell.empty()]]
    more = [one - other for one, other in zip(durable, empty, strict=True)]
    return Bar(ONE_BY_ONE_BAR, Sense.AT_MOST, 2.0, Spread.of(ratios(more, measured.syncs_us)))


def _core_bar(core: Mapping[tuple[str, str], tuple[str, Sequence[float]]], no_core: str) -> Bar:
    if not core:
        return missing_bar(CORE_BAR, Sense.AT_LEAST, 5.0, no_core)
    (_, draws), (_, one_by_one) = core[DRAWS_IN_CORE], core[SQLITE_ONE_BY_ONE]
    return Bar(CORE_BAR, Sense.AT_LEAST, 5.0, Spread.of(ratios(draws, one_by_one)))


def _rate(sample: Sample) -> float:
    return sample.rate


def _each(samples: Sequence[Sample]) -> list[float]:
    return [sample.rate for sample in samples]
