"""Words for the person at the terminal."""

from __future__ import annotations

import sys

__all__ = ["complain", "say"]


def say(*lines: str) -> None:
    """Prints lines to standard output."""
    for line in lines:
        sys.stdout.write(f"{line}\n")


def complain(*lines: str) -> None:
    """Prints lines to standard error."""
    for line in lines:
        sys.stderr.write(f"{line}\n")
