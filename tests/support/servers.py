"""A real `descargo-server serve` with mTLS on loopback, started here and stopped by its pid."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from descargo_server import transport  # noqa: F401 - before grpc: it sets the TLS suites

import grpc  # isort: skip

from tests.support.engines import LEDGER, ClockFile
from tests.support.world import NOON

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from tests.support.world import World

__all__ = ["NotServing", "Server", "server"]

READY_MAX_S: Final = 60.0
"""A start takes under two seconds; a machine that is busy may take a score."""
STOP_MAX_S: Final = 30.0
LOOK_AGAIN_S: Final = 0.005
"""How often the ready file is looked for. The wait ends at once when the process ends."""

CONFIG: Final = """\
validator = "descargo.demo"
listen = "{listen}"
data_dir = "{folder}/data"
access = "{root}/access.toml"
[tls]
certificate = "{root}/tls/server.pem"
key = "{root}/tls/server.key"
client_ca = "{root}/tls/ca.pem"
[trust]
anchors = "{root}/efirma/root.pem"
intermediates = "{root}/efirma/issuing.pem"
revocations = "{root}/revocations.toml"
[keys]
receipt = "{root}/receipt.key.pem"
codes = "{root}/codes.secret"
[demo]
allow = true
clock_file = "{clock}"
"""


class NotServing(Exception):  # noqa: N818 - it says what is so
    """The process ended before it served; says how, and what it wrote."""

    def __init__(self, code: int | None, said: str) -> None:
        """Keeps the exit code and standard error."""
        super().__init__(f"exit code {code}: {said}")
        self.code = code
        self.said = said


@dataclass
class Server:
    """One server's folder, and its process while it runs. Its port stays the same over restarts."""

    world: World
    folder: Path
    extra_config: str = ""
    """Further tables of descargo.toml."""
    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    _channels: list[grpc.Channel] = field(default_factory=list)

    @property
    def address(self) -> str:
        """`HOST:PORT`."""
        return f"127.0.0.1:{self.port}"

    @property
    def ledger(self) -> Path:
        """The ledger's file."""
        return self.folder / "data" / LEDGER

    @property
    def clock(self) -> ClockFile:
        """The test clock."""
        return ClockFile(self.folder / "clock.txt")

    @property
    def is_ready(self) -> bool:
        """Whether the process has said that it serves."""
        return self._ready_file.exists()

    @property
    def log(self) -> str:
        """What the server wrote to standard error so far, over all its starts."""
        return (self.folder / "server.log").read_text(encoding="utf-8", errors="replace")

    def start(self) -> Self:
        """Starts the process and returns once it serves; raises NotServing."""
        self.spawn()
        self._until_ready()
        return self

    def spawn(self) -> subprocess.Popen[bytes]:
        """Starts the process and returns at once."""
        assert self.process is None, "it runs already"
        (self.folder / "data").mkdir(parents=True, exist_ok=True)
        self._ready_file.unlink(missing_ok=True)
        config = CONFIG.format(
            listen=self.address, folder=self.folder, root=self.world.root, clock=self.clock.path
        )
        (self.folder / "descargo.toml").write_text(config + self.extra_config, encoding="utf-8")
        # Through `-m`, so that the interpreter of the tests serves, wherever it is installed.
        command = [sys.executable, "-m", "descargo_server", "serve"]
        command += ["--config", str(self.folder / "descargo.toml")]
        command += ["--ready-file", str(self._ready_file)]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        return self.process

    def kill(self) -> None:
        """SIGKILL: nothing of the process runs any more when this returns."""
        process = self._running()
        process.kill()
        process.wait(STOP_MAX_S)
        self.process = None

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        process = self._running()
        process.terminate()
        code = process.wait(STOP_MAX_S)
        self.process = None
        return code

    def channel(self, identity: str) -> grpc.Channel:
        """A channel with the identity's certificate; closed with the server's context."""
        tls = self.world.root / "tls"
        credentials = grpc.ssl_channel_credentials(
            (tls / "ca.pem").read_bytes(),
            (tls / f"{identity}.key").read_bytes(),
            (tls / f"{identity}.pem").read_bytes(),
        )
        options = (
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.enable_http_proxy", 0),
            # A server that comes back is noticed at once.
            ("grpc.initial_reconnect_backoff_ms", 50),
            ("grpc.min_reconnect_backoff_ms", 50),
            ("grpc.max_reconnect_backoff_ms", 200),
        )
        channel = grpc.secure_channel(self.address, credentials, options=options)
        self._channels.append(channel)
        return channel

    def close(self) -> None:
        """Closes the channels and ends the process, whatever state it is in."""
        for channel in self._channels:
            channel.close()
        self._channels.clear()
        if self.process is not None:
            self.kill()

    @property
    def _ready_file(self) -> Path:
        return self.folder / "ready"

    def _running(self) -> subprocess.Popen[bytes]:
        assert self.process is not None, "it does not run"
        return self.process

    def _until_ready(self) -> None:
        process = self._running()
        ended = os.pidfd_open(process.pid)
        deadline = time.monotonic() + READY_MAX_S
        try:
            while not self.is_ready:
                late = time.monotonic() > deadline
                # The descriptor of a process is readable once it has ended.
                if late or select.select([ended], [], [], LOOK_AGAIN_S)[0]:
                    code = None if late else process.wait(STOP_MAX_S)
                    if not late:
                        self.process = None
                    raise NotServing(code, self.log)
        finally:
            os.close(ended)
        self.port = int(self._ready_file.read_text(encoding="ascii"))


@contextmanager
def server(
    world: World,
    folder: Path,
    *,
    clock: datetime = NOON,
    extra_config: str = "",
    start: bool = True,
) -> Iterator[Server]:
    """A server that serves, on a free port of loopback; its process is gone at the end.

    With `start=False` the test starts it.
    """
    prepared = Server(world, folder, extra_config)
    prepared.clock.set(clock)
    try:
        yield prepared.start() if start else prepared
    finally:
        prepared.close()
