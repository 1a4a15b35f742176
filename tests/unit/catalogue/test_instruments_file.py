"""The shipped instrument profiles say what the domain says, in words that the core knows."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest

from descargo.v1 import license_pb2

CATALOGUES: Final = (
    Path(__file__).resolve().parents[3] / "server" / "descargo_server" / "catalogues"
)
DOCUMENT: Final[dict[str, Any]] = tomllib.loads(
    (CATALOGUES / "instruments.toml").read_text(encoding="utf-8")
)
ROWS: Final[list[dict[str, Any]]] = [
    {**DOCUMENT["defaults"], **row} for row in DOCUMENT["instrument"]
]
ROW_IDS: Final = [f"{row['permit_key']}-{'-'.join(row['agencies'])}" for row in ROWS]

KEYS: Final = (
    "C1 C2 C6 M6 AV IM CP CA CM NM N3 S1 S2 S3 S4 S5 S6 S7 A1 T1 T2 T3 T5 T7 T8 T9 PF D1 N1 N6 "
    "AH BA FE TQ IR AL"
)
"""Every key of Apendice 9 that was seen."""

FIELDS: Final = {
    "permit_key": str,
    "agencies": list,
    "kinds": list,
    "operations": list,
    "regimes": list,
    "from": str,
    "to": str,
    "balance": str,
    "unlimited_allowed": bool,
    "presents": str,
    "legal_moment": str,
    "holder_must_be_trader": bool,
    "tariff_match_digits": int,
    "units": list,
    "longest_validity_days": int,
    "lease_hours": int,
    "amendable": list,
    "office_may_extend": bool,
    "status": str,
    "source": str,
}


@pytest.mark.parametrize("row", ROWS, ids=ROW_IDS)
def test_a_row_says_everything_in_known_words(row: dict[str, Any]) -> None:
    assert {name: type(value) for name, value in row.items()} == FIELDS
    assert row["balance"] in {"none", "quantity", "value", "both"}
    assert row["presents"] in {"discharge_signature", "complement"}
    assert row["legal_moment"] in {"selection", "payment"}
    assert row["status"] in {"verified", "assumed"}
    assert row["source"]
    assert row["tariff_match_digits"] in {2, 4, 6, 8}
    assert set(row["agencies"]) <= set(DOCUMENT["agencies"])
    assert row["operations"]
    for name in row["operations"]:
        assert license_pb2.OperationType.Value(f"OPERATION_TYPE_{name}") > 0
    for name in row["kinds"]:
        assert license_pb2.InstrumentKind.Value(f"INSTRUMENT_KIND_{name}") > 0
    assert not row["to"] or date.fromisoformat(row["from"]) <= date.fromisoformat(row["to"])


@pytest.mark.parametrize("row", ROWS, ids=ROW_IDS)
def test_a_row_does_not_say_verified_by_default(row: dict[str, Any]) -> None:
    """What nobody looked up is assumed."""
    assert DOCUMENT["defaults"]["status"] == "assumed"
    if row["status"] == "verified":
        assert row["source"] != DOCUMENT["defaults"]["source"]


def test_every_key_that_was_seen_is_there() -> None:
    assert {row["permit_key"] for row in ROWS} == set(KEYS.split())


def test_no_agency_has_a_key_twice() -> None:
    pairs = [(row["permit_key"], agency) for row in ROWS for agency in row["agencies"]]
    assert len(pairs) == len(set(pairs))
    assert {agency for _, agency in pairs} == set(DOCUMENT["agencies"])


@pytest.mark.parametrize("key", ["C1", "C6"])
def test_the_key_alone_does_not_name_the_agency(key: str) -> None:
    assert [row["agencies"] for row in ROWS if row["permit_key"] == key] == [["SE"], ["SENER"]]


def test_quota_certificates_are_tested_on_the_day_of_payment() -> None:
    quotas = {row["permit_key"] for row in ROWS if row["legal_moment"] == "payment"}
    assert quotas == {"CP", "CA", "CM"}
    for row in ROWS:
        assert (row["kinds"] == ["QUOTA_CERTIFICATE"]) == (row["permit_key"] in quotas)


def test_goods_of_sader_state_a_complement() -> None:
    (row,) = [row for row in ROWS if row["permit_key"] == "A1"]
    assert row["agencies"] == ["SENASICA"]
    assert row["presents"] == "complement"


def test_a_key_whose_meaning_was_not_seen_has_no_agency() -> None:
    (row,) = [row for row in ROWS if not row["agencies"]]
    assert (row["permit_key"], row["from"], row["status"]) == ("AL", "2026-05-20", "assumed")


def test_declaration_keys_are_two_characters_and_unique() -> None:
    keys = DOCUMENT["declaration_keys"]
    assert len(keys) == len(set(keys)) == 76
    assert all(len(key) == 2 and key.isalnum() and key.isupper() for key in keys)
    assert {"A1", "R1", "K1", "V6", "IN"} <= set(keys)
