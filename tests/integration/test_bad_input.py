"""Bytes that are no good request, to a real server: refused with a reason, counted, survived."""

from __future__ import annotations

import re
import socket
import urllib.request
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from descargo.v1 import (
    declaration_pb2,
    operations_service_pb2,
    submission_service_pb2,
    validation_service_pb2,
)
from tests.support.messages import (
    check_request,
    declaration,
    get_license_request,
    license_id,
    license_submission,
    outcome_request,
    submit_request,
    validate_request,
)
from tests.support.servers import server
from tests.support.world import LANE
from tests.vectors.raw_calls import METHODS, Failure, call, failure_of
from tests.vectors.wire import END_GROUP, FIXED32, FIXED64, START_GROUP, VARINT, chunk, tag, varint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import grpc

    from descargo.v1 import submission_pb2
    from tests.support.servers import Server
    from tests.support.world import World

KEY: Final = str(uuid.UUID(int=7))
OF_AGENCIES: Final = (
    "SubmitLicense",
    "GetLicense",
    "ListLicenses",
    "ListLicenseVersions",
    "GetBalance",
    "ListMovements",
    "ReportActivity",
)
CUT_TO_A_GOOD_ONE: Final = {
    "CheckLicense",
    "GetLicense",
    "ListLicenseVersions",
    "ListMovements",
}
OF_OPERATORS: Final = (
    "EnrollSigner",
    "ListSigners",
    "RevokeCertificate",
    "ListAffectedLicenses",
    "QuarantineCertificate",
)
OF_WHOLE: Final = (
    "CheckDeclaration",
    "ReserveDeclaration",
    "ValidateDeclaration",
    "RectifyDeclaration",
)
"""Those that state a whole declaration, of up to 2 MiB."""
CALLER_OF: Final = (
    dict.fromkeys(METHODS, LANE)
    | dict.fromkeys(OF_AGENCIES, "se")
    | dict.fromkeys(OF_OPERATORS, "operator")
    | {"ReserveDeclaration": "prevalidator"}
)
"""Who may call each method, so that its bytes are looked at."""

PAYLOAD_BYTES_MAX: Final = 256 * 1024
EXERCISE_BYTES_MAX: Final = 64 * 1024
QUERY_BYTES_MAX: Final = 4 * 1024
DECLARATION_BYTES_MAX: Final = 2 * 1024 * 1024
SIGNATURE_BYTES_MAX: Final = 1024
CERTIFICATE_BYTES_MAX: Final = 8 * 1024

UNREADABLE: Final = Failure("INVALID_ARGUMENT", "MESSAGE_UNREADABLE")
COUNTED: Final = {"MESSAGE_UNREADABLE", "FIELD_UNKNOWN"}
FAULTS: Final = {"INTERNAL", "UNKNOWN"}
FAULT_IN_LOG: Final = re.compile(r"\bfault\b|Traceback|panicked", re.IGNORECASE)


def invalid(field: str) -> Failure:
    """A field of the request itself that is absent or wrong."""
    return Failure("INVALID_ARGUMENT", "FIELD_INVALID", field)


def unknown(field: str) -> Failure:
    """A field that the contract does not have."""
    return Failure("INVALID_ARGUMENT", "FIELD_UNKNOWN", field)


def too_long(field: str) -> Failure:
    """Over a limit of ours."""
    return Failure("RESOURCE_EXHAUSTED", "LIMIT_EXCEEDED", field)


