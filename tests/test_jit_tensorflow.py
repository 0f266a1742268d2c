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


@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_field_set_in_an_argument_is_not_set_in_the_callers(jit_compile):
    def program(r):
        r["b"] = r["a"] * 2
        return ragged.sum(r["b"])

    compiled = ragged.jit(program, jit_compile=jit_compile)
    for data in ([1.0, 2.0], [3.0, 4.0, 5.0]):
        r = ragged.Array([{"a": each} for each in data])
        assert float(compiled(r)) == 2 * sum(data) and ragged.fields(r) == ["a"]


def test_text_is_compared():
    one, other = ragged.Array(["one", "two", "one", ""]), ragged.Array(["one", "x", "owl", ""])
    program = lambda x, y: (x == "one", x != "two", x == y, x[y == "x"])  # noqa: E731
    for found, wanted in zip(ragged.jit(program)(one, other), program(one, other), strict=True):
        assert_same(found, wanted)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("name", ["max", "min", "argmax", "argmin", "ptp", "logsumexp"])
def test_what_gives_none_in_eager_code_is_an_error(name, jit_compile):
    reduce, x = getattr(ragged, name), ragged.Array(X)
    compiled = ragged.jit(lambda x, least: reduce(x[x > least], axis=None), jit_compile=jit_compile)
    least, most = np.asarray(0.0), np.asarray(9.0)
    assert_same(compiled(x, least), reduce(x[x > 0.0], axis=None), 1e-12)
    with pytest.raises(ragged.UnsupportedError, match=f"{name} of nothing is None.*mask_identity=False"):
        compiled(x, most)
    assert len(compiled.traces) == 1
    number = lambda x: reduce(x[x > 9.0], axis=None, mask_identity=False)  # noqa: E731
    assert_same(ragged.jit(number, jit_compile=jit_compile)(x), number(x))


def test_a_missing_value_is_nothing_too():
    compiled = ragged.jit(ragged.max)
    assert float(compiled(ragged.Array([[1.0, None], [None]]))) == 1.0
    with pytest.raises(ragged.UnsupportedError, match="max of nothing is None"):
        compiled(nothing())
    assert float(tf.function(lambda x: ragged.max(x))(nothing())) == -np.inf  # as it says of its own graphs


def nothing():
    """Numbers that are all missing."""
    x = ragged.Array([[1.0, None], [None]])
    return ragged.mask(x, x > 9.0)


def test_a_capacity_of_the_whole_program_is_of_programs_of_a_fixed_size():
    x = ragged.Array([[1.0, 2.0, 3.0, 4.0]])
    pairs = lambda x: ragged.combinations(x, 2)  # noqa: E731
    assert_same(ragged.jit(pairs, capacity=5)(x), pairs(x))
    with pytest.raises(ragged.OutOfRangeError, match="6 elements are more than capacity=5"):
        ragged.jit(lambda x: ragged.combinations(x, 2, capacity=5))(x)
