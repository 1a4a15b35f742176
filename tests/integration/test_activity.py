"""The report of some days, on a real server and in the real core: counts, times, scopes, days."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import grpc
import pytest

from descargo.v1 import (
    submission_pb2,
    submission_service_pb2,
    submission_service_pb2_grpc,
    validation_service_pb2_grpc,
)
from descargo_client.channel import fault_of
from descargo_server._core import Caller
from tests.support import messages
from tests.support.changes import submit
from tests.support.engines import LEDGER, engine
from tests.support.feeds import FeedDesk
from tests.support.servers import server
from tests.support.world import LANE, NOON

if TYPE_CHECKING:
    from collections.abc import Iterator

    from descargo.v1 import license_pb2
    from descargo.v1.submission_service_pb2 import ReportActivityResponse
    from tests.support.engines import LiveEngine
    from tests.support.world import World

DAY: Final = timedelta(days=1)
HOUR: Final = timedelta(hours=1)
FIRST: Final = "2026-05-12"
SECOND: Final = "2026-05-13"
OLD_LEDGERS: Final = sorted((Path(__file__).parents[1] / "faults" / "fixtures").glob("*/*.sqlite3"))
KEPT: Final = 3
UNTIL_PRUNED: Final = 256
"""Refusals of a caller between two looks at their bound."""


def issued_content(
    applied: timedelta | None = None, ruled: timedelta | None = None
) -> license_pb2.License:
    """A license that was applied for and ruled on so long before noon."""
    content = messages.license_content()
    if applied is not None:
        content.applied_at.FromDatetime(NOON - applied)
    if ruled is not None:
        content.ruled_at.FromDatetime(NOON - ruled)
    return content


def wrong(number: str) -> submission_pb2.Submission:
    """A submission with two mistakes."""
    content = messages.license_content(valid_from="2026-12-31", valid_to="2026-01-01")
    content.holder.rfc = "NOBODY"
    return messages.license_submission(number, content=content)


def day_one(desk: FeedDesk) -> set[str]:
    """Submissions of every outcome; the codes of those that were refused."""
    for number, applied, ruled in (
        ("A-1", 10 * DAY, 2 * DAY),
        ("A-2", 4 * DAY, HOUR),
        ("A-3", None, None),
    ):
        content = issued_content(applied, ruled)
        answer = desk.submit(messages.license_submission(number, content=content))
        desk.firmas[number] = answer.verdict.firma.discharge_signature
    # The accepted change signed again, and an answered request sent again: nothing new.
    again = messages.license_submission("A-3", signed_at=NOON - HOUR, content=issued_content())
    assert desk.submit(again).verdict.HasField("firma")
    stub = submission_service_pb2_grpc.SubmissionServiceStub(desk.server.channel("se"))
    request = messages.submit_request(desk.server.world.sign(wrong("A-4")))
    first = stub.SubmitLicense(request, timeout=60)
    assert stub.SubmitLicense(request, timeout=60) == first
    assert desk.submit(wrong("A-4")).verdict.HasField("error")
    assert desk.submit(messages.license_submission("a-4")).verdict.HasField("firma")
    assert desk.submit(wrong("A-5")).verdict.HasField("error")
    taken_over = messages.onboarding_submission("A-6", left={1: messages.amount("1")})
    assert desk.submit(taken_over).verdict.HasField("firma")
    for _ in range(2):
        unknown = messages.license_submission("A-7", permit_key="NO-SUCH")
        assert desk.submit(unknown).verdict.HasField("error")
    foreign = messages.license_submission("A-8", agency="SEMARNAT", permit_key="T3")
    assert desk.submit(foreign).verdict.HasField("error")
    desk.issue_of_semarnat("B-1")
    return {finding.code for finding in first.answer.verdict.findings}


def day_two(desk: FeedDesk) -> None:
    """Exercises, a look that draws nothing, a refused exercise, and an extension."""
    desk.server.clock.set(NOON + DAY)
    for number in ("A-1", "A-1", "A-2"):
        desk.draw(number)
    lane = validation_service_pb2_grpc.ValidationServiceStub(desk.server.channel(LANE))
    stated = messages.declaration(
        messages.license_id("A-3"),
        desk.firmas["A-3"],
        number=messages.declaration_number(99),
        quantity="999999",
    )
    assert lane.CheckLicense(messages.check_request(stated), timeout=60).answer
    refused = lane.ValidateLicense(messages.validate_request(stated), timeout=60).answer
    assert refused.verdict.HasField("error")
    desk.change("A-1", 2, extension=submission_pb2.Extension(valid_to="2027-04-30"))


@pytest.fixture(scope="module")
def desk(
    world: World, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[FeedDesk, set[str]]]:
    """A server with two days behind it; the tests only read."""
    with server(world, tmp_path_factory.mktemp("activity")) as live:
        prepared = FeedDesk(live)
        codes = day_one(prepared)
        day_two(prepared)
        yield prepared, codes


def report(
    desk: FeedDesk, caller: str = "coordinator", first: str = FIRST, last: str = SECOND
) -> ReportActivityResponse:
    stub = submission_service_pb2_grpc.SubmissionServiceStub(desk.server.channel(caller))
    request = submission_service_pb2.ReportActivityRequest(from_day=first, to_day=last)
    response: ReportActivityResponse = stub.ReportActivity(request, timeout=60)
    return response


def keys(response: ReportActivityResponse) -> list[tuple[str, str]]:
    return [(each.agency, each.permit_key) for each in response.activities]


def counts(activity: submission_service_pb2.Activity) -> tuple[int, ...]:
    """Transmitted, accepted, resent, issued, exercises, exercised licenses."""
    return (
        activity.transmitted,
        activity.accepted,
        activity.resent,
        activity.issued,
        activity.exercises,
        activity.exercised_licenses,
    )


def spread(activity: submission_service_pb2.Activity, name: str) -> tuple[int, int, int] | None:
    if not activity.HasField(name):  # type: ignore[arg-type]
        return None
    found: submission_service_pb2.Spread = getattr(activity, name)
    return (found.licenses, found.median_s, found.p90_s)


def test_everything_is_counted_once(desk: tuple[FeedDesk, set[str]]) -> None:
    told, codes = desk
    response = report(told)
    assert keys(response) == [("SE", ""), ("SE", "C1"), ("SEMARNAT", "T3")]
    assert not response.HasField("counted_since")
    unknown, prior, certificate = response.activities
    assert counts(unknown) == (2, 0, 0, 0, 0, 0)
    assert all(each.submissions == 2 for each in unknown.refusals)
    assert counts(prior) == (9, 6, 1, 4, 3, 2)
    assert len(codes) > 1
    assert {each.code: each.submissions for each in prior.refusals} == dict.fromkeys(codes, 3)
    assert counts(certificate) == (1, 1, 0, 1, 0, 0)


def test_times_are_of_the_licenses_that_tell_them(desk: tuple[FeedDesk, set[str]]) -> None:
    _, prior, certificate = report(desk[0]).activities
    day_s, hour_s = 24 * 3_600, 3_600
    assert spread(prior, "application_to_ruling") == (2, 4 * day_s - hour_s, 8 * day_s)
    assert spread(prior, "ruling_to_acceptance") == (2, hour_s, 2 * day_s)
    assert spread(prior, "acceptance_to_exercise") == (2, day_s, day_s)
    for name in ("application_to_ruling", "ruling_to_acceptance", "acceptance_to_exercise"):
        assert spread(certificate, name) is None


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (FIRST, FIRST, (8, 5, 1, 4, 0, 0)),
        (SECOND, SECOND, (1, 1, 0, 0, 3, 2)),
        ("2026-05-01", "2026-05-11", None),
        ("2026-05-14", "2026-05-31", None),
        ("2026-01-01", "2026-12-31", (9, 6, 1, 4, 3, 2)),
    ],
)
def test_each_day_has_its_own(
    desk: tuple[FeedDesk, set[str]], first: str, last: str, expected: tuple[int, ...] | None
) -> None:
    response = report(desk[0], first=first, last=last)
    found = [counts(each) for each in response.activities if each.permit_key == "C1"]
    assert found == ([] if expected is None else [expected])


def test_an_agency_is_told_its_own_and_an_auditor_all(desk: tuple[FeedDesk, set[str]]) -> None:
    told = desk[0]
    whole = report(told)
    assert report(told, "auditor") == whole
    assert list(report(told, "se").activities) == list(whole.activities)[:2]
    assert list(report(told, "semarnat").activities) == list(whole.activities)[2:]
    with pytest.raises(grpc.RpcError) as caught:
        report(told, LANE)
    assert fault_of(caught.value, "").failure.reason == "ROLE_NOT_ALLOWED"


@pytest.mark.parametrize(
    ("first", "last", "field"),
    [
        ("", SECOND, "from_day"),
        (FIRST, "", "to_day"),
        ("2026-02-30", SECOND, "from_day"),
        ("12/05/2026", SECOND, "from_day"),
        ("1812-05-12", SECOND, "from_day"),
        (SECOND, FIRST, "to_day"),
        ("2026-01-01", "2027-01-02", "to_day"),
    ],
)
def test_days_that_are_no_range_are_refused(
    desk: tuple[FeedDesk, set[str]], first: str, last: str, field: str
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        report(desk[0], first=first, last=last)
    failure = fault_of(caught.value, "").failure
    assert (failure.status, failure.reason) == ("INVALID_ARGUMENT", "FIELD_INVALID")
    assert field in " ".join(failure.fields)


def run(desk: FeedDesk, who: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the command as an identity of the demo."""
    tls = desk.server.world.root / "tls"
    command = [sys.executable, "-m", "descargo_client", "report", *arguments]
    command += ["--server", desk.server.address, "--server-name", "localhost"]
    command += ["--tls-cert", str(tls / f"{who}.pem"), "--tls-key", str(tls / f"{who}.key")]
    command += ["--tls-ca", str(tls / "ca.pem")]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_the_command_shows_the_report(desk: tuple[FeedDesk, set[str]]) -> None:
    told, codes = desk
    days = ("--from", FIRST, "--to", SECOND)
    ran = run(told, "coordinator", *days, "-o", "json")
    assert ran.returncode == 0, ran.stderr
    document: dict[str, Any] = json.loads(ran.stdout)
    assert (document["from"], document["to"], document["counted_since"]) == (FIRST, SECOND, None)
    prior = document["activities"][1]
    assert prior["refusals"] == dict.fromkeys(sorted(codes), 3)
    assert (prior["transmitted"], prior["refused"], prior["resent"]) == (9, 3, 1)
    assert prior["acceptance_to_exercise"] == {"licenses": 2, "median_s": 86400, "p90_s": 86400}
    assert document["activities"][2]["acceptance_to_exercise"] is None
    spanish = run(told, "coordinator", *days)
    assert spanish.returncode == 0, spanish.stderr
    for word in ("Transmitidos", "Reenviados", "(desconocida)", "8 d 0 h", *codes):
        assert word in spanish.stdout
    english = run(told, "se", *days, "--lang", "en")
    assert "Transmitted" in english.stdout
    assert "SEMARNAT" not in english.stdout
    assert "Nada en esos" in run(told, "se", "--from", "2026-04-01", "--to", "2026-04-30").stdout
    assert run(told, "se", "--from", SECOND, "--to", FIRST).returncode == 2
    assert run(told, "se", "--from", FIRST).returncode == 2
    assert run(told, LANE, *days).returncode == 4


