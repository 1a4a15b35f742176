"""A core that does what a test says, and a real server on loopback around it."""

from __future__ import annotations

import asyncio
import os
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from descargo_server.admin.pki import write_demo_pki
from descargo_server.app import Server
from descargo_server.config.load import Configuration
from descargo_server.config.model import ServerConfig
from descargo_server.identity.registry import Identity, Registry
from descargo_server.identity.roles import Role
from descargo_server.refused import Refused

import grpc  # isort: skip - after transport has set its cipher suites

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from descargo_server._core import Caller, SubmissionStream
    from descargo_server.engine import Completion, Refusal


@dataclass
class FakeEngine:
    """Answers `answer` to everything, unless `behave` does something else or `hold` is set."""

    answer: bytes = b"answered"
    refusal: Refusal | None = None
    hold: bool = False
    behave: Callable[[bytes], None] = lambda _: None
    drain_fault: BaseException | None = None
    timeouts: list[float | None] = field(default_factory=list)
    callers: list[str] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)
    closed: int = 0
    authority: str = ""
    """Settings of the last reload."""
    bad_authority: str = ""
    """Why the next reload is refused."""
    drains: int = 0
    _queue: list[Completion] = field(default_factory=list)
    _tickets: int = 0
    _fd: int = field(default_factory=lambda: os.eventfd(0, os.EFD_NONBLOCK))

    def wakeup_fd(self) -> int:
        """Readable when something is queued."""
        return self._fd

    def drain(self) -> list[Completion]:
        """What is queued, or the fault that a test has set."""
        if self._queue:
            os.eventfd_read(self._fd)
        self.drains += bool(self._queue)
        drained, self._queue = self._queue, []
        fault, self.drain_fault = self.drain_fault, None
        if fault is not None:
            raise fault
        return drained

    def complete(self, ticket: int, answer: bytes | None, refusal: Refusal | None) -> None:
        """What the writer thread does: queue first, then wake the loop."""
        self._queue.append((ticket, answer, refusal))
        os.eventfd_write(self._fd, 1)

    def submit_license(self, caller: Caller, request: bytes, timeout_s: float | None) -> int:
        """A ticket."""
        return self._ticket(caller, request, timeout_s)

    def validate_license(self, caller: Caller, request: bytes, timeout_s: float | None) -> int:
        """A ticket."""
        return self._ticket(caller, request, timeout_s)

    def reload_authority(self, settings_json: str) -> None:
        """Keeps the settings, or refuses them."""
        if self.bad_authority:
            raise ValueError(self.bad_authority)
        self.authority = settings_json

    def check_license(self, caller: Caller, request: bytes) -> bytes:
        """An answer at once."""
        return self._at_once(caller, request)

    def reserve_declaration(self, caller: Caller, request: bytes, timeout_s: float | None) -> int:
        """A ticket."""
        return self._ticket(caller, request, timeout_s)

    def pay_declaration(self, caller: Caller, request: bytes, timeout_s: float | None) -> int:
        """A ticket."""
        return self._ticket(caller, request, timeout_s)

    def validate_declaration(self, caller: Caller, request: bytes, timeout_s: float | None) -> int:
        """A ticket."""
        return self._ticket(caller, request, timeout_s)

    def release_declaration(self, caller: Caller, request: bytes, timeout_s: float | None) -> int:
        """A ticket."""
        return self._ticket(caller, request, timeout_s)

    def rectify_declaration(self, caller: Caller, request: bytes, timeout_s: float | None) -> int:
        """A ticket."""
        return self._ticket(caller, request, timeout_s)

    def check_declaration(self, caller: Caller, request: bytes) -> bytes:
        """An answer at once."""
        return self._at_once(caller, request)

    def get_license(self, caller: Caller, request: bytes) -> bytes:
        """An answer at once."""
        return self._at_once(caller, request)

    def get_outcome(self, caller: Caller, request: bytes) -> bytes:
        """An answer at once."""
        return self._at_once(caller, request)

    def list_required_licenses(self, request: bytes) -> bytes:
        """An answer at once."""
        self.behave(request)
        return self.answer

    def list_licenses(self, caller: Caller, request: bytes) -> bytes:
        """An answer at once."""
        return self._at_once(caller, request)

    def list_license_versions(self, caller: Caller, request: bytes) -> bytes:
        """An answer at once."""
        return self._at_once(caller, request)

    def report_activity(self, caller: Caller, request: bytes) -> bytes:
        """An answer at once."""
        return self._at_once(caller, request)

    def enroll_signer(self, caller: Caller, request: bytes, timeout_s: float | None) -> int:
        """A ticket."""
        return self._ticket(caller, request, timeout_s)

    def revoke_certificate(self, caller: Caller, request: bytes, timeout_s: float | None) -> int:
        """A ticket."""
        return self._ticket(caller, request, timeout_s)

    def quarantine_certificate(
        self, caller: Caller, request: bytes, timeout_s: float | None
    ) -> bytes:
        """An answer at once."""
        del timeout_s
        return self._at_once(caller, request)

    def list_affected_licenses(self, caller: Caller, request: bytes) -> bytes:
        """An answer at once."""
        return self._at_once(caller, request)

    def list_signers(self, caller: Caller, request: bytes) -> bytes:
        """An answer at once."""
        return self._at_once(caller, request)

    def get_balance(self, caller: Caller, request: bytes) -> bytes:
        """An answer at once."""
        return self._at_once(caller, request)

    def list_movements(self, caller: Caller, request: bytes) -> bytes:
        """An answer at once."""
        return self._at_once(caller, request)

    def watch_from(self, request: bytes) -> str:
        """The request as it is."""
        return request.decode("utf-8")

    def watch_part(self, caller: Caller, cursor: str) -> tuple[list[bytes], str, bool]:
        """No events."""
        self._at_once(caller, cursor.encode())
        return [], cursor, False

    def open_stream(self, caller: Caller, first_message: bytes) -> SubmissionStream:
        """Opens none."""
        self._at_once(caller, first_message)
        raise Refused("OVERLOADED")

    def today(self) -> str:
        """Always the same day."""
        return "2026-05-12"

    def day_alerts(
        self, caller: Caller, cursor: str, after: tuple[str, str, str] | None
    ) -> tuple[list[bytes], tuple[str, str, str] | None]:
        """None."""
        del caller, cursor, after
        return [], None

    def close(self) -> None:
        """Counts."""
        self.closed += 1

    def dispose(self) -> None:
        """Gives the descriptor back."""
        os.close(self._fd)

    def _at_once(self, caller: Caller, request: bytes) -> bytes:
        self.callers.append(str(caller))
        self.requests.append(request)
        self.behave(request)
        return self.answer

    def _ticket(self, caller: Caller, request: bytes, timeout_s: float | None) -> int:
        self.timeouts.append(timeout_s)
        self._at_once(caller, request)
        self._tickets += 1
        if not self.hold:
            answer = None if self.refusal else self.answer
            self.complete(self._tickets, answer, self.refusal)
        return self._tickets


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    fake = FakeEngine()
    yield fake
    fake.dispose()


