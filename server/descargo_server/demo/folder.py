"""The folder of the demo: made anew for each run, never out of a folder that is something else.

A lock on the folder itself keeps a second demo from taking the ledger away under the first; it goes
with its process, so a demo that was killed blocks nobody.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from descargo_server.admin.pki import FILES, FOLDERS, READ_ME_NAME, write_demo_pki
from descargo_server.admin.pki.cast import CALLERS
from descargo_server.admin.pki.texts import MARKER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

__all__ = ["DECLARATIONS", "LICENSES", "PROFILES", "RECEIPTS", "FolderBusy", "FolderForeign"]
__all__ += ["clear", "fill", "locked", "write_profiles"]

PROFILES: Final = "profiles"
LICENSES: Final = "licenses"
DECLARATIONS: Final = "declarations"
RECEIPTS: Final = "receipts"
OWN_FOLDERS: Final = (PROFILES, LICENSES, DECLARATIONS, RECEIPTS)
OWN_FILES: Final = ("server.port", "server.log")
FREE_PORT: Final = "127.0.0.1:0"

PROFILE: Final = """\
# Connects to the demo's validator as {name}. Paths are relative to this file.
server = "127.0.0.1:{port}"
tls_cert = "../tls/{name}.pem"
tls_key = "../tls/{name}.key"
tls_ca = "../tls/ca.pem"
validator = "descargo.demo"
"""


class FolderForeign(Exception):  # noqa: N818 - it says whose the folder is
    """The folder holds something that is no demo."""


class FolderBusy(Exception):  # noqa: N818 - it says how the folder is
    """Another demo is running in the folder."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keeps other demos out of the folder; raises FolderBusy when one is in it."""
    if folder.exists() and not folder.is_dir():
        raise FolderForeign
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as held:
            raise FolderBusy from held
        yield
    finally:
        os.close(descriptor)


def fill(folder: Path, now: datetime) -> None:
    """Fills the cleared folder with a new PKI and configuration."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    # From yesterday on, as `pki demo` does, so that a clock that is late does no harm.
    write_demo_pki(folder, FREE_PORT, midnight - timedelta(days=1))
    for name in OWN_FOLDERS:
        (folder / name).mkdir()


def write_profiles(folder: Path, port: int) -> None:
    """Writes a profile for each identity, and the port into the configuration.

    The server took a free port, so that it never meets another program. Stating it in the
    configuration afterwards lets the same server be started by hand for the same profiles.
    """
    for caller in CALLERS:
        profile = PROFILE.format(name=caller.name, port=port)
        (folder / PROFILES / f"{caller.name}.toml").write_text(profile, encoding="utf-8")
    config = folder / "descargo.toml"
    stated = config.read_text(encoding="utf-8").replace(FREE_PORT, f"127.0.0.1:{port}")
    config.write_text(stated, encoding="utf-8")


def clear(folder: Path) -> None:
    """Takes away what a former demo wrote, by name; whatever else a person put there stays.

    Raises FolderForeign, before anything is touched, when the folder is no demo.
    """
    read_me = folder / READ_ME_NAME
    if not any(folder.iterdir()):
        return
    if not read_me.is_file() or not read_me.read_bytes().startswith(MARKER.encode()):
        raise FolderForeign
    for name in (*FOLDERS, *OWN_FOLDERS):
        if (folder / name).is_dir():
            shutil.rmtree(folder / name)
    # The mark goes last: a clearing that was interrupted can be done again.
    for name in sorted({*FILES, *OWN_FILES} - {READ_ME_NAME}):
        (folder / name).unlink(missing_ok=True)
    read_me.unlink()
