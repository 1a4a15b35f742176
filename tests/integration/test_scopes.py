"""Who may do what, on a real server: by role, office, patente, RFC and agency, and how often."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import grpc
import pytest

from descargo.v1 import (
    license_pb2,
    submission_pb2,
    submission_service_pb2,
    validation_service_pb2,
    verdict_pb2,
)
from descargo_server.admin.pki.people import TRADER
from tests.support.messages import (
    check_request,
    declaration,
    declaration_number,
    get_license_request,
    license_content,
    license_id,
    license_submission,
    outcome_request,
    request_id,
    submit_request,
    validate_request,
)
from tests.support.servers import server
from tests.vectors.raw_calls import METHODS, Failure, call
from tests.vectors.scope_world import (
    IDENTITIES,
    OTHER_TRADER,
    REVOKED,
    STRANGER,
    role_of,
    write_scope_world,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.message import Message

    from descargo.v1 import declaration_pb2
    from tests.support.servers import Server
    from tests.support.world import World
    from tests.vectors.signers import SigningWorld

MAY_CALL: Final = {
    "SubmitLicense": {"agency", "hub"},
    "GetLicense": {"agency", "lane", "coordinator", "auditor"},
    "ListLicenses": {"agency", "coordinator", "auditor"},
    "ListLicenseVersions": {"agency", "coordinator", "auditor"},
    "GetBalance": {"agency", "coordinator", "auditor"},
    "ListMovements": {"agency", "coordinator", "auditor"},
    "ReportActivity": {"agency", "hub", "coordinator", "auditor"},
    "ValidateLicense": {"lane"},
    "CheckLicense": {"lane", "prevalidator", "broker", "holder"},
    "ListRequiredLicenses": {"lane", "prevalidator"},
    "CheckDeclaration": {"lane", "prevalidator", "broker", "holder"},
    "ReserveDeclaration": {"prevalidator"},
    "PayDeclaration": {"prevalidator", "lane"},
    "ValidateDeclaration": {"lane"},
    "ReleaseDeclaration": {"prevalidator", "lane"},
    "RectifyDeclaration": {"prevalidator", "lane"},
    "GetOutcome": {"agency", "hub", "lane", "prevalidator"},
    "EnrollSigner": {"operator"},
    "ListSigners": {"operator"},
    "RevokeCertificate": {"operator"},
    "ListAffectedLicenses": {"operator"},
    "QuarantineCertificate": {"operator"},
}
"""The contract's table, by hand. Whoever is not in it is denied."""

WRONG: Final = "AAAAAAAA"
WINDOW_S: Final = 60

UNKNOWN_LICENSE: Final = Failure("NOT_FOUND", "LICENSE_UNKNOWN", "license")


def not_allowed(field: str = "") -> Failure:
    """Outside of what this identity may do."""
    return Failure("PERMISSION_DENIED", "ROLE_NOT_ALLOWED", field)


@dataclass(frozen=True)
class Office:
    """A server, and a connection of every caller."""

    server: Server
    signing: SigningWorld
    channels: dict[str, grpc.Channel]

    def call(self, caller: str, method: str, request: Message | bytes) -> bytes | Failure:
        """Calls as somebody; an answer's bytes, or a failure."""
        content = request if isinstance(request, bytes) else request.SerializeToString()
        return call(self.channels[caller], method, content)

    def submit(
        self,
        submission: submission_pb2.Submission,
        *,
        caller: str = "se",
        signer: str = "se",
        key: str = "",
    ) -> verdict_pb2.Answer:
        """Submits what a signer signs; returns the answer."""
        payload = submission.SerializeToString()
        official = self.signing.signer(signer)
        envelope = submission_pb2.Envelope(
            payload=payload,
            signature=official.sign(payload),
            certificate_der=official.certificate_der,
        )
        answer = self.call(caller, "SubmitLicense", submit_request(envelope, key))
        assert isinstance(answer, bytes), answer
        return submission_service_pb2.SubmitLicenseResponse.FromString(answer).answer

    def issued(self, number: str, *, agency: str = "SE", holder: str = TRADER.rfc) -> str:
        """Submits a license that must be accepted; returns its discharge signature."""
        content = license_content()
        content.holder.rfc = holder
        submission = license_submission(number, agency=agency, content=content)
        name = agency.lower()
        verdict = self.submit(submission, caller=name, signer=name).verdict
        assert verdict.HasField("firma"), verdict
        return verdict.firma.discharge_signature

    def check(
        self, caller: str, stated: declaration_pb2.Declaration, min_revision: str = ""
    ) -> verdict_pb2.Answer | Failure:
        """Checks a declaration."""
        answer = self.call(caller, "CheckLicense", check_request(stated, min_revision))
        if isinstance(answer, Failure):
            return answer
        return validation_service_pb2.CheckLicenseResponse.FromString(answer).answer

    def validate(
        self, caller: str, stated: declaration_pb2.Declaration, key: str = ""
    ) -> verdict_pb2.Answer | Failure:
        """Exercises a declaration."""
        answer = self.call(caller, "ValidateLicense", validate_request(stated, key))
        if isinstance(answer, Failure):
            return answer
        return validation_service_pb2.ValidateLicenseResponse.FromString(answer).answer

    def license(
        self, caller: str, name: license_pb2.LicenseId, version: int | None = None
    ) -> submission_service_pb2.LicenseRecord | Failure:
        """Reads a license."""
        answer = self.call(caller, "GetLicense", get_license_request(name, version))
        if isinstance(answer, Failure):
            return answer
        return submission_service_pb2.GetLicenseResponse.FromString(answer).record


