"""The feed of an agency, on a real server: whole, in order, from every cursor, through kills."""

from __future__ import annotations

import itertools
import random
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import grpc
import pytest

from descargo.v1 import license_pb2, submission_service_pb2, verdict_pb2
from descargo_client.channel import Channel, fault_of
from descargo_client.watch import Watch
from tests.support import messages
from tests.support.feeds import FAST, FeedDesk, lasts, mark
from tests.support.servers import server
from tests.support.world import LANE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from descargo.v1.submission_service_pb2 import WatchExercisesResponse
    from descargo_client.faults import CallFault
    from tests.support.world import World

KILLS = 20


@pytest.fixture
def desk(world: World, tmp_path: Path) -> Iterator[FeedDesk]:
    """Two licenses of SE and one of SEMARNAT, with draws that cross every mark of use."""
    with server(world, tmp_path, extra_config=FAST) as live:
        prepared = FeedDesk(live)
        prepared.issue("SE-1")
        prepared.issue_of_semarnat("SN-1")
        prepared.issue("SE-2", lines=2)
        for number, quantity in [
            ("SE-1", "79.99999"), ("SE-2", "1"), ("SE-1", "0.00001"), ("SE-1", "1"),
            ("SE-1", "19"), ("SE-2", "99"),
        ]:  # fmt: skip
            prepared.draw(number, quantity)
        yield prepared


EXPECTED = [
    ("movement", "SE-1", 1),
    ("movement", "SE-2", 1),
    ("movement", "SE-2", 2),
    ("movement", "SE-1", 2),
    ("movement", "SE-2", 3),
    ("movement", "SE-1", 3),
    ("alert", "SE-1", 80),
    ("movement", "SE-1", 4),
    ("movement", "SE-1", 5),
    ("alert", "SE-1", 95),
    ("alert", "SE-1", 100),
    ("movement", "SE-2", 4),
    ("alert", "SE-2", 80),
    ("alert", "SE-2", 95),
    ("alert", "SE-2", 100),
]
"""The feed of SE: the first mark exactly at 80 %, the others skipped over by one draw."""


def test_the_feed_is_the_movement_table_with_receipts(desk: FeedDesk) -> None:
    events = desk.told()
    assert [mark(event) for event in events] == EXPECTED
    movements = [event for event in events if event.HasField("movement")]
    assert [
        (
            event.movement.movement.license.permit_number,
            event.movement.movement.permit_seq,
            event.movement.verdict_id.rpartition("-")[2],
        )
        for event in movements
    ] == desk.movements()
    for event in movements:
        recorded = event.movement
        verdict = verdict_pb2.Verdict.FromString(event.receipt.payload)
        assert recorded.movement in verdict.firma.movements
        assert recorded.verdict_id == verdict.verdict_id
        assert recorded.decided_at == verdict.decided_at
        is_draw = recorded.movement.kind == verdict_pb2.MOVEMENT_KIND_COMMIT
        assert recorded.caller == (LANE if is_draw else "se")
        assert recorded.HasField("position") == is_draw
    last = next(event for event in reversed(movements))
    assert last.movement.movement.balance_after.available.quantity == "0"


def test_every_cursor_gives_exactly_the_rest(desk: FeedDesk) -> None:
    events = desk.told()
    cursors = [event.cursor for event in events]
    assert len(set(cursors)) == len(cursors)
    for at, cursor in enumerate(cursors):
        assert desk.told(cursor) == events[at + 1 :]


def test_cursors_hold_across_a_restart_and_a_kill(desk: FeedDesk) -> None:
    events = desk.told()
    middle = len(events) // 2
    desk.server.stop()
    desk.server.start()
    assert desk.told(events[middle].cursor) == events[middle + 1 :]
    desk.server.kill()
    desk.server.start()
    assert desk.told(events[middle].cursor) == events[middle + 1 :]
    assert desk.told() == events


def test_a_movement_is_told_live_to_every_watcher_and_to_no_other_agency(desk: FeedDesk) -> None:
    feeds = [desk.watch() for _ in range(2)]
    for feed in feeds:
        until_heartbeat(feed)
    other = desk.watch(agency="semarnat")
    seen = [mark(event) for event in until_heartbeat(other) if lasts(event)]
    assert seen == [("movement", "SN-1", 1)]
    desk.issue("SE-3")
    desk.issue_of_semarnat("SN-2")
    desk.draw("SE-3", "5")
    expected = [("movement", "SE-3", 1), ("movement", "SE-3", 2)]
    for feed in feeds:
        assert [mark(event) for event in itertools.islice(movements_of(feed), 2)] == expected
    assert mark(next(movements_of(other))) == ("movement", "SN-2", 1)
    assert [mark(event)[1] for event in desk.told(agency="semarnat")] == ["SN-1", "SN-2"]
    assert desk.told(agency="sedena") == []


