"""The Descargo server: speaks gRPC, knows who may call what, and lets the Rust core decide.

Python owns connections, identities, deadlines, configuration and lifecycle. What a request means is
never looked at here: its bytes cross to `descargo_server._core`, and the answer's bytes come back.
"""

from typing import Final

__all__ = ["__version__"]

__version__: Final = "0.1.0"