@pytest.fixture(scope="module")
def office(
    world: World, signing: SigningWorld, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Office]:
    """One server for all of this file; each test has licenses and declarations of its own."""
    folder = tmp_path_factory.mktemp("scopes")
    (folder / "world").mkdir()
    own = write_scope_world(world, signing, folder / "world")
    with server(own, folder) as running:
        names = [*(str(row["name"]) for row in IDENTITIES), STRANGER]
        yield Office(running, signing, {name: running.channel(name) for name in names})


def stated(
    number: str, firma: str, serial: int, *, agency: str = "", rfc: str = TRADER.rfc
) -> declaration_pb2.Declaration:
    """A declaration at office 240 of the broker 3456, on a license without naming its agency."""
    return declaration(
        license_id(number, agency=agency), firma, number=declaration_number(serial), rfc=rfc
    )


def codes_of(answer: verdict_pb2.Answer | Failure) -> list[str]:
    assert isinstance(answer, verdict_pb2.Answer), answer
    return [finding.code for finding in answer.verdict.findings]


def drawn(answer: verdict_pb2.Answer | Failure) -> verdict_pb2.Movement:
    """The one movement of a firma or a preview."""
    assert isinstance(answer, verdict_pb2.Answer), answer
    verdict = answer.verdict
    yes = verdict.firma if verdict.HasField("firma") else verdict.preview
    (movement,) = yes.movements
    return movement


# --- roles and methods


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("caller", [row["name"] for row in IDENTITIES if row["name"] != REVOKED])
def test_only_the_roles_of_the_contract_may_call(office: Office, caller: str, method: str) -> None:
    # A page larger than any list gives; for the others, a request without anything.
    of_operators = method in {"ListSigners", "ListAffectedLicenses"}
    large_page = b"\x08\xff\xff\x7f" if of_operators else b"\x10\xff\xff\x7f"
    paged = "List" in method and method not in {"ListRequiredLicenses", "ListMovements"}
    answer = office.call(caller, method, large_page if paged else b"")
    assert isinstance(answer, Failure)
    if role_of(caller) in MAY_CALL[method]:
        assert (answer.code, answer.reason) == ("INVALID_ARGUMENT", "FIELD_INVALID")
    else:
        assert answer == not_allowed()


def test_every_role_is_tried() -> None:
    roles = {"agency", "hub", "lane", "prevalidator", "broker", "holder", "coordinator"}
    assert {row["role"] for row in IDENTITIES} == roles | {"rule_officer", "auditor", "operator"}
    assert set(MAY_CALL) == set(METHODS)


def test_method_that_this_version_does_not_have_is_unimplemented(office: Office) -> None:
    unary: grpc.UnaryUnaryMultiCallable[bytes, bytes]
    unary = office.channels["lane-240"].unary_unary("/descargo.v1.RulesService/PublishRuleset")
    with pytest.raises(grpc.RpcError, match="UNIMPLEMENTED"):
        unary(b"", timeout=10)