def test_a_hub_is_told_of_all_that_it_is_listed_for_and_of_nothing_else(desk: FeedDesk) -> None:
    content = messages.license_content()
    content.instrument_kind = license_pb2.INSTRUMENT_KIND_AUTOMATIC_NOTICE
    notice = messages.license_submission("SE-AV", permit_key="AV", content=content)
    assert desk.submit(notice).verdict.HasField("firma")
    events = desk.told(agency="vucem")
    of_both = {mark(event)[1] for event in events}
    assert of_both == {"SE-1", "SE-2", "SN-1"}, "SE's keys are C1 alone"
    assert [e.cursor for e in events] == list(dict.fromkeys(e.cursor for e in events))
    middle = len(events) // 2
    assert desk.told(events[middle].cursor, agency="vucem") == events[middle + 1 :]
    # A cursor belongs to the list of agencies that it was given for.
    for cursor, agency in ((desk.told()[0].cursor, "vucem"), (events[0].cursor, "se")):
        refused = failure(lambda at=cursor, who=agency: desk.told(at, agency=who))  # type: ignore[misc]
        assert refused == ("INVALID_ARGUMENT", "CURSOR_INVALID")


def test_a_silent_feed_beats_with_a_cursor_that_goes_on(desk: FeedDesk) -> None:
    beats = list(itertools.islice((e for e in desk.watch() if e.HasField("heartbeat")), 3))
    desk.issue("SE-9")
    assert [mark(event) for event in desk.told(beats[-1].cursor)] == [("movement", "SE-9", 1)]
    # An agency without movements gets a cursor beyond those of the others.
    empty = next(desk.watch(agency="sedena"))
    assert empty.HasField("heartbeat")
    assert desk.told(empty.cursor, agency="sedena") == []


@pytest.mark.parametrize(
    "cursor",
    ["garbage", "-", "1.1.1.1-AAAAAAAA", "ñ", "0", " ", "f" * 200],
)
def test_a_cursor_that_is_none_is_refused(desk: FeedDesk, cursor: str) -> None:
    assert failure(lambda: desk.told(cursor)) == ("INVALID_ARGUMENT", "CURSOR_INVALID")


def test_a_cursor_of_another_agency_is_refused(desk: FeedDesk) -> None:
    foreign = desk.told(agency="semarnat")[0].cursor
    assert failure(lambda: desk.told(foreign)) == ("INVALID_ARGUMENT", "CURSOR_INVALID")
    changed = desk.told()[0].cursor.replace("1", "2", 1)
    assert failure(lambda: desk.told(changed)) == ("INVALID_ARGUMENT", "CURSOR_INVALID")


def test_a_cursor_of_another_ledger_is_refused(
    world: World, desk: FeedDesk, tmp_path: Path
) -> None:
    foreign = desk.told()[0].cursor
    folder = tmp_path / "second"
    folder.mkdir()
    with server(world, folder, extra_config=FAST) as live:
        second = FeedDesk(live)
        second.issue("SE-1")
        assert failure(lambda: second.told(foreign)) == ("INVALID_ARGUMENT", "CURSOR_INVALID")


def test_only_agencies_watch(desk: FeedDesk) -> None:
    for caller in (LANE, "broker"):
        refused = failure(lambda who=caller: desk.told(agency=who))  # type: ignore[misc]
        assert refused == ("PERMISSION_DENIED", "ROLE_NOT_ALLOWED")


def test_a_stopping_server_tells_its_watchers_so(desk: FeedDesk) -> None:
    feed = desk.watch()
    until_heartbeat(feed)
    stopped = threading.Thread(target=desk.server.stop)
    stopped.start()
    assert failure(lambda: list(feed)) == ("UNAVAILABLE", "DRAINING")
    stopped.join()


def test_an_identity_has_so_many_feeds_and_no_more(desk: FeedDesk) -> None:
    feeds = [desk.watch() for _ in range(16)]
    for feed in feeds:
        next(feed)
    assert failure(desk.told) == ("RESOURCE_EXHAUSTED", "LIMIT_EXCEEDED")


