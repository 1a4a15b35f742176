"""`descargo submit --watch DIR`: submits each file that is left in a folder, and files it away.

A file is accepted when every license of it got its firma; else it is rejected, with answers that
tell which rows were accepted all the same. Ctrl-C ends after the licenses under way; what was in
hand is taken up at the next start.
"""

from __future__ import annotations

import json
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol

from rich.text import Text

from descargo_client.answer_tables import require_writer
from descargo_client.cli.session import clean, problem_text, write_error
from descargo_client.cli.submit_view import result_document, summary_of
from descargo_client.cli.table_answers import TABLE_SUFFIXES, table_bytes
from descargo_client.faults import BadFile, BadInput, NotAllowed, TransportFault
from descargo_client.folder.watcher import Outcome, Watcher
from descargo_client.forms.sheets import SUFFIX as XLSX_SUFFIX
from descargo_client.intake import read_items, read_table
from descargo_client.outbox import Outbox
from descargo_client.submitting import FAULT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from descargo_client.cli.session import Session
    from descargo_client.folder.tray import Filed
    from descargo_client.forms.mapping import Mapping
    from descargo_client.forms.tables import Table
    from descargo_client.submitting import Result, Submitter


FAULTS_MAX: Final = 5
"""So often a file is tried whose license the validator has a fault with. Waiting for a validator
that is away has no such end: it will come back, and a license that it stumbles over stays one."""


class SubmitterFactory(Protocol):
    """Makes the submitter of a file."""

    def __call__(self, outbox: Outbox, *, faults_are_final: bool = False) -> Submitter:
        """A submitter with this outbox."""
        ...


class Deliverer:
    """Submits one file's content."""

    def __init__(
        self,
        session: Session,
        submitter: SubmitterFactory,
        mapping: Mapping,
        sheet: str,
    ) -> None:
        """Takes what makes a submitter for an outbox, and how tables are read."""
        self._session = session
        self._submitter = submitter
        self._mapping = mapping
        self._sheet = sheet
        self._under_way: Submitter | None = None
        self._ended = False
        self._faults: tuple[Path | None, int] = (None, 0)
        """The outbox of the file that had faults last, and how many in a row."""
        self.summary: dict[str, Any] | None = None
        """How the licenses of the last file ended; None when nothing of it was sent."""
        self.trouble = ""
        """Why nothing of the last file was sent."""

    def stop(self) -> None:
        """Ends after the licenses under way."""
        self._ended = True
        if self._under_way is not None:
            self._under_way.stop()

    def unreadable(self, name: str, why: BadInput) -> Outcome:
        """What is told about a file that cannot be read."""
        return self._refused(name, None, why)

    def submit(self, content: bytes, name: str, outbox: Path) -> Outcome | None:
        """Submits every license of the file; None when told to stop before the end."""
        table: Table | None = None
        if name.lower().endswith(XLSX_SUFFIX):
            require_writer()
        try:
            table = read_table(content, name, self._mapping, self._sheet)
            items = read_items(content, name, table, self._mapping)
        except BadInput as error:
            if error.key == "sheet.no_reader":
                raise
            return self._refused(name, table, error)
        memory = Outbox(outbox)
        try:
            of_file, faults = self._faults
            last_try = of_file == outbox and faults >= FAULTS_MAX - 1
            self._under_way = self._submitter(memory, faults_are_final=last_try)
            if self._ended:
                return None
            results = self._under_way.submit(items, lambda _: None)
        finally:
            self._under_way = None
            memory.close()
        for result in results:
            if result.state != "refused" and isinstance(result.fault, TransportFault | NotAllowed):
                self._note(outbox, result.fault)
                raise result.fault
        if any(result.state == "not_sent" for result in results):
            return None
        return self._answered(name, table, results)

    def _note(self, outbox: Path, fault: TransportFault | NotAllowed) -> None:
        """Counts faults in a row of one file; anything else between them begins anew."""
        of_file, faults = self._faults
        before = faults if of_file == outbox else 0
        self._faults = (outbox, before + 1) if fault.reason == FAULT else (None, 0)

    def _answered(self, name: str, table: Table | None, results: list[Result]) -> Outcome:
        language = self._session.language
        lines = (
            json.dumps(result_document(each, language), ensure_ascii=False) for each in results
        )
        answers = {"{name}.answers.jsonl": "".join(f"{line}\n" for line in lines).encode()}
        answers |= self._as_table(name, table, results)
        self.summary, self.trouble = summary_of(results), ""
        return Outcome(all(each.state == "firma" for each in results), answers)

    def _refused(self, name: str, table: Table | None, error: BadInput) -> Outcome:
        self.summary, self.trouble = None, error.text(self._session.language)
        written = [self.trouble]
        if isinstance(error, BadFile):
            written += [problem_text(self._session, each) for each in error.problems]
        text = "".join(f"{line}\n" for line in written)
        answers = {"{name}.errors.txt": text.encode("utf-8", "backslashreplace")}
        if isinstance(error, BadFile):
            answers |= self._as_table(name, table, error)
        return Outcome(accepted=False, answers=answers)

    def _as_table(
        self, name: str, table: Table | None, outcome: list[Result] | BadFile
    ) -> dict[str, bytes]:
        suffix = next((each for each in TABLE_SUFFIXES if name.lower().endswith(each)), "")
        if table is None or not suffix:
            return {}
        content = table_bytes(suffix, table, self._mapping, outcome, self._session.language)
        return {f"{{stem}}.answers{suffix}": content}


