"""The examples of docs/jit.md run as they are printed."""

from __future__ import annotations

import doctest
import importlib.util
from pathlib import Path

import pytest

if importlib.util.find_spec("jax") is None:
    pytest.skip("jax is not installed", allow_module_level=True)

PAGE = Path(__file__).parents[1] / "docs" / "jit.md"


def test_the_page():
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    result = doctest.testfile(str(PAGE), module_relative=False, optionflags=flags, encoding="utf-8")
    assert result.attempted > 15
    assert result.failed == 0
