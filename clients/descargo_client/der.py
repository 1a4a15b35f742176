"""Reads DER as leniently as certificates of the tax authority need, and no more.

Strict readers refuse `&` or an Ñ inside a PrintableString, which real certificates have. Only this
reads them, and it decides nothing: whether a certificate is trusted is the server's question.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

SEQUENCE: Final = 0x30
SET: Final = 0x31
INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
OBJECT_IDENTIFIER: Final = 0x06
UTC_TIME: Final = 0x17
GENERALIZED_TIME: Final = 0x18
BMP_STRING: Final = 0x1E
UNIVERSAL_STRING: Final = 0x1C

_LONG_FORM: Final = 0x80
_LENGTH_BYTES_MAX: Final = 3
"""16 MiB are far above any certificate."""
_MULTI_BYTE_TAG: Final = 0x1F


class DerError(ValueError):
    """The bytes are not DER, or end early."""


@dataclass(frozen=True, slots=True)
class Element:
    """One element: its tag, its content, and its whole encoding."""

    tag: int
    content: bytes
    encoding: bytes

    def children(self) -> Iterator[Element]:
        """The elements inside, in order."""
        rest = self.content
        while rest:
            child, rest = take(rest)
            yield child

    def child(self, tag: int) -> Element:
        """The only element inside a wrapper, which must have this tag."""
        first, _ = take(self.content)
        return first.expect(tag)

    def expect(self, tag: int) -> Element:
        """The element itself when it has this tag."""
        if self.tag != tag:
            raise DerError(f"tag {self.tag:#04x} where {tag:#04x} belongs")
        return self


def take(encoded: bytes) -> tuple[Element, bytes]:
    """Reads the first element; returns it and what follows it."""
    if len(encoded) < 2:  # noqa: PLR2004 - a tag and a length
        raise DerError("ends before an element")
    tag, length, start = encoded[0], encoded[1], 2
    if tag & _MULTI_BYTE_TAG == _MULTI_BYTE_TAG:
        raise DerError("has a tag of several bytes")
    if length & _LONG_FORM:
        count = length & ~_LONG_FORM
        if not 0 < count <= _LENGTH_BYTES_MAX:
            raise DerError("has a length of a forbidden form")
        if len(encoded) < start + count:
            raise DerError("ends within a length")
        length = int.from_bytes(encoded[start : start + count], "big")
        start += count
    end = start + length
    if len(encoded) < end:
        raise DerError("ends within an element")
    return Element(tag, encoded[start:end], encoded[:end]), encoded[end:]


def object_identifier(element: Element) -> str:
    """The dotted form of an object identifier."""
    content = element.expect(OBJECT_IDENTIFIER).content
    arcs: list[int] = []
    value = 0
    for octet in content:
        value = value << 7 | octet & 0x7F
        if not octet & _LONG_FORM:
            arcs.append(value)
            value = 0
    if not arcs:
        raise DerError("has an empty object identifier")
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def directory_text(element: Element) -> str:
    """The text of a name's value, whatever string type it claims.

    Eight-bit types are read as UTF-8 when they are UTF-8, else as Latin-1: an Ñ survives in both. A
    BIT STRING, as X.520 wants for 2.5.4.45, is read as the text inside it.
    """
    content = element.content
    if element.tag == BIT_STRING:
        content = content[1:]
    if element.tag == BMP_STRING:
        return content.decode("utf-16-be", "replace").strip()
    if element.tag == UNIVERSAL_STRING:
        return content.decode("utf-32-be", "replace").strip()
    try:
        return content.decode("utf-8").strip()
    except UnicodeDecodeError:
        return content.decode("latin-1").strip()
