"""`descargo validate`, `check` and `outcome`: what lanes and brokers ask."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from descargo_client.cli.answers import show_answer
from descargo_client.cli.declaration_options import (
    DeclarationOptions,
    declaration_of,
    with_declaration,
)
from descargo_client.cli.options import command
from descargo_client.cli.session import Session, write_error, write_file
from descargo_client.faults import BadInput, TransportFault

if TYPE_CHECKING:
    from descargo.v1.verdict_pb2 import Answer


ReceiptOut = Annotated[Path | None, typer.Option("--receipt-out", help="option.receipt_out")]
RequestId = Annotated[str | None, typer.Option("--request-id", help="option.request_id")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""

    @command(app, "validate", connected=True)
    @with_declaration
    def validate(
        session: Session,
        stated: DeclarationOptions,
        request_id: RequestId = None,
        receipt_out: ReceiptOut = None,
    ) -> int:
        declaration, named = declaration_of(stated)
        key = checked_request_id(request_id or named or str(uuid.uuid4()))
        with session.channel() as channel:
            from descargo_client.lane import Lane  # noqa: PLC0415 - grpc is slow to import

            try:
                answer = Lane(channel).validate(declaration, key)
            # It may be drawn already; the same key asks, or repeats without drawing twice.
            except TransportFault as fault:
                write_error(session, fault)
                if not session.as_json:
                    session.note("call.ask", request_id=key)
                return fault.exit_code
            except KeyboardInterrupt:
                session.note("call.ask", request_id=key)
                raise
        save_receipt(receipt_out, answer)
        return show_answer(session, answer)

    @command(app, "check", connected=True)
    @with_declaration
    def check(
        session: Session,
        stated: DeclarationOptions,
        min_revision: Annotated[
            str, typer.Option("--min-revision", help="option.min_revision")
        ] = "",
    ) -> int:
        declaration, _ = declaration_of(stated)
        with session.channel() as channel:
            from descargo_client.lane import Lane  # noqa: PLC0415 - grpc is slow to import

            answer = Lane(channel).check(declaration, min_revision)
        return show_answer(session, answer)

    @command(app, "outcome", connected=True)
    def outcome(
        session: Session,
        request_id: Annotated[str, typer.Argument(help="argument.request_id")],
        receipt_out: ReceiptOut = None,
    ) -> int:
        key = checked_request_id(request_id)
        with session.channel() as channel:
            from descargo_client.lane import Lane  # noqa: PLC0415 - grpc is slow to import

            answer = Lane(channel).outcome(key)
        save_receipt(receipt_out, answer)
        return show_answer(session, answer)


def checked_request_id(written: str) -> str:
    """A UUID in its usual form; anything else is refused before it is sent."""
    try:
        return str(uuid.UUID(written))
    except ValueError as error:
        raise BadInput("option.not_uuid", value=written) from error


def save_receipt(path: Path | None, answer: Answer) -> None:
    """Writes the receipt of an answer where the caller wants it."""
    if path is not None:
        from descargo_client.receipts import saved_receipt  # noqa: PLC0415 - cryptography is slow to import

        document: dict[str, Any] = saved_receipt(answer)
        encoded = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
        write_file(path, encoded.encode())