def test_a_reader_that_stalls_is_given_up_and_goes_on_from_its_cursor(desk: FeedDesk) -> None:
    # Receipts of 500 lines: more than any buffer on the way holds.
    desk.issue("SE-BIG", lines=500)
    feed = desk.watch()
    first = next(feed)
    threading.Event().wait(3.0)
    seen = [first]
    with pytest.raises(grpc.RpcError) as caught:
        seen.extend(feed)
    fault = fault_of(caught.value, "")
    assert (fault.failure.status, fault.reason) == ("RESOURCE_EXHAUSTED", "READER_STALLED")
    rest = desk.told(seen[-1].cursor)
    assert rest
    numbers = [mark(event) for event in seen + rest if mark(event)[1] == "SE-BIG"]
    assert numbers == [("movement", "SE-BIG", seq) for seq in range(1, 501)]


def test_a_client_follows_through_kills_without_gap_or_repetition(
    world: World, desk: FeedDesk
) -> None:
    dice = random.Random("feed kills")  # noqa: S311 - a test's dice
    desk.issue("SE-K", quantity="1000000")
    breaks: list[CallFault] = []
    seen: list[WatchExercisesResponse] = []
    done = threading.Event()
    with Channel(world.connection("se", desk.server.address)) as channel:
        watch = Watch(channel, on_break=breaks.append)

        def follow() -> None:
            for event in watch.events():
                if lasts(event):
                    seen.append(event)
                if mark(event)[1] == "SE-END":
                    break
            done.set()

        follower = threading.Thread(target=follow, daemon=True)
        follower.start()
        for _ in range(KILLS):
            for _ in range(dice.randint(1, 12)):
                desk.draw("SE-K")
            desk.server.kill()
            desk.server.start()
        desk.issue("SE-END")
        assert done.wait(120)
    assert breaks, "no kill was noticed"
    marks = [mark(event) for event in seen]
    assert marks == [mark(event) for event in desk.told()]
    told = [(number, seq) for kind, number, seq in marks if kind == "movement"]
    assert told == [(number, seq) for number, seq, _ in desk.movements()]


def test_a_movement_of_another_process_is_told(world: World, desk: FeedDesk) -> None:
    """Two servers on one ledger: what the one commits, the other tells by its own look."""
    feed = desk.watch()
    until_heartbeat(feed)
    folder = desk.server.folder / "second"
    folder.mkdir()
    (folder / "data").symlink_to(desk.server.folder / "data")
    with server(world, folder, start=False) as second:
        second.start()
        FeedDesk(second).issue("SE-OTHER")
        assert mark(next(movements_of(feed))) == ("movement", "SE-OTHER", 1)


def test_a_request_with_an_unknown_field_is_refused(desk: FeedDesk) -> None:
    call: grpc.UnaryStreamMultiCallable[bytes, submission_service_pb2.WatchExercisesResponse] = (
        desk.server.channel("se").unary_stream(
            "/descargo.v1.SubmissionService/WatchExercises",
            response_deserializer=submission_service_pb2.WatchExercisesResponse.FromString,
        )
    )
    refused = failure(lambda: list(call(b"\x78\x01", timeout=30)))
    assert refused == ("INVALID_ARGUMENT", "FIELD_UNKNOWN")


def test_an_onboarded_license_tells_its_marks_with_its_first_movement(desk: FeedDesk) -> None:
    before = desk.told()
    submission = messages.onboarding_submission("SE-OLD", left={1: messages.amount("40")})
    assert desk.submit(submission).verdict.HasField("firma")
    assert [mark(event) for event in desk.told(before[-1].cursor)] == [
        ("movement", "SE-OLD", 1),
        ("alert", "SE-OLD", 80),
        ("alert", "SE-OLD", 95),
    ]


