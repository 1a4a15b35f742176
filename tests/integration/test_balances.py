"""Balances and the movements that explain them, on a real server: sums, pages, scopes, commands."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import grpc
import pytest

from descargo.v1 import (
    license_pb2,
    submission_pb2,
    submission_service_pb2,
    submission_service_pb2_grpc,
    validation_service_pb2_grpc,
    verdict_pb2,
)
from tests.integration.test_lists import document, refusal, run
from tests.support import messages
from tests.support.feeds import FAST, FeedDesk
from tests.support.servers import server
from tests.support.world import LANE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from descargo.v1.verdict_pb2 import RecordedMovement, Standing
    from tests.support.world import World

DRAWS: Final = ("1", "2.5", "0.00001", "30", "7")


@pytest.fixture(scope="module")
def desk(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FeedDesk]:
    """A license with a life, one of its neighbours, and one of another agency."""
    with server(world, tmp_path_factory.mktemp("balances"), extra_config=FAST) as live:
        prepared = FeedDesk(live)
        prepared.issue("SE-01", lines=2)
        prepared.issue("SE-02")
        prepared.issue_of_semarnat("SN-01")
        for quantity in DRAWS:
            prepared.draw("SE-01", quantity)
        every = license_pb2.Extent(every=True)
        stop = submission_pb2.Stop(lines=every, offices=every, reason="a shipment was found short")
        prepared.change("SE-01", 2, extension=submission_pb2.Extension(valid_to="2027-06-30"))
        prepared.change("SE-01", 3, suspension=stop)
        yield prepared


def stub_of(desk: FeedDesk, caller: str) -> submission_service_pb2_grpc.SubmissionServiceStub:
    """What a caller calls."""
    return submission_service_pb2_grpc.SubmissionServiceStub(desk.server.channel(caller))


def balances(
    desk: FeedDesk, number: str = "", declaration: str = "", caller: str = "se"
) -> Sequence[Standing]:
    """Where a license stands, or the licenses of a declaration."""
    request = submission_service_pb2.GetBalanceRequest()
    if declaration:
        request.declaration_number = declaration
    else:
        request.license.CopyFrom(messages.license_id(number))
    return stub_of(desk, caller).GetBalance(request, timeout=60).standings


def movements(
    desk: FeedDesk, number: str = "", declaration: str = "", caller: str = "se", size: int = 1_000
) -> list[RecordedMovement]:
    """All movements, page after page."""
    request = submission_service_pb2.ListMovementsRequest(page_size=size)
    if declaration:
        request.declaration_number = declaration
    else:
        request.license.CopyFrom(messages.license_id(number))
    listed: list[RecordedMovement] = []
    while True:
        page = stub_of(desk, caller).ListMovements(request, timeout=60)
        assert len(page.movements) <= size
        listed += page.movements
        request.page_token = page.next_page_token
        if not request.page_token:
            return listed


def declared(desk: FeedDesk, number: str = "SE-01") -> list[str]:
    """The declarations that drew from a license."""
    listed = [each.position.declaration_number for each in movements(desk, number)]
    return [each for each in listed if each]


def test_every_balance_is_the_sum_of_its_movements(desk: FeedDesk) -> None:
    (standing,) = balances(desk, "SE-01")
    left: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
    exercised: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
    for each in movements(desk, "SE-01"):
        moved = each.movement
        for dimension in ("quantity", "value_usd"):
            at = (moved.license_line_no, dimension)
            taken = Decimal(getattr(moved.taken, dimension) or 0)
            left[at] += Decimal(getattr(moved.returned, dimension) or 0) - taken
            if moved.kind == verdict_pb2.MOVEMENT_KIND_COMMIT:
                exercised[at] += taken
    assert len(standing.balances) == 2
    for balance in standing.balances:
        for dimension in ("quantity", "value_usd"):
            at = (balance.license_line_no, dimension)
            assert Decimal(getattr(balance.exercised, dimension) or 0) == exercised[at]
            if getattr(balance.available, dimension):
                assert Decimal(getattr(balance.available, dimension)) == left[at]
    assert sum(map(Decimal, DRAWS)) == exercised[1, "quantity"]


def test_movements_are_those_of_the_feed_with_reason_and_without_gap(desk: FeedDesk) -> None:
    listed = movements(desk, "SE-01")
    told = [event.movement for event in desk.told() if event.HasField("movement")]
    assert listed == [each for each in told if each.movement.license.permit_number == "SE-01"]
    assert [each.movement.permit_seq for each in listed] == list(range(1, len(listed) + 1))
    assert listed[-1].reason == "a shipment was found short"
    assert {each.caller for each in listed} == {"se", LANE}
    (standing,) = balances(desk, "SE-01")
    assert standing.permit_seq == len(listed)
    assert standing.status == license_pb2.LICENSE_STATUS_SUSPENDED


@pytest.mark.parametrize("size", [1, 2, 3, 1_000])
def test_pages_give_each_movement_once(desk: FeedDesk, size: int) -> None:
    assert movements(desk, "SE-01", size=size) == movements(desk, "SE-01")


def test_a_page_stays_true_while_movements_are_added(desk: FeedDesk) -> None:
    desk.issue("SE-GROWS")
    desk.draw("SE-GROWS")
    request = submission_service_pb2.ListMovementsRequest(
        license=messages.license_id("SE-GROWS"), page_size=1
    )
    listed: list[int] = []
    for _ in range(5):
        page = stub_of(desk, "se").ListMovements(request, timeout=60)
        listed += [each.movement.permit_seq for each in page.movements]
        request.page_token = page.next_page_token
        if not request.page_token:
            break
        desk.draw("SE-GROWS")
    assert listed == [1, 2, 3, 4, 5]


def test_a_declaration_has_its_own_movements_and_licenses(desk: FeedDesk) -> None:
    numbers = declared(desk)
    assert len(numbers) == len(DRAWS) == len(set(numbers))
    for number, quantity in zip(numbers, DRAWS, strict=True):
        (only,) = movements(desk, declaration=number)
        assert only.movement.taken.quantity == quantity
        assert only.position.declaration_number == number
        assert [each.license.permit_number for each in balances(desk, declaration=number)] == [
            "SE-01"
        ]


def test_a_declaration_that_drew_line_by_line_has_all_its_movements(desk: FeedDesk) -> None:
    number = messages.declaration_number(900_001)
    stub = validation_service_pb2_grpc.ValidationServiceStub(desk.server.channel(LANE))
    for name, line_no in (("SE-02", 1), ("SN-01", 2), ("SE-02", 3)):
        agency, key = ("SEMARNAT", "T3") if name == "SN-01" else ("SE", "C1")
        stated = messages.declaration(
            messages.license_id(name, agency=agency, permit_key=key),
            desk.firmas[name],
            number=number,
            line_no=line_no,
            quantity="1",
        )
        answer = stub.ValidateLicense(messages.validate_request(stated), timeout=60).answer
        assert answer.verdict.HasField("firma"), answer.verdict
    everything = movements(desk, declaration=number, caller="auditor", size=2)
    assert [each.movement.line_no for each in everything] == [1, 2, 3]
    assert [each.position.position_no for each in everything] == [1, 2, 3]
    own = movements(desk, declaration=number, size=1)
    assert [each.movement.line_no for each in own] == [1, 3]
    theirs = movements(desk, declaration=number, caller="semarnat")
    assert [each.movement.line_no for each in theirs] == [2]
    standings = balances(desk, declaration=number, caller="coordinator")
    assert [each.license.permit_number for each in standings] == ["SE-02", "SN-01"]
    assert [each.license.permit_number for each in balances(desk, declaration=number)] == ["SE-02"]


def test_what_is_not_ones_own_is_unknown(desk: FeedDesk) -> None:
    for read in (balances, movements):
        for number, caller in (("SE-99", "se"), ("SE-01", "semarnat")):
            with pytest.raises(grpc.RpcError) as caught:
                read(desk, number, caller=caller)
            assert refusal(caught.value)[:2] == ("NOT_FOUND", "LICENSE_UNKNOWN")
        with pytest.raises(grpc.RpcError) as caught:
            read(desk, "SE-01", caller=LANE)
        assert refusal(caught.value)[:2] == ("PERMISSION_DENIED", "ROLE_NOT_ALLOWED")
        # Whether another agency's declaration exists is not told either.
        assert list(read(desk, declaration=declared(desk)[0], caller="semarnat")) == []
        assert list(read(desk, declaration="269999990000001")) == []


@pytest.mark.parametrize("number", ["1", "26401612600012", "2640161260001234", "26401612600012A"])
def test_a_declaration_number_is_fifteen_digits(desk: FeedDesk, number: str) -> None:
    for read in (balances, movements):
        with pytest.raises(grpc.RpcError) as caught:
            read(desk, declaration=number)
        status, reason, fields = refusal(caught.value)
        assert (status, reason) == ("INVALID_ARGUMENT", "FIELD_INVALID")
        assert "declaration_number" in fields


def test_a_page_token_is_good_for_its_question_alone(desk: FeedDesk) -> None:
    request = submission_service_pb2.ListMovementsRequest(
        license=messages.license_id("SE-01"), page_size=2
    )
    token = stub_of(desk, "se").ListMovements(request, timeout=60).next_page_token
    other = submission_service_pb2.ListMovementsRequest(
        license=messages.license_id("SE-02"), page_token=token
    )
    declaration = submission_service_pb2.ListMovementsRequest(
        declaration_number=declared(desk)[0], page_token=token
    )
    same = submission_service_pb2.ListMovementsRequest(
        license=messages.license_id("SE-01"), page_token=token
    )
    for caller, asked in (("se", other), ("se", declaration), ("auditor", same)):
        with pytest.raises(grpc.RpcError) as caught:
            stub_of(desk, caller).ListMovements(asked, timeout=60)
        assert refusal(caught.value)[:2] == ("INVALID_ARGUMENT", "PAGE_TOKEN_INVALID")
    same.page_size = 1_001
    with pytest.raises(grpc.RpcError) as caught:
        stub_of(desk, "se").ListMovements(same, timeout=60)
    assert refusal(caught.value)[1] == "FIELD_INVALID"


def test_the_commands_show_what_is_left_and_why(desk: FeedDesk) -> None:
    (standing,) = document(run(desk, "se", "license", "balance", "C1", "SE-02", "-o", "json"))[
        "standings"
    ]
    assert standing["license"]["permit_number"] == "SE-02"
    number = declared(desk)[0]
    asked = ("license", "movements", "--declaration", number)
    (only,) = document(run(desk, "se", *asked, "-o", "json"))["movements"]
    assert only["position"]["declaration_number"] == number
    assert only["caller"] == LANE
    shown = run(desk, "se", "license", "movements", "C1", "SE-01", "--lang", "en")
    assert shown.returncode == 0, shown.stderr
    assert "a shipment was found short" in shown.stdout
    table = run(desk, "se", "license", "balance", "--declaration", number, "--lang", "en")
    assert "C1 SE-01" in table.stdout
    for wrong in ((), ("C1",), ("C1", "SE-01", "--declaration", number)):
        assert run(desk, "se", "license", "balance", *wrong).returncode == 2