def test_refused_role_learns_nothing_of_a_bad_request(office: Office) -> None:
    for method in METHODS:
        assert office.call("rule-officer", method, b"\xff") == not_allowed()


# --- office, patente, RFC


def test_lane_exercises_at_its_own_aduana_only(office: Office) -> None:
    firma = office.issued("SE-OFFICE")
    outside = not_allowed("declaration.clearance_office")
    assert office.validate("lane-400", stated("SE-OFFICE", firma, 1)) == outside
    assert office.check("lane-400", stated("SE-OFFICE", firma, 1)) == outside
    # Another section of the same aduana: offices are compared by their two digits.
    assert drawn(office.validate("lane-241", stated("SE-OFFICE", firma, 1))).permit_seq == 2


def test_broker_checks_declarations_of_his_own_patente_only(office: Office) -> None:
    firma = office.issued("SE-PATENTE")
    declared = stated("SE-PATENTE", firma, 2)
    assert drawn(office.check("broker", declared)).permit_seq == 2
    outside = not_allowed("declaration.declaration_number")
    assert office.check("broker-1234", declared) == outside


def test_holder_checks_for_its_own_rfc_only_and_no_rfc_is_repeated(office: Office) -> None:
    firma = office.issued("SE-HOLDER")
    declared = stated("SE-HOLDER", firma, 3)
    assert drawn(office.check("holder", declared)).permit_seq == 2
    refused = office.check("holder-other", declared)
    assert isinstance(refused, Failure)
    assert refused == not_allowed("declaration.trader.rfc")
    assert TRADER.rfc not in refused.said
    assert OTHER_TRADER not in refused.said


# --- licenses of somebody else


def test_license_of_somebody_else_is_unknown_without_balance_but_to_a_lane(office: Office) -> None:
    firma = office.issued("SE-OTHERS", holder=OTHER_TRADER)
    declared = stated("SE-OTHERS", firma, 4)
    # Whatever else does not fit the license is not told either: it would tell of the license.
    declared.operation = license_pb2.OPERATION_TYPE_EXPORT
    declared.lines[0].draws[0].amount.quantity = "1001"
    nobodys = stated("SE-NOBODYS", firma, 4)
    nobodys.operation = license_pb2.OPERATION_TYPE_EXPORT
    for caller in ("broker", "prevalidator", "holder"):
        answer = office.check(caller, declared)
        assert codes_of(answer) == ["N411"]
        assert isinstance(answer, verdict_pb2.Answer)
        assert not answer.verdict.error.standings
        (finding,) = answer.verdict.findings
        assert finding.granted == ""
        other = office.check(caller, nobodys)
        assert codes_of(other) == ["N411"], "and it looks like one that nobody has"
    officer = office.check("lane-240", declared)
    assert codes_of(officer) == ["N413", "N416", "N424"]
    assert isinstance(officer, verdict_pb2.Answer)
    assert officer.verdict.error.standings[0].balances[0].available.quantity == "1000"


def test_agency_reads_its_own_licenses_and_no_others(office: Office) -> None:
    firma = office.issued("SE-READ")
    name = license_id("SE-READ", agency="")
    record = office.license("se", name)
    assert isinstance(record, submission_service_pb2.LicenseRecord)
    assert record.discharge_signature == firma
    assert record.standing.status == license_pb2.LICENSE_STATUS_ACTIVE
    assert record.license == license_content()
    assert office.license("se", license_id("SE-READ"), 1) == record
    for caller, asked in (
        ("semarnat", name),
        ("semarnat", license_id("SE-READ")),
        ("se", license_id("SE-READ", agency="SEMARNAT")),
        ("se", license_id("SE-NEVER")),
    ):
        refused = office.license(caller, asked)
        assert isinstance(refused, Failure)
        assert refused == UNKNOWN_LICENSE
        assert "SE-READ" not in refused.said
    assert office.license("se", name, 2) == UNKNOWN_LICENSE


@pytest.mark.parametrize(
    ("caller", "sees_signature"),
    [("auditor", True), ("coordinator", False), ("lane-240", False), ("lane-400", False)],
)
def test_others_read_every_agencys_licenses(
    office: Office, caller: str, sees_signature: bool
) -> None:
    number = f"SE-READ-{caller}"
    firma = office.issued(number)
    record = office.license(caller, license_id(number))
    assert isinstance(record, submission_service_pb2.LicenseRecord)
    assert record.discharge_signature == (firma if sees_signature else "")
    assert record.standing.balances[0].available.quantity == "1000"


