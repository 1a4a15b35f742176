"""The catalogue of texts: complete in both languages, and every key that code names is in it."""

from __future__ import annotations

import re
import string
from pathlib import Path

import descargo_client
from descargo_client.connection import PROFILE_KEYS
from descargo_client.texts import catalogue

SOURCES = [
    path.read_text(encoding="utf-8") for path in Path(descargo_client.__file__).parent.rglob("*.py")
]
KEY = re.compile(r'"([a-z_]+(?:\.[a-z_]+)+)"')


def _fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def test_both_languages_speak_of_the_same_values() -> None:
    for key, texts in catalogue().items():
        assert texts["es"], key
        assert texts["en"], key
        assert _fields(texts["es"]) == _fields(texts["en"]), key


def test_every_key_that_code_names_has_a_text() -> None:
    keys = catalogue()
    groups = {key.partition(".")[0] for key in keys}
    named = {key for source in SOURCES for key in KEY.findall(source)}
    assert {key for key in named if key.partition(".")[0] in groups} - set(keys) == set()


def test_every_connection_option_is_described() -> None:
    assert {f"option.{name}" for name in PROFILE_KEYS} <= set(catalogue())
