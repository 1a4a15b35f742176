"""The bench's arithmetic on made-up samples: medians, ratios within a round, bars."""

from __future__ import annotations

from collections import Counter

import pytest

from loadtests.bench import core, figures, memory, report, table
from loadtests.bench.clients import Sample
from loadtests.bench.measure import CHECK, HOT, MOST, OUTSTANDING, VALIDATE, Cell, Measured
from loadtests.bench.report import Bar, Row, Sense, Spread


def sample(rate: float, cpu_us: float = 100.0, latencies_us: tuple[float, ...] = (1.0,)) -> Sample:
    return Sample(rate, cpu_us, 250.0, Counter(latencies_us))


def measured() -> Measured:
    """Three rounds; in the second one the machine was busy and all rates are halved."""
    made_up = Measured(syncs_us=[100.0, 200.0, 100.0])
    for outstanding in OUTSTANDING:
        for name, rate, median_us in ((CHECK, 960.0, 300.0), (VALIDATE, 900.0, 450.0)):
            cell = Cell(name, outstanding)
            for made, made_rate, cpu_us, latency_us in (
                (cell, rate, 300.0, median_us),
                (cell.empty(), 1_000.0, 200.0, 250.0),
            ):
                made_up.samples[made] = [
                    sample(made_rate * part, cpu_us, (latency_us - 10, latency_us, latency_us + 90))
                    for part in (1.0, 0.5, 1.0)
                ]
    made_up.samples[Cell(HOT, MOST)] = [sample(450.0), sample(450.0), sample(810.0)]
    return made_up


def waited(**p99_us: tuple[float, ...]) -> dict[str, list[Sample]]:
    """Open loops in which one call of ten waited so long, round by round."""
    names = {"durable": VALIDATE, "empty": Cell(VALIDATE, MOST).empty().name}
    return {
        names[side]: [sample(500.0, latencies_us=(*[100.0] * 9, wait)) for wait in rounds]
        for side, rounds in p99_us.items()
    }


def core_alone() -> dict[tuple[str, str], tuple[str, list[float]]]:
    return {
        figures.DRAWS_IN_CORE: ("draws/s", [6_000.0, 8_000.0, 9_000.0]),
        figures.SQLITE_ONE_BY_ONE: ("draws/s", [1_000.0, 2_000.0, 1_000.0]),
    }


def bar_named(part: str, bars: list[Bar]) -> Bar:
    (found,) = [bar for bar in bars if part in bar.name]
    return found


def test_spread_is_the_median_between_lowest_and_highest() -> None:
    assert Spread.of([5.0, 1.0, 3.0]) == Spread(3.0, 1.0, 5.0)
    assert Spread.of([1.0, 2.0]) == Spread(1.5, 1.0, 2.0)
    with pytest.raises(ValueError, match="without a round"):
        Spread.of([])


def test_ratio_is_taken_round_by_round() -> None:
    assert report.ratios([90.0, 45.0], [100.0, 50.0]) == [0.9, 0.9]
    with pytest.raises(ValueError, match="shorter"):
        report.ratios([90.0, 45.0], [100.0])


@pytest.mark.parametrize(
    ("percent", "expected"), [(0, 1.0), (50, 50.0), (51, 51.0), (99, 99.0), (100, 100.0)]
)
def test_percentile_is_the_smallest_sample_that_so_many_do_not_exceed(
    percent: float, expected: float
) -> None:
    assert (
        report.percentile({float(number): 1 for number in range(100, 0, -1)}, percent) == expected
    )


def test_percentile_of_one_sample_is_that_sample() -> None:
    assert report.percentile({7.0: 3}, 99) == 7.0
    with pytest.raises(ValueError, match="nothing"):
        report.percentile({}, 50)


@pytest.mark.parametrize(
    ("sense", "median", "holds"),
    [
        (Sense.AT_LEAST, 0.95, True),
        (Sense.AT_LEAST, 0.949, False),
        (Sense.AT_MOST, 0.95, True),
        (Sense.AT_MOST, 0.951, False),
    ],
)
def test_bar_holds_by_its_median_up_to_the_goal(
    sense: Sense, median: float, *, holds: bool
) -> None:
    bar = Bar("a bar", sense, 0.95, Spread(median, 0.1, 9.0))
    assert bar.holds() is holds
    assert bar.as_json()["holds"] is holds


def test_bar_without_a_figure_neither_holds_nor_falls_short() -> None:
    bar = report.missing_bar("a bar", Sense.AT_LEAST, 5.0, "not built")
    assert bar.as_json() == {
        "name": "a bar",
        "sense": "at least",
        "goal": 5.0,
        "value": None,
        "min": None,
        "max": None,
        "holds": None,
        "missing": "not built",
    }


