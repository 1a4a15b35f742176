"""How many calls each identity has open, so that one caller cannot crowd out the others.

A bound for the whole server would let a single client with many connections lock everybody out.
Runs on the loop's thread only.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from descargo_server import limits
from descargo_server.refused import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Outstanding"]


class Outstanding:
    """Open calls by name of the identity."""

    def __init__(self, most: int = limits.OUTSTANDING_PER_IDENTITY_MAX) -> None:
        """`most` is the bound for each identity."""
        self._most = most
        self._open: dict[str, int] = {}

    def __len__(self) -> int:
        """How many identities have calls open."""
        return len(self._open)

    @contextmanager
    def one_more(self, name: str) -> Iterator[None]:
        """Counts a call while it runs; raises Refused when there are too many."""
        count = self._open.get(name, 0) + 1
        if count > self._most:
            raise Refused("LIMIT_EXCEEDED", detail=f"{count} calls open, more than {self._most}")
        self._open[name] = count
        try:
            yield
        finally:
            left = self._open[name] - 1
            if left:
                self._open[name] = left
            else:
                del self._open[name]
