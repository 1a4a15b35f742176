"""A raw SubmitLicenses call: every message as a test wants it, every answer as it came."""

from __future__ import annotations

import queue
import uuid
from typing import TYPE_CHECKING, Any, Final

from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from descargo.v1 import submission_service_pb2, verdict_pb2
from tests.support import messages

import grpc  # isort: skip

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.support.world import World

__all__ = ["RawStream", "items", "opening", "reason_of", "stream_frame"]

METHOD: Final = "/descargo.v1.SubmissionService/SubmitLicenses"
CALL_MAX_S: Final = 60.0
KEYS: Final = uuid.UUID(int=4)

Request = submission_service_pb2.SubmitLicenseRequest
Frame = submission_service_pb2.SubmitLicensesRequest


def opening(stream_id: str) -> bytes:
    """The first message."""
    return Frame(stream_id=stream_id).SerializeToString()


def stream_frame(first_sequence: int, items: Iterable[Request | bytes]) -> bytes:
    """A frame; an item may be any bytes."""
    frame = Frame(first_sequence=first_sequence).SerializeToString()
    for item in items:
        encoded = item if isinstance(item, bytes) else item.SerializeToString()
        frame += b"\x1a" + _varint(len(encoded)) + encoded
    return frame


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])


def items(world: World, prefix: str, count: int, start: int = 1) -> Iterator[Request]:
    """New licenses, each signed; the same arguments give the same keys."""
    for serial in range(start, start + count):
        number = f"{prefix}-{serial:06}"
        envelope = world.sign(messages.license_submission(number))
        yield messages.submit_request(envelope, str(uuid.uuid5(KEYS, number)))


class RawStream:
    """One open call."""

    def __init__(self, channel: grpc.Channel, *first: bytes) -> None:
        """Begins the call and sends what stands first."""
        self._outbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        call: Any = channel.stream_stream(METHOD, None, None)
        self.call: Any = call(iter(self._outbox.get, None), timeout=CALL_MAX_S, wait_for_ready=True)
        for message in first:
            self.send(message)

    def send(self, message: bytes) -> None:
        """Sends a message."""
        self._outbox.put(message)

    def finish(self) -> None:
        """Sends no more."""
        self._outbox.put(None)

    def receive(self) -> submission_service_pb2.SubmitLicensesResponse:
        """The next message; raises grpc.RpcError, or StopIteration at the end."""
        return submission_service_pb2.SubmitLicensesResponse.FromString(next(self.call))

    def open(self) -> int:
        """The position that the opening is answered with."""
        answer = self.receive()
        assert list(answer.answers) == []
        return answer.answered_sequence

    def answers(self, count: int) -> list[verdict_pb2.ItemAnswer]:
        """The next answers, exactly so many; each message ends at the sequence that it names."""
        found: list[verdict_pb2.ItemAnswer] = []
        while len(found) < count:
            found += self.receive().answers
        assert len(found) == count
        return found

    def ends_with(self) -> tuple[str, str]:
        """Reads to the end: the reason and its field, or two empty texts."""
        try:
            for _ in self.call:
                pass
        except grpc.RpcError as error:
            return reason_of(error)
        return "", ""


def reason_of(error: grpc.RpcError) -> tuple[str, str]:
    """The reason of a refused call and the field that it blames."""
    call: Any = error
    for key, value in call.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            for detail in Status.FromString(value).details:
                info = ErrorInfo()
                if detail.Unpack(info):
                    return info.reason, info.metadata.get("field", "")
    return call.code().name, call.details() or ""
