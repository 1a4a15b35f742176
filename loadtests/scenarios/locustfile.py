"""What locust loads: the users, and how many of them a day has.

`loadtests.load` starts it, and says in `DESCARGO_LOAD` where the validator is and what it holds.
"""

from __future__ import annotations

import grpc.experimental.gevent

# Before any channel is made: otherwise one call stops all users of the process.
grpc.experimental.gevent.init_gevent()

from locust import LoadTestShape  # noqa: E402

from loadtests.scenarios.day import lanes_at  # noqa: E402
from loadtests.scenarios.users import (  # noqa: E402
    PLACE,
    AgencyStreamUser,
    BadActorUser,
    HotLicenceUser,
    LaneUser,
    WatcherUser,
)

__all__ = [
    "AgencyStreamUser",
    "BadActorUser",
    "DayShape",
    "HotLicenceUser",
    "LaneUser",
    "WatcherUser",
]

FIXED: int = 3
"""Users that are there all day: the stream, the watcher, the bad actor."""


class DayShape(LoadTestShape):
    """A day in the time that the run has."""

    def tick(self) -> tuple[int, float] | None:
        """How many users there are now; None ends the run."""
        run_s: float = self.get_run_time()  # type: ignore[no-untyped-call] # locust's
        part = run_s / PLACE["seconds"]
        if part >= 1:
            return None
        users = FIXED + lanes_at(part, PLACE["users"])
        return users, float(users)
