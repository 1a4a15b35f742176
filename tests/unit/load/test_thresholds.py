"""What was promised against what was counted; each border on both sides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loadtests.scenarios import thresholds
from loadtests.scenarios.thresholds import Promise

PROMISED = {"lane": Promise(requests_min=10, failures_part=0.1, p99_ms=100.0)}
SHIPPED = Path(thresholds.__file__).with_name("thresholds.json")


def stats(requests: int = 100, failures: int = 0, slow: int = 0, millis: int = 100) -> Any:
    """Requests of 5 ms, and some that took `millis`."""
    return [
        {
            "name": "lane",
            "num_requests": requests,
            "num_failures": failures,
            "response_times": {"5": requests - slow, str(millis): slow},
            "max_response_time": millis,
        }
    ]


@pytest.mark.parametrize(
    ("counted", "broken"),
    [
        (stats(), []),
        (stats(requests=10), []),
        (stats(requests=9), ["lane: 9 requests, at least 10 were to be made"]),
        ([], ["lane: 0 requests, at least 10 were to be made"]),
        (stats(failures=10), []),
        (stats(failures=11), ["lane: 0.1100 failed, at most 0.1 may"]),
        (stats(slow=2), []),
        (stats(slow=1, millis=101), []),
        (stats(slow=2, millis=101), ["lane: p99 101 ms, promised 100 ms"]),
    ],
)
def test_each_promise_is_kept_up_to_its_border(counted: Any, broken: list[str]) -> None:
    assert list(thresholds.breaches(PROMISED, thresholds.seen(counted))) == broken


def test_shipped_thresholds_allow_no_failure_and_want_some_of_each() -> None:
    promised = thresholds.promises(SHIPPED)
    assert {"lane", "stream item", "watch", "replay", "oversize"} <= promised.keys()
    assert all(each.failures_part == 0 and each.requests_min > 0 for each in promised.values())


def test_unknown_field_of_a_threshold_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "thresholds.json"
    path.write_text('{"lane": {"requests_min": 1, "failures_part": 0, "p90_ms": 5}}')
    with pytest.raises(TypeError, match="p90_ms"):
        thresholds.promises(path)
