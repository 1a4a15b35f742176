"""Certificates written octet by octet, a scripted validator, and a way to run `descargo`."""

from __future__ import annotations

import hashlib
import json
import sys
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.hashes import SHA256
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from descargo.v1 import (
    submission_service_pb2,
    submission_service_pb2_grpc,
    validation_service_pb2,
    validation_service_pb2_grpc,
    verdict_pb2,
)
from descargo_client.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from google.protobuf.message import Message

PASSWORD = b"clave-de-prueba"
UTF8, PRINTABLE, T61, IA5, BMP, BITS = 0x0C, 0x13, 0x14, 0x16, 0x1E, 0x03

_OIDS = {
    "CN": "550403", "serial": "550405", "C": "550406", "O": "55040a", "OU": "55040b",
    "name": "550429", "uid": "55042d",
}  # fmt: skip


class CertificateMaker:
    """Writes certificates as DER, also such as strict writers refuse."""

    def tlv(self, tag: int, *parts: bytes) -> bytes:
        """One element."""
        content = b"".join(parts)
        if len(content) < 0x80:
            return bytes([tag, len(content)]) + content
        size = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
        return bytes([tag, 0x80 | len(size)]) + size + content

    def text(self, tag: int, text: str) -> bytes:
        """A string of the given type; eight-bit types get Latin-1, as old software writes them."""
        if tag == BMP:
            return self.tlv(tag, text.encode("utf-16-be"))
        if tag == BITS:
            return self.tlv(tag, b"\x00", text.encode("utf-8"))
        return self.tlv(tag, text.encode("utf-8" if tag == UTF8 else "latin-1"))

    def name(self, **values: tuple[int, str]) -> bytes:
        """A distinguished name."""
        pairs = [
            self.tlv(
                0x31, self.tlv(0x30, self.tlv(0x06, bytes.fromhex(_OIDS[kind])), self.text(*value))
            )
            for kind, value in values.items()
        ]
        return self.tlv(0x30, *pairs)

    def certificate(
        self,
        subject: bytes,
        *,
        spki: bytes | None = None,
        serial: bytes = b"30001000000400002335",
        ca: bool = False,
        validity: tuple[bytes, bytes] | None = None,
    ) -> bytes:
        """A certificate; its signature is made up, since no reader here checks it."""
        issuer = self.name(CN=(UTF8, "A.C. de pruebas"), O=(UTF8, "Autoridad de pruebas"))
        start, end = validity or (
            self.tlv(0x17, b"250516232917Z"), self.tlv(0x18, b"20290516232957Z"),
        )  # fmt: skip
        flag = self.tlv(0x01, b"\xff") if ca else b""
        constraints = self.tlv(
            0x30, self.tlv(0x06, bytes.fromhex("551d13")), self.tlv(0x04, self.tlv(0x30, flag))
        )
        algorithm = self.tlv(0x30, bytes.fromhex("06092a864886f70d01010b0500"))
        body = self.tlv(
            0x30,
            self.tlv(0xA0, self.tlv(0x02, b"\x02")),
            self.tlv(0x02, serial),
            algorithm,
            issuer,
            self.tlv(0x30, start, end),
            subject,
            spki or self.tlv(0x30, algorithm, self.tlv(0x03, b"\x00\x00")),
            self.tlv(0xA3, self.tlv(0x30, constraints)),
        )
        return self.tlv(0x30, body, algorithm, self.tlv(0x03, b"\x00\x00"))

    def person(self, spki: bytes | None = None, tag: int = UTF8) -> bytes:
        """The e.firma of an invented person."""
        subject = self.name(
            CN=(tag, "PERSONA ÑANDÚ DE PRUEBA"),
            uid=(tag, "CACX7605101P8"),
            serial=(tag, "CACX760510MGTSHC04"),
        )
        return self.certificate(subject, spki=spki)

    def encrypted_key(self, key: Any, password: bytes = PASSWORD) -> bytes:
        """PKCS#8 in DER with PBES2, PBKDF2 of 2,048 rounds and des-ede3-cbc, as SAT gives it."""
        plain = key.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        salt, start = b"saltsalt", b"initvect"
        secret = hashlib.pbkdf2_hmac("sha1", password, salt, 2048, 24)
        padding = 8 - len(plain) % 8
        encryptor = Cipher(TripleDES(secret), CBC(start)).encryptor()
        sealed = encryptor.update(plain + bytes([padding]) * padding) + encryptor.finalize()
        oid = {
            name: self.tlv(0x06, bytes.fromhex(digits))
            for name, digits in (
                ("pbes2", "2a864886f70d01050d"),
                ("pbkdf2", "2a864886f70d01050c"),
                ("des-ede3-cbc", "2a864886f70d0307"),
            )
        }
        rounds = self.tlv(0x02, (2048).to_bytes(2, "big"))
        derivation = self.tlv(0x30, oid["pbkdf2"], self.tlv(0x30, self.tlv(0x04, salt), rounds))
        cipher = self.tlv(0x30, oid["des-ede3-cbc"], self.tlv(0x04, start))
        scheme = self.tlv(0x30, oid["pbes2"], self.tlv(0x30, derivation, cipher))
        return self.tlv(0x30, scheme, self.tlv(0x04, sealed))