@dataclass(frozen=True)
class Served:
    """A server, a connection of the right caller for each method, and where its counters are."""

    server: Server
    channels: Mapping[str, grpc.Channel]
    metrics_port: int

    def fails(self, method: str, request: bytes) -> Failure:
        """The failure that must come."""
        return failure_of(self.channels[method], method, request)

    def answers(self, method: str, request: bytes) -> bytes:
        """The answer that must come."""
        answer = call(self.channels[method], method, request)
        assert isinstance(answer, bytes), answer
        return answer

    def still_serves(self) -> None:
        """After everything that was sent: the process lives, decides, and has logged no fault."""
        assert self.server.process is not None
        assert self.server.process.poll() is None
        # A number that no good submission of these tests bears.
        unknown = license_id("SE-NEVER", agency="")
        stated = check_request(declaration(unknown, "AAAAAAAA"))
        response = self.answers("CheckLicense", stated.SerializeToString())
        verdict = validation_service_pb2.CheckLicenseResponse.FromString(response).answer.verdict
        assert [finding.code for finding in verdict.findings] == ["N411"]
        assert not FAULT_IN_LOG.search(self.server.log), self.server.log

    def unreadable_count(self) -> int:
        """How many messages the server has counted as unreadable."""
        url = f"http://127.0.0.1:{self.metrics_port}/metrics"
        with urllib.request.urlopen(url, timeout=10) as response:
            text = response.read().decode()
        counted = re.search(r"^descargo_unreadable_messages_total ([0-9.]+)$", text, re.MULTILINE)
        assert counted is not None
        return int(float(counted[1]))


