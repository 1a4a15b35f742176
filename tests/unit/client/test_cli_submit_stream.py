"""`descargo submit --stream` against a scripted validator: as one by one, and going on later."""

from __future__ import annotations

import csv
import io
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from python_calamine import CalamineWorkbook

from descargo.catalogue import reasons
from descargo.v1 import submission_pb2, verdict_pb2
from descargo_client import streaming
from descargo_client.faults import BadInput
from descargo_client.stream_state import Origin, StreamState
from tests.unit.client.sheet_files import ROW, book, grid

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.client.conftest import EfirmaFiles, Ran, ScriptedValidator

    Run = Callable[..., Ran]

MISTAKEN = ("0002", "0005")
ROWS = (
    ROW | {"permit_number": "0001"},
    ROW | {"permit_number": "0002"},
    ROW | {"permit_number": "0002", "tariff_codes": 72142001},
    ROW | {"permit_number": "0003", "quantity": "1,000"},
    ROW | {"permit_number": "0004"},
    *(ROW | {"permit_number": f"{number:04}"} for number in range(5, 12)),
)
ORIGIN = Origin("c", "s", "v", 3)


@pytest.fixture
def to(validator: ScriptedValidator, efirma: EfirmaFiles) -> list[str]:
    """Options that reach the scripted validator."""
    return [
        *efirma.options(), "--server", validator.address, "--plaintext", "--identity", "se",
        "--validator", "descargo.prueba",
    ]  # fmt: skip


def _judge(validator: ScriptedValidator) -> Callable[[Any], Any]:
    """Refuses 0004, finds a mistake in 0002 and 0005, and accepts all else."""

    def judge(request: Any) -> Any:
        number = submission_pb2.Submission.FromString(
            request.envelope.payload
        ).license.permit_number
        if number == "0004":
            row = reasons()["FIELD_INVALID"]
            return verdict_pb2.ItemRefusal(
                status=row.status, reason=row.reason, field="envelope", detail="is empty",
                message_es=f"{row.message_es} {row.remedy_es}",
                message_en=f"{row.message_en} {row.remedy_en}",
            )  # fmt: skip
        verdict = verdict_pb2.Verdict(request_id=request.request_id)
        if number not in MISTAKEN:
            verdict.firma.discharge_signature = "ABCD2345"
            return validator.answer(verdict)
        verdict.error.SetInParent()
        finding = verdict.findings.add(code="C203", declared="72142001")
        finding.locator.field = "issue.lines[0].tariff_codes[0]"
        text = verdict_pb2.FindingText(code="C203", message_es="No existe.", remedy_es="Corrija.")
        return validator.answer(verdict, text)

    return judge


def _csv(rows: tuple[dict[str, object], ...]) -> bytes:
    written = io.StringIO()
    writer = csv.DictWriter(written, list(ROW))
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue().encode()


def _jsonl(rows: tuple[dict[str, object], ...]) -> bytes:
    lines = [_line(str(row["permit_number"])) for row in rows]
    lines[3] = '{"license": {'
    return "\n".join(lines).encode()


def _line(number: str) -> str:
    return json.dumps(
        {
            "license": {"agency": "SE", "permit_key": "C1", "permit_number": number},
            "issue": {"operation": "IMPORT", "holder": {"rfc": "EKU9003173C9"}},
        }
    )


def _without_keys(document: Any) -> Any:
    """The report without what each signing makes anew."""
    for item in document["items"]:
        item.pop("request_id")
        for name in ("request_id", "receipt"):
            if item["answer"]:
                item["answer"].pop(name)
    return {name: document[name] for name in ("summary", "items")}


def _back(path: Path) -> Any:
    if path.suffix != ".xlsx":
        return path.read_bytes()
    book = CalamineWorkbook.from_filelike(io.BytesIO(path.read_bytes()))
    return book.get_sheet_by_index(0).to_python()


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "xlsx"])
def test_a_stream_ends_as_one_by_one_does(
    descargo: Run, to: list[str], tmp_path: Path, validator: ScriptedValidator, suffix: str
) -> None:
    validator.replies.append(_judge(validator))
    content = {"jsonl": _jsonl(ROWS), "csv": _csv(ROWS), "xlsx": book(grid(*ROWS))}[suffix]
    told: list[Any] = []
    for way in ([], ["--stream"]):
        folder = tmp_path / f"way{len(way)}"
        folder.mkdir()
        file = folder / f"permisos.{suffix}"
        file.write_bytes(content)
        answers = folder / f"respuestas.{suffix}"
        ran = descargo("submit", file, *to, *way, "--answers", answers, "-o", "json")
        lines = folder / "lineas.jsonl"
        shown = descargo("submit", file, *to, *way, "--receipt-out", lines)
        held = [json.loads(line) for line in lines.read_text("utf-8").splitlines()]
        states = sorted((item["lines"], item["state"]) for item in held)
        back = _back(answers) if suffix != "jsonl" else states
        told.append((ran.code, _without_keys(ran.json), back, states, shown.code))
        left = {path.name for path in folder.iterdir()}
        assert not any(name.endswith(".stream.jsonl") for name in left)
    assert told[0] == told[1]
    assert told[0][0] == 2
    assert told[0][1]["summary"]["errors_by_code"] == {"C203": 2 if suffix != "jsonl" else 3}


