"""Puts up what is measured: a demo PKI, a validator with licenses, an empty server beside it."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import grpc

from descargo.v1 import (
    submission_service_pb2,
    validation_service_pb2,
)
from descargo_server.config.engine_settings import engine_settings
from descargo_server.config.load import load_configuration
from loadtests.bench.corpus import Agency, Corpus, Requests, broker_licenses, permit_number

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from descargo.v1 import submission_service_pb2 as submissions

Call: TypeAlias = "grpc.UnaryUnaryMultiCallable[bytes, bytes]"

__all__ = [
    "LANE",
    "Filled",
    "Serving",
    "Stage",
    "answer_bytes",
    "demo_folder",
    "serving",
    "serving_validator",
    "staged",
]

LANE: Final = "lane-nuevo-laredo"
AGENCY: Final = "se"
READY_S: Final = 60.0
STOP_S: Final = 20.0
POLL_S: Final = 0.01
CALL_TIMEOUT_S: Final = 30.0
SUBMIT: Final = "/descargo.v1.SubmissionService/SubmitLicense"
CHECK: Final = "/descargo.v1.ValidationService/CheckLicense"
SUBMISSIONS_AT_ONCE: Final = 64
TRIAL_CLIENT: Final = 999
"""Number of the client that tries one call of each; load clients count from 0."""
PEERS: Final = 998
"""Number of the client that tries the same once more, for others beside us."""


@dataclass(frozen=True, slots=True)
class Serving:
    """A server process that answers."""

    pid: int
    port: int

    @property
    def target(self) -> str:
        """Where to connect. The demo's server certificate names `localhost`."""
        return f"localhost:{self.port}"


@dataclass(frozen=True, slots=True)
class Filled:
    """A validator with licenses."""

    folder: Path
    """The demo folder: keys, certificates, configuration, ledger."""
    corpus_path: Path
    validator: Serving


@dataclass(frozen=True, slots=True)
class Stage(Filled):
    """Everything that load is put on."""

    empty: Serving
    core_inputs: Path
    """Folder of what the core's bench reads."""


@contextmanager
def staged(folder: Path, licenses: int) -> Iterator[Stage]:
    """A validator with that many licenses and an empty server, until the block ends."""
    demo = demo_folder(folder)
    corpus_path = folder / "corpus.json"
    with ExitStack() as stack:
        validator = stack.enter_context(serving_validator(demo))
        corpus = _seeded(demo, validator, licenses)
        corpus.write(corpus_path)
        core_inputs = _core_inputs(folder, demo, corpus)
        sizes = _answer_bytes(demo, validator, corpus)
        arguments = ["-m", "loadtests.bench.empty_server", str(demo), str(demo / "empty.port")]
        arguments += [str(size) for size in sizes]
        empty = stack.enter_context(serving(demo, "empty", [sys.executable, *arguments]))
        yield Stage(demo, corpus_path, validator, empty, core_inputs)


def answer_bytes(stage: Stage) -> tuple[int, int]:
    """How many bytes the validator answers to a check and to a validation."""
    return _answer_bytes(stage.folder, stage.validator, Corpus.read(stage.corpus_path), PEERS)


def demo_folder(folder: Path, workers: int = 1) -> Path:
    """A new demo folder: keys, certificates, configuration; no ledger yet."""
    demo = folder / "demo"
    _run("-m", "descargo_server", "pki", "demo", "--out", str(demo), "--listen", "127.0.0.1:0")
    if workers > 1:
        with (demo / "descargo.toml").open("a", encoding="utf-8") as file:
            file.write(f"\n[server]\nworkers = {workers}\n")
    return demo


def serving_validator(demo: Path) -> AbstractContextManager[Serving]:
    """A validator on the demo folder's ledger, until the block ends."""
    return serving(demo, "validator", [sys.executable, *_validator_arguments(demo)])


def lane_channel(demo: Path, target: str, caller: str = LANE) -> grpc.Channel:
    """A synchronous connection as one of the demo's callers."""
    tls = demo / "tls"
    credentials = grpc.ssl_channel_credentials(
        (tls / "ca.pem").read_bytes(),
        (tls / f"{caller}.key").read_bytes(),
        (tls / f"{caller}.pem").read_bytes(),
    )
    return grpc.secure_channel(target, credentials, [("grpc.use_local_subchannel_pool", 1)])


def _run(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)  # noqa: S603 - ours


def _validator_arguments(demo: Path) -> list[str]:
    config, ready = str(demo / "descargo.toml"), str(demo / "validator.port")
    return ["-m", "descargo_server", "serve", "--config", config, "--ready-file", ready]


