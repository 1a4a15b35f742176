"""Drives load-client processes: orders out, one sample back for each window."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final

from loadtests.bench.process_cpu import cpu_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loadtests.bench.stage import Serving, Stage

__all__ = ["CLIENTS_MAX", "Clients", "Load", "Sample", "load_clients"]

CLIENTS_MAX: Final = 2
"""Client processes: more would only take the server's processor time away on a small machine."""


@dataclass(frozen=True, slots=True)
class Load:
    """What one window puts on a server."""

    method: str
    kind: str
    """`check` or `validate`: which requests are sent."""
    expect: str
    """Outcome that every answer must have; empty for the empty handler."""
    outstanding: int
    hot: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """What one window showed."""

    rate: float
    """Calls per second."""
    server_cpu_us: float
    """Processor time of the server for each call."""
    client_cpu_us: float
    latencies_us: tuple[float, ...]


class WrongAnswer(Exception):  # noqa: N818 - it says what happened
    """The server answered something else than the load expects, so its speed means nothing."""


class Clients:
    """Load-client processes that wait for orders."""

    def __init__(self, processes: list[subprocess.Popen[str]]) -> None:
        """`processes` were started by `load_clients`."""
        self._processes = processes

    def sample(self, server: Serving, load: Load, warm_up_s: float, window_s: float) -> Sample:
        """Puts load on a server and tells what it cost; raises WrongAnswer."""
        busy = self._processes[: min(len(self._processes), load.outstanding)]
        order = {
            "target": server.target,
            "method": load.method,
            "kind": load.kind,
            "expect": load.expect,
            "hot": load.hot,
            "warm_up_s": warm_up_s,
            "window_s": window_s,
        }
        for process, outstanding in zip(busy, _shares(load.outstanding, len(busy)), strict=True):
            _write(process, json.dumps(order | {"outstanding": outstanding}))
        for process in busy:
            _read(process)
        cpu = cpu_seconds(server.pid)
        for process in busy:
            _write(process, "go")
        results = [_read(process) for process in busy]
        cpu = cpu_seconds(server.pid) - cpu
        refused = sum(result["refused"] for result in results)
        if refused:
            raise WrongAnswer(f"{refused} answers of {load.method} are not `{load.expect}`")
        return _sample(results, cpu)


@contextmanager
def load_clients(stage: Stage, count: int) -> Iterator[Clients]:
    """Starts client processes; they end with the block."""
    command = [sys.executable, "-m", "loadtests.bench.load_client"]
    command += [str(stage.folder), str(stage.corpus_path)]
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
        yield Clients(processes)
    finally:
        for process in processes:
            _pipe(process.stdin).close()
            process.wait()
            _pipe(process.stdout).close()


def _sample(results: list[dict[str, Any]], server_cpu_s: float) -> Sample:
    calls = sum(result["calls"] for result in results)
    return Sample(
        rate=sum(result["calls"] / result["elapsed_s"] for result in results),
        server_cpu_us=server_cpu_s / calls * 1e6,
        client_cpu_us=sum(result["cpu_s"] for result in results) / calls * 1e6,
        latencies_us=tuple(latency for result in results for latency in result["latencies_us"]),
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