def test_busy_round_does_not_touch_a_ratio_of_rates() -> None:
    bars = figures.bars(measured(), core_alone(), "")
    check = bar_named("CheckLicense throughput", bars)
    validate = bar_named("ValidateLicense throughput", bars)
    assert (check.spread, check.holds()) == (Spread(0.96, 0.96, 0.96), True)
    assert (validate.spread, validate.holds()) == (Spread(0.9, 0.9, 0.9), False)


def test_lone_call_is_measured_in_syncs_of_its_round() -> None:
    bar = bar_named("one call at a time", figures.bars(measured(), core_alone(), ""))
    # 450 - 250 us more than the empty handler, over syncs of 100, 200 and 100 us.
    assert bar.spread == Spread(2.0, 1.0, 2.0)
    assert bar.holds()


def test_waits_of_an_open_loop_are_compared_round_by_round() -> None:
    made_up = measured()
    made_up.waits = waited(durable=(400.0, 900.0, 300.0), empty=(200.0, 300.0, 200.0))
    bar = bar_named("open loop", figures.bars(made_up, core_alone(), ""))
    assert (bar.spread, bar.holds()) == (Spread(2.0, 1.5, 3.0), True)
    told = {row.figure: row.spread.value for row in figures.call_rows(made_up)[-12:-6]}
    assert (told["p50"], told["p99"], told["p99.9"]) == (100.0, 400.0, 400.0)


def test_without_the_compiled_client_the_open_loop_is_missing() -> None:
    bar = bar_named("open loop", figures.bars(measured(), core_alone(), ""))
    assert (bar.spread, bar.holds()) == (None, None)
    assert "cargo" in bar.missing


def test_hot_license_is_compared_with_spread_draws() -> None:
    bar = bar_named("one license", figures.bars(measured(), core_alone(), ""))
    assert bar.spread == Spread(0.9, 0.5, 1.0)


def test_core_is_compared_with_sqlite_and_missing_without_cargo() -> None:
    bar = bar_named("SQLite", figures.bars(measured(), core_alone(), ""))
    assert bar.spread == Spread(6.0, 4.0, 9.0)
    absent = bar_named("SQLite", figures.bars(measured(), {}, "no cargo"))
    assert (absent.spread, absent.missing, absent.holds()) == (None, "no cargo", None)


def test_every_bar_of_the_design_is_listed() -> None:
    bars = [*figures.bars(measured(), core_alone(), ""), memory.memory_bar({})]
    assert [bar.goal for bar in bars] == [0.95, 0.95, 2.0, 2.0, 0.9, 20.0, 5.0, 3.0, 1.5]
    assert all(bar.missing for bar in bars if bar.spread is None)


def test_memory_of_a_large_ledger_is_compared_with_that_of_a_small_one() -> None:
    bar = memory.memory_bar({10_000: 80.0, 1_000_000: 120.0})
    assert (bar.spread, bar.holds()) == (Spread(1.5, 1.5, 1.5), True)
    assert memory.memory_bar({}).spread is None


def test_rows_tell_processor_time_beside_each_rate() -> None:
    rows = figures.call_rows(measured())
    of_validate = {
        row.figure: row.spread.value for row in rows if row.group == Cell(VALIDATE, 64).group
    }
    assert of_validate == {
        "rate": 900.0,
        "rate / empty": 0.9,
        "server CPU": 300.0,
        "server CPU / empty": 1.5,
        "server busy": 0.27,
        "client CPU": 250.0,
        "p50": 450.0,
    }
    of_empty = {row.figure for row in rows if row.group == Cell(CHECK, 1).empty().group}
    assert "rate / empty" not in of_empty
    assert "p99" in of_empty


@pytest.mark.parametrize(
    ("figure", "told"), [(1234.56, 1235.0), (99.96, 100.0), (12.345, 12.3), (0.12345, 0.123)]
)
def test_figure_is_told_with_the_digits_that_it_means(figure: float, told: float) -> None:
    assert report.rounded(figure) == told


def test_figures_of_the_core_are_read_from_what_it_prints() -> None:
    text = '{"figures": [{"group": "g", "figure": "f", "unit": "ns", "rounds": [3.0, 1.0]}]}'
    rows = figures.core_rows(core.parsed(text))
    assert rows == [Row("g", "f", "ns", Spread(2.0, 1.0, 3.0))]


def test_table_names_what_falls_short_and_what_is_not_measured() -> None:
    rows = figures.call_rows(measured())
    bars = figures.bars(measured(), {}, "no cargo")
    lines = list(table.lines({"cpu": "made up"}, {"python": "3"}, rows, bars, ["a note"]))
    assert "    FALLS SHORT: 0.9 (0.9 to 0.9), goal at least 0.95" in lines
    assert "    holds: 0.96 (0.96 to 0.96), goal at least 0.95" in lines
    assert "    not measured (at least 5): no cargo" in lines
    assert lines[-1] == "a note"
