"""Field paths such as `issue.lines[0].unit`: to set, clear, copy and look up in messages."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.descriptor import Descriptor

__all__ = ["copy_field", "parse_path", "path_exists", "remove_field", "repeat_field", "set_field"]

PART: Final = re.compile(r"([a-z_0-9]+)(?:\[([0-9]+)\])?\Z")
Parts = list[tuple[str, int | None]]


def parse_path(path: str) -> Parts:
    """Names with the index of each, if it has one; raises ValueError for what is no path."""
    parts: Parts = []
    for part in path.split("."):
        match = PART.match(part)
        if match is None:
            raise ValueError(f"`{path}` is no field path")
        index = match[2]
        parts.append((match[1], None if index is None else int(index)))
    return parts


def path_exists(message: Descriptor, path: str) -> bool:
    """Whether the contract has such a field: an index only where a field repeats."""
    here: Descriptor | None = message
    for name, index in parse_path(path):
        if here is None:
            return False
        if name in here.oneofs_by_name:
            here = None
            continue
        field = here.fields_by_name.get(name)
        if field is None or (index is not None and not field.is_repeated):
            return False
        here = field.message_type
    return True


def set_field(message: Message, path: str, value: Any) -> None:
    """Gives a field a value: text, number, truth, a message as a table, or a list."""
    owner, name, index = _owner(message, path)
    if index is None:
        owner.ClearField(name)
        if isinstance(value, dict):
            getattr(owner, name).SetInParent()
        ParseDict({name: value}, owner)
        return
    items = getattr(owner, name)
    if isinstance(value, dict):
        item = items.add() if index == len(items) else items[index]
        item.Clear()
        ParseDict(value, item)
    elif index == len(items):
        items.append(value)
    else:
        items[index] = value


def remove_field(message: Message, path: str) -> None:
    """Clears a field, or takes one item out of a list."""
    owner, name, index = _owner(message, path)
    if index is None:
        owner.ClearField(name)
    else:
        del getattr(owner, name)[index]


def copy_field(message: Message, target: str, source: str) -> None:
    """Makes a field what another is."""
    value = copy.deepcopy(_value(message, source))
    owner, name, index = _owner(message, target)
    if index is None:
        setattr(owner, name, value)
        return
    items = getattr(owner, name)
    item = items.add() if index == len(items) else items[index]
    item.CopyFrom(value)


def repeat_field(message: Message, path: str, value: str, count: int) -> None:
    """A text so often, or a list of so many equal items; `=path` copies that one."""
    owner, name, _ = _owner(message, path)
    if value.startswith("="):
        item = copy.deepcopy(_value(message, value[1:]))
        owner.ClearField(name)
        getattr(owner, name).extend([item] * count)
    elif owner.DESCRIPTOR.fields_by_name[name].is_repeated:
        owner.ClearField(name)
        getattr(owner, name).extend([value] * count)
    else:
        setattr(owner, name, value * count)


def _owner(message: Message, path: str) -> tuple[Message, str, int | None]:
    parts = parse_path(path)
    name, index = parts[-1]
    owner = _walk(message, parts[:-1])
    assert isinstance(owner, Message), path
    return owner, name, index


def _value(message: Message, path: str) -> Any:
    return _walk(message, parse_path(path))


def _walk(message: Message, parts: Sequence[tuple[str, int | None]]) -> Any:
    here: Any = message
    for name, index in parts:
        here = getattr(here, name)
        here = here if index is None else here[index]
    return here
