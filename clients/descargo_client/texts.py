"""Every text that the client says to people, in Spanish and English, from one catalogue file.

Code names a text by its key; `messages.toml` beside this module holds the words.
"""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Language = Literal["es", "en"]

LANGUAGES: Final[tuple[Language, ...]] = ("es", "en")
"""Languages of the catalogue; the first is the one that people at the lane read."""


def text(key: str, language: Language, **values: object) -> str:
    """Returns the text of `key` with its values filled in; raises KeyError for an unknown key."""
    template = catalogue()[key][language]
    return template.format_map({name: str(value) for name, value in values.items()})


@lru_cache(maxsize=1)
def catalogue() -> Mapping[str, Mapping[str, str]]:
    """Returns the texts of every key, by language."""
    source = resources.files(__package__).joinpath("messages.toml").read_text(encoding="utf-8")
    keys: dict[str, Mapping[str, str]] = {}
    _collect(tomllib.loads(source), "", keys)
    return MappingProxyType(keys)


def _collect(table: Mapping[str, object], prefix: str, keys: dict[str, Mapping[str, str]]) -> None:
    """Flattens nested tables: one that holds `es` and `en` is a text, others hold more tables."""
    if set(table) == set(LANGUAGES):
        keys[prefix] = MappingProxyType({name: str(value).strip() for name, value in table.items()})
        return
    for name, value in table.items():
        if not isinstance(value, dict):
            raise TypeError(f"messages.toml: `{prefix}.{name}` is not a table with es and en")
        _collect(value, f"{prefix}.{name}" if prefix else name, keys)
