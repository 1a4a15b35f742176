"""Runs the demo from its folder to its end, and says plainly when it cannot."""

from __future__ import annotations

import json
import signal
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from descargo_client.faults import ClientError
from descargo_client.receipts import (
    ReceiptInvalid,
    load_public_key,
    read_receipts,
    saved_receipt,
    verify_receipt,
)
from descargo_server.admin.exit_codes import FAILED, OK
from descargo_server.admin.terminal import complain
from descargo_server.demo.agency_scene import AgencyScene
from descargo_server.demo.by_hand import Named, commands, serve_command, write_files
from descargo_server.demo.cast import Cast
from descargo_server.demo.folder import (
    RECEIPTS,
    FolderBusy,
    FolderForeign,
    clear,
    fill,
    locked,
    write_profiles,
)
from descargo_server.demo.grants import Grants, Start
from descargo_server.demo.screen import Screen
from descargo_server.demo.server_process import ServerProcess, ServerUnwell
from descargo_server.demo.story import StepFailed, Story

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType

    from descargo.v1.verdict_pb2 import Answer
    from descargo_server.demo.agency_scene import Fed
    from descargo_server.demo.texts import Texts

__all__ = ["play"]

INTERRUPTED: Final = 130
"""Exit code of a demo that Ctrl-C ended before its end, as shells have it."""
TERMINATED: Final = 143
"""Exit code after SIGTERM, as shells have it."""


class _Terminated(BaseException):
    """SIGTERM came."""


class _NoAnswer(Exception):  # noqa: N818 - it says what happened
    """A call or a file of the demo failed where an answer was expected."""

    def __init__(self, section: str, error: ClientError) -> None:
        super().__init__(section)
        self.section = section
        self.error = error


def play(folder: Path, texts: Texts, *, once: bool) -> int:
    """Plays the demo in its folder; returns the exit code, with no process left."""
    try:
        with _terminable(), locked(folder):
            _Demo(folder, texts).run(stay=sys.stdout.isatty() and not once)
    except KeyboardInterrupt:
        complain(texts.say("interrupted"))
        return INTERRUPTED
    except _Terminated:
        complain(texts.say("interrupted"))
        return TERMINATED
    except (FolderForeign, FolderBusy, ServerUnwell, StepFailed, _NoAnswer, OSError) as failure:
        complain(_what_failed(failure, folder, texts))
        return FAILED
    return OK


