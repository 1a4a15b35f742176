"""A disk that is full, a ledger that is not one, a deadline that passes in the queue.

The full disk is a limit on file sizes that is put on the running server from outside: the kernel
then refuses its writes as a full disk does, in the middle of a page where the limit falls there.
"""

from __future__ import annotations

import fcntl
import resource
import sqlite3
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING, Final

import pytest

from descargo.v1 import validation_service_pb2
from descargo_client.channel import fault_of
from tests.faults.test_kill import issue_first
from tests.faults.traffic import EXERCISE, OUTCOME, Licenses, outcome_of, raw_call, status_of
from tests.support import books, messages
from tests.support.servers import NotServing, server
from tests.support.world import LANE

import grpc  # isort: skip

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from descargo.v1.verdict_pb2 import Verdict
    from tests.support.servers import Server
    from tests.support.world import World

CALL_MAX_S: Final = 30.0
DEADLINE_S: Final = 0.3
DRAWS_MAX: Final = 2_000
"""So many draws fill any log of committed pages beyond the limits below."""
UNITS: Final = 1_000_000 * 100_000
"""What each license has at first, in the ledger's rows."""


def reason_of(error: grpc.RpcError, live: Server) -> str:
    """The reason in google.rpc.Status."""
    return fault_of(error, live.address).failure.reason


def verdict_of(response: bytes) -> Verdict:
    """The verdict in a response."""
    return validation_service_pb2.ValidateLicenseResponse.FromString(response).answer.verdict


def exercise(licenses: Licenses, serial: int) -> tuple[str, bytes]:
    """Key and bytes of a draw of one unit from the hot license."""
    declaration = messages.declaration(
        messages.license_id(licenses.hot),
        licenses.signatures[licenses.hot],
        number=messages.declaration_number(serial),
    )
    request = messages.validate_request(declaration)
    return request.request_id, request.SerializeToString()


def limit_files(live: Server, size: int | None) -> None:
    """No file of the server may grow beyond `size`; None makes room again."""
    assert live.process is not None
    soft = resource.RLIM_INFINITY if size is None else size
    resource.prlimit(live.process.pid, resource.RLIMIT_FSIZE, (soft, resource.RLIM_INFINITY))


@pytest.mark.parametrize("beyond", [0, 100, 4_096, 30_000])
def test_a_full_disk_is_never_a_firma_and_room_makes_the_same_request_succeed_once(
    beyond: int, world: World, tmp_path: Path
) -> None:
    licenses = Licenses()
    with server(world, tmp_path) as live:
        issue_first(live, licenses)
        call = raw_call(live.channel(LANE), EXERCISE)
        outcome = raw_call(live.channel(LANE), OUTCOME)
        limit_files(live, beyond)
        drawn, (key, content), error = draw_until_refused(call, licenses)
        assert status_of(error) is grpc.StatusCode.UNAVAILABLE
        assert reason_of(error, live) in {"STORE_UNAVAILABLE", "OUTCOME_UNCERTAIN"}
        with pytest.raises(grpc.RpcError) as again:
            call(content, timeout=CALL_MAX_S)
        assert status_of(again.value) is grpc.StatusCode.UNAVAILABLE
        # What was drawn before can be read although nothing can be written.
        assert outcome_of(outcome, drawn[0]) if drawn else True
        with pytest.raises(grpc.RpcError) as unknown:
            outcome_of(outcome, key)
        assert reason_of(unknown.value, live) == "OUTCOME_UNKNOWN"

        limit_files(live, None)
        response = call(content, timeout=CALL_MAX_S)
        assert verdict_of(response).HasField("firma")
        assert call(content, timeout=CALL_MAX_S) == response
        assert outcome_of(outcome, key) == response
        check_drawn(live, licenses, len(drawn) + 1)
        live.kill()
        live.start()
        assert outcome_of(outcome, key) == response
        check_drawn(live, licenses, len(drawn) + 1)


def draw_until_refused(
    call: Callable[..., bytes], licenses: Licenses
) -> tuple[list[str], tuple[str, bytes], grpc.RpcError]:
    """Keys of the draws that succeeded, the first that did not, and how it failed."""
    drawn: list[str] = []
    for serial in range(1, DRAWS_MAX):
        key, content = exercise(licenses, serial)
        try:
            response = call(content, timeout=CALL_MAX_S)
        except grpc.RpcError as error:
            return drawn, (key, content), error
        assert verdict_of(response).HasField("firma")
        drawn.append(key)
    raise AssertionError("the disk never became full")


