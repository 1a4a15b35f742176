"""SubmitLicenses: items per second by size of frame, and what a lane notices of a stream.

Every item is a license of its own, signed before the window, and every answer must be a firma. The
client sends bytes that are ready and only counts what comes, so that the server sets the rate.
"""

from __future__ import annotations

import itertools
import queue
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from descargo.v1 import submission_service_pb2
from loadtests.bench.clients import Load
from loadtests.bench.corpus import Agency
from loadtests.bench.process_cpu import cpu_seconds
from loadtests.bench.report import Row, Spread, percentile
from loadtests.bench.stage import AGENCY, lane_channel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from loadtests.bench.clients import Clients
    from loadtests.bench.sizes import Sizes
    from loadtests.bench.stage import Stage

__all__ = ["framed", "stream_rows"]

METHOD: Final = "/descargo.v1.SubmissionService/SubmitLicenses"
LANE: Final = Load("/descargo.v1.ValidationService/ValidateLicense", "validate", "firma", 1)
CREDIT: Final = 2_000
SEVEN_BITS: Final = 0x7F
TRIES_MAX: Final = 7
BULK_ITEMS_PER_S: Final = 5_000
"""More than the server takes, so that the stream lasts as long as the lane is watched."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """How items are sent."""

    name: str
    frame: int
    outstanding: int
    share: int
    """Of the items, every so manyth: one at a time takes long."""


SHAPES: Final = (
    _Shape("stream, frames of 1, one at a time", 1, 1, 10),
    _Shape("stream, frames of 1", 1, CREDIT, 1),
    _Shape("stream, frames of 100", 100, CREDIT, 1),
)


@dataclass(slots=True)
class _Samples:
    rates: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)


def stream_rows(
    stage: Stage, clients: Clients, sizes: Sizes, tell: Callable[[str], None]
) -> list[Row]:
    """Measures; the rows of the report."""
    signed = _Signed(stage)
    samples = {shape: _Samples() for shape in SHAPES}
    idle: list[float] = []
    beside: list[float] = []
    for round_no in range(1, sizes.stream_rounds + 1):
        tell(f"streams, round {round_no} of {sizes.stream_rounds}")
        for shape, sample in samples.items():
            items = signed.items(sizes.stream_items // shape.share)
            before, began = cpu_seconds(stage.validator.pid), time.perf_counter()
            answered = _run(stage, items, shape, threading.Event())
            sample.rates.append(answered / (time.perf_counter() - began))
            cpu_s = cpu_seconds(stage.validator.pid) - before
            sample.cpu_us.append(cpu_s / answered * 1e6)
        idle.append(_lane_p99(stage, clients, sizes))
        beside.append(_lane_beside(stage, clients, sizes, signed))
    rows = []
    for shape, sample in samples.items():
        rows.append(Row(shape.name, "rate", "items/s", Spread.of(sample.rates)))
        rows.append(Row(shape.name, "server CPU", "us/item", Spread.of(sample.cpu_us)))
    one, _, hundred = (samples[shape].rates for shape in SHAPES)
    ratio = [many / single for many, single in zip(hundred, one, strict=True)]
    rows.append(Row(SHAPES[2].name, "rate / frames of 1, one at a time", "", Spread.of(ratio)))
    group = "ValidateLicense, 1 outstanding, beside a stream at full speed"
    rows.append(Row(group, "p99 idle", "us", Spread.of(idle)))
    rows.append(Row(group, "p99", "us", Spread.of(beside)))
    more = [busy / quiet for busy, quiet in zip(beside, idle, strict=True)]
    rows.append(Row(group, "p99 / idle", "", Spread.of(more)))
    return rows


class _Signed:
    """Fresh items, as bytes."""

    def __init__(self, stage: Stage) -> None:
        self._agency = Agency(stage.folder, AGENCY)
        self._run = uuid.uuid4().hex[:8].upper()
        self._serials = itertools.count(1)

    def items(self, count: int) -> list[bytes]:
        """So many licenses that no other list has."""
        names = (f"B{self._run}-{serial}" for serial in itertools.islice(self._serials, count))
        return [self._agency.submission(name).SerializeToString() for name in names]


def _lane_p99(stage: Stage, clients: Clients, sizes: Sizes) -> float:
    sample = clients.sample(stage.validator, LANE, sizes.warm_up_s, sizes.window_s)
    return percentile(sample.latencies_us, 99)


def _lane_beside(stage: Stage, clients: Clients, sizes: Sizes, signed: _Signed) -> float:
    """The lane's p99 while a stream runs that is not at its end when the window closes.

    A stream that ends before is tried again with twice the items: how long a short window really
    takes depends on the machine.
    """
    count = int(sizes.window_s * BULK_ITEMS_PER_S)
    for _ in range(TRIES_MAX):
        over = threading.Event()
        bulk = threading.Thread(
            target=_run, args=(stage, signed.items(count), SHAPES[2], over), name="bulk"
        )
        bulk.start()
        p99 = _lane_p99(stage, clients, sizes)
        outlasted = bulk.is_alive()
        over.set()
        bulk.join()
        if outlasted:
            return p99
        count *= 2
    raise RuntimeError("every stream was over before the lane's window")


def _run(stage: Stage, items: Sequence[bytes], shape: _Shape, over: threading.Event) -> int:
    """Sends items until all are answered or it is `over`; returns how many were."""
    frames = _frames(items, shape.frame)
    outbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    opening = submission_service_pb2.SubmitLicensesRequest(stream_id=str(uuid.uuid4()))
    outbox.put(opening.SerializeToString())
    with lane_channel(stage.folder, stage.validator.target, AGENCY) as channel:
        stream: Any = channel.stream_stream(METHOD, None, None)
        call: Any = stream(iter(outbox.get, None))
        next(call)
        sent = answered = 0
        while True:
            while sent + shape.frame - answered <= shape.outstanding and not over.is_set():
                frame = next(frames, None)
                if frame is None:
                    break
                outbox.put(frame)
                sent = min(sent + shape.frame, len(items))
            if answered == sent:
                break
            response = submission_service_pb2.SubmitLicensesResponse.FromString(next(call))
            if not all(item.answer.verdict.HasField("firma") for item in response.answers):
                raise RuntimeError("the bench's own license was refused")
            answered = response.answered_sequence
        outbox.put(None)
        for _ in call:
            pass
    return answered


def _frames(items: Sequence[bytes], size: int) -> Iterator[bytes]:
    """The frames as bytes, in order."""
    for first in range(0, len(items), size):
        yield framed(items[first : first + size], first + 1)


def framed(items: Sequence[bytes], first_sequence: int) -> bytes:
    """One frame of items that are bytes already."""
    frame = submission_service_pb2.SubmitLicensesRequest(first_sequence=first_sequence)
    encoded = [frame.SerializeToString()]
    for item in items:
        encoded += [b"\x1a", _varint(len(item)), item]
    return b"".join(encoded)


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > SEVEN_BITS:
        encoded.append(number & SEVEN_BITS | 0x80)
        number >>= 7
    return bytes([*encoded, number])
