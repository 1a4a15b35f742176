"""Receipts of real answers: anybody proves them offline, and no changed bit passes."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest

from descargo.v1 import submission_service_pb2, validation_service_pb2, verdict_pb2
from descargo_client.faults import ClientError
from descargo_client.receipts import (
    PresentedReceipt,
    ReceiptInvalid,
    key_id_of,
    load_public_key,
    read_receipts,
    verify_receipt,
)
from tests.support.engines import engine as live_engine
from tests.support.messages import (
    check_request,
    declaration,
    license_id,
    license_submission,
    outcome_request,
    request_id,
    submit_request,
    validate_request,
)
from tests.support.world import LANE
from tests.vectors.wire import first_chunk

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric import ec

    from tests.support.world import World

KINDS: Final = ("accepted license", "refused license", "exercise", "refused exercise")


@dataclass(frozen=True)
class Answered:
    """A response as it came, and the answer in it."""

    response: bytes
    answer: verdict_pb2.Answer

    @property
    def receipt(self) -> verdict_pb2.Receipt:
        """Its receipt."""
        return self.answer.receipt


@pytest.fixture(scope="module")
def answered(world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answered]:
    """One real answer of each kind. Each is asked for twice, and must be the same bytes."""
    submit = submission_service_pb2.SubmitLicenseResponse
    validate = validation_service_pb2.ValidateLicenseResponse
    answers = {}
    with live_engine(world, tmp_path_factory.mktemp("receipts")) as live:
        agency, lane = world.caller("se"), world.caller(LANE)

        def submitted(signer: str) -> Answered:
            envelope = world.sign(license_submission(), by=signer)
            request = submit_request(envelope, request_id())
            response = live.submit(agency, request)
            assert live.submit(agency, request) == response
            asked = live.outcome(agency, outcome_request(request.request_id))
            assert asked == response
            return Answered(response, submit.FromString(response).answer)

        def validated(quantity: str, firma: str) -> Answered:
            stated = declaration(license_id(agency=""), firma, quantity=quantity)
            request = validate_request(stated, request_id())
            response = live.validate(lane, request)
            assert live.validate(lane, request) == response
            asked = live.outcome(lane, outcome_request(request.request_id))
            assert asked == response
            check = live.check(lane, check_request(stated))
            preview = validation_service_pb2.CheckLicenseResponse.FromString(check).answer
            assert not preview.HasField("receipt")
            return Answered(response, validate.FromString(response).answer)

        answers["refused license"] = submitted("forger")
        answers["accepted license"] = submitted("se")
        firma = answers["accepted license"].answer.verdict.firma.discharge_signature
        answers["refused exercise"] = validated("1000.00001", firma)
        answers["exercise"] = validated("1000", firma)
    return answers


@pytest.fixture(scope="module")
def public_key(world: World) -> ec.EllipticCurvePublicKey:
    """The validator's, as it is published."""
    return load_public_key((world.root / "receipt.pub.pem").read_bytes())


def openssl(world: World, folder: Path, receipt: verdict_pb2.Receipt) -> int:
    """The exit code of openssl, which knows nothing of us."""
    (folder / "payload").write_bytes(receipt.payload)
    (folder / "signature").write_bytes(receipt.signature)
    command = ["openssl", "dgst", "-sha256", "-verify", str(world.root / "receipt.pub.pem")]
    command += ["-signature", str(folder / "signature"), str(folder / "payload")]
    return subprocess.run(command, capture_output=True, check=False).returncode


def flipped(content: bytes, bit: int) -> bytes:
    """The same with one bit changed."""
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="this machine has no openssl command")
@pytest.mark.parametrize("kind", KINDS)
def test_receipt_is_proved_by_openssl(
    world: World, answered: dict[str, Answered], kind: str, tmp_path: Path
) -> None:
    receipt = answered[kind].receipt
    assert openssl(world, tmp_path, receipt) == 0
    last = len(receipt.payload) * 8 - 1
    for bit in (0, last // 2, last):
        changed = verdict_pb2.Receipt(
            payload=flipped(receipt.payload, bit), signature=receipt.signature
        )
        assert openssl(world, tmp_path, changed) != 0
    changed = verdict_pb2.Receipt(
        payload=receipt.payload, signature=flipped(receipt.signature, 8 * 20)
    )
    assert openssl(world, tmp_path, changed) != 0


@pytest.mark.parametrize("kind", KINDS)
def test_receipt_is_proved_by_the_client(
    answered: dict[str, Answered], public_key: ec.EllipticCurvePublicKey, kind: str
) -> None:
    receipt, verdict = answered[kind].receipt, answered[kind].answer.verdict
    assert receipt.key_id == key_id_of(public_key)
    proven = verify_receipt(PresentedReceipt(receipt, verdict), public_key)
    assert proven.verdict == verdict
    for content in (answered[kind].answer.SerializeToString(), receipt.SerializeToString()):
        (presented,) = read_receipts(content)
        assert verify_receipt(presented, public_key).verdict == verdict


@pytest.mark.parametrize("kind", KINDS)
def test_verdict_beside_the_receipt_is_the_very_bytes_that_are_signed(
    answered: dict[str, Answered], kind: str
) -> None:
    answer = first_chunk(answered[kind].response)
    assert first_chunk(answer) == answered[kind].receipt.payload
    verdict = answered[kind].answer.verdict
    assert verdict_pb2.Verdict.FromString(answered[kind].receipt.payload) == verdict
    assert verdict.WhichOneof("outcome") == ("error" if "refused" in kind else "firma")


def test_no_flipped_bit_of_payload_or_signature_passes(
    answered: dict[str, Answered], public_key: ec.EllipticCurvePublicKey
) -> None:
    receipt = answered["exercise"].receipt
    for name in ("payload", "signature"):
        content: bytes = getattr(receipt, name)
        for bit in range(len(content) * 8):
            changed = verdict_pb2.Receipt()
            changed.CopyFrom(receipt)
            setattr(changed, name, flipped(content, bit))
            with pytest.raises(ReceiptInvalid):
                verify_receipt(PresentedReceipt(changed), public_key)


def test_answer_whose_verdict_was_changed_for_the_reader_does_not_pass(
    answered: dict[str, Answered], public_key: ec.EllipticCurvePublicKey
) -> None:
    receipt = answered["refused exercise"].receipt
    for other in KINDS:
        shown = answered[other].answer.verdict
        if other == "refused exercise":
            shown = verdict_pb2.Verdict.FromString(receipt.payload)
            shown.findings[0].granted = "100000"
        with pytest.raises(ClientError):
            verify_receipt(PresentedReceipt(receipt, shown), public_key)


def test_texts_stand_outside_the_signature(answered: dict[str, Answered]) -> None:
    refused = answered["refused exercise"].answer
    assert refused.texts
    for text in refused.texts:
        assert text.message_es.encode() not in refused.receipt.payload
