"""Audits a ledger's file from outside: SQL and arithmetic, none of the product's code.

`audit` raises AssertionError with what does not add up. It reads in one snapshot, so it may run
beside a writer.

All of it happens in a process of its own. A core in the test's process has its own SQLite, and two
of them in one process destroy each other's locks: POSIX drops every lock that a process has on a
file as soon as it closes any descriptor of it.
"""

from __future__ import annotations

import atexit
import multiprocessing
import sqlite3
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from descargo.v1 import license_pb2, verdict_pb2

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["DIMENSIONS", "answers", "audit", "audited_balances", "balances", "count", "recover"]

Row = sqlite3.Row
DIMENSIONS: Final = ("quantity", "usd")


def audit(ledger: Path, *, thorough: bool = False, all_kept: bool = True) -> None:
    """Checks every row against the others; `thorough` also has SQLite check its own pages.

    With `all_kept` no refusal was forgotten, so that no verdict's number may be missing.
    """
    _auditor().submit(_audit, ledger, thorough=thorough, all_kept=all_kept).result()


def balances(ledger: Path) -> dict[tuple[str, int], dict[str, Any]]:
    """Every balance row, with its license's, by permit number and license line."""
    return _auditor().submit(_balances, ledger).result()


def audited_balances(ledger: Path) -> dict[tuple[str, int], dict[str, Any]]:
    """Both at once, for a test that asks after every step."""
    return _auditor().submit(_audited_balances, ledger).result()


def recover(ledger: Path) -> None:
    """Lets plain SQLite put a file in order that its process left in the middle of something."""
    _auditor().submit(_recover, ledger).result()


def count(ledger: Path, table: str) -> int:
    """How many rows a table has."""
    return _auditor().submit(_count, ledger, table).result()


def answers(ledger: Path) -> dict[tuple[str, str], bytes]:
    """The stored answer of every request, by caller and key."""
    return _auditor().submit(_answers, ledger).result()


@cache
def _auditor() -> ProcessPoolExecutor:
    """The process that looks into files; it ends with the tests."""
    # Spawned: a fork would have descriptors and threads of this process.
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(1, mp_context=context)
    atexit.register(executor.shutdown)
    return executor


def _audit(ledger: Path, *, thorough: bool, all_kept: bool) -> None:
    with closing(_open(ledger)) as connection:
        connection.execute("BEGIN")
        if thorough:
            assert [row[0] for row in connection.execute("PRAGMA integrity_check")] == ["ok"]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        _audit_verdicts(connection, all_kept=all_kept)
        _audit_licenses(connection)
        if "stop" in _tables(connection):
            _audit_stops(connection)
        if "license_quarantine" in _tables(connection):
            _audit_doubts(connection)
        _audit_draws(connection)
        connection.execute("ROLLBACK")


def _balances(ledger: Path) -> dict[tuple[str, int], dict[str, Any]]:
    with closing(_open(ledger)) as connection:
        rows = connection.execute("SELECT * FROM balance JOIN license USING (license_id)")
        return {(row["permit_number"], row["license_line_no"]): dict(row) for row in rows}


def _audited_balances(ledger: Path) -> dict[tuple[str, int], dict[str, Any]]:
    _audit(ledger, thorough=False, all_kept=True)
    return _balances(ledger)


def _recover(ledger: Path) -> None:
    with closing(sqlite3.connect(ledger, isolation_level=None)) as connection:
        assert connection.execute("PRAGMA quick_check").fetchone()[0] == "ok"


def _count(ledger: Path, table: str) -> int:
    with closing(_open(ledger)) as connection:
        found: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
        return found


def _answers(ledger: Path) -> dict[tuple[str, str], bytes]:
    with closing(_open(ledger)) as connection:
        rows = connection.execute(
            "SELECT request.caller, request_id, answer FROM request JOIN verdict USING (verdict_no)"
        )
        return {(caller, key): answer for caller, key, answer in rows}


