"""What several of these files need."""

from __future__ import annotations

import pytest

from tests.vectors.signers import SigningWorld


@pytest.fixture(scope="session")
def signing() -> SigningWorld:
    """Signers of every kind, made once: RSA keys take a second."""
    return SigningWorld()
