"""Reads access.toml and checks it as a whole.

All mistakes are reported at once, with their lines, and one mistake refuses the file: an identity
that is half right is not let in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import ValidationError

from descargo_server.config.problems import ConfigurationInvalid, Problem
from descargo_server.config.toml_file import TomlFile
from descargo_server.identity.enrolment import enrol
from descargo_server.identity.registry import Identity, Registry, RevokedIdentity, Row, Signer
from descargo_server.identity.roles import FIELDS_ALLOWED, FIELDS_REQUIRED, Role

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

__all__ = ["load_registry"]

TABLES: Final = ("identity", "signer", "revoked_identity")
SCOPE_FIELDS: Final = (
    "agency",
    "permit_keys",
    "agencies",
    "office",
    "lane",
    "broker_license",
    "rfc",
)
UNIQUE_FIELDS: Final = ("name", "certificate_sha256", "spki_sha256")

RowT = TypeVar("RowT", bound=Row)


def load_registry(path: Path, agencies: Collection[str] | None) -> Registry:
    """Reads access.toml; raises ConfigurationInvalid with every mistake at once.

    `agencies` are the known ones; None when they could not be read, which is reported elsewhere.
    """
    file = TomlFile.read(path)
    problems = [
        file.problem((key,), f"unknown table `{key}`", f"remove it; known: {', '.join(TABLES)}")
        for key in file.table
        if key not in TABLES
    ]
    identities = _rows(file, "identity", Identity, problems)
    signers = _rows(file, "signer", Signer, problems)
    revoked = _rows(file, "revoked_identity", RevokedIdentity, problems)
    for position, identity in identities.items():
        problems.extend(_scope_problems(file, position, identity))
        if identity.role == Role.HUB:
            problems.extend(_hub_problems(file, position, identity))
    problems.extend(_duplicates(file, identities))
    problems.extend(_period_problems(file, signers))
    signers = enrol(file, signers, problems)
    if agencies is not None:
        problems.extend(_agency_problems(file, "identity", identities, agencies))
        problems.extend(_agency_problems(file, "signer", signers, agencies))
    if problems:
        raise ConfigurationInvalid(sorted(problems, key=lambda problem: problem.line or 0))
    return Registry(identities.values(), signers.values(), revoked.values())


def _rows(file: TomlFile, name: str, model: type[RowT], problems: list[Problem]) -> dict[int, RowT]:
    """The rows of an array that are right, by position; mistakes of the others go to `problems`."""
    array: Any = file.table.get(name, [])
    if not isinstance(array, list):
        problems.append(file.problem((name,), f"`{name}` is not a list", f"write `[[{name}]]`"))
        return {}
    rows = {}
    for position, table in enumerate(array):
        try:
            rows[position] = model.model_validate(table)
        except ValidationError as error:
            problems.extend(file.problems_of(error, model, (name, position)))
    return rows


def _scope_problems(file: TomlFile, position: int, identity: Identity) -> Iterator[Problem]:
    """What a role lacks or states in vain, and whether there is exactly one fingerprint."""
    where = ("identity", position)
    stated = {name for name in SCOPE_FIELDS if getattr(identity, name)}
    for name in sorted(FIELDS_REQUIRED[identity.role] - stated):
        what = f"`{identity.name}` has the role {identity.role} and no `{name}`"
        yield file.problem(where, what, f"add `{name}`: {_meaning(name)}")
    for name in sorted(stated - FIELDS_ALLOWED[identity.role]):
        what = f"`{identity.name}` has the role {identity.role}, which takes no `{name}`"
        yield file.problem((*where, name), what, "remove it or correct the role")
    if bool(identity.certificate_sha256) == bool(identity.spki_sha256):
        what = f"`{identity.name}` must have exactly one of certificate_sha256 and spki_sha256"
        yield file.problem(
            where, what, f"write `certificate_sha256`: {_meaning('certificate_sha256')}"
        )


def _hub_problems(file: TomlFile, position: int, identity: Identity) -> Iterator[Problem]:
    """A hub's agencies stand in one place: a second one would leave open which counts."""
    where = ("identity", position)
    if bool(identity.agency) == bool(identity.agencies):
        what = f"`{identity.name}` must have exactly one of agency and agencies"
        yield file.problem(where, what, f"write `agencies`: {_meaning('agencies')}")
    if identity.agencies and identity.permit_keys:
        what = f"`{identity.name}` has `agencies`, whose keys stand with each of them"
        remedy = 'write for example `agencies = [{ agency = "SE", permit_keys = ["C1"] }]`'
        yield file.problem((*where, "permit_keys"), what, remedy)


def _meaning(name: str) -> str:
    return Identity.model_fields[name].description or name


def _duplicates(file: TomlFile, identities: Mapping[int, Identity]) -> Iterator[Problem]:
    """A name or fingerprint that occurs twice: nobody could say who is meant."""
    for field in UNIQUE_FIELDS:
        first_line: dict[str, int | None] = {}
        for position, identity in identities.items():
            value: str = getattr(identity, field)
            where = ("identity", position, field)
            if value and value in first_line:
                what = f"`{field}` of `{identity.name}` occurs on line {first_line[value]} already"
                yield file.problem(where, what, "give each identity its own")
            first_line.setdefault(value, file.line_of(where))


def _period_problems(file: TomlFile, signers: Mapping[int, Signer]) -> Iterator[Problem]:
    for position, signer in signers.items():
        if signer.valid_to is not None and signer.valid_to < signer.valid_from:
            what = f"`to` {signer.valid_to} is before `from` {signer.valid_from}"
            yield file.problem(("signer", position, "to"), what, "correct the period")


def _agency_problems(
    file: TomlFile,
    table: str,
    rows: Mapping[int, Identity] | Mapping[int, Signer],
    agencies: Collection[str],
) -> Iterator[Problem]:
    for position, row in rows.items():
        named = row.named_agencies if isinstance(row, Identity) else (row.agency,)
        key = "agency" if row.agency else "agencies"
        for agency in named:
            if agency not in agencies:
                known = ", ".join(sorted(agencies))
                what = f"unknown agency `{agency}`"
                yield file.problem((table, position, key), what, f"write one of: {known}")
