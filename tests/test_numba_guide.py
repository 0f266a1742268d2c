"""The examples of docs/numba.md run as they are printed."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

pytest.importorskip("numba", reason="Numba is not installed")
pytest.importorskip("torch", reason="the page shows arrays of PyTorch, which is not installed")

PAGE = Path(__file__).parents[1] / "docs" / "numba.md"


def test_the_page():
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    result = doctest.testfile(str(PAGE), module_relative=False, optionflags=flags, encoding="utf-8")
    assert result.attempted > 20
    assert result.failed == 0
