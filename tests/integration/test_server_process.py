"""A server process with the real core: started, called over mTLS, stopped, killed, asked again."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

import grpc
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
)
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from descargo.v1 import (
    declaration_pb2,
    license_pb2,
    submission_pb2,
    submission_service_pb2,
    submission_service_pb2_grpc,
    validation_service_pb2,
    validation_service_pb2_grpc,
)
from descargo_server.admin.pki.people import TRADER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from descargo.v1 import verdict_pb2

COMMAND = [sys.executable, "-m", "descargo_server"]
READY_S = 60
NOON = datetime.now(UTC).replace(hour=18, minute=0, second=0, microsecond=0)
"""The server's clock: noon of today in Mexico City, so that a test over midnight is the same."""


@dataclass(frozen=True)
class Process:
    """A server that runs, and how to reach it."""

    folder: Path
    port: int
    popen: subprocess.Popen[bytes]

    @contextmanager
    def channel(self, name: str) -> Iterator[grpc.Channel]:
        """A connection as one of the demo's callers."""
        tls = self.folder / "tls"
        credentials = grpc.ssl_channel_credentials(
            (tls / "ca.pem").read_bytes(),
            (tls / f"{name}.key").read_bytes(),
            (tls / f"{name}.pem").read_bytes(),
        )
        options = [("grpc.use_local_subchannel_pool", 1)]
        with grpc.secure_channel(f"localhost:{self.port}", credentials, options) as channel:
            yield channel

    def submit(
        self, request: submission_service_pb2.SubmitLicenseRequest, name: str = "se"
    ) -> verdict_pb2.Answer:
        """Submits as an agency."""
        with self.channel(name) as channel:
            stub = submission_service_pb2_grpc.SubmissionServiceStub(channel)
            return stub.SubmitLicense(request, timeout=30).answer

    def validate(
        self,
        request: validation_service_pb2.ValidateLicenseRequest,
        name: str = "lane-nuevo-laredo",
    ) -> verdict_pb2.Answer:
        """Exercises as a lane."""
        with self.channel(name) as channel:
            stub = validation_service_pb2_grpc.ValidationServiceStub(channel)
            return stub.ValidateLicense(request, timeout=30).answer

    def outcome(self, request_id: str, name: str = "lane-nuevo-laredo") -> verdict_pb2.Answer:
        """Asks for an earlier answer."""
        request = validation_service_pb2.GetOutcomeRequest(request_id=request_id)
        with self.channel(name) as channel:
            stub = validation_service_pb2_grpc.ValidationServiceStub(channel)
            return stub.GetOutcome(request, timeout=30).answer

    def end(self, number: signal.Signals) -> int:
        """Sends a signal and waits; returns the exit code."""
        self.popen.send_signal(number)
        return self.popen.wait(READY_S)


