"""Drives load-client processes: orders out, one sample back for each window."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final

from loadtests.bench import tools
from loadtests.bench.process_cpu import cpu_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from loadtests.bench.stage import Filled, Serving

__all__ = ["Clients", "Load", "Sample", "load_clients"]

PYTHON_CLIENTS: Final = 2
"""Python client processes: more would take the server's processor time on a small machine."""


@dataclass(frozen=True, slots=True)
class Load:
    """What one window puts on a server."""

    method: str
    kind: str
    """`check` or `validate`: which requests are sent."""
    expect: str
    """Outcome that every answer must have; empty for the empty handler."""
    outstanding: int
    """Calls in a closed loop."""
    hot: bool = False
    connections: int = 2
    """Of the compiled client; as many as the Python clients are."""
    calls_max: int | None = None
    """A closed loop of the compiled client ends after so many calls."""
    rate: float | None = None
    """Calls per second in an open loop, which only the compiled client opens."""
    seed: int = 0
    """Of the open loop's schedule."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What one window showed."""

    rate: float
    """Calls per second."""
    server_cpu_us: float
    """Processor time of the server for each call."""
    client_cpu_us: float
    latencies_us: Mapping[float, int]
    """Microseconds, and how many calls took them; of an open loop since the intended send."""
    late_p99_us: float = 0.0
    """How late an open loop's calls were sent, but for one in a hundred."""


class WrongAnswer(Exception):  # noqa: N818 - it says what happened
    """The server answered something else than the load expects, so its speed means nothing."""


class Clients:
    """Load-client processes that wait for orders."""

    def __init__(self, processes: list[subprocess.Popen[str]], *, compiled: bool) -> None:
        """`processes` were started by `load_clients`."""
        self._processes = processes
        self.compiled = compiled
        """Whether they open open loops, too."""

    def sample(self, server: Serving, load: Load, warm_up_s: float, window_s: float) -> Sample:
        """Puts load on a server and tells what it cost; raises WrongAnswer."""
        busy = self._processes[: 1 if load.rate else min(len(self._processes), load.outstanding)]
        order = {
            "target": server.target,
            "method": load.method,
            "kind": load.kind,
            "expect": load.expect,
            "hot": load.hot,
            "warm_up_s": warm_up_s,
            "window_s": window_s,
            "calls_max": load.calls_max,
            "rate": load.rate,
            "seed": load.seed,
            "connections": min(load.connections, load.outstanding) if self.compiled else 1,
        }
        for process, outstanding in zip(busy, _shares(load.outstanding, len(busy)), strict=True):
            _write(process, json.dumps(order | {"outstanding": outstanding}))
        for process in busy:
            _read(process)
        pids = [server.pid, *(process.pid for process in busy)]
        before = [cpu_seconds(pid) for pid in pids]
        for process in busy:
            _write(process, "go")
        results = [_read(process) for process in busy]
        server_cpu_s, *clients_cpu_s = (
            cpu_seconds(pid) - was for pid, was in zip(pids, before, strict=True)
        )
        refused = sum(result["refused"] for result in results)
        if refused:
            why = [result["first_refusal"] for result in results if result.get("first_refusal")]
            raise WrongAnswer(f"{refused} answers of {load.method} are not `{load.expect}`: {why}")
        return _sample(results, server_cpu_s, sum(clients_cpu_s))


@contextmanager
def load_clients(stage: Filled, tell: Callable[[str], None]) -> Iterator[Clients]:
    """Starts client processes, compiled ones where there is cargo; they end with the block."""
    compiled = tools.built("descargo-load", tell)
    command = [str(compiled)] if compiled else [sys.executable, "-m", "loadtests.bench.load_client"]
    command += [str(stage.folder), str(stage.corpus_path)]
    count = 1 if compiled else PYTHON_CLIENTS
    processes = [
        subprocess.Popen(  # noqa: S603 - our own program
            [*command, str(client_no), str(count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for client_no in range(count)
    ]
    try:
        yield Clients(processes, compiled=compiled is not None)
    finally:
        for process in processes:
            _pipe(process.stdin).close()
            process.wait()
            _pipe(process.stdout).close()


def _sample(results: list[dict[str, Any]], server_cpu_s: float, clients_cpu_s: float) -> Sample:
    calls = sum(result["calls"] for result in results)
    latencies: Counter[float] = Counter()
    for result in results:
        for latency_us, count in result["latencies_us"]:
            latencies[latency_us] += count
    return Sample(
        rate=sum(result["calls"] / result["elapsed_s"] for result in results),
        server_cpu_us=server_cpu_s / calls * 1e6,
        client_cpu_us=clients_cpu_s / calls * 1e6,
        latencies_us=latencies,
        late_p99_us=max(result.get("late_p99_us", 0.0) for result in results),
    )


def _shares(outstanding: int, processes: int) -> list[int]:
    """Outstanding calls of each process, as even as they can be."""
    share, more = divmod(outstanding, processes)
    return [share + (position < more) for position in range(processes)]


def _write(process: subprocess.Popen[str], line: str) -> None:
    pipe = _pipe(process.stdin)
    pipe.write(line + "\n")
    pipe.flush()


def _read(process: subprocess.Popen[str]) -> dict[str, Any]:
    line = _pipe(process.stdout).readline()
    if not line:
        raise RuntimeError("a load client ended; it says why above")
    message: dict[str, Any] = json.loads(line)
    return message


def _pipe(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise RuntimeError("a load client without pipes")
    return pipe
