"""The parent of several server processes: starts them, starts anew who dies, passes word on.

It takes no call and decides nothing. The first worker starts alone, since it may have to make the
ledger, and since what keeps one from starting mostly keeps all of them. A worker that ends before
all have served ends the server, with its exit code. Later one that ends is started again, after a
pause that grows while it does not live long; when none serves and one cannot start, the server
ends, so that whoever watches over it sees what an operator must see.
"""

from __future__ import annotations

import asyncio
import signal
import time
from typing import TYPE_CHECKING, Final

from descargo_server.config.model import MetricsSection
from descargo_server.processes.post import Post, Silent
from descargo_server.telemetry.logs import logger

if TYPE_CHECKING:
    from descargo_server.config.load import Configuration
    from descargo_server.processes.ready_file import ReadyFile

__all__ = ["Parent"]

PAUSE_MIN_S: Final = 0.5
PAUSE_MAX_S: Final = 30.0
"""Pauses before a worker is started again: doubled each time, within these bounds."""

LIVED_S: Final = 60.0
"""Who lived so long has not failed to live: its next pause is the shortest again."""

FAILED: Final = 1
"""The exit code when a worker was ended by a signal that was not ours."""


class Parent:
    """A server of several processes."""

    def __init__(self, configuration: Configuration, port: int, ready: ReadyFile) -> None:
        """Workers will serve the configuration at the port."""
        config = configuration.config
        self._count = config.server.workers
        self._log = logger()
        self._ready = ready
        self._port = port
        address = str(config.address.model_copy(update={"port": port}))
        # One place tells Prometheus of all of them, so none of them listens for it.
        apart = config.model_copy(update={"listen": address, "metrics": MetricsSection()})
        self._task: dict[str, object] = {
            "config": apart.model_dump(mode="json"),
            "catalogue": str(configuration.catalogue),
        }
        self._serving_line = {
            "validator": config.validator,
            "listen": address,
            "tls": config.tls is not None,
            "workers": self._count,
        }
        self._stopping = asyncio.Event()
        self._complete = False
        self._reloading = asyncio.Lock()
        self._exit_code = 0
        self.posts: dict[int, Post] = {}
        self.restarts = 0

    def serving(self) -> dict[int, Post]:
        """The workers that serve now, by number."""
        return {number: post for number, post in self.posts.items() if post.serves}

    async def run(self) -> int:
        """Serves until SIGTERM or SIGINT, or until no worker can; returns the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        async with asyncio.TaskGroup() as tasks:
            loop.add_signal_handler(signal.SIGHUP, lambda: tasks.create_task(self.reload()))
            tasks.create_task(self._keep(1, tasks))
        self._log.info("stopped", workers=self._count)
        return self._exit_code

    def stop(self) -> None:
        """What a signal does: every worker is asked to stop, and when asked again to hasten."""
        self._stopping.set()
        self._ready.say(None)
        for post in self.posts.values():
            post.stop()

    async def reload(self) -> None:
        """Has all workers take access.toml and the files of [trust] anew.

        After the line that says so, every decision is made under them. A worker that is starting
        may have read the old ones, so it is waited for and asked too.
        """
        async with self._reloading:
            posts = dict(self.posts)
            answers = await asyncio.gather(*(_reloaded(post) for post in posts.values()))
        refused = [number for number, taken in zip(posts, answers, strict=True) if not taken]
        if not refused:
            self._log.info("access reloaded", workers=len(posts))
        elif len(refused) < len(posts):
            self._log.error("access differs between workers, send SIGHUP again", refused_by=refused)
        else:
            self._log.error("access refused, the old one stays", workers=len(posts))

    async def _keep(self, number: int, tasks: asyncio.TaskGroup) -> None:
        """Keeps one worker alive until the server stops."""
        pause_s = PAUSE_MIN_S
        while not self._stopping.is_set():
            began = time.monotonic()
            served, code = await self._start(number, tasks)
            if self._stopping.is_set():
                self._note_end(code)
                return
            if not self._complete or not (served or self.serving()):
                self._log.error("a worker cannot serve", worker=number, exit_code=code)
                self._exit_code = code if code > 0 else FAILED
                self.stop()
                return
            if not self.serving():
                self._ready.say(None)
            pause_s = PAUSE_MIN_S if time.monotonic() - began >= LIVED_S else pause_s
            self._log.error("a worker has ended", worker=number, exit_code=code, pause_s=pause_s)
            await self._pause(pause_s)
            pause_s = min(2 * pause_s, PAUSE_MAX_S)
            self.restarts += 1

    async def _start(self, number: int, tasks: asyncio.TaskGroup) -> tuple[bool, int]:
        """Starts a worker and waits for its end: whether it served, and its exit code."""
        try:
            post = self.posts[number] = await Post.start(self._task | {"worker": number})
        except OSError as error:
            # The system has no process or no memory to give; the other workers go on.
            self._log.error("a worker cannot be started", worker=number, why=str(error))
            return False, FAILED
        if self._stopping.is_set():
            post.stop()
        served = await post.serving()
        if served:
            self._note_serving(number, tasks)
        return served, await post.ended()

    def _note_serving(self, number: int, tasks: asyncio.TaskGroup) -> None:
        """A worker serves: the others follow the first one, and all of them are a server."""
        if self._stopping.is_set():
            return
        if len(self.posts) == 1:
            for further in range(2, self._count + 1):
                tasks.create_task(self._keep(further, tasks))
        if not self._complete and len(self.serving()) < self._count:
            return
        self._ready.say(self._port)
        if self._complete:
            self._log.info("a worker serves again", worker=number)
        else:
            self._log.info("serving", **self._serving_line)
        self._complete = True

    def _note_end(self, code: int) -> None:
        """One that had not begun to listen for signals ends by ours."""
        if code not in (0, -signal.SIGTERM):
            self._exit_code = max(self._exit_code, code, FAILED)

    async def _pause(self, pause_s: float) -> None:
        """Waits, unless the server stops."""
        try:
            async with asyncio.timeout(pause_s):
                await self._stopping.wait()
        except TimeoutError:
            return


async def _reloaded(post: Post) -> bool:
    """Whether a worker has taken the files. One that has ended will not decide by the old ones."""
    if not await post.serving():
        return True
    try:
        problems = await post.ask("reload")
    except Silent:
        return post.process.returncode is not None
    return not problems