def of_core(
    live: LiveEngine, caller: Caller, first: str = FIRST, last: str = SECOND
) -> ReportActivityResponse:
    request = submission_service_pb2.ReportActivityRequest(from_day=first, to_day=last)
    response = live.core.report_activity(caller, request.SerializeToString())
    return submission_service_pb2.ReportActivityResponse.FromString(response)


def test_a_hub_is_told_of_what_it_is_listed_for(world: World, tmp_path: Path) -> None:
    with engine(world, tmp_path) as live:
        assert submit(live, world, messages.license_submission("A-1")).HasField("firma")
        listed = {"C1": [("SE", "C1")], "C2": []}
        for key, expected in listed.items():
            hub = Caller("hub", "hub", agencies=[("SE", [key]), ("SEMARNAT", [])])
            assert keys(of_core(live, hub)) == expected


def test_a_day_ends_at_midnight_in_mexico_city(world: World, tmp_path: Path) -> None:
    midnight = datetime(2026, 5, 13, 6, 0, tzinfo=UTC)
    with engine(world, tmp_path) as live:
        coordinator = world.caller("coordinator")
        for number, instant in (("A-1", midnight - timedelta(microseconds=1)), ("A-2", midnight)):
            live.clock.set(instant)
            assert submit(live, world, messages.license_submission(number)).HasField("firma")
            day = SECOND if number == "A-2" else FIRST
            (only,) = of_core(live, coordinator, day, day).activities
            assert counts(only) == (1, 1, 0, 1, 0, 0)


