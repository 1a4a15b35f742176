"""JSON log lines to stderr, one event each.

No keys, signatures or personal data: an identity's name, a method, a reason and times are all that
a line needs. The core's answers are never logged; they are evidence and live in the ledger.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from structlog.typing import EventDict, FilteringBoundLogger

__all__ = ["configure_logs", "logger"]


def configure_logs(worker: int | None = None) -> None:
    """Sends every log line to stderr as JSON. Called once, by the command that serves.

    Lines of a `worker` carry its number, so that those of several can be told apart.
    """

    def name_worker(_logger: object, _method: str, event: EventDict) -> EventDict:
        if worker is not None:
            event["worker"] = worker
        return event

    structlog.configure(
        processors=[
            name_worker,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


def logger() -> FilteringBoundLogger:
    """The server's logger."""
    bound: FilteringBoundLogger = structlog.get_logger("descargo-server")
    return bound