class _Teller:
    """Tells people, or programs, about each file."""

    def __init__(self, session: Session, deliverer: Deliverer) -> None:
        self._session = session
        self._deliverer = deliverer
        self.rejected = 0

    def filed(self, filed: Filed) -> None:
        self.rejected += not filed.accepted
        session, deliverer = self._session, self._deliverer
        summary, trouble = deliverer.summary, deliverer.trouble
        # A file that a crash left decided is filed without being submitted in this run.
        deliverer.summary, deliverer.trouble = None, ""
        if session.as_json:
            document = {
                "file": str(filed.path),
                "accepted": filed.accepted,
                "answers": [str(each) for each in filed.answers],
                "summary": summary,
                "error": trouble or None,
            }
            print(json.dumps(document, ensure_ascii=False), flush=True)  # noqa: T201 - it is the data
            return
        state = "accepted" if filed.accepted else "rejected"
        lines = [session.say(f"watch.{state}", file=filed.path)]
        if trouble:
            lines.append(f"  {clean(trouble)}")
        lines += [
            f"  {session.say(f'summary.{name}', count=summary[name])}"
            for name in ("firma", "error", "unreadable", "refused")
            if summary and summary[name]
        ]
        lines += [f"  {clean(each.name)}" for each in filed.answers]
        for line in lines:
            session.screen().print(Text(line), soft_wrap=True)

    def waiting(self, path: Path, fault: TransportFault, pause_s: float) -> None:
        write_error(self._session, fault)
        self._session.note("watch.again", file=path.name, seconds=f"{pause_s:.0f}")


def watch(
    session: Session,
    folder: Path,
    deliverer: Deliverer,
    interval_s: float,
    once: bool,
) -> int:
    """Watches the folder; ends with 1 if a file was rejected while watching once."""
    if not folder.is_dir():
        raise BadInput("watch.no_folder", folder=folder)
    teller = _Teller(session, deliverer)
    watcher = Watcher(folder, deliverer, teller, interval_s)
    try:
        with _signals(watcher.stop):
            if not once:
                session.note("watch.begin", folder=folder)
            watcher.run(once=once)
    finally:
        watcher.close()
    return 1 if once and teller.rejected else 0


@contextmanager
def _signals(stop: Callable[[], None]) -> Iterator[None]:
    """The first Ctrl-C (or SIGTERM) ends gently; the second is the usual one."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    earlier = {number: signal.getsignal(number) for number in numbers}

    def gently(number: int, frame: object) -> None:
        del frame
        signal.signal(number, earlier[signal.Signals(number)])
        stop()

    for number in numbers:
        signal.signal(number, gently)
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
