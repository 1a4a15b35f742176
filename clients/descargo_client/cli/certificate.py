"""`descargo certificate show`: whose a certificate is, and what it is for."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path  # noqa: TC003 - typer reads it
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from descargo_client.certificates import certificate_facts
from descargo_client.cli.options import command
from descargo_client.cli.session import Session, clean, read_file


def register(app: typer.Typer) -> None:
    """Adds the commands about certificates."""
    group = typer.Typer(help="help_group.certificate", no_args_is_help=True)
    app.add_typer(group, name="certificate")

    @command(group, "show", connected=False)
    def certificate_show(
        session: Session,
        file: Annotated[Path, typer.Argument(help="argument.certificate")],
    ) -> int:
        facts = asdict(certificate_facts(read_file(file)))
        if session.as_json:
            session.write_json(facts)
            return 0
        table = Table.grid(padding=(0, 2))
        for name, value in facts.items():
            shown = session.say(f"certificate_kind.{value}") if name == "kind" else clean(value)
            table.add_row(
                Text(session.say(f"certificate_word.{name}"), style="dim"), Text(shown or "-")
            )
        session.screen().print(table)
        return 0