@pytest.fixture(scope="module")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo PKI with a test clock, made by the command itself."""
    folder = tmp_path_factory.mktemp("process") / "demo"
    command = [*COMMAND, "pki", "demo", "--out", str(folder), "--listen", "127.0.0.1:0"]
    subprocess.run(command, check=True, capture_output=True)
    (folder / "clock").write_text(f"{NOON.isoformat()}\n", encoding="ascii")
    with (folder / "descargo.toml").open("a", encoding="utf-8") as file:
        file.write('\n[demo]\nallow = true\nclock_file = "clock"\n')
    return folder


@contextmanager
def serving(folder: Path) -> Iterator[Process]:
    """Runs the server until the block ends; a server that still runs then is killed."""
    ready = folder / "port"
    ready.unlink(missing_ok=True)
    config = str(folder / "descargo.toml")
    command = [*COMMAND, "serve", "--config", config, "--ready-file", str(ready)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as popen:
        try:
            yield Process(folder, _port(popen, ready), popen)
        finally:
            if popen.poll() is None:
                popen.kill()


def _port(popen: subprocess.Popen[bytes], ready: Path) -> int:
    """Waits for the ready file; a server that ended instead fails with what it said."""
    give_up = time.monotonic() + READY_S
    while not ready.exists():
        if popen.poll() is not None or time.monotonic() > give_up:
            popen.kill()
            assert popen.stderr is not None
            pytest.fail(popen.stderr.read().decode())
        time.sleep(0.01)
    return int(ready.read_text(encoding="ascii"))


@pytest.fixture(scope="module")
def process(demo_folder: Path) -> Iterator[Process]:
    """A running server, shared by the tests of this file; each names licenses of its own."""
    with serving(demo_folder) as running:
        yield running


def day(offset: int) -> str:
    return (NOON + timedelta(days=offset)).date().isoformat()


def license_of(quantity: str) -> license_pb2.License:
    """A license for hot-rolled steel in kilograms, from today for 30 days."""
    every = license_pb2.Extent(every=True)
    line = license_pb2.LicenseLine(
        line_no=1,
        tariff_codes=[license_pb2.TariffCode(code="72083701", nico="01")],
        description="LAMINA DE PRUEBA",
        unit=1,
        authorized=license_pb2.Amount(quantity=quantity, value_usd="100000"),
        countries_origin_destination=license_pb2.Extent(only=["USA"]),
        countries_seller_buyer=every,
    )
    granted = license_pb2.License(
        instrument_kind=license_pb2.INSTRUMENT_KIND_PRIOR_PERMIT,
        holder=license_pb2.Party(rfc=TRADER.rfc, legal_name=TRADER.name),
        operation=license_pb2.OPERATION_TYPE_IMPORT,
        regimes=license_pb2.Extent(only=["IMD"]),
        offices=every,
        valid_from=day(0),
        valid_to=day(30),
        quantity_basis=license_pb2.QUANTITY_BASIS_UMT,
        lines=[line],
    )
    granted.notified_at.FromDatetime(NOON)
    return granted


def submission_of(
    folder: Path, number: str, quantity: str = "1000", signer: str = "se"
) -> submission_service_pb2.SubmitLicenseRequest:
    """A submission that one of the demo's e.firmas signed."""
    submission = submission_pb2.Submission(
        type="descargo.v1.Submission",
        validator="descargo.demo",
        license=license_pb2.LicenseId(agency="SE", permit_key="C1", permit_number=number),
        version=1,
        issue=license_of(quantity),
    )
    submission.signed_at.FromDatetime(NOON)
    payload = submission.SerializeToString()
    efirma = folder / "efirma"
    password = (efirma / f"{signer}.password").read_bytes()
    key = load_der_private_key((efirma / f"{signer}.key").read_bytes(), password)
    assert isinstance(key, rsa.RSAPrivateKey)
    envelope = submission_pb2.Envelope(
        payload=payload,
        signature=key.sign(payload, padding.PKCS1v15(), hashes.SHA256()),
        certificate_der=(efirma / f"{signer}.cer").read_bytes(),
    )
    return submission_service_pb2.SubmitLicenseRequest(
        request_id=str(uuid.uuid4()), envelope=envelope
    )


def exercise_of(
    number: str, firma: str, serial: int, quantity: str = "400"
) -> validation_service_pb2.ValidateLicenseRequest:
    """A declaration at Nuevo Laredo that draws from a license."""
    draw = declaration_pb2.Draw(
        license=license_pb2.LicenseId(permit_key="C1", permit_number=number),
        discharge_signature=firma,
        amount=license_pb2.Amount(quantity=quantity, value_usd="400"),
    )
    year = NOON.year % 100
    line = declaration_pb2.DeclarationLine(
        line_no=1,
        tariff_code=license_pb2.TariffCode(code="72083701", nico="01"),
        country_origin_destination="USA",
        country_seller_buyer="USA",
        umc=license_pb2.Measure(quantity=quantity, unit=1),
        umt=license_pb2.Measure(quantity=quantity, unit=1),
        value_usd="400",
        draws=[draw],
    )
    declaration = declaration_pb2.Declaration(
        declaration_number=f"{year:02}243456{year % 10}{serial:06}",
        declaration_key="A1",
        operation=license_pb2.OPERATION_TYPE_IMPORT,
        regime="IMD",
        trader=license_pb2.Party(rfc=TRADER.rfc),
        clearance_office="240",
        lines=[line],
    )
    return validation_service_pb2.ValidateLicenseRequest(
        request_id=str(uuid.uuid4()), declaration=declaration
    )


def codes_of(answer: verdict_pb2.Answer) -> list[str]:
    return [finding.code for finding in answer.verdict.findings]


def firma_of(process: Process, number: str) -> str:
    """Submits a license and returns its discharge signature."""
    answer = process.submit(submission_of(process.folder, number))
    assert answer.verdict.WhichOneof("outcome") == "firma", answer.verdict
    return answer.verdict.firma.discharge_signature