def _open(ledger: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{ledger}?mode=ro", uri=True, isolation_level=None)
    connection.row_factory = sqlite3.Row
    return connection


def _tables(connection: sqlite3.Connection) -> set[str]:
    rows = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
    return {row["name"] for row in rows}


def _audit_verdicts(connection: sqlite3.Connection, *, all_kept: bool) -> None:
    """Numbers grow with time, and a verdict and its requests are always there together."""
    counters = connection.execute("SELECT * FROM ledger").fetchone()
    verdicts = connection.execute("SELECT * FROM verdict ORDER BY verdict_no").fetchall()
    requests = connection.execute("SELECT * FROM request").fetchall()
    numbers = [row["verdict_no"] for row in verdicts]
    instants = [row["decided_at"] for row in verdicts]
    assert instants == sorted(instants), "decided_at goes backwards"
    if numbers:
        assert numbers[-1] == counters["last_verdict_no"]
        assert not all_kept or numbers == list(range(1, numbers[-1] + 1))
        assert instants[-1] == counters["last_decided_at"]
    assert {row["verdict_no"] for row in requests} == set(numbers)
    asked = {(row["caller"], row["request_id"]) for row in requests}
    for row in verdicts:
        answer = verdict_pb2.Answer.FromString(row["answer"])
        assert answer.receipt.payload == answer.verdict.SerializeToString(deterministic=True)
        assert answer.verdict.HasField("error") == bool(row["refused"])
        assert answer.verdict.verdict_id.endswith(f"-{row['verdict_no']:012}")
        assert (row["caller"], answer.verdict.request_id) in asked


def _audit_licenses(connection: sqlite3.Connection) -> None:
    """Movements are numbered 1..n, add up to the balances, and came with a firma."""
    verdicts = dict(connection.execute("SELECT verdict_no, refused FROM verdict").fetchall())
    movements = defaultdict(list)
    for row in connection.execute("SELECT * FROM movement ORDER BY license_id, permit_seq"):
        movements[row["license_id"]].append(row)
        assert verdicts[row["verdict_no"]] == 0, "a movement without firma"
    lines = defaultdict(list)
    for row in connection.execute("SELECT * FROM balance"):
        lines[row["license_id"]].append(row)
    again = _signed_again(connection)
    licenses = connection.execute("SELECT * FROM license").fetchall()
    assert set(movements) == {row["license_id"] for row in licenses}
    for license_row in licenses:
        steps = movements[license_row["license_id"]]
        assert [row["permit_seq"] for row in steps] == list(range(1, license_row["permit_seq"] + 1))
        assert _may_show(steps[-1]["status"], license_row["status"])
        assert license_row["discharge_signature"]
        made = {row["version"] for row in steps if _makes_a_version(row, again)}
        assert made == set(range(1, license_row["version"] + 1)), "a version without movement"
        for line in lines[license_row["license_id"]]:
            _audit_balance(
                line, [row for row in steps if row["license_line_no"] == line["license_line_no"]]
            )
    versions = connection.execute("SELECT * FROM license_version").fetchall()
    assert {(row["license_id"], row["version"]) for row in versions} == {
        (row["license_id"], version) for row in licenses for version in range(1, row["version"] + 1)
    }
    changed = {(row["license_id"], row["version"], row["verdict_no"]) for row in versions}
    assert changed == {
        (row["license_id"], row["version"], row["verdict_no"])
        for steps in movements.values()
        for row in steps
        if _makes_a_version(row, again)
    }


def _signed_again(connection: sqlite3.Connection) -> set[int]:
    """Verdicts that lifted a doubt; their movements make no version."""
    if "license_resigned" not in _tables(connection):
        return set()
    rows = connection.execute("SELECT verdict_no FROM license_resigned")
    return {row["verdict_no"] for row in rows}


def _makes_a_version(row: Row, again: set[int]) -> bool:
    others = {verdict_pb2.MOVEMENT_KIND_COMMIT, verdict_pb2.MOVEMENT_KIND_QUARANTINE}
    return row["kind"] not in others and row["verdict_no"] not in again


def _audit_doubts(connection: sqlite3.Connection) -> None:
    """A license is in quarantine while a version is in doubt, and each doubt has its movement."""
    again = connection.execute("SELECT * FROM license_resigned").fetchall()
    held = connection.execute("SELECT * FROM license_quarantine").fetchall()
    moved = connection.execute("SELECT license_id, verdict_no, kind FROM movement").fetchall()
    kinds = {(row["license_id"], row["verdict_no"]): row["kind"] for row in moved}
    lifted: dict[tuple[int, int], int] = {}
    for row in again:
        assert kinds[row["license_id"], row["verdict_no"]] == verdict_pb2.MOVEMENT_KIND_REINSTATE
        lifted[row["license_id"], row["version"]] = row["verdict_no"]
    doubtful = set()
    for row in held:
        assert kinds[row["license_id"], row["verdict_no"]] == verdict_pb2.MOVEMENT_KIND_QUARANTINE
        if lifted.get((row["license_id"], row["version"]), 0) < row["verdict_no"]:
            doubtful.add(row["license_id"])
    rows = connection.execute("SELECT license_id, status FROM license").fetchall()
    quarantined = license_pb2.LICENSE_STATUS_QUARANTINED
    assert {row["license_id"] for row in rows if row["status"] == quarantined} <= doubtful
    withdrawn = {license_pb2.LICENSE_STATUS_REVOKED, license_pb2.LICENSE_STATUS_CANCELLED}
    for row in rows:
        assert row["license_id"] not in doubtful or row["status"] in {quarantined, *withdrawn}


def _may_show(shown: int, stored: int) -> bool:
    """A movement shows what begins and ends by itself, which no license row says."""
    by_itself = {license_pb2.LICENSE_STATUS_SUSPENDED, license_pb2.LICENSE_STATUS_EXPIRED}
    may_pass = {
        license_pb2.LICENSE_STATUS_AWAITING_NOTIFICATION,
        license_pb2.LICENSE_STATUS_ACTIVE,
        license_pb2.LICENSE_STATUS_EXHAUSTED,
    }
    return shown == stored or (shown in by_itself and stored in may_pass)


def _audit_stops(connection: sqlite3.Connection) -> None:
    """Each stop was made, and ended, by the movement of its version; the counters count them."""
    kinds: dict[tuple[int, int], set[int]] = defaultdict(set)
    again = _signed_again(connection)
    for row in connection.execute("SELECT * FROM movement"):
        if _makes_a_version(row, again):
            kinds[row["license_id"], row["version"]].add(row["kind"])
    still: Counter[int] = Counter()
    for row in connection.execute("SELECT * FROM stop"):
        assert row["kind"] in kinds[row["license_id"], row["version"]]
        if row["ended_by_version"] is None:
            still[row["license_id"]] += 1
        else:
            ending = kinds[row["license_id"], row["ended_by_version"]]
            assert verdict_pb2.MOVEMENT_KIND_REINSTATE in ending
    stopping = {
        verdict_pb2.MOVEMENT_KIND_SUSPEND,
        verdict_pb2.MOVEMENT_KIND_REVOKE,
        verdict_pb2.MOVEMENT_KIND_CANCEL,
    }
    made = sum(len(each & stopping) for each in kinds.values())
    assert made == connection.execute("SELECT count(*) FROM stop").fetchone()[0]
    for row in connection.execute("SELECT license_id, open_stops FROM license"):
        assert row["open_stops"] == still[row["license_id"]]


def _audit_balance(line: Row, steps: list[Row]) -> None:
    """One balance: conserved after each step, and the row is where the last step left it."""
    issue, *others = steps
    assert issue["kind"] == verdict_pb2.MOVEMENT_KIND_ISSUE
    moving = {verdict_pb2.MOVEMENT_KIND_COMMIT, verdict_pb2.MOVEMENT_KIND_AMEND}
    assert all(row["kind"] in moving for row in others)
    for dimension in DIMENSIONS:
        exercised = issue[f"exercised_{dimension}"]
        for number, row in enumerate(steps):
            drawn = row["kind"] == verdict_pb2.MOVEMENT_KIND_COMMIT
            exercised += (row[f"taken_{dimension}"] or 0) if drawn else 0
            authorized = _authorized(line, steps[number:], dimension)
            available = row[f"available_{dimension}"]
            reserved = row[f"reserved_{dimension}"]
            assert row[f"exercised_{dimension}"] == exercised
            assert reserved >= 0
            assert exercised >= 0
            if authorized is None:
                assert available is None
            else:
                assert available >= 0
                assert authorized == available + reserved + exercised
        for part in ("available", "reserved", "exercised"):
            assert line[f"{part}_{dimension}"] == steps[-1][f"{part}_{dimension}"]


def _authorized(line: Row, rest: list[Row], dimension: str) -> int | None:
    """What a line authorized at the first of these steps: until an amendment, what it does at last.

    The step before an amendment tells it by its own sum, which the amendment's difference must fit.
    """
    amended = [row for row in rest[1:] if row["kind"] == verdict_pb2.MOVEMENT_KIND_AMEND]
    granted: int | None = line[f"authorized_{dimension}"]
    for row in amended:
        if granted is None or rest[0][f"available_{dimension}"] is None:
            available = rest[0][f"available_{dimension}"]
            if available is None:
                return None
            return int(available + rest[0][f"exercised_{dimension}"])
        granted -= (row[f"returned_{dimension}"] or 0) - (row[f"taken_{dimension}"] or 0)
    return granted


def _audit_draws(connection: sqlite3.Connection) -> None:
    """Each draw has its movement, and each declaration stands where its last draw put it."""
    taken = connection.execute(
        "SELECT * FROM movement WHERE kind = ?", [verdict_pb2.MOVEMENT_KIND_COMMIT]
    ).fetchall()
    draws = connection.execute("SELECT * FROM draw").fetchall()
    assert Counter(_mark(row, "taken_quantity", "taken_usd") for row in taken) == Counter(
        _mark(row, "quantity", "value_usd") for row in draws
    )
    newest: dict[str, int] = {}
    for row in draws:
        number = row["declaration_number"]
        newest[number] = max(newest.get(number, 0), row["verdict_no"])
    count = Counter(row["declaration_number"] for row in draws)
    positions = connection.execute("SELECT * FROM position").fetchall()
    assert {row["declaration_number"]: row["verdict_no"] for row in positions} == newest
    assert {row["declaration_number"]: row["position_no"] for row in positions} == count


def _mark(row: Row, quantity: str, value_usd: str) -> tuple[int, ...]:
    key = (row["verdict_no"], row["license_id"], row["license_line_no"], row["line_no"])
    return (*key, row[quantity], row[value_usd])
