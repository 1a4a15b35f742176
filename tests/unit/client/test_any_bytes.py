"""Whatever bytes a file holds, reading it ends with a value or an error that says what to do."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from descargo_client.certificates import certificate_facts
from descargo_client.faults import ClientError
from descargo_client.forms import columns, csv_rows, json_lines, mapping, sheets
from descargo_client.receipts import read_receipts
from descargo_client.signing import load_signer

if TYPE_CHECKING:
    from collections.abc import Callable

HEADER = ",".join(sorted(columns.REQUIRED_COLUMNS | {"quantity"})).encode()
NAMES = st.sampled_from([
    "license", "issue", "onboarding", "version", "signed_at", "lines", "operation", "declaration",
    "receipt", "payload", "signature", "key_id", "answer", "verdict", "outcome", "request_id",
])  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
CONTENT = st.one_of(
    st.binary(max_size=200),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=120).map(lambda row: HEADER + b"\n" + row),
    st.lists(st.text(max_size=6), min_size=16, max_size=16).map(
        lambda cells: HEADER + b"\n" + ",".join(cells).encode("utf-8", "replace")
    ),
    st.binary(max_size=60).map(lambda body: b"\x30" + bytes([len(body)]) + body),
)
READERS: dict[str, Callable[[bytes], object]] = {
    "certificate": certificate_facts,
    "key": lambda content: load_signer(content, content, b"clave"),
    "csv": lambda content: csv_rows.read_submissions(content, "f.csv"),
    "spreadsheet": lambda content: sheets.read_table(content, "f.xlsx"),
    "zip": lambda content: sheets.read_table(b"PK\x03\x04" + content, "f.xlsx"),
    "mapping": lambda content: mapping.read_mapping(content, "m.toml"),
    "json lines": json_lines.read_submissions,
    "declaration": lambda content: json_lines.read_declaration(content, "f.json"),
    "receipt": read_receipts,
}


@pytest.mark.parametrize("reader", READERS)
def test_reading_anything_ends_with_a_value_or_a_said_error(reader: str) -> None:
    @settings(max_examples=300, deadline=None, derandomize=True, database=None)
    @given(CONTENT)
    def read(content: bytes) -> None:
        try:
            READERS[reader](content)
        except ClientError as error:
            said = [error.text("es"), error.text("en")]
        else:
            said = ["read"]
        assert all(said)

    read()


@pytest.mark.parametrize("reader", READERS)
def test_the_empty_file_is_no_crash(reader: str) -> None:
    with contextlib.suppress(ClientError):
        READERS[reader](b"")
