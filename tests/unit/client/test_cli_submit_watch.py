"""`descargo submit --watch` against a scripted validator, also while it is killed over and over."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from descargo.v1 import submission_pb2, verdict_pb2
from descargo_client.folder import lock
from tests.unit.client.sheet_files import ROW, book, grid

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.client.conftest import EfirmaFiles, Ran, ScriptedValidator

    Run = Callable[..., Ran]

KILLS_S = 10.0
"""How long the process is killed and started again."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The watched folder."""
    place = tmp_path / "bandeja"
    place.mkdir()
    return place


@pytest.fixture
def to(validator: ScriptedValidator, efirma: EfirmaFiles) -> list[str]:
    """Options that reach the scripted validator, which accepts all but numbers with `malo`."""

    def judge(request: Any) -> Any:
        submission = submission_pb2.Submission.FromString(request.envelope.payload)
        verdict = verdict_pb2.Verdict(request_id=request.request_id)
        if "malo" in submission.license.permit_number:
            verdict.error.SetInParent()
            verdict.findings.add(code="S101")
        else:
            verdict.firma.discharge_signature = "ABCD2345"
        return validator.answer(verdict)

    validator.replies.append(judge)
    return [
        *efirma.options(), "--server", validator.address, "--plaintext", "--identity", "se",
        "--validator", "descargo.prueba", "--every", "0.05",
    ]  # fmt: skip


def _csv(*numbers: str) -> bytes:
    written = io.StringIO()
    writer = csv.DictWriter(written, list(ROW))
    writer.writeheader()
    writer.writerows([ROW | {"permit_number": number} for number in numbers])
    return written.getvalue().encode()


def _number(request: Any) -> str:
    submission = submission_pb2.Submission.FromString(request.envelope.payload)
    return str(submission.license.permit_number)


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_files_of_every_kind_are_filed_with_their_answers(
    descargo: Run, to: list[str], folder: Path, validator: ScriptedValidator
) -> None:
    (folder / "buenos.xlsx").write_bytes(book(grid(ROW)))
    (folder / "mezcla.csv").write_bytes(_csv("0001", "malo-1"))
    (folder / "roto.xlsx").write_bytes(b"PK\x03\x04")
    (folder / "macro.xlsm").write_bytes(b"PK\x03\x04")
    (folder / "sin-nombre.csv").write_bytes(_csv("0003", ""))
    name = {"agency": "SE", "permit_key": "C1", "permit_number": "0004"}
    line = {"license": name, "version": 2, "extension": {"valid_to": "2027-01-01"}}
    (folder / "prorroga.jsonl").write_text(json.dumps(line))
    ran = descargo("submit", "--watch", folder, "--once", *to)
    assert ran.code == 1
    assert _names(folder / "accepted") == [
        "buenos.answers.xlsx", "buenos.xlsx", "buenos.xlsx.answers.jsonl", "prorroga.jsonl",
        "prorroga.jsonl.answers.jsonl",
    ]  # fmt: skip
    assert _names(folder / "rejected") == [
        "macro.xlsm", "macro.xlsm.errors.txt", "mezcla.answers.csv", "mezcla.csv",
        "mezcla.csv.answers.jsonl", "roto.xlsx", "roto.xlsx.errors.txt", "sin-nombre.answers.csv",
        "sin-nombre.csv", "sin-nombre.csv.errors.txt",
    ]  # fmt: skip
    rows = (folder / "rejected" / "mezcla.answers.csv").read_text("utf-8-sig").splitlines()
    assert rows[1].endswith("FIRMA,ABCD2345,")
    assert "ERROR" in rows[2]
    assert "S101" in rows[2]
    assert "macros" in (folder / "rejected" / "macro.xlsm.errors.txt").read_text("utf-8")
    assert "renglón 3" in (folder / "rejected" / "sin-nombre.csv.errors.txt").read_text("utf-8")
    for part in ("ACEPTADO", "RECHAZADO", "1 con firma", "1 con error"):
        assert part in ran.out
    assert len(validator.requests) == 4


