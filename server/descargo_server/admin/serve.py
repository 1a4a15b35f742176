"""`descargo-server serve`: from the configuration to the exit code, in one process or several."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from descargo_server import app
from descargo_server.admin.exit_codes import BAD_USAGE, FAILED, OK
from descargo_server.admin.terminal import complain
from descargo_server.config.engine_settings import engine_settings
from descargo_server.config.load import load_configuration
from descargo_server.config.model import Listen
from descargo_server.config.problems import ConfigurationInvalid
from descargo_server.processes.all_metrics import AllMetrics
from descargo_server.processes.parent import Parent
from descargo_server.processes.port import HeldPort
from descargo_server.processes.ready_file import ReadyFile
from descargo_server.telemetry.logs import configure_logs
from descargo_server.telemetry.metrics import serve_metrics
from descargo_server.transport import ListenFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from pathlib import Path

    from descargo_server._core import Caller
    from descargo_server.config.load import Configuration
    from descargo_server.identity.registry import Identity

__all__ = ["core_caller", "exit_code_of", "on_a_loop", "opened", "serve"]

ResultT = TypeVar("ResultT")


class CoreRefuses(Exception):  # noqa: N818 - it says what happened
    """The core cannot work with what the configuration names; says which file and why."""


def serve(config_path: Path, ready_file: Path | None) -> int:
    """Serves until it is told to stop; returns the exit code."""
    configure_logs()

    def served() -> int:
        configuration = load_configuration(config_path)
        ready = ReadyFile(ready_file)
        several = configuration.config.server.workers > 1
        return (_by_workers if several else _by_itself)(configuration, ready)

    return exit_code_of(served)


def exit_code_of(served: Callable[[], int]) -> int:
    """Serves; what keeps a server from starting is told, each with its exit code."""
    try:
        return served()
    except ConfigurationInvalid as invalid:
        complain(*(str(problem) for problem in invalid.problems))
        return BAD_USAGE
    except CoreRefuses as refuses:
        complain(str(refuses))
        return BAD_USAGE
    except ListenFailed as failed:
        complain(str(failed))
        return FAILED


def _by_itself(configuration: Configuration, ready: ReadyFile) -> int:
    with opened(configuration) as server:
        on_a_loop(app.run(server, configuration.config, ready.say, app.Stop()))
    return OK


def _by_workers(configuration: Configuration, ready: ReadyFile) -> int:
    held = HeldPort(configuration.config.address)

    async def run() -> int:
        parent = Parent(configuration, held.port, ready)
        listen = configuration.config.metrics.listen
        if not listen:
            return await parent.run()
        _, stop_metrics = serve_metrics(Listen.parse(listen), AllMetrics(parent).registry)
        try:
            return await parent.run()
        finally:
            # In a thread: a reader that it waits for may be waiting for this loop.
            await asyncio.to_thread(stop_metrics)

    try:
        return on_a_loop(run())
    finally:
        held.close()


@contextmanager
def opened(configuration: Configuration) -> Iterator[app.Server]:
    """A server around a core; raises CoreRefuses."""
    # Imported here: commands that make keys or check a file need no core.
    from descargo_server._core import Engine  # noqa: PLC0415

    try:
        engine = Engine(engine_settings(configuration))
    except ValueError as error:
        raise CoreRefuses(str(error)) from error
    try:
        yield app.Server(configuration, engine, core_caller)
    finally:
        # Also after a failed start: the ledger is closed in order. Closing twice is harmless.
        engine.close()


def core_caller(identity: Identity) -> Caller:
    """The caller as the core knows it."""
    from descargo_server._core import Caller  # noqa: PLC0415

    return Caller(
        identity.name,
        identity.role.value,
        agency=identity.agency,
        permit_keys=identity.permit_keys,
        office=identity.office,
        broker_license=identity.broker_license,
        rfc=identity.rfc,
        agencies=[(each.agency, each.permit_keys) for each in identity.agencies],
    )


def on_a_loop(serving: Coroutine[object, object, ResultT]) -> ResultT:
    """Runs it on a loop of its own."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(serving)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The loop of uvloop where it exists: a fifth more calls per second."""
    try:
        import uvloop  # noqa: PLC0415
    except ImportError:
        return None
    return uvloop.new_event_loop
