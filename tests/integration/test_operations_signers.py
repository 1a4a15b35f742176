"""Officials and revocations by RPC: they bind from the revision on, in every process."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from google.protobuf.timestamp_pb2 import Timestamp

from descargo_server._core import Caller
from descargo_server.admin.pki.people import SE_OFFICIAL, SEMARNAT_SIGNER
from descargo_server.refused import Refused
from tests.support.books import audit
from tests.support.engines import open_engine
from tests.support.messages import copy_of
from tests.support.operations import SIGNED_S, Operations, enrolment, revocation
from tests.vectors.finding_engine import CALLERS, ISSUED_AT
from tests.vectors.signers import STRANGER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from google.protobuf.message import Message

    from tests.support.world import World
    from tests.vectors.signers import SigningWorld


@pytest.fixture
def office(world: World, signing: SigningWorld, tmp_path: Path) -> Iterator[Operations]:
    settings = signing.settings(tmp_path)
    cores = [open_engine(world, tmp_path, **settings) for _ in range(2)]
    cores[0].clock.path.write_text(ISSUED_AT, encoding="ascii")
    yield Operations(signing, cores)
    for core in cores:
        core.core.close()
    audit(cores[0].ledger)


def test_an_enrolled_official_may_sign_at_every_process(office: Operations) -> None:
    assert office.submit("stranger", "SE-1") == ["F506"]
    revision = office.enroll(enrolment())
    assert revision.endswith(".2")
    assert office.submit("stranger", "SE-1", at=1) == []
    assert office.submit("stranger", "SE-2", at=0) == []


def test_a_revocation_binds_every_process_from_its_answer_on(office: Operations) -> None:
    certificate = office.signing.signer("se").certificate_der
    assert office.submit("se", "SE-1", at=1) == []
    office.revoke(revocation(certificate))
    assert office.submit("se", "SE-2", at=1) == ["F504"]
    assert office.submit("se", "SE-2", at=0) == ["F504"]
    # Another certificate of the same official is another one.
    assert office.submit("se-p256", "SE-2", at=1) == []


def test_what_was_signed_a_second_before_the_revocation_counts(office: Operations) -> None:
    certificate = office.signing.signer("se").certificate_der
    office.revoke(revocation(certificate, SIGNED_S + 1))
    assert office.submit("se", "SE-1") == []
    office.revoke(revocation(certificate, SIGNED_S))
    assert office.submit("se", "SE-2") == ["F504"]
    # The earliest holds, whatever is said later.
    office.revoke(revocation(certificate, SIGNED_S + 1))
    assert office.submit("se", "SE-2") == ["F504"]


def test_the_certificate_of_an_authority_is_revoked_as_well(office: Operations) -> None:
    issuing = office.signing.authority.issuing.certificate
    office.revoke(revocation(issuing.public_bytes(Encoding.DER)))
    assert office.submit("se", "SE-1") == ["F504"]


def test_rows_stay_beside_files_that_are_read_again_and_over_a_restart(
    office: Operations, world: World, tmp_path: Path
) -> None:
    office.enroll(enrolment())
    office.cores[1].core.close()
    office.cores[1] = open_engine(
        world, tmp_path, clock=None, **(office.signing.settings(tmp_path) | {"signers": []})
    )
    assert office.submit("stranger", "SE-1", at=1) == []
    assert office.submit("se", "SE-2", at=1) == ["F506"]


def test_enrolling_again_replaces_the_period(office: Operations) -> None:
    office.enroll(enrolment())
    assert office.submit("stranger", "SE-1") == []
    office.enroll(enrolment(valid_to="2026-05-09"))
    assert office.submit("stranger", "SE-2") == ["F506"]
    office.enroll(enrolment(valid_to="2026-05-10"))
    assert office.submit("stranger", "SE-2") == []


def test_only_the_enrolled_certificate_and_keys_count(office: Operations) -> None:
    other = office.signing.signer("se-p256").certificate_der
    with pytest.raises(Refused, match="FIELD_INVALID") as refused:
        office.enroll(enrolment(certificate=other))
    assert refused.value.field == "certificate"
    good = office.signing.signer("stranger").certificate_der
    office.enroll(enrolment(certificate=good, permit_keys=["AV"]))
    assert office.submit("stranger", "SE-1") == ["F506"]
    office.enroll(enrolment(certificate=good, permit_keys=["AV", "C1"]))
    assert office.submit("stranger", "SE-1") == []


def test_a_repeated_request_gets_the_same_revision_and_adds_nothing(office: Operations) -> None:
    request = enrolment(key=uuid.UUID(int=9))
    first = office.enroll(request)
    office.submit("se", "SE-1")
    assert office.enroll(request, at=1) == first
    assert len([row for row in office.signers().signers if row.enrolled_by]) == 1
    other = copy_of(request)
    other.reason = "another reason"
    with pytest.raises(Refused, match="REQUEST_ID_REUSED"):
        office.enroll(other)


def test_the_list_has_files_and_ledger_page_by_page(office: Operations) -> None:
    office.enroll(enrolment())
    office.enroll(enrolment(valid_to="2026-12-31", reason="shorter"))
    whole = list(office.signers().signers)
    assert [row.rfc for row in whole][:2] == [SE_OFFICIAL.rfc, SEMARNAT_SIGNER.rfc]
    assert not whole[0].enrolled_by
    last = whole[-1]
    assert (last.rfc, last.valid_to, last.enrolled_by) == (STRANGER.rfc, "2026-12-31", "operator")
    assert (last.reason, last.enrolled_at.ToJsonString()) == ("shorter", ISSUED_AT)
    paged: list[Message] = []
    token = ""
    while True:
        page = office.signers(page_size=2, page_token=token)
        assert len(page.signers) <= 2
        paged += page.signers
        token = page.next_page_token
        if not token:
            break
    assert paged == whole
    with pytest.raises(Refused, match="PAGE_TOKEN_INVALID"):
        office.signers(page_token="2-0000")


BAD_ENROLMENTS: Final[list[tuple[str, dict[str, Any]]]] = [
    ("signer.rfc", {"rfc": "ABC"}),
    ("signer.name", {"name": " "}),
    ("signer.name", {"name": "A" * 251}),
    ("signer.agency", {"agency": "SEE"}),
    ("signer.permit_keys[1]", {"permit_keys": ["C1", "ZZ"]}),
    ("signer.permit_keys", {"permit_keys": ["C1"] * 101}),
    ("signer.valid_from", {"valid_from": ""}),
    ("signer.valid_from", {"valid_from": "2026-02-30"}),
    ("signer.valid_to", {"valid_to": "2025-12-31"}),
    ("signer.enrolled_by", {"enrolled_by": "somebody"}),
    ("signer.reason", {"reason_set": "set"}),
    ("certificate", {"certificate": b"no certificate"}),
    ("reason", {"reason": ""}),
    ("reason", {"reason": "x" * 251}),
]


@pytest.mark.parametrize(("field", "row"), BAD_ENROLMENTS, ids=lambda value: str(value)[:40])
def test_a_bad_enrolment_names_its_field(
    office: Operations, field: str, row: dict[str, Any]
) -> None:
    stated = dict(row)
    set_by_us = stated.pop("reason_set", "")
    request = enrolment(**stated)
    request.signer.reason = set_by_us
    with pytest.raises(Refused, match="FIELD_INVALID") as refused:
        office.enroll(request)
    assert refused.value.field == field


@pytest.mark.parametrize("name", ["rsa-1024", "rsa-e3", "p384", "csd"])
def test_a_certificate_that_is_unfit_is_not_enrolled(office: Operations, name: str) -> None:
    certificate = office.signing.signer(name).certificate_der
    with pytest.raises(Refused, match="FIELD_INVALID") as refused:
        office.enroll(enrolment(rfc=SE_OFFICIAL.rfc, certificate=certificate))
    assert refused.value.field == "certificate"


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("request_id", {"request_id": "7"}),
        ("certificate_sha256", {"certificate_sha256": bytes(31)}),
        ("revoked_at", {"revoked_at": None}),
        ("revoked_at", {"revoked_at": Timestamp(seconds=-(2**40))}),
        ("reason", {"reason": ""}),
    ],
)
def test_a_bad_revocation_names_its_field(
    office: Operations, field: str, fields: dict[str, Any]
) -> None:
    with pytest.raises(Refused, match="FIELD_INVALID") as refused:
        office.revoke(revocation(b"", **fields))
    assert refused.value.field == field


def test_nobody_but_an_operator_is_let_in_by_the_core_either(office: Operations) -> None:
    for caller in (CALLERS["se"], CALLERS["lane"], Caller("auditor", "auditor")):
        for call in (
            lambda by=caller: office.enroll(enrolment(), by=by),
            lambda by=caller: office.revoke(revocation(b""), by=by),
            lambda by=caller: office.cores[0].core.list_signers(by, b""),
        ):
            with pytest.raises(Refused, match="ROLE_NOT_ALLOWED"):
                call()