def test_hub_transmits_for_its_agency_only(office: Office) -> None:
    answer = office.submit(license_submission("SE-HUB"), caller="hub")
    assert answer.verdict.HasField("firma")
    submission = license_submission("SEMARNAT-HUB", agency="SEMARNAT", permit_key="T1")
    submission.issue.instrument_kind = license_pb2.INSTRUMENT_KIND_CERTIFICATE
    refused = office.submit(submission, caller="hub", signer="semarnat")
    assert codes_of(refused) == ["F509"]


def test_hub_of_several_agencies_transmits_what_it_is_listed_for(office: Office) -> None:
    def transmitted(number: str, agency: str, key: str, kind: str) -> list[str]:
        submission = license_submission(number, agency=agency, permit_key=key)
        submission.issue.instrument_kind = license_pb2.InstrumentKind.Value(
            f"INSTRUMENT_KIND_{kind}"
        )
        signed_by = "semarnat" if agency == "SEMARNAT" else "se"
        return codes_of(office.submit(submission, caller="hub-of-two", signer=signed_by))

    assert transmitted("HUB-SE", "SE", "C1", "PRIOR_PERMIT") == []
    assert transmitted("HUB-SEMARNAT", "SEMARNAT", "T3", "CERTIFICATE") == []
    # A key that it is not listed for, and an agency that it is not listed for.
    assert transmitted("HUB-AV", "SE", "AV", "AUTOMATIC_NOTICE") == ["F509"]
    assert "F509" in transmitted("HUB-SENER", "SENER", "C1", "PRIOR_PERMIT")
    # Whoever transmits signs nothing: the signer must still be the agency's own.
    crossed = license_submission("HUB-CROSSED")
    assert "F506" in codes_of(office.submit(crossed, caller="hub-of-two", signer="semarnat"))


def test_hub_learns_nothing_of_a_license_by_a_worthless_signature(office: Office) -> None:
    issued = license_submission("HUB-BLIND")
    office.submit(issued)
    wrong = license_submission("HUB-BLIND")
    wrong.version = 2
    wrong.amendment.CopyFrom(wrong.issue)
    wrong.amendment.holder.rfc = "EKU9003173C9"
    told = office.submit(wrong, caller="hub", signer="semarnat").verdict
    assert {"F506", "N403"} <= {each.code for each in told.findings}
    assert [each.granted for each in told.findings if each.code == "N403"] == [""]
    assert not told.error.standings
    # The agency's own signature tells everything, whoever brings it.
    told = office.submit(wrong, caller="hub").verdict
    assert all(each.granted for each in told.findings if each.code == "N403")
    assert told.error.standings


# --- request keys


def test_outcomes_and_keys_belong_to_their_caller(office: Office) -> None:
    firma = office.issued("SE-KEYS")
    key = request_id()
    first = office.validate("lane-240", stated("SE-KEYS", firma, 10), key)
    assert drawn(first).permit_seq == 2
    asked = office.call("lane-240", "GetOutcome", outcome_request(key))
    assert isinstance(asked, bytes)
    assert validation_service_pb2.GetOutcomeResponse.FromString(asked).answer == first
    unknown = Failure("NOT_FOUND", "OUTCOME_UNKNOWN", "request_id")
    assert office.call("lane-241", "GetOutcome", outcome_request(key)) == unknown
    second = office.validate("lane-241", stated("SE-KEYS", firma, 11), key)
    assert drawn(second).permit_seq == 3
    reused = Failure("ALREADY_EXISTS", "REQUEST_ID_REUSED", "request_id")
    assert office.validate("lane-240", stated("SE-KEYS", firma, 12), key) == reused


# --- guessing discharge signatures