def caller_of(identity: Identity) -> Caller:
    """Stands for the core's caller: its name is all that the fake engine looks at."""
    return cast("Caller", identity.name)


@pytest.fixture
def named_caller() -> Callable[[Identity], Caller]:
    """What makes the fake engine's callers."""
    return caller_of


def demo_identities() -> list[Identity]:
    """One identity of each role, named like the role."""
    return [
        Identity.model_validate({"name": role.value.replace("_", "-"), "role": role})
        for role in Role
    ]


def plaintext_configuration(folder: Path, **limits: object) -> Configuration:
    """A configuration that needs no files: loopback, plaintext, a free port."""
    table = {
        "validator": "descargo.demo",
        "listen": "127.0.0.1:0",
        "data_dir": "data",
        "access": "access.toml",
        "trust": {"anchors": "ca.pem"},
        "keys": {"receipt": "receipt.pem", "codes": "codes"},
        "demo": {"plaintext": True},
        "limits": limits,
    }
    config = ServerConfig.model_validate(table, context={"folder": folder})
    return Configuration(config, Registry(demo_identities()), folder / "c", folder / "i")


@dataclass(frozen=True)
class Running:
    """A server that is up, and a channel to it."""

    server: Server
    channel: grpc.aio.Channel

    async def call(
        self,
        method: str,
        request: bytes = b"request",
        *,
        as_role: str = "lane",
        timeout: float | None = 10,  # noqa: ASYNC109 - it is the call's deadline
    ) -> bytes:
        """Calls one method with bytes as one of the demo's identities."""
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
        call = self.channel.unary_unary(f"/descargo.v1.{method}")
        metadata = (("descargo-identity", as_role),)
        return await call(request, metadata=metadata, timeout=timeout)


@pytest.fixture
async def served(engine: FakeEngine, tmp_path: Path) -> AsyncIterator[Running]:
    """A plaintext server around the fake engine, stopped at the end."""
    server = Server(plaintext_configuration(tmp_path, grace_s=5), engine, caller_of)
    port = await server.start()
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options) as channel:
        yield Running(server, channel)
    await server.stop(asyncio.Event())


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo PKI that tests only read."""
    folder = tmp_path_factory.mktemp("demo-pki")
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    write_demo_pki(folder, "127.0.0.1:0", midnight - timedelta(days=1))
    return folder


@pytest.fixture
def demo_copy(demo_folder: Path, tmp_path: Path) -> Path:
    """A demo PKI that a test may spoil."""
    return Path(shutil.copytree(demo_folder, tmp_path / "demo"))
