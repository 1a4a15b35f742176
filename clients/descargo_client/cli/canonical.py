"""`descargo canonical show`: the cadena original of a file's licenses, as it would be signed."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import replace
from pathlib import Path  # noqa: TC003 - typer reads it
from typing import TYPE_CHECKING, Annotated, Any

import typer

from descargo.v1 import submission_pb2
from descargo_client.agency import SUBMISSION_TYPE
from descargo_client.canonical import canonical_string
from descargo_client.cli.options import command
from descargo_client.cli.session import Session, read_file
from descargo_client.cli.submit import mapping_of
from descargo_client.faults import BadFile, Problem
from descargo_client.intake import read_items, read_table

if TYPE_CHECKING:
    from descargo_client.forms.items import Item


def register(app: typer.Typer) -> None:
    """Adds the commands about canonical strings."""
    group = typer.Typer(help="help_group.canonical", no_args_is_help=True)
    app.add_typer(group, name="canonical")

    @command(group, "show", connected=False)
    def canonical_show(
        session: Session,
        file: Annotated[Path, typer.Argument(help="argument.submissions")],
        validator: Annotated[
            str | None,
            typer.Option("--validator", envvar="DESCARGO_VALIDATOR", help="option.validator"),
        ] = None,
        mapping: Annotated[Path | None, typer.Option("--mapping", help="option.mapping")] = None,
        sheet: Annotated[str, typer.Option("--sheet", help="option.sheet")] = "",
    ) -> int:
        content, words = read_file(file), mapping_of(mapping)
        table = read_table(content, str(file), words, sheet)
        items = read_items(content, str(file), table, words)
        shown, problems = _strings(items, validator or "")
        if problems:
            raise BadFile(str(file), tuple(problems))
        if session.as_json:
            session.write_json({"file": str(file), "items": shown})
            return 0
        for each in shown:
            # Not through a console, which would wrap it: this is to be signed as it stands.
            sys.stdout.write(each["canonical_string"] + "\n")
            session.aside().print(f"sha256 {each['sha256']}")
            if each["missing"]:
                session.note("canonical.incomplete", fields=", ".join(each["missing"]))
        return 0


def _strings(items: list[Item], validator: str) -> tuple[list[dict[str, Any]], list[Problem]]:
    """What is shown of each item, and everything that cannot be."""
    shown: list[dict[str, Any]] = []
    problems: list[Problem] = []
    for item in items:
        problems += item.problems
        if item.problems:
            continue
        submission = _stated(item.submission, validator)
        try:
            written = canonical_string(submission)
        except BadFile as error:
            problems += (replace(each, line=item.lines[0]) for each in error.problems)
            continue
        missing = [] if submission.validator else ["validator"]
        missing += [] if submission.HasField("signed_at") else ["signed_at"]
        shown.append(
            {
                "lines": list(item.lines),
                "license": item.name,
                "canonical_string": written,
                "sha256": hashlib.sha256(written.encode()).hexdigest(),
                "missing": missing,
            }
        )
    return shown, problems


def _stated(submission: submission_pb2.Submission, validator: str) -> submission_pb2.Submission:
    """The submission with what needs no clock to be known."""
    stated = submission_pb2.Submission()
    stated.CopyFrom(submission)
    stated.type = stated.type or SUBMISSION_TYPE
    stated.validator = stated.validator or validator
    stated.version = stated.version or 1
    return stated
