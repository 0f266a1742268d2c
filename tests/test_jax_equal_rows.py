"""Long rows of one length, which JAX reduces as a matrix: values and slopes as on NumPy, ids never made."""

from __future__ import annotations

import numpy as np
import pytest

import ragged
from ragged.registry import get_backend
from ragged.rows import Rows

jax = pytest.importorskip("jax")
_index = pytest.importorskip("ragged_jax._index")

RANDOM = np.random.default_rng(3)
LENGTHS = np.full(50, 20)
REDUCERS = ("sum", "max", "min", "mean", "any", "all", "argmax", "argmin", "std", "prod", "count_nonzero", "softmax")
PROGRAMS = {
    "tied maximum": lambda x: ragged.sum(ragged.max(x, axis=1) * np.arange(50.0)),
    "softmax": lambda x: ragged.sum(ragged.softmax(x, axis=1) ** 2),
    "std": lambda x: ragged.sum(ragged.std(x, axis=1)),
    "row broadcasting": lambda x: ragged.sum((x - ragged.mean(x, axis=1)) ** 3),
    "squares": lambda x: ragged.sum(ragged.sum(x * x, axis=1) ** 2),
}


def array(backend, values):
    with ragged.use(backend, precision="float64"):
        return ragged.unflatten(ragged.Array(values), LENGTHS)


def flat(x):
    return ragged.flatten(x, axis=None).to_numpy()


@pytest.mark.parametrize("dtype", ["f8", "f4", "i8", "i1", "?"])
@pytest.mark.parametrize("name", REDUCERS)
def test_values(name, dtype):
    values = RANDOM.integers(-3, 4, LENGTHS.sum()).astype(dtype)
    if dtype[0] == "f":
        values[7] = np.nan
    found, expected = (getattr(ragged, name)(array(each, values), axis=1) for each in ("jax", "numpy"))
    assert found.typestr == expected.typestr
    np.testing.assert_allclose(flat(found), flat(expected), rtol=1e-5 if dtype == "f4" else 1e-12)


@pytest.mark.parametrize("name", PROGRAMS)
def test_derivatives(name):
    f, values = PROGRAMS[name], RANDOM.integers(-3, 4, LENGTHS.sum()).astype(float)
    x, plain = array("jax", values), array("numpy", values)
    expected = flat(ragged.grad(f)(plain))
    for transform in (ragged.grad, jax.grad):
        np.testing.assert_allclose(flat(transform(f)(x)), expected, rtol=1e-9, atol=1e-12)
    found, expected = (flat(ragged.hvp(f, (each,), (each,))) for each in (x, plain))
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-10)


def test_ids_are_not_made(monkeypatch):
    x = array("jax", np.ones(LENGTHS.sum()))
    monkeypatch.setattr(_index, "row_ids", lambda rows: pytest.fail("row ids were made"))
    monkeypatch.setattr(Rows, "ids", property(lambda rows: pytest.fail("row ids were made")))
    for name in ("sum", "max", "mean", "softmax"):
        getattr(ragged, name)(x, axis=1)
    ragged.grad(PROGRAMS["squares"])(x)


def test_short_or_unequal_rows_are_no_matrix():
    ops = get_backend("numpy")
    for lengths, width in (([20] * 5, 20), ([20, 19, 21], None), ([3, 3], None), ([], None), ([0, 0], None)):
        assert _index.width_of(Rows.from_lengths(ops, np.array(lengths, np.int64))) == width
