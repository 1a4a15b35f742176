"""Lists of licenses and of versions, on a real server: filters, pages, scopes, and the commands."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

import grpc
import pytest

from descargo.v1 import (
    license_pb2,
    submission_pb2,
    submission_service_pb2,
    submission_service_pb2_grpc,
    verdict_pb2,
)
from descargo_client.channel import fault_of
from tests.support import messages
from tests.support.feeds import FAST, FeedDesk
from tests.support.servers import server
from tests.support.world import LANE, NOON

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from descargo.v1.submission_service_pb2 import ListLicensesResponse
    from tests.support.world import World

NUMBERS: Final = ["SE-01", "SE-02", "SE-03", "SE-04", "SE-05"]


@pytest.fixture(scope="module")
def desk(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FeedDesk]:
    """Five licenses of SE, one of them exhausted, and one of SEMARNAT."""
    with server(world, tmp_path_factory.mktemp("lists"), extra_config=FAST) as live:
        prepared = FeedDesk(live)
        for number in NUMBERS:
            prepared.issue(number)
        prepared.issue_of_semarnat("SN-01")
        prepared.draw("SE-02", "100")
        yield prepared


def page(
    desk: FeedDesk, asked: str = "", size: int = 0, token: str = "", caller: str = "se"
) -> ListLicensesResponse:
    """One page."""
    stub = submission_service_pb2_grpc.SubmissionServiceStub(desk.server.channel(caller))
    request = submission_service_pb2.ListLicensesRequest(
        filter=asked, page_size=size, page_token=token
    )
    response: ListLicensesResponse = stub.ListLicenses(request, timeout=60)
    return response


def numbers(response: ListLicensesResponse) -> list[str]:
    """The numbers on a page."""
    return [record.standing.license.permit_number for record in response.records]


def refusal(error: grpc.RpcError) -> tuple[str, str, str]:
    """Status, reason and the field's text of a call that failed."""
    failure = fault_of(error, "").failure
    return failure.status, failure.reason, " ".join(failure.fields)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("", NUMBERS),
        ('permit_number : "se-0"', NUMBERS),
        ('permit_number = "SE-03"', ["SE-03"]),
        ("permit_number > SE-03", ["SE-04", "SE-05"]),
        ("status = EXHAUSTED", ["SE-02"]),
        ("NOT status = EXHAUSTED AND permit_number < SE-04", ["SE-01", "SE-03"]),
        (
            "(permit_number = SE-01 OR permit_number = SE-05) AND permit_key = C1",
            ["SE-01", "SE-05"],
        ),
        ("agency = SEMARNAT", []),
        ("valid_from = 2026-05-12 AND valid_to > 2026-12-31", NUMBERS),
        ("valid_to < 2026-12-31", []),
    ],
)
def test_a_filter_gives_the_licenses_that_pass(
    desk: FeedDesk, asked: str, expected: list[str]
) -> None:
    # Other tests may have issued more licenses before, so the page is the largest.
    response = page(desk, asked, size=1_000)
    listed = [number for number in numbers(response) if number in NUMBERS]
    assert listed == expected
    assert response.next_page_token == ""


def test_an_agency_lists_its_own_and_an_auditor_all(desk: FeedDesk) -> None:
    # Other tests issue more licenses meanwhile, which these numbers leave out.
    asked = 'permit_number : "SE-0" OR permit_number : "SN-0"'
    own = page(desk, asked)
    assert {record.standing.license.agency for record in own.records} == {"SE"}
    assert all(record.discharge_signature for record in own.records)
    everybody = page(desk, asked, caller="auditor")
    assert {record.standing.license.agency for record in everybody.records} == {"SE", "SEMARNAT"}
    assert all(record.discharge_signature for record in everybody.records)
    assert numbers(page(desk, asked, caller="semarnat")) == ["SN-01"]
    read = submission_service_pb2_grpc.SubmissionServiceStub(desk.server.channel("se"))
    single = read.GetLicense(messages.get_license_request(messages.license_id("SE-01")), timeout=60)
    assert own.records[0] == single.record
    with pytest.raises(grpc.RpcError) as caught:
        page(desk, caller=LANE)
    assert refusal(caught.value)[1] == "ROLE_NOT_ALLOWED"


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_pages_give_each_license_once_in_order(desk: FeedDesk, size: int) -> None:
    whole = numbers(page(desk, "", 1000))
    listed, token = [], ""
    while True:
        response = page(desk, "", size, token)
        assert len(response.records) <= size
        listed += numbers(response)
        token = response.next_page_token
        if not token:
            break
    assert listed == whole


