"""The words of the demo, in Spanish and English, from `texts.toml` beside this module."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LANGUAGES", "Texts", "catalogue"]

LANGUAGES: Final = ("es", "en")
"""The first is the one that people at the lane read."""


@lru_cache(maxsize=1)
def catalogue() -> Mapping[str, Mapping[str, str]]:
    """Every text by key and language."""
    source = resources.files(__package__).joinpath("texts.toml").read_text(encoding="utf-8")
    return tomllib.loads(source)


class Texts:
    """The texts of one language."""

    def __init__(self, language: str) -> None:
        """Keeps the language, one of LANGUAGES."""
        self.language = language

    def say(self, key: str, **values: object) -> str:
        """The text of `key` with its values; an unknown key is a fault of ours."""
        return catalogue()[key][self.language].format_map(values)
