"""The tape: every primitive's rule to second order, and its manners (aliasing, threads, depth, memory)."""

from __future__ import annotations

import gc
import threading
import tracemalloc
import weakref

import numpy as np
import pytest

import ragged
from ragged.autodiff.box import Box
from ragged.autodiff.tape import Tape
from ragged.backend import Backend
from ragged.errors import DTypeError, RaggedError, UnsupportedError
from ragged.registry import backend_of_dense, get_backend
from ragged.rows import Groups, Rows

B = get_backend("numpy")
ROWS = Rows.from_lengths(B, np.array([2, 0, 3, 1]))
GROUPS = Groups(np.array([1, 0, 1, 3, 3, 0]), 4)
WITH_SLACK = Groups(np.array([1, 0, 4, 3, 4, 0]), 4)
VALID = np.array([True, False, True])


def cubed(t, x):
    return t.apply("multiply", t.apply("multiply", x, x), x)


PROGRAMS = {
    "take": (lambda t, x: t.take(cubed(t, x), np.array([5, 0, 0, 2])), (6,)),
    "take rows": (lambda t, x: t.take(cubed(t, x), np.array([2, 0, 0])), (3, 2)),
    "take nothing": (lambda t, x: t.take(cubed(t, x), np.array([], np.int64)), (6,)),
    "slice": (lambda t, x: t.slice(cubed(t, x), 1, 4), (6,)),
    "slice with a step": (lambda t, x: t.slice(cubed(t, x), 1, 6, 2), (6, 2)),
    "slice of all": (lambda t, x: t.slice(cubed(t, x), 0, 6), (6,)),
    "expand": (lambda t, x: t.expand(cubed(t, x), ROWS), (4,)),
    "expand of matrices": (lambda t, x: t.expand(cubed(t, x), ROWS), (4, 2, 1)),
    "segment_sum": (lambda t, x: t.segment_sum(cubed(t, x), ROWS), (6,)),
    "segment_sum of vectors": (lambda t, x: t.segment_sum(cubed(t, x), ROWS), (6, 2)),
    "segment_sum in any order": (lambda t, x: t.segment_sum(cubed(t, x), GROUPS), (6,)),
    "segment_sum with slack": (lambda t, x: t.segment_sum(cubed(t, x), WITH_SLACK), (6, 2)),
    "concat": (lambda t, x: t.concat([cubed(t, x), np.ones(2), x]), (6,)),
    "where": (lambda t, x: t.where(np.arange(6) % 2 == 0, cubed(t, x), 0), (6,)),
    "where, both": (lambda t, x: t.where(np.arange(6) % 2 == 0, cubed(t, x), t.apply("sin", x)), (6,)),
    "where, broadcast": (lambda t, x: t.where(np.arange(6)[:, None] % 2 == 0, cubed(t, x), 1.0), (2,)),
    "cumulative_sum": (lambda t, x: t.cumulative_sum(cubed(t, x)), (6,)),
    "cumulative_sum of vectors": (lambda t, x: t.cumulative_sum(cubed(t, x)), (3, 2)),
    "reshape": (lambda t, x: t.reshape(cubed(t, x), (3, 2)), (6,)),
    "broadcast_to": (lambda t, x: t.broadcast_to(cubed(t, x), (3, 6)), (6,)),
    "broadcast_to, inner": (lambda t, x: t.broadcast_to(cubed(t, x), (2, 3, 6)), (3, 1)),
    "sum": (lambda t, x: t.sum(cubed(t, x), (0,)), (6,)),
    "sum of two axes": (lambda t, x: t.sum(cubed(t, x), (-1, 0)), (2, 3, 2)),
    "permute_dims": (lambda t, x: t.permute_dims(cubed(t, x), (2, 0, 1)), (2, 3, 4)),
    "matmul": (lambda t, x: t.matmul(cubed(t, x), t.permute_dims(x, (1, 0))), (3, 2)),
    "matmul, vectors": (lambda t, x: t.matmul(cubed(t, x), x), (4,)),
    "matmul, vector first": (lambda t, x: t.matmul(x[0], cubed(t, x)), (3, 3)),
    "matmul, vector last": (lambda t, x: t.matmul(cubed(t, x), x[0]), (2, 3)),
    "matmul, stacked": (lambda t, x: t.matmul(cubed(t, x), t.permute_dims(x, (0, 2, 1))[0]), (2, 3, 2)),
    "matmul, stack by vector": (lambda t, x: t.matmul(cubed(t, x), x[0, 0]), (2, 3, 2)),
    "matmul, vector by stack": (lambda t, x: t.matmul(x[0, :, 0], cubed(t, x)), (2, 3, 2)),
    "matmul by a constant": (lambda t, x: t.matmul(np.arange(6.0).reshape(2, 3), cubed(t, x)), (3,)),
    "full": (lambda t, x: t.full((2, 3), t.sum(cubed(t, x), (0,)), "float64"), (3,)),
    "repeat": (lambda t, x: t.repeat(cubed(t, x), np.array([0, 2, 1]), 3), (3,)),
    "apply with broadcasting": (lambda t, x: cubed(t, x) * x[:, :1] + x[0], (3, 2)),
    "apply with a number": (lambda t, x: 2.0 / cubed(t, x) - 1, (3,)),
    "apply with missing values": (
        lambda t, x: t.where(VALID, t.apply("sqrt", cubed(t, x), valid=VALID), 0),
        (3,),
    ),
    "apply with missing rows": (
        lambda t, x: t.where(VALID[:, None], t.apply("multiply", cubed(t, x), x[0, 0], valid=VALID), 0),
        (3, 2),
    ),
    "two results": (lambda t, x: t.apply("divmod", cubed(t, x), 0.7)[1], (4,)),
}