@contextmanager
def serving(demo: Path, name: str, command: list[str]) -> Iterator[Serving]:
    """Runs a server that writes its port to `name`.port; what it says goes to `name`.log."""
    ready = demo / f"{name}.port"
    with (
        (demo / f"{name}.log").open("wb") as log,
        subprocess.Popen(command, stderr=log, stdout=log) as popen,  # noqa: S603 - ours
    ):
        try:
            yield Serving(popen.pid, _port(popen, ready))
        finally:
            popen.send_signal(signal.SIGTERM)
            try:
                popen.wait(STOP_S)
            except subprocess.TimeoutExpired:
                popen.kill()


def _port(popen: subprocess.Popen[bytes], ready: Path) -> int:
    give_up = time.monotonic() + READY_S
    while not ready.exists():
        if popen.poll() is not None or time.monotonic() > give_up:
            raise RuntimeError(
                f"a server did not start; it says why in {ready.with_suffix('.log')}"
            )
        time.sleep(POLL_S)
    return int(ready.read_text(encoding="ascii"))


def _seeded(demo: Path, validator: Serving, licenses: int) -> Corpus:
    """Submits licenses as an agency, some at a time, and keeps their discharge signatures."""
    agency = Agency(demo, AGENCY)
    accepted: list[tuple[str, str]] = []
    with lane_channel(demo, validator.target, AGENCY) as channel:
        submit = channel.unary_unary(
            SUBMIT,
            request_serializer=submission_service_pb2.SubmitLicenseRequest.SerializeToString,
            response_deserializer=submission_service_pb2.SubmitLicenseResponse.FromString,
        )
        for first in range(0, licenses, SUBMISSIONS_AT_ONCE):
            numbers = [
                permit_number(position)
                for position in range(first, min(first + SUBMISSIONS_AT_ONCE, licenses))
            ]
            calls = [
                submit.future(agency.submission(number), timeout=CALL_TIMEOUT_S)
                for number in numbers
            ]
            accepted += [
                (number, _firma(call.result())) for number, call in zip(numbers, calls, strict=True)
            ]
    catalogue = load_configuration(demo / "descargo.toml").catalogue
    return Corpus(accepted, broker_licenses(catalogue))


def _firma(response: submissions.SubmitLicenseResponse) -> str:
    verdict = response.answer.verdict
    if not verdict.HasField("firma"):
        codes = [finding.code for finding in verdict.findings]
        raise RuntimeError(f"the bench's own license was refused: {codes}")
    return verdict.firma.discharge_signature


def _core_inputs(folder: Path, demo: Path, corpus: Corpus) -> Path:
    """A copy of the ledger, its settings and example requests, for the engine without a server."""
    inputs = folder / "core"
    inputs.mkdir()
    configuration = load_configuration(demo / "descargo.toml")
    settings = engine_settings(configuration)
    with (
        closing(sqlite3.connect(configuration.config.ledger)) as source,
        closing(sqlite3.connect(inputs / "ledger.sqlite3")) as copy,
    ):
        source.backup(copy)
    corpus.write(inputs / "corpus.json")
    (inputs / "settings.json").write_text(settings, encoding="utf-8")
    request = next(Requests(corpus, 0, 1).validations())
    (inputs / "validate.binpb").write_bytes(request)
    submission = Agency(demo, AGENCY).submission(permit_number(0))
    (inputs / "submit.binpb").write_bytes(submission.SerializeToString())
    return inputs


def _answer_bytes(
    demo: Path, validator: Serving, corpus: Corpus, client_no: int = TRIAL_CLIENT
) -> tuple[int, int]:
    requests = Requests(corpus, client_no, 1)
    with lane_channel(demo, validator.target) as channel:
        check: Call = channel.unary_unary(CHECK)
        validate: Call = channel.unary_unary(CHECK.replace("Check", "Validate"))
        checked = check(next(requests.checks()), timeout=CALL_TIMEOUT_S)
        validated = validate(next(requests.validations()), timeout=CALL_TIMEOUT_S)
    preview = validation_service_pb2.CheckLicenseResponse.FromString(checked)
    firma = validation_service_pb2.ValidateLicenseResponse.FromString(validated)
    if not preview.answer.verdict.HasField("preview") or not firma.answer.verdict.HasField("firma"):
        raise RuntimeError(f"the bench's own declaration was refused: {preview} {firma}")
    return len(checked), len(validated)
