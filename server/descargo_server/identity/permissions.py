"""The one table of who may call what. What is not in it is denied."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from descargo_server.identity.roles import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CALLERS_OF",
    "OPERATIONS_SERVICE",
    "SUBMISSION_SERVICE",
    "VALIDATION_SERVICE",
    "may_call",
]

VALIDATION_SERVICE: Final = "descargo.v1.ValidationService"
SUBMISSION_SERVICE: Final = "descargo.v1.SubmissionService"
OPERATIONS_SERVICE: Final = "descargo.v1.OperationsService"

CHECKING: Final = frozenset({Role.LANE, Role.PREVALIDATOR, Role.BROKER, Role.HOLDER})
"""Who asks what would be answered."""

LISTING: Final = frozenset({Role.AGENCY, Role.AUDITOR, Role.COORDINATOR})
"""Who reads lists: an agency its own licenses, the others all."""

OPERATING: Final = frozenset({Role.OPERATOR})
"""Who says whose signatures count."""

CALLERS_OF: Final[Mapping[str, frozenset[Role]]] = MappingProxyType(
    {
        f"/{VALIDATION_SERVICE}/CheckLicense": CHECKING,
        f"/{VALIDATION_SERVICE}/CheckDeclaration": CHECKING,
        f"/{VALIDATION_SERVICE}/ValidateLicense": frozenset({Role.LANE}),
        f"/{VALIDATION_SERVICE}/ReserveDeclaration": frozenset({Role.PREVALIDATOR}),
        f"/{VALIDATION_SERVICE}/PayDeclaration": frozenset({Role.PREVALIDATOR, Role.LANE}),
        f"/{VALIDATION_SERVICE}/ValidateDeclaration": frozenset({Role.LANE}),
        f"/{VALIDATION_SERVICE}/ReleaseDeclaration": frozenset({Role.PREVALIDATOR, Role.LANE}),
        f"/{VALIDATION_SERVICE}/RectifyDeclaration": frozenset({Role.PREVALIDATOR, Role.LANE}),
        # What the rules ask for is no secret of any license.
        f"/{VALIDATION_SERVICE}/ListRequiredLicenses": frozenset({Role.LANE, Role.PREVALIDATOR}),
        # Whoever may ask for something durable may ask again for its answer. Keys are per caller.
        f"/{VALIDATION_SERVICE}/GetOutcome": frozenset(
            {
                Role.AGENCY,
                Role.HUB,
                Role.LANE,
                Role.PREVALIDATOR,
            }
        ),
        f"/{SUBMISSION_SERVICE}/SubmitLicense": frozenset({Role.AGENCY, Role.HUB}),
        f"/{SUBMISSION_SERVICE}/SubmitLicenses": frozenset({Role.AGENCY, Role.HUB}),
        # An officer at a lane reads the license in front of him: there is no paper.
        f"/{SUBMISSION_SERVICE}/GetLicense": frozenset(
            {
                Role.AGENCY,
                Role.AUDITOR,
                Role.LANE,
                Role.COORDINATOR,
            }
        ),
        # A hub sees the movements of what it is listed for. It reads no license: what it transmits
        # it has, and who is told more is the agency's matter.
        f"/{SUBMISSION_SERVICE}/WatchExercises": frozenset({Role.AGENCY, Role.HUB}),
        f"/{SUBMISSION_SERVICE}/ListLicenses": LISTING,
        f"/{SUBMISSION_SERVICE}/ListLicenseVersions": LISTING,
        # Counts and no license; a hub is told of what it is listed for.
        f"/{SUBMISSION_SERVICE}/ReportActivity": LISTING | {Role.HUB},
        f"/{OPERATIONS_SERVICE}/EnrollSigner": OPERATING,
        f"/{OPERATIONS_SERVICE}/ListSigners": OPERATING,
        f"/{OPERATIONS_SERVICE}/RevokeCertificate": OPERATING,
        f"/{OPERATIONS_SERVICE}/ListAffectedLicenses": OPERATING,
        f"/{OPERATIONS_SERVICE}/QuarantineCertificate": OPERATING,
        f"/{SUBMISSION_SERVICE}/GetBalance": LISTING,
        f"/{SUBMISSION_SERVICE}/ListMovements": LISTING,
    }
)
"""Roles by full method name."""


def may_call(role: Role, method: str) -> bool:
    """Whether a role may call a method; no for a method that the table lacks."""
    return role in CALLERS_OF.get(method, frozenset())
