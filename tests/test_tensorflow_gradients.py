"""TensorFlow's own differentiation of ragged programs: tapes, accumulators and variables, against NumPy's tape."""

from __future__ import annotations

import importlib.util
import itertools

import numpy as np
import pytest

import ragged
from agreement import assert_same
from ragged.registry import get_backend
from ragged.testing._gradients import loss_of, near, numbers, points
from ragged.testing._operations import OPERATIONS, doubled
from ragged.testing._samples import FLOATS, sample

if importlib.util.find_spec("tensorflow") is None:
    pytest.skip("tensorflow is not installed", allow_module_level=True)
tf = pytest.importorskip("tensorflow")
TF = get_backend("tensorflow")

SMOOTH = {f"{op.function} {op.title}": op for op in OPERATIONS if op.smooth}
LENGTHS = np.array([3, 0, 2])
VALUES = [0.5, -1.5, 2.0, 1.0, 0.25]


@pytest.fixture(autouse=True)
def _tensorflow():
    with ragged.use("tensorflow"):
        yield


@pytest.mark.parametrize("n", [-5, -2, -1, 0, 1, 3, 17, 2.5])
def test_powers_at_poles_and_infinities(n):
    points = np.array([0.0, 2.0, -3.0, np.inf] if n == int(n) else [0.0, 2.0, np.inf])
    with np.errstate(all="ignore"):
        wanted = ragged.grad(lambda x: ragged.sum(x**n))(ragged.Array(points, backend="numpy"))
    assert_same(ragged.grad(lambda x: ragged.sum(x**n))(ragged.Array(points)), wanted)


def dense(x):
    """The numbers of a sample, and a function that puts others in their place."""
    content = tf.constant(numbers(x))
    lengths = ragged.to_numpy(ragged.num(x))
    missing = ragged.to_numpy(ragged.is_none(ragged.flatten(x)))

    def filled(content):
        there = np.cumsum(~missing) - 1
        flat = ragged.Array(content)[np.where(missing, 0, there)]
        masked = ragged.mask(flat, ~missing) if missing.any() else flat
        return ragged.from_lengths(masked, lengths)

    return content, filled


@pytest.mark.parametrize("title", SMOOTH)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_users_own_tapes_and_accumulators(title):
    """Gradient by a tape, its derivative along a direction by a second tape, and by an accumulator around the first."""
    operation = SMOOTH[title]
    loss = loss_of(operation.program)
    for name in points(operation, FLOATS):
        with ragged.use("numpy"), np.errstate(all="ignore"):
            x = sample(name)
            direction = ragged.cos(3 * x) + 0.3
            wanted = ragged.grad(loss)(x), ragged.hvp(loss, (x,), (direction,))
            along = tf.constant(numbers(direction))
        content, filled = dense(sample(name))
        with tf.autodiff.ForwardAccumulator(content, along) as forward, tf.GradientTape() as outer:
            outer.watch(content)
            with tf.GradientTape() as tape:
                tape.watch(content)
                value = loss(filled(content))
            gradient = tf.convert_to_tensor(tape.gradient(value, content, unconnected_gradients="zero"))
            slope = tf.reduce_sum(gradient * along)
        over_reverse = forward.jvp(gradient, "zero")
        over_tape = tf.convert_to_tensor(outer.gradient(slope, content, unconnected_gradients="zero"))
        assert near(gradient, numbers(wanted[0]), 1e-10), name
        assert near(over_reverse, numbers(wanted[1]), 1e-10), name
        if operation.function != "custom_vjp":  # whose rule is not the function's derivative: see below
            assert near(over_tape, numbers(wanted[1]), 1e-10), name


def test_a_custom_rule_holds_in_every_tape_that_saw_the_function():
    content = tf.constant(VALUES, tf.float64)
    with tf.GradientTape() as outer:
        outer.watch(content)
        with tf.GradientTape() as tape:
            tape.watch(content)
            value = ragged.sum(doubled(lists(content)) * lists(content))
        gradient = tape.gradient(value, content)
    x = np.array(VALUES)
    np.testing.assert_allclose(gradient, 2 * x + 5 * x**2)
    np.testing.assert_allclose(outer.gradient(gradient, content), 15 * x)


def program(x, w):
    """One number of an array and a dense vector."""
    y = ragged.softmax(ragged.exp(x * w[0]), axis=1)
    return ragged.sum((ragged.sum(y * x, axis=1) - ragged.max(x, axis=1) * w[1]) ** 2)


def lists(content):
    return ragged.from_lengths(content, LENGTHS)


