"""The watched folder: whole files only, one at a time, and none lost or repeated by any crash."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

import pytest

from descargo_client.faults import BadInput, CallFailure, TransportFault
from descargo_client.folder import watcher as watching
from descargo_client.folder.disk import Disk
from descargo_client.folder.watcher import Clock, Outcome, Watcher

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from pathlib import Path

    from descargo_client.folder.tray import Filed

EVERY_S = 5.0


class KilledError(BaseException):
    """The process ends here and now."""


class FakeClock(Clock):
    """Time that passes only by waiting; something may happen each time."""

    def __init__(self, *happenings: Callable[[], object]) -> None:
        """Takes what happens at each wait."""
        self.time_s = 100.0
        self.waits: list[float] = []
        self._happenings = list(happenings)

    def now_s(self) -> float:
        """The time."""
        return self.time_s

    def wait(self, seconds: float, stop: threading.Event) -> None:
        """Lets time pass."""
        del stop
        self.waits.append(seconds)
        self.time_s += seconds
        if self._happenings:
            self._happenings.pop(0)()


@dataclass
class Office:
    """Submits, and hears what was filed: a file with `bad` in it is rejected."""

    submitted: list[tuple[str, bytes]] = field(default_factory=list)
    outboxes: list[Path] = field(default_factory=list)
    filed_away: list[Filed] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    before: Callable[[], object] = lambda: None
    stopped: bool = False

    def submit(self, content: bytes, name: str, outbox: Path) -> Outcome | None:
        """Answers by content."""
        self.before()
        if self.stopped:
            return None
        self.submitted.append((name, content))
        self.outboxes.append(outbox)
        answers = {"{name}.answers.jsonl": content, "{stem}.answers.csv": b"table"}
        return Outcome(b"bad" not in content, answers)

    def unreadable(self, name: str, why: BadInput) -> Outcome:
        """Rejects."""
        return Outcome(accepted=False, answers={"{name}.errors.txt": f"{name} {why.key}".encode()})

    def stop(self) -> None:
        """Is told to stop."""
        self.stopped = True

    def filed(self, filed: Filed) -> None:
        """Hears."""
        self.filed_away.append(filed)

    def waiting(self, path: Path, fault: TransportFault, pause_s: float) -> None:
        """Hears."""
        del path, fault
        self.pauses.append(pause_s)


def _run(
    folder: Path, office: Office, clock: Clock | None = None, disk: Disk | None = None
) -> None:
    watcher = Watcher(folder, office, office, EVERY_S, clock or FakeClock(), disk)
    try:
        watcher.run(once=True)
    finally:
        watcher.close()


def _tree(folder: Path) -> set[str]:
    """Every file but our own outboxes and lock."""
    return {
        name
        for path in folder.rglob("*")
        if path.is_file()
        and not (name := str(path.relative_to(folder))).startswith((".descargo/lock",))
    }


def test_complete_files_are_filed_with_their_answers_one_after_the_other(tmp_path: Path) -> None:
    office = Office()
    (tmp_path / "b.csv").write_bytes(b"bad")
    (tmp_path / "a.csv").write_bytes(b"good")
    _run(tmp_path, office)
    assert office.submitted == [("a.csv", b"good"), ("b.csv", b"bad")]
    assert _tree(tmp_path) == {
        "accepted/a.csv", "accepted/a.csv.answers.jsonl", "accepted/a.answers.csv",
        "rejected/b.csv", "rejected/b.csv.answers.jsonl", "rejected/b.answers.csv",
    }  # fmt: skip
    assert [(each.path.name, each.accepted) for each in office.filed_away] == [
        ("a.csv", True), ("b.csv", False),
    ]  # fmt: skip


def test_a_file_is_not_read_while_it_grows(tmp_path: Path) -> None:
    office, file = Office(), tmp_path / "a.csv"
    file.write_bytes(b"1")
    watcher = Watcher(tmp_path, office, office, EVERY_S, clock := FakeClock(
        lambda: file.write_bytes(b"12"), lambda: file.write_bytes(b"123"), lambda: None,
        lambda: watcher.stop(),  # noqa: PLW0108 - it is made here
    ))  # fmt: skip
    watcher.run()
    watcher.close()
    assert office.submitted == [("a.csv", b"123")]
    assert len(clock.waits) == 4


def test_looks_closer_than_the_interval_do_not_count(tmp_path: Path) -> None:
    office = Office()
    (tmp_path / "a.csv").write_bytes(b"1")
    clock = FakeClock()
    clock.wait = lambda seconds, stop: clock.waits.append(seconds)  # type: ignore[method-assign]  # noqa: ARG005
    _run(tmp_path, office, clock)
    assert office.submitted == []


@pytest.mark.parametrize(
    ("name", "content", "note"),
    [
        ("vacio.csv", b"", ""),
        (".oculto.csv", b"x", ""),
        ("~$libro.xlsx", b"x", ""),
        ("notas.docx", b"x", ""),
        ("permisos.csv.part", b"x", ""),
        ("libro.xlsx", b"x", "~$libro.xlsx"),
        ("libro.xlsx", b"x", ".~lock.libro.xlsx#"),
    ],
)
def test_what_is_no_complete_file_of_licenses_stays(
    tmp_path: Path, name: str, content: bytes, note: str
) -> None:
    (tmp_path / name).write_bytes(content)
    if note:
        (tmp_path / note).write_bytes(b"who")
    office = Office()
    _run(tmp_path, office)
    assert office.submitted == []
    assert (tmp_path / name).exists()


def test_links_and_folders_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "carpeta.csv").mkdir()
    outside = tmp_path / "secreto.txt"
    outside.write_bytes(b"x")
    (tmp_path / "enlace.csv").symlink_to(outside)
    office = Office()
    _run(tmp_path, office)
    assert office.submitted == []


def test_a_name_that_came_before_overwrites_nothing(tmp_path: Path) -> None:
    office = Office()
    for content in (b"one", b"bad two", b"three"):
        (tmp_path / "a.csv").write_bytes(content)
        _run(tmp_path, office)
    assert (tmp_path / "accepted" / "a.csv").read_bytes() == b"one"
    assert (tmp_path / "rejected" / "a.2.csv").read_bytes() == b"bad two"
    assert (tmp_path / "accepted" / "a.3.csv").read_bytes() == b"three"
    assert (tmp_path / "accepted" / "a.3.csv.answers.jsonl").read_bytes() == b"three"


def test_a_name_too_long_for_its_answers_is_cut(tmp_path: Path) -> None:
    office = Office()
    (tmp_path / ("ñ" * 125 + ".csv")).write_bytes(b"x")
    _run(tmp_path, office)
    assert [len(each.path.name) for each in office.filed_away] == [94]


def test_the_same_content_gets_the_same_outbox(tmp_path: Path) -> None:
    office = Office()
    for name in ("a.csv", "b.csv", "c.csv"):
        (tmp_path / name).write_bytes(b"one" if name != "c.csv" else b"two")
    _run(tmp_path, office)
    first, second, third = office.outboxes
    assert first == second != third


def test_a_file_that_changes_while_in_hand_is_taken_up_again_whole(tmp_path: Path) -> None:
    office = Office()
    file = tmp_path / "a.csv"
    file.write_bytes(b"half")
    writer = file.open("ab")

    def go_on() -> None:
        writer.write(b" and the rest")
        writer.flush()

    happenings = iter([go_on])
    office.before = lambda: next(happenings, lambda: None)()  # noqa: PLW0108 - one after the other
    watcher = Watcher(tmp_path, office, office, EVERY_S, FakeClock(
        *[lambda: None] * 4, lambda: watcher.stop(),  # noqa: PLW0108 - it is made here
    ))  # fmt: skip
    watcher.run()
    watcher.close()
    writer.close()
    assert [content for _, content in office.submitted] == [b"half", b"half and the rest"]
    assert (tmp_path / "accepted" / "a.csv").read_bytes() == b"half and the rest"
    assert len(office.filed_away) == 1


def test_a_second_watcher_is_refused(tmp_path: Path) -> None:
    office = Office()
    first = Watcher(tmp_path, office, office, EVERY_S)
    with pytest.raises(BadInput) as caught:
        Watcher(tmp_path, office, office, EVERY_S)
    assert str(tmp_path) in caught.value.text("es")
    first.close()
    Watcher(tmp_path, office, office, EVERY_S).close()


def test_stopping_leaves_the_file_in_hand_for_the_next_start(tmp_path: Path) -> None:
    office = Office()
    (tmp_path / "a.csv").write_bytes(b"x")
    watcher = Watcher(tmp_path, office, office, EVERY_S, FakeClock())
    office.before = watcher.stop
    watcher.run()
    watcher.close()
    assert office.submitted == []
    again = Office()
    _run(tmp_path, again)
    assert [each.path.name for each in again.filed_away] == ["a.csv"]


def test_no_answer_is_waited_for_with_longer_pauses(tmp_path: Path) -> None:
    office = Office()
    (tmp_path / "a.csv").write_bytes(b"x")
    left = iter(range(5))

    def fail() -> None:
        if next(left, None) is not None:
            raise TransportFault(CallFailure("UNAVAILABLE"))

    office.before = fail
    watcher = Watcher(tmp_path, office, office, EVERY_S, FakeClock())
    office.filed = lambda filed: watcher.stop()  # type: ignore[method-assign]  # noqa: ARG005
    watcher.run()
    watcher.close()
    assert office.pauses == [5, 10, 20, 40, 60]
    assert len(office.submitted) == 1


def test_once_does_not_wait_for_an_answer(tmp_path: Path) -> None:
    office = Office()
    (tmp_path / "a.csv").write_bytes(b"x")

    def fail() -> None:
        raise TransportFault(CallFailure("UNAVAILABLE"))

    office.before = fail
    with pytest.raises(TransportFault):
        _run(tmp_path, office)
    office.before = lambda: None
    _run(tmp_path, office)
    assert len(office.filed_away) == 1


def test_a_file_above_every_limit_is_rejected_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "FILE_BYTES_MAX", 10)
    (tmp_path / "a.csv").write_bytes(bytes(11))
    office = Office()
    _run(tmp_path, office)
    assert (office.submitted, [each.accepted for each in office.filed_away]) == ([], [False])
    assert (tmp_path / "rejected" / "a.csv.errors.txt").exists()


class MortalDisk(Disk):
    """Dies before or after the step with the given number, or halfway through writing a file."""

    def __init__(self, last_step: int) -> None:
        """Takes the number of steps that are left."""
        self._left = last_step

    def move(self, source: Path, target: Path) -> None:
        """Dies before or after."""
        self._step()
        super().move(source, target)
        self._step()

    def write(self, path: Path, content: bytes) -> None:
        """Dies before, halfway or after."""
        self._step()
        path.with_name(f".{path.name}.partial").write_bytes(content[: len(content) // 2])
        self._step()
        super().write(path, content)

    def remove(self, path: Path) -> None:
        """Dies before or after."""
        self._step()
        super().remove(path)
        self._step()

    def _step(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise KilledError


def _check(folder: Path, contents: dict[str, bytes]) -> None:
    """Each file is in one place, and filed only with its answers."""
    for name, content in contents.items():
        places = [
            path for path in folder.rglob(name) if path.parent.name != "answers" and path.is_file()
        ]
        assert [path.read_bytes() for path in places] == [content]
        if places[0].parent.name in {"accepted", "rejected"}:
            assert places[0].with_name(f"{name}.answers.jsonl").read_bytes() == content
            assert places[0].with_name(f"{places[0].stem}.answers.csv").exists()


def test_a_crash_at_any_step_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    contents = {"a.csv": b"good", "b.csv": b"bad", "c.jsonl": b"good too"}
    survived = False
    for last_step in count():
        folder = tmp_path / str(last_step)
        folder.mkdir()
        for name, content in contents.items():
            (folder / name).write_bytes(content)
        office = Office()
        try:
            _run(folder, office, disk=MortalDisk(last_step))
            survived = True
        except KilledError:
            _check(folder, contents)
        # A second crash, at the first step of what is left, changes nothing either.
        for again in range(3):
            try:
                _run(folder, office, disk=MortalDisk(again))
            except KilledError:
                _check(folder, contents)
        _run(folder, office)
        _check(folder, contents)
        assert _tree(folder) == {
            "accepted/a.csv", "accepted/a.csv.answers.jsonl", "accepted/a.answers.csv",
            "rejected/b.csv", "rejected/b.csv.answers.jsonl", "rejected/b.answers.csv",
            "accepted/c.jsonl", "accepted/c.jsonl.answers.jsonl", "accepted/c.answers.csv",
        }  # fmt: skip
        if survived:
            break
    assert last_step > 40
