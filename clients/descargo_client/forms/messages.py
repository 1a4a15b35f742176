"""Builds contract messages from JSON objects, and says everything that does not fit.

The names are proto3 JSON's, in snake_case or camelCase. Enum values may leave out their prefix
(`IMPORT`). Decimals are texts: a JSON number would pass through binary floating point, where 0.1 is
not 0.1. Texts are passed on unchanged, so that a wrong code gets the server's finding and not an
invention of ours.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.descriptor import FieldDescriptor

from descargo_client.faults import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.descriptor import EnumDescriptor
    from google.protobuf.message import Message

UINT32_MAX: Final = 2**32 - 1
_TIMESTAMP: Final = "google.protobuf.Timestamp"
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_DECIMALS: Final = frozenset({"quantity", "value_usd"})
_FIRST_INSTANT: Final = "T00:00:00-06:00"
"""A date alone is its first instant in Mexico City, which has kept no summer time since 2022."""


def fill_message(message: Message, value: object, path: str, problems: list[Problem]) -> None:
    """Fills a message from a JSON value; adds a problem for each thing that does not fit."""
    if not isinstance(value, dict):
        problems.append(_problem("form.not_object", path))
        return
    fields = _names(message)
    arms: dict[str, str] = {}
    for name, item in value.items():
        place = f"{path}.{name}" if path else str(name)
        field = fields.get(name)
        if field is None:
            known = ", ".join(sorted(each.name for each in message.DESCRIPTOR.fields))
            problems.append(_problem("form.field_unknown", place, name=name, known=known))
            continue
        if item is None:
            continue
        other = _first_arm(field, arms)
        if other != field.name:
            problems.append(_problem("form.two_arms", place, name=name, other=other))
            continue
        _fill_field(message, field, item, place, problems)


def _first_arm(field: FieldDescriptor, arms: dict[str, str]) -> str:
    """The arm that was given first of a choice; the presence of a single field is no choice."""
    choice = field.containing_oneof
    if choice is None or len(choice.fields) == 1:
        return field.name
    return arms.setdefault(choice.name, field.name)


def _fill_field(
    message: Message, field: FieldDescriptor, value: object, path: str, problems: list[Problem]
) -> None:
    if not field.is_repeated:
        _fill_one(message, field, value, path, problems)
        return
    if not isinstance(value, list):
        problems.append(_problem("form.not_list", path))
        return
    for position, item in enumerate(value):
        place = f"{path}[{position}]"
        if field.message_type is not None:
            fill_message(getattr(message, field.name).add(), item, place, problems)
        elif (scalar := _scalar(field, item, place, problems)) is not None:
            getattr(message, field.name).append(scalar)


def _fill_one(
    message: Message, field: FieldDescriptor, value: object, path: str, problems: list[Problem]
) -> None:
    if field.message_type is None:
        scalar = _scalar(field, value, path, problems)
        if scalar is not None:
            setattr(message, field.name, scalar)
        return
    inner = getattr(message, field.name)
    # An empty object is present, which is not the same as absent.
    inner.SetInParent()
    if field.message_type.full_name == _TIMESTAMP:
        fill_instant(inner, value, path, problems)
    else:
        fill_message(inner, value, path, problems)


def _scalar(
    field: FieldDescriptor, value: object, path: str, problems: list[Problem]
) -> str | int | bool | None:
    if field.enum_type is not None:
        return _enum_number(field.enum_type, value, path, problems)
    if field.type == FieldDescriptor.TYPE_BOOL:
        if isinstance(value, bool):
            return value
        problems.append(_problem("form.not_bool", path))
        return None
    if field.type == FieldDescriptor.TYPE_STRING:
        return _text(field, value, path, problems)
    return _whole_number(value, path, problems)


def _text(field: FieldDescriptor, value: object, path: str, problems: list[Problem]) -> str | None:
    if isinstance(value, str):
        # A lone half of a surrogate pair is JSON, but no text that can be sent.
        if value.isascii() or value == value.encode("utf-8", "replace").decode("utf-8"):
            return value
        problems.append(_problem("form.not_unicode", path))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        key = "form.decimal_number" if field.name in _DECIMALS else "form.text_number"
        problems.append(_problem(key, path, value=value))
    else:
        problems.append(_problem("form.not_text", path))
    return None


def _whole_number(value: object, path: str, problems: list[Problem]) -> int | None:
    number = value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 10:  # noqa: PLR2004 - digits of 2**32
        number = int(value)
    if isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= UINT32_MAX:
        return number
    problems.append(_problem("form.not_whole", path, value=value, limit=UINT32_MAX))
    return None


def _enum_number(
    kind: EnumDescriptor, value: object, path: str, problems: list[Problem]
) -> int | None:
    prefix = kind.values[0].name.removesuffix("UNSPECIFIED")
    known = [item.name.removeprefix(prefix) for item in kind.values[1:]]
    if isinstance(value, str):
        name = value.strip().upper().removeprefix(prefix)
        if name in known:
            return int(kind.values_by_name[prefix + name].number)
    problems.append(_problem("form.enum", path, value=value, known=", ".join(known)))
    return None


def fill_instant(message: Any, value: object, path: str, problems: list[Problem]) -> None:
    """Fills an instant from RFC 3339, or from a date alone."""
    written = value if isinstance(value, str) else ""
    written += _FIRST_INSTANT if _DATE.match(written) else ""
    moment: datetime | None
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        problems.append(_problem("form.instant", path, value=value))
    else:
        message.FromDatetime(moment)


def _names(message: Message) -> Mapping[str, Any]:
    fields = message.DESCRIPTOR.fields
    return {field.name: field for field in fields} | {field.json_name: field for field in fields}


def _problem(key: str, path: str, **values: object) -> Problem:
    shown = tuple((name, shorten(value)) for name, value in values.items())
    return Problem(key, shown, field=path)


def shorten(value: object, limit: int = 250) -> str:
    """A value as a message shows it; what is too long is cut."""
    written = str(value)
    return written if len(written) <= limit else written[: limit - 1] + "…"
