"""Programs that reduce what may be a ragged array, a dense one or a single number: all three work alike."""

from __future__ import annotations

import numpy as np
import pytest

import ragged

REDUCERS = {
    "sum": np.sum,
    "prod": np.prod,
    "max": np.max,
    "min": np.min,
    "any": np.any,
    "all": np.all,
    "argmax": np.argmax,
    "argmin": np.argmin,
    "count_nonzero": np.count_nonzero,
    "mean": np.mean,
    "var": np.var,
    "std": np.std,
    "ptp": np.ptp,
    "ravel": np.ravel,
}


@pytest.mark.parametrize("name", REDUCERS)
@pytest.mark.parametrize("number", [2.5, -3, np.float32(1.5), np.int16(4), np.asarray(7.0)])
def test_a_number_is_reduced_to_itself_as_in_numpy(name, number):
    ours = getattr(ragged, name)(number)
    np.testing.assert_array_equal(ours, REDUCERS[name](float(number)))
    assert ours.dtype == getattr(ragged, name)(np.asarray([number])).dtype


def test_other_numbers_of_one_number():
    assert ragged.any(True) and not ragged.all(False)
    assert ragged.count(5.0) == 1
    assert ragged.logsumexp(5.0) == 5.0
    assert ragged.mean(5.0, weight=2.0) == 5.0
    assert ragged.flatten(5.0, axis=None).tolist() == [5.0]


@pytest.mark.parametrize("program", [lambda: ragged.sum(5.0, axis=0), lambda: ragged.sum(None), lambda: ragged.num(5)])
def test_a_number_has_no_axis(program):
    with pytest.raises(ragged.DTypeError, match="takes an array"):
        program()


@pytest.mark.parametrize("name", ["sum", "prod", "max", "min", "mean", "logsumexp"])
def test_a_reduced_element_has_slope_1(backend, name):
    x = ragged.Array([[1.0, 2.0], [], [3.0]])
    gradient = ragged.grad(lambda x: getattr(ragged, name)(x[0, 1]))(x)
    assert ragged.to_list(gradient) == [[0.0, 1.0], [], [0.0]]


def test_flat_forms_of_an_element_are_differentiated(backend):
    x = ragged.Array([[1.0, 2.0], [], [3.0]])
    gradient = ragged.grad(lambda x: ragged.sum(ragged.ravel(x[2, 0]) ** 2 + ragged.flatten(x[0, 0], axis=None)))(x)
    assert ragged.to_list(gradient) == [[1.0, 0.0], [], [6.0]]
