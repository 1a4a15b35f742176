"""The roles that an identity may have, and what each must say about itself."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FIELDS_ALLOWED", "FIELDS_REQUIRED", "Role"]


class Role(StrEnum):
    """What an identity is to the validator. Exactly one each."""

    AGENCY = "agency"
    """Issues licenses."""
    HUB = "hub"
    """Transmits licenses that agencies signed; of those agencies only that list it."""
    LANE = "lane"
    """Exercises licenses at one customs office."""
    PREVALIDATOR = "prevalidator"
    """Checks declarations before they are presented."""
    BROKER = "broker"
    """Checks declarations of its own license (patente)."""
    HOLDER = "holder"
    """Reads what concerns its own RFC."""
    COORDINATOR = "coordinator"
    """Reads every agency's licenses."""
    RULE_OFFICER = "rule_officer"
    """Publishes rulesets."""
    AUDITOR = "auditor"
    """Reads everything, changes nothing."""
    OPERATOR = "operator"
    """Runs the validator."""


FIELDS_REQUIRED: Final[Mapping[Role, frozenset[str]]] = MappingProxyType(
    dict.fromkeys(Role, frozenset[str]())
    | {
        Role.AGENCY: frozenset({"agency"}),
        Role.LANE: frozenset({"office"}),
        Role.BROKER: frozenset({"broker_license"}),
        Role.HOLDER: frozenset({"rfc"}),
    }
)
"""What an identity of a role must state: without it, its scope would be unknown."""

FIELDS_ALLOWED: Final[Mapping[Role, frozenset[str]]] = MappingProxyType(
    dict(FIELDS_REQUIRED)
    | {
        Role.AGENCY: frozenset({"agency", "permit_keys"}),
        # One agency, or a list of them; one of the two is required.
        Role.HUB: frozenset({"agency", "permit_keys", "agencies"}),
        Role.LANE: frozenset({"office", "lane"}),
    }
)
"""What it may state. Anything else is refused: it would look like a right and grant none."""
