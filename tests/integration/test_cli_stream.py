"""`descargo submit --stream` against a real server: cut, killed, and equal to one by one."""

from __future__ import annotations

import json
import os
import subprocess
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.support import books
from tests.support.cutting_proxy import CuttingProxy
from tests.support.desks import Desk, submission_line
from tests.support.servers import server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.world import World

ITEMS: Final = 200
BAD_EVERY: Final = 25
"""So often a license ends before it begins (E301), and another cannot be read."""
BAD: Final = ITEMS // BAD_EVERY
CUTS: Final = (3_000, 150_000, 20_000, 200_000, 80_000)
"""Bytes between the cuts: within the handshake, within a frame, and beyond one."""
LOOK_AGAIN_S: Final = 0.01
"""How often the state is looked at."""
KILLS: Final = 3
SOME: Final = 20
"""So many more answers are let through before a client is stopped."""
FULL: Final = {
    "total": ITEMS,
    "firma": ITEMS - 2 * BAD,
    "error": BAD,
    "unreadable": BAD,
    "refused": 0,
    "not_sent": 0,
    "errors_by_code": {"E301": BAD},
}


@pytest.fixture
def desk(world: World, tmp_path: Path) -> Iterator[Desk]:
    """A desk with a server that serves."""
    with server(world, tmp_path) as started:
        yield Desk(started, tmp_path)


def _mixed(desk: Desk) -> Path:
    """Good licenses, mistaken ones, unreadable lines."""
    lines: list[str] = []
    for serial in range(ITEMS):
        document: dict[str, Any] = submission_line(f"SE-{serial:05}")
        if serial % BAD_EVERY == 1:
            document["issue"]["valid_to"] = "2026-01-01"
        line = json.dumps(document)
        lines.append(line[:-1] if serial % BAD_EVERY == 2 else line)
    file = desk.folder / "permisos.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


def _state(file: Path) -> Path:
    return file.with_name(f"{file.name}.stream.jsonl")


def _check(desk: Desk, file: Path, report: Any) -> None:
    """Each license once, with what one by one gives too, and nothing left of the stream."""
    assert report["summary"] == FULL
    assert [item["lines"] for item in report["items"]] == [[n] for n in range(1, ITEMS + 1)]
    assert len(books.answers(desk.server.ledger)) == ITEMS - BAD
    assert books.count(desk.server.ledger, "verdict") == ITEMS - BAD
    assert not _state(file).exists()
    # Signed at the same stated instant, the envelopes are the same, so the answers must be.
    file.with_name(f"{file.name}.outbox.jsonl").unlink()
    one_by_one = desk.json("se", 2, "submit", file, *desk.efirma())
    assert one_by_one == report
    books.audit(desk.server.ledger, thorough=True)


def test_a_stream_that_is_cut_ends_as_one_by_one(desk: Desk) -> None:
    file = _mixed(desk)
    with CuttingProxy(desk.server.port, iter(CUTS)) as proxy:
        through = ["--server", proxy.address]
        report = desk.json("se", 2, "submit", file, *desk.efirma(), "--stream", *through)
        assert proxy.cut == len(CUTS)
    _check(desk, file, report)


def test_a_stream_that_is_killed_goes_on_and_repeats_nothing(desk: Desk) -> None:
    file, answers = _mixed(desk), desk.folder / "respuestas.jsonl"
    answers.write_text("an earlier run's\n", encoding="utf-8")
    arguments = ["submit", file, *desk.efirma(), "--stream", "--answers", answers]
    held: list[str] = []
    for _ in range(KILLS):
        with _slow(desk, file, lines=len(held) + BAD + SOME) as process:
            process.kill()
        found = _state(file).read_text(encoding="utf-8").splitlines()
        assert found[: len(held)] == held, "what is kept is not asked for again"
        assert len(held) + SOME <= len(found) <= ITEMS - BAD
        held = found
    changed = file.read_text(encoding="utf-8")
    file.write_text(changed.replace("SE-00199", "SE-90199"), encoding="utf-8")
    written = answers.read_bytes()
    refused = desk.json("se", 2, *arguments)
    assert refused["error"]["key"] == "stream.file_changed"
    assert answers.read_bytes() == written
    file.write_text(changed, encoding="utf-8")
    report = desk.json("se", 2, *arguments)
    lines = [json.loads(line) for line in answers.read_text(encoding="utf-8").splitlines()]
    assert sorted(lines, key=lambda each: each["lines"]) == report["items"]
    _check(desk, file, report)


@contextmanager
def _slow(desk: Desk, file: Path, *, lines: int) -> Iterator[subprocess.Popen[str]]:
    """A client that has written so many lines of answers, and can write few more: nobody reads."""
    pipe = desk.folder / "answers.pipe"
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe)
    command = desk.command("se", "submit", file, *desk.efirma(), "--stream", "--answers", pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True,
        ) as process:  # fmt: skip
            seen = 0
            while seen < lines:
                with suppress(BlockingIOError):
                    seen += os.read(reader, 4_096).count(b"\n")
                assert process.poll() is None, "it ended before"
                time.sleep(LOOK_AGAIN_S)
            yield process
            os.set_blocking(reader, True)
            while os.read(reader, 65_536):
                pass
    finally:
        os.close(reader)


def test_a_terminal_shows_how_far_it_is(desk: Desk) -> None:
    ours, its = os.openpty()
    command = desk.command("se", "submit", _mixed(desk), *desk.efirma(), "--stream")
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    with (
        os.fdopen(ours, "rb", buffering=0) as screen,
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=its, env=environment),
    ):
        os.close(its)
        shown = b""
        # A terminal that nobody writes to any more ends with an error.
        with suppress(OSError):
            while part := screen.read(65_536):
                shown += part
    assert "Enviando permisos" in shown.decode()
    assert f"{ITEMS}/{ITEMS}" in shown.decode()


def test_a_server_that_is_away_is_waited_for(desk: Desk) -> None:
    file = _mixed(desk)
    assert desk.server.stop() == 0
    command = desk.command("se", "submit", file, *desk.efirma(), "--stream", "-o", "json")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        while not _state(file).exists():
            assert process.poll() is None, "it did not wait"
            time.sleep(LOOK_AGAIN_S)
        desk.server.start()
        report = json.loads(process.communicate()[0])
    assert process.returncode == 2
    _check(desk, file, report)
