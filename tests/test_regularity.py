"""to_regular, from_regular, to_packed."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import ragged
from agreement import assert_same
from layouts import AXES, SETTINGS, agree, arrays, has, without_hidden


@SETTINGS
@given(arrays(), st.none() | AXES)
def test_to_regular(x, axis):
    assume(not has(x, "string", "bytes"))  # Awkward counts characters
    agree(lambda x: ragged.to_regular(x, axis), lambda x: ak.to_regular(without_hidden(x), axis), x)


@SETTINGS
@given(arrays(), st.none() | AXES)
def test_from_regular(x, axis):
    assume(axis is None or not has(x, "string", "bytes"))
    agree(lambda x: ragged.from_regular(x, axis), lambda x: ak.from_regular(x, axis), x)


@SETTINGS
@given(arrays())
def test_to_packed(x):
    agree(ragged.to_packed, ak.to_packed, x)


@SETTINGS
@given(st.integers(0, 3), st.integers(0, 3), st.integers(1, 3))
def test_there_and_back(n, size, inner):
    x = np.arange(n * size * inner).reshape(n, size, inner)
    for axis in (1, 2, -1, None):
        opened = ragged.from_regular(x, axis)
        assert "var" in str(opened.type)
        if n and (size or axis == 1):
            assert_same(ragged.to_regular(opened, axis), x)


def test_on_every_backend(backend):
    x = ragged.Array([[1.0, 2.0], [3.0, 4.0]])
    regular = ragged.to_regular(x)
    assert str(regular.type) == "2 * 2 * float64"
    assert_same(ragged.from_regular(regular), x)
    gradient = ragged.grad(lambda x: ragged.sum(ragged.to_regular(x) ** 2))(x)
    assert_same(gradient, ak.Array([[2.0, 4.0], [6.0, 8.0]]))


def test_missing_lists_have_no_length():
    x = ragged.Array([[1, 2], [3], [4, 5]]).mask[[True, False, True]]
    assert_same(ragged.to_regular(x), ak.to_regular(ak.Array([[1, 2], None, [4, 5]])))
    assert str(ragged.to_regular(x, axis=None).type) == "3 * option[2 * int64]"


def test_text_stays_text():
    assert str(ragged.to_regular(ragged.Array([["a", "b"], ["c", "d"]]), axis=None).type) == "2 * 2 * string"


def test_lists_of_different_lengths():
    with pytest.raises(ragged.StructureError, match="row 0 has 2 values, but row 2 has 1"):
        ragged.to_regular(ragged.Array([[1, 2], [3, 4], [5]]))
    with pytest.raises(ragged.StructureError, match="row 0 has 0 values, but row 1 has 1"):
        ragged.to_regular(ragged.Array([[[], [1]]]), axis=2)
    with pytest.raises(ragged.AxisError, match="axis=2"):
        ragged.to_regular(ragged.Array([[1]]), axis=2)
