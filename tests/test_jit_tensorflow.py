"""`ragged.jit` among TensorFlow's own: variables, tapes, graphs, dense arguments of any length."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

import ragged
from agreement import assert_same

if importlib.util.find_spec("tensorflow") is None:
    pytest.skip("tensorflow is not installed", allow_module_level=True)
tf = pytest.importorskip("tensorflow")

X = [[1.5, -2.0, 0.5], [], [0.25, 4.0]]
OTHER = [[1.0], [2.0, 3.0], [], [], [0.5]]


@pytest.fixture(autouse=True)
def _on_tensorflow():
    with ragged.use("tensorflow"):
        yield


def loss(x, w):
    return ragged.sum(ragged.sum(ragged.exp(x * w), axis=1) ** 2)


def test_variables_as_arguments_and_in_the_closure():
    w, c = tf.Variable(0.5, dtype=tf.float64), tf.Variable(2.0, dtype=tf.float64)
    compiled = ragged.jit(lambda x, w: loss(x, w) * c)
    for data in (X, OTHER):
        x = ragged.Array(data)
        for value in (0.5, 0.25):
            w.assign(value)
            with tf.GradientTape() as tape:
                found = compiled(x, w)
            with tf.GradientTape() as eager:
                wanted = loss(x, w) * c
            assert_same(found, wanted)
            for g, h in zip(tape.gradient(found, [w, c]), eager.gradient(wanted, [w, c]), strict=True):
                assert_same(g, h, 1e-10)
    assert len(compiled.traces) == 1


def test_a_variable_is_assigned_at_each_call():
    count = tf.Variable(0)

    @ragged.jit
    def program(x):
        count.assign_add(1)
        return ragged.sum(x)

    for _ in range(3):
        program(ragged.Array(X))
    assert int(count) == 3 and len(program.traces) == 1


def test_a_training_step_is_one_graph():
    w = tf.Variable(0.5, dtype=tf.float64)

    @ragged.jit
    def step(x):
        with tf.GradientTape() as tape:
            value = loss(x, w)
        w.assign_sub(0.001 * tape.gradient(value, w))
        return value

    values = [float(step(x)) for _ in range(5) for x in ragged.batches(ragged.Array(X + OTHER), size=3)]
    assert values[-1] < values[2] and len(step.traces) == 1


def test_a_tape_follows_an_array_through_the_graph():
    x = ragged.Array(X)
    compiled = ragged.jit(loss)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = compiled(x, 0.5)
    assert_same(tape.gradient(y, x), ragged.grad(loss)(x, 0.5), 1e-10)


def test_within_a_tf_function_it_is_part_of_that():
    compiled = ragged.jit(loss)
    assert_same(tf.function(lambda x: compiled(x, 0.5))(ragged.Array(X)), loss(ragged.Array(X), 0.5))
    assert compiled.traces == ()


def test_dense_arguments_of_any_length_share_a_graph():
    compiled = ragged.jit(lambda x, w, m: ragged.sum(x, axis=1) * w + m[0, 0])
    for data in (X, OTHER):
        x, w = ragged.Array(data), np.arange(float(len(data)))
        assert_same(compiled(x, w, np.ones((2, 3))), ragged.sum(x, axis=1) * w + 1.0)
    assert len(compiled.traces) == 1


def test_a_dense_argument_of_one_entry_stretches():
    compiled = ragged.jit(lambda x, w: x * w)
    x = ragged.Array(X)
    for w in (np.array([2.0]), np.array([2.0, 3.0, 4.0])):
        assert_same(compiled(x, w), x * w)
    assert len(compiled.traces) == 2


def test_checks_can_be_left_out():
    x, y = ragged.Array([[1.0, 2.0], [3.0]]), ragged.Array([[10.0], [20.0, 30.0]])
    program = lambda x, y: ragged.sum(x + y)  # noqa: E731
    with pytest.raises(ragged.StructureError, match="row 0 has 2 elements in one array and 1 in another"):
        ragged.jit(program)(x, y)
    assert float(ragged.jit(program, check=False)(x, y)) == 66.0
