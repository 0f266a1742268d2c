"""Running sums and products: values as NumPy's row by row, gradients, missing values, numbers that would be lost."""

from __future__ import annotations

import numpy as np
import pytest

import ragged

DATA = [[1.5, -2.0, 3.0, 0.5, 4.0], [], [2.0], [0.0, 5.0]]
NAMES = {"cumulative_sum": np.cumsum, "cumulative_prod": np.cumprod}


@pytest.mark.parametrize("name", NAMES)
def test_each_list_by_itself(backend, name):
    x = ragged.Array(DATA)
    found = getattr(ragged, name)(x, axis=1)
    assert found.to_list() == [NAMES[name](row).tolist() for row in DATA]
    assert ragged.backend(found) == backend
    assert found.layout.rows is x.layout.rows
    assert getattr(ragged, name)(x, axis=-1).to_list() == found.to_list()
    assert NAMES[name](x, axis=1).to_list() == found.to_list()


@pytest.mark.parametrize("name", NAMES)
def test_with_the_initial_value(backend, name):
    found = getattr(ragged, name)(ragged.Array(DATA), axis=1, include_initial=True)
    first = float(name.endswith("prod"))
    assert found.to_list() == [[first, *NAMES[name](row).tolist()] for row in DATA]


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 8, 9, 33])
def test_lengths(n):
    values = np.random.default_rng(0).integers(-5, 5, 2 * n + 1)
    found = ragged.cumulative_sum(ragged.from_lengths(values, [n, 0, n + 1]), axis=1)
    assert found.to_list() == [np.cumsum(values[:n]).tolist(), [], np.cumsum(values[n:]).tolist()]


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_dense_arrays(backend, axis):
    x = np.arange(24.0).reshape(2, 3, 4) % 7
    assert ragged.cumulative_sum(ragged.Array(x), axis=axis).to_list() == np.cumsum(x, axis=axis).tolist()
    assert ragged.cumulative_prod(x, axis=axis).tolist() == np.cumprod(x, axis=axis).tolist()
    initial = ragged.cumulative_sum(x, axis=axis, include_initial=True)
    assert np.asarray(initial).tolist() == np.cumulative_sum(x, axis=axis, include_initial=True).tolist()


def test_vectors_deeper_lists_and_records(backend):
    vectors = ragged.from_lengths(np.arange(6.0).reshape(3, 2), [2, 0, 1])
    assert ragged.cumulative_sum(vectors, axis=1).to_list() == [[[0, 1], [2, 4]], [], [[4, 5]]]
    assert ragged.cumulative_sum(vectors, axis=2).to_list() == [[[0, 1], [2, 5]], [], [[4, 9]]]
    deep = ragged.Array([[[1.0, 2.0], []], [], [[3.0, 4.0]]])
    assert ragged.cumulative_sum(deep, axis=-1).to_list() == [[[1, 3], []], [], [[3, 7]]]
    records = ragged.Array([[{"a": 1.0, "b": 1}, {"a": 2.0, "b": 2}], []])
    assert ragged.cumulative_sum(records, axis=1).to_list() == [[{"a": 1, "b": 1}, {"a": 3, "b": 3}], []]


def test_missing_values(backend):
    x = ragged.Array([[1.0, None, 3.0], None, [None], [2.0]])
    assert ragged.cumulative_sum(x, axis=1).to_list() == [[1, None, 4], None, [None], [2]]
    initial = ragged.cumulative_sum(x, axis=1, include_initial=True)
    assert initial.to_list() == [[0, 1, None, 4], None, [0, None], [0, 2]]
    assert ragged.cumulative_prod([1.0, None, 3.0]).to_list() == [1, None, 3]


def test_nothing_comes_over_from_other_lists(backend):
    x = ragged.Array([[1e300, -1.0, 1e300], [1.0, 1e-9], [np.nan, 1.0], [2.0], [np.inf], [3.0]])
    found = ragged.cumulative_sum(x, axis=1).to_list()
    assert found[1] == [1.0, 1.0 + 1e-9]
    assert found[3:] == [[2.0], [np.inf], [3.0]]
    gradient = ragged.grad(lambda x: ragged.sum(ragged.cumulative_prod(x, axis=1)[3:]))(x[1:]).to_list()
    assert gradient[2:] == [[0], [1], [1]]


@pytest.mark.parametrize(
    ("kind", "result"),
    [("bool", "int64"), ("int8", "int64"), ("uint8", "uint64"), ("float32", "float32"), ("complex64", "complex64")],
)
def test_dtypes(kind, result):
    x = ragged.from_lengths(np.ones(3, kind), [2, 1])
    assert ragged.cumulative_sum(x, axis=1).typestr == f"2 * var * {result}"
    assert ragged.cumulative_sum(x, axis=1, dtype="complex128").typestr == "2 * var * complex128"


@pytest.mark.parametrize("name", NAMES)
def test_gradients(backend, name):
    f = getattr(ragged, name)
    ragged.check_grads(
        lambda x: ragged.sum(f(x, axis=1) ** 2), ragged.Array(DATA), order=2 if backend == "numpy" else 1
    )


def test_a_product_with_zeros_has_an_exact_gradient(backend):
    x = ragged.Array([[2.0, 0.0, 3.0], [0.0, 0.0]])
    gradient = ragged.grad(lambda x: ragged.sum(ragged.cumulative_prod(x, axis=1)))(x)
    assert gradient.to_list() == [[1, 8, 0], [1, 0]]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda x: ragged.cumulative_sum(x), ragged.AxisError),
        (lambda x: ragged.cumulative_sum(x, axis=2), ragged.AxisError),
        (lambda x: ragged.cumulative_sum(x, axis=0), ragged.UnsupportedError),
        (lambda x: ragged.cumulative_sum(ragged.Array([[[1.0]], []]), axis=1), ragged.UnsupportedError),
        (lambda x: ragged.cumulative_sum(["a"]), ragged.DTypeError),
        (lambda x: ragged.cumulative_sum([["a"]], axis=1), ragged.DTypeError),
    ],
)
def test_errors(call, error):
    with pytest.raises(error):
        call(ragged.Array(DATA))


def test_empty(backend):
    x = ragged.values_astype(ragged.Array([[], []]), "float64", including_unknown=True)
    assert ragged.cumulative_sum(x, axis=1).to_list() == [[], []]
    assert ragged.cumulative_sum(ragged.Array([[], []]), axis=1, include_initial=True).typestr.startswith("2 * var")
    assert ragged.cumulative_sum(np.zeros(0)).tolist() == []
