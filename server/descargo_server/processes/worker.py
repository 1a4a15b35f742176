"""One of several server processes: `python -m descargo_server.processes.worker FD`, by its parent.

Its first line from the parent is what to serve, so that all workers have the same configuration
whenever they start. When the parent has ended it stops too, as after SIGTERM: nobody would start it
anew, nor tell it of a changed access.toml.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from descargo_server import app
from descargo_server.admin.exit_codes import OK
from descargo_server.admin.serve import exit_code_of, on_a_loop, opened
from descargo_server.config.load import same_configuration
from descargo_server.config.model import ServerConfig
from descargo_server.processes import word
from descargo_server.telemetry.logs import configure_logs, logger

if TYPE_CHECKING:
    from descargo_server.app import Server

__all__ = ["main"]


def main() -> None:
    """Serves what the parent says at the descriptor that is named; exits as `serve` does."""
    parent = socket.socket(fileno=int(sys.argv[1]))
    sys.exit(exit_code_of(lambda: on_a_loop(_work(parent))))


async def _work(parent: socket.socket) -> int:
    reader, writer = await asyncio.open_connection(sock=parent, limit=word.LINE_BYTES_MAX)
    task = await word.hear(reader)
    if task is None:
        return OK
    configure_logs(task["worker"])
    config = ServerConfig.model_validate(task["config"])
    configuration = same_configuration(config, Path(task["catalogue"]))
    stop = app.Stop()
    with opened(configuration) as server:
        listening = asyncio.create_task(_answer(server, reader, writer, stop))
        try:
            await app.run(server, config, partial(_say_port, writer), stop)
        finally:
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening
    return OK


def _say_port(writer: asyncio.StreamWriter, port: int | None) -> None:
    if port is not None:
        word.say(writer, word.Answer(number=word.SERVES, said=port))


async def _answer(
    server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stop: app.Stop
) -> None:
    """Answers the parent until it ends; whatever ends the answers stops the worker too."""
    try:
        await _answers(server, reader, writer)
        logger().error("the parent has ended")
    finally:
        stop.wished.set()


async def _answers(
    server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    while (question := await word.hear(reader)) is not None:
        said: object
        match question["what"]:
            case "reload":
                # Only whether there is a problem: all of them are in this worker's log.
                said = server.reload_access()[:1]
            case "metrics":
                said = server.metrics.families()
            case unknown:
                raise ValueError(f"a question that no worker knows: {unknown}")
        word.say(writer, word.Answer(number=question["number"], said=said))


if __name__ == "__main__":
    main()