def wanted(w):
    with ragged.use("numpy"):
        x = lists(np.array(VALUES))
        return ragged.grad(program, argnums=(0, 1))(x, np.array(w))


def test_variables_and_persistent_tapes():
    content, w = tf.Variable(VALUES, dtype=tf.float64), tf.Variable([0.5, 2.0], dtype=tf.float64)
    with tf.GradientTape(persistent=True) as tape:
        value = program(lists(content), w)
        twice = 2 * value
    by_x, by_w = wanted([0.5, 2.0])
    for target, factor in ((value, 1), (twice, 2), (value, 1)):
        found = tape.gradient(target, {"x": content, "w": w})
        np.testing.assert_allclose(found["x"], factor * numbers(by_x), rtol=1e-12)
        np.testing.assert_allclose(found["w"], factor * by_w, rtol=1e-12)
    assert {v.ref() for v in tape.watched_variables()} == {content.ref(), w.ref()}


def test_a_variable_is_read_when_it_is_used():
    w = tf.Variable([1.0, 2.0], dtype=tf.float64)
    x = ragged.Array(w)
    y = lists(tf.constant(VALUES, tf.float64)) * w[0]
    w.assign([5.0, 6.0])
    assert x.to_list() == [1.0, 2.0]
    assert y[0].to_list() == VALUES[:3]
    assert (x + w).to_list() == [6.0, 8.0]


def test_training_with_an_optimizers_step():
    w = tf.Variable([0.5, 2.0], dtype=tf.float64)
    x = lists(tf.constant(VALUES, tf.float64))
    losses = []
    for _ in range(5):
        with tf.GradientTape() as tape:
            loss = program(x, w)
        (slope,) = tape.gradient(loss, [w])
        np.testing.assert_allclose(slope, wanted(w.numpy())[1], rtol=1e-12)
        w.assign_sub(0.05 * slope)
        losses.append(float(loss))
    assert losses == sorted(losses, reverse=True)


def test_jacobians_of_a_tape():
    content = tf.constant(VALUES, tf.float64)
    for pfor in (False, True):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(content)
            y = ragged.sum(lists(content) ** 3, axis=1).layout.data
        found = tape.jacobian(y, content, experimental_use_pfor=pfor)
        rows = np.repeat(np.arange(3), LENGTHS)
        np.testing.assert_allclose(found, np.where(rows == np.arange(3)[:, None], 3 * np.array(VALUES) ** 2, 0))


