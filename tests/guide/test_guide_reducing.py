"""The guide's pages on reducing, on argmin and argmax, and on statistics."""

from __future__ import annotations

import numpy as np
import pytest

from agreement import both

ROWS = [[1, 2, 3], [4, 5], [], [6]]
CUBE = np.arange(30.0).reshape(2, 3, 5)
RAGGED = [[1, 2, 3], [10, 20], [100, 200, 300, 400]]
MISSING = [[None, None, 3, 4], [10, None, 30], [100, 200, 300, 400]]
LOGICAL = [[False, False, True, True], [False, True, False, True], [False, True, True, True]]
SIGNS = [[0, 1, 2], [], [-3, 4], [-5], [-6, -7, -8, -9]]
FLOATS = [[0, 1.1, 2.2], [3.3, 4.4], [5.5], [], [6.6, 7.7, 8.8, 9.9]]
FLOATS_AND_NONE = [[0, 1.1, 2.2], None, [None, 4.4], [5.5], [6.6, np.nan, 8.8, 9.9]]
REDUCERS = ["sum", "prod", "min", "max", "any", "all", "count", "count_nonzero", "argmin", "argmax"]


@pytest.mark.parametrize("axis", [None, 0, 1, -1, -2, 2])
@pytest.mark.parametrize("name", REDUCERS)
@pytest.mark.parametrize("data", [ROWS, RAGGED, MISSING, LOGICAL, SIGNS, FLOATS], ids=range(6))
def test_every_reducer_and_axis(backend, name, axis, data):
    both(lambda ak, x: getattr(ak, name)(x, axis=axis), data)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("name", REDUCERS)
def test_keepdims_on_regular_axes(backend, name, axis):
    both(lambda ak, x: getattr(ak, name)(x, axis=axis, keepdims=True), CUBE)


@pytest.mark.parametrize("axis", [-1, -2])
def test_keepdims_with_missing_values(backend, axis):
    both(lambda ak, x: ak.sum(x, axis=axis, keepdims=True), MISSING)
    both(lambda ak, x: ak.max(x, axis=axis, keepdims=True), MISSING)


def test_filtering_by_a_reduction(backend):
    both(lambda ak, x: x[ak.any(x < 0, axis=-1)], SIGNS)
    both(lambda ak, x: x[ak.all(x < 0, axis=-1)], SIGNS)


@pytest.mark.parametrize("name", ["mean", "var", "std"])
@pytest.mark.parametrize("data", [FLOATS, FLOATS_AND_NONE], ids=["floats", "missing"])
def test_statistics(backend, name, data):
    both(lambda ak, x: getattr(ak, name)(x, axis=-1), data)


def test_range_of_values(backend):
    both(lambda ak, x: ak.ptp(x, axis=-1), [[0, 1.1, 2.2], None, [None, 4.4], [5.5], [], [6.6, 8.8, None]])


def test_softmax_and_standardisation(backend):
    both(lambda ak, x: ak.softmax(x, axis=-1), FLOATS)
    rows = [[1.1, 2.2, 3.3], [4.4, 5.5], [6.6, 7.7, 8.8, 9.9]]
    both(lambda ak, x: (x - ak.mean(x)) / ak.std(x), rows)
    both(lambda ak, x: (x - ak.mean(x, axis=-1)) / ak.std(x, axis=-1), rows)


def test_the_best_record_of_each_list(backend):
    data = [
        [{"n": 0, "x": 0.0}, {"n": 2, "x": 2.2}, {"n": 1, "x": 1.1}],
        [],
        [{"n": 4, "x": 4.4}, {"n": 3, "x": 3.3}],
    ]
    both(lambda ak, x: x[ak.argmax(x.x**2, axis=1, keepdims=True)], data)
    both(lambda ak, x: x[ak.argmax(x.x**2, axis=1, keepdims=True)][:, 0], data)
    both(lambda ak, x: x[ak.argsort(x.x)], data)
    both(lambda ak, x: x[ak.argsort(x.x, ascending=False)][:, :2], data)
    both(lambda ak, x: ak.pad_none(x[ak.argsort(x.x)][:, :2], 2, axis=1), data)
    both(lambda ak, x: ak.to_regular(ak.pad_none(x[ak.argsort(x.x)][:, :2], 2, axis=1), axis=1), data)
