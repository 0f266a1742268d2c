"""The examples of docs/pytorch.md run as they are printed."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")

PAGE = Path(__file__).parents[1] / "docs" / "pytorch.md"


@pytest.mark.filterwarnings(
    "ignore:`torch.jit.script` is deprecated:DeprecationWarning"
)  # PyTorch's own, in forward mode
def test_the_page():
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    result = doctest.testfile(str(PAGE), module_relative=False, optionflags=flags, encoding="utf-8")
    assert result.attempted > 40
    assert result.failed == 0
