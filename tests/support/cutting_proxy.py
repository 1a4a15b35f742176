"""A TCP proxy on loopback that cuts every connection when so many bytes have passed."""

from __future__ import annotations

import selectors
import socket
import threading
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CuttingProxy"]

PIECE: Final = 4096
"""Small, so that a cut falls into the middle of a message."""


class CuttingProxy:
    """Passes bytes on in both directions until a cut; use it as a context."""

    def __init__(self, port: int, cuts: Iterator[int]) -> None:
        """`cuts`: bytes until each cut, counted anew after it; when they end nothing is cut."""
        self.cut = 0
        """How often it has cut."""
        self._target = port
        self._cuts = cuts
        self._left = next(cuts, None)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._peers: dict[socket.socket, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._stop, self._stopped = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="cutting-proxy", daemon=True)

    @property
    def address(self) -> str:
        """`HOST:PORT`."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        """Begins."""
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._stopped, selectors.EVENT_READ)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ends, with every connection."""
        self._stop.close()
        self._thread.join()
        self._cut_all()
        self._listener.close()
        self._stopped.close()
        self._selector.close()

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._stopped:
                    return
                if key.fileobj is self._listener:
                    self._accept()
                elif isinstance(key.fileobj, socket.socket) and key.fileobj in self._peers:
                    self._pass_on(key.fileobj)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        try:
            server = socket.create_connection(("127.0.0.1", self._target))
        except OSError:
            client.close()
            return
        for one, other in ((client, server), (server, client)):
            self._peers[one] = other
            self._selector.register(one, selectors.EVENT_READ)

    def _pass_on(self, source: socket.socket) -> None:
        try:
            content = source.recv(PIECE)
            self._peers[source].sendall(content)
        except OSError:
            content = b""
        if not content:
            self._end(source)
            return
        if self._left is not None:
            self._left -= len(content)
            if self._left <= 0:
                self.cut += 1
                self._left = next(self._cuts, None)
                self._cut_all()

    def _cut_all(self) -> None:
        while self._peers:
            self._end(next(iter(self._peers)))

    def _end(self, one: socket.socket) -> None:
        for end in (one, self._peers[one]):
            self._selector.unregister(end)
            del self._peers[end]
            end.close()