def test_transforms_of_ragged_within_tapes_and_the_other_way_round():
    content = tf.constant(VALUES, tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(content)
        inner = ragged.grad(lambda x: ragged.sum(x**3))(lists(content))
        outer = ragged.sum(inner)
    np.testing.assert_allclose(tape.gradient(outer, content), 6 * np.array(VALUES))

    def slopes(content):
        with tf.GradientTape() as tape:
            tape.watch(content)
            value = ragged.sum(lists(content) ** 3)
        return tf.reduce_sum(tape.gradient(value, content))

    np.testing.assert_allclose(ragged.grad(slopes)(content), 6 * np.array(VALUES))
    third = ragged.grad(lambda x: ragged.sum(ragged.grad(lambda x: ragged.sum(ragged.grad(cubes)(x)))(x)))
    np.testing.assert_allclose(numbers(third(lists(content))), 6.0)


def cubes(x):
    return ragged.sum(x**3)


def test_forward_over_forward():
    content = tf.constant(VALUES, tf.float64)
    one = tf.ones_like(content)
    with tf.autodiff.ForwardAccumulator(content, one) as outer:
        with tf.autodiff.ForwardAccumulator(content, one) as inner:
            value = ragged.sum(ragged.hypot(lists(content), 2.0))
        slope = inner.jvp(value)
    x = np.array(VALUES)
    np.testing.assert_allclose(slope, np.sum(x / np.hypot(x, 2)))
    np.testing.assert_allclose(outer.jvp(slope), np.sum(4 / np.hypot(x, 2) ** 3))


def test_what_is_not_followed_costs_no_derivative():
    content = tf.constant(VALUES, tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(content)
        fixed = ragged.sum(ragged.stop_gradient(lists(content)) ** 2)
        assert not TF.differentiating(fixed)
        assert TF.differentiating(content)
    assert tape.gradient(fixed, content) is None
    assert not TF.differentiating(content)


@pytest.mark.parametrize("compiled", [False, True])
def test_integers_and_text_are_missing_in_a_gradient(compiled):
    def slopes(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = ragged.sum(x.a**2)
        return tape.gradient(loss, x)

    x = ragged.Array([{"a": 1.5, "n": 3, "s": "text"}, {"a": 2.0, "n": 4, "s": ""}], backend="tensorflow")
    found = (tf.function(slopes) if compiled else slopes)(x)
    wanted = ragged.grad(lambda x: ragged.sum(x.a**2))(x)
    assert found.to_list() == wanted.to_list() == [{"a": 3, "n": None, "s": None}, {"a": 4, "n": None, "s": None}]
    assert found.typestr == wanted.typestr


def test_a_checkpoint_is_run_again_only_where_that_is_sound():
    runs = []

    def f(x):
        runs.append(1)
        return ragged.exp(x) * x

    x = lists(tf.constant(VALUES, tf.float64))
    w = tf.constant(2.0, tf.float64)
    saved = ragged.checkpoint(f)
    for transform, times in (
        (lambda f: ragged.grad(lambda x: ragged.sum(f(x) * x))(x), 2),
        (lambda f: ragged.jvp(f, (x,), (x,))[1], 2),
        (lambda f: ragged.hvp(lambda x: ragged.sum(f(x) * x), (x,), (x,)), 2),
    ):
        plain = transform(f)
        runs.clear()
        np.testing.assert_allclose(numbers(transform(saved)), numbers(plain), rtol=1e-13)
        assert len(runs) == times
    by_closure = ragged.grad(lambda w: ragged.sum(ragged.checkpoint(lambda x: f(x * w))(x)))(w)
    np.testing.assert_allclose(by_closure, ragged.grad(lambda w: ragged.sum(f(x * w)))(w), rtol=1e-13)


@pytest.mark.parametrize("dtype", ["float32", "float16", "complex64"])
def test_gradients_keep_their_dtype(dtype):
    x = lists(tf.constant(np.array(VALUES).astype(dtype)))
    gradient = ragged.grad(lambda x: ragged.sum(ragged.real(ragged.maximum(x, 0.5) * x)))(x)
    assert gradient.layout.content.data.dtype == tf.as_dtype(dtype)
    with ragged.use("numpy"):
        wanted = ragged.grad(lambda x: ragged.sum(ragged.real(ragged.maximum(x, 0.5) * x)))(x.to_backend("numpy"))
    np.testing.assert_allclose(numbers(gradient), numbers(wanted), rtol=1e-2)


def test_the_same_value_twice_has_two_derivatives():
    x = lists(tf.constant(VALUES, tf.float64))
    by_first, by_second = ragged.grad(lambda x, y: ragged.sum(x * x * y), argnums=(0, 1))(x, x)
    np.testing.assert_allclose(numbers(by_first), 2 * np.array(VALUES) ** 2)
    np.testing.assert_allclose(numbers(by_second), np.array(VALUES) ** 2)


def test_a_pullback_may_be_called_from_within_another_tape():
    x = lists(tf.constant(VALUES, tf.float64))
    _, pull = ragged.vjp(lambda x: x * x, x)
    seed = tf.constant([1.0] * 5, tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(seed)
        pulled = ragged.sum(pull(lists(seed))[0])
    np.testing.assert_allclose(tape.gradient(pulled, seed), 2 * np.array(VALUES))


def test_every_pair_of_modes_gives_one_hessian():
    content = tf.constant(VALUES, tf.float64)

    def loss(content):
        return program(lists(content), tf.constant([0.5, 2.0], tf.float64))

    hessian = np.asarray(ragged.hessian(loss)(content))
    np.testing.assert_allclose(hessian, hessian.T, atol=1e-14)
    eye = np.eye(5)
    for i, j in itertools.product(range(5), repeat=2):
        u, v = tf.constant(eye[i]), tf.constant(eye[j])
        forward = ragged.jvp(lambda c, u=u: ragged.jvp(loss, (c,), (u,))[1], (content,), (v,))[1]
        np.testing.assert_allclose(forward, hessian[i, j], atol=1e-13)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: ragged.sum(x, axis=0),
        lambda x: ragged.sort(x, axis=0),
        lambda x: ragged.concatenate([x, x], axis=1),
    ],
    ids=["sum", "sort", "concatenate"],
)
@pytest.mark.parametrize("lengths", [[0], []], ids=["an empty row", "no row"])
def test_second_derivatives_where_nothing_is(f, lengths):
    x = ragged.from_lengths(np.zeros(0), np.array(lengths, int)).to_backend("tensorflow")
    assert_same(ragged.hvp(lambda x: ragged.sum(f(x) ** 2), (x,), (x,)), x)
