"""SIGKILL at any moment loses nothing that was acknowledged, and doubles nothing that was resent.

Real processes, mTLS, a file of SQLite. The kill comes while lanes draw on one hot and several other
licenses and an agency submits new ones; the moment is random, within a run that a seed repeats
as far as threads allow.
"""

from __future__ import annotations

import itertools
import random
import shutil
import threading
from collections import Counter
from typing import TYPE_CHECKING, Final

from descargo.v1 import submission_service_pb2, validation_service_pb2
from tests.faults.traffic import (
    EXERCISE,
    OUTCOME,
    SUBMIT,
    Ask,
    Client,
    Licenses,
    agency_asks,
    lane_asks,
    outcome_of,
    raw_call,
)
from tests.support import books, messages
from tests.support.engines import LEDGER
from tests.support.servers import server
from tests.support.world import LANE, OTHER_LANE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.servers import Server
    from tests.support.world import World

ENDS: Final = 26
"""Four of them are orderly: 22 kills."""
FIRST_START_KILLS: Final = 4
FIRST_STARTS_MAX: Final = 30
ANSWERS_MAX: Final = 60
"""At most so many answers between two kills."""
ASKED_AGAIN_MAX: Final = 60
"""Outcomes asked for after each start; all are asked for in the end. The lanes go on meanwhile, so
that asking for all of them each time would take longer each time."""
PROGRESS_MAX_S: Final = 60.0
LICENSES: Final = 6
PLENTY: Final = "1000000"
SCALE: Final = 100_000
"""One unit in the ledger's rows."""


def test_kills_lose_no_acknowledged_draw_and_double_none(world: World, tmp_path: Path) -> None:
    dice = random.Random("kills")  # noqa: S311 - a test's dice
    with server(world, tmp_path) as live:
        licenses = Licenses()
        issue_first(live, licenses)
        answered: list[Ask] = []
        clients = start_clients(live, licenses, answered)
        outcome_calls = {
            caller: raw_call(live.channel(caller), OUTCOME) for caller in (LANE, OTHER_LANE)
        }
        seen = 0
        in_doubt: dict[tuple[str, str], bytes] = {}
        for kill in range(ENDS):
            await_answers(clients, dice.randint(1, ANSWERS_MAX))
            # Not for correctness: it moves the kill within a commit.
            threading.Event().wait(dice.random() / 100)
            end(live, kill)
            acknowledged = list(answered)
            stored = audit_copy(live.ledger, tmp_path / f"killed-{kill}")
            assert {ask.place for ask in acknowledged} <= stored.keys()
            for ask in acknowledged[seen:]:
                stored.pop(ask.place)
            in_doubt |= {place: stored[place] for place in stored.keys() & unanswered(clients)}
            live.start()
            fresh = acknowledged[seen:]
            check_outcomes(outcome_calls, dice.sample(fresh, min(len(fresh), ASKED_AGAIN_MAX)))
            seen = len(acknowledged)
        finish(clients)
        check_outcomes(outcome_calls, answered)
        assert live.stop() == 0
        books.audit(live.ledger, thorough=True)
        check_totals(live.ledger, answered)
        # What was decided but not told before a kill was told afterwards, unchanged.
        told = {ask.place: ask.response for ask in answered}
        assert all(told[place] == wrapped(answer) for place, answer in in_doubt.items())
        resent = sum(ask.attempts > 1 and not ask.impatient for ask in answered)
        assert resent >= ENDS, "the kills hit nobody"


def test_a_kill_during_the_first_start_leaves_a_file_that_opens(
    world: World, tmp_path: Path
) -> None:
    dice = random.Random("first starts")  # noqa: S311 - a test's dice
    begun = 0
    for attempt in range(FIRST_STARTS_MAX):
        if begun == FIRST_START_KILLS:
            break
        folder = tmp_path / str(attempt)
        folder.mkdir()
        with server(world, folder, start=False) as live:
            process = live.spawn()
            # The file appears when the ledger is opened; what follows is its migration.
            while not live.ledger.exists() and process.poll() is None:
                pass
            threading.Event().wait(dice.random() / 100)
            begun += process.poll() is None and not live.is_ready
            live.kill()
            live.start()
            licenses = Licenses()
            issue_first(live, licenses)
            books.audit(live.ledger, thorough=True)
    assert begun == FIRST_START_KILLS, "most starts were over before their kill"


def end(live: Server, kill: int) -> None:
    """Mostly a kill, sometimes in the middle of an orderly end; sometimes that end itself."""
    if kill % 6 == 2:
        assert live.stop() == 0
        return
    if kill % 6 == 5:
        assert live.process is not None
        live.process.terminate()
    live.kill()