class _Demo:
    """One run."""

    def __init__(self, folder: Path, texts: Texts) -> None:
        self._folder = folder
        self._texts = texts
        self._screen = Screen(texts)
        self._start = Start(datetime.now(UTC).replace(microsecond=0))
        self._section = "preparing"
        self._receipts: list[Path] = []

    def run(self, *, stay: bool) -> None:
        """Makes the folder, starts the server, plays, and stays up if it is told to."""
        clear(self._folder)
        self._screen.title()
        self._screen.note("preparing", folder=self._folder)
        fill(self._folder, self._start.at)
        with ServerProcess(self._folder) as server:
            write_profiles(self._folder, server.port)
            self._screen.note("serving", port=server.port)
            try:
                self._play(server.port, stay=stay)
            except ClientError as error:
                raise _NoAnswer(self._section, error) from error
            if stay:
                self._stay(server)
        if stay:
            self._screen.note("ended")

    def _play(self, port: int, *, stay: bool) -> None:
        screen, grants = self._screen, Grants(self._start.day.year)
        with Cast(self._folder, port, self._start) as cast:
            story = Story(cast, self._start, grants)
            self._begin("section_issue")
            screen.issued(story.issue_licenses())
            self._begin("section_exercise")
            drawn = story.exercise_licenses()
            screen.drawn(drawn)
            self._begin("section_forge")
            screen.forged(story.forge_licenses())
            self._begin("section_correct")
            screen.corrected(story.correct_license())
            self._begin("section_agency")
            fed = self._agency_at_work(story)
        self._begin("section_prove")
        self._prove(story)
        write_files(self._folder, story)
        self._offer(story, drawn[0].request_id, fed, stay=stay)

    def _agency_at_work(self, story: Story) -> Fed:
        """A stream that is cut, a suspension that binds at once, and the feed of it all."""
        scene = AgencyScene(story)
        self._screen.streamed(scene.stream_licenses())
        self._screen.stopped(scene.stop_license())
        fed = scene.follow_feed()
        self._screen.fed(fed)
        return fed

    def _begin(self, section: str) -> None:
        self._section = section
        self._screen.section(section)

    def _prove(self, story: Story) -> None:
        """Saves every receipt and checks it from its file, with the public key alone."""
        key_file = self._folder / "receipt.pub.pem"
        key = load_public_key(key_file.read_bytes())
        proved = 0
        for number, (name, answers) in enumerate(story.answers, start=1):
            path = self._folder / RECEIPTS / f"{number:02}-{name}.json"
            _save_receipts(path, answers)
            for presented in read_receipts(path.read_bytes()):
                verify_receipt(presented, key)
                proved += 1
            self._receipts.append(path)
        kept = len(story.every_answer())
        if proved != kept:
            raise StepFailed("step_prove", key_file.name, str(kept), str(proved))
        (presented,) = read_receipts(self._receipts[0].read_bytes())
        payload = presented.receipt.payload
        presented.receipt.payload = payload[:-1] + bytes([payload[-1] ^ 1])
        try:
            verify_receipt(presented, key)
        except ReceiptInvalid:
            self._screen.note("note_proved", count=proved, file=key_file)
            return
        raise StepFailed("step_prove", self._receipts[0].name, "ReceiptInvalid", "OK")

    def _offer(self, story: Story, first_request_id: str, fed: Fed, *, stay: bool) -> None:
        """Shows the commands to go on with."""
        self._begin("section_hand")
        self._screen.note("hand_up" if stay else "hand_down", here=Path.cwd())
        receipt = next(each.name for each in self._receipts if "exercise" in each.name)
        language = self._texts.language
        named = Named(first_request_id, receipt, fed.cursor, fed.told)
        offered = commands(self._folder, story, named, language)
        for command in [*([] if stay else [serve_command(self._folder)]), *offered]:
            self._screen.command(command.explained, command.lines(self._screen.width))

    def _stay(self, server: ServerProcess) -> None:
        """Waits for Ctrl-C; a server that ends by itself meanwhile is a failure."""
        self._screen.staying()
        try:
            server.wait()
        except KeyboardInterrupt:
            return
        raise ServerUnwell(server.last_words())


def _save_receipts(path: Path, answers: Sequence[Answer]) -> None:
    """One as `descargo validate` keeps it; several in a file are one on each line."""
    indent = 2 if len(answers) == 1 else None
    documents = (saved_receipt(answer) for answer in answers)
    lines = [json.dumps(each, ensure_ascii=False, indent=indent) for each in documents]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _what_failed(failure: Exception, folder: Path, texts: Texts) -> str:
    """One message that says which step went wrong, and what was expected."""
    log = folder / "server.log"
    match failure:
        case FolderForeign():
            return texts.say("folder_foreign", folder=folder)
        case FolderBusy():
            return texts.say("folder_busy", folder=folder)
        case ServerUnwell():
            return f"{texts.say('server_unwell', log=log)}\n{failure}"
        case StepFailed():
            said = {"expected": failure.expected, "got": failure.got, "log": log}
            step = texts.say(failure.step)
            return texts.say("step_failed", step=step, subject=failure.subject, **said)
        case _NoAnswer():
            why = failure.error.text("es" if texts.language == "es" else "en")
            return texts.say("call_failed", step=texts.say(failure.section), why=why, log=log)
        case OSError():
            why = (failure.strerror or str(failure)).lower()
            return texts.say("folder_unusable", file=failure.filename or folder, why=why)
    raise failure


@contextmanager
def _terminable() -> Iterator[None]:
    """Turns SIGTERM into an exception, so that the server is stopped on the way out."""

    def stop(_: int, __: FrameType | None) -> NoReturn:
        raise _Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
