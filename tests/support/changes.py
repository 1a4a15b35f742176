"""Changes of a license that exists, as its agency signs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf.timestamp_pb2 import Timestamp

from descargo.v1 import license_pb2, submission_pb2, submission_service_pb2
from tests.support import messages
from tests.support.world import NOON

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from descargo.v1 import verdict_pb2
    from tests.support.engines import LiveEngine
    from tests.support.world import World

__all__ = ["change", "end_of", "record_of", "stamp", "stop", "submit"]

REASON = "motivo de prueba"


def stamp(instant: datetime) -> Timestamp:
    """An instant, as the contract has it."""
    made = Timestamp()
    made.FromDatetime(instant)
    return made


def stop(
    lines: Iterable[int] = (),
    offices: Iterable[str] = (),
    *,
    start: datetime | None = None,
    end: datetime | None = None,
) -> submission_pb2.Stop:
    """A stop; no lines or no offices: all of them."""
    named = [str(line_no) for line_no in lines]
    at = list(offices)
    return submission_pb2.Stop(
        lines=license_pb2.Extent(every=not named, only=named),
        offices=license_pb2.Extent(every=not at, only=at),
        start_time=None if start is None else stamp(start),
        end_time=None if end is None else stamp(end),
        reason=REASON,
    )


def end_of(version: int) -> submission_pb2.Reinstatement:
    """The end of the suspension that made a version."""
    return submission_pb2.Reinstatement(suspension_version=version, reason=REASON)


def change(
    number: str, version: int, *, signed_at: datetime = NOON, **arm: Any
) -> submission_pb2.Submission:
    """A change: `suspension=stop()`, `extension=...` and so on."""
    submission = messages.license_submission(number, signed_at=signed_at, version=version)
    submission.ClearField("issue")
    ((name, content),) = arm.items()
    getattr(submission, name).CopyFrom(content)
    return submission


def submit(
    live: LiveEngine, world: World, submission: submission_pb2.Submission
) -> verdict_pb2.Verdict:
    """What the core answers to a change that SE signs."""
    request = messages.submit_request(world.sign(submission))
    response = live.submit(world.caller("se"), request)
    return submission_service_pb2.SubmitLicenseResponse.FromString(response).answer.verdict


def record_of(
    live: LiveEngine, world: World, number: str, version: int | None = None
) -> submission_service_pb2.LicenseRecord:
    """The license as its agency reads it."""
    request = messages.get_license_request(messages.license_id(number), version)
    response = live.license(world.caller("se"), request)
    return submission_service_pb2.GetLicenseResponse.FromString(response).record