def issue_first(live: Server, licenses: Licenses) -> None:
    """The licenses that lanes begin with."""
    submit = raw_call(live.channel("se"), SUBMIT)
    for index in range(LICENSES):
        number = f"SE-{index:05}"
        content = messages.license_content(lines=[messages.license_line(quantity=PLENTY)])
        envelope = live.world.sign(messages.license_submission(number, content=content))
        request = messages.submit_request(envelope).SerializeToString()
        response = submission_service_pb2.SubmitLicenseResponse.FromString(
            submit(request, timeout=PROGRESS_MAX_S, wait_for_ready=True)
        )
        licenses.signatures[number] = response.answer.verdict.firma.discharge_signature
    licenses.hot = "SE-00000"


def start_clients(live: Server, licenses: Licenses, answered: list[Ask]) -> list[Client]:
    """Two clients at each lane and one agency, each with a connection of its own."""
    serials = itertools.count(1)
    clients = []
    for lane, index in itertools.product((LANE, OTHER_LANE), range(2)):
        dice = random.Random(f"{lane} {index}")  # noqa: S311 - a test's dice
        clients.append(Client(live, lane, lane_asks(lane, licenses, serials, dice), answered))
    asks = agency_asks(live.world.sign, licenses, "NEW", PLENTY)
    clients.append(Client(live, "se", asks, answered))
    for client in clients:
        client.start()
    return clients


def await_answers(clients: list[Client], count: int) -> None:
    """Until one lane got so many answers; a client that failed fails the test."""
    for _ in range(count):
        got = clients[0].progress.acquire(timeout=PROGRESS_MAX_S)
        for client in clients:
            for error in client.unexpected:
                raise error
        assert got, "no answer for a minute"


def finish(clients: list[Client]) -> None:
    """Every request under way is answered; then nobody asks any more."""
    for client in clients:
        client.finish()
    for client in clients:
        client.join(PROGRESS_MAX_S)
        assert not client.is_alive(), "a request was never answered"
        assert client.unexpected == []


def check_outcomes(calls: dict[str, Callable[..., bytes]], asked: list[Ask]) -> None:
    """GetOutcome gives the very bytes that were acknowledged."""
    for ask in asked:
        if ask.method == EXERCISE:
            assert outcome_of(calls[ask.caller], ask.key) == ask.response


def unanswered(clients: list[Client]) -> set[tuple[str, str]]:
    """Requests that are under way."""
    return {ask.place for client in clients for ask in client.asked if ask.response is None}


def wrapped(answer: bytes) -> bytes:
    """A stored answer as a response carries it: its first field."""
    response = validation_service_pb2.ValidateLicenseResponse()
    response.answer.ParseFromString(answer)
    return response.SerializeToString(deterministic=True)


def audit_copy(ledger: Path, folder: Path) -> dict[tuple[str, str], bytes]:
    """Opens a copy of what the kill left with plain SQLite, checks its rows, tells its answers."""
    folder.mkdir()
    for suffix in ("", "-wal"):
        source = ledger.with_name(ledger.name + suffix)
        if source.exists():
            shutil.copy(source, folder / source.name)
    books.recover(folder / LEDGER)
    books.audit(folder / LEDGER, thorough=True)
    stored = books.answers(folder / LEDGER)
    shutil.rmtree(folder)
    return stored


def check_totals(ledger: Path, asked: list[Ask]) -> None:
    """What was drawn is what the lanes have a firma for: one unit each, no more and no less."""
    assert len({(ask.caller, ask.key) for ask in asked}) == len(asked)
    drawn: Counter[str] = Counter()
    issued = LICENSES
    for ask in asked:
        verdict = ask.answer.verdict
        assert verdict.request_id == ask.key
        if ask.method == SUBMIT:
            assert verdict.HasField("firma")
            issued += 1
        elif verdict.HasField("firma"):
            (movement,) = verdict.firma.movements
            drawn[movement.license.permit_number] += 1
        else:
            assert {finding.code for finding in verdict.findings} == {"N426"}
    rows = books.balances(ledger)
    assert len(rows) == issued
    for (number, _), row in rows.items():
        assert row["exercised_quantity"] == drawn[number] * SCALE
        # One movement issued the license; each other one is a draw.
        assert row["permit_seq"] == 1 + drawn[number]
    assert drawn["SE-00000"] > 0
    assert books.count(ledger, "verdict") == len(asked) + LICENSES