def test_license_is_issued_exercised_and_exhausted_over_mtls(process: Process) -> None:
    firma = firma_of(process, "SE-0001")
    assert len(firma) == 8
    first = exercise_of("SE-0001", firma, 1)
    answer = process.validate(first)
    assert answer.verdict.WhichOneof("outcome") == "firma", answer.verdict
    assert len(answer.verdict.firma.acceptance_code) == 8
    (movement,) = answer.verdict.firma.movements
    assert movement.balance_after.available.quantity == "600"
    assert answer.verdict.caller == "lane-nuevo-laredo"
    assert process.validate(first) == answer, "a repeated request gets the same answer"
    assert process.outcome(first.request_id) == answer
    assert process.validate(exercise_of("SE-0001", firma, 2)).verdict.HasField("firma")
    refused = process.validate(exercise_of("SE-0001", firma, 3))
    assert refused.verdict.WhichOneof("outcome") == "error"
    assert "N424" in codes_of(refused)


def test_forged_submission_is_refused_with_the_broken_chain(process: Process) -> None:
    answer = process.submit(submission_of(process.folder, "SE-0002", signer="forger"))
    assert answer.verdict.WhichOneof("outcome") == "error"
    assert "F503" in codes_of(answer)


def test_submission_of_another_agency_is_a_finding(process: Process) -> None:
    answer = process.submit(submission_of(process.folder, "SE-0003"), "semarnat")
    assert "F509" in codes_of(answer)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_answers_outlive_the_process(
    demo_folder: Path, tmp_path: Path, number: signal.Signals
) -> None:
    license_number = f"SE-1{number:03}"
    folder = shutil.copytree(demo_folder, tmp_path / "demo", ignore=shutil.ignore_patterns("data"))
    with serving(folder) as process:
        firma = firma_of(process, license_number)
        exercise = exercise_of(license_number, firma, 100 + number)
        answer = process.validate(exercise)
        assert answer.verdict.HasField("firma")
        assert process.end(number) == (-number if number is signal.SIGKILL else 0)
    # Who is killed cannot take its ready file away.
    assert (folder / "port").exists() is (number is signal.SIGKILL)
    with serving(folder) as process:
        assert process.outcome(exercise.request_id) == answer
        assert process.validate(exercise) == answer


def handshake(process: Process, version: ssl.TLSVersion) -> str | None:
    """The TLS version that the process speaks with a lane; raises OSError when none."""
    context = ssl.create_default_context(cafile=process.folder / "tls/ca.pem")
    lane = process.folder / "tls/lane-tijuana"
    context.load_cert_chain(lane.with_suffix(".pem"), lane.with_suffix(".key"))
    context.minimum_version = context.maximum_version = version
    with (
        socket.create_connection(("127.0.0.1", process.port), READY_S) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as spoken,
    ):
        return spoken.version()


def test_process_speaks_tls13_only(process: Process) -> None:
    assert handshake(process, ssl.TLSVersion.TLSv1_3) == "TLSv1.3"
    with pytest.raises(OSError, match=r".*"):
        handshake(process, ssl.TLSVersion.TLSv1_2)


def test_lane_of_another_office_may_not_exercise(process: Process) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        process.validate(exercise_of("SE-0001", "AAAAAAAA", 9), "lane-tijuana")
    assert reason_of(caught.value) == ("PERMISSION_DENIED", "ROLE_NOT_ALLOWED")


@pytest.mark.parametrize(
    ("request_bytes", "reason"),
    [
        (b"\xff", "MESSAGE_UNREADABLE"),
        (b"\x0a\x05ab", "MESSAGE_UNREADABLE"),
        (b"\x0a\x02\xff\xfe", "MESSAGE_UNREADABLE"),
        (b"\xf8\x7f\x01", "FIELD_UNKNOWN"),
    ],
    ids=["tag", "truncated", "not-utf8", "unknown-field"],
)
@pytest.mark.parametrize("method", ["ValidateLicense", "CheckLicense", "GetOutcome"], ids=str.lower)
def test_unreadable_request_is_invalid_argument(
    process: Process, method: str, request_bytes: bytes, reason: str
) -> None:
    with process.channel("lane-nuevo-laredo") as channel:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes]
        call = channel.unary_unary(f"/descargo.v1.ValidationService/{method}")
        with pytest.raises(grpc.RpcError) as caught:
            call(request_bytes, timeout=30)
    assert reason_of(caught.value) == ("INVALID_ARGUMENT", reason)


