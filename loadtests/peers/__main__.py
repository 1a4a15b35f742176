"""Puts others beside us and prints what each can and cannot do.

Run as `python -m loadtests.peers`. What is not on this machine is listed as such; nothing is
installed, except the modules of the Go server, which its own tool fetches once.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

from loadtests.bench.clients import Load, load_clients
from loadtests.bench.empty_server import VALIDATE as EMPTY
from loadtests.bench.stage import answer_bytes, serving, staged
from loadtests.bench.tools import REPOSITORY
from loadtests.peers.postgres import draws_per_s

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loadtests.bench.clients import Clients
    from loadtests.bench.stage import Serving, Stage

VALIDATE: Final = "/descargo.v1.ValidationService/ValidateLicense"
OUTSTANDING: Final = 64
LICENSES: Final = 2_000
WARM_UP_S: Final = 0.5
GO_AT: Final = "/usr/local/go/bin/go"
CAN: Final = {
    "this validator": "signed yes or no, rules, durable balance, receipt, streams",
    "empty grpc.aio": "transport and streams; decides nothing, keeps nothing",
    "empty sync grpc": "transport; each open stream holds a thread",
    "empty Go gRPC": "transport and streams, on all cores; decides nothing, keeps nothing",
    "PostgreSQL, one row": "durable balance; no signature, no rule, no receipt, no gRPC",
    "PostgreSQL, spread": "the same",
}
NOT_TRIED: Final = (
    "the crates cel, zen-engine and cedar-policy: rules without a balance; not built here yet",
    "Cerbos and OPA: policy servers without a balance; not installed here",
)


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.peers", description=__doc__)
    parser.add_argument("--window-s", type=float, default=3.0, help="seconds of each load")
    options = parser.parse_args()
    build = REPOSITORY / "build"
    build.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="peers-", dir=build))
    folder.chmod(0o755)
    try:
        with staged(folder, LICENSES) as stage, load_clients(stage, tell) as clients:
            for name, told in _servers(stage, clients, options.window_s):
                _print(name, told)
        # Apart from the checkout, where another user may not come.
        with tempfile.TemporaryDirectory(prefix="peers-") as apart:
            Path(apart).chmod(0o755)
            drawn = draws_per_s(Path(apart) / "postgres", options.window_s)
    finally:
        shutil.rmtree(folder)
    if isinstance(drawn, str):
        sys.stdout.write(f"not had: {drawn}\n")
    else:
        for kind, rate in drawn.items():
            _print(f"PostgreSQL, {kind}", f"{rate:>9,.0f}/s {'':>18}")
    for each in NOT_TRIED:
        sys.stdout.write(f"not had: {each}\n")
    return 0


def _servers(stage: Stage, clients: Clients, window_s: float) -> Iterator[tuple[str, str]]:
    def told(server: Serving, load: Load) -> str:
        sample = clients.sample(server, load, WARM_UP_S, window_s)
        return f"{sample.rate:>9,.0f}/s {sample.server_cpu_us:>9.0f} us CPU/call"

    empty = Load(EMPTY, "validate", "", OUTSTANDING)
    yield "this validator", told(stage.validator, Load(VALIDATE, "validate", "firma", OUTSTANDING))
    yield "empty grpc.aio", told(stage.empty, empty)
    sizes = [str(size) for size in answer_bytes(stage)]
    with ExitStack() as stack:
        for name, command in _others():
            place = [str(stage.folder), str(stage.folder / f"{name.split()[1]}.port"), *sizes]
            server = stack.enter_context(serving(stage.folder, name.split()[1], [*command, *place]))
            yield name, told(server, empty)


def _others() -> Iterator[tuple[str, list[str]]]:
    yield "empty sync grpc", [sys.executable, "-m", "loadtests.peers.sync_server"]
    go = shutil.which("go") or (GO_AT if Path(GO_AT).exists() else None)
    if go is None:
        sys.stdout.write("not had: empty Go gRPC: no go on this machine\n")
        return
    out = REPOSITORY / "build" / "go_empty"
    source = Path(__file__).parent / "go_empty"
    built = subprocess.run(  # noqa: S603 - fixed argv
        [go, "build", "-o", str(out), "."], cwd=source, check=False, env=os.environ
    )
    if built.returncode:
        sys.stdout.write("not had: empty Go gRPC: it could not be built\n")
        return
    yield "empty Go gRPC", [str(out)]


def _print(name: str, told: str) -> None:
    sys.stdout.write(f"{name:<22}{told}   {CAN[name]}\n")
    sys.stdout.flush()


def tell(what: str) -> None:
    """Says on stderr what happens now."""
    sys.stderr.write(f"{what}\n")


if __name__ == "__main__":
    sys.exit(main())
