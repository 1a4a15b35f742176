"""`descargo submit`: reads a file of licenses, signs each, sends them, and shows how each ended."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path  # noqa: TC003 - typer reads it
from typing import TYPE_CHECKING, Annotated, Final

import typer

from descargo_client.agency import Form  # noqa: TC001 - typer reads it
from descargo_client.cli.answer_lines import AnswerLines
from descargo_client.cli.options import command, validator_of
from descargo_client.cli.session import Session, read_file
from descargo_client.cli.submit_view import (
    exit_code_of,
    print_report,
    report_document,
    result_document,
)
from descargo_client.cli.table_answers import (
    TABLE_SUFFIXES,
    answered_path,
    check_place,
    write_table,
)
from descargo_client.faults import BadFile, BadInput
from descargo_client.forms.mapping import NO_MAPPING, read_mapping
from descargo_client.forms.sheets import SUFFIX as XLSX_SUFFIX
from descargo_client.intake import read_items, read_table
from descargo_client.outbox import SUFFIX, Outbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from descargo_client.cli.submit_watch import SubmitterFactory
    from descargo_client.connection import Connection
    from descargo_client.forms.items import Item
    from descargo_client.forms.mapping import Mapping
    from descargo_client.forms.tables import Table
    from descargo_client.signing import Signer
    from descargo_client.submitting import Result, Submitter

    SubmitAll = Callable[[list[Item], Callable[[Result], None]], list[Result]]

PARALLEL: Final = 8
PARALLEL_MAX: Final = 64
EVERY_S: Final = 5.0
EVERY_MIN_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class _How:
    """Who signs, to whom, in which form, and how many at a time or over one stream."""

    key: Path
    cert: Path
    password_file: Path | None
    validator: str | None
    parallel: int
    form: Form
    stream: bool


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @command(app, "submit", connected=True)
    def submit(
        session: Session,
        file: Annotated[Path | None, typer.Argument(help="argument.submissions")] = None,
        *,
        key: Annotated[Path, typer.Option("--key", help="option.key")],
        cert: Annotated[Path, typer.Option("--cert", help="option.cert")],
        password_file: Annotated[
            Path | None, typer.Option("--password-file", help="option.password_file")
        ] = None,
        validator: Annotated[
            str | None,
            typer.Option("--validator", envvar="DESCARGO_VALIDATOR", help="option.validator"),
        ] = None,
        mapping: Annotated[Path | None, typer.Option("--mapping", help="option.mapping")] = None,
        sheet: Annotated[str, typer.Option("--sheet", help="option.sheet")] = "",
        answers: Annotated[Path | None, typer.Option("--answers", help="option.answers")] = None,
        receipt_out: Annotated[
            Path | None, typer.Option("--receipt-out", help="option.receipts_out")
        ] = None,
        outbox: Annotated[Path | None, typer.Option("--outbox", help="option.outbox")] = None,
        parallel: Annotated[
            int, typer.Option("--parallel", min=1, max=PARALLEL_MAX, help="option.parallel")
        ] = PARALLEL,
        form: Annotated[Form, typer.Option("--form", help="option.form")] = "payload",
        stream: Annotated[bool, typer.Option("--stream", help="option.stream")] = False,
        watch: Annotated[Path | None, typer.Option("--watch", help="option.watch")] = None,
        every_s: Annotated[
            float, typer.Option("--every", min=EVERY_MIN_S, max=3600.0, help="option.every")
        ] = EVERY_S,
        once: Annotated[bool, typer.Option("--once", help="option.once")] = False,
    ) -> int:
        how = _How(key, cert, password_file, validator, parallel, form, stream)
        words = mapping_of(mapping)
        if watch is not None:
            if file is not None or answers or receipt_out or outbox or stream:
                raise BadInput("watch.alone")
            return _watch(session, how, watch, words, sheet, every_s, once)
        if file is None:
            raise BadInput("submit.nothing")
        content = read_file(file)
        table = read_table(content, str(file), words, sheet)
        if table is None and (mapping is not None or sheet):
            raise BadInput("mapping.no_table", file=file)
        places = _places(file, table, answers, receipt_out)
        try:
            items = read_items(content, str(file), table, words)
        except BadFile as bad:
            write_table(session, places[1], table, words, bad)
            raise
        stated = all(each.problems or each.submission.validator for each in items)
        submit_all = _submit_all(session, how, outbox or outbox_path(file), stated=stated)
        results = _submit_items(session, submit_all, items, places[0])
        # The report first: what was sent is known even where the table cannot be written.
        if session.as_json:
            session.write_json(report_document(str(file), results, session.language))
        else:
            print_report(session, str(file), results)
        write_table(session, places[1], table, words, results)
        return exit_code_of(results)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who signs and sends, and to whom."""

    connection: Connection
    signer: Signer
    validator: str