@pytest.fixture(scope="module")
def served(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for all of this file."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    extra = f'[metrics]\nlisten = "127.0.0.1:{port}"\n'
    with server(world, tmp_path_factory.mktemp("bad-input"), extra_config=extra) as running:
        by_caller = {caller: running.channel(caller) for caller in sorted(set(CALLER_OF.values()))}
        channels = {method: by_caller[caller] for method, caller in CALLER_OF.items()}
        prepared = Served(running, channels, port)
        yield prepared
        prepared.still_serves()


@pytest.fixture(scope="module")
def good(world: World) -> dict[str, bytes]:
    """A good request for each method."""
    stated = declaration(license_id(agency=""), "AAAAAAAA")
    position = declaration_pb2.DeclarationRef(
        declaration_number="262434566000077", acceptance_code="ABCD2345"
    )
    requests = {
        "SubmitLicense": submit_request(world.sign(license_submission()), KEY),
        "GetLicense": get_license_request(license_id("SE-NONE"), version=1),
        "ValidateLicense": validate_request(stated, KEY),
        "CheckLicense": check_request(stated),
        "GetOutcome": outcome_request(KEY),
        "CheckDeclaration": validation_service_pb2.CheckDeclarationRequest(declaration=stated),
        "ReserveDeclaration": validation_service_pb2.ReserveDeclarationRequest(
            request_id=KEY, declaration=stated
        ),
        "ValidateDeclaration": validation_service_pb2.ValidateDeclarationRequest(
            request_id=KEY, declaration=stated
        ),
        "RectifyDeclaration": validation_service_pb2.RectifyDeclarationRequest(
            request_id=KEY, declaration=stated, rectified=position
        ),
        "PayDeclaration": validation_service_pb2.PayDeclarationRequest(
            request_id=KEY, declaration=position, paid_on="2026-05-10"
        ),
        "ReleaseDeclaration": validation_service_pb2.ReleaseDeclarationRequest(
            request_id=KEY,
            declaration=position,
            ground=validation_service_pb2.RELEASE_GROUND_ELIMINATION,
        ),
        "ListRequiredLicenses": validation_service_pb2.ListRequiredLicensesRequest(
            declaration=stated, on_date="2026-05-01"
        ),
        "ListLicenses": submission_service_pb2.ListLicensesRequest(
            filter="status = ACTIVE", page_size=10
        ),
        "ListLicenseVersions": submission_service_pb2.ListLicenseVersionsRequest(
            license=license_id("SE-NONE"), page_size=10
        ),
        "GetBalance": submission_service_pb2.GetBalanceRequest(license=license_id("SE-NONE")),
        "ListMovements": submission_service_pb2.ListMovementsRequest(
            license=license_id("SE-NONE"), page_size=10
        ),
        "ReportActivity": submission_service_pb2.ReportActivityRequest(
            from_day="2026-05-01", to_day="2026-05-31"
        ),
        # No official and no certificate of this world, so that what happens to pass harms none.
        "EnrollSigner": operations_service_pb2.EnrollSignerRequest(
            request_id=KEY,
            signer=operations_service_pb2.Signer(
                rfc="XAXX010101000", name="NADIE", agency="SENER", valid_from="2026-01-01"
            ),
            reason="a vacancy",
        ),
        "RevokeCertificate": operations_service_pb2.RevokeCertificateRequest(
            request_id=KEY,
            certificate_sha256=bytes(32),
            revoked_at=Timestamp(seconds=1_778_000_000),
            reason="a loss",
        ),
        "ListSigners": operations_service_pb2.ListSignersRequest(page_size=1_000),
        "ListAffectedLicenses": operations_service_pb2.ListAffectedLicensesRequest(
            certificate_sha256=bytes(32), signed_after=Timestamp(seconds=1_778_000_000)
        ),
        "QuarantineCertificate": operations_service_pb2.QuarantineCertificateRequest(
            request_id=KEY,
            certificate_sha256=bytes(32),
            signed_after=Timestamp(seconds=1_778_000_000),
            reason="a theft",
        ),
    }
    return {method: request.SerializeToString() for method, request in requests.items()}


# --- the wire


@pytest.mark.parametrize("method", METHODS)
def test_request_cut_at_any_length_is_refused(
    served: Served, good: dict[str, bytes], method: str
) -> None:
    before, counted = served.unreadable_count(), 0
    for length in range(len(good[method])):
        answer = call(served.channels[method], method, good[method][:length])
        if method in CUT_TO_A_GOOD_ONE and isinstance(answer, Failure):
            # What is optional may be cut off whole; then the rest is a good request.
            assert answer.code in {"INVALID_ARGUMENT", "NOT_FOUND"}, length
        elif method in {"ListLicenses", "ListSigners"} and not isinstance(answer, Failure):
            # Everything of it is optional: nothing at all, or a filter alone, is a good request.
            assert length in {0, 2 + len("status = ACTIVE")}
        else:
            assert isinstance(answer, Failure), length
            assert answer.code == "INVALID_ARGUMENT", length
        counted += isinstance(answer, Failure) and answer.reason in COUNTED
    assert counted > len(good[method]) // 2
    assert served.unreadable_count() == before + counted


def nested(depth: int) -> bytes:
    """A message in a message in a message, each in the field of the declaration."""
    content = b""
    for _ in range(depth):
        content = chunk(2, content)
    return content


BROKEN: Final[Mapping[str, bytes]] = {
    "a tag that never ends": b"\xff" * 11,
    "a tag without value": tag(1, VARINT),
    "field number zero": tag(0, VARINT) + b"\x01",
    "a field number that there cannot be": varint(1 << 40) + b"\x01",
    "wire type 6": tag(1, 6) + b"\x01",
    "wire type 7": tag(1, 7) + b"\x01",
    "a length beyond the end": tag(1, 2) + varint(100) + b"short",
    "a length of 2^63": tag(1, 2) + varint(1 << 63) + b"x",
    "a length of 2^64": tag(1, 2) + varint(1 << 64) + b"x",
    "a number of eleven bytes": tag(1, VARINT) + b"\x80" * 10 + b"\x01",
    "text that is not UTF-8": chunk(1, b"\xff\xfe"),
    "text with half a surrogate pair": chunk(1, b"\xed\xa0\x80"),
    "text with an over-long slash": chunk(1, b"\xc0\xaf"),
    "a number where text belongs": tag(1, VARINT) + b"\x01",
    "four bytes where text belongs": tag(1, FIXED32) + b"1234",
    "eight bytes where text belongs": tag(1, FIXED64) + b"12345678",
    "a group": tag(1, START_GROUP) + tag(1, END_GROUP),
    "a group that nobody opened": tag(1, END_GROUP),
    "ten thousand groups, one in another": tag(1, START_GROUP) * 10_000,
    "an unknown field that is a group": tag(99, START_GROUP) + tag(99, END_GROUP),
}


@pytest.mark.parametrize("method", ["SubmitLicense", "ValidateLicense", "GetOutcome"])
@pytest.mark.parametrize("broken", BROKEN)
def test_broken_bytes_are_unreadable(served: Served, method: str, broken: str) -> None:
    request = BROKEN[broken]
    if method == "GetOutcome":
        request = request[:QUERY_BYTES_MAX]
    before = served.unreadable_count()
    assert served.fails(method, request) == UNREADABLE
    assert served.unreadable_count() == before + 1


DEEP: Final[Mapping[str, Callable[[], bytes]]] = {
    "a number that is no u32": lambda: chunk(13, tag(1, VARINT) + varint(1 << 32)),
    "an enum beyond 32 bits": lambda: tag(5, VARINT) + varint(1 << 32),
    "text that is not UTF-8": lambda: chunk(4, b"\xff"),
    "a message that is a number": lambda: tag(7, VARINT) + b"\x01",
    "a message that is cut off": lambda: chunk(7, b"\x0a\x05ab"),
}


@pytest.mark.parametrize("deep", DEEP)
def test_broken_bytes_within_the_declaration_are_unreadable(served: Served, deep: str) -> None:
    request = chunk(1, KEY.encode()) + chunk(2, DEEP[deep]())
    assert served.fails("ValidateLicense", request) == UNREADABLE


def test_ten_thousand_levels_of_nesting_are_refused(served: Served, world: World) -> None:
    deep = nested(10_000)
    stated = chunk(2, chunk(14, deep))
    assert len(stated) < EXERCISE_BYTES_MAX
    request = chunk(1, KEY.encode()) + stated
    assert served.fails("ValidateLicense", request) == unknown("declaration.14")
    signed = submit_request(sealed(world, deep), KEY).SerializeToString()
    assert served.fails("SubmitLicense", signed).code == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    ("method", "more", "field"),
    [
        ("SubmitLicense", chunk(4, b""), "4"),
        ("SubmitLicense", chunk(3, chunk(14, b"")), "submission.14"),
        ("SubmitLicense", chunk(31, b""), "31"),
        ("ValidateLicense", tag(100, VARINT) + b"\x01", "100"),
        ("CheckLicense", tag((1 << 29) - 1, VARINT) + b"\x01", str((1 << 29) - 1)),
        ("GetOutcome", tag(2, FIXED64) + bytes(8), "2"),
        ("GetLicense", tag(9, FIXED32) + bytes(4), "9"),
    ],
)
def test_unknown_field_of_a_request_is_named(
    served: Served, good: dict[str, bytes], method: str, more: bytes, field: str
) -> None:
    before = served.unreadable_count()
    assert served.fails(method, good[method] + more) == unknown(field)
    assert served.unreadable_count() == before + 1


