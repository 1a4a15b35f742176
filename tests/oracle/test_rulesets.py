"""The core and a slow, obvious matcher say the same of random lines under random rulesets.

Short: 20 rulesets of 250 lines each. `HYPOTHESIS_PROFILE=long`: 400 rulesets, 100,000 cases.
"""

from __future__ import annotations

import json
import os
import random
import tomllib
from dataclasses import asdict
from typing import Any, Final

import pytest

from descargo_server._core import Ruleset
from descargo_server.catalogues.importer import newest_catalogue
from descargo_server.config.files import shipped_folder
from descargo_server.config.load import instruments_path
from tests.oracle.ruleset_model import said

SETS: Final = 400 if os.environ.get("HYPOTHESIS_PROFILE") == "long" else 20
LINES: Final = 250
OPERATIONS: Final = ("IMPORT", "EXPORT")
KEYS: Final = {"AV": "SE", "D1": "SEDENA", "T9": "SEMARNAT", "PF": "COFEPRIS", "CP": "SE"}
"""Keys for both operations, with an agency."""
CODES: Final = (
    "72081003", "72082502", "72091504", "72101101", "72131001", "87032101", "87032199",
    "30042001", "30042002", "93011002", "93012001", "27101206",
)  # fmt: skip
RANGES: Final = ("72", "7208", "72-73", "720810", "8703", "30042001-30042002", "93", "9301", "27")
COUNTRIES: Final = ("USA", "CAN", "CHN", "DEU", "JPN")
REGIMES: Final = ("IMD", "ITR", "EXD", "DFI")
OFFICES: Final = ("240", "241", "160", "430")
DAYS: Final = ("2025-12-31", "2026-01-01", "2026-06-30", "2026-07-01", "2027-01-01")
IDENTIFIERS: Final = (
    ["ES", "U"], ["ES", "N"], ["EA", "1"], ["UM", "H"], ["XP", "AV", "U"], ["XP", "AV", "E"],
    ["XP", "D1", "1A"], ["XP", "T9"], ["XP"], ["EN", "ENOM", "X", "Y"],
)  # fmt: skip


def some(dice: random.Random, values: tuple[Any, ...], odds: float, most: int = 3) -> list[Any]:
    """Nothing mostly, else a few of them."""
    return dice.sample(values, dice.randint(1, most)) if dice.random() < odds else []


def rule(dice: random.Random, number: int) -> dict[str, Any]:
    """A rule; the key decides what exempts, so that no two of them contradict each other."""
    key = dice.choice(list(KEYS))
    made: dict[str, Any] = {
        "id": f"r{number}",
        "agency": KEYS[key],
        "any_of": [key],
        "tariff": some(dice, (*RANGES, *CODES), 1),
        "operations": some(dice, OPERATIONS, 1, 2),
        "from": dice.choice(DAYS[1:3]),
        "to": dice.choice(("", *DAYS[2:])),
        "illustrative": True,
        "except_tariff": some(dice, (*RANGES, *CODES), 0.2, 2),
        "nico": some(dice, ("00", "01"), 0.2, 1),
    }
    lists = {
        "countries": (*COUNTRIES, "BLOQUE"),
        "regimes": REGIMES,
        "declaration_keys": ("A1", "RT", "IN"),
        "offices": OFFICES,
    }
    for name, codes in lists.items():
        made[dice.choice((name, f"except_{name}"))] = some(dice, codes, 0.3)
    if dice.random() < 0.2:
        made["value_usd_from"] = dice.choice(("100.00", "100.01"))
    if dice.random() < 0.2:
        made["quantity_from"] = dice.choice(("5", "5.00001"))
    if key == "AV":
        made["scope"] = {"kind": "unicamente", "goods": "Acero"}
        made["exempt"] = [{"key": "EA"}]
    if key == "D1":
        made["exempt"] = [{"key": "XP", "complements": ["D1", "1A"]}]
    if key == "PF":
        made["when_identifiers"] = [{"key": "ES", "complements": ["U"]}, {"key": "UM"}]
    return made


def line(dice: random.Random) -> dict[str, Any]:
    """A line on a day."""
    made = {
        "on": dice.choice(DAYS),
        "tariff": dice.choice(CODES),
        "nico": dice.choice(("00", "01")),
        "operation": dice.choice(OPERATIONS),
        "regime": dice.choice(REGIMES),
        "declaration_key": dice.choice(("A1", "RT", "IN")),
        "country": dice.choice(COUNTRIES),
        "office": dice.choice(OFFICES),
        "identifiers": some(dice, IDENTIFIERS, 0.6),
        "permits": some(dice, (*KEYS, "SE AV", "SENER AV", "CICOPLAFEST PF"), 0.6),
    }
    if dice.random() < 0.8:
        made["value_usd"] = dice.choice(("99.99", "100", "100.01"))
        made["quantity"] = dice.choice(("4.99999", "5", "5.00001"))
    return made


def as_toml(rules: list[dict[str, Any]]) -> str:
    """The set as a file of rules."""
    text = 'format = 1\nblocks = { BLOQUE = ["USA", "CAN"] }\n[[covers]]\n'
    text += 'tariff = ["72-73", "87", "30", "93", "27"]\noperations = ["IMPORT", "EXPORT"]\n'
    text += f'permit_keys = {json.dumps(list(KEYS))}\nfrom = "2026-01-01"\n'
    for made in rules:
        text += "[[rule]]\n" + "".join(f"{name} = {inline(one)}\n" for name, one in made.items())
    return text


def inline(value: Any) -> str:
    """A value as TOML writes it on one line."""
    match value:
        case dict():
            return "{ " + ", ".join(f"{name} = {inline(one)}" for name, one in value.items()) + " }"
        case list():
            return "[" + ", ".join(inline(one) for one in value) + "]"
        case _:
            return json.dumps(value)


@pytest.mark.parametrize("seed", range(SETS))
def test_the_core_says_what_a_walk_over_every_rule_says(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - the same cases each time
    text = as_toml([rule(dice, number) for number in range(dice.randint(1, 40))])
    lines = [line(dice) for _ in range(LINES)]
    catalogue = newest_catalogue([shipped_folder()]).read_bytes()
    ruleset = Ruleset([("r.toml", text.encode())], catalogue, instruments_path().read_bytes())
    read = tomllib.loads(text)
    answers = json.loads(ruleset.judge(json.dumps(lines).encode()))
    for asked, answer in zip(lines, answers, strict=True):
        expected = said(read["blocks"], read["covers"], read["rule"], asked)
        assert answer == asdict(expected), asked
