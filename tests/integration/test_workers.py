"""Several worker processes behind one port: started, told, killed and stopped as one server."""

from __future__ import annotations

import itertools
import json
import os
import select
import shutil
import signal
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from descargo.v1 import (
    submission_service_pb2,
    submission_service_pb2_grpc,
    validation_service_pb2_grpc,
)
from descargo_server.config.load import load_configuration
from tests.support import messages
from tests.support.feeds import FAST, FeedDesk, lasts, mark
from tests.support.servers import NotServing, server
from tests.support.streams import RawStream, items, opening, reason_of, stream_frame
from tests.support.workers import workers
from tests.support.world import LANE, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.servers import Server
    from tests.support.workers import Workers

PATIENCE_S: Final = 60.0
"""Nothing here takes so long, on the slowest machine."""
LOOK_AGAIN_S: Final = 0.01


@pytest.fixture(scope="module")
def live(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    """Two workers, for tests that leave them as they are."""
    with workers(world, tmp_path_factory.mktemp("workers"), extra_config=FAST) as serving:
        yield serving


@pytest.fixture
def world_copy(world: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The world with files that may be changed."""
    root = tmp_path_factory.mktemp("copy") / "world"
    shutil.copytree(world.root, root)
    return World(root, load_configuration(root / "descargo.toml"))


def until(holds: Callable[[], Any]) -> None:
    """Waits for what another process does; fails when it never does."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, holds
        select.select([], [], [], LOOK_AGAIN_S)


def lines(live: Server, event: str) -> list[dict[str, Any]]:
    """The log's lines of an event."""
    told = [json.loads(line) for line in live.log.splitlines() if line.startswith("{")]
    return [line for line in told if line["event"] == event]


def is_gone(pid: int) -> bool:
    """Whether a process runs no more; one that its parent has not missed yet is a zombie."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:  # noqa: PTH123
            return stat.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_what_one_worker_answers_the_other_repeats(live: Workers) -> None:
    desk = FeedDesk(live.server)
    desk.issue("WK-1")
    request = messages.validate_request(
        messages.declaration(messages.license_id("WK-1"), desk.firmas["WK-1"])
    )
    one, other = (
        validation_service_pb2_grpc.ValidationServiceStub(channel)
        for channel in live.channels(LANE).values()
    )
    answer = one.ValidateLicense(request, timeout=PATIENCE_S).answer
    assert answer.verdict.HasField("firma")
    assert other.ValidateLicense(request, timeout=PATIENCE_S).answer == answer
    outcome = messages.outcome_request(request.request_id)
    assert other.GetOutcome(outcome, timeout=PATIENCE_S).answer == answer


def test_a_stream_goes_on_at_another_worker_and_ends_at_the_first(
    live: Workers, world: World
) -> None:
    name, sent = messages.request_id(), list(items(world, "WKS", 6))
    at_one, at_other = live.channels("se").values()
    one = RawStream(at_one, opening(name))
    assert one.open() == 0
    one.send(stream_frame(1, sent[:3]))
    answered = one.answers(3)
    other = RawStream(at_other, opening(name))
    assert other.open() == 3
    one.send(stream_frame(4, sent[3:4]))
    assert one.ends_with() == ("STREAM_SUPERSEDED", "stream_id")
    # What the first one answered is sent again, and answered with the same bytes.
    other.send(stream_frame(3, sent[2:]))
    again = other.answers(4)
    assert again[0] == answered[2]
    assert all(answer.answer.verdict.HasField("firma") for answer in again)
    other.finish()
    assert other.ends_with() == ("", "")


def test_guesses_are_fewer_at_each_worker(live: Workers) -> None:
    """Five in a minute at one process: two at each of two, so that both give no more than one."""
    desk = FeedDesk(live.server)
    desk.issue("WKG-1")
    guesses = itertools.count(500)
    for channel in live.channels(LANE).values():
        validate = validation_service_pb2_grpc.ValidationServiceStub(channel).ValidateLicense

        def guess(validate: Any = validate) -> list[str]:
            declaration = messages.declaration(
                messages.license_id("WKG-1"),
                "WRONGONE",
                number=messages.declaration_number(next(guesses)),
            )
            answer = validate(messages.validate_request(declaration), timeout=PATIENCE_S).answer
            return [finding.code for finding in answer.verdict.findings]

        assert [guess() for _ in range(2)] == [["N412"]] * 2
        with pytest.raises(grpc.RpcError) as caught:
            guess()
        assert reason_of(caught.value)[0] == "RATE_EXCEEDED"


def test_a_feed_tells_what_the_other_worker_commits(live: Workers) -> None:
    desk = FeedDesk(live.server)
    at_agency, at_lane = live.channels("se"), live.channels(LANE)
    one, other = sorted(at_agency)
    watch = submission_service_pb2_grpc.SubmissionServiceStub(at_agency[one]).WatchExercises
    desk.issue("WKF-1")
    cursor = desk.told()[-1].cursor
    request = submission_service_pb2.WatchExercisesRequest(cursor=cursor)
    events = filter(lasts, watch(request, timeout=PATIENCE_S))
    lane = validation_service_pb2_grpc.ValidationServiceStub(at_lane[other])
    for serial in range(2, 12):
        declaration = messages.declaration(
            messages.license_id("WKF-1"),
            desk.firmas["WKF-1"],
            number=messages.declaration_number(700 + serial),
        )
        lane.ValidateLicense(messages.validate_request(declaration), timeout=PATIENCE_S)
        assert mark(next(events)) == ("movement", "WKF-1", serial)


def test_metrics_tell_the_workers_apart(live: Workers) -> None:
    assert live.value("descargo_workers") == 2
    before = live.samples("descargo_calls_total")
    live.channels("se")
    after = live.samples("descargo_calls_total")
    assert set(after) == {1, 2}
    assert all(after[number] > before.get(number, 0.0) for number in after)


def test_a_second_server_at_the_port_fails_with_a_remedy(
    live: Workers, world: World, tmp_path: Path
) -> None:
    with server(world, tmp_path, extra_config="[server]\nworkers = 2\n", start=False) as second:
        second.port = live.server.port
        with pytest.raises(NotServing, match="stop what listens there") as caught:
            second.start()
    assert caught.value.code == 1
    assert "worker" not in caught.value.said


def test_one_server_at_the_workers_port_fails_too(
    live: Workers, world: World, tmp_path: Path
) -> None:
    with server(world, tmp_path, start=False) as second:
        second.port = live.server.port
        with pytest.raises(NotServing, match="stop what listens there") as caught:
            second.start()
    assert caught.value.code == 1


def test_a_worker_that_dies_is_started_again_while_the_other_answers(
    world: World, tmp_path: Path
) -> None:
    with workers(world, tmp_path) as live:
        desk = FeedDesk(live.server)
        desk.issue("WK-1")
        (dead, alive) = live.pids()
        os.kill(dead, signal.SIGKILL)
        until(lambda: lines(live.server, "a worker has ended"))
        desk.draw("WK-1")
        assert live.server.is_ready
        until(lambda: lines(live.server, "a worker serves again"))
        assert alive in live.pids()
        assert live.value("descargo_worker_restarts_total") == 1
        assert set(live.channels("se")) == {1, 2}
        desk.draw("WK-1")
        assert live.server.stop() == 0
        assert not live.server.is_ready


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_their_parent(
    world: World, tmp_path: Path, number: signal.Signals
) -> None:
    with workers(world, tmp_path) as live:
        FeedDesk(live.server).issue("WK-1")
        process, pids = live.server.process, live.pids()
        assert process is not None
        process.send_signal(number)
        code = process.wait(PATIENCE_S)
        live.server.process = None
        assert code == (-number if number is signal.SIGKILL else 0)
        until(lambda: all(is_gone(pid) for pid in pids))
        assert len(lines(live.server, "stopped")) == (2 if number is signal.SIGKILL else 3)


def test_a_second_signal_ends_the_grace(world: World, tmp_path: Path) -> None:
    with workers(world, tmp_path, extra_config="[limits]\ngrace_s = 600\n") as live:
        process = live.server.process
        assert process is not None
        # A call that does not end by itself.
        watches = [
            health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
            for channel in live.channels("se").values()
        ]
        serving, not_serving = (
            health_pb2.HealthCheckResponse.SERVING,
            health_pb2.HealthCheckResponse.NOT_SERVING,
        )
        assert [next(watch).status for watch in watches] == [serving, serving]
        process.terminate()
        assert [next(watch).status for watch in watches] == [not_serving, not_serving]
        assert process.poll() is None
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
        live.server.process = None


def test_sighup_reaches_every_worker_and_a_bad_file_changes_nothing(
    world_copy: World, tmp_path: Path
) -> None:
    access = world_copy.root / "access.toml"
    whole = access.read_text(encoding="utf-8")
    with workers(world_copy, tmp_path) as live:
        process = live.server.process
        assert process is not None
        channels = live.channels("se")

        def reasons() -> set[str]:
            request = messages.outcome_request(messages.request_id())
            found = set()
            for channel in channels.values():
                stub = validation_service_pb2_grpc.ValidationServiceStub(channel)
                with pytest.raises(grpc.RpcError) as caught:
                    stub.GetOutcome(request, timeout=PATIENCE_S)
                found.add(reason_of(caught.value)[0])
            return found

        def told(event: str) -> int:
            return len([line for line in lines(live.server, event) if "worker" not in line])

        for content, event, expected in [
            ("# nobody\n", "access reloaded", {"IDENTITY_UNKNOWN"}),
            ("nothing = that = is = toml", "access refused, the old one stays",
             {"IDENTITY_UNKNOWN"}),
            (whole, "access reloaded", {"OUTCOME_UNKNOWN"}),
        ]:  # fmt: skip
            before = told(event)
            access.write_text(content, encoding="utf-8")
            process.send_signal(signal.SIGHUP)
            until(partial(later, before, partial(told, event)))
            assert reasons() == expected


def later(before: int, count: Callable[[], int]) -> bool:
    """Whether there are more than before."""
    return count() > before


def test_what_keeps_a_worker_from_starting_ends_the_server_and_is_told_once(
    world: World, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "ledger.sqlite3").write_bytes(b"this is no ledger" * 1000)
    with server(world, tmp_path, extra_config="[server]\nworkers = 3\n", start=False) as live:
        with pytest.raises(NotServing) as caught:
            live.start()
        assert caught.value.code == 2
        assert live.log.count("ledger.sqlite3") == 1
        (told,) = lines(live, "a worker cannot serve")
        assert (told["worker"], told["exit_code"]) == (1, 2)
