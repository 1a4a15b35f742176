"""Runs `descargo-server` for as long as the demo lives: `python -m descargo_server.demo.guarded`.

Standard input is a pipe whose other end only the demo holds. However the demo ends, also by kill
-9, the system closes that end, and the server then stops in order as after SIGTERM. So no demo
leaves a server behind, and none needs to be killed.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

from descargo_server.admin.cli import main

__all__: list[str] = []


def _stop_with_demo() -> None:
    """Waits for the end of the pipe; nothing is ever written to it."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_stop_with_demo, name="demo-ended", daemon=True).start()
    main()
