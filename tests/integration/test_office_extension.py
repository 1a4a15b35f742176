"""An extension by a customs office, through the real core: where its profile allows it, and not.

The agency signs and transmits it, and names the office that granted it. RLCE 24, which speaks of
it, was not seen; so no shipped profile allows it, and a validator that knows better says so in its
instruments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from descargo.v1 import submission_pb2, verdict_pb2
from descargo_server.config.load import instruments_path
from tests.support import messages
from tests.support.changes import change, record_of, stop, submit
from tests.support.engines import engine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.engines import LiveEngine
    from tests.support.world import World

NUMBER: Final = "SE-0001"
OFFICE: Final = "240"
REFUSES: Final = "office_may_extend = false"


@pytest.fixture
def allowing(world: World, tmp_path: Path) -> Iterator[LiveEngine]:
    """A core whose instruments let an office extend, with a license."""
    shipped = instruments_path().read_text(encoding="utf-8")
    assert REFUSES in shipped
    instruments = tmp_path / "instruments.toml"
    instruments.write_text(shipped.replace(REFUSES, "office_may_extend = true"), encoding="utf-8")
    with engine(world, tmp_path, instruments_path=str(instruments)) as live:
        issue(live, world)
        yield live


def issue(live: LiveEngine, world: World) -> None:
    assert submit(live, world, messages.license_submission(NUMBER)).HasField("firma")


def extended(
    live: LiveEngine, world: World, valid_to: str, office: str, version: int = 2
) -> verdict_pb2.Verdict:
    extension = submission_pb2.Extension(valid_to=valid_to, office=office)
    return submit(live, world, change(NUMBER, version, extension=extension))


def told(verdict: verdict_pb2.Verdict) -> list[str]:
    return [f"{each.code} {each.locator.field}" for each in verdict.findings]


def test_an_office_extends_where_the_profile_allows_it(allowing: LiveEngine, world: World) -> None:
    before = record_of(allowing, world, NUMBER)
    verdict = extended(allowing, world, "2027-06-30", OFFICE)
    assert verdict.HasField("firma"), told(verdict)
    after = record_of(allowing, world, NUMBER)
    assert before.license.valid_to < "2027-06-30"
    assert after.license.valid_to == "2027-06-30"
    assert after.standing.version == 2
    assert after.license.offices == before.license.offices, "it may be used where it could be"


def test_it_is_refused_where_the_profile_does_not(world: World, tmp_path: Path) -> None:
    with engine(world, tmp_path) as live:
        issue(live, world)
        assert told(extended(live, world, "2027-06-30", OFFICE)) == ["N403 extension.office"]
        assert extended(live, world, "2027-06-30", "").HasField("firma"), "the agency itself may"


def test_an_office_that_is_none_extends_nothing(allowing: LiveEngine, world: World) -> None:
    assert told(extended(allowing, world, "2027-06-30", "999")) == ["C206 extension.office"]


def test_no_office_extends_what_was_revoked(allowing: LiveEngine, world: World) -> None:
    revoked = change(NUMBER, 2, revocation=stop())
    assert submit(allowing, world, revoked).HasField("firma")
    before = record_of(allowing, world, NUMBER).license.valid_to
    verdict = extended(allowing, world, "2027-06-30", OFFICE, version=3)
    assert told(verdict) == ["N405 extension"]
    assert record_of(allowing, world, NUMBER).license.valid_to == before