def check_drawn(live: Server, licenses: Licenses, count: int) -> None:
    """So many units are gone, and every row is right."""
    books.audit(live.ledger, thorough=True)
    row = books.balances(live.ledger)[licenses.hot, 1]
    assert row["available_quantity"] == UNITS - count * 100_000


def test_a_server_with_a_full_disk_starts_again_once_there_is_room(
    world: World, tmp_path: Path
) -> None:
    licenses = Licenses()
    with server(world, tmp_path) as live:
        issue_first(live, licenses)
        call = raw_call(live.channel(LANE), EXERCISE)
        limit_files(live, 0)
        _, (_, content), _ = draw_until_refused(call, licenses)
        # In the middle of it the process dies as well.
        live.kill()
        live.start()
        response = call(content, timeout=CALL_MAX_S, wait_for_ready=True)
        assert verdict_of(response).HasField("firma")
        check_drawn(live, licenses, 1)


def garbage(ledger: Path) -> None:
    """Bytes that are no file of SQLite."""
    ledger.write_bytes(b"no ledger " * 2_000)


def another_program(ledger: Path) -> None:
    """A file of SQLite that somebody else made."""
    ledger.unlink()
    with closing(sqlite3.connect(ledger)) as connection:
        connection.execute("CREATE TABLE invoices (number TEXT)")
        connection.commit()


def newer_schema(ledger: Path) -> None:
    """A ledger of a version that is still to come."""
    with closing(sqlite3.connect(ledger)) as connection:
        connection.execute("PRAGMA user_version = 99")
        connection.commit()


def cut(ledger: Path) -> None:
    """A ledger of which the first pages are left."""
    ledger.write_bytes(ledger.read_bytes()[: 3 * 4_096])


def overwritten(ledger: Path) -> None:
    """A ledger whose first page is right and whose others are garbage."""
    content = ledger.read_bytes()
    ledger.write_bytes(content[:4_096] + b"\xa5" * (len(content) - 4_096))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (garbage, "is not a Descargo ledger; name another file"),
        (another_program, "is not a Descargo ledger; name another file"),
        (newer_schema, "has schema 99"),
        (cut, "restore the last good copy"),
        (overwritten, "restore the last good copy"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_damaged_ledger_stops_the_start_and_is_named_with_a_remedy(
    damage: Callable[[Path], None], said: str, world: World, tmp_path: Path
) -> None:
    with server(world, tmp_path) as live:
        issue_first(live, Licenses())
        assert live.stop() == 0
        # Stopped in order, all is in the one file.
        for suffix in ("-wal", "-shm"):
            live.ledger.with_name(live.ledger.name + suffix).unlink(missing_ok=True)
        books.audit(live.ledger, thorough=True)
        damage(live.ledger)
        content = live.ledger.read_bytes()
        with pytest.raises(NotServing) as refused:
            live.start()
        assert refused.value.code == 2
        assert str(live.ledger) in refused.value.said
        assert said in refused.value.said
        assert live.ledger.read_bytes() == content, "what is left may be all that is left"


def test_a_deadline_that_passes_in_the_queue_draws_nothing(world: World, tmp_path: Path) -> None:
    licenses = Licenses()
    with server(world, tmp_path) as live:
        issue_first(live, licenses)
        channel = live.channel(LANE)
        call, outcome = raw_call(channel, EXERCISE), raw_call(channel, OUTCOME)
        key, content = exercise(licenses, 1)
        _, later = exercise(licenses, 2)
        # Another process that writes to the ledger holds it for long.
        with live.ledger.with_name(f"{live.ledger.name}.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            deadline = time.monotonic() + DEADLINE_S
            with pytest.raises(grpc.RpcError) as late:
                call(content, timeout=DEADLINE_S)
            # The server answers a moment before the deadline; the lock is held until after it.
            threading.Event().wait(max(0, deadline - time.monotonic()) + DEADLINE_S / 10)
        # The server stops waiting when the caller does; who of them says so first is open.
        if status_of(late.value) is not grpc.StatusCode.DEADLINE_EXCEEDED:
            assert reason_of(late.value, live) == "OUTCOME_UNCERTAIN"
        # It was queued before this one, so it has been looked at when this one is answered.
        assert verdict_of(call(later, timeout=CALL_MAX_S)).HasField("firma")
        with pytest.raises(grpc.RpcError) as unknown:
            outcome_of(outcome, key)
        assert reason_of(unknown.value, live) == "OUTCOME_UNKNOWN"
        check_drawn(live, licenses, 1)
        # The key is free still: sent again, it is decided.
        assert verdict_of(call(content, timeout=CALL_MAX_S)).HasField("firma")
        check_drawn(live, licenses, 2)
