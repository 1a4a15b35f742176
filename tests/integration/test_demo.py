"""`descargo-server demo` as people run it: in a pipe, on a terminal, twice, interrupted, killed."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import signal
import socket
import string
import subprocess
import sys
import termios
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from descargo_server.demo.cable import Cable
from descargo_server.demo.texts import LANGUAGES, Texts, catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = Path(sys.executable).parent / "descargo-server"
CLIENT = Path(sys.executable).parent / "descargo"
PATIENCE_S = 60
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
PORT = re.compile(r"127\.0\.0\.1:(\d+)")
TAKE_TERMINAL = (
    # A run in the background ignores Ctrl-C and a closed terminal, and so would what it starts.
    "import fcntl, os, signal, sys, termios;"
    "signal.signal(signal.SIGINT, signal.SIG_DFL);"
    "signal.signal(signal.SIGHUP, signal.SIG_DFL);"
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    "os.execv(sys.argv[1], sys.argv[1:])"
)


def environment(**further: str) -> dict[str, str]:
    """A terminal that knows nothing of our environment."""
    home = os.environ.get("HOME", "/")
    return {"PATH": "/usr/bin:/bin", "HOME": home, "LANG": "C.UTF-8", "TERM": "xterm"} | further


def run_once(cwd: Path, *options: str, columns: int = 80) -> subprocess.CompletedProcess[str]:
    """Runs the demo without a terminal."""
    return subprocess.run(
        [PROGRAM, "demo", *options],
        cwd=cwd,
        env=environment(COLUMNS=str(columns)),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def children_of(pid: int) -> list[int]:
    """Processes that a process started."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


class Watch:
    """Waits for the end of a process that is not our child."""

    def __init__(self, pid: int) -> None:
        """Takes hold of it while it lives."""
        self.pid = pid
        self._handle = os.pidfd_open(pid)

    def ended(self, within_s: float = PATIENCE_S) -> bool:
        """Whether it has ended, or ends within the time."""
        return bool(select.select([self._handle], [], [], within_s)[0])

    def close(self) -> None:
        """Lets go of it."""
        os.close(self._handle)


@dataclass
class Terminal:
    """The demo on a terminal of its own, as its foreground process."""

    process: subprocess.Popen[bytes]
    master: int
    shown: str = ""

    def read_until(self, text: str) -> str:
        """What was shown, once it has the text."""
        deadline = time.monotonic() + PATIENCE_S
        while text not in self.shown:
            left = deadline - time.monotonic()
            assert left > 0, self.shown
            if not select.select([self.master], [], [], left)[0]:
                continue
            try:
                read = os.read(self.master, 65536)
            except OSError:
                read = b""
            assert read, self.shown
            self.shown = ESCAPE.sub("", self.shown + read.decode()).replace("\r", "")
        return self.shown

    def press_ctrl_c(self) -> None:
        """As a person does it."""
        os.write(self.master, b"\x03")

    def server(self) -> Watch:
        """The demo's only child."""
        (child,) = children_of(self.process.pid)
        return Watch(child)


