"""The texts of every finding and of every RPC reason, in Spanish and English.

They live in two TOML files beside this module, so that the core, the server and the client say the
same words. A text that is missing or out of place fails the load, never an answer at a lane.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ACTORS",
    "CLASS_OF_LETTER",
    "STATUSES",
    "CatalogueTextError",
    "FindingTextRow",
    "ReasonRow",
    "findings",
    "parse_findings",
    "parse_reasons",
    "reasons",
]

CLASS_OF_LETTER: Final[Mapping[str, str]] = MappingProxyType(
    {
        "S": "SYNTACTIC",
        "C": "CATALOGUE",
        "E": "STRUCTURAL",
        "N": "NORMATIVE",
        "F": "SIGNATURE",
        "T": "TECHNICAL",
        "W": "WARNING",
    }
)
"""Class of a finding by the first letter of its code; names of `FindingClass` without prefix."""

ACTORS: Final = frozenset({"AGENCY", "BROKER", "TRADER", "OFFICE", "OPERATOR"})
"""Who may have to act; names of `Actor` without prefix."""

STATUSES: Final = frozenset(
    {
        "UNAUTHENTICATED",
        "PERMISSION_DENIED",
        "INVALID_ARGUMENT",
        "ALREADY_EXISTS",
        "NOT_FOUND",
        "RESOURCE_EXHAUSTED",
        "ABORTED",
        "DEADLINE_EXCEEDED",
        "UNAVAILABLE",
        "INTERNAL",
    }
)
"""gRPC codes that a call without a verdict may end with."""

_CODE: Final = re.compile(r"[A-Z][0-9]{3}\Z")
_REASON: Final = re.compile(r"[A-Z]+(_[A-Z]+)*\Z")
_TEXTS: Final = ("message_es", "message_en", "remedy_es", "remedy_en")


class CatalogueTextError(ValueError):
    """A text file cannot be used: says which file, which table and what is wrong."""


@dataclass(frozen=True, slots=True)
class FindingTextRow:
    """The texts of one finding code."""

    code: str
    """Stable code, a letter and 3 digits."""
    finding_class: str
    """Name of `FindingClass` without prefix, such as `NORMATIVE`."""
    actor: str
    """Name of `Actor` without prefix, such as `BROKER`."""
    message_es: str
    """What is wrong, es-MX."""
    message_en: str
    """What is wrong, English."""
    remedy_es: str
    """How to mend it, es-MX."""
    remedy_en: str
    """How to mend it, English."""


@dataclass(frozen=True, slots=True)
class ReasonRow:
    """The texts of one RPC reason."""

    reason: str
    """The reason as it stands in `ErrorInfo`, such as `ROLE_NOT_ALLOWED`."""
    status: str
    """Name of the gRPC code that it comes with, such as `PERMISSION_DENIED`."""
    message_es: str
    """What is wrong, es-MX."""
    message_en: str
    """What is wrong, English."""
    remedy_es: str
    """How to mend it, es-MX."""
    remedy_en: str
    """How to mend it, English."""


@lru_cache(maxsize=1)
def findings() -> Mapping[str, FindingTextRow]:
    """Return the texts of every finding by code, in the order of the file."""
    return parse_findings(_packaged("findings.toml"))


@lru_cache(maxsize=1)
def reasons() -> Mapping[str, ReasonRow]:
    """Return the texts of every RPC reason by its name, in the order of the file."""
    return parse_reasons(_packaged("reasons.toml"))


def parse_findings(text: str, file: str = "findings.toml") -> Mapping[str, FindingTextRow]:
    """Read the texts of findings from TOML; raises CatalogueTextError naming `file` and table."""
    rows: dict[str, FindingTextRow] = {}
    for code, fields in _tables(text, file, ("class", "actor", *_TEXTS)).items():
        if not _CODE.match(code):
            raise CatalogueTextError(f"{file}: [{code}] is not a letter and 3 digits")
        if CLASS_OF_LETTER.get(code[0]) != fields["class"]:
            raise CatalogueTextError(f"{file}: [{code}] is not of class `{fields['class']}`")
        if fields["actor"] not in ACTORS:
            raise CatalogueTextError(f"{file}: [{code}] has the unknown actor `{fields['actor']}`")
        texts = {name: fields[name] for name in _TEXTS}
        rows[code] = FindingTextRow(code, fields["class"], fields["actor"], **texts)
    return MappingProxyType(rows)


def parse_reasons(text: str, file: str = "reasons.toml") -> Mapping[str, ReasonRow]:
    """Read the texts of reasons from TOML; raises CatalogueTextError naming `file` and table."""
    rows: dict[str, ReasonRow] = {}
    for reason, fields in _tables(text, file, ("status", *_TEXTS)).items():
        if not _REASON.match(reason):
            raise CatalogueTextError(f"{file}: [{reason}] is not in capitals and underscores")
        if fields["status"] not in STATUSES:
            raise CatalogueTextError(
                f"{file}: [{reason}] has the unknown status `{fields['status']}`"
            )
        texts = {name: fields[name] for name in _TEXTS}
        rows[reason] = ReasonRow(reason, fields["status"], **texts)
    return MappingProxyType(rows)


def _packaged(name: str) -> str:
    return resources.files(__name__).joinpath(name).read_text(encoding="utf-8")


def _tables(text: str, file: str, names: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """Every table of the file, each with exactly the named fields, none of them empty."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogueTextError(f"{file}: {error}") from error
    tables: dict[str, dict[str, str]] = {}
    for name, table in document.items():
        if not isinstance(table, dict) or set(table) != set(names):
            raise CatalogueTextError(f"{file}: [{name}] must have exactly {', '.join(names)}")
        for field, value in table.items():
            if not isinstance(value, str) or not value.strip():
                raise CatalogueTextError(f"{file}: [{name}] {field} is not a text")
        tables[name] = table
    return tables
