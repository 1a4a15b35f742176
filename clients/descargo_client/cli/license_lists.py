"""`descargo license list` and `descargo license history`."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from descargo.v1 import license_pb2
from descargo_client.cli.answers import license_name
from descargo_client.cli.options import command
from descargo_client.cli.session import Session, clean
from descargo_client.documents import record_document
from descargo_client.texts import catalogue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from descargo_client.documents import Document

_LIST_COLUMNS = ("license", "status", "version", "holder", "validity")
_CHANGE_COLUMNS = ("field", "old_value", "new_value")


def register(group: typer.Typer) -> None:
    """Adds the commands to the group of licenses."""

    @command(group, "list", connected=True)
    def license_list(
        session: Session,
        asked: Annotated[str, typer.Option("--filter", help="option.filter")] = "",
        limit: Annotated[int | None, typer.Option("--limit", min=1, help="option.limit")] = None,
    ) -> int:
        with session.channel() as channel:
            from descargo_client.listing import Listing  # noqa: PLC0415 - grpc is slow to import

            records = itertools.islice(Listing(channel).licenses(asked), limit)
            documents = [record_document(each) for each in records]
        if session.as_json:
            session.write_json({"licenses": documents})
        else:
            _print_list(session, documents)
        return 0

    @command(group, "history", connected=True)
    def license_history(
        session: Session,
        permit_key: Annotated[str, typer.Argument(help="argument.permit_key", metavar="KEY")],
        permit_number: Annotated[
            str, typer.Argument(help="argument.permit_number", metavar="NUMBER")
        ],
        agency: Annotated[str, typer.Option("--agency", help="option.agency")] = "",
    ) -> int:
        license_id = license_pb2.LicenseId(
            agency=agency, permit_key=permit_key, permit_number=permit_number
        )
        with session.channel() as channel:
            from descargo_client.feed_documents import version_document  # noqa: PLC0415 - slow to import
            from descargo_client.listing import Listing  # noqa: PLC0415 - grpc is slow to import

            documents = [version_document(each) for each in Listing(channel).versions(license_id)]
        if session.as_json:
            session.write_json({"versions": documents})
        else:
            _print_history(session, documents)
        return 0


def _print_list(session: Session, documents: Sequence[Document]) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in _LIST_COLUMNS:
        table.add_column(session.say(f"word.{name}"), overflow="fold")
    for each in documents:
        standing, content = each["standing"], each["content"]
        holder = content.get("holder", {})
        cells = (
            license_name(standing["license"]),
            session.say(f"status.{standing['status'].lower()}"),
            str(standing["version"]),
            f"{holder.get('legal_name', '')} ({holder.get('rfc', '')})".strip(),
            f"{content.get('valid_from', '')} - {content.get('valid_to', '')}",
        )
        table.add_row(*(Text(clean(cell)) for cell in cells))
    session.screen().print(table)
    session.note("license.listed", count=len(documents))


def _print_history(session: Session, documents: Sequence[Document]) -> None:
    console = session.screen()
    for each in documents:
        key = f"change.{each['change']}"
        change = session.say(key) if key in catalogue() else each["change"] or ""
        signer = each["signer"] or {"name": "", "rfc": ""}
        title = session.say(
            "license.version",
            version=each["version"],
            change=change,
            signer=f"{signer['name']} ({signer['rfc']})",
            signed_at=(each["signed_at"] or "")[:19].replace("T", " "),
            verdict_id=each["verdict_id"],
        )
        console.print(Text(title, style="bold"))
        if each["changes"]:
            table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
            for name in _CHANGE_COLUMNS:
                table.add_column(session.say(f"change_word.{name}"), overflow="fold")
            for change_of_field in each["changes"]:
                values = (change_of_field[name] or "-" for name in _CHANGE_COLUMNS)
                table.add_row(*(Text(clean(value)) for value in values))
            console.print(table)
