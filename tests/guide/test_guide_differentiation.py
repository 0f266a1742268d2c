"""The guide's page on differentiation, on every backend and with JAX's own transforms."""

from __future__ import annotations

import numpy as np
import pytest

import ragged

ROWS = [[1.0, 2.0, 3.0], [], [4.0, 5.0]]
TANGENT = [[0.0, 0.0, 0.0], [], [0.0, 1.0]]


def reverse_sum(array):
    return ragged.sum(array[::-1], axis=0)


def test_forward_mode(backend):
    value, tangent = ragged.jvp(reverse_sum, (ragged.Array(ROWS),), (ragged.Array(TANGENT),))
    assert value.to_list() == [5.0, 7.0, 3.0]
    assert tangent.to_list() == [0.0, 1.0, 0.0]
    assert ragged.backend(value) == ragged.backend(tangent) == backend


def test_reverse_mode(backend):
    value, pullback = ragged.vjp(reverse_sum, ragged.Array(ROWS))
    assert value.to_list() == [5.0, 7.0, 3.0]
    (cotangent,) = pullback(ragged.Array([5.0, 7.0, 3.0]))
    assert cotangent.to_list() == [[5.0, 7.0, 3.0], [], [5.0, 7.0]]
    (cotangent,) = pullback(ragged.Array([0.0, 1.0, 0.0]))
    assert cotangent.to_list() == [[0.0, 1.0, 0.0], [], [0.0, 1.0]]


def test_jaxs_own_transforms():
    jax = pytest.importorskip("jax", reason="plain JAX transforms need jax")
    with ragged.use("jax"), pytest.warns(UserWarning, match="float64"):
        array, tangent = ragged.Array(np.array([1.0])), None
    del array, tangent
    with jax.enable_x64(True), ragged.use("jax", precision="float64"):
        array, tangent = ragged.Array(ROWS), ragged.Array(TANGENT)
        value, derivative = jax.jvp(reverse_sum, (array,), (tangent,))
        assert value.to_list() == [5.0, 7.0, 3.0]
        assert derivative.to_list() == [0.0, 1.0, 0.0]
        value, pullback = jax.vjp(reverse_sum, array)
        assert pullback(value)[0].to_list() == [[5.0, 7.0, 3.0], [], [5.0, 7.0]]
