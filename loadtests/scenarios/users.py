"""The callers. Each has a connection of its own, as in life.

A user tells locust of each request what it took and whether it went as it should. Of a bad actor a
request went well when it was refused with the right status.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import os
import time
import uuid
from pathlib import Path
from typing import Any, ClassVar, Final

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from locust import User, constant, task

from descargo.v1 import submission_service_pb2, validation_service_pb2
from loadtests.bench.corpus import Agency, Corpus
from loadtests.bench.streams import framed
from loadtests.scenarios.corpus import Draws

PLACE: Final[dict[str, Any]] = json.loads(os.environ["DESCARGO_LOAD"])
FOLDER: Final = Path(PLACE["folder"])
CORPUS: Final = Corpus.read(Path(PLACE["corpus"]))
TARIFF: Final = [(code, nico) for code, nico in PLACE["tariff"]]
SEED: Final[int] = PLACE["seed"]

VALIDATE: Final = "/descargo.v1.ValidationService/ValidateLicense"
SUBMIT: Final = "/descargo.v1.SubmissionService/SubmitLicense"
STREAM: Final = "/descargo.v1.SubmissionService/SubmitLicenses"
WATCH: Final = "/descargo.v1.SubmissionService/WatchExercises"
TIMEOUT_S: Final = 10.0
FRAME_ITEMS: Final = 10
FRAMES: Final = 4
WATCHED_S: Final = 5.0
OVERSIZE_BYTES: Final = 5 * 1024 * 1024
LANE_NO: Final = itertools.count()


class Unexpected(Exception):  # noqa: N818 - it says what happened
    """An answer other than the one that belongs there."""


def connected(certificate: bytes, key: bytes) -> grpc.Channel:
    """A connection that no other user shares."""
    root = (FOLDER / "tls" / "ca.pem").read_bytes()
    credentials = grpc.ssl_channel_credentials(root, key, certificate)
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_send_message_length", -1)]
    return grpc.secure_channel(PLACE["target"], credentials, options)


def unary(channel: grpc.Channel, method: str) -> Any:
    """A method that takes bytes and gives bytes."""
    return channel.unary_unary(method)


class Caller(User):
    """Somebody with a certificate of the demo."""

    abstract = True
    caller: ClassVar[str] = "lane-nuevo-laredo"
    lane_no: int

    def on_start(self) -> None:
        """Connects."""
        tls = FOLDER / "tls"
        certificate = (tls / f"{self.caller}.pem").read_bytes()
        self.channel = connected(certificate, (tls / f"{self.caller}.key").read_bytes())
        self.lane_no = next(LANE_NO)

    def on_stop(self) -> None:
        """Hangs up."""
        self.channel.close()

    def tell(self, name: str, since: float, problem: Exception | None = None) -> None:
        """Tells locust of one request."""
        self.environment.events.request.fire(
            request_type="grpc",
            name=name,
            response_time=(time.perf_counter() - since) * 1e3,
            response_length=0,
            exception=problem,
            context={},
        )

    def validate(self, name: str, request: bytes) -> None:
        """One exercise, which must get a firma."""
        since = time.perf_counter()
        problem: Exception | None
        try:
            answer = unary(self.channel, VALIDATE)(request, timeout=TIMEOUT_S)
            verdict = validation_service_pb2.ValidateLicenseResponse.FromString(answer)
            outcome = verdict.answer.verdict.WhichOneof("outcome")
            codes = [finding.code for finding in verdict.answer.verdict.findings]
            problem = None if outcome == "firma" else Unexpected(f"{outcome} {codes}")
        except grpc.RpcError as error:
            problem = error
        self.tell(name, since, problem)

    def refused(self, name: str, method: str, request: bytes, *statuses: grpc.StatusCode) -> None:
        """One call that must end with one of these statuses."""
        since = time.perf_counter()
        problem: Exception | None = Unexpected("it was answered")
        try:
            unary(self.channel, method)(request, timeout=TIMEOUT_S)
        except grpc.RpcError as error:
            problem = None if error.code() in statuses else error
        self.tell(name, since, problem)


class LaneUser(Caller):
    """A lane that exercises a license for each lorry; how many are open is the day's curve."""

    weight = 10
    wait_time = constant(0.05)

    def on_start(self) -> None:
        """Opens the lane."""
        super().on_start()
        self.requests = Draws(CORPUS, TARIFF, self.lane_no, SEED).requests()

    @task
    def exercise(self) -> None:
        """The next lorry."""
        self.validate("lane", next(self.requests))


class HotLicenceUser(Caller):
    """A lane of the one importer whose lorries all come under one license."""

    weight = 2
    wait_time = constant(0.05)

    def on_start(self) -> None:
        """Opens the lane."""
        super().on_start()
        self.requests = Draws(CORPUS, TARIFF, self.lane_no, SEED).requests(hot=True)

    @task
    def exercise(self) -> None:
        """The next lorry."""
        self.validate("hot license", next(self.requests))


