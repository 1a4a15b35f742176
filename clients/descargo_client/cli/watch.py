"""`descargo watch`: the agency's feed, a line for each movement and alert, until it is stopped."""

from __future__ import annotations

import json
import sys
from pathlib import Path  # noqa: TC003 - typer reads it
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from descargo_client.cli.answers import license_name
from descargo_client.cli.options import command
from descargo_client.cli.session import Session, clean
from descargo_client.faults import BadInput
from descargo_client.texts import catalogue

if TYPE_CHECKING:
    from rich.console import Console

    from descargo_client.documents import Document
    from descargo_client.faults import CallFault


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @command(app, "watch", connected=True)
    def watch(
        session: Session,
        since: Annotated[str, typer.Option("--since", help="option.since")] = "",
        cursor_file: Annotated[
            Path | None, typer.Option("--cursor-file", help="option.cursor_file")
        ] = None,
        count: Annotated[
            int | None, typer.Option("--count", min=1, help="option.event_count")
        ] = None,
    ) -> int:
        cursor = since or _kept(cursor_file)
        console = session.screen()
        with session.channel() as channel:
            from descargo_client.feed_documents import event_document  # noqa: PLC0415 - grpc is slow to import
            from descargo_client.watch import Watch  # noqa: PLC0415 - grpc is slow to import

            def on_break(fault: CallFault) -> None:
                session.note("watch.broken", reason=fault.reason)

            told = 0
            for event in Watch(channel, cursor, on_break=on_break).events():
                if not event.HasField("heartbeat"):
                    _write(session, console, event_document(event))
                    told += 1
                # After the event is out: what is told twice does less harm than what is not told.
                _keep(cursor_file, event.cursor)
                if told == count:
                    break
        return 0


def _kept(cursor_file: Path | None) -> str:
    """The cursor in the file; the beginning when there is no file yet."""
    if cursor_file is None or not cursor_file.exists():
        return ""
    try:
        return cursor_file.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise BadInput("file.unreadable", file=cursor_file, why=error) from error


def _keep(cursor_file: Path | None, cursor: str) -> None:
    """Replaces the file whole, so that no crash leaves half a cursor."""
    if cursor_file is None:
        return
    unfinished = cursor_file.with_name(f".{cursor_file.name}.new")
    try:
        unfinished.write_text(f"{cursor}\n", encoding="ascii")
        unfinished.replace(cursor_file)
    except OSError as error:
        raise BadInput("file.unwritable", file=cursor_file, why=error.strerror or error) from error


def _write(session: Session, console: Console, document: Document) -> None:
    if session.as_json:
        sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
        sys.stdout.flush()
    elif "alert" in document:
        console.print(Text(_alert(session, document), style="bold yellow"))
    else:
        console.print(Text(movement_line(session, document)))


def _alert(session: Session, document: Document) -> str:
    key = f"alert.{document['alert'].lower()}"
    return session.say(
        key if key in catalogue() else "alert.other",
        license=license_name(document["license"]),
        line=document["license_line_no"],
        percent=document["percent"],
        on_date=document["on_date"],
        alert=document["alert"],
    )


def movement_line(session: Session, document: Document) -> str:
    """A movement on one line, as the feed and the list show it."""
    key = f"movement.{document['kind'].lower()}"
    kind = session.say(key) if key in catalogue() else document["kind"]
    parts = [
        document["decided_at"][:19].replace("T", " ") + " UTC",
        f"{license_name(document['license'])} #{document['permit_seq']}",
        kind,
    ]
    parts += _amounts(session, "movement_word.taken", document["taken"], document)
    parts += _amounts(session, "movement_word.returned", document["returned"], document)
    balance = document["balance_after"]
    if balance:
        parts += _amounts(session, "movement_word.left", balance["available"], document)
    if document["position"]:
        parts.append(document["position"]["declaration_number"])
    parts += [document["caller"], document["verdict_id"], document["reason"]]
    return clean("  ".join(part for part in parts if part))


def _amounts(session: Session, key: str, amount: Document, document: Document) -> list[str]:
    unit: Any = (document["balance_after"] or {}).get("unit", "")
    name = session.say(f"unit.{unit}") if f"unit.{unit}" in catalogue() else unit
    figures = [f"{amount['quantity']} {name}"] if amount["quantity"] is not None else []
    figures += [f"{amount['value_usd']} USD"] if amount["value_usd"] is not None else []
    return [session.say(key, figures=" / ".join(figures))] if figures else []
