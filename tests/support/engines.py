"""The real core in this process, on a ledger file of the test's, with a test clock.

The core answers by tickets and a descriptor, as the server uses it: `answer` waits on that
descriptor for a bounded time, never by sleeping.
"""

from __future__ import annotations

import json
import select
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from descargo_server._core import Engine
from descargo_server.config.engine_settings import engine_settings
from descargo_server.refused import Refused
from tests.support.world import NOON

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from google.protobuf.message import Message

    from descargo_server._core import Caller
    from tests.support.world import World

__all__ = ["LEDGER", "ClockFile", "LiveEngine", "engine", "open_engine"]

LEDGER: Final = "ledger.sqlite3"
"""Name of the ledger's file in its folder."""
ANSWER_MAX_S: Final = 30.0
"""No answer takes so long, on the slowest machine: waiting longer would hide a lost one."""


@dataclass(frozen=True)
class ClockFile:
    """A test clock that the core reads for each decision."""

    path: Path

    def set(self, instant: datetime) -> None:
        """Moves to an instant, whole: a reader never finds an empty file."""
        unfinished = self.path.with_suffix(".new")
        unfinished.write_text(instant.isoformat(), encoding="ascii")
        unfinished.replace(self.path)

    def now(self) -> datetime:
        """The instant that it shows."""
        return datetime.fromisoformat(self.path.read_text(encoding="ascii"))

    def move(self, by: timedelta) -> None:
        """Moves forward, or backward."""
        self.set(self.now() + by)


class LiveEngine:
    """An open core, and how to wait for its answers."""

    def __init__(self, core: Engine, clock: ClockFile, ledger: Path) -> None:
        """Takes an open core; `engine` closes it."""
        self.core = core
        self.clock = clock
        self.ledger = ledger
        self._outcomes: dict[int, bytes | Refused] = {}

    def submit(self, caller: Caller, request: Message, timeout_s: float | None = None) -> bytes:
        """Answers a SubmitLicenseRequest; raises Refused."""
        ticket = self.core.submit_license(caller, request.SerializeToString(), timeout_s)
        return self.answer(ticket)

    def validate(self, caller: Caller, request: Message, timeout_s: float | None = None) -> bytes:
        """Answers a ValidateLicenseRequest; raises Refused."""
        ticket = self.core.validate_license(caller, request.SerializeToString(), timeout_s)
        return self.answer(ticket)

    def check(self, caller: Caller, request: Message) -> bytes:
        """Answers a CheckLicenseRequest; raises Refused."""
        return self.core.check_license(caller, request.SerializeToString())

    def outcome(self, caller: Caller, request: Message) -> bytes:
        """Answers a GetOutcomeRequest; raises Refused."""
        return self.core.get_outcome(caller, request.SerializeToString())

    def license(self, caller: Caller, request: Message) -> bytes:
        """Answers a GetLicenseRequest; raises Refused."""
        return self.core.get_license(caller, request.SerializeToString())

    def answer(self, ticket: int) -> bytes:
        """Waits for the answer of a ticket; raises Refused, or TimeoutError when none comes."""
        deadline = time.monotonic() + ANSWER_MAX_S
        while ticket not in self._outcomes:
            left = deadline - time.monotonic()
            readable, _, _ = select.select([self.core.wakeup_fd()], [], [], max(left, 0))
            if not readable:
                raise TimeoutError(f"ticket {ticket} has no answer after {ANSWER_MAX_S} s")
            for number, response, refusal in self.core.drain():
                if response is not None:
                    self._outcomes[number] = response
                else:
                    assert refusal is not None
                    self._outcomes[number] = Refused(*refusal)
        outcome = self._outcomes.pop(ticket)
        if isinstance(outcome, Refused):
            raise outcome
        return outcome


def open_engine(
    world: World, folder: Path, *, clock: datetime | None = NOON, **settings: Any
) -> LiveEngine:
    """Opens the core on `folder`, which keeps its ledger and its clock; the caller closes it.

    With `clock=None` the clock stays where it stood. `settings` replace single engine settings.
    """
    clock_file = ClockFile(folder / "clock.txt")
    if clock is not None:
        clock_file.set(clock)
    ledger = folder / LEDGER
    told = json.loads(engine_settings(world.configuration))
    told |= {"ledger_path": str(ledger), "clock_path": str(clock_file.path)} | settings
    return LiveEngine(Engine(json.dumps(told)), clock_file, ledger)


@contextmanager
def engine(
    world: World, folder: Path, *, clock: datetime | None = NOON, **settings: Any
) -> Iterator[LiveEngine]:
    """The same, closed at the end."""
    live = open_engine(world, folder, clock=clock, **settings)
    try:
        yield live
    finally:
        live.core.close()
