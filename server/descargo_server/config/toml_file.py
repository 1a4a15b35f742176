"""A TOML file that remembers on which line each key stands, so that a mistake can be pointed at.

`tomllib` gives values without lines. The index made here is a plain scan for headers and keys: it
serves messages only, never values.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias, get_args

from descargo_server import limits
from descargo_server.config.problems import ConfigurationInvalid, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydantic import BaseModel, ValidationError
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails
    from typing_extensions import TypeIs

__all__ = ["KeyPath", "TomlFile"]

KeyPath: TypeAlias = tuple[str | int, ...]

_HEADER: Final = re.compile(r"\s*(\[\[?)\s*([A-Za-z0-9_.\-]+)\s*\]")
_KEY: Final = re.compile(r"\s*([A-Za-z0-9_\-]+)\s*=")
_LINE_IN_MESSAGE: Final = re.compile(r"\(at line (\d+), column \d+\)")


@dataclass(frozen=True, slots=True)
class TomlFile:
    """One TOML file: its values, and the line of each key."""

    path: Path
    table: dict[str, Any]
    lines: dict[KeyPath, int]

    @classmethod
    def read(cls, path: Path) -> TomlFile:
        """Reads the file; raises ConfigurationInvalid when it is not there or is not TOML."""
        text = _text_of(path)
        try:
            table = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            found = _LINE_IN_MESSAGE.search(str(error))
            what = f"not TOML: {_LINE_IN_MESSAGE.sub('', str(error)).strip().lower()}"
            line = int(found.group(1)) if found else None
            problem = Problem(path, line, what, "correct the syntax of this line")
            raise ConfigurationInvalid([problem]) from error
        return cls(path, table, dict(_index(text)))

    def line_of(self, where: KeyPath) -> int | None:
        """The line of a key, or of the nearest table around it."""
        for length in range(len(where), 0, -1):
            line = self.lines.get(where[:length])
            if line is not None:
                return line
        return None

    def problem(self, where: KeyPath, what: str, remedy: str) -> Problem:
        """A problem at the line of a key."""
        return Problem(self.path, self.line_of(where), what, remedy)

    def problems_of(
        self, error: ValidationError, model: type[BaseModel], prefix: KeyPath = ()
    ) -> list[Problem]:
        """What pydantic found, with lines and remedies; `prefix` is where the model's table is."""
        return [
            self.problem(prefix + found["loc"], _what(found, prefix), _remedy(found, model))
            for found in error.errors(include_url=False)
        ]


def _text_of(path: Path) -> str:
    """The file's text, bounded; a file that cannot be read is a problem with a remedy."""
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        problem = Problem(path, None, f"cannot be read: {reason}", "correct the path or the rights")
        raise ConfigurationInvalid([problem]) from error
    if len(content) > limits.CONFIG_BYTES_MAX:
        what = f"has {len(content)} bytes, more than {limits.CONFIG_BYTES_MAX}"
        raise ConfigurationInvalid([Problem(path, None, what, "name the right file")])
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = Problem(path, line, "not UTF-8", "save the file with the encoding UTF-8")
        raise ConfigurationInvalid([problem]) from error


def _index(text: str) -> Iterator[tuple[KeyPath, int]]:
    """Each table and each key with its line. Arrays of tables are counted from 0."""
    table: KeyPath = ()
    counts: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            name = header.group(2)
            table = tuple(name.split("."))
            if header.group(1) == "[[":
                if name not in counts:
                    yield table, number
                table = (*table, counts.get(name, 0))
                counts[name] = counts.get(name, 0) + 1
            yield table, number
        elif key := _KEY.match(line):
            yield (*table, key.group(1)), number


def _what(found: ErrorDetails, prefix: KeyPath) -> str:
    name = ".".join(str(part) for part in found["loc"]) or ".".join(str(part) for part in prefix)
    match found["type"]:
        case "extra_forbidden":
            return f"unknown key `{name}`"
        case "missing":
            return f"`{name}` is missing"
        case _:
            message = found["msg"].removeprefix("Value error, ")
            return f"`{name}`: {message[:1].lower()}{message[1:]}, not {_shown(found['input'])}"


def _shown(value: object) -> str:
    """A value as a message shows it; never long, since it may be a whole table."""
    text = "a table" if isinstance(value, dict) else repr(value)
    return f"`{text[:80]}`"


def _remedy(found: ErrorDetails, model: type[BaseModel]) -> str:
    names = [part for part in found["loc"] if isinstance(part, str)]
    key = names[-1] if names else ""
    if found["type"] == "extra_forbidden":
        known = list(_fields_at(model, names[:-1]))
        near = difflib.get_close_matches(key, known, n=1)
        return f"did you mean `{near[0]}`?" if near else f"remove it; known: {', '.join(known)}"
    field = _fields_at(model, names[:-1]).get(key)
    if field is None or not field.examples:
        return "correct the value" if field is None else f"write {field.description}"
    verb = "add" if found["type"] == "missing" else "write"
    return f"{verb} for example `{key} = {_toml(field.examples[0])}`, {field.description}"


def _fields_at(model: type[BaseModel], names: list[str]) -> dict[str, FieldInfo]:
    """The fields of the model that stands at a path of names."""
    fields = dict(model.model_fields)
    for name in names:
        annotation = fields[name].annotation if name in fields else None
        # A section that may be absent is annotated `Section | None`.
        inner = [kind for kind in (annotation, *get_args(annotation)) if _has_fields(kind)]
        fields = dict(inner[0].model_fields) if inner else {}
    return fields


def _has_fields(kind: object) -> TypeIs[type[BaseModel]]:
    return hasattr(kind, "model_fields")


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)
