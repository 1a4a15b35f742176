"""A worker as its parent sees it: a process, and a line to it."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import sys
from typing import TYPE_CHECKING, Any, Final, Literal

from descargo_server.processes import word

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Mapping

__all__ = ["Post", "Silent"]

ANSWER_MAX_S: Final = 30.0
"""How long an answer may take. Reading an access.toml of 4 MiB takes seconds."""

COMMAND: Final = (sys.executable, "-m", "descargo_server.processes.worker")


class Silent(Exception):  # noqa: N818 - it says what is so
    """A worker gave no answer: it ended, or was too slow."""


class Post:
    """One start of one worker."""

    def __init__(
        self, process: Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Takes a process that was started."""
        self.process = process
        self.serves = False
        self._reader, self._writer = reader, writer
        self._numbers = itertools.count(word.SERVES + 1)
        loop = asyncio.get_running_loop()
        self._answers: dict[int, asyncio.Future[Any]] = {word.SERVES: loop.create_future()}
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls, task: Mapping[str, object]) -> Post:
        """Starts a process that is to do a task."""
        ours, theirs = socket.socketpair()
        with theirs:
            # Spawned, never forked: gRPC's threads and locks do not outlive a fork. A session of
            # its own, so that a terminal's Ctrl-C comes once, from the parent.
            process = await asyncio.create_subprocess_exec(
                *COMMAND,
                str(theirs.fileno()),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        reader, writer = await asyncio.open_connection(sock=ours, limit=word.LINE_BYTES_MAX)
        writer.write(json.dumps(task).encode() + b"\n")
        return cls(process, reader, writer)

    async def serving(self) -> bool:
        """Waits until it serves; False when it ended before."""
        served = self._answers[word.SERVES]
        await asyncio.wait({served, self._listening}, return_when=asyncio.FIRST_COMPLETED)
        self.serves = served.done() and not self._listening.done()
        return self.serves

    async def ended(self) -> int:
        """Waits for its end; returns the exit code, negative for a signal."""
        code = await self.process.wait()
        self.serves = False
        await self._listening
        self._writer.close()
        return code

    async def ask(self, what: Literal["reload", "metrics"], within_s: float = ANSWER_MAX_S) -> Any:
        """Its answer to a question; raises Silent."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            word.say(self._writer, word.Question(number=number, what=what))
            await asyncio.wait(
                {answer, self._listening},
                timeout=within_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            self._answers.pop(number, None)
        if not answer.done():
            raise Silent
        return answer.result()

    def stop(self) -> None:
        """Asks it to stop; asked again it hastens. One that has ended needs not be asked."""
        if self.process.returncode is None:
            self.process.terminate()

    async def _listen(self) -> None:
        while (answer := await word.hear(self._reader)) is not None:
            awaited = self._answers.get(answer["number"])
            if awaited is not None and not awaited.done():
                awaited.set_result(answer["said"])