class AgencyStreamUser(Caller):
    """An agency that sends batches, loses its connection in the middle, and goes on."""

    caller = "se"
    fixed_count = 1
    wait_time = constant(0.5)

    def on_start(self) -> None:
        """Signs some frames' worth of licenses afresh for each batch."""
        super().on_start()
        self.agency = Agency(FOLDER, "se")

    @task
    def batch(self) -> None:
        """One batch over two connections; each item's time counts from when it was due."""
        name = f"L{uuid.uuid4().hex[:8].upper()}"
        numbers = [f"{name}-{serial}" for serial in range(FRAMES * FRAME_ITEMS)]
        items = [self.agency.submission(number).SerializeToString() for number in numbers]
        stream_id = str(uuid.uuid4())
        due = time.perf_counter()
        try:
            half = len(items) // 2
            answered = self._sent(stream_id, items[:half], 0, due, hang_up=True)
            answered = self._sent(stream_id, items, answered, due, hang_up=False)
        except (grpc.RpcError, Unexpected) as error:
            self.tell("stream item", due, error)

    def _sent(
        self, stream_id: str, items: list[bytes], answered: int, due: float, *, hang_up: bool
    ) -> int:
        """Sends what is not yet answered, as a stream that resumes; returns how far it came."""
        opening = submission_service_pb2.SubmitLicensesRequest(stream_id=stream_id)
        frames = [
            framed(items[first : first + FRAME_ITEMS], first + 1)
            for first in range(answered, len(items), FRAME_ITEMS)
        ]
        stream: Any = self.channel.stream_stream(STREAM)
        call = stream(iter([opening.SerializeToString(), *frames]), timeout=TIMEOUT_S)
        read = submission_service_pb2.SubmitLicensesResponse.FromString
        if read(next(call)).answered_sequence != answered:
            raise Unexpected("the stream stands elsewhere than it was left")
        while answered < len(items):
            response = read(next(call))
            for item in response.answers:
                verdict = item.answer.verdict
                problem = None if verdict.HasField("firma") else Unexpected("no firma")
                self.tell("stream item", due, problem)
            answered = response.answered_sequence
        if hang_up:
            call.cancel()
        return answered


class WatcherUser(Caller):
    """An agency that watches its licenses being exercised; what counts is how late it learns."""

    caller = "se"
    fixed_count = 1
    wait_time = constant(0.1)
    cursor = ""

    @task
    def watch(self) -> None:
        """Watches for a while, and takes up where it left off."""
        request = submission_service_pb2.WatchExercisesRequest(cursor=self.cursor)
        stream: Any = self.channel.unary_stream(WATCH)
        call = stream(request.SerializeToString(), timeout=WATCHED_S)
        since = time.perf_counter()
        began = dt.datetime.now(dt.UTC)
        try:
            for bytes_read in call:
                event = submission_service_pb2.WatchExercisesResponse.FromString(bytes_read)
                self.cursor = event.cursor or self.cursor
                decided_at = event.movement.decided_at.ToDatetime(dt.UTC)
                # What was decided before it watched is history, and not late.
                if event.HasField("movement") and decided_at > began:
                    late = dt.datetime.now(dt.UTC) - decided_at
                    self.tell("watch", time.perf_counter() - late.total_seconds())
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.DEADLINE_EXCEEDED:
                self.tell("watch", since, error)


class BadActorUser(Caller):
    """Somebody who tries what must not work."""

    fixed_count = 1
    wait_time = constant(0.5)

    def on_start(self) -> None:
        """Comes with a lane's certificate, and with what it forged."""
        super().on_start()
        self.requests = Draws(CORPUS, TARIFF, self.lane_no, SEED).requests()
        self.expired = connected(*_expired_pair())

    def on_stop(self) -> None:
        """Hangs up."""
        self.expired.close()
        super().on_stop()

    @task
    def wrong_signature(self) -> None:
        """A license whose signed bytes were changed behind the signature: an error, no firma."""
        request = Agency(FOLDER, "se").submission(f"F-{uuid.uuid4().hex[:10].upper()}")
        signature = bytearray(request.envelope.signature)
        signature[-1] ^= 1
        request.envelope.signature = bytes(signature)
        since = time.perf_counter()
        problem: Exception | None = None
        try:
            with connected(*_pair("se")) as channel:
                answer = unary(channel, SUBMIT)(request.SerializeToString(), timeout=TIMEOUT_S)
            verdict = submission_service_pb2.SubmitLicenseResponse.FromString(answer).answer.verdict
            if verdict.WhichOneof("outcome") != "error":
                problem = Unexpected(f"{verdict.WhichOneof('outcome')}")
        except grpc.RpcError as error:
            problem = error
        self.tell("wrong signature", since, problem)

    @task
    def replay(self) -> None:
        """A key that was used before, for another declaration."""
        first = validation_service_pb2.ValidateLicenseRequest.FromString(next(self.requests))
        other = validation_service_pb2.ValidateLicenseRequest.FromString(next(self.requests))
        other.request_id = first.request_id
        self.validate("lane", first.SerializeToString())
        statuses = (grpc.StatusCode.ALREADY_EXISTS, grpc.StatusCode.FAILED_PRECONDITION)
        again = other.SerializeToString()
        self.refused("replay", VALIDATE, again, *statuses, grpc.StatusCode.INVALID_ARGUMENT)

    @task
    def expired_certificate(self) -> None:
        """A certificate whose time is over, of an authority that nobody trusts: no connection."""
        since = time.perf_counter()
        problem: Exception | None = Unexpected("it was answered")
        try:
            unary(self.expired, VALIDATE)(next(self.requests), timeout=TIMEOUT_S)
        except grpc.RpcError as error:
            problem = None if error.code() is grpc.StatusCode.UNAVAILABLE else error
        self.tell("expired certificate", since, problem)

    @task
    def oversize(self) -> None:
        """More bytes than any request may have."""
        request = b"\x00" * OVERSIZE_BYTES
        statuses = (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INVALID_ARGUMENT)
        self.refused("oversize", VALIDATE, request, *statuses)


def _pair(caller: str) -> tuple[bytes, bytes]:
    tls = FOLDER / "tls"
    return (tls / f"{caller}.pem").read_bytes(), (tls / f"{caller}.key").read_bytes()


def _expired_pair() -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "lane-nuevo-laredo")])
    over = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(over - dt.timedelta(days=365))
        .not_valid_after(over)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(pem), private