def _sender(session: Session, how: _How, *, stated: bool) -> Sender:
    """Opens the key, once; `stated`: the items name their validator themselves."""
    addressee = validator_of(session.options, how.validator)
    if not addressee and not stated:
        raise BadInput("submit.no_validator")
    connection = session.connection()
    signer = open_signer(session, how.key, how.cert, how.password_file)
    return Sender(connection, signer, addressee)


def _submitter(session: Session, how: _How, *, stated: bool) -> SubmitterFactory:
    """What makes a submitter for an outbox."""
    sender = _sender(session, how, stated=stated)
    from descargo_client.submitting import Submitter  # noqa: PLC0415 - grpc is slow to import

    def make(outbox: Outbox, *, faults_are_final: bool = False) -> Submitter:
        return Submitter(
            sender.connection,
            sender.signer,
            outbox,
            sender.validator,
            lambda: datetime.now(UTC),
            how.parallel,
            how.form,
            faults_are_final=faults_are_final,
        )

    return make


def _submit_all(session: Session, how: _How, outbox: Path | None, *, stated: bool) -> SubmitAll:
    """What submits the items of a file: one by one, or over one stream."""
    if how.stream:
        from descargo_client.cli import submit_stream  # noqa: PLC0415 - grpc is slow to import

        sender = _sender(session, how, stated=stated)
        return submit_stream.over_a_stream(session, sender, outbox, how.form)
    submitter = _submitter(session, how, stated=stated)

    def submit(items: list[Item], done: Callable[[Result], None]) -> list[Result]:
        with closing(Outbox(outbox)) as memory:
            return submitter(memory).submit(items, done)

    return submit


def _submit_items(
    session: Session, submit_all: SubmitAll, items: list[Item], answers: Path | None
) -> list[Result]:
    try:
        with closing(AnswerLines(answers)) as out:
            return _run(session, submit_all, items, out)
    except KeyboardInterrupt:
        session.note("submit.again")
        raise


def _watch(  # noqa: PLR0917 - each is a different thing
    session: Session,
    how: _How,
    folder: Path,
    words: Mapping,
    sheet: str,
    every_s: float,
    once: bool,
) -> int:
    submitter = _submitter(session, how, stated=False)
    from descargo_client.cli import submit_watch  # noqa: PLC0415 - grpc is slow to import

    deliverer = submit_watch.Deliverer(session, submitter, words, sheet)
    return submit_watch.watch(session, folder, deliverer, every_s, once)


def mapping_of(path: Path | None) -> Mapping:
    """The mapping that was given, or none."""
    return NO_MAPPING if path is None else read_mapping(read_file(path), str(path))


def _places(
    file: Path, table: Table | None, answers: Path | None, receipt_out: Path | None
) -> tuple[Path | None, Path | None]:
    """Where answers go: as JSON lines, and as the table written back."""
    as_table = answers is not None and answers.suffix.lower() in TABLE_SUFFIXES
    if as_table and table is None:
        raise BadInput("answers.table", answers=answers, file=file)
    for place in (answers, receipt_out):
        if place is not None and place.absolute() == file.absolute():
            raise BadInput("answers.same", file=file)
    if as_table:
        lines, back = receipt_out, answers
    else:
        lines, back = answers or receipt_out, None
        if file.suffix.lower() == XLSX_SUFFIX:
            back = answered_path(file)
    if back is not None:
        check_place(back)
    return lines, back


def outbox_path(file: Path) -> Path | None:
    """Where the outbox of a file is: beside it. Standard input has none."""
    return None if str(file) == "-" else file.with_name(file.name + SUFFIX)


def open_signer(session: Session, key: Path, cert: Path, password_file: Path | None) -> Signer:
    """Opens the e.firma; asks for the password when no file has it."""
    from descargo_client import signing  # noqa: PLC0415 - cryptography is slow to import

    key_content, cert_content = read_file(key), read_file(cert)
    password: bytes | None = None
    if password_file is not None:
        password = signing.read_password(password_file)
        if signing.is_open_to_others(password_file):
            session.note("password.open", file=password_file)
    elif signing.is_encrypted(key_content):
        password = signing.ask_password(session.say("password.prompt", file=key))
    return signing.load_signer(cert_content, key_content, password)


def _run(
    session: Session,
    submit_all: SubmitAll,
    items: list[Item],
    out: AnswerLines,
) -> list[Result]:
    """Submits with a progress bar on a terminal; each answer is written as soon as it is there."""
    from rich.progress import (  # noqa: PLC0415 - only this command has a bar
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = session.aside()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    hidden = not console.is_terminal
    with Progress(*columns, console=console, disable=hidden, transient=True) as bar:
        task = bar.add_task(session.say("submit.progress"), total=len(items))

        def done(result: Result) -> None:
            out.write(result_document(result, session.language))
            bar.advance(task)

        return submit_all(items, done)
