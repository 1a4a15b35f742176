"""`descargo-server demo`: the whole main job on one machine, with the real server and the client.

Nothing is played: a server process with mTLS on loopback answers, and what the tables show is read
from its signed answers. An answer that is not the expected one ends the demo with exit code 1.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from descargo_server.admin.exit_codes import BAD_USAGE
from descargo_server.admin.terminal import complain
from descargo_server.demo.texts import LANGUAGES, Texts

__all__ = ["DEFAULT_FOLDER", "run_demo"]

DEFAULT_FOLDER: Final = Path("demo")
"""Where the demo works unless it is told otherwise, in the folder where the person stands."""


def run_demo(*, once: bool, lang: str, folder: Path = DEFAULT_FOLDER) -> int:
    """Runs the demo; returns the exit code."""
    if lang not in LANGUAGES:
        complain(f"--lang must be one of {', '.join(LANGUAGES)}, not `{lang}`")
        return BAD_USAGE
    try:
        from descargo_server.demo.run import play  # noqa: PLC0415 - needs the client
    except ModuleNotFoundError as missing:
        complain(
            f"the demo needs `{missing.name}`, install it with: pip install 'descargo-server[demo]'"
        )
        return BAD_USAGE
    return play(folder, Texts(lang), once=once)
