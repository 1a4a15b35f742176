"""The agency's feed: every movement of its licenses, from a cursor, through broken connections.

Keep the cursor of the last event that you have dealt with; from it the feed goes on with exactly
the rest. An event whose cursor was not kept comes again, so a movement is told at least once, and
its license and number tell a repetition.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

import grpc

from descargo.v1 import submission_service_pb2
from descargo_client.channel import fault_of
from descargo_client.faults import TransportFault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from descargo.v1.submission_service_pb2 import WatchExercisesResponse
    from descargo_client.channel import Channel
    from descargo_client.faults import CallFault

SILENCE_MAX_S: Final = 45.0
"""The server speaks at least every 15 seconds; after three of them in silence it is gone."""
BACKOFF_S: Final = 0.2
BACKOFF_MAX_S: Final = 5.0
"""Pauses between attempts begin with the one and are doubled up to the other."""


class Watch:
    """Follows the feed of one agency."""

    def __init__(
        self,
        channel: Channel,
        cursor: str = "",
        *,
        silence_max_s: float = SILENCE_MAX_S,
        on_break: Callable[[CallFault], None] = lambda _: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Begins after `cursor`, or with the first movement; `on_break` hears of reconnections."""
        from descargo.v1.submission_service_pb2_grpc import SubmissionServiceStub  # noqa: PLC0415 - imports grpc

        self.cursor = cursor
        self._channel = channel
        self._stub = SubmissionServiceStub(channel.grpc)
        self._silence_max_s = silence_max_s
        self._on_break = on_break
        self._sleep = sleep

    def events(self) -> Iterator[WatchExercisesResponse]:
        """Movements, alerts and heartbeats, without end; raises a CallFault that no retry mends.

        A first connection that is not made within the connection's timeout is such a fault; once
        connected, a broken connection is made again however long it takes.
        """
        connected, pause_s = False, BACKOFF_S
        deadline = time.monotonic() + self._channel.connection.timeout_s
        while True:
            try:
                for event in self._connection():
                    connected, pause_s = True, BACKOFF_S
                    if event is not None:
                        self.cursor = event.cursor
                        yield event
            except grpc.RpcError as error:
                fault = fault_of(error, self._channel.connection.server)
                if not isinstance(fault, TransportFault):
                    raise fault from error
                if not connected and time.monotonic() + pause_s >= deadline:
                    raise fault from error
                self._on_break(fault)
            self._sleep(pause_s)
            pause_s = min(pause_s * 2, BACKOFF_MAX_S)

    def _connection(self) -> Iterator[WatchExercisesResponse | None]:
        """The events of one call; first None, when the server has taken it."""
        request = submission_service_pb2.WatchExercisesRequest(cursor=self.cursor)
        call = self._stub.WatchExercises(request, metadata=self._channel.metadata)
        watchdog = _Watchdog(call.cancel, self._silence_max_s)
        try:
            # Comes when the server has taken the call, or when the call has failed.
            call.initial_metadata()
            if call.is_active():
                watchdog.seen()
                yield None
            for event in call:
                watchdog.seen()
                yield event
                # However long the caller has dealt with it: that was not the server's silence.
                watchdog.seen()
        finally:
            watchdog.stop()
            call.cancel()


class _Watchdog:
    """Ends a call in which the server has been silent for too long."""

    def __init__(self, give_up: Callable[[], object], silence_max_s: float) -> None:
        self._give_up = give_up
        self._silence_max_s = silence_max_s
        self._seen = threading.Event()
        self._stopped = False
        threading.Thread(target=self._run, name="descargo-watchdog", daemon=True).start()

    def seen(self) -> None:
        """The server has said something."""
        self._seen.set()

    def stop(self) -> None:
        """The call has ended."""
        self._stopped = True
        self._seen.set()

    def _run(self) -> None:
        while self._seen.wait(self._silence_max_s):
            if self._stopped:
                return
            self._seen.clear()
        self._give_up()