def spki_of(key: Any) -> bytes:
    """The public half in DER."""
    encoded: bytes = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return encoded


@dataclass(frozen=True)
class EfirmaFiles:
    """An e.firma on disk, as people have it."""

    key: Path
    cert: Path
    password_file: Path
    private_key: rsa.RSAPrivateKey

    def options(self) -> list[str]:
        """The options that name it."""
        return [
            "--key", str(self.key), "--cert", str(self.cert),
            "--password-file", str(self.password_file),
        ]  # fmt: skip


@dataclass
class Refusal:
    """How the scripted validator ends a call without an answer."""

    code: grpc.StatusCode
    reason: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    retry_after_ms: int | None = None
    message_es: str = ""
    raw_status: bytes | None = None

    def status_bytes(self) -> bytes:
        """A `google.rpc.Status` as the server sends it."""
        if self.raw_status is not None:
            return self.raw_status
        details: list[Message] = []
        if self.reason:
            details.append(error_details_pb2.ErrorInfo(reason=self.reason, domain="descargo.v1"))
        if self.fields:
            bad = error_details_pb2.BadRequest()
            for name, description in self.fields:
                bad.field_violations.add(field=name, description=description)
            details.append(bad)
        if self.message_es:
            details.append(
                error_details_pb2.LocalizedMessage(locale="es-MX", message=self.message_es)
            )
        if self.retry_after_ms is not None:
            retry = error_details_pb2.RetryInfo()
            retry.retry_delay.FromMilliseconds(self.retry_after_ms)
            details.append(retry)
        status = status_pb2.Status(code=self.code.value[0], message="refused")
        for detail in details:
            packed = any_pb2.Any()
            packed.Pack(detail)
            status.details.append(packed)
        encoded: bytes = status.SerializeToString()
        return encoded


