"""The exit codes of `descargo-server`. Scripts rest on them; they do not change."""

from typing import Final

__all__ = ["BAD_USAGE", "FAILED", "OK"]

OK: Final = 0
"""Done, or valid."""

FAILED: Final = 1
"""Not done, or invalid."""

BAD_USAGE: Final = 2
"""Wrong arguments, or a configuration that cannot be used."""
