"""`descargo-server serve`: the process from its configuration to its exit code."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from descargo_server import app
from descargo_server.admin.exit_codes import BAD_USAGE, FAILED, OK
from descargo_server.admin.terminal import complain
from descargo_server.config.engine_settings import engine_settings
from descargo_server.config.load import load_configuration
from descargo_server.config.problems import ConfigurationInvalid
from descargo_server.telemetry.logs import configure_logs
from descargo_server.transport import ListenFailed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from descargo_server._core import Caller
    from descargo_server.config.load import Configuration
    from descargo_server.identity.registry import Identity

__all__ = ["serve"]


def serve(config_path: Path, ready_file: Path | None) -> int:
    """Serves until it is told to stop; returns the exit code."""
    configure_logs()
    try:
        configuration = load_configuration(config_path)
        return _serve(configuration, ready_file)
    except ConfigurationInvalid as invalid:
        complain(*(str(problem) for problem in invalid.problems))
        return BAD_USAGE
    except ListenFailed as failed:
        complain(str(failed))
        return FAILED


def _serve(configuration: Configuration, ready_file: Path | None) -> int:
    # Imported here: commands that make keys or check a file need no core.
    from descargo_server._core import Engine  # noqa: PLC0415

    try:
        engine = Engine(engine_settings(configuration))
    except ValueError as error:
        complain(str(error))
        return BAD_USAGE
    server = app.Server(configuration, engine, core_caller)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(app.run(server, configuration.config, ready_file))
    finally:
        # Also after a failed start: the ledger is closed in order. Closing twice is harmless.
        engine.close()
    return OK


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


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The loop of uvloop where it exists: a fifth more calls per second."""
    try:
        import uvloop  # noqa: PLC0415
    except ImportError:
        return None
    return uvloop.new_event_loop