def test_unknown_field_deep_in_a_request_is_named_with_its_path(
    served: Served, world: World
) -> None:
    stated = declaration(license_id(agency=""), "AAAAAAAA").SerializeToString()
    line = chunk(13, chunk(9, chunk(1, tag(77, VARINT) + b"\x01")))
    request = chunk(1, KEY.encode()) + chunk(2, stated + line)
    assert served.fails("ValidateLicense", request) == unknown(
        "declaration.lines[1].draws[0].license.77"
    )
    envelope = world.sign(license_submission()).SerializeToString() + chunk(5, b"")
    request = chunk(1, KEY.encode()) + chunk(2, envelope)
    assert served.fails("SubmitLicense", request) == unknown("envelope.5")


def sealed(world: World, payload: bytes) -> submission_pb2.Envelope:
    """Any bytes, truly signed."""
    envelope = world.sign(license_submission())
    envelope.payload = payload
    envelope.signature = world.signer().sign(payload)
    return envelope


def test_unknown_field_within_what_was_signed_is_a_finding(served: Served, world: World) -> None:
    payload = license_submission("SE-S108").SerializeToString() + chunk(30, b"")
    request = submit_request(sealed(world, payload)).SerializeToString()
    response = served.answers("SubmitLicense", request)
    verdict = submission_service_pb2.SubmitLicenseResponse.FromString(response).answer.verdict
    assert [(f.code, f.locator.field) for f in verdict.findings] == [("S108", "30")]
    assert verdict.HasField("error")