@dataclass
class ScriptedValidator:
    """Answers what a test tells it to, and keeps what it was asked."""

    key: ec.EllipticCurvePrivateKey
    address: str = ""
    replies: deque[Any] = field(default_factory=deque)
    requests: list[Any] = field(default_factory=list)
    identities: list[str] = field(default_factory=list)
    positions: dict[str, int] = field(default_factory=dict)
    """How far each stream is answered."""
    openings: list[str] = field(default_factory=list)
    """The streams that were opened, in order."""

    def answer(self, verdict: verdict_pb2.Verdict, *texts: verdict_pb2.FindingText) -> Any:
        """An answer with a receipt that proves it."""
        verdict.type = verdict.type or "descargo.v1.Verdict"
        verdict.validator = "descargo.prueba"
        payload = verdict.SerializeToString(deterministic=True)
        key_id = hashlib.sha256(spki_of(self.key)).hexdigest()[:16]
        signature = self.key.sign(payload, ec.ECDSA(SHA256()))
        receipt = verdict_pb2.Receipt(payload=payload, signature=signature, key_id=key_id)
        return verdict_pb2.Answer(verdict=verdict, receipt=receipt, texts=texts, revision="r7")

    def refusal(self, code: grpc.StatusCode, reason: str = "", **more: Any) -> Refusal:
        """A call that ends without an answer."""
        return Refusal(code, reason, **more)

    def public_pem(self) -> bytes:
        """The key that proves receipts."""
        return self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def take(self, request: Any, context: Any) -> Any:
        """Plays the next reply; a function gets the request. An `ItemRefusal` ends the call too."""
        self.requests.append(request)
        metadata = dict(context.invocation_metadata())
        self.identities.append(metadata.get("descargo-identity", ""))
        reply = self.replies.popleft() if len(self.replies) > 1 else self.replies[0]
        if callable(reply):
            reply = reply(request)
        if isinstance(reply, verdict_pb2.ItemRefusal):
            fields = ((reply.field, reply.detail),) if reply.field else ()
            reply = Refusal(grpc.StatusCode[reply.status], reply.reason, fields)
        if isinstance(reply, Refusal):
            self.abort(reply, context)
        return reply

    def abort(self, refusal: Refusal, context: Any) -> None:
        """Ends the call."""
        context.set_trailing_metadata((("grpc-status-details-bin", refusal.status_bytes()),))
        context.abort(refusal.code, "refused")

    def stream(self, requests: Any, context: Any) -> Iterator[Any]:
        """Plays a reply for each item; a `Refusal` ends the stream, an `ItemRefusal` the item."""
        stream_id = next(requests).stream_id
        self.openings.append(stream_id)
        answered = self.positions.setdefault(stream_id, 0)
        yield submission_service_pb2.SubmitLicensesResponse(answered_sequence=answered, credit=4)
        for frame in requests:
            for sequence, item in enumerate(frame.items, start=frame.first_sequence):
                self.requests.append(item)
                reply = self.replies.popleft() if len(self.replies) > 1 else self.replies[0]
                if callable(reply):
                    reply = reply(item)
                if isinstance(reply, Refusal):
                    self.abort(reply, context)
                answer = verdict_pb2.ItemAnswer(request_id=item.request_id)
                if isinstance(reply, verdict_pb2.ItemRefusal):
                    answer.refusal.CopyFrom(reply)
                else:
                    answer.answer.CopyFrom(reply)
                self.positions[stream_id] = sequence
                yield submission_service_pb2.SubmitLicensesResponse(
                    answered_sequence=sequence, credit=4, answers=[answer]
                )


class _Submission(submission_service_pb2_grpc.SubmissionServiceServicer):
    def __init__(self, script: ScriptedValidator) -> None:
        self.script = script

    def SubmitLicense(self, request: Any, context: Any) -> Any:  # noqa: N802 - the contract's name
        return submission_service_pb2.SubmitLicenseResponse(
            answer=self.script.take(request, context)
        )

    def SubmitLicenses(self, request_iterator: Any, context: Any) -> Any:  # noqa: N802 - the contract's name
        return self.script.stream(request_iterator, context)

    def GetLicense(self, request: Any, context: Any) -> Any:  # noqa: N802 - the contract's name
        return submission_service_pb2.GetLicenseResponse(record=self.script.take(request, context))


