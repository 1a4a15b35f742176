"""A stream that is cut, killed and begun anew ends as if nothing had happened.

Real processes, mTLS, the client that agencies use. Every item is answered exactly once and in
order, by the very bytes that the ledger keeps.
"""

from __future__ import annotations

import itertools
import os
import random
import time
from typing import TYPE_CHECKING, Final

import pytest

from descargo.v1 import verdict_pb2
from descargo_client import AgencyStream, TransportFault
from tests.support import books, messages
from tests.support.cutting_proxy import CuttingProxy
from tests.support.servers import server
from tests.support.streams import items

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from descargo_client import StreamAnswer
    from tests.support.servers import Server
    from tests.support.streams import Request
    from tests.support.world import World

LONG: Final = os.environ.get("HYPOTHESIS_PROFILE") == "long"
ITEMS: Final = 100_000 if LONG else 10_000
RESTARTS: Final = 50 if LONG else 5
BAD_EVERY: Final = 100
CUTS: Final = 60 if LONG else 12
KILLS: Final = 20 if LONG else 3
SETTLED: Final = 0.3
"""By then caches are full: what the server takes afterwards would be a leak."""
GROWTH_MAX_KB: Final = 32 * 1024


def short_pause(_seconds: float) -> None:
    """What a test has time for; the pauses themselves are another test's."""
    time.sleep(0.05)


def stream_of(
    world: World,
    address: str,
    stream_id: str,
    *,
    answered: int | None = None,
    frame_items: int = 50,
) -> AgencyStream:
    """The client, which hardly ever gives up."""
    return AgencyStream(
        world.connection("se", address),
        stream_id,
        answered=answered,
        frame_items=frame_items,
        attempts_max=1_000,
        sleep=short_pause,
    )


def check(ledger: Path, answers: list[StreamAnswer], sent: list[str]) -> None:
    """Each item once, in order, with a firma, as the ledger has it."""
    assert [answer.sequence for answer in answers] == list(range(1, len(sent) + 1))
    assert [answer.item.request_id for answer in answers] == sent
    stored = books.answers(ledger)
    assert len(stored) == len(sent)
    for answer in answers:
        kept = verdict_pb2.Answer.FromString(stored["se", answer.item.request_id])
        assert answer.item.answer == kept
        assert kept.verdict.HasField("firma")
    books.audit(ledger, thorough=True)


def test_cuts_at_any_byte_lose_and_double_nothing(world: World, tmp_path: Path) -> None:
    dice = random.Random("cuts")  # noqa: S311 - a test's dice
    sent = list(items(world, "CUT", 1_000))
    # From within the handshake to several frames.
    cuts = iter(
        [
            dice.choice([2_000, 20_000, 100_000, 300_000]) + dice.randint(0, 20_000)
            for _ in range(CUTS)
        ]
    )
    with server(world, tmp_path) as live, CuttingProxy(live.port, cuts) as proxy:
        with stream_of(world, proxy.address, messages.request_id()) as stream:
            answers = list(stream.submit(sent))
        assert proxy.cut == CUTS
        check(live.ledger, answers, [item.request_id for item in sent])


def test_kills_lose_and_double_nothing(world: World, tmp_path: Path) -> None:
    dice = random.Random("kills")  # noqa: S311 - a test's dice
    sent = list(items(world, "KILL", 1_500))
    kills = set(dice.sample(range(1, 1_400), KILLS))
    answers: list[StreamAnswer] = []
    with server(world, tmp_path) as live:
        with stream_of(world, live.address, messages.request_id(), frame_items=20) as stream:
            for answer in stream.submit(sent):
                answers.append(answer)
                if answer.sequence in kills:
                    live.kill()
                    live.start()
        assert live.stop() == 0
        check(live.ledger, answers, [item.request_id for item in sent])


def test_a_client_that_begins_anew_ends_with_exactly_the_right_licences(
    world: World, tmp_path: Path
) -> None:
    """It is stopped at random, knows what it has stored, and one item in a hundred is bad."""
    dice = random.Random("restarts")  # noqa: S311 - a test's dice
    stops = sorted(dice.sample(range(1, ITEMS), RESTARTS))
    stream_id = messages.request_id()
    firmas, errors, refusals = set(), 0, 0
    memory: list[int] = []
    with server(world, tmp_path) as live:
        assert live.process is not None
        held = 0
        for stop in [*stops, ITEMS]:
            with stream_of(
                world, live.address, stream_id, answered=held, frame_items=100
            ) as stream:
                for answer in stream.submit(corpus(world, held + 1)):
                    assert answer.sequence == held + 1
                    held = answer.sequence
                    verdict = answer.item.answer.verdict
                    if verdict.HasField("firma"):
                        (movement,) = verdict.firma.movements
                        firmas.add(movement.license.permit_number)
                    elif answer.item.HasField("refusal"):
                        refusals += 1
                    else:
                        assert [finding.code for finding in verdict.findings] == ["F501"]
                        errors += 1
                    if held % 5_000 == 0:
                        memory.append(resident_kb(live))
                    if held == stop:
                        break
        bad = ITEMS // BAD_EVERY
        assert (errors, refusals) == (bad - bad // 2, bad // 2)
        assert len(firmas) == ITEMS - bad
        assert firmas == {number for number, _ in books.balances(live.ledger)}
        assert books.count(live.ledger, "verdict") == ITEMS - bad // 2
        if LONG:
            settled = memory[int(len(memory) * SETTLED) :]
            assert max(settled) - settled[0] < GROWTH_MAX_KB, memory


def corpus(world: World, start: int) -> Iterator[Request]:
    """New licences; every hundredth item is forged or no submission at all, by turns."""
    for serial in range(start, ITEMS + 1):
        if serial % BAD_EVERY:
            yield from items(world, "BULK", 1, serial)
        else:
            (item,) = items(world, "BULK", 1, serial)
            if serial // BAD_EVERY % 2:
                item.envelope.signature = bytes(256)
            else:
                item.ClearField("envelope")
            yield item


def resident_kb(live: Server) -> int:
    """What the server holds in memory."""
    assert live.process is not None
    with open(f"/proc/{live.process.pid}/status", encoding="ascii") as status:  # noqa: PTH123
        line = next(line for line in status if line.startswith("VmRSS"))
    return int(line.split()[1])


def test_a_stream_gives_up_when_nobody_answers(world: World, tmp_path: Path) -> None:
    pauses: list[float] = []
    with server(world, tmp_path) as live:
        address = live.address
        live.kill()
        connection = world.connection("se", address)
        with (
            AgencyStream(
                connection, messages.request_id(), attempts_max=4, sleep=pauses.append
            ) as stream,
            pytest.raises(TransportFault),
        ):
            list(stream.submit(itertools.islice(items(world, "NONE", 1), 1)))
    assert pauses == [0.2, 0.4, 0.8]