@contextlib.contextmanager
def terminal(cwd: Path, *options: str, columns: int = 100) -> Iterator[Terminal]:
    """Runs the demo on a new terminal; whatever happens, it is ended."""
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (50, columns))
    process = subprocess.Popen(
        [sys.executable, "-c", TAKE_TERMINAL, str(PROGRAM), "demo", *options],
        cwd=cwd,
        env=environment(),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        # Its server ends with it, which has a test of its own.
        process.kill()
        process.wait()
        os.close(master)


def commands_in(shown: str) -> list[str]:
    """Each printed command as a shell reads it: lines that begin with one of our programs."""
    commands = re.findall(r"^  (\S*/descargo(?:-server)? (?:.*\\\n)*.*)$", shown, re.MULTILINE)
    return [str(command) for command in commands]


@pytest.fixture(scope="module", params=LANGUAGES)
def ended_run(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Texts, subprocess.CompletedProcess[str]]:
    """A run in each language, looked at by several tests."""
    language = str(request.param)
    return Texts(language), run_once(tmp_path_factory.mktemp("demo"), "--lang", language)


def test_a_run_without_terminal_shows_every_part_and_ends(
    ended_run: tuple[Texts, subprocess.CompletedProcess[str]],
) -> None:
    texts, run = ended_run
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stderr == ""
    for key in ("issue", "exercise", "forge", "correct", "agency", "prove", "hand"):
        assert texts.say(f"section_{key}") in run.stdout
    for code in ("N424", "N425", "N421", "F503", "F501", "S105", "C205", "C207", "E301", "E304"):
        assert code in run.stdout
    assert "N419" in run.stdout
    assert " 0 kg" in run.stdout
    assert next(each.split()[1] for each in commands_in(run.stdout)) == "serve"


def test_tables_fit_80_columns(
    ended_run: tuple[Texts, subprocess.CompletedProcess[str]],
) -> None:
    texts, run = ended_run
    before_proof = run.stdout[: run.stdout.index(texts.say("section_prove"))]
    assert max(len(line) for line in before_proof.splitlines()) == 80
    assert "…" not in run.stdout
    codes = re.findall(r"acuse\s+[0-9A-Z]{8}\b", run.stdout)
    assert len(codes) == 8
    assert all("\n" not in each for each in codes), "a code stands on the line of its word"


def figures_of(run: subprocess.CompletedProcess[str]) -> dict[str, int]:
    """The figure at the end of each row that tells of the stream, by the row's number."""
    rows = re.findall(r"^(5\.[1-4]) .*? (\d+) *$", run.stdout, re.MULTILINE)
    return {number: int(figure) for number, figure in rows}


def test_a_stream_that_is_cut_is_answered_once_in_all(
    ended_run: tuple[Texts, subprocess.CompletedProcess[str]],
) -> None:
    _, run = ended_run
    figures = figures_of(run)
    assert set(figures) == {"5.1", "5.2", "5.3", "5.4"}
    assert 0 < figures["5.1"] < 200
    assert figures["5.2"] == figures["5.3"] == 200 - figures["5.1"]
    assert figures["5.4"] == 0


def test_a_suspension_stands_between_two_exercises(
    ended_run: tuple[Texts, subprocess.CompletedProcess[str]],
) -> None:
    texts, run = ended_run
    outcomes = re.findall(r"^5\.[5-9] .*(FIRMA|ERROR) *$", run.stdout, re.MULTILINE)
    assert outcomes == ["FIRMA", "FIRMA", "ERROR", "FIRMA", "FIRMA"]
    feed = run.stdout[run.stdout.index(texts.say("head_movement")) :]
    told = re.findall(r"^ +(\d) +SE C1 +(\w+) ", feed, re.MULTILINE)
    spanish = [("1", "alta")] * 2 + [("2", "descargo"), ("3", "suspensión")]
    spanish += [("4", "reactivación"), ("5", "descargo")]
    english = [("1", "issued")] * 2 + [("2", "exercised"), ("3", "suspended")]
    english += [("4", "reinstated"), ("5", "exercised")]
    assert told == (spanish if texts.language == "es" else english)
    # One issued and drawn on three times, two hundred streamed, and the four steps after them.
    assert texts.say("note_feed", count=208, shown=6) in " ".join(run.stdout.split())


def test_a_second_run_in_the_same_folder_makes_all_anew(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    assert run_once(tmp_path).returncode == 0
    key = (folder / "receipt.pub.pem").read_bytes()
    stale = [folder / "receipts" / "by-hand.json", folder / "licenses" / "new.jsonl.outbox.jsonl"]
    for path in stale:
        path.write_text("stale")
    own = folder / "notes.txt"
    own.write_text("mine")
    assert run_once(tmp_path).returncode == 0
    assert (folder / "receipt.pub.pem").read_bytes() != key
    assert not any(path.exists() for path in stale)
    assert own.read_text() == "mine"


def test_a_folder_that_is_no_demo_is_left_alone(tmp_path: Path) -> None:
    theirs = tmp_path / "demo" / "data" / "ledger.sqlite3"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("precious")
    run = run_once(tmp_path)
    assert run.returncode == 1
    assert Texts("es").say("folder_foreign", folder="demo") in run.stderr
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == [theirs]
    assert theirs.read_text() == "precious"


def test_an_unknown_language_is_bad_usage(tmp_path: Path) -> None:
    run = run_once(tmp_path, "--lang", "fr")
    assert run.returncode == 2
    assert "`fr`" in run.stderr
    assert not (tmp_path / "demo").exists()


@pytest.mark.parametrize("language", LANGUAGES)
def test_printed_commands_work_while_it_stays_up(tmp_path: Path, language: str) -> None:
    say = Texts(language).say
    with terminal(tmp_path, "--lang", language, columns=80) as demo:
        commands = commands_in(demo.read_until(say("staying")))
        server = demo.server()
        shown = []
        for command in [*commands, commands[2]]:
            run = subprocess.run(
                ["/bin/sh", "-c", command],
                cwd=tmp_path,
                env=environment(),
                capture_output=True,
                text=True,
                timeout=PATIENCE_S,
                check=False,
            )
            assert run.returncode == 0, (command, run.stdout, run.stderr)
            shown.append(run.stdout)
        demo.press_ctrl_c()
        assert demo.process.wait(PATIENCE_S) == 0
        assert server.ended(), "Ctrl-C left the server"
        server.close()
    verbs = [command.split()[1] for command in commands]
    assert verbs == [
        *("submit", "check", "validate", "outcome", "verify", "license", "watch", "license")
    ]
    submitted, checked, exercised, _, _, _, watched, listed, again = shown
    assert "DEMO-" in submitted
    assert "FIRMA" in submitted
    assert "120" in checked or "70" in checked
    assert "70" in exercised
    assert again == exercised, "a repeated command draws once"
    # Six movements, each told with the verdict that made it, from the one in the table on.
    assert len(re.findall(r"\d UTC\s", watched)) == 6
    assert re.findall(r"-1(?:199|200) +#(\d)", watched) == ["1", "1", "2", "3", "4", "5"]
    assert re.findall(r"DEMO-\d{4}-(\d{4})", listed) == ["0001"]
    assert (tmp_path / "demo" / "receipts" / "by-hand.json").is_file()


def test_a_second_demo_in_the_folder_of_a_running_one_is_refused(tmp_path: Path) -> None:
    with terminal(tmp_path) as demo:
        demo.read_until(Texts("es").say("staying"))
        run = run_once(tmp_path)
        assert run.returncode == 1
        assert run.stderr.strip() == Texts("es").say("folder_busy", folder="demo")
        assert (tmp_path / "demo" / "data" / "ledger.sqlite3").exists()
        demo.press_ctrl_c()
        assert demo.process.wait(PATIENCE_S) == 0


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, -1), (signal.SIGKILL, -9)]
)
def test_no_server_outlives_its_demo(tmp_path: Path, number: int, code: int) -> None:
    with terminal(tmp_path) as demo:
        demo.read_until(Texts("es").say("staying"))
        server = demo.server()
        demo.process.send_signal(number)
        assert demo.process.wait(PATIENCE_S) == code
        assert server.ended(), "the server outlived the demo"
        server.close()
    # Stopped in order, not killed: the next demo finds nothing in its way.
    assert '"stopped"' in (tmp_path / "demo" / "server.log").read_text()