def test_five_wrong_signatures_slow_one_caller_down_for_one_license(office: Office) -> None:
    number, other = "SE-GUESS", "SE-GUESS-2"
    firma, other_firma = office.issued(number), office.issued(other)
    for serial in range(20, 25):
        answer = office.validate("lane-240", stated(number, WRONG, serial))
        assert codes_of(answer) == ["N412"]
    clock = office.server.clock
    held = office.validate("lane-240", stated(number, firma, 25))
    place = "declaration.lines[0].draws[0].discharge_signature"
    assert isinstance(held, Failure)
    assert (held.code, held.reason, held.field) == ("RESOURCE_EXHAUSTED", "RATE_EXCEEDED", place)
    assert held.retry_after_s == pytest.approx(WINDOW_S, abs=0.01)
    assert firma not in held.said
    # Spaces and lower case are no way around: it is the same license.
    spaced = office.check("lane-240", stated(" se-guess", WRONG, 25))
    assert isinstance(spaced, Failure)
    assert spaced.reason == "RATE_EXCEEDED"
    assert drawn(office.validate("lane-241", stated(number, firma, 26))).permit_seq == 2
    assert drawn(office.validate("lane-240", stated(other, other_firma, 27))).permit_seq == 2
    clock.move(timedelta(seconds=WINDOW_S) - timedelta(milliseconds=1))
    held = office.validate("lane-240", stated(number, firma, 25))
    assert isinstance(held, Failure)
    assert held.retry_after_s is not None
    assert 0 < held.retry_after_s <= 0.01
    clock.move(timedelta(milliseconds=1))
    assert drawn(office.validate("lane-240", stated(number, firma, 25))).permit_seq == 3


def test_guesses_sent_all_at_once_are_held_back_like_those_one_by_one(office: Office) -> None:
    firma = office.issued("SE-AT-ONCE")
    unary: grpc.UnaryUnaryMultiCallable[bytes, bytes]
    unary = office.channels["lane-240"].unary_unary(METHODS["ValidateLicense"])
    guesses = [stated("SE-AT-ONCE", WRONG, serial) for serial in range(100, 164)]
    futures = [
        unary.future(validate_request(guess).SerializeToString(), timeout=30) for guess in guesses
    ]
    decided = [future for future in futures if future.exception() is None]
    assert len(decided) == 5
    held = office.validate("lane-240", stated("SE-AT-ONCE", firma, 164))
    assert isinstance(held, Failure)
    assert held.reason == "RATE_EXCEEDED"


def test_who_is_held_back_still_gets_the_answers_that_were_given(office: Office) -> None:
    firma = office.issued("SE-REPLAY")
    key = request_id()
    first = office.validate("lane-240", stated("SE-REPLAY", firma, 170), key)
    assert drawn(first).permit_seq == 2
    for serial in range(171, 176):
        office.validate("lane-240", stated("SE-REPLAY", WRONG, serial))
    held = office.validate("lane-240", stated("SE-REPLAY", firma, 176))
    assert isinstance(held, Failure)
    assert office.validate("lane-240", stated("SE-REPLAY", firma, 170), key) == first


def test_wrong_signatures_of_checks_count_too_and_right_ones_do_not(office: Office) -> None:
    firma = office.issued("SE-CHECKED")
    for serial in range(30, 35):
        assert codes_of(office.check("broker", stated("SE-CHECKED", WRONG, serial))) == ["N412"]
        assert codes_of(office.check("prevalidator", stated("SE-CHECKED", firma, serial))) == []
    held = office.check("broker", stated("SE-CHECKED", firma, 35))
    assert isinstance(held, Failure)
    assert held.reason == "RATE_EXCEEDED"
    assert codes_of(office.check("prevalidator", stated("SE-CHECKED", firma, 35))) == []


# --- certificates and TLS


@pytest.mark.parametrize(
    ("caller", "reason"), [(STRANGER, "IDENTITY_UNKNOWN"), (REVOKED, "CERTIFICATE_REVOKED")]
)
def test_certificate_that_does_not_count_is_nobody(
    office: Office, caller: str, reason: str
) -> None:
    for method in METHODS:
        assert office.call(caller, method, b"") == Failure("UNAUTHENTICATED", reason)


def test_connection_without_client_certificate_is_refused(office: Office) -> None:
    authority = (office.server.world.root / "tls" / "ca.pem").read_bytes()
    credentials = grpc.ssl_channel_credentials(authority)
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0)]
    with grpc.secure_channel(office.server.address, credentials, options) as channel:
        assert call(channel, "GetOutcome", b"") == Failure("UNAVAILABLE", "")


