"""A real server with licenses of two agencies, draws on them, and readers of the feed."""

from __future__ import annotations

import gzip
import itertools
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from descargo.v1 import (
    license_pb2,
    submission_service_pb2,
    submission_service_pb2_grpc,
    validation_service_pb2_grpc,
)
from tests.support import messages
from tests.support.world import LANE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.message import Message

    from descargo.v1 import submission_pb2, verdict_pb2
    from descargo.v1.submission_service_pb2 import WatchExercisesResponse
    from tests.support.servers import Server

__all__ = ["FAST", "FeedDesk", "lasts", "mark"]

FAST: Final = "[limits]\nheartbeat_s = 0.2\nreader_stalled_s = 1.0\n"
"""A server that is quick to say that it lives."""
PATIENCE_S: Final = 60.0
"""No event takes so long, on the slowest machine."""

Mark = tuple[str, str, int]


def mark(event: WatchExercisesResponse) -> Mark:
    """What names an event: kind of event, license, and movement or percent."""
    if event.HasField("alert"):
        return ("alert", event.alert.license.permit_number, event.alert.percent)
    movement = event.movement.movement
    return ("movement", movement.license.permit_number, movement.permit_seq)


def lasts(event: WatchExercisesResponse) -> bool:
    """Whether an event has a place in the feed: not a heartbeat, nor what only a day brings."""
    usage = submission_service_pb2.ALERT_KIND_USAGE
    return event.HasField("movement") or (event.HasField("alert") and event.alert.kind == usage)


@dataclass
class FeedDesk:
    """Agencies and a lane at one server."""

    server: Server
    firmas: dict[str, str] = field(default_factory=dict)
    """Discharge signatures by number."""
    serials: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def submit(
        self, submission: submission_pb2.Submission, agency: str = "se"
    ) -> verdict_pb2.Answer:
        """Submits what the agency signs."""
        stub = submission_service_pb2_grpc.SubmissionServiceStub(self.server.channel(agency))
        request = messages.submit_request(self.server.world.sign(submission, agency))
        return stub.SubmitLicense(request, timeout=PATIENCE_S).answer

    def issue(
        self, number: str, quantity: str = "100", lines: int = 1, valid_to: str = ""
    ) -> verdict_pb2.Answer:
        """A license of SE that must be accepted."""
        content = messages.license_content(
            lines=[
                messages.license_line(line_no=line_no, quantity=quantity, tariff_codes=[code])
                for line_no, code in enumerate(self.tariff_codes()[:lines], 1)
            ],
            valid_to=valid_to,
        )
        answer = self.submit(messages.license_submission(number, content=content))
        assert answer.verdict.HasField("firma"), answer.verdict
        self.firmas[number] = answer.verdict.firma.discharge_signature
        return answer

    def change(self, number: str, version: int, **change: Message) -> None:
        """A change of a license of SE that must be accepted, by the name of its arm."""
        submission = messages.license_submission(number, version=version)
        submission.ClearField("issue")
        for arm, content in change.items():
            getattr(submission, arm).CopyFrom(content)
        answer = self.submit(submission)
        assert answer.verdict.HasField("firma"), answer.verdict

    def tariff_codes(self) -> list[str]:
        """Codes in kilograms, each once: the one that is drawn on, then others of the tariff."""
        path = self.server.world.configuration.catalogue
        rows = (
            line.split("\t") for line in gzip.decompress(path.read_bytes()).decode().splitlines()
        )
        kilograms = (row[0] for row in rows if len(row) == 5 and row[2] == "1")
        return list(dict.fromkeys([messages.TARIFF_CODE, *kilograms]))

    def issue_of_semarnat(self, number: str, valid_to: str = "") -> None:
        """A license of another agency that must be accepted."""
        content = messages.license_content(valid_to=valid_to)
        content.instrument_kind = license_pb2.INSTRUMENT_KIND_CERTIFICATE
        submission = messages.license_submission(
            number, agency="SEMARNAT", permit_key="T3", content=content
        )
        answer = self.submit(submission, "semarnat")
        assert answer.verdict.HasField("firma"), answer.verdict
        self.firmas[number] = answer.verdict.firma.discharge_signature

    def draw(self, number: str, quantity: str = "1") -> verdict_pb2.Answer:
        """A draw on a license of SE that must be accepted."""
        stub = validation_service_pb2_grpc.ValidationServiceStub(self.server.channel(LANE))
        stated = messages.declaration(
            messages.license_id(number),
            self.firmas[number],
            number=messages.declaration_number(next(self.serials)),
            quantity=quantity,
        )
        answer = stub.ValidateLicense(messages.validate_request(stated), timeout=PATIENCE_S).answer
        assert answer.verdict.HasField("firma"), answer.verdict
        return answer

    def watch(self, cursor: str = "", agency: str = "se") -> Iterator[WatchExercisesResponse]:
        """The open feed; the caller closes the server's channels, or reads only a part."""
        stub = submission_service_pb2_grpc.SubmissionServiceStub(self.server.channel(agency))
        request = submission_service_pb2.WatchExercisesRequest(cursor=cursor)
        call: Iterator[WatchExercisesResponse] = stub.WatchExercises(request, timeout=PATIENCE_S)
        return call

    def told(self, cursor: str = "", agency: str = "se") -> list[WatchExercisesResponse]:
        """What the feed has now, without the day's alerts: what comes before a heartbeat."""
        return [event for event in self.until_heartbeat(cursor, agency) if lasts(event)]

    def until_heartbeat(self, cursor: str = "", agency: str = "se") -> list[WatchExercisesResponse]:
        """What the feed has now."""
        events = self.watch(cursor, agency)
        return list(itertools.takewhile(lambda event: not event.HasField("heartbeat"), events))

    def movements(self, agency: str = "SE") -> list[tuple[str, int, str]]:
        """The agency's rows of the movement table in the order of commits, by SQL alone."""
        uri = f"file:{self.server.ledger}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            return connection.execute(
                "SELECT permit_number, movement.permit_seq, printf('%012d', verdict_no)"
                " FROM movement JOIN license USING (license_id) WHERE agency = ?"
                " ORDER BY verdict_no, movement.license_id, movement.permit_seq",
                [agency],
            ).fetchall()
