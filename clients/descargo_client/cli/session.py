"""What every command shares: language, output, the connection, and how errors are written.

Data goes to standard output, everything else to standard error. With `-o json` both carry one JSON
object with stable names, in UTF-8, nothing escaped.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from rich.console import Console
from rich.text import Text

from descargo_client.faults import BadFile, BadInput, CallFault, ClientError
from descargo_client.texts import Language, text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from descargo_client.channel import Channel
    from descargo_client.connection import Connection

Output = Literal["table", "json"]
WIDTH_WITHOUT_TERMINAL = 110


@dataclass(frozen=True, slots=True)
class Session:
    """One run of one command."""

    output: Output
    """How data is written."""
    language: Language
    """Language of texts for people."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Connection options as given on the command line or in the environment."""

    @property
    def as_json(self) -> bool:
        """Whether data is written as JSON."""
        return self.output == "json"

    def say(self, key: str, **values: object) -> str:
        """Returns a text of the catalogue, free of control characters."""
        return clean(text(key, self.language, **values))

    def screen(self) -> Console:
        """Where people read data."""
        return _console(sys.stdout)

    def aside(self) -> Console:
        """Where people read everything else."""
        return _console(sys.stderr)

    def write_json(self, document: object) -> None:
        """Writes one JSON object to standard output."""
        sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")

    def note(self, key: str, **values: object) -> None:
        """Tells the person something beside the data."""
        self.aside().print(Text(self.say(key, **values), style="dim"))

    def connection(self) -> Connection:
        """The connection of this run, from options, environment and profile."""
        from descargo_client.cli.options import connection_of  # noqa: PLC0415 - both sides meet here

        return connection_of(self.options)

    def channel(self) -> Channel:
        """Opens the channel; grpc is loaded only now, since many commands need none."""
        connection = self.connection()
        from descargo_client.channel import Channel  # noqa: PLC0415 - grpc is slow to import

        return Channel(connection)


def write_error(session: Session, error: ClientError) -> None:
    """Writes an error with all that helps to mend it."""
    if session.as_json:
        document = {"error": _error_document(error, session.language)}
        sys.stderr.write(json.dumps(document, ensure_ascii=False) + "\n")
        return
    console = session.aside()
    console.print(Text(clean(error.text(session.language)), style="bold red"))
    if isinstance(error, BadFile):
        for problem in error.problems:
            console.print(Text(problem_text(session, problem)))
    if isinstance(error, CallFault):
        for line in error.failure.fields:
            console.print(Text(f"  {clean(line)}"))
        status = error.failure.status
        reason = status if error.reason == status else f"{error.reason} ({status})"
        console.print(Text(session.say("call.reason", reason=reason), style="dim"))


def problem_text(session: Session, problem: Any) -> str:
    """One problem of a file with its place, on one line."""
    place = [session.say("place.line", line=problem.line)] if problem.line else []
    place += [f"`{clean(problem.field)}`"] if problem.field else []
    return f"  {', '.join(place)}: {clean(problem.text(session.language))}".replace("  : ", "  ")


def problem_document(problem: Any, language: Language) -> dict[str, Any]:
    """One problem of a file as an object."""
    return {
        "line": problem.line or None,
        "field": problem.field,
        "key": problem.key,
        "message": problem.text(language),
    }


def _error_document(error: ClientError, language: Language) -> dict[str, Any]:
    document: dict[str, Any] = {
        "kind": type(error).__name__,
        "exit_code": error.exit_code,
        "message": error.text(language),
    }
    if isinstance(error, CallFault):
        document |= {
            "status": error.failure.status,
            "reason": error.reason,
            "fields": list(error.failure.fields),
            "request_id": error.failure.request_id,
            "detail": error.failure.detail,
        }
    elif isinstance(error, BadFile):
        document["problems"] = [problem_document(each, language) for each in error.problems]
    else:
        document["key"] = error.key
    return document


def read_file(path: Path) -> bytes:
    """The bytes of a file, or of standard input for `-`."""
    if str(path) == "-":
        return sys.stdin.buffer.read()
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput("file.unreadable", file=path, why=error.strerror or error) from error


def write_file(path: Path, content: bytes) -> None:
    """Writes a file whole."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise BadInput("file.unwritable", file=path, why=error.strerror or error) from error


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file so that at any moment it is there whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise BadInput("file.unwritable", file=path, why=error.strerror or error) from error


def clean(written: str) -> str:
    """Text that cannot steer the terminal: control characters become visible marks."""
    return "".join(
        sign if sign.isprintable() or sign in "\n " else "\N{REPLACEMENT CHARACTER}"
        for sign in written
    )


def _console(stream: Any) -> Console:
    width = None if stream.isatty() else WIDTH_WITHOUT_TERMINAL
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)