def reason_of(error: grpc.RpcError) -> tuple[str, str]:
    ended = cast("grpc.Call", error)
    details = dict(ended.trailing_metadata())["grpc-status-details-bin"]
    assert isinstance(details, bytes)
    info = ErrorInfo()
    assert Status.FromString(details).details[0].Unpack(info)
    return ended.code().name, info.reason


def test_bad_configuration_does_not_start_and_names_file_and_line(tmp_path: Path) -> None:
    config = tmp_path / "descargo.toml"
    config.write_text('validator = "descargo.demo"\nlisten = "nowhere"\n', encoding="utf-8")
    for command in (["serve"], ["config", "check"]):
        ended = subprocess.run(
            [*COMMAND, *command, "--config", str(config)], capture_output=True, check=False
        )
        assert ended.returncode == 2
        assert f"{config}:2: `listen`" in ended.stderr.decode()


def test_access_file_is_read_again_on_sighup(demo_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(demo_folder, tmp_path / "demo", ignore=shutil.ignore_patterns("data"))
    with serving(folder) as process:
        assert process.popen.stderr is not None
        assert json.loads(process.popen.stderr.readline())["event"] == "serving"
        (folder / "access.toml").write_text("# nobody\n", encoding="utf-8")
        process.popen.send_signal(signal.SIGHUP)
        told = json.loads(process.popen.stderr.readline())
        assert (told["event"], told["identities"], told["signers"]) == ("access reloaded", 0, 0)
        with pytest.raises(grpc.RpcError) as caught:
            process.outcome(str(uuid.uuid4()))
    assert reason_of(caught.value) == ("UNAUTHENTICATED", "IDENTITY_UNKNOWN")


def test_core_refuses_a_broken_revocation_table_with_its_name(demo_folder: Path) -> None:
    broken = demo_folder / "broken.toml"
    text = (demo_folder / "descargo.toml").read_text(encoding="utf-8")
    broken.write_text(text.replace('"revocations.toml"', '"bad.toml"'), encoding="utf-8")
    (demo_folder / "bad.toml").write_text("[[revoked]]\nserial = 7\n", encoding="utf-8")
    ended = subprocess.run(
        [*COMMAND, "serve", "--config", str(broken)], capture_output=True, check=False
    )
    assert ended.returncode == 2
    assert "bad.toml" in ended.stderr.decode()


def verify_raw(*arguments: str, lines: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "verify-raw", *arguments],
        input=lines,
        capture_output=True,
        text=True,
        check=False,
    )


def test_verify_raw_says_valid_and_invalid_by_its_exit_code(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    signature = key.sign(b"message", ec.ECDSA(hashes.SHA256()))
    files = {"spki": spki, "msg": b"message", "sig": signature}
    arguments = ["--alg", "ecdsa-p256-sha256"]
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        arguments += [f"--{name}", str(tmp_path / name)]
    assert verify_raw(*arguments).returncode == 0
    (tmp_path / "msg").write_bytes(b"massage")
    ended = verify_raw(*arguments)
    assert (ended.returncode, ended.stdout[:8]) == (1, "invalid:")
    assert verify_raw("--alg", "ed25519").returncode == 2
    assert verify_raw(*arguments[:-1], str(tmp_path / "none")).returncode == 2


def test_verify_raw_batch_answers_each_line() -> None:
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505 - it must be refused
    strong = rsa.generate_private_key(65537, 2048)
    lines = []
    for name, key in (("weak", weak), ("strong", strong)):
        spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        signature = key.sign(b"m", padding.PKCS1v15(), hashes.SHA256())
        question = {"alg": "rsa-pkcs1-sha256", "spki": spki.hex(), "msg": "6d"}
        lines.append(json.dumps(question | {"id": name, "sig": signature.hex()}))
    lines += ["{", json.dumps(json.loads(lines[1]) | {"id": 3, "alg": "none"})]
    ended = verify_raw("--batch", lines="\n".join(lines) + "\n")
    assert ended.returncode == 0
    answers = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [(answer["id"], answer["result"]) for answer in answers] == [
        ("weak", "invalid"),
        ("strong", "valid"),
        (None, "invalid"),
        (3, "invalid"),
    ]
    assert all(bool(answer["reason"]) is (answer["result"] == "invalid") for answer in answers)
