"""Fixtures of the tests of proposals."""

from __future__ import annotations

import pytest

from engine.toy_proposals import Recorded


@pytest.fixture
def recorded():
    """Return the runners that were used."""
    Recorded.made = []
    return Recorded.made
