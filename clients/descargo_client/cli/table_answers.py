"""Where a table goes when it is written back with its answers, and in which format."""

from __future__ import annotations

import errno
import itertools
import os
from typing import TYPE_CHECKING, Final

from descargo_client import answer_tables
from descargo_client.cli.session import write_whole
from descargo_client.faults import BadFile, BadInput
from descargo_client.forms.rows import titles_of
from descargo_client.forms.sheets import SUFFIX as XLSX_SUFFIX
from descargo_client.intake import CSV_SUFFIX

if TYPE_CHECKING:
    from pathlib import Path

    from descargo_client.cli.session import Session
    from descargo_client.forms.mapping import Mapping
    from descargo_client.forms.tables import Table
    from descargo_client.submitting import Result
    from descargo_client.texts import Language

TABLE_SUFFIXES: Final = (XLSX_SUFFIX, CSV_SUFFIX)


def answered_path(file: Path) -> Path:
    """Where a table is written back if nothing else is said: beside it, over nothing.

    Somebody may be mending the answers of an earlier run.
    """
    names = (f".{count}" if count > 1 else "" for count in itertools.count(1))
    paths = (file.with_name(f"{file.stem}.answers{name}{file.suffix}") for name in names)
    return next(path for path in paths if not path.exists())


def check_place(path: Path) -> None:
    """Raises BadInput where a table could not be written, before anything is sent."""
    if path.suffix.lower() == XLSX_SUFFIX:
        answer_tables.require_writer()
    if not path.parent.is_dir():
        raise BadInput("file.unwritable", file=path, why=os.strerror(errno.ENOENT))


def table_bytes(
    suffix: str, table: Table, words: Mapping, outcome: list[Result] | BadFile, language: Language
) -> bytes:
    """The table with the answers, or with what is wrong with it, in the format of the suffix."""
    if isinstance(outcome, BadFile):
        rows = answer_tables.answers_of_problems(table, outcome.problems, language)
    else:
        rows = answer_tables.answers_of(outcome, language, titles_of(table, words))
    write = answer_tables.csv_bytes if suffix.lower() == CSV_SUFFIX else answer_tables.xlsx_bytes
    return write(table, rows, language)


def write_table(
    session: Session,
    path: Path | None,
    table: Table | None,
    words: Mapping,
    outcome: list[Result] | BadFile,
) -> None:
    """Writes the table back, if there is one and a place for it."""
    if path is None or table is None:
        return
    write_whole(path, table_bytes(path.suffix, table, words, outcome, session.language))
    session.note("answers.written", file=path)
