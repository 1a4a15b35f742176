"""`descargo-server verify-raw`: the very check of the hot path, for vectors from outside.

Whoever doubts our signature check feeds it public vectors here. A line that cannot be read is
answered like any other, as invalid with its reason, so that the answers stay in step with the
questions.
"""

from __future__ import annotations

import binascii
import json
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final, Protocol

from descargo_server import limits

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ALGORITHMS", "Verifier", "answer_lines"]

ALGORITHMS: Final = ("rsa-pkcs1-sha256", "ecdsa-p256-sha256", "ecdsa-p256-sha256-p1363", "ed25519")
"""What the core checks; any other name is answered invalid."""


class Verifier(Protocol):
    """The core's check: an empty text when the signature is valid, else why it is not."""

    def __call__(self, alg: str, spki: bytes, message: bytes, signature: bytes, /) -> str:
        """Checks one signature."""
        ...


class _Unreadable(Exception):  # noqa: N818 - it says what the line is
    """Why a line cannot be checked."""


@dataclass(frozen=True, slots=True)
class _Question:
    alg: str
    spki: bytes
    message: bytes
    signature: bytes


def answer_lines(source: IO[bytes], verify: Verifier) -> Iterator[str]:
    """One JSON line for each line of the source, in order."""
    while line := source.readline(limits.BATCH_LINE_BYTES_MAX + 1):
        too_long = len(line) > limits.BATCH_LINE_BYTES_MAX
        while too_long and not line.endswith(b"\n"):
            line = source.readline(limits.BATCH_LINE_BYTES_MAX) or b"\n"
        yield _answer(None if too_long else line, verify)


def _answer(line: bytes | None, verify: Verifier) -> str:
    name: object = None
    try:
        fields = _fields(line)
        name = fields.get("id")
        question = _question(fields)
        reason = verify(question.alg, question.spki, question.message, question.signature)
    except _Unreadable as unreadable:
        reason = str(unreadable)
    result = "invalid" if reason else "valid"
    return json.dumps({"id": name, "result": result, "reason": reason}, ensure_ascii=False)


def _fields(line: bytes | None) -> dict[str, Any]:
    if line is None:
        raise _Unreadable(f"line is longer than {limits.BATCH_LINE_BYTES_MAX} bytes")
    try:
        fields = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _Unreadable("line is not JSON in UTF-8") from error
    if not isinstance(fields, dict):
        raise _Unreadable("line is not a JSON object")
    return fields


def _question(fields: dict[str, Any]) -> _Question:
    alg = fields.get("alg")
    if not isinstance(alg, str):
        raise _Unreadable("`alg` is missing or not text")
    return _Question(alg, _hex(fields, "spki"), _hex(fields, "msg"), _hex(fields, "sig"))


def _hex(fields: dict[str, Any], name: str) -> bytes:
    value = fields.get(name)
    if not isinstance(value, str):
        raise _Unreadable(f"`{name}` is missing or not text")
    try:
        return binascii.unhexlify(value)
    except (ValueError, binascii.Error) as error:
        raise _Unreadable(f"`{name}` is not hexadecimal") from error