def test_ctrl_c_before_the_end_leaves_no_process(tmp_path: Path) -> None:
    with terminal(tmp_path) as demo:
        demo.read_until(Texts("es").say("serving", port="").split(":", 1)[0])
        server = demo.server()
        demo.press_ctrl_c()
        assert demo.process.wait(PATIENCE_S) in {0, 130}
        assert server.ended()
        server.close()


def test_a_server_that_ends_by_itself_fails_the_demo(tmp_path: Path) -> None:
    with terminal(tmp_path) as demo:
        demo.read_until(Texts("es").say("staying"))
        server = demo.server()
        os.kill(server.pid, signal.SIGKILL)
        assert demo.process.wait(PATIENCE_S) == 1
        demo.read_until("demo/server.log")
        server.close()


def run_with(tmp_path: Path, change: str) -> subprocess.CompletedProcess[str]:
    """Runs the demo in a process of its own after a change to one of its modules."""
    source = (
        "import sys\n"
        "from descargo_server.demo import agency_scene, folder, run_demo, story\n"
        f"{change}\n"
        "sys.exit(run_demo(once=True, lang='es'))"
    )
    return subprocess.run(
        [sys.executable, "-c", source],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def test_an_unexpected_answer_names_the_step_and_what_was_expected(tmp_path: Path) -> None:
    run = run_with(tmp_path, "story.WRONG_CODES = ('S101',)")
    assert run.returncode == 1
    assert Texts("es").say("step_mistakes") in run.stderr
    assert "`error S101`" in run.stderr
    assert "`error C205 C207 E301 E304 S105`" in run.stderr
    assert "Traceback" not in run.stderr
    assert '"stopped"' in (tmp_path / "demo" / "server.log").read_text()


def is_over(connection: socket.socket) -> bool:
    """Whether nothing comes any more, with a farewell or without."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_a_cable_loses_what_is_beyond_its_bytes_and_carries_the_next_whole() -> None:
    said = b"0123456789" * 5_000
    with socket.create_server(("127.0.0.1", 0)) as listening:
        with Cable(listening.getsockname()[1], first_bytes=20_001) as cable:
            for most in (20_001, len(said)):
                with socket.create_connection(("127.0.0.1", cable.port)) as near:
                    far, _ = listening.accept()
                    near.sendall(b"asked")
                    assert far.recv(5, socket.MSG_WAITALL) == b"asked"
                    far.sendall(said)
                    assert near.recv(most, socket.MSG_WAITALL) == said[:most]
                    cable.cut()
                    assert is_over(near)
                    assert is_over(far)
                    far.close()
            assert cable.connections == 2
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", cable.port))


ELSEWHERE = """
whole = agency_scene.suspension_document
def elsewhere(*given):
    document = whole(*given)
    document["suspension"]["offices"] = {"only": ["240"]}
    return document
agency_scene.suspension_document = elsewhere
"""
FORGETFUL = """
every = story.Story.every_answer
story.Story.every_answer = lambda self: [each for each in every(self)][1:]
"""


@pytest.mark.parametrize(
    ("change", "step", "expected", "got"),
    [
        (
            "agency_scene.CUT_AFTER, agency_scene.CABLE_BYTES = 0, 10**9",
            *("step_stream", "1 2 200", "0 1 200"),
        ),
        (ELSEWHERE, "step_exercise", "error N419", "firma"),
        (FORGETFUL, "step_feed", "207", "208"),
    ],
    ids=["line not cut", "suspended at another office", "movement told that nobody knows"],
)
def test_the_agencys_scene_insists_on_what_it_shows(
    tmp_path: Path, change: str, step: str, expected: str, got: str
) -> None:
    run = run_with(tmp_path, change)
    assert run.returncode == 1
    assert Texts("es").say(step) in run.stderr
    assert f"`{expected}`" in run.stderr
    assert f"`{got}`" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_server_that_does_not_start_is_told_with_its_log(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = run_with(tmp_path, f"folder.FREE_PORT = '127.0.0.1:{port}'")
    assert run.returncode == 1
    assert Texts("es").say("server_unwell", log="demo/server.log") in run.stderr
    assert str(port) in run.stderr


def test_every_text_is_there_in_both_languages() -> None:
    def names(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    for key, texts in catalogue().items():
        assert set(texts) == set(LANGUAGES), key
        assert names(texts["es"]) == names(texts["en"]), key
