"""`descargo required`: which permits a line needs on a day, and what exempts from them."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from google.protobuf.json_format import MessageToDict

from descargo_client.cli.options import command
from descargo_client.cli.session import Session, clean, read_file
from descargo_client.faults import BadInput
from descargo_client.forms.json_lines import read_declaration

if TYPE_CHECKING:
    from collections.abc import Iterable

    from descargo.v1.declaration_pb2 import Identifier
    from descargo.v1.license_pb2 import LicenseId
    from descargo.v1.validation_service_pb2 import ListRequiredLicensesResponse, Requirement


DeclarationFile = Annotated[Path, typer.Argument(help="argument.declaration_file", metavar="FILE")]


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @command(app, "required", connected=True)
    def required(
        session: Session,
        file: DeclarationFile,
        on: Annotated[str, typer.Option("--on", help="option.on", metavar="AAAA-MM-DD")],
    ) -> int:
        try:
            day = date.fromisoformat(on).isoformat()
        except ValueError as error:
            raise BadInput("option.not_a_day", value=on) from error
        declaration, _ = read_declaration(read_file(file), str(file))
        with session.channel() as channel:
            from descargo_client.lane import Lane  # noqa: PLC0415 - grpc is slow to import

            response = Lane(channel).required(declaration, day)
        if session.as_json:
            document = MessageToDict(
                response,
                preserving_proto_field_name=True,
                always_print_fields_with_no_presence=True,
            )
            document["ruleset_hash"] = response.ruleset_hash.hex()
            session.write_json(document)
        else:
            _print(session, response)
        return 0


def _print(session: Session, response: ListRequiredLicensesResponse) -> None:
    lines: list[str] = []
    if not response.judged:
        lines.append(session.say("required.not_judged"))
    elif not response.requirements and not response.failed_rule_ids:
        keys = ", ".join(response.judged_permit_keys)
        lines.append(session.say("required.none_of", keys=keys))
    for requirement in response.requirements:
        lines += _requirement_lines(session, requirement)
    lines += [session.say("required.failed", rule=rule) for rule in response.failed_rule_ids]
    if response.judged:
        keys = ", ".join(response.judged_permit_keys)
        lines.append(session.say("required.judged", keys=keys))
        lines.append(session.say("required.ruleset", sha256=response.ruleset_hash.hex()))
    for line in lines:
        session.screen().print(clean(line), markup=False, highlight=False)


def _requirement_lines(session: Session, requirement: Requirement) -> list[str]:
    licenses = requirement.any_of or requirement.all_of
    key = "required.any_of" if requirement.any_of else "required.all_of"
    lines = [session.say(key, licenses=_named(licenses), rule=requirement.rule_id)]
    if requirement.only_with:
        shown = _shown(requirement.only_with)
        lines.append("  " + session.say("required.only_with", identifiers=shown))
    if requirement.scope:
        lines.append("  " + requirement.scope)
    if requirement.exempting:
        shown = _shown(requirement.exempting)
        lines.append("  " + session.say("required.exempting", identifiers=shown))
    if requirement.legal_basis:
        basis = requirement.legal_basis
        lines.append("  " + session.say("required.legal_basis", basis=basis))
    if requirement.illustrative:
        lines.append("  " + session.say("required.illustrative"))
    return lines


def _named(licenses: Iterable[LicenseId]) -> str:
    return ", ".join(f"{license_id.agency} {license_id.permit_key}" for license_id in licenses)


def _shown(identifiers: Iterable[Identifier]) -> str:
    return "; ".join(
        " ".join([identifier.key, *(part or "*" for part in identifier.complements)])
        for identifier in identifiers
    )
