"""Derivatives of what runs in the branches and loops of a `tf.function`, to second order, are those of the tape."""

from __future__ import annotations

import importlib.util

import pytest

import ragged
from agreement import assert_same

if importlib.util.find_spec("tensorflow") is None:
    pytest.skip("tensorflow is not installed", allow_module_level=True)
tf = pytest.importorskip("tensorflow")

BATCHES = ([[1.5, -2.0, 0.5], [], [0.25, 4.0], [3.0]], [[], [2.0, 2.0]])
weighted = ragged.custom_vjp(lambda y: ragged.sum(ragged.softmax(y) * y, axis=1))
weighted.defvjp(
    lambda y: (ragged.sum(ragged.softmax(y) * y, axis=1), y),
    lambda y, g: (g * ragged.softmax(y) * (1 + y - ragged.sum(ragged.softmax(y) * y, axis=1)),),
)
PROGRAMS = {
    "max": lambda y: ragged.max(y * y, axis=1, mask_identity=False, initial=0.5),
    "mean": lambda y: ragged.fill_none(ragged.mean(y, axis=1, mask_identity=True), 1.0),
    "custom_vjp": weighted,
    "softmax": lambda y: ragged.sum(ragged.softmax(y) * y, axis=1),
    "std": lambda y: ragged.fill_none(ragged.std(y, axis=1, mask_identity=True), 1.0),
    "columns": lambda y: y * ragged.sum(ragged.mean(y * y, axis=0)),
}


def stepped(f, x, y):
    return x * 0.5 + ragged.tanh(f(y)) * 0.1 * y


def branch(f):
    def run(x):
        return tf.cond(tf.reduce_sum(x.to_native().values) > -100.0, lambda: stepped(f, x, x), lambda: x)

    return run


def loop(f):
    def run(x):
        def step(i, y):
            return i + 1, tf.cond(i < 5, lambda: stepped(f, x, y), lambda: y)

        return tf.while_loop(lambda i, y: i < 2, step, (tf.constant(0), x))[1]

    return run


WAYS = {branch: 1, loop: 2}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("name", PROGRAMS)
def test_branches_and_loops_differentiate_twice(name, way):
    f = PROGRAMS[name]

    def plain(x):
        y = x
        for _ in range(WAYS[way]):
            y = stepped(f, x, y)
        return ragged.sum(y * y)

    def derivatives(loss):
        return lambda x: (ragged.value_and_grad(loss)(x), ragged.hvp(loss, (x,), (x * 0.3 + 1,)))

    run = tf.function(derivatives(lambda x: ragged.sum(way(f)(x) ** 2)), autograph=False)
    for rows in BATCHES:
        x = ragged.Array(rows)
        (value, gradient), second = run(x.to_backend("tensorflow"))
        (wanted, slope), curved = derivatives(plain)(x)
        assert_same(value.numpy(), wanted, rtol=1e-10)
        assert_same(gradient, slope, rtol=1e-10)
        assert_same(second, curved, rtol=1e-9)
