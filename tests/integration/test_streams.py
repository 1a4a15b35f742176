"""SubmitLicenses on a real server: order, poison, resumption, credit, and each way that it ends."""

from __future__ import annotations

import itertools
import socket
import time
import urllib.request
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from descargo.catalogue import reasons
from descargo.v1 import license_pb2
from tests.faults.traffic import raw_call
from tests.support import books, messages
from tests.support.engines import engine
from tests.support.servers import server
from tests.support.streams import RawStream, items, opening, stream_frame

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from descargo.v1 import verdict_pb2
    from tests.support.servers import Server
    from tests.support.streams import Request
    from tests.support.world import World

CREDIT: int = 2_000
FRAME_BYTES_MAX: int = 4 * 1024 * 1024
PREFIXES: Iterator[int] = itertools.count(1)


@pytest.fixture(scope="module")
def served(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with server(world, tmp_path_factory.mktemp("streams")) as live:
        yield live


@pytest.fixture
def stream_id() -> str:
    return messages.request_id()


def fresh(world: World, count: int) -> list[Request]:
    """Licenses that no other test has."""
    return list(items(world, f"ST{next(PREFIXES):04}", count))


def opened(served: Server, stream_id: str, answered: int = 0, identity: str = "se") -> RawStream:
    """A stream that stands where it should."""
    stream = RawStream(served.channel(identity), opening(stream_id))
    assert stream.open() == answered
    return stream


def test_answers_come_in_order_one_for_each_item(
    world: World, served: Server, stream_id: str
) -> None:
    sent = fresh(world, 130)
    stream = opened(served, stream_id)
    for first in range(0, 130, 13):
        stream.send(stream_frame(first + 1, sent[first : first + 13]))
    stream.finish()
    answers: list[verdict_pb2.ItemAnswer] = []
    for response in iter(stream.receive, None):
        answers += response.answers
        assert response.answered_sequence == len(answers)
        assert response.credit == CREDIT
        if len(answers) == len(sent):
            break
    assert [answer.request_id for answer in answers] == [item.request_id for item in sent]
    assert all(answer.answer.verdict.HasField("firma") for answer in answers)
    assert stream.ends_with() == ("", "")


def test_an_item_gets_the_very_bytes_that_the_unary_call_gives(
    world: World, served: Server, stream_id: str
) -> None:
    (item,) = fresh(world, 1)
    stream = opened(served, stream_id)
    stream.send(stream_frame(1, [item]))
    (answer,) = stream.answers(1)
    call = raw_call(served.channel("se"), "/descargo.v1.SubmissionService/SubmitLicense")
    response = call(item.SerializeToString(), timeout=20)
    assert response == b"\x0a" + _length(answer.answer.ByteSize()) + _raw(answer.answer)
    stream.finish()


def _raw(message: object) -> bytes:
    serialised: bytes = message.SerializeToString(deterministic=True)  # type: ignore[attr-defined]
    return serialised


def _length(number: int) -> bytes:
    low, high = number & 0x7F, number >> 7
    return bytes([low | 0x80, high]) if high else bytes([low])


def test_poison_is_refused_alone(world: World, served: Server, stream_id: str) -> None:
    good = fresh(world, 4)
    forged = fresh(world, 1)[0]
    forged.envelope.signature = bytes(256)
    keyless, bare = fresh(world, 2)
    keyless.request_id = "today"
    bare.ClearField("envelope")
    reused = fresh(world, 1)[0]
    reused.request_id = good[0].request_id
    unknown = good[3].SerializeToString() + b"\x7a\x01x"
    sent: list[Request | bytes] = [good[0], b"\xff\xff", keyless, good[1], bare, forged, reused]
    sent += [unknown, b"", bytes(2_000_000), good[2]]
    stream = opened(served, stream_id)
    stream.send(stream_frame(1, sent))
    answers = stream.answers(len(sent))
    told = [
        answer.refusal.reason or "/".join(f.code for f in answer.answer.verdict.findings)
        for answer in answers
    ]
    assert told == [
        "",
        "MESSAGE_UNREADABLE",
        "FIELD_INVALID",
        "",
        "FIELD_INVALID",
        "F501",
        "REQUEST_ID_REUSED",
        "FIELD_UNKNOWN",
        "FIELD_INVALID",
        "LIMIT_EXCEEDED",
        "",
    ]
    row = reasons()["FIELD_INVALID"]
    refusal = answers[2].refusal
    assert (refusal.status, refusal.field) == ("INVALID_ARGUMENT", "request_id")
    assert refusal.message_es == f"{row.message_es} {row.remedy_es}"
    assert refusal.message_en == f"{row.message_en} {row.remedy_en}"
    assert answers[2].request_id == "today"
    assert answers[4].refusal.field == "envelope"
    stream.finish()
    assert stream.ends_with() == ("", "")
    # What is refused has its place: the next frame goes on behind it, also after a cut.
    again = opened(served, stream_id, answered=len(sent))
    again.finish()
    assert again.ends_with() == ("", "")


def test_a_stream_goes_on_where_it_ended_and_duplicates_get_the_original_bytes(
    world: World, served: Server, stream_id: str
) -> None:
    sent = fresh(world, 30)
    sent[7].envelope.signature = bytes(256)
    first = opened(served, stream_id)
    first.send(stream_frame(1, sent[:20]))
    told = first.answers(20)
    first.call.cancel()
    second = opened(served, stream_id, answered=20)
    second.send(stream_frame(11, sent[10:20]))
    second.send(stream_frame(21, sent[20:]))
    assert second.answers(20)[:10] == told[10:]
    second.finish()
    assert second.ends_with() == ("", "")
    third = opened(served, stream_id, answered=30)
    third.send(stream_frame(1, sent[:20]))
    assert third.answers(20) == told
    third.finish()
    other = opened(served, messages.request_id())
    other.send(stream_frame(1, sent[:20]))
    assert other.answers(20) == told, "the same keys on another stream"
    other.finish()


def test_positions_are_each_callers_own(world: World, served: Server, stream_id: str) -> None:
    stream = opened(served, stream_id)
    stream.send(stream_frame(1, fresh(world, 3)))
    stream.answers(3)
    stream.finish()
    assert stream.ends_with() == ("", "")
    opened(served, stream_id, answered=0, identity="semarnat").finish()


def test_a_hub_streams_what_its_agencies_signed_and_nothing_else(
    world: World, served: Server, stream_id: str
) -> None:
    def signed(agency: str, permit_key: str, kind: str) -> Request:
        submission = messages.license_submission(
            f"HUB-{next(PREFIXES)}", agency=agency, permit_key=permit_key
        )
        kinds = license_pb2.InstrumentKind
        submission.issue.instrument_kind = kinds.Value(f"INSTRUMENT_KIND_{kind}")
        return messages.submit_request(world.sign(submission, agency.lower()))

    sent = [
        signed("SE", "C1", "PRIOR_PERMIT"),
        signed("SE", "AV", "AUTOMATIC_NOTICE"),
        signed("SEMARNAT", "T3", "CERTIFICATE"),
    ]
    stream = opened(served, stream_id, identity="vucem")
    stream.send(stream_frame(1, sent))
    told = stream.answers(3)
    stream.finish()
    assert stream.ends_with() == ("", "")
    codes = [[each.code for each in item.answer.verdict.findings] for item in told]
    assert codes == [[], ["F509"], []]
    # The position is the hub's own, and so are its keys.
    again = opened(served, stream_id, answered=3, identity="vucem")
    again.finish()
    other = opened(served, messages.request_id(), identity="vucem")
    other.send(stream_frame(1, sent))
    assert other.answers(3) == told
    other.finish()


def test_opening_again_supersedes(world: World, served: Server, stream_id: str) -> None:
    sent = fresh(world, 5)
    first = opened(served, stream_id)
    first.send(stream_frame(1, sent[:3]))
    first.answers(3)
    second = opened(served, stream_id, answered=3)
    assert first.ends_with() == ("STREAM_SUPERSEDED", "stream_id")
    second.send(stream_frame(4, sent[3:]))
    assert len(second.answers(2)) == 2
    second.finish()
    assert second.ends_with() == ("", "")


@pytest.mark.parametrize("gap", [0, 3, 5, 2**64 - 1])
def test_a_gap_ends_the_stream_after_what_came_before(
    world: World, served: Server, stream_id: str, gap: int
) -> None:
    sent = fresh(world, 4)
    stream = opened(served, stream_id)
    stream.send(stream_frame(1, sent[:3]))
    stream.send(stream_frame(gap, sent[3:]))
    assert [answer.request_id for answer in stream.answers(3)] == [i.request_id for i in sent[:3]]
    assert stream.ends_with() == ("SEQUENCE_GAP", "first_sequence")
    again = opened(served, stream_id, answered=3)
    again.send(stream_frame(4, sent[3:]))
    assert again.answers(1)[0].answer.verdict.HasField("firma")
    again.finish()


BAD_FRAMES = {
    "unreadable": (b"\xff", ("MESSAGE_UNREADABLE", "")),
    "unknown field": (stream_frame(2, [b""]) + b"\x22\x00", ("FIELD_UNKNOWN", "4")),
    "named again": (stream_frame(2, [b""]) + b"\x0a\x01x", ("FIELD_INVALID", "stream_id")),
    "without items": (stream_frame(2, []), ("FIELD_INVALID", "items")),
    "501 items": (stream_frame(2, [b""] * 501), ("LIMIT_EXCEEDED", "items")),
    "over-long": (
        stream_frame(2, [bytes(FRAME_BYTES_MAX // 2)] * 2),
        ("LIMIT_EXCEEDED", "frame"),
    ),
}


@pytest.mark.parametrize(("bad", "end"), BAD_FRAMES.values(), ids=BAD_FRAMES)
def test_a_bad_frame_ends_the_stream_after_what_came_before(
    world: World, served: Server, stream_id: str, bad: bytes, end: tuple[str, str]
) -> None:
    stream = opened(served, stream_id)
    stream.send(stream_frame(1, fresh(world, 1)))
    stream.send(bad)
    assert stream.answers(1)[0].answer.verdict.HasField("firma")
    assert stream.ends_with() == end
    opened(served, stream_id, answered=1).finish()


BAD_OPENINGS = {
    "no name": (b"", ("FIELD_INVALID", "stream_id")),
    "no UUID": (opening("today"), ("FIELD_INVALID", "stream_id")),
    "items": (opening(messages.request_id()) + stream_frame(1, [b""]), ("FIELD_INVALID", "items")),
    "unreadable": (b"\x0a\x05", ("MESSAGE_UNREADABLE", "")),
}


@pytest.mark.parametrize(("bad", "end"), BAD_OPENINGS.values(), ids=BAD_OPENINGS)
def test_a_bad_opening_is_refused(served: Server, bad: bytes, end: tuple[str, str]) -> None:
    assert RawStream(served.channel("se"), bad).ends_with() == end


def test_only_those_who_submit_may_open(served: Server, stream_id: str) -> None:
    for identity in ("lane-nuevo-laredo", "broker", "auditor"):
        stream = RawStream(served.channel(identity), opening(stream_id))
        assert stream.ends_with() == ("ROLE_NOT_ALLOWED", "")


def test_a_caller_has_a_few_streams_at_most(served: Server) -> None:
    channel = served.channel("sedena")
    streams = [RawStream(channel, opening(messages.request_id())) for _ in range(4)]
    for stream in streams:
        assert stream.open() == 0
    fifth = RawStream(channel, opening(messages.request_id()))
    assert fifth.ends_with() == ("LIMIT_EXCEEDED", "")
    for stream in streams:
        stream.finish()
        assert stream.ends_with() == ("", "")
    assert RawStream(channel, opening(messages.request_id())).open() == 0


def test_more_than_the_credit_ends_the_stream(world: World, tmp_path: Path, stream_id: str) -> None:
    # In the core itself: over a network the answers of the first frames may come in between.
    frames = [stream_frame(first, [b"\xff"] * 500) for first in range(1, 2_002, 500)]
    with engine(world, tmp_path) as live:
        stream = live.core.open_stream(world.caller("se"), opening(stream_id))
        live.answer(stream.ticket())
        stream.wrote()
        assert [stream.frame(frame) for frame in frames[:4]] == [500] * 4
        with pytest.raises(Exception, match="CREDIT_EXCEEDED items 2500 items"):
            stream.frame(frames[4])
        assert stream.waiting() == CREDIT
        stream.close()


def test_a_stream_ends_in_order_when_the_server_stops(
    world: World, tmp_path: Path, stream_id: str
) -> None:
    sent = list(items(world, "STOP", 40))
    with server(world, tmp_path) as live:
        stream = opened(live, stream_id)
        stream.send(stream_frame(1, sent))
        told = stream.answers(40)
        assert live.stop() == 0
        assert stream.ends_with() == ("DRAINING", "")
        live.start()
        again = opened(live, stream_id, answered=40)
        again.send(stream_frame(31, sent[30:]))
        assert again.answers(10) == told[30:]
        again.finish()
        assert again.ends_with() == ("", "")
        books.audit(live.ledger, thorough=True)


def test_a_reader_that_takes_nothing_is_closed_with_a_reason(
    world: World, tmp_path: Path, stream_id: str
) -> None:
    # One item over and over: its answer has a finding for each line, and 400 of it are more than
    # what the buffers between us hold.
    lines = [messages.license_line(line_no=line_no, unit=98) for line_no in range(1, 151)]
    content = messages.license_content(lines=lines)
    envelope = world.sign(messages.license_submission("STALL-1", content=content))
    item = messages.submit_request(envelope)
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    config = f'[limits]\nreader_stalled_s = 0.2\n[metrics]\nlisten = "127.0.0.1:{port}"\n'
    with server(world, tmp_path, extra_config=config) as live:
        stream = opened(live, stream_id)
        for first in range(1, 401, 100):
            stream.send(stream_frame(first, [item] * 100))
        # While this one reads nothing, others are served; then it finds out.
        other = opened(live, messages.request_id(), identity="semarnat")
        other.finish()
        deadline = time.monotonic() + 60
        while "READER_STALLED" not in metrics_of(port) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert stream.ends_with() == ("READER_STALLED", "")
        again = RawStream(live.channel("se"), opening(stream_id))
        assert 0 < again.open() <= 400
        again.finish()


def metrics_of(port: int) -> str:
    """What Prometheus would read."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as response:
        text: str = response.read().decode("utf-8")
        return text
