"""`descargo license show`: a license as the validator holds it, with its balances."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from descargo.v1 import license_pb2
from descargo_client.cli import license_balance, license_lists
from descargo_client.cli.answers import license_name, print_balances
from descargo_client.cli.options import command
from descargo_client.cli.session import Session, clean
from descargo_client.documents import Document, record_document

VERSION_MAX = 2**32 - 1


def register(app: typer.Typer) -> None:
    """Adds the commands about licenses."""
    group = typer.Typer(help="help_group.license", no_args_is_help=True)
    app.add_typer(group, name="license")
    license_lists.register(group)
    license_balance.register(group)

    @command(group, "show", connected=True)
    def license_show(
        session: Session,
        permit_key: Annotated[str, typer.Argument(help="argument.permit_key", metavar="KEY")],
        permit_number: Annotated[
            str, typer.Argument(help="argument.permit_number", metavar="NUMBER")
        ],
        agency: Annotated[str, typer.Option("--agency", help="option.agency")] = "",
        version: Annotated[
            int | None, typer.Option("--version", min=1, max=VERSION_MAX, help="option.version")
        ] = None,
    ) -> int:
        license_id = license_pb2.LicenseId(
            agency=agency, permit_key=permit_key, permit_number=permit_number
        )
        with session.channel() as channel:
            from descargo_client.agency import Agency  # noqa: PLC0415 - grpc is slow to import

            document = record_document(Agency(channel).license(license_id, version))
        if session.as_json:
            session.write_json(document)
        else:
            _print(session, document)
        return 0


def _print(session: Session, document: Document) -> None:
    standing, content = document["standing"], document["content"]
    console = session.screen()
    status = session.say(f"status.{standing['status'].lower()}")
    title = f"{license_name(standing['license'])}   {status}"
    console.print(Text(clean(title), style="bold"))
    table = Table.grid(padding=(0, 2))
    doubtful = ", ".join(map(str, document["doubtful_versions"]))
    facts = _facts(document["discharge_signature"], content, standing["version"])
    for name, value in [*facts, ("doubtful_versions", doubtful)]:
        if value:
            table.add_row(Text(session.say(f"word.{name}"), style="dim"), Text(clean(str(value))))
    console.print(table)
    rows = [(standing["license"], balance, None) for balance in standing["balances"]]
    print_balances(session, console, rows)


def _facts(firma: str, content: Document, version: int) -> list[tuple[str, Any]]:
    holder = content.get("holder", {})
    return [
        ("discharge_signature", firma),
        ("version", version),
        ("holder", f"{holder.get('legal_name', '')} ({holder.get('rfc', '')})".strip()),
        ("validity", f"{content.get('valid_from', '')} - {content.get('valid_to', '')}"),
        ("regimes", _extent(content.get("regimes", {}))),
        ("offices", _extent(content.get("offices", {}))),
        ("tariff_codes", ", ".join(_codes(content))),
    ]


def _codes(content: Document) -> list[str]:
    return [
        f"{each.get('code', '')}{'-' + each['nico'] if each.get('nico') else ''}"
        for line in content.get("lines", [])
        for each in line.get("tariff_codes", [])
    ]


def _extent(extent: Document) -> str:
    return "*" if extent.get("every") else ", ".join(extent.get("only", []))
