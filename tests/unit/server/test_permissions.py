"""The whole table of who may call what, written down a second time by hand."""

from __future__ import annotations

import pytest

from descargo.v1 import operations_service_pb2, submission_service_pb2, validation_service_pb2
from descargo_server.identity.permissions import CALLERS_OF, may_call
from descargo_server.identity.roles import FIELDS_ALLOWED, FIELDS_REQUIRED, Role

ALLOWED = {
    "CheckLicense": "lane prevalidator broker holder",
    "ValidateLicense": "lane",
    "ListRequiredLicenses": "lane prevalidator",
    "CheckDeclaration": "lane prevalidator broker holder",
    "ReserveDeclaration": "prevalidator",
    "PayDeclaration": "prevalidator lane",
    "ValidateDeclaration": "lane",
    "ReleaseDeclaration": "prevalidator lane",
    "RectifyDeclaration": "prevalidator lane",
    "GetOutcome": "agency hub lane prevalidator",
    "SubmitLicense": "agency hub",
    "SubmitLicenses": "agency hub",
    "GetLicense": "agency auditor lane coordinator",
    "WatchExercises": "agency hub",
    "ListLicenses": "agency auditor coordinator",
    "ListLicenseVersions": "agency auditor coordinator",
    "ReportActivity": "agency hub auditor coordinator",
    "EnrollSigner": "operator",
    "ListSigners": "operator",
    "RevokeCertificate": "operator",
    "ListAffectedLicenses": "operator",
    "QuarantineCertificate": "operator",
    "GetBalance": "agency auditor coordinator",
    "ListMovements": "agency auditor coordinator",
}
METHODS = [
    f"/{service.full_name}/{method.name}"
    for module in (validation_service_pb2, submission_service_pb2, operations_service_pb2)
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("role", list(Role))
def test_role_may_call_exactly_what_the_table_says(role: Role, method: str) -> None:
    assert may_call(role, method) is (role.value in ALLOWED[method.rpartition("/")[2]].split())


def test_table_has_every_method_of_the_contract_and_no_other() -> None:
    assert set(CALLERS_OF) == set(METHODS)


@pytest.mark.parametrize("role", list(Role))
def test_unknown_method_is_denied_to_everybody(role: Role) -> None:
    assert not may_call(role, "/descargo.v1.ValidationService/OpenBarrier")
    assert not may_call(role, "ValidateLicense")


@pytest.mark.parametrize("role", list(Role))
def test_role_may_state_what_it_must(role: Role) -> None:
    assert FIELDS_REQUIRED[role] <= FIELDS_ALLOWED[role]
