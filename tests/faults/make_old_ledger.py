"""Makes the ledger that later versions must still open.

`python -m tests.faults.make_old_ledger tests/faults/fixtures/schema-N`, once for each schema, by
the version that first wrote it; what it makes is kept and never made again. It holds one license,
two draws and one refusal. Beside it stand the validator's keys, which a new draw needs, and the
answers.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from descargo.v1 import submission_service_pb2, validation_service_pb2
from tests.support import messages
from tests.support.engines import LEDGER, engine
from tests.support.world import LANE, NOON, make_world

if TYPE_CHECKING:
    from tests.support.world import World

RECEIPT_KEY: Final = "receipt.pub.pem"
"""The public half of the key that signed the answers; the private one is thrown away."""
NUMBER: Final = "OLD-0001"
ANSWERS: Final = "answers.json"


@dataclass(frozen=True)
class OldAnswer:
    """One request of the past: the same bytes must be answered to it for ever."""

    caller: str
    request_id: str
    outcome: str
    """The arm of the verdict."""
    response_sha256: str


@dataclass(frozen=True)
class OldLedger:
    """What a test must know of the file."""

    schema: int
    number: str
    discharge_signature: str
    available_quantity: str
    exercised_quantity: str
    last_declaration: int
    """Serial of the last declaration that drew."""
    answers: list[OldAnswer]


def make(world: World, folder: Path) -> OldLedger:
    """Fills a ledger in `folder` and tells what is in it."""
    answers: list[OldAnswer] = []
    # Closed in order, the core leaves all in one file.
    with engine(world, folder, clock=NOON) as live:
        content = messages.license_content(lines=[messages.license_line(quantity="10")])
        envelope = world.sign(messages.license_submission(NUMBER, content=content))
        submit = messages.submit_request(envelope, messages.request_id(1))
        response = live.submit(world.caller("se"), submit)
        firma = submission_service_pb2.SubmitLicenseResponse.FromString(response).answer.verdict
        signature = firma.firma.discharge_signature
        answers.append(_told("se", response))
        for serial, quantity in enumerate(["1", "2.5", "7"], start=1):
            declaration = messages.declaration(
                messages.license_id(NUMBER),
                signature,
                number=messages.declaration_number(serial),
                quantity=quantity,
            )
            request = messages.validate_request(declaration, messages.request_id(1 + serial))
            answers.append(_told(LANE, live.validate(world.caller(LANE), request)))
    return OldLedger(1, NUMBER, signature, "6.5", "3.5", 3, answers)


def _told(caller: str, response: bytes) -> OldAnswer:
    verdict = validation_service_pb2.ValidateLicenseResponse.FromString(response).answer.verdict
    outcome = verdict.WhichOneof("outcome") or ""
    digest = hashlib.sha256(response).hexdigest()
    return OldAnswer(caller, verdict.request_id, outcome, digest)


def main(out: Path) -> None:
    """Writes the file, its answers, and the key that checks them."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / "world").mkdir()
        world = make_world(Path(scratch) / "world")
        folder = Path(scratch) / "ledger"
        folder.mkdir()
        told = make(world, folder)
        shutil.copy(folder / LEDGER, out / f"ledger-schema-{told.schema}.sqlite3")
        shutil.copy(world.root / RECEIPT_KEY, out / RECEIPT_KEY)
    text = json.dumps(asdict(told), indent=2)
    (out / ANSWERS).write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
