"""What happened on some days, by agency and permit key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from descargo.v1 import submission_service_pb2

if TYPE_CHECKING:
    from descargo.v1.submission_service_pb2 import (
        Activity,
        ReportActivityResponse,
        Spread,
    )
    from descargo_client.channel import Channel
    from descargo_client.documents import Document

__all__ = ["report_activity", "report_document"]


def report_activity(channel: Channel, from_day: str, to_day: str) -> ReportActivityResponse:
    """The report of the days, `YYYY-MM-DD`, both of them included."""
    from descargo.v1.submission_service_pb2_grpc import SubmissionServiceStub  # noqa: PLC0415 - imports grpc

    request = submission_service_pb2.ReportActivityRequest(from_day=from_day, to_day=to_day)
    return channel.call(SubmissionServiceStub(channel.grpc).ReportActivity, request)


def report_document(report: ReportActivityResponse, from_day: str, to_day: str) -> Document:
    """A report as one object."""
    counted = report.counted_since.ToJsonString() if report.HasField("counted_since") else None
    return {
        "from": from_day,
        "to": to_day,
        "counted_since": counted,
        "activities": [_activity_document(each) for each in report.activities],
    }


def _activity_document(activity: Activity) -> Document:
    return {
        "agency": activity.agency,
        "permit_key": activity.permit_key,
        "transmitted": activity.transmitted,
        "accepted": activity.accepted,
        "refused": activity.transmitted - activity.accepted,
        "resent": activity.resent,
        "refusals": {each.code: each.submissions for each in activity.refusals},
        "issued": activity.issued,
        "exercises": activity.exercises,
        "exercised_licenses": activity.exercised_licenses,
        "application_to_ruling": _spread_document(activity, "application_to_ruling"),
        "ruling_to_acceptance": _spread_document(activity, "ruling_to_acceptance"),
        "acceptance_to_exercise": _spread_document(activity, "acceptance_to_exercise"),
    }


def _spread_document(activity: Activity, name: str) -> Document | None:
    spread: Spread = getattr(activity, name)
    if not spread.licenses:
        return None
    return {"licenses": spread.licenses, "median_s": spread.median_s, "p90_s": spread.p90_s}