@pytest.mark.parametrize(
    "payload", [b"\xff", b"\x0a\x05ab", tag(1, START_GROUP), chunk(1, b"\xff")]
)
def test_signed_bytes_that_are_no_message_are_unreadable(
    served: Served, world: World, payload: bytes
) -> None:
    request = submit_request(sealed(world, payload)).SerializeToString()
    expected = Failure("INVALID_ARGUMENT", "MESSAGE_UNREADABLE", "envelope.payload")
    assert served.fails("SubmitLicense", request) == expected


def test_signed_bytes_cut_at_any_length_never_get_a_firma(served: Served, world: World) -> None:
    payload = license_submission("SE-CUT").SerializeToString()
    verdicts = 0
    for length in range(1, len(payload)):
        request = submit_request(sealed(world, payload[:length])).SerializeToString()
        answer = call(served.channels["SubmitLicense"], "SubmitLicense", request)
        if isinstance(answer, Failure):
            assert (answer.code, answer.field) == ("INVALID_ARGUMENT", "envelope.payload"), length
        else:
            response = submission_service_pb2.SubmitLicenseResponse.FromString(answer)
            assert response.answer.verdict.WhichOneof("outcome") == "error", length
            verdicts += 1
    assert verdicts > 3, "cut between two fields it is still a message, with findings"


# --- fields of the request itself


@pytest.mark.parametrize(
    ("method", "more", "field"),
    [
        ("ValidateLicense", chunk(1, KEY.encode()), "request_id"),
        ("ValidateLicense", chunk(2, chunk(6, b"IMD")), "declaration"),
        ("CheckLicense", chunk(1, b""), "declaration"),
        ("ListRequiredLicenses", chunk(2, b""), "on_date"),
        ("SubmitLicense", chunk(2, b""), "envelope"),
        ("GetOutcome", chunk(1, KEY.encode()), "request_id"),
        ("GetLicense", tag(2, VARINT) + b"\x01", "version"),
    ],
)
def test_singular_field_that_occurs_twice_is_refused(
    served: Served, good: dict[str, bytes], method: str, more: bytes, field: str
) -> None:
    assert served.fails(method, good[method] + more) == invalid(field)


def test_singular_field_twice_within_the_request_is_named_with_its_path(
    served: Served, world: World
) -> None:
    stated = declaration(license_id(agency=""), "AAAAAAAA").SerializeToString()
    request = chunk(1, KEY.encode()) + chunk(2, stated + chunk(6, b"IMD"))
    assert served.fails("ValidateLicense", request) == invalid("declaration.regime")
    envelope = world.sign(license_submission()).SerializeToString()
    for more in (chunk(1, b"x"), chunk(1, b"")):
        # The same arm of a choice twice, where one reader would take the first and one the last.
        request = chunk(1, KEY.encode()) + chunk(2, envelope + more)
        assert served.fails("SubmitLicense", request) == invalid("envelope.payload")
    # And both arms, where the two forms could say two things.
    request = chunk(1, KEY.encode()) + chunk(2, envelope + chunk(2, b"||1||||||||||"))
    assert served.fails("SubmitLicense", request) == invalid("envelope.canonical_string")


