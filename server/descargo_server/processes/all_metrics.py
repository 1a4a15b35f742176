"""One place where Prometheus reads the counters of all workers, each under its number.

They are not added up: a worker that is started anew counts from zero, and a sum would seem to fall.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from descargo_server.processes.post import Silent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from descargo_server.processes.parent import Parent
    from descargo_server.processes.post import Post

__all__ = ["AllMetrics"]

ANSWER_MAX_S: Final = 2.0
"""How long Prometheus waits for a worker; one that is slower is left out this time."""


class AllMetrics(Collector):
    """Asks every worker whenever Prometheus reads, on a thread of its own."""

    def __init__(self, parent: Parent) -> None:
        """The parent's loop must be running."""
        self._parent = parent
        self._loop = asyncio.get_running_loop()
        self.registry = CollectorRegistry()
        self.registry.register(self)

    def describe(self) -> Iterable[Metric]:
        """Nothing beforehand: the workers say what they count."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """The counters of all workers, and how many there are."""
        serving = GaugeMetricFamily("descargo_workers", "Processes that serve.")
        serving.add_metric((), len(self._parent.serving()))
        restarts = CounterMetricFamily("descargo_worker_restarts", "Starts of one that had ended.")
        restarts.add_metric((), self._parent.restarts)
        asking = asyncio.run_coroutine_threadsafe(self._ask(), self._loop)
        return (serving, restarts, *asking.result(2 * ANSWER_MAX_S))

    async def _ask(self) -> Iterable[Metric]:
        posts = self._parent.serving()
        told = await asyncio.gather(*(_families(post) for post in posts.values()))
        metrics: dict[str, Metric] = {}
        for number, families in zip(posts, told, strict=True):
            for name, documentation, kind, samples in families:
                metric = metrics.setdefault(name, Metric(name, documentation, kind))
                for sample, labels, value in samples:
                    metric.add_sample(sample, labels | {"worker": str(number)}, value)
        return metrics.values()


async def _families(post: Post) -> list[Any]:
    try:
        families: list[Any] = await post.ask("metrics", ANSWER_MAX_S)
    except Silent:
        return []
    return families