class _Validation(validation_service_pb2_grpc.ValidationServiceServicer):
    def __init__(self, script: ScriptedValidator) -> None:
        self.script = script

    def CheckLicense(self, request: Any, context: Any) -> Any:  # noqa: N802 - the contract's name
        return validation_service_pb2.CheckLicenseResponse(
            answer=self.script.take(request, context)
        )

    def ValidateLicense(self, request: Any, context: Any) -> Any:  # noqa: N802 - the contract's name
        return validation_service_pb2.ValidateLicenseResponse(
            answer=self.script.take(request, context)
        )

    def CheckDeclaration(self, request: Any, context: Any) -> Any:  # noqa: N802 - the contract's name
        return validation_service_pb2.CheckDeclarationResponse(
            answer=self.script.take(request, context)
        )

    def ReserveDeclaration(self, request: Any, context: Any) -> Any:  # noqa: N802 - the contract's name
        return validation_service_pb2.ReserveDeclarationResponse(
            answer=self.script.take(request, context)
        )

    def PayDeclaration(self, request: Any, context: Any) -> Any:  # noqa: N802 - the contract's name
        return validation_service_pb2.PayDeclarationResponse(
            answer=self.script.take(request, context)
        )

    def ValidateDeclaration(self, request: Any, context: Any) -> Any:  # noqa: N802 - the contract's name
        return validation_service_pb2.ValidateDeclarationResponse(
            answer=self.script.take(request, context)
        )

    def ReleaseDeclaration(self, request: Any, context: Any) -> Any:  # noqa: N802 - the contract's name
        return validation_service_pb2.ReleaseDeclarationResponse(
            answer=self.script.take(request, context)
        )

    def RectifyDeclaration(self, request: Any, context: Any) -> Any:  # noqa: N802 - the contract's name
        return validation_service_pb2.RectifyDeclarationResponse(
            answer=self.script.take(request, context)
        )

    def GetOutcome(self, request: Any, context: Any) -> Any:  # noqa: N802 - the contract's name
        return validation_service_pb2.GetOutcomeResponse(answer=self.script.take(request, context))

    def ListRequiredLicenses(self, request: Any, context: Any) -> Any:  # noqa: N802 - the contract's name
        return self.script.take(request, context)


@dataclass(frozen=True)
class Ran:
    """How one run of the command line ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        """The error object on standard error."""
        return json.loads(self.err.splitlines()[-1])["error"]


@pytest.fixture(scope="session")
def certs() -> CertificateMaker:
    """Writes certificates."""
    return CertificateMaker()


@pytest.fixture(scope="session")
def rsa_key() -> rsa.RSAPrivateKey:
    """One key for all, since making one takes long."""
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
def efirma(tmp_path: Path, certs: CertificateMaker, rsa_key: rsa.RSAPrivateKey) -> EfirmaFiles:
    """An e.firma on disk."""
    files = EfirmaFiles(tmp_path / "a.key", tmp_path / "a.cer", tmp_path / "password", rsa_key)
    files.key.write_bytes(certs.encrypted_key(rsa_key))
    files.cert.write_bytes(certs.person(spki_of(rsa_key)))
    files.password_file.write_bytes(PASSWORD + b"\r\n")
    files.password_file.chmod(0o600)
    return files


@pytest.fixture
def validator() -> Iterator[ScriptedValidator]:
    """A real gRPC server on loopback that plays a script."""
    script = ScriptedValidator(ec.generate_private_key(ec.SECP256R1()))
    server = grpc.server(ThreadPoolExecutor(4))
    submission = _Submission(script)  # type: ignore[abstract]  # scripts play unary calls
    submission_service_pb2_grpc.add_SubmissionServiceServicer_to_server(submission, server)
    validation_service_pb2_grpc.add_ValidationServiceServicer_to_server(_Validation(script), server)
    script.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield script
    server.stop(None).wait()


@pytest.fixture
def descargo(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Ran]:
    """Runs the command line in this process, without any setting of the machine's."""
    for name in ("SERVER", "TLS_CERT", "TLS_KEY", "TLS_CA", "PROFILE", "LANG", "VALIDATOR",
                 "PLAINTEXT", "IDENTITY", "TIMEOUT", "SERVER_NAME"):  # fmt: skip
        monkeypatch.delenv(f"DESCARGO_{name}", raising=False)
    monkeypatch.setenv("TERMINAL_WIDTH", "120")
    for stream in ("stdout", "stderr"):
        monkeypatch.setattr(getattr(sys, stream), "isatty", lambda: False, raising=False)

    def run(*arguments: object) -> Ran:
        capsys.readouterr()
        code = main([str(each) for each in arguments])
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run
