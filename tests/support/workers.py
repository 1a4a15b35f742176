"""A real server of several workers, and channels of which one knows at which worker they end.

The system gives each connection to one of the processes by a hash that nobody chooses. So a channel
is opened, asked one thing, and told apart by whose counter has moved.
"""

from __future__ import annotations

import os
import signal
import socket
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import grpc
import pytest
from prometheus_client.parser import text_string_to_metric_families

from descargo.v1 import validation_service_pb2_grpc
from tests.support import messages
from tests.support.servers import server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.samples import Sample

    from tests.support.servers import Server
    from tests.support.world import World

__all__ = ["Workers", "workers"]

CHANNELS_MAX: Final = 64
"""By then every one of two workers has a channel, but for once in 10^19 times."""
ANSWER_MAX_S: Final = 20.0


@dataclass(frozen=True)
class Workers:
    """The server and where it counts."""

    server: Server
    metrics: str

    def samples(self, name: str) -> dict[int, float]:
        """A counter by worker, summed over its other labels."""
        found: dict[int, float] = {}
        for sample in self._samples():
            if sample.name == name:
                worker = int(sample.labels["worker"])
                found[worker] = found.get(worker, 0.0) + sample.value
        return found

    def value(self, name: str) -> float:
        """A counter of the parent's own."""
        (sample,) = (sample for sample in self._samples() if sample.name == name)
        return float(sample.value)

    def _samples(self) -> Iterator[Sample]:
        # The address is our own.
        with urllib.request.urlopen(self.metrics, timeout=ANSWER_MAX_S) as page:  # noqa: S310
            text = page.read().decode()
        for family in text_string_to_metric_families(text):
            yield from family.samples

    def channels(self, identity: str) -> dict[int, grpc.Channel]:
        """A channel to each worker."""
        count = len(self.pids())
        found: dict[int, grpc.Channel] = {}
        for _ in range(CHANNELS_MAX):
            channel = self.server.channel(identity)
            found.setdefault(self._worker_of(channel), channel)
            if len(found) == count:
                return found
        raise AssertionError(f"{CHANNELS_MAX} connections went to {sorted(found)} only")

    def _worker_of(self, channel: grpc.Channel) -> int:
        before = self.samples("descargo_calls_total")
        stub = validation_service_pb2_grpc.ValidationServiceStub(channel)
        # Every role may ask, and when nothing was decided the answer is a refusal.
        with pytest.raises(grpc.RpcError):
            stub.GetOutcome(messages.outcome_request(messages.request_id()), timeout=ANSWER_MAX_S)
        after = self.samples("descargo_calls_total")
        (moved,) = (number for number in after if after[number] != before.get(number, 0.0))
        return moved

    def pids(self) -> list[int]:
        """The processes of the workers."""
        process = self.server.process
        assert process is not None
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        return [int(pid) for pid in children.read_text(encoding="ascii").split()]


@contextmanager
def workers(
    world: World, folder: Path, count: int = 2, *, extra_config: str = ""
) -> Iterator[Workers]:
    """A server of so many workers that serves; none of its processes is left at the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    config = f'[server]\nworkers = {count}\n[metrics]\nlisten = "{listen}"\n{extra_config}'
    with server(world, folder, extra_config=config) as live:
        serving = Workers(live, f"http://{listen}/metrics")
        try:
            yield serving
        finally:
            for pid in serving.pids() if live.process is not None else ():
                os.kill(pid, signal.SIGKILL)
