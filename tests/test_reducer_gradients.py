"""Slopes of the reducers at their kinks: ties, zeros, and what is missing."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest

import ragged
from agreement import assert_same


@pytest.mark.parametrize("name", ["max", "min"])
def test_tied_values_share_the_slope(backend, name):
    sign = 1.0 if name == "max" else -1.0
    x = ragged.Array([[sign * 2.0, sign * 2.0, 1.0 * sign], [], [5.0], [0.1, 0.1, 0.1], [sign * float("inf"), 0.0]])

    def loss(x):
        best = getattr(ragged, name)(x, axis=1, mask_identity=True)
        return ragged.sum(ragged.fill_none(best, 0.0)[:4] ** 2)

    values = ragged.value_and_grad(loss)(x)
    assert float(values[0]) == 4.0 + 25.0 + 0.1**2
    third = 0.2 / 3
    wanted = [[sign * 2.0, sign * 2.0, 0.0], [], [10.0], [third, third, third], [0.0, 0.0]]
    assert_same(values[1], ak.Array(wanted))
    infinite = ragged.grad(lambda x: ragged.sum(getattr(ragged, name)(x[4:], axis=1)))(x)
    assert infinite.to_list()[4] == [1.0, 0.0]
    both = ragged.Array([[sign * float("inf"), sign * float("inf")], [1.0]])
    assert ragged.grad(lambda x: ragged.sum(getattr(ragged, name)(x, axis=1)))(both).to_list() == [[0.5, 0.5], [1.0]]


def test_tied_values_of_columns_and_of_everything(backend):
    x = ragged.Array([[1.0, 2.0], [], [1.0]])
    assert_same(ragged.grad(lambda x: ragged.sum(ragged.max(x, axis=0)))(x), ak.Array([[0.5, 1.0], [], [0.5]]))
    assert_same(ragged.grad(ragged.min)(x), ak.Array([[0.5, 0.0], [], [0.5]]))


def test_curvature_at_ties_is_zero(backend):
    x, direction = ragged.Array([[2.0, 2.0], [1.0]]), ragged.Array([[1.0, 3.0], [2.0]])
    curvature = ragged.hvp(lambda x: ragged.sum(ragged.max(x, axis=1)), (x,), (direction,))
    assert_same(curvature, ak.Array([[0.0, 0.0], [0.0]]))


def test_slopes_of_products_with_zeros(backend):
    x = ragged.Array([[0.0, 2.0, 3.0], [0.0, 0.0, 5.0], [], [-2.0, 4.0], [7.0, None]])
    gradient = ragged.grad(lambda x: ragged.sum(ragged.prod(x, axis=1)))(x)
    assert_same(gradient, ak.Array([[6.0, 0.0, 0.0], [0.0, 0.0, 0.0], [], [4.0, -2.0], [1.0, None]]))
    columns = ragged.grad(lambda x: ragged.sum(ragged.prod(x, axis=0)))(ragged.Array([[0.0, 2.0], [3.0], [4.0, 5.0]]))
    assert_same(columns, ak.Array([[12.0, 5.0], [0.0], [0.0, 2.0]]))


def test_hidden_values_have_no_slope(backend):
    x = ragged.Array([[1.0, float("nan")], [float("inf"), 2.0]])
    keep = [[True, False], [False, True]]
    for name in ("sum", "prod", "max", "min", "mean", "var", "std", "ptp", "logsumexp"):
        gradient = ragged.grad(lambda x, name=name: ragged.sum(getattr(ragged, name)(x.mask[keep], axis=1)))(x)
        flat = ragged.to_numpy(ragged.flatten(gradient))
        assert flat[1] == flat[2] == 0.0 and np.isfinite(flat).all()


EMPTY_BATCHES = {
    "prod of rows": lambda x: ragged.prod(x, axis=1),
    "prod of columns": lambda x: ragged.prod(x, axis=0),
    "prod of all": lambda x: ragged.prod(x),
    "firsts": lambda x: ragged.fill_none(ragged.firsts(x), 0.0),
    "pad_none": lambda x: ragged.drop_none(ragged.pad_none(x, 2)),
    "pad_none and clip": lambda x: ragged.fill_none(ragged.pad_none(x, 2, clip=True), 0.0),
    "to_padded": lambda x: ragged.Array(ragged.to_padded(x, 1.0)[0]),
    "to_padded into columns": lambda x: ragged.Array(ragged.to_padded(x, 1.0, 2)[0]),
    "the largest of each": lambda x: x[ragged.argmax(x, axis=1, keepdims=True)],
    "sum": lambda x: ragged.sum(x, axis=1),
    "softmax": lambda x: ragged.softmax(x, axis=1),
    "std": lambda x: ragged.std(x[:, :1], axis=1, mask_identity=True),
}
"""What has to give a derivative of 0, and not none at all, where a batch has no element."""


def slope_of_nothing(f, backend):
    """By the framework's own differentiation, the slope of a loss by a weight that multiplies an empty batch."""
    if backend == "torch":
        torch = pytest.importorskip("torch")
        w = torch.tensor(2.0, requires_grad=True)
        ragged.sum(f(ragged.from_lengths(torch.zeros(0), [0, 0]) * w)).backward()
        return w.grad
    if backend == "tensorflow":
        tf = pytest.importorskip("tensorflow")
        w = tf.Variable(2.0)
        with tf.GradientTape() as tape:
            y = ragged.sum(f(ragged.from_lengths(tf.zeros(0), [0, 0]) * w))
        return tape.gradient(y, w)
    x = ragged.from_lengths(np.zeros(0), [0, 0])
    return ragged.grad(lambda w: ragged.sum(f(x * w)))(np.float64(2.0))


@pytest.mark.parametrize("title", EMPTY_BATCHES)
def test_an_empty_batch_has_a_derivative(backend, title):
    slope = slope_of_nothing(EMPTY_BATCHES[title], backend)
    assert slope is not None and float(slope) == 0.0