def _file(tmp_path: Path, count: int = 9) -> Path:
    file = tmp_path / "permisos.jsonl"
    file.write_text("\n".join(_line(f"1{number:03}") for number in range(count)))
    return file


def _state(file: Path) -> Path:
    return file.with_name(file.name + ".stream.jsonl")


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were asked for; none is waited for."""
    asked: list[float] = []
    monkeypatch.setattr(streaming, "time", SimpleNamespace(sleep=asked.append))
    return asked


@pytest.mark.parametrize(
    ("status", "reason", "code"),
    [
        ("ABORTED", "STREAM_SUPERSEDED", 3),
        ("RESOURCE_EXHAUSTED", "CREDIT_EXCEEDED", 3),
        ("UNAVAILABLE", "HALTED", 3),
        ("INTERNAL", "FAULT", 3),
        ("INVALID_ARGUMENT", "SEQUENCE_GAP", 2),
        ("RESOURCE_EXHAUSTED", "LIMIT_EXCEEDED", 2),
        ("PERMISSION_DENIED", "ROLE_NOT_ALLOWED", 4),
    ],
)
@pytest.mark.parametrize("before", [0, 3])
def test_what_ends_a_stream_is_said_and_the_next_run_goes_on(  # noqa: PLR0917 - fixtures and a case
    descargo: Run,
    to: list[str],
    tmp_path: Path,
    validator: ScriptedValidator,
    status: str,
    reason: str,
    code: int,
    before: int,
) -> None:
    judge = _judge(validator)
    end = validator.refusal(grpc.StatusCode[status], reason)
    validator.replies.extend([judge] * before + [end, judge])
    file = _file(tmp_path)
    ran = descargo("submit", file, *to, "--stream")
    assert ran.code == code
    assert reason in ran.err
    assert reasons()[reason].message_es in " ".join(ran.err.split())
    assert f"{9 - before} sin respuesta" in ran.out
    sent = [request.request_id for request in validator.requests]
    again = descargo("submit", file, *to, "--stream")
    assert again.code == 0
    assert "9 con firma" in again.out
    assert (f"{before} de 9" in again.err) == bool(before)
    resent = [request.request_id for request in validator.requests[len(sent) :]]
    assert resent[0] == sent[before], "the item without an answer, and under its own key"
    assert len(resent) == 9 - before
    assert len(set(validator.openings)) == 1, "it is the same stream"
    assert not _state(file).exists()
    descargo("submit", file, *to, "--stream")
    assert len(set(validator.openings)) == 2
    assert len({request.request_id for request in validator.requests}) == 9


def test_a_validator_that_drains_is_waited_for(
    descargo: Run, to: list[str], tmp_path: Path, validator: ScriptedValidator, pauses: list[float]
) -> None:
    judge = _judge(validator)
    draining = validator.refusal(grpc.StatusCode.UNAVAILABLE, "DRAINING", retry_after_ms=1_500)
    validator.replies.extend([judge, judge, draining, judge])
    ran = descargo("submit", _file(tmp_path), *to, "--stream", "--lang", "en")
    assert (ran.code, pauses) == (0, [1.5])
    assert "the stream goes on in 1.5 s" in ran.err


def test_a_validator_that_stays_away_ends_the_run(
    descargo: Run, to: list[str], tmp_path: Path, validator: ScriptedValidator, pauses: list[float]
) -> None:
    validator.replies.append(validator.refusal(grpc.StatusCode.UNAVAILABLE, "DRAINING"))
    ran = descargo("submit", _file(tmp_path), *to, "--stream", "-o", "json")
    assert (ran.code, len(pauses)) == (3, 7)
    assert ran.err == ""
    assert {item["fault"]["reason"] for item in ran.json["items"]} == {"DRAINING"}


def test_an_error_is_signed_anew_in_the_next_run_and_no_firma_is(
    descargo: Run, to: list[str], tmp_path: Path, validator: ScriptedValidator
) -> None:
    validator.replies.append(_judge(validator))
    file = tmp_path / "permisos.jsonl"
    file.write_text("\n".join(_line(number) for number in ("0001", "0002", "0006")))
    assert descargo("submit", file, *to, "--stream").code == 1
    assert descargo("submit", file, *to).code == 1
    assert descargo("submit", file, *to, "--stream").code == 1
    keys = [request.request_id for request in validator.requests]
    assert len(set(keys)) == 5
    assert keys.count(keys[0]) == keys.count(keys[2]) == 3


def _unfinished(
    descargo: Run, to: list[str], tmp_path: Path, validator: ScriptedValidator
) -> tuple[Path, bytes]:
    """A file whose stream has two answers, and the answers that were written."""
    judge = _judge(validator)
    end = validator.refusal(grpc.StatusCode.INTERNAL, "FAULT")
    validator.replies.extend([judge, judge, end, judge])
    file = _file(tmp_path, 4)
    answers = tmp_path / "a.jsonl"
    assert descargo("submit", file, *to, "--stream", "--answers", answers).code == 3
    validator.requests.clear()
    return file, answers.read_bytes()


def test_a_file_that_changed_is_refused_until_the_old_one_is_finished(
    descargo: Run, to: list[str], tmp_path: Path, validator: ScriptedValidator
) -> None:
    file, written = _unfinished(descargo, to, tmp_path, validator)
    answers = tmp_path / "a.jsonl"
    unchanged = file.read_text()
    for changed in (unchanged + "\n" + _line("2000"), unchanged.replace("1002", "2002")):
        file.write_text(changed)
        ran = descargo("submit", file, *to, "--stream", "--answers", answers)
        assert (ran.code, validator.requests) == (2, [])
        assert "El archivo cambió" in ran.err
        assert "2 de 4" in ran.err
        assert _state(file).name in "".join(ran.err.split("\n"))
        assert answers.read_bytes() == written
    other = descargo("submit", _file(tmp_path, 4), *to[:-1], "otro", "--stream", "-o", "json")
    assert other.error["key"] == "stream.signer_changed"
    assert descargo("submit", file, *to, "--stream", "--answers", answers).code == 0
    assert len(answers.read_text().splitlines()) == 4


def test_a_file_that_changed_goes_once_its_state_is_moved_away(
    descargo: Run, to: list[str], tmp_path: Path, validator: ScriptedValidator
) -> None:
    file, _ = _unfinished(descargo, to, tmp_path, validator)
    file.write_text(file.read_text() + "\n" + _line("2000"))
    _state(file).rename(tmp_path / "moved")
    assert descargo("submit", file, *to, "--stream").code == 0
    assert len(validator.requests) == 5
    assert len(set(validator.openings)) == 2


def test_a_second_process_is_refused(
    descargo: Run, to: list[str], tmp_path: Path, validator: ScriptedValidator
) -> None:
    file = _file(tmp_path)
    with StreamState(_state(file), ORIGIN):
        ran = descargo("submit", file, *to, "--stream", "-o", "json")
    assert (ran.code, ran.error["key"], validator.requests) == (2, "stream.locked", [])


def test_standard_input_and_a_folder(
    descargo: Run, to: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    validator: ScriptedValidator,
) -> None:  # fmt: skip
    validator.replies.append(_judge(validator))
    content = io.TextIOWrapper(io.BytesIO(_line("0001").encode()))
    monkeypatch.setattr("sys.stdin", content)
    assert descargo("submit", "-", *to, "--stream").code == 0
    ran = descargo("submit", "--watch", tmp_path, *to, "--stream", "-o", "json")
    assert ran.error["key"] == "watch.alone"


def _kept(path: Path) -> StreamState:
    """A state with two answers of three."""
    with StreamState(path, ORIGIN) as state:
        for position in (2, 0):
            state.keep(position, "k", verdict_pb2.ItemAnswer(request_id=str(position)))
    return state


def test_a_state_goes_on_where_it_was_also_after_a_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "x.stream.jsonl"
    kept = _kept(path)
    whole = path.read_bytes()
    second = whole.index(b"\n", whole.index(b"\n") + 1) + 1
    for torn in range(second, len(whole)):
        path.write_bytes(whole[:torn])
        with StreamState(path, ORIGIN) as state:
            assert [each.position for each in state.held] == [2]
            assert (state.stream_id, state.answered) == (kept.stream_id, 1)
            state.keep(1, "k", verdict_pb2.ItemAnswer(request_id="1"))
        with StreamState(path, ORIGIN) as state:
            assert [each.answer.request_id for each in state.held] == ["2", "1"]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (b'"stream_id": "', b'"stream_id": "x', 1),
        (b'"total"', b'"sum"', 1),
        (b'"item": 0', b'"item": 3', 3),
        (b'"item": 2', b'"item": -1', 2),
        (b'"answer": "', b'"answer": "*', 2),
        (b'"content": "k"', b"", 2),
    ],
)
def test_a_damaged_state_is_refused_with_its_line(
    tmp_path: Path, old: bytes, new: bytes, line: int
) -> None:
    path = tmp_path / "x.stream.jsonl"
    _kept(path)
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    with pytest.raises(BadInput) as caught:
        StreamState(path, ORIGIN)
    assert (caught.value.key, caught.value.values["line"]) == ("stream.damaged", line)
    path.unlink()
    StreamState(path, ORIGIN).close()