def test_programs_read_one_object_for_each_file(descargo: Run, to: list[str], folder: Path) -> None:
    (folder / "a.csv").write_bytes(_csv("0001"))
    (folder / "b.csv").write_bytes(b"")
    (folder / "c.xlsx").write_bytes(b"x")
    ran = descargo("submit", "--watch", folder, "--once", *to, "-o", "json")
    first, second = [json.loads(line) for line in ran.out.splitlines()]
    assert (first["accepted"], first["summary"]["firma"], first["error"]) == (True, 1, None)
    assert (second["accepted"], second["summary"]) == (False, None)
    assert "c.xlsx" in second["error"]
    assert (folder / "b.csv").exists()


def test_the_same_file_left_again_sends_the_same_envelope(
    descargo: Run, to: list[str], folder: Path, validator: ScriptedValidator
) -> None:
    for _ in range(2):
        (folder / "a.csv").write_bytes(_csv("0001"))
        assert descargo("submit", "--watch", folder, "--once", *to).code == 0
    assert _names(folder / "accepted")[:4] == ["a.2.answers.csv", "a.2.csv",
                                              "a.2.csv.answers.jsonl", "a.answers.csv"]  # fmt: skip
    assert validator.requests[0] == validator.requests[1]


def test_a_caller_who_may_not_stops_the_watcher_and_loses_no_file(
    descargo: Run, to: list[str], folder: Path, validator: ScriptedValidator
) -> None:
    judge = validator.replies.pop()
    refusal = validator.refusal(grpc.StatusCode.UNAUTHENTICATED, "IDENTITY_UNKNOWN")
    validator.replies.extend([refusal, judge])
    (folder / "a.csv").write_bytes(_csv("0001"))
    assert descargo("submit", "--watch", folder, "--once", *to).code == 4
    assert descargo("submit", "--watch", folder, "--once", *to).code == 0
    assert "a.csv" in _names(folder / "accepted")
    assert validator.requests[0] == validator.requests[1]


def test_a_license_that_always_ends_in_a_fault_does_not_hold_up_the_others(
    descargo: Run, to: list[str], folder: Path, validator: ScriptedValidator
) -> None:
    judge = validator.replies.pop()
    main = threading.main_thread().ident
    assert main is not None
    fault = validator.refusal(grpc.StatusCode.INTERNAL, "FAULT")

    def stumble(request: Any) -> Any:
        number = _number(request)
        if number == "0004":
            signal.pthread_kill(main, signal.SIGINT)
        return fault if number == "0002" else judge(request)

    validator.replies.append(stumble)
    (folder / "a.csv").write_bytes(_csv("0001", "0002", "0003"))
    (folder / "b.csv").write_bytes(_csv("0004"))
    assert descargo("submit", "--watch", folder, *to).code == 0
    assert "b.csv" in _names(folder / "accepted")
    answers = (folder / "rejected" / "a.csv.answers.jsonl").read_text(encoding="utf-8")
    told = [json.loads(line) for line in answers.splitlines()]
    assert [each["state"] for each in told] == ["firma", "refused", "firma"]
    assert told[1]["fault"]["reason"] == "FAULT"
    assert told[1]["fault"]["message"]
    tried = [each.request_id for each in validator.requests if _number(each) == "0002"]
    assert tried == tried[:1] * 5


def test_wrong_uses_are_named(descargo: Run, to: list[str], folder: Path, tmp_path: Path) -> None:
    for arguments, said in (
        ((), "Falta qué enviar"),
        (("--watch", folder, "--answers", tmp_path / "x.jsonl"), "--watch no va con"),
        (("--watch", tmp_path / "nada"), "no es una carpeta"),
        (("--watch", folder, "--every", "0"), "every"),
    ):
        ran = descargo("submit", *to, *arguments)
        assert ran.code == 2
        assert said in ran.err


