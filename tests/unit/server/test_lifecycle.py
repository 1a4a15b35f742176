"""Stopping, late callers and metrics: what happens at the edges of a server's life."""

from __future__ import annotations

import asyncio
import socket
import urllib.request
from typing import TYPE_CHECKING, cast

import grpc
import pytest

from descargo_server.app import Server
from descargo_server.completions import Completions
from descargo_server.config.load import load_configuration
from descargo_server.config.model import Listen
from descargo_server.refused import Refused
from descargo_server.rpc.handlers import ServicerContext, seconds_left
from descargo_server.telemetry.metrics import Metrics
from descargo_server.transport import ListenFailed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from descargo_server._core import Caller
    from descargo_server.identity.registry import Identity
    from tests.unit.server.conftest import FakeEngine, Running

VALIDATE = "ValidationService/ValidateLicense"


class ContextWith:
    """A call with so many seconds left, or without a deadline."""

    def __init__(self, remaining: float | None) -> None:
        """Keeps what is left."""
        self._remaining = remaining

    def time_remaining(self) -> float | None:
        """What is left."""
        return self._remaining


@pytest.mark.parametrize(
    ("remaining", "expected"), [(None, 60.0), (0.001, 0.001), (59.9, 59.9), (1e9, 60.0)]
)
def test_time_left_is_bounded(remaining: float | None, expected: float) -> None:
    assert seconds_left(cast("ServicerContext", ContextWith(remaining))) == expected


def test_call_whose_time_is_over_is_not_decided() -> None:
    with pytest.raises(Refused) as caught:
        seconds_left(cast("ServicerContext", ContextWith(0.0)))
    assert caught.value.reason == "NOT_DECIDED"


async def test_silent_core_is_an_uncertain_outcome(engine: FakeEngine) -> None:
    completions = Completions(engine, Metrics())
    completions.open()
    with pytest.raises(Refused) as caught:
        await completions.answer(1, 0.01)
    assert caught.value.reason == "OUTCOME_UNCERTAIN"
    assert len(completions) == 0
    completions.close()


async def test_whoever_waits_at_the_end_is_told_to_ask_again(engine: FakeEngine) -> None:
    completions = Completions(engine, Metrics())
    completions.open()
    last, lost = (asyncio.ensure_future(completions.answer(ticket, 60)) for ticket in (1, 2))
    while len(completions) < 2:  # noqa: ASYNC110 - the condition has no event
        await asyncio.sleep(0)
    engine.complete(1, b"committed", None)
    completions.close()
    assert await last == b"committed"
    with pytest.raises(Refused, match="OUTCOME_UNCERTAIN"):
        await lost
    with pytest.raises(Refused, match="DRAINING"):
        await completions.answer(3, 60)


async def test_batch_is_answered_by_one_wake_up(engine: FakeEngine) -> None:
    metrics = Metrics()
    completions = Completions(engine, metrics)
    completions.open()
    waiting = [asyncio.ensure_future(completions.answer(ticket, 60)) for ticket in range(64)]
    while len(completions) < 64:  # noqa: ASYNC110 - the condition has no event
        await asyncio.sleep(0)
    for ticket in reversed(range(64)):
        engine.complete(ticket, str(ticket).encode(), None)
    engine.complete(1000, b"nobody waits", None)
    assert await asyncio.gather(*waiting) == [str(ticket).encode() for ticket in range(64)]
    assert engine.drains == 1
    assert metrics.registry.get_sample_value("descargo_abandoned_answers_total") == 1
    completions.close()


async def test_second_signal_ends_the_grace(engine: FakeEngine, served: Running) -> None:
    engine.hold = True
    call = asyncio.ensure_future(served.call(VALIDATE))
    while len(served.server.completions) == 0:  # noqa: ASYNC110 - the condition has no event
        await asyncio.sleep(0)
    hasten = asyncio.Event()
    stopping = asyncio.ensure_future(served.server.stop(hasten))
    await asyncio.sleep(0)
    assert not stopping.done()
    hasten.set()
    await stopping
    assert engine.closed == 1
    with pytest.raises(grpc.aio.AioRpcError):
        await call


async def test_call_in_flight_is_answered_within_the_grace(
    engine: FakeEngine, served: Running
) -> None:
    engine.hold = True
    call = asyncio.ensure_future(served.call(VALIDATE))
    while len(served.server.completions) == 0:  # noqa: ASYNC110 - the condition has no event
        await asyncio.sleep(0)
    stopping = asyncio.ensure_future(served.server.stop(asyncio.Event()))
    await asyncio.sleep(0)
    engine.complete(1, b"in time", None)
    assert await call == b"in time"
    await stopping


def test_metrics_are_served_and_stopped() -> None:
    metrics = Metrics()
    metrics.of_method("/m").observe("OK", 0.001)
    port, stop = metrics.serve(Listen.parse("127.0.0.1:0"))
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
        text = page.read().decode()
    stop()
    assert 'descargo_calls_total{method="/m",outcome="OK"} 1.0' in text


async def test_taken_metrics_address_fails_with_a_remedy(
    engine: FakeEngine, demo_copy: Path, named_caller: Callable[[Identity], Caller]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        config = demo_copy / "descargo.toml"
        with config.open("a", encoding="utf-8") as file:
            file.write(f'[metrics]\nlisten = "{address}"\n')
        server = Server(load_configuration(config), engine, named_caller)
        with pytest.raises(ListenFailed, match=rf"{address}.*\[metrics\] listen"):
            await server.start()
        await server.stop(asyncio.Event())
