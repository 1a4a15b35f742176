"""Writes the cadena original of a submission, as docs/canonical.md describes it.

This walks a table of the form over the contract's descriptor, where the validator takes each
message apart by name: two ways to one string, held together by published vectors. Form 1 is
frozen; a submission that states what a license gained later is written in form 2.
"""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.descriptor import FieldDescriptor

from descargo_client.faults import BadFile, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from google.protobuf.descriptor import EnumDescriptor
    from google.protobuf.message import Message

    from descargo.v1.submission_pb2 import Submission

FORM_1: Final = {
    "Submission": "type validator signed_at license version issue amendment extension suspension "
    "reinstatement revocation cancellation notification onboarding",
    "LicenseId": "agency permit_key permit_number",
    "License": "instrument_kind holder operation regimes offices valid_from valid_to "
    "quantity_basis lines total notified_at authorization_complement vucem_folio legal_basis",
    "Party": "rfc curp legal_name",
    "Extent": "every only",
    "LicenseLine": "line_no tariff_codes description unit authorized "
    "countries_origin_destination countries_seller_buyer",
    "TariffCode": "code nico",
    "Amount": "quantity value_usd",
    "Onboarding": "license remainders",
    "LineRemainder": "line_no left",
    "Extension": "valid_to office",
    "Stop": "lines offices start_time end_time reason legal_basis",
    "Reinstatement": "suspension_version reason",
}
"""The fields of each message, in the order of their numbers. Never changed again."""
FORM_2: Final = FORM_1 | {"License": FORM_1["License"] + " applied_at ruled_at"}
"""The same with what a license gained later. Not frozen before 1.0."""
HEAD: Final = "||1|"
HEAD_2: Final = "||2|"
TAIL: Final = "||"
_TIMESTAMP: Final = "google.protobuf.Timestamp"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS: Final = range(-62_135_596_800, 253_370_764_800)
"""The years 1 to 9998."""
_INVISIBLE: Final = (
    (0xAD, 0xAD), (0x200B, 0x200F), (0x2028, 0x202E), (0x2060, 0x206F), (0xFEFF, 0xFEFF),
    (0xFFF9, 0xFFFB), (0xE0000, 0xE007F),
)  # fmt: skip
"""Joiners, marks of direction and the byte order mark: two texts would look the same."""


def canonical_string(submission: Submission) -> str:
    """The string that is signed; raises BadFile with everything that no form can write.

    It is written in form 1 where that has a place for everything: one submission has one string.
    """
    later = _states_later(submission)
    writer = _Writer(FORM_2 if later else FORM_1)
    leaves = list(writer.message(submission, "", absent=False))
    if writer.problems:
        raise BadFile("submission", tuple(writer.problems))
    return (HEAD_2 if later else HEAD) + "|".join(leaves) + TAIL


def _states_later(submission: Submission) -> bool:
    """Whether its license states something that form 1 has no place for."""
    licenses = (submission.issue, submission.amendment, submission.onboarding.license)
    return any(each.HasField("applied_at") or each.HasField("ruled_at") for each in licenses)


class _Writer:
    """Walks a submission depth-first."""

    def __init__(self, form: Mapping[str, str]) -> None:
        self._form = form
        self.problems: list[Problem] = []

    def message(self, message: Message, path: str, *, absent: bool) -> Iterator[str]:
        """The leaves of a message; those of an absent one are all empty."""
        known = self._form[message.DESCRIPTOR.name].split()
        for later in {stated.name for stated, _ in message.ListFields()} - set(known):
            self._refuse("canonical.later_field", _join(path, later))
        choices: set[str] = set()
        for name in known:
            field: Any = message.DESCRIPTOR.fields_by_name[name]
            choice = field.containing_oneof
            place = _join(path, name)
            if choice is None or len(choice.fields) == 1:
                yield from self._field(message, field, place, absent=absent)
            elif choice.name not in choices:
                # A choice stands where its first arm would.
                choices.add(choice.name)
                yield from self._choice(message, choice.name, path)

    def _choice(self, message: Message, choice: str, path: str) -> Iterator[str]:
        arm = message.WhichOneof(choice)
        yield arm or ""
        if arm is None or arm not in self._form[message.DESCRIPTOR.name].split():
            return
        place = _join(path, arm)
        value = getattr(message, arm)
        if value.DESCRIPTOR.full_name == _TIMESTAMP:
            yield self._instant(value, place)
        else:
            yield from self.message(value, place, absent=False)

    def _field(
        self, message: Message, field: FieldDescriptor, path: str, *, absent: bool
    ) -> Iterator[str]:
        value = getattr(message, field.name)
        if field.is_repeated:
            yield "" if absent else str(len(value))
            for ordinal, item in enumerate(value):
                place = f"{path}[{ordinal}]"
                if field.message_type is None:
                    yield self._scalar(field, item, place)
                else:
                    yield from self.message(item, place, absent=False)
        elif field.message_type is None:
            yield from self._single(message, field, path, absent=absent)
        elif field.message_type.full_name == _TIMESTAMP:
            yield self._instant(value, path) if message.HasField(field.name) else ""
        else:
            there = message.HasField(field.name)
            leaves = list(self.message(value, path, absent=not there))
            if there and not any(leaves):
                self._refuse("canonical.says_nothing", path)
            yield from leaves

    def _single(
        self, message: Message, field: FieldDescriptor, path: str, *, absent: bool
    ) -> Iterator[str]:
        value = getattr(message, field.name)
        if field.type == FieldDescriptor.TYPE_BOOL:
            yield "" if absent else str(int(value))
            return
        if field.containing_oneof is not None and message.HasField(field.name) and not value:
            self._refuse("canonical.empty", path)
        yield self._scalar(field, value, path)

    def _scalar(self, field: FieldDescriptor, value: Any, path: str) -> str:
        if field.enum_type is not None:
            return self._enum(field.enum_type, int(value), path)
        if field.type == FieldDescriptor.TYPE_STRING:
            if not _is_writable(value):
                self._refuse("canonical.text", path)
            return str(value)
        return str(value) if value else ""

    def _enum(self, kind: EnumDescriptor, number: int, path: str) -> str:
        named = kind.values_by_number.get(number)
        if named is None:
            self._refuse("canonical.enum", path)
            return ""
        prefix = kind.values[0].name.removesuffix("UNSPECIFIED")
        return "" if number == 0 else str(named.name).removeprefix(prefix)

    def _instant(self, instant: Any, path: str) -> str:
        if instant.nanos or instant.seconds not in _SECONDS:
            self._refuse("canonical.instant", path)
            return ""
        written = (_EPOCH + timedelta(seconds=instant.seconds)).replace(tzinfo=None)
        return f"{written.isoformat(timespec='seconds')}Z"

    def _refuse(self, key: str, path: str) -> None:
        self.problems.append(Problem(key, field=path))


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _is_writable(text: str) -> bool:
    if text.isascii() and text.isprintable():
        return "|" not in text
    visible = all(
        character != "|"
        and unicodedata.category(character) != "Cc"
        and not any(first <= ord(character) <= last for first, last in _INVISIBLE)
        for character in text
    )
    return visible and unicodedata.is_normalized("NFC", text)
