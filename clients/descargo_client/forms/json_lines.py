"""Reads JSON: one declaration from a file, or submissions from JSON lines, each line for itself.

A line that cannot be read never stops the others; it is reported with its number. Empty lines are
skipped.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from descargo.v1 import declaration_pb2, submission_pb2
from descargo_client.faults import BadFile, Problem
from descargo_client.forms.changes import problems_of
from descargo_client.forms.items import Item
from descargo_client.forms.messages import fill_message

if TYPE_CHECKING:
    from collections.abc import Iterable

LINE_BYTES_MAX: Final = 4 * 1024 * 1024
"""Far above the 256 KiB that a submission may have, with room for JSON's verbosity."""
_BOM: Final = b"\xef\xbb\xbf"


def read_submissions(content: bytes) -> list[Item]:
    """Reads each line as one submission; what is wrong is in its item."""
    items: list[Item] = []
    for number, line in enumerate(content.removeprefix(_BOM).split(b"\n"), start=1):
        if line.strip():
            items.append(_read_line(number, line))
    return items


def read_declaration(content: bytes, file: str) -> tuple[declaration_pb2.Declaration, str]:
    """Reads one declaration, bare or as `{"request_id", "declaration"}`; raises BadFile."""
    problems: list[Problem] = []
    value = read_json(content.removeprefix(_BOM), problems)
    request_id = ""
    if isinstance(value, dict) and "declaration" in value:
        request_id = str(value.get("request_id", value.get("requestId", "")) or "")
        known = {"declaration", "request_id", "requestId"}
        for name in value.keys() - known:
            shown = (("name", name), ("known", "declaration, request_id"))
            problems.append(Problem("form.field_unknown", shown, field=name))
        value = value["declaration"]
    declaration = declaration_pb2.Declaration()
    if value is not None or not problems:
        fill_message(declaration, value, "", problems)
    if problems:
        raise BadFile(file, tuple(problems))
    return declaration, request_id


def read_json(line: bytes, problems: list[Problem]) -> object:
    """Decodes JSON strictly: UTF-8, no name twice, no NaN."""
    if len(line) > LINE_BYTES_MAX:
        shown = (("size", str(len(line))), ("limit", str(LINE_BYTES_MAX)))
        problems.append(Problem("json.too_long", shown))
        return None
    try:
        text = line.decode("utf-8")
        return json.loads(
            text, object_pairs_hook=_object_without_repeats, parse_constant=_no_constant
        )
    except UnicodeDecodeError as error:
        problems.append(Problem("json.not_utf8", (("position", str(error.start + 1)),)))
    except _NameTwiceError as error:
        problems.append(Problem("json.name_twice", (("name", str(error)),)))
    except json.JSONDecodeError as error:
        shown = (("why", error.msg), ("column", str(error.colno)))
        problems.append(Problem("json.syntax", shown))
    except (RecursionError, ValueError) as error:
        problems.append(Problem("json.syntax", (("why", str(error)), ("column", "1"))))
    return None


class _NameTwiceError(ValueError):
    """An object gives one name twice, so it says two things at once."""


def _object_without_repeats(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _NameTwiceError(name)
        found[name] = value
    return found


def _no_constant(name: str) -> object:
    raise ValueError(f"`{name}` is not JSON")


def _read_line(number: int, line: bytes) -> Item:
    problems: list[Problem] = []
    value = read_json(line.rstrip(b"\r"), problems)
    submission = submission_pb2.Submission()
    if not problems:
        fill_message(submission, value, "", problems)
    if not problems:
        problems += problems_of(submission)
    return Item.read((number,), submission, problems)
