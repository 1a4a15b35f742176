"""Entry of `descargo-server` and of `python -m descargo_server`."""

from __future__ import annotations

from descargo_server.admin.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
