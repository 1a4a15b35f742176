"""A quarantine whose server is killed: the next start carries it out, each license once."""

from __future__ import annotations

import hashlib
import threading
import time
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import grpc

from descargo.v1 import (
    operations_service_pb2,
    operations_service_pb2_grpc,
    submission_service_pb2,
    submission_service_pb2_grpc,
    verdict_pb2,
)
from tests.support.books import audit, count
from tests.support.changes import stamp
from tests.support.messages import license_submission, request_id, submit_request
from tests.support.servers import server
from tests.support.world import NOON

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.world import World

LICENSES: Final = 200
PATIENCE_S: Final = 60.0
"""No wait takes so long, on the slowest machine."""


def test_a_killed_quarantine_is_carried_out_once(world: World, tmp_path: Path) -> None:
    certificate = world.signer("se").certificate.encoding
    order = operations_service_pb2.QuarantineCertificateRequest(
        request_id=request_id(),
        certificate_sha256=hashlib.sha256(certificate).digest(),
        signed_after=stamp(NOON - timedelta(hours=1)),
        reason="key stolen",
    )
    with server(world, tmp_path) as running:
        agency = submission_service_pb2_grpc.SubmissionServiceStub(running.channel("se"))
        operator = operations_service_pb2_grpc.OperationsServiceStub(running.channel("operator"))
        for number in range(LICENSES):
            request = submit_request(world.sign(license_submission(f"SE-{number:04}")))
            verdict = agency.SubmitLicense(request, timeout=PATIENCE_S).answer.verdict
            assert verdict.HasField("firma")

        def ordered() -> None:
            # Done before it could be killed is no fault either.
            with suppress(grpc.RpcError):
                operator.QuarantineCertificate(order, timeout=PATIENCE_S)

        caller = threading.Thread(target=ordered)
        caller.start()
        deadline = time.monotonic() + PATIENCE_S
        while not count(running.ledger, "quarantine"):
            assert time.monotonic() < deadline
        running.kill()
        caller.join(PATIENCE_S)
        running.start()
        held = {}
        watched = agency.WatchExercises(
            submission_service_pb2.WatchExercisesRequest(), timeout=PATIENCE_S, wait_for_ready=True
        )
        # Nobody orders again: the start goes on by itself.
        for event in watched:
            movement = event.movement.movement
            if movement.kind == verdict_pb2.MOVEMENT_KIND_QUARANTINE:
                assert movement.license.permit_number not in held
                held[movement.license.permit_number] = movement.permit_seq
                if len(held) == LICENSES:
                    break
        watched.cancel()
        answer = operator.QuarantineCertificate(order, timeout=PATIENCE_S, wait_for_ready=True)
        assert answer.licenses == LICENSES
        assert operator.QuarantineCertificate(order, timeout=PATIENCE_S) == answer
        assert count(running.ledger, "license_quarantine") == LICENSES
        running.stop()
        audit(running.ledger, thorough=True)
