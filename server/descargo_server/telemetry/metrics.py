"""Counters for Prometheus: calls by method and outcome, and how long they took.

Counting one call costs about three microseconds. Label values are methods and reasons of ours,
never something that a client sent, so their number is bounded.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from descargo_server.transport import ListenFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from descargo_server.config.model import Listen

__all__ = ["ANSWERED", "CANCELLED", "MethodMetrics", "Metrics", "serve_metrics"]

ANSWERED: Final = "OK"
CANCELLED: Final = "CANCELLED"
UNREADABLE: Final = frozenset({"MESSAGE_UNREADABLE", "FIELD_UNKNOWN"})


class _Outcomes(dict[str, Counter]):
    """The counter of each outcome, looked up when it first occurs."""

    def __init__(self, counter_of: Callable[[str], Counter]) -> None:
        super().__init__()
        self._counter_of = counter_of

    def __missing__(self, outcome: str) -> Counter:
        self[outcome] = self._counter_of(outcome)
        return self[outcome]


@dataclass(frozen=True, slots=True)
class MethodMetrics:
    """The counters of one method."""

    outcomes: dict[str, Counter]
    seconds: Histogram
    unreadable: Counter

    def count(self, outcome: str) -> None:
        """Counts one stream that has ended; how long it lived says nothing."""
        self.outcomes[outcome].inc()
        if outcome in UNREADABLE:
            self.unreadable.inc()

    def observe(self, outcome: str, seconds: float) -> None:
        """Counts one call that has ended."""
        self.outcomes[outcome].inc()
        self.seconds.observe(seconds)
        if outcome in UNREADABLE:
            self.unreadable.inc()


class Metrics:
    """The server's counters, in a registry of their own."""

    def __init__(self) -> None:
        """Begins every counter at zero."""
        self.registry = CollectorRegistry()
        self._calls = Counter(
            "descargo_calls",
            "Calls by method and outcome: OK, CANCELLED, or the reason of the refusal.",
            ("method", "outcome"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "descargo_call_seconds",
            "Time from the request's bytes to the answer's.",
            ("method",),
            buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
            registry=self.registry,
        )
        self._unreadable = Counter(
            "descargo_unreadable_messages",
            "Requests that are not a message of the contract.",
            registry=self.registry,
        )
        self._abandoned = Counter(
            "descargo_abandoned_answers",
            "Answers of the core that nobody waited for any more.",
            registry=self.registry,
        )
        self._pending = Gauge(
            "descargo_pending_answers",
            "Requests that the core has not answered yet.",
            registry=self.registry,
        )

        self._watchers = Gauge(
            "descargo_watchers", "Open feeds of agencies.", registry=self.registry
        )
        self._told = Counter(
            "descargo_feed_events",
            "Movements and alerts told to agencies.",
            registry=self.registry,
        )
        self._stream_items = Counter(
            "descargo_stream_items",
            "Submissions that came by streams.",
            registry=self.registry,
        )
        self._streams = Gauge(
            "descargo_streams",
            "Streams of submissions that are open.",
            registry=self.registry,
        )

    def of_method(self, method: str) -> MethodMetrics:
        """The counters of one method, looked up once for all of its calls."""
        outcomes = _Outcomes(lambda outcome: self._calls.labels(method, outcome))
        return MethodMetrics(outcomes, self._seconds.labels(method), self._unreadable)

    def abandoned(self) -> None:
        """Counts an answer that came after its caller had gone."""
        self._abandoned.inc()

    def told(self, events: int) -> None:
        """Counts events of a feed."""
        self._told.inc(events)

    def watch_watchers(self, watchers: Callable[[], int]) -> None:
        """Asks `watchers` for the number of open feeds whenever Prometheus reads."""
        self._watchers.set_function(watchers)

    def stream_items(self, count: int) -> None:
        """Counts the items of a frame."""
        self._stream_items.inc(count)

    @contextmanager
    def stream(self) -> Iterator[None]:
        """Counts a stream while it is open."""
        with self._streams.track_inprogress():
            yield

    def watch_pending(self, pending: Callable[[], int]) -> None:
        """Asks `pending` for the number of open requests whenever Prometheus reads."""
        self._pending.set_function(pending)

    def families(self) -> list[tuple[str, str, str, list[tuple[str, dict[str, str], float]]]]:
        """Every counter as it stands: name, text, kind, and its samples."""
        return [
            (
                family.name,
                family.documentation,
                family.type,
                [(sample.name, sample.labels, sample.value) for sample in family.samples],
            )
            for family in self.registry.collect()
        ]

    def serve(self, listen: Listen) -> tuple[int, Callable[[], None]]:
        """Answers Prometheus at an address; returns the port and what stops it."""
        return serve_metrics(listen, self.registry)


def serve_metrics(listen: Listen, registry: CollectorRegistry) -> tuple[int, Callable[[], None]]:
    """Answers Prometheus at an address; returns the port and what stops it.

    Raises ListenFailed with a remedy.
    """
    try:
        server, thread = start_http_server(listen.port, listen.host, registry)
    except OSError as error:
        remedy = "stop what listens there, or change `[metrics] listen`"
        raise ListenFailed(f"no metrics at `{listen}` - {remedy}") from error

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return server.server_port, stop