def test_a_day_brings_its_alerts_once_to_each_feed(world: World, tmp_path: Path) -> None:
    soon, later = "2026-06-11", "2026-12-31"
    with server(world, tmp_path, extra_config=FAST) as live:
        desk = FeedDesk(live)
        for number, last_day in [("SE-SOON", soon), ("SE-LATER", later), ("SE-EMPTY", soon)]:
            desk.issue(number, "300", valid_to=last_day)
        desk.draw("SE-LATER", "60")
        desk.draw("SE-EMPTY", "300")
        # 60 in a first week: the other 240 last 28 days. What is used up expires without a word.
        first_day = [("EXHAUSTION", "SE-LATER", "2026-06-09"), ("EXPIRY", "SE-SOON", soon)]
        assert day_alerts(desk.until_heartbeat()) == first_day
        feed = desk.watch()
        assert day_alerts(until_heartbeat(feed)) == first_day
        assert day_alerts(until_heartbeat(feed)) == []
        # The last instant of the day in Mexico City, and the first of the next.
        live.clock.set(datetime(2026, 5, 13, 5, 59, 59, tzinfo=UTC))
        assert day_alerts(beats(feed, 3)) == []
        live.clock.set(datetime(2026, 5, 13, 6, 0, 0, tzinfo=UTC))
        next_day = [("EXHAUSTION", "SE-LATER", "2026-06-10"), ("EXPIRY", "SE-SOON", soon)]
        assert day_alerts(beats(feed, 3)) == next_day
        # After a month the draw is no pace any more; then the last day has passed.
        live.clock.set(datetime(2026, 6, 11, 18, 30, tzinfo=UTC))
        assert day_alerts(beats(feed, 3)) == [("EXPIRY", "SE-SOON", soon)]
        live.clock.set(datetime(2026, 6, 12, 18, 30, tzinfo=UTC))
        assert day_alerts(beats(feed, 3)) == []
        assert [mark(event) for event in desk.told()] == [
            ("movement", "SE-SOON", 1), ("movement", "SE-LATER", 1), ("movement", "SE-EMPTY", 1),
            ("movement", "SE-LATER", 2), ("movement", "SE-EMPTY", 2),
            ("alert", "SE-EMPTY", 80), ("alert", "SE-EMPTY", 95), ("alert", "SE-EMPTY", 100),
        ]  # fmt: skip


@pytest.mark.parametrize(("days", "told"), [(49, False), (50, True)])
def test_the_days_of_an_expiry_alert_are_policy(
    world: World, tmp_path: Path, days: int, told: bool
) -> None:
    config = f"{FAST}[policy]\nalert_expiry_days = {days}\n"
    with server(world, tmp_path, extra_config=config) as live:
        desk = FeedDesk(live)
        desk.issue("SE-1", valid_to="2026-07-01")
        assert bool(day_alerts(desk.until_heartbeat())) is told


def test_a_hub_is_told_the_days_alerts_of_each_of_its_agencies(
    world: World, tmp_path: Path
) -> None:
    with server(world, tmp_path, extra_config=f"{FAST}[policy]\nalert_expiry_days = 50\n") as live:
        desk = FeedDesk(live)
        desk.issue("SE-1", valid_to="2026-07-01")
        desk.issue_of_semarnat("SN-1", valid_to="2026-06-30")
        told = day_alerts(desk.until_heartbeat(agency="vucem"))
        assert told == [("EXPIRY", "SE-1", "2026-07-01"), ("EXPIRY", "SN-1", "2026-06-30")]


def day_alerts(events: list[WatchExercisesResponse]) -> list[tuple[str, str, str]]:
    """Kind, number and day of the alerts that a day brought."""
    kinds = submission_service_pb2.AlertKind
    return [
        (
            kinds.Name(event.alert.kind).removeprefix("ALERT_KIND_"),
            event.alert.license.permit_number,
            event.alert.on_date,
        )
        for event in events
        if event.HasField("alert") and not lasts(event)
    ]


def beats(feed: Iterator[WatchExercisesResponse], count: int) -> list[WatchExercisesResponse]:
    """What comes before the heartbeat of that number: the server looks once a second."""
    return [event for _ in range(count) for event in until_heartbeat(feed)]


def until_heartbeat(feed: Iterator[WatchExercisesResponse]) -> list[WatchExercisesResponse]:
    """What comes before the next heartbeat; the feed stays open."""
    return list(itertools.takewhile(lambda event: not event.HasField("heartbeat"), feed))


def movements_of(feed: Iterator[WatchExercisesResponse]) -> Iterator[WatchExercisesResponse]:
    """The movements of an open feed."""
    return (event for event in feed if event.HasField("movement"))


def failure(call: Callable[[], object]) -> tuple[str, str]:
    """Status and reason of a call that must fail."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    fault = fault_of(caught.value, "")
    return fault.failure.status, fault.reason
