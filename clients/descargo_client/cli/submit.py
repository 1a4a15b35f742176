"""`descargo submit`: reads a file of licenses, signs each, sends them, and shows how each ended."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path  # noqa: TC003 - typer reads it
from typing import TYPE_CHECKING, Annotated, Final

import typer

from descargo_client import answer_tables
from descargo_client.agency import Form  # noqa: TC001 - typer reads it
from descargo_client.cli.options import command, validator_of
from descargo_client.cli.session import Session, read_file, write_whole
from descargo_client.cli.submit_view import (
    exit_code_of,
    print_report,
    report_document,
    result_document,
)
from descargo_client.faults import BadFile, BadInput
from descargo_client.forms.mapping import NO_MAPPING, read_mapping
from descargo_client.intake import CSV_SUFFIX, read_items, read_table
from descargo_client.outbox import SUFFIX, Outbox

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

    from descargo_client.forms.items import Item
    from descargo_client.forms.mapping import Mapping
    from descargo_client.forms.tables import Table
    from descargo_client.signing import Signer
    from descargo_client.submitting import Result
    from descargo_client.texts import Language

PARALLEL: Final = 8
PARALLEL_MAX: Final = 64
XLSX_SUFFIX: Final = ".xlsx"
TABLE_SUFFIXES: Final = (XLSX_SUFFIX, CSV_SUFFIX)


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @command(app, "submit", connected=True)
    def submit(  # noqa: PLR0917 - one parameter for each option
        session: Session,
        file: Annotated[Path, typer.Argument(help="argument.submissions")],
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
    ) -> int:
        content, words = read_file(file), mapping_of(mapping)
        table = read_table(content, str(file), words, sheet)
        places = _places(file, table, answers, receipt_out)
        try:
            items = read_items(content, str(file), table, words)
        except BadFile as bad:
            _write_table(session, places[1], table, bad)
            raise
        addressee = validator_of(session.options, validator)
        if not addressee and not all(each.problems or each.submission.validator for each in items):
            raise BadInput("submit.no_validator")
        connection = session.connection()
        signer = open_signer(session, key, cert, password_file)
        memory = Outbox(outbox or outbox_path(file))
        out = _open_answers(places[0])
        try:
            from descargo_client.submitting import Submitter  # noqa: PLC0415 - grpc is slow to import

            submitter = Submitter(
                connection, signer, memory, addressee, lambda: datetime.now(UTC), parallel, form
            )
            results = _run(session, submitter.submit, items, out)
        except KeyboardInterrupt:
            session.note("submit.again")
            raise
        finally:
            memory.close()
            if out is not None:
                out.close()
        _write_table(session, places[1], table, results)
        if session.as_json:
            session.write_json(report_document(str(file), results, session.language))
        else:
            print_report(session, str(file), results)
        return exit_code_of(results)


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
        return receipt_out, answers
    written_back = file.suffix.lower() == XLSX_SUFFIX
    return answers or receipt_out, answered_path(file) if written_back else None


def answered_path(file: Path) -> Path:
    """Where a table is written back if nothing else is said: beside it."""
    return file.with_name(f"{file.stem}.answers{file.suffix}")


def table_bytes(
    path: Path, table: Table, outcome: list[Result] | BadFile, language: Language
) -> bytes:
    """The table with the answers, or with what is wrong with it, in the format of the path."""
    if isinstance(outcome, BadFile):
        rows = answer_tables.answers_of_problems(table, outcome.problems, language)
    else:
        rows = answer_tables.answers_of(outcome, language)
    write = (
        answer_tables.csv_bytes if path.suffix.lower() == CSV_SUFFIX else answer_tables.xlsx_bytes
    )
    return write(table, rows, language)


def _write_table(
    session: Session, path: Path | None, table: Table | None, outcome: list[Result] | BadFile
) -> None:
    if path is None or table is None:
        return
    write_whole(path, table_bytes(path, table, outcome, session.language))
    session.note("answers.written", file=path)


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


def _open_answers(path: Path | None) -> TextIO | None:
    if path is None:
        return None
    try:
        return path.open("w", encoding="utf-8")
    except OSError as error:
        raise BadInput("file.unwritable", file=path, why=error.strerror or error) from error


def _run(
    session: Session,
    submit: Callable[[list[Item], Callable[[Result], None]], list[Result]],
    items: list[Item],
    out: TextIO | None,
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
            if out is not None:
                document = result_document(result, session.language)
                out.write(json.dumps(document, ensure_ascii=False) + "\n")
                out.flush()
            bar.advance(task)

        return submit(items, done)