def gradient(b, f, x, weights):
    _, _, pullback = b.vjp(lambda y: ([f(y.tape, y)], ()), [x])
    return pullback([weights])[0]


@pytest.mark.parametrize("name", PROGRAMS)
def test_primitive_to_second_order(name):
    f, shape = PROGRAMS[name]
    rng = np.random.default_rng(0)
    x, v = rng.uniform(0.5, 1.5, shape), rng.normal(size=shape)
    value = f(Tape(B), x)
    assert isinstance(value, np.ndarray | np.generic)  # nothing differentiable: no box
    weights = rng.normal(size=value.shape)
    h = 1e-6
    found = gradient(B, f, x, weights)
    expected = ((f(B, x + h * v) - f(B, x - h * v)) * weights).sum() / (2 * h)
    np.testing.assert_allclose((found * v).sum(), expected, rtol=1e-7, atol=1e-8)

    second = B.vjp(lambda y: ([gradient(y.tape, f, y, weights)], ()), [x])[2]([v])[0]
    expected = (gradient(B, f, x + h * v, weights) - gradient(B, f, x - h * v, weights)) / (2 * h)
    np.testing.assert_allclose(second, expected, rtol=1e-6, atol=1e-7)

    outputs, tangents, _ = B.jvp(lambda y: ([f(y.tape, y)], ()), [x], [v])
    np.testing.assert_allclose(outputs[0], value)
    np.testing.assert_allclose((tangents[0] * weights).sum(), (found * v).sum(), rtol=1e-12, atol=1e-12)


def test_every_primitive_of_the_protocol_is_the_tapes_own():
    inherited = set(
        [
            "name",
            "xp",
            "level",
            "promotes",
            "apply_over",
            "agree",
            "compile",
            "content",
            "contracted",
            "doubled",
            "duplicate",
            "from_native",
            "immutable",
            "over_numpy",
            "row_lengths",
            "row_longest",
            "shape",
            "violated",
            "within",
            "static_sizes",
            "compiles_padded",
            "tracing",
            "unsupported",
            "zero_copy",
            "size",
            "dtype",
            "serving",
            "joined",
            "hosting",
            "entry",
            "extremes",
            "ranges",
            "take_ranges",
            "interleave",
            "segment_sort",
            "segment_count",
            "row_ids",
            "row_positions",
            "checkpoint",
            "to_native",
            "vjp",
            "jvp",
        ]
    )
    for name in dir(Backend):
        if not name.startswith("_") and not name.endswith("__") and name not in inherited:  # nor AutoGraph's mark
            assert name in vars(Tape), name