def test_pages_under_inserts_keep_their_order_and_lose_nothing(desk: FeedDesk) -> None:
    stop = threading.Event()
    inserted: list[str] = []

    def insert() -> None:
        # Before, between and behind what is being listed.
        for serial in itertools.count():
            if stop.is_set():
                break
            number = f"S{'DEF'[serial % 3]}-NEW-{serial:04}"
            desk.issue(number)
            inserted.append(number)

    inserter = threading.Thread(target=insert)
    inserter.start()
    try:
        for _ in range(10):
            before = set(inserted)
            listed, token = [], ""
            while True:
                response = page(desk, "", 2, token)
                listed += numbers(response)
                token = response.next_page_token
                if not token:
                    break
            assert listed == sorted(set(listed)), "a license came twice or out of order"
            assert before | set(NUMBERS) <= set(listed), "a license was lost"
    finally:
        stop.set()
        inserter.join()


def test_a_page_token_is_good_for_its_question_alone(desk: FeedDesk) -> None:
    token = page(desk, "", 2).next_page_token
    assert numbers(page(desk, "", 1, token)) == numbers(page(desk, "", 3))[2:]
    for asked, used, caller in (
        ("permit_key = C1", token, "se"),
        ("", token, "auditor"),
        ("", token + "A", "se"),
        ("", "garbage", "se"),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            page(desk, asked, 2, used, caller)
        status, reason, _ = refusal(caught.value)
        assert (status, reason) == ("INVALID_ARGUMENT", "PAGE_TOKEN_INVALID")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("color = red", "position 1: `color` is no field"),
        ("status = ACTIVE AND", "position 20: a field is missing"),
        ("agency = 'SE", "position 10: this quotation mark is not closed"),
        ("valid_to < tomorrow", "position 12: `tomorrow` is no day"),
    ],
)
def test_a_wrong_filter_is_refused_with_the_place(desk: FeedDesk, asked: str, said: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        page(desk, asked)
    status, reason, fields = refusal(caught.value)
    assert (status, reason) == ("INVALID_ARGUMENT", "FIELD_INVALID")
    assert f"filter: {said}" in fields


def test_a_page_of_more_than_a_thousand_is_refused(desk: FeedDesk) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        page(desk, "", 1001)
    status, reason, fields = refusal(caught.value)
    assert (status, reason) == ("INVALID_ARGUMENT", "FIELD_INVALID")
    assert "page_size" in fields


def versions(
    desk: FeedDesk, number: str, caller: str = "se", agency: str = ""
) -> list[submission_service_pb2.LicenseVersion]:
    """The versions of a license."""
    stub = submission_service_pb2_grpc.SubmissionServiceStub(desk.server.channel(caller))
    request = submission_service_pb2.ListLicenseVersionsRequest(
        license=license_pb2.LicenseId(agency=agency, permit_key="C1", permit_number=number)
    )
    return list(stub.ListLicenseVersions(request, timeout=60).versions)


def test_the_first_version_is_the_evidence_of_the_issue(desk: FeedDesk) -> None:
    (first,) = versions(desk, "SE-01")
    assert first.version == 1
    assert not first.changes
    submission = submission_pb2.Submission.FromString(first.envelope.payload)
    assert submission.license.permit_number == "SE-01"
    assert submission.signed_at.ToDatetime(NOON.tzinfo) == NOON
    assert versions(desk, "SE-01", "auditor") == [first]
    event = next(
        event for event in desk.told() if event.movement.movement.license.permit_number == "SE-01"
    )
    assert first.verdict_id == event.movement.verdict_id


def test_the_history_of_a_license_tells_each_field_and_the_feed_each_reason(desk: FeedDesk) -> None:
    content = messages.license_content(lines=[messages.license_line(value_usd="1000")])
    answer = desk.submit(messages.license_submission("SE-LIFE", content=content))
    assert answer.verdict.HasField("firma"), answer.verdict
    amended = messages.copy_of(content)
    amended.lines[0].authorized.value_usd = "2500.5"
    amended.lines[0].description = "pig iron, in blocks"
    every = license_pb2.Extent(every=True)
    stop = submission_pb2.Stop(lines=every, offices=every, reason="a shipment was found short")
    begin = desk.told()[-1].cursor
    desk.change("SE-LIFE", 2, amendment=amended)
    desk.change("SE-LIFE", 3, extension=submission_pb2.Extension(valid_to="2027-06-30"))
    desk.change("SE-LIFE", 4, suspension=stop)
    one, two, three, four = versions(desk, "SE-LIFE")
    assert [each.version for each in (one, two, three, four)] == [1, 2, 3, 4]
    told = [
        [(c.field, c.old_value, c.new_value) for c in v.changes] for v in (one, two, three, four)
    ]
    assert told == [
        [],
        [
            ("lines[0].authorized.value_usd", "1000", "2500.5"),
            ("lines[0].description", "pig iron", "pig iron, in blocks"),
        ],
        [("valid_to", content.valid_to, "2027-06-30")],
        [],
    ]
    recorded = [event.movement for event in desk.told(begin) if event.HasField("movement")]
    kinds = [verdict_pb2.MovementKind.Name(each.movement.kind) for each in recorded]
    assert kinds == [f"MOVEMENT_KIND_{kind}" for kind in ("AMEND", "EXTEND", "SUSPEND")]
    assert [each.reason for each in recorded] == ["", "", "a shipment was found short"]
    assert [each.verdict_id for each in recorded] == [
        each.verdict_id for each in (two, three, four)
    ]
    assert numbers(page(desk, "status = SUSPENDED")) == ["SE-LIFE"]
    history = document(run(desk, "se", "license", "history", "C1", "SE-LIFE", "-o", "json"))
    assert [each["change"] for each in history["versions"]] == [
        "issue", "amendment", "extension", "suspension",
    ]  # fmt: skip


def test_pages_of_versions_go_on_and_are_of_one_license(desk: FeedDesk) -> None:
    desk.issue("SE-LONG")
    for version in range(2, 6):
        day = f"2027-06-{version:02}"
        desk.change("SE-LONG", version, extension=submission_pb2.Extension(valid_to=day))
    stub = submission_service_pb2_grpc.SubmissionServiceStub(desk.server.channel("se"))
    listed: list[submission_service_pb2.LicenseVersion] = []
    token = ""
    while True:
        request = submission_service_pb2.ListLicenseVersionsRequest(
            license=messages.license_id("SE-LONG"), page_size=2, page_token=token
        )
        response = stub.ListLicenseVersions(request, timeout=60)
        listed += response.versions
        token = response.next_page_token
        if not token:
            break
        foreign = submission_service_pb2.ListLicenseVersionsRequest(
            license=messages.license_id("SE-01"), page_token=token
        )
        with pytest.raises(grpc.RpcError) as caught:
            stub.ListLicenseVersions(foreign, timeout=60)
        assert refusal(caught.value)[1] == "PAGE_TOKEN_INVALID"
    assert listed == versions(desk, "SE-LONG")
    assert len(listed) == 5


@pytest.mark.parametrize(("number", "caller"), [("SE-99", "se"), ("SE-01", "semarnat")])
def test_versions_of_what_is_not_ones_own_are_unknown(
    desk: FeedDesk, number: str, caller: str
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        versions(desk, number, caller)
    assert refusal(caught.value)[:2] == ("NOT_FOUND", "LICENSE_UNKNOWN")
    with pytest.raises(grpc.RpcError) as caught:
        versions(desk, number, LANE)
    assert refusal(caught.value)[:2] == ("PERMISSION_DENIED", "ROLE_NOT_ALLOWED")


def run(desk: FeedDesk, who: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the command as an identity of the demo."""
    tls = desk.server.world.root / "tls"
    command = [sys.executable, "-m", "descargo_client", *arguments]
    command += ["--server", desk.server.address, "--server-name", "localhost"]
    command += ["--tls-cert", str(tls / f"{who}.pem"), "--tls-key", str(tls / f"{who}.key")]
    command += ["--tls-ca", str(tls / "ca.pem")]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def document(ran: subprocess.CompletedProcess[str]) -> Any:
    """The object that a command wrote."""
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_the_list_command_shows_what_passes(desk: FeedDesk) -> None:
    asked = ("license", "list", "--filter", "status = EXHAUSTED")
    (found,) = document(run(desk, "se", *asked, "-o", "json"))["licenses"]
    assert found["standing"]["license"]["permit_number"] == "SE-02"
    table = run(desk, "se", *asked, "--lang", "en")
    assert table.returncode == 0
    assert "C1 SE-02" in table.stdout
    assert "SE-01" not in table.stdout
    wrong = run(desk, "se", "license", "list", "--filter", "status = lost")
    assert wrong.returncode == 2
    assert "position 10" in wrong.stderr
    assert run(desk, LANE, "license", "list").returncode == 4


def test_the_history_command_names_the_signer(desk: FeedDesk) -> None:
    asked = ("license", "history", "C1", "SE-01")
    (first,) = document(run(desk, "se", *asked, "-o", "json"))["versions"]
    assert first["change"] == "issue"
    assert first["signer"]["rfc"]
    assert first["signed_at"] == "2026-05-12T18:00:00Z"
    shown = run(desk, "se", *asked)
    assert first["signer"]["name"] in shown.stdout


def test_the_watch_command_goes_on_from_its_cursor_file(desk: FeedDesk, tmp_path: Path) -> None:
    kept = tmp_path / "se.cursor"
    asked = ("watch", "--cursor-file", str(kept), "-o", "json")
    first = run(desk, "se", *asked, "--count", "2")
    assert first.returncode == 0, first.stderr
    lines = [json.loads(line) for line in first.stdout.splitlines()]
    assert [line["license"]["permit_number"] for line in lines] == ["SE-01", "SE-02"]
    assert kept.read_text(encoding="ascii").strip() == lines[-1]["cursor"]
    (third,) = run(desk, "se", *asked, "--count", "1").stdout.splitlines()
    assert json.loads(third)["license"]["permit_number"] == "SE-03"
    again = run(desk, "se", "watch", "--since", lines[0]["cursor"], "-o", "json", "--count", "1")
    assert json.loads(again.stdout) == lines[1]
    shown = run(desk, "se", "watch", "--count", "3")
    assert shown.stdout.count("alta") == 3


def test_the_watch_command_says_what_is_wrong(desk: FeedDesk) -> None:
    garbage = run(desk, "se", "watch", "--since", "garbage", "-o", "json")
    assert garbage.returncode == 2
    assert json.loads(garbage.stderr)["error"]["reason"] == "CURSOR_INVALID"
    assert run(desk, LANE, "watch").returncode == 4
    nobody = [sys.executable, "-m", "descargo_client", "watch", "--server", "127.0.0.1:1"]
    nobody += ["--plaintext", "--identity", "se", "--timeout", "1"]
    ran = subprocess.run(nobody, capture_output=True, text=True, check=False, timeout=120)
    assert ran.returncode == 3
