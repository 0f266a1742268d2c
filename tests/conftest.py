"""One fixture over all installed backends; everything that a test chooses is undone after it."""

from __future__ import annotations

import pytest

import ragged
from ragged.context import _context, _default


@pytest.fixture(params=ragged.available())
def backend(request):
    """Name of an installed backend, in use (with 64 bits) for the length of the test."""
    with ragged.use(request.param, precision="float64"):
        yield request.param


@pytest.fixture(autouse=True)
def _context_reset():
    before = _default[0]
    token = _context.set(None)
    yield
    _context.reset(token)
    _default[0] = before
