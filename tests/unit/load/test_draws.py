"""Which licenses lanes draw from: the same for the same seed, few of them often."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import pytest

from descargo.v1 import validation_service_pb2
from loadtests.bench.corpus import Corpus, permit_number
from loadtests.scenarios.corpus import Draws
from loadtests.scenarios.day import lanes_at

LICENSES = 1_000
CORPUS = Corpus([(permit_number(n), f"FIRMA{n:03}") for n in range(LICENSES)], ["3456", "1234"])
TARIFF = [("72083701", "01"), ("72085101", "02"), ("72091501", "03")]


def positions(lane_no: int, seed: int, count: int = 2_000) -> list[int]:
    return list(islice(Draws(CORPUS, TARIFF, lane_no, seed).positions(), count))


def test_same_seed_draws_from_the_same_licenses() -> None:
    assert positions(1, 7) == positions(1, 7)
    assert positions(1, 7) != positions(1, 8)
    assert positions(1, 7) != positions(2, 7)


def test_hot_licenses_are_drawn_from_often_and_all_are_known() -> None:
    drawn = Counter(positions(0, 1))
    assert set(drawn) <= set(range(LICENSES))
    # Log-uniform: a third of all draws is on the first ten of a thousand.
    assert sum(drawn[place] for place in range(10)) > 2_000 * 0.25
    assert max(drawn) > LICENSES // 2


def test_declaration_states_the_code_and_the_firma_of_its_license() -> None:
    firmas = dict(CORPUS.licenses)
    for request in islice(Draws(CORPUS, TARIFF, 1, 1).requests(), 50):
        message = validation_service_pb2.ValidateLicenseRequest.FromString(request)
        (line,) = message.declaration.lines
        number = line.draws[0].license.permit_number
        code = (line.tariff_code.code, line.tariff_code.nico)
        assert line.draws[0].discharge_signature == firmas[number]
        assert code == TARIFF[int(number.removeprefix("BENCH-")) % len(TARIFF)]


@pytest.mark.parametrize(("hour", "lanes"), [(0, 8), (8, 40), (12, 8), (16, 40), (23, 8)])
def test_most_lanes_are_open_where_shifts_change(hour: int, lanes: int) -> None:
    assert lanes_at(hour / 24, 40) == pytest.approx(lanes, abs=1)
    assert lanes_at(hour / 24, 1) == 1
