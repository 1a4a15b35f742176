"""What a person needs to go on after the demo: files, and commands that work as printed."""

from __future__ import annotations

import json
import shlex
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from descargo_server.demo.exercises import NUEVO_LAREDO, Exercise, declaration_document
from descargo_server.demo.folder import DECLARATIONS, LICENSES, PROFILES, RECEIPTS
from descargo_server.demo.grants import submission_document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from descargo_server.demo.story import Story

__all__ = ["Command", "Named", "commands", "serve_command", "write_files"]

SUBMISSION_FILE: Final = Path(LICENSES, "new.jsonl")
DECLARATION_FILE: Final = Path(DECLARATIONS, "nuevo-laredo.json")
INDENT: Final = "  "


@dataclass(frozen=True, slots=True)
class Command:
    """A command with the key of the text that says what it does."""

    explained: str
    words: tuple[str, ...]

    def lines(self, width: int) -> list[str]:
        """The command in lines that a shell takes as one, broken before an option."""
        lines = [INDENT]
        for phrase in _phrases(self.words):
            joined = f"{lines[-1]} {phrase}" if lines[-1].strip() else f"{lines[-1]}{phrase}"
            if len(joined) + len(" \\") <= width or not lines[-1].strip():
                lines[-1] = joined
            else:
                lines.append(f"{INDENT * 2}{phrase}")
        return [*(f"{line} \\" for line in lines[:-1]), lines[-1]]


@dataclass(frozen=True, slots=True)
class Named:
    """What commands name that came about in the demo."""

    first_request_id: str
    """Key of the first exercise."""
    receipt: str
    """File of a receipt."""
    cursor: str
    """Of the feed, before the movements that were shown."""
    told: int
    """Events after the cursor."""


def write_files(folder: Path, story: Story) -> None:
    """Writes a license that was not submitted and a declaration that was not exercised."""
    submission = submission_document(story.grants.by_hand, story.start)
    line = json.dumps(submission, ensure_ascii=False)
    (folder / SUBMISSION_FILE).write_text(f"{line}\n", encoding="utf-8")
    wood = story.grants.wood
    exercise = Exercise(NUEVO_LAREDO, wood, 4, "50", "12500")
    declaration = declaration_document(exercise, story.firmas[wood.number], story.start.day)
    # With its key in the file, the command may be repeated and still draws once.
    document = {"request_id": str(uuid.uuid4()), "declaration": declaration}
    written = json.dumps(document, ensure_ascii=False, indent=2)
    (folder / DECLARATION_FILE).write_text(f"{written}\n", encoding="utf-8")


def commands(folder: Path, story: Story, named: Named, language: str) -> list[Command]:
    """The client's commands, in an order in which each has what it needs."""
    client = (_program("descargo"),)
    spoken = () if language == "es" else ("--lang", language)

    def at(*parts: str) -> str:
        return str(folder.joinpath(*parts))

    def profile(name: str) -> tuple[str, str]:
        return "--profile", at(PROFILES, f"{name}.toml")

    efirma = {ending: at("efirma", f"se.{ending}") for ending in ("key", "cer", "password")}
    pair = ("--key", efirma["key"], "--cert", efirma["cer"])
    signing = (*pair, "--password-file", efirma["password"])
    steel = story.grants.steel
    declaration = ("--file", at(str(DECLARATION_FILE)))
    lane = profile(NUEVO_LAREDO.lane)
    kept = ("--receipt-out", at(RECEIPTS, "by-hand.json"))
    shown = ("show", steel.permit_key, steel.number)
    # Told from where the table of the feed begins, and no further, so that it ends by itself.
    since = ("--since", named.cursor, "--count", str(named.told))
    exhausted = ("list", "--filter", 'status = "EXHAUSTED"')
    return [
        Command(f"hand_{name}", (*client, *words, *spoken))
        for name, words in (
            ("submit", ("submit", at(str(SUBMISSION_FILE)), *profile("se"), *signing)),
            ("check", ("check", *profile("broker"), *declaration)),
            ("validate", ("validate", *lane, *declaration, *kept)),
            ("outcome", ("outcome", named.first_request_id, *lane)),
            ("verify", ("verify", at(RECEIPTS, named.receipt), "--key", at("receipt.pub.pem"))),
            ("show", ("license", *shown, *profile("se"))),
            ("watch", ("watch", *profile("se"), *since)),
            ("list", ("license", *exhausted, *profile("se"))),
        )
    ]


def serve_command(folder: Path) -> Command:
    """Starts the demo's server by hand."""
    config = str(folder / "descargo.toml")
    return Command("hand_serve", (_program("descargo-server"), "serve", "--config", config))


def _program(name: str) -> str:
    """How to call a program of this installation from where the person stands.

    Always by its path: the other terminal may know nothing of this environment.
    """
    installed = Path(sys.executable).parent / name
    if not installed.is_file():
        return name
    try:
        return str(installed.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(installed)


def _phrases(words: Sequence[str]) -> list[str]:
    """Words quoted for a shell, each option with its value, and what stands before the first."""
    phrases: list[str] = []
    for word in words:
        quoted = shlex.quote(word)
        if word.startswith("--") or not phrases:
            phrases.append(quoted)
        else:
            phrases[-1] = f"{phrases[-1]} {quoted}"
    return phrases
