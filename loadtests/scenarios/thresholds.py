"""What was promised against what locust counted, from its exact JSON report.

Not from its CSV: that is written at intervals and lacks the last requests. A bad actor's request is
a failure when it was *not* refused, so a part of zero is promised there too.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loadtests.bench.report import percentile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["Promise", "Seen", "breaches", "promises", "seen"]


@dataclass(frozen=True, slots=True)
class Promise:
    """What one kind of request must keep to."""

    requests_min: int
    """Fewer prove nothing."""
    failures_part: float
    p99_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What one kind of request did."""

    requests: int
    failures: int
    p50_ms: float
    p99_ms: float
    longest_ms: float


def promises(path: Path) -> dict[str, Promise]:
    """Reads the thresholds; raises TypeError for a field that nobody knows."""
    stated = json.loads(path.read_text(encoding="utf-8"))
    return {name: Promise(**fields) for name, fields in stated.items()}


def seen(stats: Sequence[Mapping[str, Any]]) -> dict[str, Seen]:
    """Locust's statistics by name."""
    found = {}
    for entry in stats:
        times = {float(millis): count for millis, count in entry["response_times"].items()}
        found[entry["name"]] = Seen(
            requests=entry["num_requests"],
            failures=entry["num_failures"],
            p50_ms=percentile(times, 50) if times else 0.0,
            p99_ms=percentile(times, 99) if times else 0.0,
            longest_ms=entry["max_response_time"] or 0.0,
        )
    return found


def breaches(promised: Mapping[str, Promise], found: Mapping[str, Seen]) -> Iterator[str]:
    """Everything that does not keep its promise, as sentences."""
    for name, promise in promised.items():
        of_name = found.get(name)
        requests = 0 if of_name is None else of_name.requests
        if of_name is None or requests < promise.requests_min:
            yield f"{name}: {requests} requests, at least {promise.requests_min} were to be made"
            continue
        part = of_name.failures / requests
        if part > promise.failures_part:
            yield f"{name}: {part:.4f} failed, at most {promise.failures_part} may"
        if promise.p99_ms is not None and of_name.p99_ms > promise.p99_ms:
            yield f"{name}: p99 {of_name.p99_ms:g} ms, promised {promise.p99_ms:g} ms"
