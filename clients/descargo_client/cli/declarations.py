"""`descargo declaration`: whole declarations, from the hold to the exercise or the release."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from descargo.v1 import declaration_pb2, validation_service_pb2
from descargo_client.cli.answers import show_answer
from descargo_client.cli.exercise import (
    ReceiptOut,
    RequestId,
    checked_request_id,
    save_receipt,
)
from descargo_client.cli.options import command
from descargo_client.cli.session import Session, read_file, write_error
from descargo_client.faults import BadInput, TransportFault
from descargo_client.forms.json_lines import read_declaration

if TYPE_CHECKING:
    from collections.abc import Callable

    from descargo.v1.verdict_pb2 import Answer
    from descargo_client.lane import Lane

GROUNDS: Final = {
    "elimination": validation_service_pb2.RELEASE_GROUND_ELIMINATION,
    "withdrawal": validation_service_pb2.RELEASE_GROUND_WITHDRAWAL,
}

DeclarationFile = Annotated[Path, typer.Argument(help="argument.whole_declaration_file")]
Number = Annotated[str, typer.Argument(help="argument.declaration_number")]
Acuse = Annotated[str, typer.Option("--acuse", help="option.acuse")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(help="help_group.declaration", no_args_is_help=True)
    app.add_typer(group, name="declaration")
    _register_statements(group)
    _register_references(group)


def _register_statements(group: typer.Typer) -> None:
    @command(group, "check", connected=True)
    def declaration_check(session: Session, file: DeclarationFile) -> int:
        stated, _ = _stated(file)
        with session.channel() as channel:
            from descargo_client.lane import Lane  # noqa: PLC0415 - grpc is slow to import

            answer = Lane(channel).check_declaration(stated)
        return show_answer(session, answer)

    @command(group, "reserve", connected=True)
    def declaration_reserve(
        session: Session,
        file: DeclarationFile,
        request_id: RequestId = None,
        receipt_out: ReceiptOut = None,
    ) -> int:
        stated, named = _stated(file)
        key = checked_request_id(request_id or named or str(uuid.uuid4()))
        return _decided(
            session, key, receipt_out, lambda lane: lane.reserve_declaration(stated, key)
        )

    @command(group, "validate", connected=True)
    def declaration_validate(
        session: Session,
        file: DeclarationFile,
        request_id: RequestId = None,
        receipt_out: ReceiptOut = None,
    ) -> int:
        stated, named = _stated(file)
        key = checked_request_id(request_id or named or str(uuid.uuid4()))
        return _decided(
            session, key, receipt_out, lambda lane: lane.validate_declaration(stated, key)
        )

    @command(group, "rectify", connected=True)
    def declaration_rectify(
        session: Session,
        file: DeclarationFile,
        *,
        rectified: Annotated[str, typer.Option("--rectified", help="option.rectified")],
        acuse: Acuse,
        request_id: RequestId = None,
        receipt_out: ReceiptOut = None,
    ) -> int:
        stated, named = _stated(file)
        key = checked_request_id(request_id or named or str(uuid.uuid4()))
        position = _position(rectified, acuse)
        return _decided(
            session, key, receipt_out, lambda lane: lane.rectify_declaration(stated, position, key)
        )


def _register_references(group: typer.Typer) -> None:
    @command(group, "pay", connected=True)
    def declaration_pay(
        session: Session,
        number: Number,
        *,
        acuse: Acuse,
        paid_on: Annotated[str, typer.Option("--paid-on", help="declaration.paid_on")],
        request_id: RequestId = None,
        receipt_out: ReceiptOut = None,
    ) -> int:
        key = checked_request_id(request_id or str(uuid.uuid4()))
        position = _position(number, acuse)
        return _decided(
            session, key, receipt_out, lambda lane: lane.pay_declaration(position, paid_on, key)
        )

    @command(group, "release", connected=True)
    def declaration_release(
        session: Session,
        number: Number,
        *,
        acuse: Acuse,
        ground: Annotated[str, typer.Option("--ground", help="option.ground")],
        request_id: RequestId = None,
        receipt_out: ReceiptOut = None,
    ) -> int:
        if ground not in GROUNDS:
            raise BadInput("declaration.ground", value=ground)
        key = checked_request_id(request_id or str(uuid.uuid4()))
        position = _position(number, acuse)
        return _decided(
            session,
            key,
            receipt_out,
            lambda lane: lane.release_declaration(position, GROUNDS[ground], key),
        )


def _stated(file: Path) -> tuple[declaration_pb2.Declaration, str]:
    return read_declaration(read_file(file), str(file))


def _position(number: str, acuse: str) -> declaration_pb2.DeclarationRef:
    return declaration_pb2.DeclarationRef(declaration_number=number, acceptance_code=acuse)


def _decided(
    session: Session, key: str, receipt_out: Path | None, ask: Callable[[Lane], Answer]
) -> int:
    """Asks for what is durable, and says under which key to ask again when no answer comes."""
    with session.channel() as channel:
        from descargo_client.lane import Lane  # noqa: PLC0415 - grpc is slow to import

        try:
            answer = ask(Lane(channel))
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
