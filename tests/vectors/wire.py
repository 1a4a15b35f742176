"""Protobuf's wire format by hand, to write what no library would."""

from __future__ import annotations

from typing import Final

__all__ = [
    "END_GROUP",
    "FIXED32",
    "FIXED64",
    "START_GROUP",
    "VARINT",
    "chunk",
    "first_chunk",
    "tag",
    "varint",
]

VARINT: Final = 0
FIXED64: Final = 1
CHUNK: Final = 2
START_GROUP: Final = 3
END_GROUP: Final = 4
FIXED32: Final = 5


def varint(number: int) -> bytes:
    """A number of any size, seven bits a byte."""
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)


def tag(field: int, kind: int) -> bytes:
    """What stands before a value."""
    return varint(field << 3 | kind)


def chunk(field: int, content: bytes) -> bytes:
    """A text, bytes or message as a field."""
    return tag(field, CHUNK) + varint(len(content)) + content


def first_chunk(message: bytes) -> bytes:
    """The content of the field that a message begins with."""
    length, at = 0, 1
    while True:
        byte = message[at]
        length |= (byte & 0x7F) << (7 * (at - 1))
        at += 1
        if byte < 0x80:
            return message[at : at + length]
