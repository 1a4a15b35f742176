"""The demo's server: a real child process, ready before it is asked, gone afterwards."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ServerProcess", "ServerUnwell"]

READY_S_MAX: Final = 30.0
READY_POLL_S: Final = 0.02
STOP_S_MAX: Final = 10.0
LOG_LINES_SHOWN: Final = 5


class ServerUnwell(Exception):  # noqa: N818 - it says how the server is
    """The server did not start, or ended while it was needed."""


class ServerProcess:
    """A serving `descargo-server`. Use it as a context: whatever happens within, it is stopped."""

    def __init__(self, folder: Path) -> None:
        """Keeps where the configuration is; the process starts with the context."""
        self._config = folder / "descargo.toml"
        self._ready_file = folder / "server.port"
        self._log_file = folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def __enter__(self) -> Self:
        """Starts the process and waits until it serves; raises ServerUnwell if it does not."""
        with self._log_file.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own module and fixed options
                [
                    *(sys.executable, "-m", "descargo_server.demo.guarded", "serve"),
                    *("--config", str(self._config), "--ready-file", str(self._ready_file)),
                ],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                # Ctrl-C goes to the demo alone, which then stops the server in order.
                start_new_session=True,
            )
        try:
            self.port = self._wait_until_ready(self._process)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stops the process and waits until it is gone."""
        self._stop()

    def wait(self) -> None:
        """Returns when the process has ended, which it should not do by itself."""
        if self._process is not None:
            self._process.wait()

    def last_words(self) -> str:
        """The end of the server's log."""
        try:
            lines = self._log_file.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join(lines[-LOG_LINES_SHOWN:])

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> int:
        deadline = time.monotonic() + READY_S_MAX
        while not self._ready_file.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise ServerUnwell(self.last_words())
            time.sleep(READY_POLL_S)
        return int(self._ready_file.read_text(encoding="ascii"))

    def _stop(self) -> None:
        process = self._process
        if process is None or process.stdin is None:
            return
        # The end of its input tells it to stop; see `guarded`.
        process.stdin.close()
        try:
            process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
