"""PostgreSQL alone: the same draw as one transaction, on one row and spread over ten thousand.

What it answers is a commit, without signature, rules or receipt: the floor of whoever would keep
the balances in it.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

__all__ = ["draws_per_s"]

PROGRAMS: Final = ("initdb", "pg_ctl", "pgbench", "psql")
FOUND_IN: Final = "/usr/lib/postgresql"
ROWS: Final = 10_000
CLIENTS: Final = 64
PORT: Final = "55432"
SCHEMA: Final = f"""
CREATE TABLE balance (id int PRIMARY KEY, available bigint NOT NULL CHECK (available >= 0));
CREATE TABLE movement (no bigserial PRIMARY KEY, id int NOT NULL, taken bigint NOT NULL);
INSERT INTO balance SELECT n, 90000000000 FROM generate_series(1, {ROWS}) n;
"""  # noqa: S608 - our own number
DRAW: Final = """\\set id {id}
BEGIN;
UPDATE balance SET available = available - 1 WHERE id = :id;
INSERT INTO movement (id, taken) VALUES (:id, 1);
COMMIT;
"""


def draws_per_s(folder: Path, seconds: float) -> dict[str, float] | str:
    """Draws a second by kind, or why there are none."""
    programs = {name: _program(name) for name in PROGRAMS}
    lacking = [name for name, found in programs.items() if found is None]
    if lacking:
        return f"PostgreSQL is not on this machine (no {', '.join(lacking)})"
    user = _user()
    if user is None:
        return "PostgreSQL runs for no administrator, and there is no other user"
    folder.mkdir()
    folder.chmod(0o777)
    books = folder / "books"

    def run(name: str, *arguments: str, text: str | None = None) -> str:
        ended = subprocess.run(  # noqa: S603 - fixed argv
            [str(programs[name]), *arguments],
            input=text,
            capture_output=True,
            text=True,
            check=True,
            user=user,
            cwd=folder,
        )
        return ended.stdout

    run("initdb", "-D", str(books), "-A", "trust", "--no-locale")
    options = f"-p {PORT} -k {folder} -c listen_addresses= -c max_connections={CLIENTS + 10}"
    run("pg_ctl", "-D", str(books), "-w", "-l", str(folder / "log"), "-o", options, "start")
    reach = ("-h", str(folder), "-p", PORT)
    try:
        run("psql", *reach, "-q", "-v", "ON_ERROR_STOP=1", "-d", "postgres", text=SCHEMA)
        found = {}
        for kind, chosen in (("one row", "1"), ("spread", f"random(1, {ROWS})")):
            script = folder / "draw.sql"
            script.write_text(DRAW.format(id=chosen), encoding="ascii")
            told = run(
                *("pgbench", *reach, "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2"),
                *("-T", str(max(int(seconds), 1)), "-f", str(script), "postgres"),
            )
            rate = re.search(r"tps = ([\d.]+)", told)
            found[kind] = float(rate.group(1)) if rate else 0.0
        return found
    finally:
        run("pg_ctl", "-D", str(books), "-m", "immediate", "stop")


def _program(name: str) -> Path | None:
    on_path = shutil.which(name)
    versions = sorted(Path(FOUND_IN).glob(f"*/bin/{name}"))
    # A wrapper in front of a version's own program may want an administrator.
    return versions[-1] if versions else Path(on_path) if on_path else None


def _user() -> int | None:
    """Who runs it: ourselves, or somebody else where we are the administrator."""
    if os.geteuid() != 0:
        return os.geteuid()
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    return None
