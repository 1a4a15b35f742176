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

    from descargo_server.config.load import Configuration
    from descargo_server.config.model import ServerConfig
    from descargo_server.engine import CallerFactory, DecisionEngine
    from descargo_server.identity.authenticator import Authenticator

__all__ = ["Server", "Stop", "run"]

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
        self.watches = Watches(limits.heartbeat_s, limits.reader_stalled_s, self._config.ledger)
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
        shared = config.server.workers > 1
        server = grpc.aio.server(
            options=transport.server_options(config.limits.connections_max, shared=shared)
        )
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
            _, self._stop_metrics = self.metrics.serve(Listen.parse(config.metrics.listen))
        self.completions.open()
        await self._say_health(health_pb2.HealthCheckResponse.SERVING)
        await server.start()
        self._server = server
        return port

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

    def reload_access(self) -> list[str]:
        """Takes access.toml and the files of [trust] anew, all or none; returns what is wrong.

        After the line that says so, every decision of this process is made under them.
        """
        problems = self._take_access()
        if problems:
            self._log.error("access refused, the old one stays", problems=problems)
        else:
            registry = self._authenticator.registry
            counts = {"identities": len(registry), "signers": len(registry.signers)}
            self._log.info("access reloaded", **counts)
        return problems

    def _take_access(self) -> list[str]:
        try:
            registry = reload_registry(self._config)
            changed = dataclasses.replace(self._configuration, registry=registry)
            self._engine.reload_authority(engine_settings(changed))
        except ConfigurationInvalid as invalid:
            return [str(problem) for problem in invalid.problems]
        except ValueError as error:
            return [str(error)]
        self._configuration = changed
        self._authenticator.registry = registry
        return []

    async def _say_health(self, status: health_pb2.HealthCheckResponse.ServingStatus) -> None:
        for service in SERVICES:
            await self._health.set(service, status)


def _authenticator(configuration: Configuration) -> Authenticator:
    config = configuration.config
    if config.demo.plaintext:
        return DemoAuthenticator(configuration.registry)
    clock = SystemClock() if config.demo.clock_file is None else FileClock(config.demo.clock_file)
    return TlsAuthenticator(configuration.registry, clock)


class Stop:
    """The wish that a server stops, and the further wish that it does not wait for its calls."""

    def __init__(self) -> None:
        """Nobody wishes it yet."""
        self.wished, self.hastened = asyncio.Event(), asyncio.Event()

    def wish(self) -> None:
        """What a signal does: the first one stops, another hastens."""
        (self.hastened if self.wished.is_set() else self.wished).set()

    def on_signals(self) -> None:
        """Takes SIGTERM and SIGINT for the wish, on the running loop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.wish)


async def run(
    server: Server, config: ServerConfig, say_port: Callable[[int | None], None], stop: Stop
) -> None:
    """Serves until SIGTERM or SIGINT. SIGHUP reads who may call and who may sign again.

    `say_port` hears the port when calls are taken, and None when they are not any more.
    """
    log = logger()
    stop.on_signals()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, server.reload_access)
    port = await server.start()
    say_port(port)
    address = Listen(host=config.address.host, port=port)
    log.info("serving", validator=config.validator, listen=str(address), tls=config.tls is not None)
    await stop.wished.wait()
    say_port(None)
    log.info("stopping", grace_s=config.limits.grace_s)
    await server.stop(stop.hastened)
    log.info("stopped")
