"""Which license a lane draws from, and what it then states: real tariff codes, Zipf draws."""

from __future__ import annotations

import gzip
import random
from itertools import count
from typing import TYPE_CHECKING, Final

from descargo.v1 import validation_service_pb2
from loadtests.bench.corpus import Corpus, Requests

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Draws", "steel_codes"]

STEEL_CHAPTER: Final = "72"
KILOGRAM: Final = "1"


def steel_codes(catalogue: Path) -> list[tuple[str, str]]:
    """Codes of iron and steel in kilograms, that the tariff has and has not closed."""
    lines = iter(gzip.decompress(catalogue.read_bytes()).decode().splitlines())
    for line in lines:
        if line == "[tariff]":
            break
    found = []
    for line in lines:
        if line.startswith("["):
            break
        code, nico, unit, _, last_day = line.split("\t")
        if code.startswith(STEEL_CHAPTER) and unit == KILOGRAM and not last_day:
            found.append((code, nico))
    return found


class Draws:
    """Fresh declarations of one lane.

    Some licenses are drawn from all day and most hardly ever: a rank is log-uniform, which is
    Zipf's law with exponent 1. The same seed draws from the same licenses in the same order.
    """

    def __init__(
        self, corpus: Corpus, tariff: list[tuple[str, str]], lane_no: int, seed: int
    ) -> None:
        """`lane_no` tells lanes apart: each states other declarations."""
        self._corpus, self._tariff = corpus, tariff
        self._lane_no = lane_no
        self._random = random.Random(f"{seed}-{lane_no}")  # noqa: S311 - a load, not a secret
        self._places = count()

    def positions(self) -> Iterator[int]:
        """Positions of licenses, without end."""
        licenses = len(self._corpus.licenses)
        while True:
            yield int(licenses ** self._random.random()) - 1

    def requests(self, *, hot: bool = False) -> Iterator[bytes]:
        """ValidateLicenseRequests without end; `hot`: all draw from the first license."""
        fresh = Requests(self._corpus, self._lane_no, len(self._corpus.broker_licenses))
        for position, template in zip(self.positions(), fresh.validations(), strict=False):
            place = 0 if hot else position
            request = validation_service_pb2.ValidateLicenseRequest.FromString(template)
            (line,) = request.declaration.lines
            (draw,) = line.draws
            number, draw.discharge_signature = self._corpus.licenses[place]
            draw.license.permit_number = number
            line.tariff_code.code, line.tariff_code.nico = self._tariff[place % len(self._tariff)]
            yield request.SerializeToString()
