"""Derivatives of derivatives inside `tf.function`, by TensorFlow's tapes and by the library's transforms."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

import ragged
from agreement import assert_same

if importlib.util.find_spec("tensorflow") is None:
    pytest.skip("tensorflow is not installed", allow_module_level=True)
tf = pytest.importorskip("tensorflow")

BATCHES = ([[1.5, -2.0, 0.5], [], [0.25, 4.0], [3.0]], [[], [2.0, 1.0]])


def graph(program):
    return tf.function(program, autograph=False)


def squares(y):
    return ragged.softmax(y) ** 2 * y


def of_an_array(y):
    with tf.GradientTape() as tape:
        tape.watch(y)
        target = squares(y)
    return tape.gradient(target, y)


def of_itself(y):
    with tf.GradientTape() as tape:
        tape.watch(y)
    return tape.gradient(y, y)


def of_a_tape(y):
    with tf.GradientTape() as outer:
        outer.watch(y)
        with tf.GradientTape() as inner:
            inner.watch(y)
            loss = ragged.sum(squares(y))
        gradient = inner.gradient(loss, y)
    return outer.gradient(gradient, y)


def of_grad(y):
    with tf.GradientTape() as tape:
        tape.watch(y)
        gradient = ragged.grad(lambda y: ragged.sum(squares(y)))(y)
    return tape.gradient(gradient, y)


@pytest.mark.parametrize("program", [of_an_array, of_itself, of_a_tape, of_grad], ids=lambda f: f.__name__)
def test_target_and_source_share_their_structure(program):
    run = graph(program)
    for rows in BATCHES:
        y = ragged.Array(rows, backend="tensorflow")
        assert_same(run(y), program(y), rtol=1e-10)
    wanted = {
        of_an_array: ragged.grad(lambda y: ragged.sum(squares(y))),
        of_itself: ragged.ones_like,
        of_a_tape: lambda y: ragged.hvp(lambda y: ragged.sum(squares(y)), (y,), (ragged.ones_like(y),)),
    }
    wanted[of_grad] = wanted[of_a_tape]
    x = ragged.Array(BATCHES[0])
    assert_same(run(x.to_backend("tensorflow")), wanted[program](x), rtol=1e-10)


LOOPS = {
    "prod": lambda x: ragged.prod(x, axis=1),
    "cumulative_prod": lambda x: ragged.cumulative_prod(x, axis=1),
    "cumulative_sum": lambda x: ragged.cumulative_sum(x * x, axis=1),
}


@pytest.mark.parametrize("name", LOOPS)
def test_derivatives_of_loops_of_the_graph(name):
    def everything(x):
        second = ragged.hvp(lambda x: ragged.sum(LOOPS[name](x) ** 2), (x,), (x,))
        return second, ragged.jvp(LOOPS[name], (x,), (x * x,))[1]

    run = graph(everything)
    for rows in (*BATCHES, [[0.0, 2.0, 3.0, 0.0], [0.0, 5.0, 1.0]]):
        x = ragged.Array(rows)
        for mine, theirs in zip(run(x.to_backend("tensorflow")), everything(x), strict=True):
            assert_same(mine, theirs, rtol=1e-10)


@pytest.mark.parametrize("name", ["cumulative_prod", "cumulative_sum"])
def test_scans_along_an_axis_of_known_length(name):
    x = ragged.Array(ragged.from_lengths(np.arange(1.0, 7.0).reshape(3, 2), [1, 2]))
    found = graph(lambda x: getattr(ragged, name)(x, axis=2))(x.to_backend("tensorflow"))
    assert_same(found, getattr(ragged, name)(x, axis=2), rtol=1e-12)


MATRICES = {
    "of rows": lambda x: ragged.jacobian(lambda x: ragged.sum(x * x, axis=1))(x),
    "of elements": lambda x: ragged.jacobian(squares)(x),
    "of one number": lambda x: ragged.jacobian(lambda x: ragged.sum(x**3))(x),
    "of two arguments": lambda x: ragged.jacobian(lambda x, w: squares(x) * w, (0, 1))(x, ragged.sum(x, axis=1)),
    "hessian": ragged.hessian(lambda x: ragged.sum(x**3)),
}


@pytest.mark.parametrize("name", MATRICES)
def test_jacobians(name):
    run = graph(MATRICES[name])
    for rows in (*BATCHES, [[], []]):
        x = ragged.Array(rows, backend="numpy") if any(rows) else ragged.from_lengths(np.zeros(0), [0, 0])
        found, wanted = run(x.to_backend("tensorflow")), MATRICES[name](x)
        pairs = zip(found, wanted, strict=True) if isinstance(wanted, tuple) else [(found, wanted)]
        for mine, theirs in pairs:
            assert_same(mine, theirs, rtol=1e-10)


def test_a_jacobian_of_a_tape_is_refused():
    def program(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            sums = ragged.sum(x**2, axis=1).to_native()
        return tape.jacobian(sums, x)

    for rows in (*BATCHES, [[1.0], [2.0]]):
        with pytest.raises(ragged.StructureError, match=r"ragged\.jacobian"):
            graph(program)(ragged.Array(rows, backend="tensorflow"))
