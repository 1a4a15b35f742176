"""One server process: started from a checked configuration, stopped without losing an answer.

Order of a stop: health says NOT_SERVING, no new call is taken, calls in flight end within the
grace, then the core finishes its queue and closes the ledger. A second signal ends the grace at
once; what the core has begun is still finished, since an acknowledged draw must be durable.
"""

from __future__ import annotations

import asyncio
import dataclasses
import signal
from typing import TYPE_CHECKING, Final

from descargo_server import transport  # first: it must run before grpc's core starts
from descargo_server.clock import FileClock, SystemClock
from descargo_server.completions import Completions
from descargo_server.config.engine_settings import engine_settings
from descargo_server.config.load import reload_registry
from descargo_server.config.model import Listen
from descargo_server.config.problems import ConfigurationInvalid
from descargo_server.identity.authenticator import DemoAuthenticator, TlsAuthenticator
from descargo_server.identity.callers import Callers
from descargo_server.identity.outstanding import Outstanding
from descargo_server.identity.permissions import (
    OPERATIONS_SERVICE,
    SUBMISSION_SERVICE,
    VALIDATION_SERVICE,
)
from descargo_server.rpc.handlers import Desk
from descargo_server.rpc.operations import operations_service
from descargo_server.rpc.submission import submission_service
from descargo_server.rpc.validation import validation_service
from descargo_server.streams.submit import Submissions
from descargo_server.streams.watch import Watches
from descargo_server.telemetry.logs import logger
from descargo_server.telemetry.metrics import Metrics

import grpc  # isort: skip
from grpc_health.v1 import health, health_pb2, health_pb2_grpc  # isort: skip

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from descargo_server.config.load import Configuration
    from descargo_server.config.model import ServerConfig
    from descargo_server.engine import CallerFactory, DecisionEngine
    from descargo_server.identity.authenticator import Authenticator

__all__ = ["Server", "run"]

SERVICES: Final = ("", VALIDATION_SERVICE, SUBMISSION_SERVICE, OPERATIONS_SERVICE)
"""What health answers about; the empty name is the whole server."""


class Server:
    """A gRPC server around one core."""

    def __init__(
        self, configuration: Configuration, engine: DecisionEngine, caller_factory: CallerFactory
    ) -> None:
        """Prepares everything that needs no running loop."""
        self._configuration = configuration
        self._config = configuration.config
        self._engine = engine
        self._log = logger()
        self.metrics = Metrics()
        self.completions = Completions(engine, self.metrics)
        self.outstanding = Outstanding()
        self.metrics.watch_pending(self.completions.__len__)
        limits = self._config.limits
        self.watches = Watches(limits.heartbeat_s, limits.reader_stalled_s)
        self.submissions = Submissions(limits.reader_stalled_s)
        self.completions.on_commit = self.watches.wake
        self._authenticator = _authenticator(configuration)
        self._desk = Desk(
            engine,
            self.completions,
            self._authenticator,
            Callers(caller_factory),
            self.outstanding,
            self.metrics,
            self._log,
        )
        self._health = health.aio.HealthServicer()
        self._server: grpc.aio.Server | None = None
        self._stop_metrics: Callable[[], None] | None = None

    async def start(self) -> int:
        """Listens and answers; returns the port. Raises transport.ListenFailed with a remedy."""
        config = self._config
        server = grpc.aio.server(options=transport.server_options(config.limits.connections_max))
        server.add_generic_rpc_handlers(
            (
                validation_service(self._desk),
                submission_service(self._desk, self.watches, self.submissions),
                operations_service(self._desk),
            )
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        port = transport.bind(server, config)
        if config.metrics.listen:
            self._stop_metrics = self._serve_metrics(Listen.parse(config.metrics.listen))
        self.completions.open()
        await self._say_health(health_pb2.HealthCheckResponse.SERVING)
        await server.start()
        self._server = server
        return port

    def _serve_metrics(self, listen: Listen) -> Callable[[], None]:
        try:
            _, stop = self.metrics.serve(listen)
        except OSError as error:
            remedy = "stop what listens there, or change `[metrics] listen`"
            raise transport.ListenFailed(f"no metrics at `{listen}` - {remedy}") from error
        return stop

    async def stop(self, hasten: asyncio.Event) -> None:
        """Ends calls within the grace, then the core. `hasten` ends the grace."""
        await self._health.enter_graceful_shutdown()
        self.watches.close()
        self.submissions.close()
        if self._server is not None:
            stopping = asyncio.ensure_future(self._server.stop(self._config.limits.grace_s))
            hastened = asyncio.ensure_future(hasten.wait())
            await asyncio.wait({stopping, hastened}, return_when=asyncio.FIRST_COMPLETED)
            if not stopping.done():
                await self._server.stop(0)
            await stopping
            hastened.cancel()
        # In a thread: closing waits for a commit, and the loop must go on taking answers meanwhile.
        await asyncio.to_thread(self._engine.close)
        self.completions.close()
        if self._stop_metrics is not None:
            self._stop_metrics()

    def reload_access(self) -> None:
        """Takes access.toml and the files of [trust] anew, all or none; a bad one is logged.

        After the line that says so, every decision is made under them.
        """
        try:
            registry = reload_registry(self._config)
            changed = dataclasses.replace(self._configuration, registry=registry)
            self._engine.reload_authority(engine_settings(changed))
        except ConfigurationInvalid as invalid:
            self._refuse_access([str(problem) for problem in invalid.problems])
            return
        except ValueError as error:
            self._refuse_access([str(error)])
            return
        self._configuration = changed
        self._authenticator.registry = registry
        counts = {"identities": len(registry), "signers": len(registry.signers)}
        self._log.info("access reloaded", **counts)

    def _refuse_access(self, problems: list[str]) -> None:
        self._log.error("access refused, the old one stays", problems=problems)

    async def _say_health(self, status: health_pb2.HealthCheckResponse.ServingStatus) -> None:
        for service in SERVICES:
            await self._health.set(service, status)


def _authenticator(configuration: Configuration) -> Authenticator:
    config = configuration.config
    if config.demo.plaintext:
        return DemoAuthenticator(configuration.registry)
    clock = SystemClock() if config.demo.clock_file is None else FileClock(config.demo.clock_file)
    return TlsAuthenticator(configuration.registry, clock)


async def run(server: Server, config: ServerConfig, ready_file: Path | None) -> None:
    """Serves until SIGTERM or SIGINT. SIGHUP reads who may call and who may sign again.

    The ready file is there exactly while calls are taken, with the port in it.
    """
    _say_ready(ready_file, None)
    log = logger()
    stop, hasten = asyncio.Event(), asyncio.Event()

    def on_stop() -> None:
        (hasten if stop.is_set() else stop).set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_stop)
    loop.add_signal_handler(signal.SIGHUP, server.reload_access)
    port = await server.start()
    _say_ready(ready_file, port)
    address = Listen(host=config.address.host, port=port)
    log.info("serving", validator=config.validator, listen=str(address), tls=config.tls is not None)
    await stop.wait()
    _say_ready(ready_file, None)
    log.info("stopping", grace_s=config.limits.grace_s)
    await server.stop(hasten)
    log.info("stopped")


def _say_ready(path: Path | None, port: int | None) -> None:
    """Writes the port, or takes the file away; a script that waits never reads half of it."""
    if path is None:
        return
    if port is None:
        path.unlink(missing_ok=True)
        return
    unfinished = path.with_name(f".{path.name}.new")
    unfinished.write_text(f"{port}\n", encoding="ascii")
    unfinished.replace(path)
