"""Fixtures that every test may use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.world import World, make_world

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The demo's people and keys, made once: they take a second."""
    folder: Path = tmp_path_factory.mktemp("world")
    return make_world(folder)