def test_a_second_watcher_is_refused(descargo: Run, to: list[str], folder: Path) -> None:
    (folder / ".descargo").mkdir()
    with lock.take(folder / ".descargo" / "lock"):
        ran = descargo("submit", "--watch", folder, "--once", *to)
    assert ran.code == 2
    assert "ya atiende la carpeta" in ran.err


def test_ctrl_c_ends_after_the_license_under_way(
    descargo: Run, to: list[str], folder: Path, validator: ScriptedValidator
) -> None:
    judge = validator.replies.pop()
    main = threading.main_thread().ident
    assert main is not None

    def interrupt(request: Any) -> Any:
        signal.pthread_kill(main, signal.SIGINT)
        return judge(request)

    validator.replies.extend([interrupt, judge])
    numbers = [f"{number:04}" for number in range(30)]
    (folder / "a.csv").write_bytes(_csv(*numbers))
    assert descargo("submit", "--watch", folder, *to, "--parallel", "1").code == 0
    sent = len(validator.requests)
    assert sent < len(numbers)
    assert _names(folder / "accepted") == []
    assert descargo("submit", "--watch", folder, "--once", *to).code == 0
    assert "a.csv" in _names(folder / "accepted")
    assert len({request.request_id for request in validator.requests}) == len(numbers)


@pytest.mark.skipif(os.name != "posix", reason="kills by signal")
@pytest.mark.timeout(60)
def test_killed_at_random_moments_no_file_is_lost_or_repeated(
    to: list[str], folder: Path, validator: ScriptedValidator
) -> None:
    chance = random.Random(20260401)  # noqa: S311 - any moments will do
    files = {f"{number}.csv": [f"{number}-{each}" for each in range(12)] for number in range(40)}
    files["40.csv"] = ["40-0", "malo-40"]
    command = [sys.executable, "-m", "descargo_client", "submit", "--watch", str(folder), *to]
    left = iter(files.items())
    until = time.monotonic() + KILLS_S
    while time.monotonic() < until:
        for name, numbers in [pair for _, pair in zip(range(8), left, strict=False)]:
            (folder / f"{name}.part").write_bytes(_csv(*numbers))
            (folder / f"{name}.part").rename(folder / name)
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
            try:
                run.wait(timeout=chance.uniform(0.6, 1.8))
            except subprocess.TimeoutExpired:
                run.kill()
    for name, numbers in left:
        (folder / name).write_bytes(_csv(*numbers))
    assert subprocess.run([*command, "--once"], check=False, capture_output=True).returncode in {
        0,
        1,
    }
    _each_file_is_filed_once(folder, files)
    keys = defaultdict(set)
    for request in validator.requests:
        submission = submission_pb2.Submission.FromString(request.envelope.payload)
        number = submission.license.permit_number
        if "malo" not in number:
            keys[number].add((request.request_id, request.envelope.SerializeToString()))
    assert {number for number in keys if len(keys[number]) != 1} == set()
    assert set(keys) == {each for numbers in files.values() for each in numbers} - {"malo-40"}


def _each_file_is_filed_once(folder: Path, files: dict[str, list[str]]) -> None:
    expected = {
        target: sorted(
            each
            for name in files
            if (name == "40.csv") == (target == "rejected")
            for each in (name, f"{name}.answers.jsonl", name.replace(".csv", ".answers.csv"))
        )
        for target in ("accepted", "rejected")
    }
    assert {target: _names(folder / target) for target in expected} == expected
    assert [path for path in folder.iterdir() if path.is_file()] == []
    for name, numbers in files.items():
        target = folder / ("rejected" if name == "40.csv" else "accepted")
        assert (target / name).read_bytes() == _csv(*numbers)
        lines = (target / f"{name}.answers.jsonl").read_text("utf-8").splitlines()
        answered = [json.loads(line)["license"]["permit_number"] for line in lines]
        assert answered == numbers