def test_third_order():
    def derivative(f):
        return lambda x: (lambda b: b.vjp(lambda y: ([f(y)], ()), [x])[2]([np.ones(())])[0])(backend_of_dense(x))

    x = np.asarray(1.3)
    assert derivative(derivative(derivative(lambda x: x**5)))(x) == pytest.approx(60 * 1.3**2)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x.astype(np.int64),
        lambda x: x > 1,
        lambda x: x == x,
        lambda x: np.isfinite(x),
        lambda x: x.tape.segment_max(x, ROWS, -np.inf),
        lambda x: x.tape.segment_min(x, ROWS, np.inf),
        lambda x: x.tape.segment_argsort(x, ROWS),
        lambda x: x.tape.as_structure(x),
        lambda x: x.tape.stop_gradient(x),
        lambda x: np.floor(x),
        lambda x: np.frexp(x)[1],
    ],
)
def test_constants_leave_the_tape(f):
    assert not isinstance(f(Tape(B).leaf(np.arange(6.0))), Box)
    inner = Tape(B)
    assert not isinstance(f(Tape(inner).leaf(inner.leaf(np.arange(6.0)))), Box)


def test_dtypes_are_kept():
    for kind in ("f4", "c8", "f8"):
        x = np.ones(3, kind)
        outputs, _, pullback = B.vjp(lambda y: ([np.sin(y) * 2.0 + y**2], ()), [x])
        assert outputs[0].dtype == kind and pullback([np.ones(3, kind)])[0].dtype == kind


def test_real_inputs_of_complex_results_take_the_real_part():
    _, _, pullback = B.vjp(lambda y: ([y * (2 + 3j)], ()), [np.ones(2)])
    found = pullback([np.array([1.0, 1j])])[0]
    assert found.dtype == np.float64 and found.tolist() == [2.0, 3.0]


def test_an_input_may_come_back_as_it_is_or_not_at_all():
    outputs, aux, pullback = B.vjp(lambda x, y: ([x, 3.0 * np.ones(2)], [x, y, 7]), [np.ones(2), np.ones(3)])
    assert aux[2] == 7 and not any(isinstance(value, Box) for value in [*outputs, *aux])
    cotangent = np.ones(2)
    x, y = pullback([cotangent, np.ones(2)])
    assert x.tolist() == [1.0, 1.0] and y.tolist() == [0.0, 0.0, 0.0]
    x[:] = 5
    assert cotangent.tolist() == [1.0, 1.0]


def test_results_are_the_callers_to_write_to():
    def f(x, y):
        return [x.tape.sum(x + y, (0,))], ()

    x, y = B.vjp(f, [np.ones(4), np.ones(4)])[2]([np.ones(())])
    x[:] = 7
    assert y.tolist() == [1.0] * 4


def test_cotangents_accumulate_without_changing_shared_arrays():
    seen = []

    def f(x):
        y = x * 1.0
        seen.append(y)
        return [y, y, y + y], ()

    _, _, pullback = B.vjp(f, [np.ones(2)])
    first, second, third = np.ones(2), np.full(2, 10.0), np.full(2, 100.0)
    assert pullback([first, second, third])[0].tolist() == [211.0, 211.0]
    assert (first.tolist(), second.tolist(), third.tolist()) == ([1.0] * 2, [10.0] * 2, [100.0] * 2)
    assert pullback([first, second, third])[0].tolist() == [211.0, 211.0]  # and it can be called again


def test_an_overwritten_buffer_does_not_change_the_gradient():
    buffer = np.array([1.0, 2.0])
    _, _, pullback = B.vjp(lambda x: ([x * x], ()), [buffer])
    buffer[:] = 100
    assert pullback([np.ones(2)])[0].tolist() == [2.0, 4.0]


def test_once_frees_what_it_walked():
    kept = []

    def f(x):
        big = x * 2.0
        kept.append(weakref.ref(big.value))
        return [np.sin(big)], ()

    _, _, pullback = B.vjp(f, [np.ones(2)])
    gc.collect()
    assert kept[0]() is not None
    pullback.once([np.ones(2)])
    gc.collect()
    assert kept[0]() is None


def test_what_no_output_needs_is_not_kept():
    kept = []

    def f(x):
        unused = np.exp(x)
        kept.append(weakref.ref(unused))
        return [x * 2.0], ()

    B.vjp(f, [np.ones(2)])
    gc.collect()
    assert kept[0]() is None


