"""An empty handler on grpc's thread pool, as cheap as Python gets for unary calls.

It is no choice for us: a hundred open streams on such a server hold a hundred of its threads.
Run as `python -m loadtests.peers.sync_server FOLDER READY_FILE CHECK_BYTES VALIDATE_BYTES`.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

import grpc

if TYPE_CHECKING:
    from collections.abc import Callable

THREADS: Final = 16


def _answering(answer: bytes) -> Callable[[bytes, grpc.ServicerContext], bytes]:
    return lambda _request, _context: answer


def main(folder: Path, ready_file: Path, check_bytes: int, validate_bytes: int) -> None:
    """Serves until it is killed."""
    server = grpc.server(ThreadPoolExecutor(THREADS))
    methods: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        "Check": grpc.unary_unary_rpc_method_handler(_answering(bytes(check_bytes))),
        "Validate": grpc.unary_unary_rpc_method_handler(_answering(bytes(validate_bytes))),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bench.Empty", methods),))
    tls = folder / "tls"
    credentials = grpc.ssl_server_credentials(
        [((tls / "server.key").read_bytes(), (tls / "server.pem").read_bytes())],
        root_certificates=(tls / "ca.pem").read_bytes(),
        require_client_auth=True,
    )
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    unfinished = ready_file.with_suffix(".new")
    unfinished.write_text(f"{port}\n", encoding="ascii")
    unfinished.replace(ready_file)
    server.wait_for_termination()


if __name__ == "__main__":
    _folder, _ready_file, _check_bytes, _validate_bytes = sys.argv[1:]
    main(Path(_folder), Path(_ready_file), int(_check_bytes), int(_validate_bytes))
