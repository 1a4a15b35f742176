"""The transport's floor: a server of the same shape whose handlers do nothing.

Same options, TLS with client certificates, loop and process of its own as the validator's; each
method takes bytes and answers as many bytes as the validator does. What a call costs here is what
it would cost with a decision that takes no time.

Run as `python -m loadtests.bench.empty_server FOLDER READY_FILE CHECK_BYTES VALIDATE_BYTES`.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import uvloop

from descargo_server import limits, transport  # first: it must run before grpc's core starts

import grpc  # isort: skip

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

Method: TypeAlias = "grpc.RpcMethodHandler[bytes, bytes]"

__all__ = ["CHECK", "VALIDATE"]

SERVICE: Final = "bench.Empty"
CHECK: Final = f"/{SERVICE}/Check"
VALIDATE: Final = f"/{SERVICE}/Validate"


def _answering(
    answer: bytes,
) -> Callable[[bytes, grpc.aio.ServicerContext[bytes, bytes]], Awaitable[bytes]]:
    async def handle(_request: bytes, _context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        return answer

    return handle


async def _serve(folder: Path, ready_file: Path, check_bytes: int, validate_bytes: int) -> None:
    server = grpc.aio.server(options=transport.server_options(limits.CONNECTIONS_MAX))
    methods: dict[str, Method] = {
        "Check": grpc.unary_unary_rpc_method_handler(_answering(b"\x00" * check_bytes)),
        "Validate": grpc.unary_unary_rpc_method_handler(_answering(b"\x00" * validate_bytes)),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))
    tls = folder / "tls"
    credentials = grpc.ssl_server_credentials(
        [((tls / "server.key").read_bytes(), (tls / "server.pem").read_bytes())],
        root_certificates=(tls / "ca.pem").read_bytes(),
        require_client_auth=True,
    )
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    unfinished = ready_file.with_suffix(".new")
    unfinished.write_text(f"{port}\n", encoding="ascii")
    unfinished.replace(ready_file)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    await server.stop(1.0)


if __name__ == "__main__":
    _folder, _ready_file, _check_bytes, _validate_bytes = sys.argv[1:]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(
            _serve(Path(_folder), Path(_ready_file), int(_check_bytes), int(_validate_bytes))
        )
