"""Those who take part: each agency and each lane, over its own mTLS connection to the server."""

from __future__ import annotations

import time
import uuid
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

from descargo.v1 import declaration_pb2
from descargo_client.agency import Agency, build_submission, seal, serialise
from descargo_client.channel import Channel
from descargo_client.connection import Connection
from descargo_client.forms.messages import fill_message
from descargo_client.lane import Lane
from descargo_client.signing import load_signer
from descargo_client.stream import AgencyStream
from descargo_client.watch import Watch
from descargo_server.demo.cable import Cable

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from descargo.v1.submission_pb2 import Envelope
    from descargo.v1.submission_service_pb2 import WatchExercisesResponse
    from descargo_client.signing import Signer
    from descargo_server.demo.grants import Start

__all__ = ["VALIDATOR", "Cast", "declaration_of"]

VALIDATOR = "descargo.demo"


class Cast:
    """Opens connections and e.firma pairs when they are first needed. Use it as a context."""

    def __init__(self, folder: Path, port: int, start: Start) -> None:
        """Keeps where the keys and the server are."""
        self._folder = folder
        self._port = port
        self._start = start
        self._channels: dict[str, Channel] = {}
        self._signers: dict[str, Signer] = {}
        self._opened = ExitStack()

    def __enter__(self) -> Self:
        """Returns itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes every connection."""
        self._opened.close()

    def agency(self, name: str) -> Agency:
        """An agency's calls."""
        return Agency(self._channel(name))

    def lane(self, name: str) -> Lane:
        """A lane's calls."""
        return Lane(self._channel(name))

    def cable(self, first_bytes: int) -> Cable:
        """A line to the server that can be cut."""
        return Cable(self._port, first_bytes)

    def stream(
        self, name: str, port: int, frame_items: int, on_break: Callable[[], None]
    ) -> AgencyStream:
        """A new stream of an agency's, over a line; `on_break` hears of each broken connection."""

        def pause(seconds: float) -> None:
            on_break()
            time.sleep(seconds)

        connection = self._connection(name, port)
        stream_id = str(uuid.uuid4())
        return AgencyStream(connection, stream_id, frame_items=frame_items, sleep=pause)

    def feed(self, name: str, cursor: str) -> Generator[WatchExercisesResponse]:
        """An agency's feed, after a cursor."""
        yield from Watch(self._channel(name), cursor).events()

    def payload(self, document: dict[str, Any]) -> bytes:
        """The bytes of a submission that are to be signed."""
        submission = build_submission(document, validator=VALIDATOR, signed_at=self._start.at)
        return serialise(submission)

    def sealed(self, payload: bytes, signer: str) -> Envelope:
        """The bytes with the signature of an e.firma."""
        return seal(payload, self._signer(signer))

    def _channel(self, name: str) -> Channel:
        if name not in self._channels:
            connection = self._connection(name, self._port)
            self._channels[name] = self._opened.enter_context(Channel(connection))
        return self._channels[name]

    def _connection(self, name: str, port: int) -> Connection:
        tls = self._folder / "tls"
        return Connection(
            f"127.0.0.1:{port}", tls / f"{name}.pem", tls / f"{name}.key", tls / "ca.pem"
        )

    def _signer(self, name: str) -> Signer:
        if name not in self._signers:
            certificate, key, password = (
                (self._folder / "efirma" / f"{name}.{ending}").read_bytes()
                for ending in ("cer", "key", "password")
            )
            self._signers[name] = load_signer(certificate, key, password)
        return self._signers[name]


def declaration_of(document: dict[str, Any]) -> declaration_pb2.Declaration:
    """The message of a declaration; a document of ours that does not fit is a fault of ours."""
    declaration = declaration_pb2.Declaration()
    problems: list[Any] = []
    fill_message(declaration, document, "", problems)
    if problems:
        raise AssertionError(f"the demo's own declaration does not fit: {problems}")
    return declaration
