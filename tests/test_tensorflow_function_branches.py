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


def grown(x):
    y = x * 2
    for _ in tf.range(10):
        if ragged.sum(y) > 60.0:
            break
        y = y + 0.5 * y * ragged.softmax(y)
    while ragged.sum(y) < 100.0:
        y = y[y > 2.0] * 2
    return ragged.sum(y * y)


def test_autograph_makes_loops_of_pythons():
    x = ragged.Array([[1.5, 2.0, 0.5], [], [0.25, 4.0], [3.0]], backend="tensorflow")

    @tf.function
    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = grown(x)
        return loss, tape.gradient(loss, x)

    value, gradient = run(x)
    wanted, slope = ragged.value_and_grad(grown)(x)
    assert_same(value.numpy(), wanted.numpy(), rtol=1e-12)
    assert_same(gradient, slope.to_backend("numpy"), rtol=1e-10)


def test_a_tape_in_a_loop_says_that_there_is_no_derivative():
    found = []

    @tf.function
    def run(x, y):
        for _ in tf.range(2):
            with tf.GradientTape() as tape:
                tape.watch(x)
                loss = ragged.sum(y)
            found.append(tape.gradient(loss, x))
            y = y * 2
        return y

    x = ragged.Array([[1.0], []], backend="tensorflow")
    assert run(x, x + 1).to_list() == [[8.0], []]
    assert found == [None]


def test_a_loop_keeps_the_type_of_its_arrays():
    @tf.function
    def run(x):
        for _ in tf.range(2):
            x = ragged.sum(x, axis=1)
        return x

    with pytest.raises(TypeError, match="same nested structure after one iteration"):
        run(ragged.Array([[1.0], []], backend="tensorflow"))
