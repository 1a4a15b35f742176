"""What another process commits is noticed by the ledger's log, and what this one commits is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from descargo_server.streams.elsewhere import LOOK_S, Elsewhere
from tests.support.still_loop import run_still

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.still_loop import StillLoop


def test_only_commits_of_others_are_told_and_only_while_somebody_wants_to_know(
    tmp_path: Path,
) -> None:
    log = tmp_path / "ledger.sqlite3-wal"
    told: list[float] = []

    def commit() -> None:
        with log.open("ab") as file:
            file.write(b"frame")

    async def scene(loop: StillLoop) -> None:
        elsewhere = Elsewhere(tmp_path / "ledger.sqlite3", lambda: told.append(loop.now))
        commit()
        await loop.pass_by(1)
        assert told == [], "nobody wants to know"
        elsewhere.begin()
        await loop.pass_by(2 * LOOK_S)
        assert told == [], "what was there before is looked at first"
        commit()
        await loop.pass_by(2 * LOOK_S)
        assert len(told) == 1
        commit()
        elsewhere.own()
        await loop.pass_by(2 * LOOK_S)
        assert len(told) == 1, "its own commit"
        log.unlink()
        await loop.pass_by(2 * LOOK_S)
        commit()
        await loop.pass_by(2 * LOOK_S)
        assert len(told) == 3, "the log went and came"
        elsewhere.end()
        commit()
        await loop.pass_by(1)
        assert len(told) == 3

    run_still(scene)