def test_long_programs_need_no_recursion():
    def f(x):
        for _ in range(20_000):
            x = x + 1.0
        return [x], ()

    _, _, pullback = B.vjp(f, [np.ones(1)])
    assert pullback([np.ones(1)])[0].tolist() == [1.0]
    del pullback  # and taking it down needs none either


def test_two_threads_have_two_tapes():
    results = {}
    barrier = threading.Barrier(2)

    def work(n):
        def f(x):
            for _ in range(50):
                barrier.wait(10)
                x = x * n
            return [x], ()

        results[n] = B.vjp(f, [np.ones(2)])[2]([np.ones(2)])[0].tolist()

    threads = [threading.Thread(target=work, args=(n,)) for n in (1.5, 2.0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert results == {1.5: [1.5**50] * 2, 2.0: [2.0**50] * 2}


def test_a_leaked_value_is_named():
    leaked = []
    B.vjp(lambda x: (leaked.append(x) or [x * 2.0], ()), [np.ones(2)])
    with pytest.raises(RaggedError, match="used in another"):
        B.vjp(lambda x: ([x * leaked[0]], ()), [np.ones(2)])


class TestBox:
    def box(self, value=None):
        return Tape(B).leaf(np.arange(6.0).reshape(2, 3) if value is None else value)

    @pytest.mark.parametrize(
        "action",
        [np.asarray, float, int, complex, bool, lambda x: x.item(), lambda x: x.tolist(), lambda x: np.array([1.0, x])],
    )
    def test_it_does_not_lose_its_derivative_in_silence(self, action):
        with pytest.raises(DTypeError, match=r"stop_gradient|derivative"):
            action(self.box(np.asarray(2.0)))

    def test_item_assignment(self):
        with pytest.raises(DTypeError, match=r"ragged\.where"):
            self.box()[0] = 1.0

    def test_what_it_tells_about_itself(self):
        x = self.box()
        assert (x.shape, x.ndim, x.size, len(x), x.dtype) == ((2, 3), 2, 6, 2, np.float64)
        assert backend_of_dense(x) is x.tape and x.tape.owns(x) and "differentiated" in repr(x)
        assert f"{self.box(np.asarray(2.0)):.2f}" == "2.00"
        assert np.shape(x) == (2, 3) and np.ndim(x) == 2 and np.size(x) == 6

    @pytest.mark.parametrize(
        "key",
        [0, -1, (1, 2), (slice(None), 1), slice(None, None, -1), (..., 0), None, (slice(0, 1), None), [1, 0, 1],
         np.array([[True, False, True], [False, True, False]]), (np.array([0, 1]), np.array([2, 0])), slice(1, 2),
         slice(5, 9), slice(None, None, 2)],
    )  # fmt: skip
    def test_indexing_is_numpys(self, key):
        x = np.arange(6.0).reshape(2, 3)
        found = self.box(x)[key]
        np.testing.assert_array_equal(found.value, x[key])
        weights = np.random.default_rng(0).normal(size=found.shape)
        expected = np.zeros_like(x)
        np.add.at(expected, key, weights)
        _, _, pullback = B.vjp(lambda y: ([y[key]], ()), [x])
        np.testing.assert_array_equal(pullback([weights])[0], expected)

    @pytest.mark.parametrize(
        "f",
        [
            lambda x: np.sum(x),
            lambda x: np.sum(x, axis=1, keepdims=True),
            lambda x: np.add.reduce(x),
            lambda x: x.sum(axis=-1),
            lambda x: np.mean(x, axis=0),
            lambda x: x.mean(),
            lambda x: np.dot(x, np.arange(3.0)),
            lambda x: np.arange(2.0) @ x,
            lambda x: np.matmul(x, x.T),
            lambda x: x @ x.mT,
            lambda x: np.where(np.arange(3) > 1, x, 0.0),
            lambda x: np.reshape(x, (3, -1)),
            lambda x: x.reshape(6),
            lambda x: np.ravel(x),
            lambda x: np.transpose(x),
            lambda x: np.concatenate([x, np.ones((2, 3))]),
            lambda x: np.concatenate([x, x], axis=1),
            lambda x: np.stack([x, x], axis=-1),
            lambda x: np.exp(x),
            lambda x: np.add(1.0, x),
            lambda x: np.array([1.0, 2.0, 3.0]) * x,
            lambda x: np.float64(2.0) - x,
            lambda x: 2 ** (x / 10),
            lambda x: x // 2 + x % 4 + divmod(x, 4)[1],
            lambda x: -x + abs(x),
            lambda x: np.real(x),
            lambda x: np.broadcast_to(x, (2, 2, 3)),
            lambda x: np.expand_dims(x, 1),
            lambda x: x.dot(np.ones(3)),
            lambda x: np.max(x, axis=0) + np.amin(x),
            lambda x: x.max() * x.std(axis=0) + x.prod(axis=1)[0],
            lambda x: np.cumsum(x) + np.cumsum(x, axis=1).sum(),
            lambda x: np.outer(x[0], x[1]),
            lambda x: np.squeeze(x[:, :1]),
            lambda x: np.clip(x, 1.0, 2.0) + np.sort(x) * np.arange(3),
        ],
    )
    def test_numpy_functions_and_operators(self, f):
        x = np.random.default_rng(1).uniform(0.5, 2.5, (2, 3))
        value = f(Plain(x))
        found = f(self.box(x))
        np.testing.assert_allclose(found.value, value)
        v = np.random.default_rng(2).normal(size=x.shape)
        h = 1e-6
        _, tangents, _ = B.jvp(lambda y: ([f(y)], ()), [x], [v])
        np.testing.assert_allclose(tangents[0], (f(Plain(x + h * v)) - f(Plain(x - h * v))) / (2 * h), atol=1e-8)

    def test_what_has_no_form_says_so(self):
        with pytest.raises(UnsupportedError, match="operators"):
            np.linalg.svd(self.box())
        with pytest.raises(UnsupportedError, match="out"):
            np.add(self.box(), 1.0, out=np.zeros((2, 3)))

    def test_comparisons_are_plain(self):
        assert (self.box() > 2).tolist() == [[False] * 3, [True] * 3]
        assert (np.ones(3) < self.box()).tolist() == [[False, False, True], [True] * 3]


class Plain(np.ndarray):
    """An ndarray that also has the names of the newest array API."""

    def __new__(cls, x):
        return np.asarray(x).view(cls)


@pytest.mark.parametrize(
    ("program", "arrays"),
    [
        (lambda x: [x + 1.0 - 2.0], 0),
        (lambda x: [np.exp(x)], 0),  # the output itself is all that the slope needs
        (lambda x: [np.sum(np.exp(x))], 1),
        (lambda x: [np.sum(x * x + 1.0)], 0),  # the input itself
        (lambda x: [np.sum(np.sin(x) * 2.0 + x)], 0),
    ],
)
def test_the_tape_keeps_only_what_the_slopes_look_at(program, arrays):
    def at_once(x):
        return program(x), ()

    at_once.at_once = True
    x = np.linspace(0.1, 0.9, 10_000)  # of a size whose memory the backend does not keep
    B.vjp(at_once, [x])
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        outputs, _, pullback = B.vjp(at_once, [x])
        held = tracemalloc.get_traced_memory()[0] - before - sum(y.nbytes for y in outputs)
        assert pullback([np.ones(y.shape) for y in outputs])[0].shape == x.shape
    finally:
        tracemalloc.stop()
    assert round(held / x.nbytes, 1) == arrays


@pytest.mark.parametrize("program", [lambda x, y: x - y, lambda x, y: y - x, lambda x, y: x + y, lambda x, y: y + x])
def test_sums_of_numbers_and_their_rows_are_one_step_each(program):
    """Both cotangents, of first and second order, are those of the same numbers written out for each element."""
    x, y = ragged.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]]), ragged.Array([1.0, -2.0, 3.0])

    def loss(program):
        return lambda x, y: ragged.sum(program(x, y) ** 3)

    def written_out(x, y):
        return program(x, y[:, np.newaxis] * ragged.ones_like(x))

    for order in (lambda f: f, lambda f: lambda x, y: ragged.sum(ragged.grad(f, argnums=1)(x, y) ** 2)):
        found = ragged.grad(order(loss(program)), argnums=(0, 1))(x, y)
        wanted = ragged.grad(order(loss(written_out)), argnums=(0, 1))(x, y)
        assert [each.to_list() for each in found] == [each.to_list() for each in wanted]
