"""Holds the port that several processes listen at together.

The parent binds it without listening, so that a free port stays the same while every process
behind it is started anew. SO_REUSEPORT lets anybody of the same user join, a second server of the
operator's too, which would be given half of the calls: so the address must first be free for one
who does not share.
"""

from __future__ import annotations

import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING

from descargo_server.transport import ListenFailed, cannot_listen

if TYPE_CHECKING:
    from descargo_server.config.model import Listen

__all__ = ["HeldPort"]


class HeldPort:
    """The sockets that hold an address, one for each that its host stands for."""

    def __init__(self, listen: Listen) -> None:
        """Holds it; raises ListenFailed with a remedy."""
        self._sockets = ExitStack()
        self.port = listen.port
        try:
            found = socket.getaddrinfo(
                listen.host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
            for family, _, _, _, (host, *_) in dict.fromkeys(found):
                self._hold(family, str(host))
        except OSError as error:
            self.close()
            raise ListenFailed(cannot_listen(str(listen))) from error

    def _hold(self, family: int, host: str) -> None:
        with socket.socket(family, socket.SOCK_STREAM) as alone:
            # Without it the connections of a server that has just ended would keep the next out.
            alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            alone.bind((host, self.port))
        shared = self._sockets.enter_context(socket.socket(family, socket.SOCK_STREAM))
        shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        shared.bind((host, self.port))
        self.port = int(shared.getsockname()[1])

    def close(self) -> None:
        """Lets the address go."""
        self._sockets.close()
