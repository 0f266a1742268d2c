"""Gradients inside `tf.function`, of every operation and at its kinks, are those of the tape."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

import ragged
from agreement import assert_same
from ragged.testing._gradients import near, numbers
from ragged.testing._operations import OPERATIONS
from ragged.testing._samples import sample

if importlib.util.find_spec("tensorflow") is None:
    pytest.skip("tensorflow is not installed", allow_module_level=True)
tf = pytest.importorskip("tensorflow")

X = [[1.5, -2.0, 0.5], [], [0.25, 4.0], [3.0]]


def weigh(value):
    """One number of any result, with a different weight for each entry."""
    if isinstance(value, tuple):
        return sum(weigh(part) for part in value)
    if not isinstance(value, ragged.Array) and not len(value.shape):
        return value * 1.5
    flat = ragged.flatten(value, axis=None) if isinstance(value, ragged.Array) else ragged.ravel(value)
    place = ragged.add(ragged.local_index(flat, axis=0), 1.0)
    return ragged.sum(ragged.multiply(flat, ragged.add(ragged.cos(place), 1.5)))


def gradients(operations, x):
    losses = [lambda x, program=each.program: weigh(program(x)) for each in operations]
    return [ragged.value_and_grad(loss)(x) for loss in losses]


SMOOTH = [each for each in OPERATIONS if each.smooth]
PROGRAMMED = [each for each in SMOOTH if each.title != "elementwise"]
UFUNCS = [each for each in SMOOTH if each.title == "elementwise"]


def chunks(items, n):
    return [items[i : i + n] for i in range(0, len(items), n)]


def agree(operations, kinds):
    """Value and gradient of each operation from one graph are NumPy's."""
    missing = ragged.registry.get_backend("tensorflow").unsupported
    operations = [each for each in operations if each.function not in missing]
    run = tf.function(lambda x: gradients(operations, x), autograph=False)  # which would rewrite the programs
    for kind in kinds:
        x = sample(kind)
        with np.errstate(all="ignore"):
            wanted = gradients(operations, x)
        found = run(x.to_backend("tensorflow"))
        for operation, mine, theirs in zip(operations, found, wanted, strict=True):
            what = f"{operation.function} {operation.title} of {kind}"
            assert str(mine[1].type) == str(theirs[1].type), what
            for one, other in zip(map(numbers, mine), map(numbers, theirs), strict=True):
                assert near(one, other, 1e-10), f"{what}: {one}, not {other}"


@pytest.mark.parametrize("operations", chunks(PROGRAMMED, 10), ids=lambda some: f"from {some[0].function}")
def test_gradients_are_those_of_the_tape(operations):
    agree(operations, ("rows", "ties"))


@pytest.mark.parametrize("operations", chunks(PROGRAMMED, 10), ids=lambda some: f"from {some[0].function}")
def test_gradients_where_values_are_missing(operations):
    agree(operations, ("missing", "missing ties"))


@pytest.mark.parametrize("operations", chunks(UFUNCS, 12), ids=lambda some: f"from {some[0].function}")
def test_gradients_of_elementwise_functions(operations):
    agree(operations, ("rows", "ties"))


def test_transforms_inside_of_a_function():
    def everything(x):
        value, pull = ragged.vjp(lambda x: ragged.sum(x**3, axis=1), x)
        tangent = ragged.jvp(lambda x: ragged.softmax(x), (x,), (x * x,))[1]
        second = ragged.hvp(lambda x: ragged.sum(x**3), (x,), (x,))
        return value, pull(ragged.num(x) * 1.0)[0], tangent, second

    traces = []

    @tf.function
    def run(x):
        traces.append(1)
        return everything(x)

    for x in (ragged.Array(X), ragged.Array([[], [2.0, 1.0]]), ragged.Array([[5.0]])):
        for mine, theirs in zip(run(x.to_backend("tensorflow")), everything(x), strict=True):
            assert_same(mine, theirs, rtol=1e-10)
    assert len(traces) == 1


def test_a_tape_inside_of_a_function():
    @tf.function
    def step(x, weight):
        with tf.GradientTape() as tape:
            tape.watch([x, weight])
            loss = ragged.sum(ragged.softmax(x * weight) ** 2)
        return tape.gradient(loss, {"x": x, "weight": weight})

    x = ragged.Array(X)
    found = step(x.to_backend("tensorflow"), tf.constant(0.7, tf.float64))
    wanted = ragged.grad(lambda x, w: ragged.sum(ragged.softmax(x * w) ** 2), (0, 1))(x, 0.7)
    assert_same(found["x"], wanted[0], rtol=1e-10)
    assert near(found["weight"].numpy(), wanted[1], 1e-10)


def test_memory_is_never_padded():
    lengths = np.ones(1_000_001, np.int64)
    lengths[7] = 1_000_000
    values = np.linspace(0.0, 1.0, lengths.sum(), dtype=np.float32)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32), tf.TensorSpec([None], tf.int64)])
    def run(values, lengths):
        def loss(values):
            return ragged.sum(ragged.softmax(ragged.from_lengths(values, lengths)) ** 2)

        return ragged.value_and_grad(loss)(values)

    value, gradient = run(values, lengths)
    np.testing.assert_allclose(value, 1_000_000, rtol=1e-3)
    assert gradient.shape == values.shape
    assert np.isfinite(gradient.numpy()).all()
