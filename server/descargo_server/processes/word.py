"""What a parent and its workers say to each other: JSON lines over a socket pair.

The parent asks, numbering its questions; the worker answers under the number. Without being asked
it says one thing, that it serves. Either side takes the end of the socket for the end of the other.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict

if TYPE_CHECKING:
    import asyncio

__all__ = ["LINE_BYTES_MAX", "SERVES", "Answer", "Question", "hear", "say"]

LINE_BYTES_MAX: Final = 4 * 1024 * 1024
"""Longest line: the problems of a registry of 10,000 identities, or all counters."""

SERVES: Final = 0
"""The number under which a worker says that it serves; questions count from 1."""


class Question(TypedDict):
    """From the parent."""

    number: int
    what: Literal["reload", "metrics"]


class Answer(TypedDict):
    """From a worker. What it means depends on the question."""

    number: int
    said: Any


def say(writer: asyncio.StreamWriter, line: Question | Answer) -> None:
    """Writes one line."""
    writer.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")


async def hear(reader: asyncio.StreamReader) -> Any:
    """Reads one line; None when the other side has ended."""
    try:
        line = await reader.readline()
    except ConnectionError:
        return None
    # A line without its end was cut by the death of whoever wrote it.
    return json.loads(line) if line.endswith(b"\n") else None
