"""Fixtures that every test may use, and how far property tests look.

`HYPOTHESIS_PROFILE=long` looks much further. In CI the same examples are tried each time.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.support.world import World, make_world

if TYPE_CHECKING:
    from pathlib import Path

# No deadline: a machine that is busy is no failure.
settings.register_profile("short", deadline=None, print_blob=True)
settings.register_profile("steady", settings.get_profile("short"), derandomize=True, database=None)
settings.register_profile(
    "long", settings.get_profile("short"), max_examples=5_000, stateful_step_count=100
)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE", "steady" if "CI" in os.environ else "short")
)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The demo's people and keys, made once: they take a second."""
    folder: Path = tmp_path_factory.mktemp("world")
    return make_world(folder)