@pytest.mark.parametrize(
    ("version", "taken"), [(ssl.TLSVersion.TLSv1_3, True), (ssl.TLSVersion.TLSv1_2, False)]
)
def test_only_tls_1_3_is_taken(office: Office, version: ssl.TLSVersion, taken: bool) -> None:
    folder = office.server.world.root / "tls"
    context = ssl.create_default_context(cafile=folder / "ca.pem")
    context.load_cert_chain(folder / "lane-240.pem", folder / "lane-240.key")
    context.maximum_version = version
    context.set_alpn_protocols(["h2"])
    with socket.create_connection(("127.0.0.1", office.server.port), timeout=10) as plain:
        if taken:
            with context.wrap_socket(plain, server_hostname="localhost") as secure:
                assert secure.version() == "TLSv1.3"
        else:
            with pytest.raises(ssl.SSLError):
                context.wrap_socket(plain, server_hostname="localhost")


# --- revisions


def test_check_sees_the_revision_that_was_just_answered(office: Office) -> None:
    firma = office.issued("SE-REVISION")
    for serial in range(40, 45):
        answer = office.validate("lane-240", stated("SE-REVISION", firma, serial))
        assert isinstance(answer, verdict_pb2.Answer)
        seen = office.check(
            "prevalidator", stated("SE-REVISION", firma, 49), min_revision=answer.revision
        )
        assert drawn(seen).permit_seq == drawn(answer).permit_seq + 1


def test_revision_ahead_is_unavailable_and_garbage_is_invalid(office: Office) -> None:
    firma = office.issued("SE-AHEAD")
    answer = office.validate("lane-240", stated("SE-AHEAD", firma, 50))
    assert isinstance(answer, verdict_pb2.Answer)
    ledger, _, number = answer.revision.rpartition(".")
    asked = stated("SE-AHEAD", firma, 51)
    ahead = office.check("lane-240", asked, f"{ledger}.{int(number) + 1_000_000}")
    assert isinstance(ahead, Failure)
    assert (ahead.code, ahead.reason, ahead.field) == (
        "UNAVAILABLE",
        "REVISION_AHEAD",
        "min_revision",
    )
    invalid = Failure("INVALID_ARGUMENT", "FIELD_INVALID", "min_revision")
    for garbage in (
        "1",
        "x.1",
        f"{ledger}.",
        f"{ledger}.x",
        f"{ledger}.1 ",
        f"{ledger}.99999999999999999999",
    ):
        assert office.check("lane-240", asked, garbage) == invalid, garbage


# --- numbers and names


def test_number_with_spaces_and_in_lower_case_is_shown_as_registered(office: Office) -> None:
    firma = office.issued("SE-Ñ 001/26")
    record = office.license("se", license_id(" se-ñ0 01/26 "))
    assert isinstance(record, submission_service_pb2.LicenseRecord)
    assert record.standing.license.permit_number == "SE-Ñ 001/26"
    movement = drawn(office.validate("lane-240", stated("se-Ñ001/26", firma, 60)))
    assert movement.license.permit_number == "SE-Ñ 001/26"


def test_two_agencies_with_one_key_and_number_are_told_apart_by_the_signature(
    office: Office,
) -> None:
    number = "C1-0001"
    firmas = {agency: office.issued(number, agency=agency) for agency in ("SE", "SENER")}
    assert firmas["SE"] != firmas["SENER"]
    for serial, (agency, firma) in enumerate(firmas.items(), 70):
        movement = drawn(office.validate("lane-240", stated(number, firma, serial)))
        assert movement.license.agency == agency
        named = stated(number, firma, serial + 2, agency=agency)
        assert drawn(office.validate("lane-240", named)).license.agency == agency
    crossed = stated(number, firmas["SE"], 75, agency="SENER")
    assert codes_of(office.validate("lane-240", crossed)) == ["N412"]
    assert codes_of(office.validate("lane-240", stated(number, WRONG, 76))) == ["N412"]
    name = license_id(number, agency="")
    several = Failure("INVALID_ARGUMENT", "FIELD_INVALID", "license.agency")
    assert office.license("lane-240", name) == several
    own = office.license("sener", name)
    assert isinstance(own, submission_service_pb2.LicenseRecord)
    assert own.standing.license.agency == "SENER"