@pytest.mark.parametrize(
    ("method", "field"),
    [
        ("SubmitLicense", "request_id"),
        ("ValidateLicense", "request_id"),
        ("GetOutcome", "request_id"),
        ("CheckLicense", "declaration"),
        ("ListRequiredLicenses", "declaration"),
        ("GetLicense", "license"),
    ],
)
def test_empty_message_lacks_its_first_field(served: Served, method: str, field: str) -> None:
    assert served.fails(method, b"") == invalid(field)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "7",
        "00000000000000000000000000000007",
        "{00000000-0000-0000-0000-000000000007}",
        "00000000-0000-0000-0000-00000000000",
        "00000000-0000-0000-0000-0000000000070",
        "00000000-0000-0000-0000-00000000000g",
        "00000000_0000_0000_0000_000000000007",
        " 0000000-0000-0000-0000-000000000007",
        "0000000-00000-0000-0000-000000000007",
        "00000000-0000-0000-0000-00000000000\u0667",
    ],
)
def test_request_id_that_is_no_uuid_is_refused(
    served: Served, good: dict[str, bytes], key: str
) -> None:
    first = chunk(1, KEY.encode())
    for method in ("SubmitLicense", "ValidateLicense", "GetOutcome"):
        assert good[method].startswith(first)
        request = (chunk(1, key.encode()) if key else b"") + good[method][len(first) :]
        assert served.fails(method, request) == invalid("request_id")


@pytest.mark.parametrize("method", ["ValidateLicense", "CheckLicense"])
@pytest.mark.parametrize(
    ("lines", "draws", "field"),
    [
        (0, 0, "declaration.lines"),
        (2, 1, "declaration.lines"),
        (1, 0, "declaration.lines[0].draws"),
        (1, 2, "declaration.lines[0].draws"),
    ],
)
def test_call_for_one_license_takes_one_line_with_one_draw(
    served: Served, method: str, lines: int, draws: int, field: str
) -> None:
    stated = declaration(license_id(agency=""), "AAAAAAAA")
    line = stated.lines[0]
    draw = line.draws[0]
    del line.draws[:]
    line.draws.extend([draw] * draws)
    del stated.lines[:]
    stated.lines.extend([line] * lines)
    request = validate_request(stated) if method == "ValidateLicense" else check_request(stated)
    assert served.fails(method, request.SerializeToString()) == invalid(field)


def test_envelope_without_its_parts_is_refused(served: Served, world: World) -> None:
    request = submission_service_pb2.SubmitLicenseRequest(request_id=KEY)
    assert served.fails("SubmitLicense", request.SerializeToString()) == invalid("envelope")
    for part in ("payload", "signature", "certificate_der"):
        request.envelope.CopyFrom(world.sign(license_submission()))
        request.envelope.ClearField(part)
        refused = served.fails("SubmitLicense", request.SerializeToString())
        assert refused == invalid(f"envelope.{part}")


# --- limits


def test_each_part_of_a_submission_has_its_limit(served: Served, world: World) -> None:
    """The last byte within each limit is looked at, the next one is not."""
    limits = {
        "payload": PAYLOAD_BYTES_MAX,
        "signature": SIGNATURE_BYTES_MAX,
        "certificate_der": CERTIFICATE_BYTES_MAX,
    }
    for part, limit in limits.items():
        envelope = world.sign(license_submission("SE-LIMIT"))
        for length, fits in ((limit, True), (limit + 1, False)):
            setattr(envelope, part, padded(length) if part == "payload" else bytes(length))
            answer = call(
                served.channels["SubmitLicense"],
                "SubmitLicense",
                submit_request(envelope).SerializeToString(),
            )
            if fits:
                assert isinstance(answer, bytes), (part, answer)
            else:
                assert answer == too_long(f"envelope.{part}")


