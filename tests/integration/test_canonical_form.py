"""Submissions signed as a cadena original, through the real core."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from hypothesis import given
from hypothesis import strategies as st

from descargo.v1 import submission_pb2, submission_service_pb2
from descargo_client.canonical import FORM_1, FORM_2, HEAD, TAIL, canonical_string
from descargo_client.faults import BadFile
from descargo_server import _core
from descargo_server.refused import Refused
from tests.support.messages import copy_of, request_id, submit_request
from tests.vectors.field_paths import remove_field
from tests.vectors.finding_cases import good_submission
from tests.vectors.finding_engine import CALLERS, ISSUED_AT, FindingEngine, canonical_envelope

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from google.protobuf.message import Message

    from descargo.v1.verdict_pb2 import Answer
    from tests.support.world import World
    from tests.vectors.signers import SigningWorld


@pytest.fixture
def engine(world: World, signing: SigningWorld, tmp_path: Path) -> Iterator[FindingEngine]:
    with FindingEngine.open(world, signing, tmp_path, {}) as opened:
        opened.move_to(ISSUED_AT)
        yield opened


def answer_of(response: bytes) -> Answer:
    return submission_service_pb2.SubmitLicenseResponse.FromString(response).answer


def submit(engine: FindingEngine, submission: submission_pb2.Submission) -> bytes:
    """Signs the canonical string and sends it with the submission."""
    envelope = canonical_envelope(canonical_string(submission), engine.signing.signer("se"))
    return engine.submit("se", envelope, submission)


# --- decisions


def test_the_verdict_names_the_hash_of_the_string_that_was_signed(engine: FindingEngine) -> None:
    submission = good_submission()
    verdict = answer_of(submit(engine, submission)).verdict
    assert verdict.HasField("firma")
    signed = canonical_string(submission).encode()
    assert verdict.request_sha256 == hashlib.sha256(signed).digest()


def signed_later(submission: submission_pb2.Submission) -> submission_pb2.Submission:
    later = copy_of(submission)
    later.signed_at.seconds += 1
    return later


def test_a_change_accepted_as_payload_gets_its_answer_when_signed_as_string(
    engine: FindingEngine,
) -> None:
    first = engine.issue()
    assert submit(engine, signed_later(good_submission())) == first


def test_a_change_accepted_as_string_gets_its_answer_when_signed_as_payload(
    engine: FindingEngine,
) -> None:
    first = submit(engine, good_submission())
    assert engine.issue(signed_later(good_submission())) == first


def test_a_string_that_says_otherwise_does_not_get_the_answer_of_the_accepted_change(
    engine: FindingEngine,
) -> None:
    """The submission is the accepted one, but what was signed is not."""
    engine.issue()
    string = canonical_string(good_submission()).replace("|1000|", "|1001|")
    envelope = canonical_envelope(string, engine.signing.signer("se"))
    verdict = answer_of(engine.submit("se", envelope, good_submission())).verdict
    assert verdict.HasField("error")
    assert [finding.code for finding in verdict.findings] == ["F510"]


def test_a_signature_over_the_payload_is_none_over_the_string(engine: FindingEngine) -> None:
    submission = good_submission()
    signer = engine.signing.signer("se")
    envelope = canonical_envelope(canonical_string(submission), signer)
    envelope.signature = signer.sign(submission.SerializeToString())
    verdict = answer_of(engine.submit("se", envelope, submission)).verdict
    assert [finding.code for finding in verdict.findings] == ["F501"]


def test_what_the_ledger_keeps_proves_what_was_signed(engine: FindingEngine) -> None:
    """With the envelope alone, and with the whole request beside it."""
    submission = good_submission()
    signer = engine.signing.signer("se")
    envelope = canonical_envelope(canonical_string(submission), signer)
    request = submit_request(envelope, request_id(), submission)
    engine.live.submit(CALLERS["se"], request)
    # First, since two SQLites in one process undo each other's locks.
    engine.live.core.close()
    with closing(sqlite3.connect(engine.live.ledger)) as ledger:
        (kept,) = ledger.execute("SELECT envelope FROM license_version").fetchone()
        (asked,) = ledger.execute("SELECT request FROM verdict").fetchone()
    assert submission_pb2.Envelope.FromString(kept) == envelope
    assert submission_service_pb2.SubmitLicenseRequest.FromString(asked) == request


# --- requests that are refused


def refused(engine: FindingEngine, request: Message) -> tuple[str, str]:
    with pytest.raises(Refused) as raised:
        engine.live.submit(CALLERS["se"], request)
    return raised.value.reason, raised.value.field


def test_the_submission_belongs_beside_a_string_and_only_there(engine: FindingEngine) -> None:
    submission = good_submission()
    signer = engine.signing.signer("se")
    string = canonical_envelope(canonical_string(submission), signer)
    payload = submission_pb2.Envelope(
        payload=submission.SerializeToString(),
        signature=signer.sign(submission.SerializeToString()),
        certificate_der=signer.certificate_der,
    )
    invalid = ("FIELD_INVALID", "submission")
    assert refused(engine, submit_request(string)) == invalid
    assert refused(engine, submit_request(payload, "", submission)) == invalid


@pytest.mark.parametrize("part", ["signature", "certificate_der"])
def test_a_string_without_its_parts_is_refused(engine: FindingEngine, part: Any) -> None:
    submission = good_submission()
    envelope = canonical_envelope(canonical_string(submission), engine.signing.signer("se"))
    envelope.ClearField(part)
    request = submit_request(envelope, "", submission)
    assert refused(engine, request) == ("FIELD_INVALID", f"envelope.{part}")


def test_string_and_submission_have_the_limit_of_a_payload(engine: FindingEngine) -> None:
    limit = 256 * 1024
    submission = good_submission()
    signer = engine.signing.signer("se")
    whole = canonical_envelope("x" * limit, signer)
    assert answer_of(engine.submit("se", whole, submission)).verdict.HasField("error")
    over = submit_request(canonical_envelope("x" * (limit + 1), signer), "", submission)
    assert refused(engine, over) == ("LIMIT_EXCEEDED", "envelope.canonical_string")
    submission.issue.legal_basis = "x" * limit
    over = submit_request(canonical_envelope("x", signer), "", submission)
    assert refused(engine, over) == ("LIMIT_EXCEEDED", "submission")


# --- no two submissions have one string, and both implementations write the same

TEXTS = st.sampled_from(["", "0", "1", "2", "A", "Ñ", "issue", "a|b", "n\u0303"])
INSTANTS = st.sampled_from([(0, 0), (1_774_980_000, 0), (5, 1), (-62_135_596_801, 0)])


@st.composite
def messages(draw: st.DrawFn, message: Message) -> Message:
    """A message of few and like parts, so that two could be taken for each other."""
    fields: Any = message.DESCRIPTOR.fields
    arms = [
        draw(st.sampled_from([*choice.fields, None]))
        for choice in message.DESCRIPTOR.oneofs
        if len(choice.fields) > 1
    ]
    for field in fields:
        choice = field.containing_oneof
        if choice is not None and len(choice.fields) > 1 and field not in arms:
            continue
        if field.is_repeated:
            for _ in range(draw(st.integers(0, 2))):
                items = getattr(message, field.name)
                if field.message_type is None:
                    items.append(draw(TEXTS))
                else:
                    draw(messages(items.add()))
        elif choice is not None or draw(st.booleans()):
            fill(draw, message, field)
    return message


def fill(draw: st.DrawFn, message: Message, field: FieldDescriptor) -> None:
    """Gives a singular field a value."""
    if field.message_type is not None:
        inner = getattr(message, field.name)
        inner.SetInParent()
        if field.message_type.name == "Timestamp":
            inner.seconds, inner.nanos = draw(INSTANTS)
        else:
            draw(messages(inner))
    elif field.containing_oneof is not None and draw(st.booleans()):
        return
    elif field.enum_type is not None:
        setattr(message, field.name, draw(st.integers(0, 3)))
    elif field.type == FieldDescriptor.TYPE_BOOL:
        setattr(message, field.name, draw(st.booleans()))
    elif field.type == FieldDescriptor.TYPE_STRING:
        setattr(message, field.name, draw(TEXTS))
    else:
        setattr(message, field.name, draw(st.integers(0, 2)))


def python_string(submission: submission_pb2.Submission) -> tuple[str, set[str]]:
    try:
        return canonical_string(submission), set()
    except BadFile as error:
        return "", {problem.field for problem in error.problems}


def core_string(submission: submission_pb2.Submission) -> tuple[str, set[str]]:
    try:
        return _core.canonical_string(submission.SerializeToString()), set()
    except ValueError as error:
        return "", {part.split("`")[1] for part in str(error).split(", ")}


@given(st.builds(submission_pb2.Submission).flatmap(messages))
def test_core_and_client_write_the_same_and_it_reads_back(
    submission: submission_pb2.Submission,
) -> None:
    string, unwritable = core_string(submission)
    assert (string, unwritable) == python_string(submission)
    while unwritable:
        # From the innermost outwards, and from the last of a list on.
        for path in sorted(unwritable, reverse=True):
            remove_field(submission, path)
        string, unwritable = core_string(submission)
        assert (string, unwritable) == python_string(submission)
    read = submission_pb2.Submission()
    form = FORM_1 if string.startswith(HEAD) else FORM_2
    leaves = string[len(HEAD) :].removesuffix(TAIL).split("|")
    _Reader(leaves, form).message(read)
    # What reads back to itself has no second submission with the same string.
    assert read == submission


class _Reader:
    """Reads a submission back from its leaves, to show that nothing of it is lost."""

    def __init__(self, leaves: list[str], form: Mapping[str, str]) -> None:
        self.leaves = iter(leaves)
        self.form = form

    def message(self, message: Message) -> bool:
        """Fills a message; says whether any leaf stated something."""
        stated = False
        known = self.form[message.DESCRIPTOR.name].split()
        fields: Any = [message.DESCRIPTOR.fields_by_name[name] for name in known]
        for field in fields:
            choice = field.containing_oneof
            if choice is not None and len(choice.fields) > 1:
                if field.index == choice.fields[0].index:
                    stated |= self.choice(message, choice.fields)
            elif field.is_repeated:
                stated |= self.items(message, field)
            else:
                stated |= self.single(message, field)
        return stated

    def choice(self, message: Message, arms: Any) -> bool:
        name = next(self.leaves)
        for arm in arms:
            if arm.name == name:
                getattr(message, name).SetInParent()
                self.single(message, arm)
        return bool(name)

    def items(self, message: Message, field: FieldDescriptor) -> bool:
        count = next(self.leaves)
        items = getattr(message, field.name)
        for _ in range(int(count or 0)):
            if field.message_type is None:
                items.append(next(self.leaves))
            else:
                self.message(items.add())
        return bool(count)

    def single(self, message: Message, field: FieldDescriptor) -> bool:
        if field.message_type is not None and field.message_type.name != "Timestamp":
            inner = type(getattr(message, field.name))()
            stated = self.message(inner)
            if stated:
                getattr(message, field.name).CopyFrom(inner)
            return stated
        leaf = next(self.leaves)
        if leaf:
            self.leaf(message, field, leaf)
        return bool(leaf)

    def leaf(self, message: Message, field: FieldDescriptor, leaf: str) -> None:
        if field.message_type is not None:
            getattr(message, field.name).FromJsonString(leaf)
        elif field.enum_type is not None:
            setattr(message, field.name, enum_number(field.enum_type, leaf))
        elif field.type == FieldDescriptor.TYPE_STRING:
            setattr(message, field.name, leaf)
        else:
            setattr(message, field.name, int(leaf))


def enum_number(kind: Any, leaf: str) -> int:
    prefix = kind.values[0].name.removesuffix("UNSPECIFIED")
    return int(kind.values_by_name[prefix + leaf].number)
