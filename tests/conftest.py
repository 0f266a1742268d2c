"""One fixture over all installed backends; everything that a test chooses is undone after it."""

from __future__ import annotations

import sys

import pytest
from hypothesis import HealthCheck, settings

import ragged
import ragged_torch
from agreement import OURS
from ragged.cli import main
from ragged.context import _context, _default

# A failure comes back at every run, and no run fails that the one before it passed.
settings.register_profile(
    "repeatable", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("repeatable")


@pytest.fixture(params=OURS)
def backend(request):
    """Name of an installed backend of ours, in use (with 64 bits) for the length of the test."""
    with ragged.use(request.param, precision="float64"):
        yield request.param


@pytest.fixture(autouse=True)
def _graphs_run_as_they_were_traced(monkeypatch):
    """PyTorch's compiler takes seconds a graph; the tests that are about it ask for it."""
    monkeypatch.setattr(ragged_torch, "_compiler", "eager")


@pytest.fixture
def ragged_command(monkeypatch):
    """Runs the command in this process; returns its exit code."""

    def command(*arguments):
        monkeypatch.setattr(sys, "argv", ["ragged", *arguments])
        with pytest.raises(SystemExit) as stopped:
            main()
        return stopped.value.code

    return command


@pytest.fixture(autouse=True)
def _context_reset():
    before = _default[0]
    token = _context.set(None)
    yield
    _context.reset(token)
    _default[0] = before
