"""One load client: a process that keeps some calls outstanding and tells how long each took.

Closed loop: a call is sent when the one before it is answered. Orders come as JSON lines on stdin
and results go out as JSON lines, so a client in another language can take this one's place:

    {"target", "method", "kind", "expect", "hot", "outstanding", "warm_up_s", "window_s"}   an order
    {"ready": true}        the client is warm and waits
    go                     the window opens
    {"calls", "elapsed_s", "latencies_us": [[us, how many calls], ...], "refused"}

The compiled one in `core_rs/tools/load` also takes "rate" and "seed" (an open loop), "connections"
and "caller"; this one stands in for it where there is no cargo, and opens no open loop.
Every answer is kept and read after the window: a server that refuses all would look fast.

Run as `python -m loadtests.bench.load_client DEMO_FOLDER CORPUS CLIENT_NO CLIENTS`.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import grpc
import uvloop

from descargo.v1 import validation_service_pb2
from loadtests.bench.corpus import Corpus, Requests

if TYPE_CHECKING:
    from collections.abc import Iterator

Call: TypeAlias = "grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]"

LANE: Final = "lane-nuevo-laredo"
TIMEOUT_S: Final = 30.0


@dataclass(slots=True)
class Window:
    """What was answered since the window opened."""

    answers: list[bytes]
    latencies_us: list[float]

    async def load(self, call: Call, requests: Iterator[bytes], until: float) -> None:
        """One of the outstanding calls: asks again and again until the window closes."""
        answered = 0.0
        while answered < until:
            began = time.perf_counter()
            self.answers.append(await call(next(requests), timeout=TIMEOUT_S))
            answered = time.perf_counter()
            self.latencies_us.append((answered - began) * 1e6)


class Client:
    """Keeps one connection for each server."""

    def __init__(self, demo: Path, requests: Requests) -> None:
        """Connects as the lane of the demo; channels open with the first order."""
        self._demo = demo
        self._requests = requests
        self._channels: dict[str, grpc.aio.Channel] = {}

    async def serve(self) -> None:
        """Takes orders until stdin ends."""
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            order = json.loads(line)
            call: Call = self._channel(order["target"]).unary_unary(order["method"])
            requests = self._requests.checks() if order["kind"] == "check" else None
            requests = requests or self._requests.validations(hot=order["hot"])
            await _loaded(call, requests, order["outstanding"], order["warm_up_s"])
            _tell({"ready": True})
            await loop.run_in_executor(None, sys.stdin.readline)
            _tell(await self._measured(call, requests, order))
        for channel in self._channels.values():
            await channel.close()

    async def _measured(
        self, call: Call, requests: Iterator[bytes], order: dict[str, object]
    ) -> dict[str, object]:
        outstanding, window_s = order["outstanding"], order["window_s"]
        if not isinstance(outstanding, int) or not isinstance(window_s, (int, float)):
            raise TypeError("an order without numbers")
        gc.collect()
        gc.disable()
        began = time.perf_counter()
        window = await _loaded(call, requests, outstanding, window_s)
        elapsed_s = time.perf_counter() - began
        gc.enable()
        return {
            "calls": len(window.answers),
            "elapsed_s": elapsed_s,
            "latencies_us": [
                *Counter(round(latency, 1) for latency in window.latencies_us).items()
            ],
            "refused": _refused(window.answers, str(order["expect"])),
        }

    def _channel(self, target: str) -> grpc.aio.Channel:
        if target not in self._channels:
            tls = self._demo / "tls"
            credentials = grpc.ssl_channel_credentials(
                (tls / "ca.pem").read_bytes(),
                (tls / f"{LANE}.key").read_bytes(),
                (tls / f"{LANE}.pem").read_bytes(),
            )
            options = [("grpc.use_local_subchannel_pool", 1)]
            self._channels[target] = grpc.aio.secure_channel(target, credentials, options)
        return self._channels[target]


async def _loaded(
    call: Call, requests: Iterator[bytes], outstanding: int, seconds: float
) -> Window:
    window = Window([], [])
    until = time.perf_counter() + seconds
    async with asyncio.TaskGroup() as group:
        for _ in range(outstanding):
            group.create_task(window.load(call, requests, until))
    return window


def _refused(answers: list[bytes], expected: str) -> int:
    """How many answers do not say what is expected; nothing is expected of an empty handler."""
    if not expected:
        return 0
    # The two responses have the same shape.
    read = validation_service_pb2.ValidateLicenseResponse.FromString
    return sum(read(answer).answer.verdict.WhichOneof("outcome") != expected for answer in answers)


def _tell(message: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _demo, _corpus, _client_no, _clients = sys.argv[1:]
    _made_of = Requests(Corpus.read(Path(_corpus)), int(_client_no), int(_clients))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(Client(Path(_demo), _made_of).serve())
