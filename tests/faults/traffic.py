"""Clients that go on through kills: each remembers what it asked and what it was answered.

A client never gives up a request: without an answer it sends the very same bytes again, as a lane
does whose line broke. What it was answered once it must be answered for ever.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from descargo.v1 import validation_service_pb2
from tests.support import messages
from tests.support.world import LANE, OTHER_LANE

import grpc  # isort: skip

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator

    from descargo.v1.verdict_pb2 import Answer
    from tests.support.servers import Server

__all__ = [
    "EXERCISE",
    "OUTCOME",
    "SUBMIT",
    "Ask",
    "Client",
    "Licenses",
    "agency_asks",
    "lane_asks",
    "outcome_of",
    "raw_call",
    "status_of",
]

CALL_MAX_S: Final = 20.0
IMPATIENT_S: Final = 0.004
"""About as long as an answer takes."""
RESENT: Final = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        # A server that stops hangs up on what its grace did not suffice for.
        grpc.StatusCode.CANCELLED,
    }
)
"""What a client answers by sending the same bytes again."""
OFFICE: Final = {LANE: "240", OTHER_LANE: "400"}
EXERCISE: Final = "/descargo.v1.ValidationService/ValidateLicense"
SUBMIT: Final = "/descargo.v1.SubmissionService/SubmitLicense"
OUTCOME: Final = "/descargo.v1.ValidationService/GetOutcome"


@dataclass
class Ask:
    """One request, and its answer's bytes once there is one."""

    caller: str
    method: str
    key: str
    content: bytes
    response: bytes | None = None
    attempts: int = 0
    impatient: bool = False
    """Whether the first attempt hangs up after IMPATIENT_S."""

    @property
    def place(self) -> tuple[str, str]:
        """What the ledger finds it by."""
        return (self.caller, self.key)

    @property
    def answer(self) -> Answer:
        """The answer."""
        assert self.response is not None
        return validation_service_pb2.ValidateLicenseResponse.FromString(self.response).answer


@dataclass
class Licenses:
    """Numbers with their discharge signatures, which agencies add to while lanes draw."""

    signatures: dict[str, str] = field(default_factory=dict)
    hot: str = ""

    def choose(self, dice: random.Random) -> tuple[str, str]:
        """The hot license half of the time, else any."""
        number = self.hot if dice.random() < 0.5 else dice.choice(list(self.signatures))
        return number, self.signatures[number]


class Client(threading.Thread):
    """Asks one request after the other until it is told to stop, each until it is answered."""

    def __init__(
        self, server: Server, caller: str, asks: Iterator[Ask], answered: list[Ask]
    ) -> None:
        """Prepares the channel; `start` begins. `answered` is shared, in the order of answers."""
        super().__init__(name=f"client-{caller}", daemon=True)
        self.asked: list[Ask] = []
        self.unexpected: list[BaseException] = []
        self.progress = threading.Semaphore(0)
        """Released once for each answer, so that a test can wait for some."""
        self._answered = answered
        self._asks = asks
        self._stop_after = threading.Event()
        self._calls: dict[str, Callable[..., bytes]] = {}
        channel = server.channel(caller)
        for method in (EXERCISE, SUBMIT, OUTCOME):
            self._calls[method] = raw_call(channel, method)

    def finish(self) -> None:
        """Begins no further request; the one under way is still asked until it is answered."""
        self._stop_after.set()

    def run(self) -> None:
        """Asks."""
        try:
            while not self._stop_after.is_set():
                ask = next(self._asks)
                self.asked.append(ask)
                self._insist(ask)
                self._answered.append(ask)
                self.progress.release()
        except BaseException as error:  # noqa: BLE001 - the test reports it
            self.unexpected.append(error)

    def _insist(self, ask: Ask) -> None:
        while ask.response is None:
            ask.attempts += 1
            # Now and then somebody hangs up too early, and asks again.
            timeout_s = IMPATIENT_S if ask.attempts == 1 and ask.impatient else CALL_MAX_S
            try:
                # wait_for_ready: between a kill and the next start there is nobody to answer.
                ask.response = self._calls[ask.method](
                    ask.content, timeout=timeout_s, wait_for_ready=True
                )
            except grpc.RpcError as error:
                if status_of(error) not in RESENT:
                    raise


def raw_call(channel: grpc.Channel, method: str) -> Callable[..., bytes]:
    """A call that takes and gives bytes, so that nothing is lost by decoding."""
    call: Any = channel.unary_unary(method, None, None)
    result: Callable[..., bytes] = call
    return result


def status_of(error: grpc.RpcError) -> grpc.StatusCode:
    """The status; what gRPC raises is the ended call, which its types do not say."""
    call: Any = error
    code: grpc.StatusCode = call.code()
    return code


def lane_asks(
    lane: str, licenses: Licenses, serials: Iterator[int], dice: random.Random
) -> Iterator[Ask]:
    """Draws of one unit by fresh declarations; now and then one that is refused."""
    office = OFFICE[lane]
    while True:
        number, signature = licenses.choose(dice)
        declaration = messages.declaration(
            messages.license_id(number),
            signature,
            number=messages.declaration_number(next(serials), aduana=office[:2]),
            office=office,
            quantity="0" if dice.random() < 0.1 else "1",
        )
        request = messages.validate_request(declaration)
        ask = Ask(lane, EXERCISE, request.request_id, request.SerializeToString())
        ask.impatient = dice.random() < 0.1
        yield ask


def agency_asks(
    world_sign: Callable[..., Any], licenses: Licenses, prefix: str, quantity: str
) -> Iterator[Ask]:
    """New licenses; each can be drawn from as soon as its agency has the answer."""
    serial = 0
    while True:
        serial += 1
        number = f"{prefix}-{serial:05}"
        content = messages.license_content(lines=[messages.license_line(quantity=quantity)])
        envelope = world_sign(messages.license_submission(number, content=content))
        request = messages.submit_request(envelope)
        ask = Ask("se", SUBMIT, request.request_id, request.SerializeToString())
        yield ask
        licenses.signatures[number] = ask.answer.verdict.firma.discharge_signature


def outcome_of(call: Callable[..., bytes], key: str) -> bytes:
    """What GetOutcome answers."""
    request = messages.outcome_request(key).SerializeToString()
    return call(request, timeout=CALL_MAX_S, wait_for_ready=True)
