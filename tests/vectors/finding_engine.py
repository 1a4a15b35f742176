"""A fresh real engine for each case, and what every answer with findings must keep to."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from descargo.catalogue import findings
from descargo.v1 import submission_pb2, submission_service_pb2, verdict_pb2
from descargo_server._core import Caller
from tests.support.engines import engine as live_engine
from tests.support.messages import request_id, submit_request
from tests.vectors.field_paths import path_exists
from tests.vectors.finding_cases import good_submission

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from google.protobuf.descriptor import Descriptor

    from tests.support.engines import LiveEngine
    from tests.support.world import World
    from tests.vectors.finding_cases import Case
    from tests.vectors.signers import SigningWorld, TestSigner

__all__ = ["CALLERS", "FindingEngine", "assert_answer", "canonical_envelope"]

ISSUED_AT: Final = "2026-05-10T18:00:30Z"
UNKNOWN_FIELD: Final = re.compile(r"(.*\.)?[0-9]+\Z")
"""Where S108 names a field by its number, since the contract has no name for it."""
ENVELOPE: Final = "envelope"

CALLERS: Final = {
    "se": Caller("se", "agency", agency="SE"),
    "se-av": Caller("se-av", "agency", agency="SE", permit_keys=["AV", "C6"]),
    "semarnat": Caller("semarnat", "agency", agency="SEMARNAT"),
    "sener": Caller("sener", "agency", agency="SENER"),
    "lane": Caller("lane", "lane", office="240"),
    "lane-2": Caller("lane-2", "lane", office="240"),
    "lane-300": Caller("lane-300", "lane", office="300"),
    "lane-400": Caller("lane-400", "lane", office="400"),
    "lane-99": Caller("lane-99", "lane", office="990"),
    "broker": Caller("broker", "broker", broker_license="3456"),
    "prevalidator": Caller("prevalidator", "prevalidator"),
}
"""Who may connect in a case."""


@dataclass(frozen=True)
class FindingEngine:
    """The real core on an empty ledger, with the signers of the cases."""

    live: LiveEngine
    signing: SigningWorld

    @classmethod
    @contextmanager
    def open(
        cls, world: World, signing: SigningWorld, folder: Path, policy: dict[str, Any]
    ) -> Iterator[FindingEngine]:
        """Opens it on the ledger in a folder."""
        settings = signing.settings(folder) | {"policy": policy}
        with live_engine(world, folder, **settings) as live:
            yield cls(live, signing)

    def move_to(self, instant: str) -> None:
        """Sets the clock, to the nanosecond."""
        self.live.clock.path.write_text(instant, encoding="ascii")

    def submit(
        self,
        caller: str,
        envelope: submission_pb2.Envelope,
        beside: submission_pb2.Submission | None = None,
    ) -> bytes:
        """Submits under a fresh key; returns the response's bytes."""
        return self.live.submit(CALLERS[caller], submit_request(envelope, request_id(), beside))

    def issue(self, submission: submission_pb2.Submission | None = None) -> bytes:
        """Submits what must be accepted, signed by the agency's official; returns the response."""
        submission = submission or good_submission()
        self.move_to(ISSUED_AT)
        agency = submission.license.agency.lower()
        payload = submission.SerializeToString()
        signer = self.signing.signer(agency)
        envelope = submission_pb2.Envelope(
            payload=payload,
            signature=signer.sign(payload),
            certificate_der=signer.certificate_der,
        )
        response = self.submit(agency, envelope)
        verdict = submission_service_pb2.SubmitLicenseResponse.FromString(response).answer.verdict
        assert verdict.HasField("firma"), verdict
        return response


def canonical_envelope(string: str, signer: TestSigner) -> submission_pb2.Envelope:
    """Any string, truly signed."""
    return submission_pb2.Envelope(
        canonical_string=string,
        signature=signer.sign(string.encode()),
        certificate_der=signer.certificate_der,
    )


def assert_answer(answer: verdict_pb2.Answer, case: Case, stated: Descriptor) -> None:
    """Exactly the findings of a case, in order, each as the contract wants it."""
    verdict = answer.verdict
    told = [
        f"{finding.code} {finding.locator.field}: {finding.declared} / {finding.granted}"
        for finding in verdict.findings
    ]
    expected = case.expected
    places = [(each.code, each.field) for each in expected]
    assert [(f.code, f.locator.field) for f in verdict.findings] == places, "\n".join(told)
    for each, finding, text in zip(expected, verdict.findings, told, strict=True):
        if each.told is not None:
            assert (finding.declared, finding.granted) == each.told, text
        assert_finding(finding, stated)
    assert_texts(answer)


def assert_finding(finding: verdict_pb2.Finding, stated: Descriptor) -> None:
    """Class by the code's letter, a path that the contract has, values within their length."""
    prefix = "FINDING_CLASS_"
    name = verdict_pb2.FindingClass.Name(finding.finding_class)
    assert name == prefix + findings()[finding.code].finding_class
    path = finding.locator.field
    if path.split(".")[0] == ENVELOPE:
        request = submission_service_pb2.SubmitLicenseRequest.DESCRIPTOR
        assert path_exists(request, path), path
    elif finding.code == "S108" and UNKNOWN_FIELD.match(path):
        owner = path.rpartition(".")[0]
        assert not owner or path_exists(stated, owner), path
    else:
        assert path_exists(stated, path), path
    assert len(finding.declared) <= 250
    assert len(finding.granted) <= 250


def assert_texts(answer: verdict_pb2.Answer) -> None:
    """Each distinct code once, in both languages, as the catalogue has it."""
    codes = list(dict.fromkeys(finding.code for finding in answer.verdict.findings))
    assert [text.code for text in answer.texts] == codes
    for text in answer.texts:
        row = findings()[text.code]
        assert (text.message_es, text.message_en) == (row.message_es, row.message_en)
        assert (text.remedy_es, text.remedy_en) == (row.remedy_es, row.remedy_en)
        assert text.actor != verdict_pb2.ACTOR_UNSPECIFIED