def test_what_was_refused_is_forgotten_with_its_refusal(world: World, tmp_path: Path) -> None:
    with engine(world, tmp_path, refusals_kept_per_caller=KEPT) as live:
        total = UNTIL_PRUNED + KEPT
        for serial in range(total):
            assert submit(live, world, wrong(f"A-{serial}")).HasField("error")
        for serial in range(2):
            right = messages.license_submission(f"A-{serial}")
            assert submit(live, world, right).HasField("firma")
        right = messages.license_submission(f"A-{total - 1}")
        assert submit(live, world, right).HasField("firma")
        (only,) = of_core(live, world.caller("coordinator")).activities
        assert counts(only) == (total + 3, 3, 1, 3, 0, 0)
        assert all(each.submissions == total for each in only.refusals)


@pytest.mark.parametrize("kept", OLD_LEDGERS, ids=lambda path: str(path.stem))
def test_an_old_ledger_counts_from_its_opening(world: World, tmp_path: Path, kept: Path) -> None:
    shutil.copy(kept, tmp_path / LEDGER)
    coordinator = world.caller("coordinator")
    for opening in range(1, 3):
        with engine(world, tmp_path, clock=NOON + DAY) as live:
            right = messages.license_submission(f"A-{opening}")
            assert submit(live, world, right).HasField("firma")
            response = of_core(live, coordinator)
            assert response.counted_since.ToDatetime(tzinfo=UTC) == NOON
            (only,) = response.activities
            assert counts(only) == (opening, opening, 0, opening, 2, 1)
