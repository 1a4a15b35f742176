"""What is done with a license: which change a row asks for, and the changes that take one row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from descargo.v1 import submission_pb2
from descargo_client.faults import Problem
from descargo_client.forms.columns import (
    CHANGE,
    CHANGES,
    FIRST_CHANGES,
    LEFT_COLUMNS,
    SIMPLE_CHANGES,
    columns_of,
    needed_of,
)
from descargo_client.forms.csv_cells import Cells, fill_whole, is_date, named

if TYPE_CHECKING:
    from descargo_client.forms.csv_cells import Numbered, Row


def change_of(rows: Numbered) -> str:
    """The change that the rows of one license ask for; what is left of it makes an onboarding."""
    written = rows[0][1].get(CHANGE, "").lower()
    if written:
        return written
    left = any(row.get(name) for _, row in rows for name in LEFT_COLUMNS)
    return "onboarding" if left else "issue"


def submission(rows: Numbered, version: int, problems: list[Problem]) -> submission_pb2.Submission:
    """Builds the submission of one license from its rows; adds what is wrong to the problems."""
    line, first = rows[0]
    result = submission_pb2.Submission(version=version)
    cells = Cells(line, first, problems)
    for name in ("agency", "permit_key", "permit_number"):
        setattr(result.license, name, cells.text(name))
    change = change_of(rows)
    if CHANGE in first and not first[CHANGE]:
        return result
    if change not in CHANGES:
        cells.refuse("csv.change", CHANGE, value=change, known=", ".join(CHANGES))
        return result
    for number, row in rows:
        _refuse_strangers(Cells(number, row, problems), change)
    if change not in FIRST_CHANGES and not cells.text("version"):
        cells.refuse("csv.version_needed", "version", change=change)
    if change not in SIMPLE_CHANGES:
        fill_whole(result, change, rows, problems)
        return result
    for number, row in rows[1:]:
        Cells(number, row, problems).refuse("csv.one_row", CHANGE, change=change, line=line)
    _fill_simple(result, change, cells)
    return result


def empty_cells(row: Row, change: str) -> list[str]:
    """Columns that the change needs and the row leaves empty."""
    wanted = needed_of(change) if change in CHANGES else ()
    return [name for name in wanted if not row.get(name)]


def problems_of(written: submission_pb2.Submission) -> list[Problem]:
    """What a submission of JSON lacks before it may be signed."""
    change = written.WhichOneof("change")
    if change is None:
        return [Problem("form.no_change", field="issue")]
    if change not in FIRST_CHANGES and not written.version:
        return [Problem("form.no_version", (("change", change),), field="version")]
    return []


def _refuse_strangers(cells: Cells, change: str) -> None:
    """A filled cell that the change does not use may be a wish that would go unheard."""
    own = columns_of(change)
    for name in cells.filled():
        if name not in own:
            cells.refuse("csv.not_for_change", name, change=change, columns=", ".join(own))


def _fill_simple(result: submission_pb2.Submission, change: str, cells: Cells) -> None:
    if change == "notification":
        if cells.text("notified_at"):
            cells.instant(result.notification, "notified_at")
        return
    arm = getattr(result, change)
    arm.SetInParent()
    if change == "extension":
        arm.valid_to = cells.checked("csv.date", "valid_to", is_date)
        arm.office = cells.text("extending_office")
        return
    arm.reason = cells.text("reason")
    if change == "reinstatement":
        arm.suspension_version = cells.whole("suspension_version")
        return
    cells.extent(arm.lines, "stop_lines")
    cells.extent(arm.offices, "stop_offices")
    arm.legal_basis = cells.text("legal_basis")
    named(arm, cells, *(name for name in ("start_time", "end_time") if cells.text(name)))
