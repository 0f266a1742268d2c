"""`unflatten` by counts that stand in lists themselves, which tell where empty lists belong."""

from __future__ import annotations

import numpy as np
import pytest

import ragged

X = [[1.0, 2.0, 3.0], [], [4.0]]
COUNTS = [[0, 2, 1], [0], [0, 1, 0]]
CUT = [[[], [1.0, 2.0], [3.0]], [[]], [[], [4.0], []]]


@pytest.mark.parametrize("given", [list, ragged.Array])
def test_empty_lists_stay_with_their_row(backend, given):
    found = ragged.unflatten(ragged.Array(X), given(COUNTS), axis=1)
    assert found.to_list() == CUT
    assert str(found.type) == "3 * var * var * float64"
    assert ragged.unflatten(ragged.Array(X), given(COUNTS), axis=-1).to_list() == CUT


def test_counting_cutting_and_joining_are_inverse(backend):
    deep = ragged.Array(CUT)
    assert ragged.unflatten(ragged.flatten(deep, axis=2), ragged.num(deep, axis=2), axis=1).to_list() == CUT
    deeper = ragged.Array([[[[1, 2], []], []], [], [[[3]]]])
    again = ragged.unflatten(ragged.flatten(deeper, axis=3), ragged.num(deeper, axis=3), axis=2)
    assert again.to_list() == deeper.to_list()


def test_regular_lists_and_counts(backend):
    x = np.arange(6).reshape(2, 3)
    found = ragged.unflatten(ragged.Array(x), np.array([[1, 2], [3, 0]]), axis=1)
    assert found.to_list() == [[[0], [1, 2]], [[3, 4, 5], []]]


def test_vectors_records_and_missing_lists(backend):
    points = ragged.from_lengths(np.arange(8.0).reshape(4, 2), [3, 0, 1])
    assert str(ragged.unflatten(points, COUNTS, axis=1).type) == "3 * var * var * 2 * float64"
    records = ragged.zip({"x": ragged.Array(X), "y": ragged.Array(X)})
    assert ragged.unflatten(records, COUNTS, axis=1).y.to_list() == CUT
    fields = ragged.Array([{"x": row} for row in X])
    assert ragged.unflatten(fields, COUNTS, axis=1).x.to_list() == CUT
    missing = ragged.unflatten(ragged.Array(X), [[2, None, 1], [None], [1]], axis=1)
    assert missing.to_list() == [[[1.0, 2.0], None, [3.0]], [None], [[4.0]]]


def test_the_gradient_has_the_rows_of_the_argument(backend):
    def program(x):
        return ragged.sum(ragged.sum(ragged.unflatten(x, COUNTS, axis=1), axis=2) ** 2)

    assert ragged.grad(program)(ragged.Array(X)).to_list() == [[6.0, 6.0, 6.0], [], [8.0]]


def test_counts_that_do_not_fit_name_the_first(backend):
    x = ragged.Array(X)
    with pytest.raises(ragged.StructureError, match=r"counts\[2\] .* for 2 values in all, there are 1"):
        ragged.unflatten(x, [[3], [0], [2]], axis=1)
    with pytest.raises(ragged.StructureError, match="2 lists of counts for 3 lists"):
        ragged.unflatten(x, [[3], [1]], axis=1)
    with pytest.raises(ragged.StructureError, match=r"counts\[0\] .* for 1 counts, there are 2"):
        ragged.unflatten(ragged.Array([[[1], [2]]]), [[[1]]], axis=2)
    with pytest.raises(ragged.StructureError, match="must not be negative"):
        ragged.unflatten(x, [[4, -1], [0], [1]], axis=1)
    with pytest.raises(ragged.DTypeError, match="an inner axis"):
        ragged.unflatten(x, [[3], [0], [1]], axis=0)
    with pytest.raises(ragged.AxisError, match="must reach axis=2"):
        ragged.unflatten(ragged.Array([[[1], [2]]]), [[1, 1]], axis=2)
    with pytest.raises(ragged.DTypeError, match="as deep as the axis"):
        ragged.unflatten(x, [[[3]], [[0]], [[1]]], axis=1)
    with pytest.raises(ragged.UnsupportedError, match="not missing"):
        ragged.unflatten(ragged.Array([[1], None]), [[1], []], axis=1)