def padded(length: int) -> bytes:
    """A submission of exactly so many bytes."""
    submission = license_submission("SE-LIMIT")
    submission.issue.legal_basis = "X" * (length - submission.ByteSize())
    while submission.ByteSize() > length:
        excess = submission.ByteSize() - length
        submission.issue.legal_basis = submission.issue.legal_basis[:-excess]
    assert submission.ByteSize() == length
    return submission.SerializeToString()


@pytest.mark.parametrize(
    ("method", "limit"),
    [
        ("ValidateLicense", EXERCISE_BYTES_MAX),
        ("CheckLicense", EXERCISE_BYTES_MAX),
        ("ListRequiredLicenses", EXERCISE_BYTES_MAX),
        ("GetOutcome", QUERY_BYTES_MAX),
        ("GetLicense", QUERY_BYTES_MAX),
        ("ReserveDeclaration", DECLARATION_BYTES_MAX),
        ("ValidateDeclaration", DECLARATION_BYTES_MAX),
        ("PayDeclaration", QUERY_BYTES_MAX),
    ],
)
def test_each_request_has_its_limit(served: Served, method: str, limit: int) -> None:
    for length, expected in ((limit, unknown("15")), (limit + 1, too_long("request"))):
        # Unknown fields of two bytes each and, where the length is odd, one of three.
        small, odd = tag(15, VARINT) + b"\x01", tag(99, VARINT) + b"\x01"
        request = odd * (length % 2) + small * ((length - 3 * (length % 2)) // 2)
        assert len(request) == length
        assert served.fails(method, request) == expected


@pytest.mark.parametrize("method", METHODS)
def test_five_megabytes_are_refused_before_they_are_read(served: Served, method: str) -> None:
    assert served.fails(method, bytes(5 * 1024 * 1024)).code == "RESOURCE_EXHAUSTED"


@pytest.mark.parametrize("method", METHODS)
def test_two_megabytes_that_grpc_lets_through_are_refused_with_a_reason(
    served: Served, method: str
) -> None:
    expected = UNREADABLE if method in OF_WHOLE else too_long("request")
    assert served.fails(method, bytes(2 * 1024 * 1024 - 1)) == expected


# --- chance

EDITS: Final = st.lists(
    st.tuples(
        st.sampled_from(["flip", "insert", "delete", "double", "swap"]),
        st.floats(0, 1, exclude_max=True),
        st.integers(0, 255),
    ),
    min_size=1,
    max_size=6,
)
SURVIVAL: Final = settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def mutated(request: bytes, edits: list[tuple[str, float, int]]) -> bytes:
    """A good request after some accidents."""
    content = bytearray(request)
    for kind, where, byte in edits:
        at = int(where * len(content))
        match kind:
            case "flip" if content:
                content[at] ^= byte or 1
            case "insert":
                content[at:at] = bytes([byte])
            case "delete":
                del content[at : at + byte % 8 + 1]
            case "double":
                content[at:at] = content[at : at + byte]
            case _:
                content[at:] = content[at : at + byte][::-1] + content[at + byte :]
    return bytes(content)


@SURVIVAL
@given(method=st.sampled_from(sorted(METHODS)), edits=EDITS)
def test_mutated_request_is_never_a_fault(
    served: Served, good: dict[str, bytes], method: str, edits: list[tuple[str, float, int]]
) -> None:
    answer = call(served.channels[method], method, mutated(good[method], edits))
    if isinstance(answer, Failure):
        assert answer.code not in FAULTS, answer
        assert answer.reason, answer


@SURVIVAL
@given(method=st.sampled_from(sorted(METHODS)), request=st.binary(max_size=300))
def test_random_bytes_are_never_a_fault(served: Served, method: str, request: bytes) -> None:
    answer = call(served.channels[method], method, request)
    if method in {"ListLicenses", "ListSigners"} and not isinstance(answer, Failure):
        # Everything of it is optional, so a few bytes may happen to ask for something.
        return
    assert isinstance(answer, Failure)
    assert answer.code == "INVALID_ARGUMENT"
