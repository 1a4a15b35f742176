"""A connection that can be cut: TCP bytes go through here, and at one moment they no longer do.

The cable knows nothing of TLS or gRPC, so what both ends live through is what they live through
when an office's line fails: bytes that were sent never come.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Final, Self

__all__ = ["Cable"]

CHUNK_BYTES: Final = 16 * 1024


class Cable:
    """Carries connections from a port of its own to a server. Use it as a context."""

    def __init__(self, port: int, first_bytes: int) -> None:
        """Leads to a port; the first connection gets so many bytes of answers, then no more."""
        self._target = ("127.0.0.1", port)
        self._first_bytes = first_bytes
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._lock = threading.Lock()
        self._ends: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, name="demo-cable", daemon=True)]
        self.connections = 0
        """How many were carried so far."""

    def __enter__(self) -> Self:
        """Begins to carry."""
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ends for good, with whatever is carried."""
        # Closing alone would not wake the thread that accepts; once it has ended, nobody adds.
        _end(self._listening)
        self._threads[0].join()
        self._listening.close()
        self.cut()
        for thread in self._threads:
            thread.join()
        for end in self._ends:
            end.close()

    def cut(self) -> None:
        """Ends what is carried now, both ways; a new connection is carried whole."""
        with self._lock:
            for end in self._ends:
                _end(end)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                with self._lock:
                    self._ends.append(near)
                far = socket.create_connection(self._target)
                with self._lock:
                    self._ends.append(far)
                    self.connections += 1
                    limit = self._first_bytes if self.connections == 1 else None
                    for way in ((near, far, None), (far, near, limit)):
                        thread = threading.Thread(target=_carry, args=way, daemon=True)
                        thread.start()
                        self._threads.append(thread)


def _carry(source: socket.socket, sink: socket.socket, most: int | None) -> None:
    """Carries one way until an end closes; what is beyond `most` bytes is taken in and lost."""
    with suppress(OSError):
        while chunk := source.recv(CHUNK_BYTES):
            if most is not None:
                chunk = chunk[:most]
                most -= len(chunk)
            sink.sendall(chunk)
    _end(source)
    _end(sink)


def _end(carried: socket.socket) -> None:
    with suppress(OSError):
        carried.shutdown(socket.SHUT_RDWR)
