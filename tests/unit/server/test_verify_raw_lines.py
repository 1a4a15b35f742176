"""`verify-raw --batch`: one answer for each line, whatever the line is."""

from __future__ import annotations

import io
import json

import pytest

from descargo_server import limits
from descargo_server.admin.verify_raw import answer_lines


def verify(alg: str, spki: bytes, message: bytes, signature: bytes) -> str:
    """Valid when the signature is key and message; else says the algorithm."""
    return "" if signature == spki + message else f"`{alg}` does not verify"


def answers(*lines: bytes) -> list[dict[str, object]]:
    source = io.BytesIO(b"\n".join(lines))
    return [json.loads(line) for line in answer_lines(source, verify)]


def test_answers_keep_order_and_ids() -> None:
    valid = b'{"id":7,"alg":"a","spki":"01","msg":"02","sig":"0102"}'
    invalid = b'{"id":"x","alg":"a","spki":"01","msg":"","sig":"0102"}'
    assert answers(valid, invalid, valid) == [
        {"id": 7, "result": "valid", "reason": ""},
        {"id": "x", "result": "invalid", "reason": "`a` does not verify"},
        {"id": 7, "result": "valid", "reason": ""},
    ]


@pytest.mark.parametrize(
    ("line", "name", "words"),
    [
        (b"", None, "not JSON"),
        (b"{", None, "not JSON"),
        (b"\xff", None, "not JSON"),
        (b"[]", None, "not a JSON object"),
        (b"[" * 100_000, None, "not JSON"),
        (b'{"id":1}', 1, "`alg`"),
        (b'{"id":1,"alg":"a"}', 1, "`spki`"),
        (b'{"id":1,"alg":"a","spki":"0","msg":"","sig":""}', 1, "`spki` is not hex"),
        (b'{"id":1,"alg":"a","spki":"00","msg":"zz","sig":""}', 1, "`msg` is not hex"),
        (b'{"id":1,"alg":"a","spki":"00","msg":"","sig":5}', 1, "`sig`"),
        ('{"id":1,"alg":"a","spki":"é","msg":"","sig":""}'.encode(), 1, "`spki` is not hex"),
    ],
)
def test_unreadable_line_is_invalid_and_does_not_stop(
    line: bytes, name: object, words: str
) -> None:
    good = b'{"id":2,"alg":"a","spki":"","msg":"","sig":""}'
    first, second = answers(line, good)
    assert (first["id"], first["result"]) == (name, "invalid")
    assert words in str(first["reason"])
    assert second == {"id": 2, "result": "valid", "reason": ""}


def test_line_beyond_the_limit_is_invalid_and_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BATCH_LINE_BYTES_MAX", 64)
    good = b'{"id":2,"alg":"a","spki":"","msg":"","sig":""}'
    for size in (65, 128, 129, 1000):
        first, second = answers(b" " * size, good)
        assert "longer than" in str(first["reason"])
        assert second["result"] == "valid"
    (last,) = answers(b" " * 1000)
    assert last["result"] == "invalid"
