"""`descargo license balance` and `descargo license movements`: what is left, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from descargo.v1 import license_pb2
from descargo_client.cli.answers import license_name, print_balances
from descargo_client.cli.options import command
from descargo_client.cli.session import Session, clean
from descargo_client.cli.watch import movement_line
from descargo_client.documents import standing_document
from descargo_client.faults import BadInput

if TYPE_CHECKING:
    from descargo_client.documents import Document

_Key = Annotated[str, typer.Argument(help="argument.permit_key", metavar="[KEY]")]
_Number = Annotated[str, typer.Argument(help="argument.permit_number", metavar="[NUMBER]")]
_Agency = Annotated[str, typer.Option("--agency", help="option.agency")]
_Declaration = Annotated[
    str, typer.Option("--declaration", help="option.of_declaration", metavar="NUMBER")
]


def register(group: typer.Typer) -> None:
    """Adds the commands to the group of licenses."""

    @command(group, "balance", connected=True)
    def license_balance(
        session: Session,
        permit_key: _Key = "",
        permit_number: _Number = "",
        agency: _Agency = "",
        declaration: _Declaration = "",
    ) -> int:
        subject = _subject(permit_key, permit_number, agency, declaration)
        with session.channel() as channel:
            from descargo_client.listing import Listing  # noqa: PLC0415 - grpc is slow to import

            standings = Listing(channel).balances(subject)
            documents = [standing_document(each) for each in standings]
        if session.as_json:
            session.write_json({"standings": documents})
        else:
            _print_balances(session, documents)
        return 0

    @command(group, "movements", connected=True)
    def license_movements(
        session: Session,
        permit_key: _Key = "",
        permit_number: _Number = "",
        agency: _Agency = "",
        declaration: _Declaration = "",
    ) -> int:
        subject = _subject(permit_key, permit_number, agency, declaration)
        with session.channel() as channel:
            from descargo_client.feed_documents import recorded_document  # noqa: PLC0415 - slow to import
            from descargo_client.listing import Listing  # noqa: PLC0415 - grpc is slow to import

            documents = [recorded_document(each) for each in Listing(channel).movements(subject)]
        if session.as_json:
            session.write_json({"movements": documents})
        else:
            console = session.screen()
            for each in documents:
                console.print(Text(movement_line(session, each)))
            session.note("license.moved", count=len(documents))
        return 0


def _subject(
    permit_key: str, permit_number: str, agency: str, declaration: str
) -> license_pb2.LicenseId | str:
    """What is asked about: a license by key and number, or a declaration."""
    named = bool(permit_key and permit_number)
    if named == bool(declaration) or (declaration and permit_key):
        raise BadInput("license.one_subject")
    if declaration:
        return declaration
    return license_pb2.LicenseId(agency=agency, permit_key=permit_key, permit_number=permit_number)


def _print_balances(session: Session, documents: list[Document]) -> None:
    console = session.screen()
    for each in documents:
        status = session.say(f"status.{each['status'].lower()}")
        title = f"{license_name(each['license'])}   {status}   #{each['permit_seq']}"
        console.print(Text(clean(title), style="bold"))
    rows = [(each["license"], balance, None) for each in documents for balance in each["balances"]]
    print_balances(session, console, rows)
