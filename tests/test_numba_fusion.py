"""`ragged.jit` under Numba: programs are recorded, and computed in loops over blocks that store no intermediates.

Waiting begins at one element here and blocks have three, so that small arrays go the way of large ones; and programs
are not run as they are where recording fails, which would hide it.
"""

from __future__ import annotations

import pickle
import threading
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ragged
from agreement import assert_same
from ragged.backend import Backend
from ragged.testing._gradients import loss_of
from ragged.testing._operations import OPERATIONS
from ragged.testing._samples import KINKS, SMOOTH, sample
from ragged.testing._values import title_of
from ragged_numpy import keep_memory

numba = pytest.importorskip("numba", reason="Numba is not installed")

from ragged_numba import _fused_pass, _threads, _waiting  # noqa: E402 - Numba has to be there
from ragged_numba._backend import NumbaBackend  # noqa: E402
from ragged_numba._lazy import Lazy  # noqa: E402
from ragged_numba._recorder import Recorder  # noqa: E402

REASONS = _waiting.REASONS
X = [[1.5, -2.0, 0.5], [], [0.25, 4.0], [3.0], [], [-1.0, 0.125, 2.5, -0.75]]


@pytest.fixture(autouse=True)
def _recording(monkeypatch):
    monkeypatch.setattr(_waiting, "LEAST", 1)
    monkeypatch.setattr(_fused_pass, "BLOCK", 3)
    monkeypatch.setattr(_waiting, "REASONS", ())
    with ragged.use("numba"), np.errstate(all="ignore"):
        yield


@pytest.fixture
def _forgiving(monkeypatch):
    """Programs that cannot be recorded are run as they are, as for users."""
    monkeypatch.setattr(_waiting, "REASONS", REASONS)


def loops(compiled, *args):
    """What `explain` says of the loops of a call: their functions, in order."""
    compiled(*args)
    lines = [line.strip() for line in compiled.explain(*args).splitlines()]
    return [line.rpartition(": ")[2].split(", ") for line in lines if line.startswith("loop ")]


def loss(x):
    return ragged.sum(ragged.sum(ragged.exp(x), axis=1) ** 2)


# ---------------------------------------------------------------------- the same as eager code

FALLS_BACK = {"to_backend"}  # moves to another backend, which no recording follows


@pytest.mark.parametrize("operation", [pytest.param(each, id=title_of(each)) for each in OPERATIONS])
def test_every_operation_is_that_of_eager_code(operation, monkeypatch):
    if operation.function in FALLS_BACK:
        monkeypatch.setattr(_waiting, "REASONS", (ragged.RaggedError,))
    compiled = ragged.jit(operation.program, warn_after=None)
    for name in dict.fromkeys((*operation.samples, *SMOOTH, *KINKS) if operation.smooth else operation.samples):
        x = sample(name)
        found, wanted = compiled(x), operation.program(x)
        if isinstance(wanted, ragged.Array | np.ndarray | np.generic):
            assert_same(found, wanted, 1e-6 if name == "single" else 1e-12)
        else:
            assert repr(found) == repr(wanted)


@pytest.mark.parametrize("operation", [pytest.param(each, id=title_of(each)) for each in OPERATIONS if each.smooth])
def test_every_derivative_is_that_of_eager_code(operation):
    of = loss_of(operation.program)
    for name in (SMOOTH[0], KINKS[-1]):
        x = sample(name)
        value, wanted = ragged.value_and_grad(of)(x)
        inside = ragged.jit(ragged.value_and_grad(of))(x)
        assert_same(inside[0], value)
        assert_same(inside[1], wanted)
        assert_same(ragged.grad(ragged.jit(of))(x), wanted)


@pytest.mark.parametrize(
    "title", ["softmax", "std axis=-1", "getitem ragged mask", "max axis=-1", "add a row's number"]
)
def test_second_derivatives_are_those_of_eager_code(title):
    of = loss_of(next(each.program for each in OPERATIONS if title_of(each) == title))
    x, v = sample("rows"), ragged.cos(sample("rows"))
    wanted = ragged.hvp(of, (x,), (v,))
    assert_same(ragged.jit(lambda x: ragged.hvp(of, (x,), (v,)))(x), wanted, 1e-11)
    assert_same(ragged.hvp(ragged.jit(of), (x,), (v,)), wanted, 1e-11)
    assert_same(ragged.grad(lambda x: ragged.sum(ragged.grad(ragged.jit(of))(x) * v))(x), wanted, 1e-11)


STEPS = {
    "exp": lambda x, y: ragged.exp(x * 0.25),
    "a product": lambda x, y: x * y - 0.5,
    "a quotient": lambda x, y: x / (y * y + 1.0),
    "a power": lambda x, y: (x * 0.5) ** 2,
    "less its mean": lambda x, y: x - ragged.mean(x, axis=1),
    "over its sum": lambda x, y: x / (1.0 + ragged.sum(y * y, axis=1)),
    "less its maximum": lambda x, y: x - ragged.fill_none(ragged.max(y, axis=1), 0.0),
    "over all of it": lambda x, y: x / (1.0 + ragged.sum(abs(y))),
    "where": lambda x, y: ragged.where(x > y, x, 0.25 * y),
    "softmax": lambda x, y: ragged.softmax(x, axis=1) + y,
    "clip": lambda x, y: ragged.clip(x, -1.5, 2.0) + ragged.num(x),
    "sorted": lambda x, y: ragged.sort(x, axis=1) * y,
    "reversed": lambda x, y: x[:, ::-1] - y,
    "masked": lambda x, y: ragged.fill_none(ragged.mask(x, x > 0), 0.5) * y,
    "single": lambda x, y: ragged.values_astype(ragged.values_astype(x * 4, "int32"), "float64") + y,
    "asked": lambda x, y: x * 2.0 if ragged.sum(y) > 0 else x + y,
}
ENDS = {
    "sum": lambda x: ragged.sum(x, axis=1),
    "max": lambda x: ragged.max(x, axis=1),
    "std": lambda x: ragged.std(x, axis=1),
    "total": ragged.sum,
    "columns": lambda x: ragged.sum(x, axis=0),
    "itself": lambda x: x,
    "positive": lambda x: x[x > 0],
    "record": lambda x: ragged.zip({"a": x, "b": x * 2}),
}
NUMBERS = st.sampled_from([0.0, -1.0, 0.5, 2.25, -3.5, 1e-3, 7.0])


def composed(steps, end):
    """The program that does the steps, each on what the two before have left."""

    def program(x):
        y = x + 0.125
        for step in steps:
            x, y = STEPS[step](x, y), x
        return ENDS[end](x)

    return program


@given(
    st.lists(st.lists(NUMBERS, max_size=6), min_size=1, max_size=8),
    st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=6),
    st.sampled_from(sorted(ENDS)),
)
def test_random_compositions_are_those_of_eager_code(rows, steps, end):
    x, program = ragged.values_astype(ragged.Array([*rows, [1.0, -0.5]]), "float64"), composed(steps, end)
    assert_same(ragged.jit(program)(x), program(x), 1e-10)
    if end == "record":
        return

    def of(x):
        return ragged.sum(ragged.sin(program(x)))

    wanted = ragged.grad(of)(x)
    scale = float(ragged.max(abs(wanted))) + 1.0
    for found in (ragged.jit(ragged.grad(of))(x), ragged.grad(ragged.jit(of))(x)):
        assert str(found.type) == str(wanted.type)
        np.testing.assert_allclose(flat(found), flat(wanted), rtol=1e-9, atol=1e-11 * scale)


def flat(x):
    return ragged.to_numpy(ragged.flatten(x))


def test_nan_wins_and_hides_nothing():
    x = ragged.Array([[1.0, np.nan, 2.0], [], [np.inf, -np.inf], [np.nan], [3.0] * 20])
    for program in (ragged.max, ragged.min, ragged.sum, ragged.mean, ragged.any, ragged.all):
        for axis in (1, None):
            assert_same(ragged.jit(lambda x, f=program, a=axis: f(x * 1.0, axis=a))(x), program(x, axis=axis))


@pytest.mark.parametrize(
    "dtype", ["int8", "int32", "int64", "uint8", "uint64", "float16", "float32", "complex64", "bool"]
)
def test_other_dtypes_reduce_as_in_eager_code(dtype):
    x = ragged.values_astype(ragged.Array([[1.0, 0.0, 3.0], [], [2.0, 5.0, 7.0, 11.0]]), dtype)

    def program(x):
        both = ragged.where(ragged.where(x == x, x, x) == x, x, 0)
        rest = () if dtype == "complex64" else (ragged.max(both, axis=1), ragged.min(both))
        return ragged.sum(both, axis=1), ragged.sum(both), both + ragged.sum(x, axis=1), ragged.any(both, axis=1), *rest

    for found, wanted in zip(ragged.jit(program)(x), program(x), strict=True):
        assert_same(found, wanted, 1e-6)


@pytest.mark.parametrize("exponent", [2, 3, 4, 2.0, 3.0, 1, 0, -1, 0.5, True, np.float64(3)])
def test_powers_are_those_of_eager_code(exponent):
    x = ragged.Array([[1.5, -2.5, 0.0, -0.0], [], [np.inf, -np.inf, np.nan, 1e200, -1e-200, 7.0]])
    for dtype in ("float64", "float32", "complex128", "int64"):
        typed = ragged.values_astype(ragged.nan_to_num(x, nan=2.0) if dtype == "int64" else x, dtype)
        if dtype == "int64" and exponent == -1:
            continue  # an error of NumPy's
        found, wanted = ragged.jit(lambda x: (x * 1) ** exponent)(typed), (typed * 1) ** exponent
        assert str(found.type) == str(wanted.type)
        np.testing.assert_allclose(flat(found), flat(wanted), rtol=1e-6 if dtype == "float32" else 1e-14)


def test_integers_wrap_and_are_checked_as_in_eager_code():
    x = ragged.values_astype(ragged.Array([[100, 27], [], [3]]), "int8")
    assert_same(ragged.jit(lambda x: x * x + 100)(x), x * x + 100)
    for program in (lambda x: x + 300, lambda x: x**-1):
        with pytest.raises((OverflowError, ValueError)) as wanted:
            program(x)
        with pytest.raises((OverflowError, ValueError), match=str(wanted.value)[:20]):
            ragged.jit(program)(x)


# ---------------------------------------------------------------------- loops


@pytest.mark.parametrize(
    ("program", "names"),
    [
        (lambda x: (x * 2 + 1) / (x * x + 3) - x, "multiply add multiply add divide subtract"),
        (lambda x: ragged.sum(ragged.exp(x) * x, axis=1), "exp multiply segment_sum"),
        (lambda x: x - ragged.sum(x, axis=1), "segment_sum expand subtract"),
        (loss, "exp segment_sum power sum"),
        (ragged.grad(loss), "exp segment_sum multiply multiply expand multiply"),
    ],
)
def test_a_chain_is_one_loop(program, names):
    x = ragged.Array(X)
    assert loops(ragged.jit(program), x) == [names.split()]


def test_value_and_gradient_are_one_loop():
    found = loops(
        ragged.jit(ragged.value_and_grad(lambda x: ragged.sum(ragged.softmax(x, axis=1) ** 2))), ragged.Array(X)
    )
    assert len(found) == 1 and found[0].count("exp") == 1


def test_a_total_ends_a_loop():
    found = loops(ragged.jit(lambda x: x / ragged.sum(ragged.exp(x))), ragged.Array(X))
    assert found == [["exp", "sum"], ["divide"]]


def test_fields_that_share_their_rows_are_one_loop():
    x = ragged.Array(X)
    points = ragged.zip({"x": x, "y": x * 2})
    program = ragged.jit(lambda p: ragged.sum(ragged.sqrt(p.x * p.x + p.y * p.y), axis=1))
    assert_same(program(points), ragged.sum(ragged.sqrt(x * x * 5), axis=1))
    assert len(loops(program, points)) == 1


def test_nested_lists_are_one_loop():
    x = ragged.Array([[[1.0, 2.0], []], [], [[3.0], [4.0, 5.0, 6.0]]])
    program = lambda x: ragged.sum(ragged.sum(x * x, axis=2) ** 2, axis=1)  # noqa: E731
    assert_same(ragged.jit(program)(x), program(x))
    assert loops(ragged.jit(program), x) == [["multiply", "segment_sum", "power", "segment_sum"]]


def test_rows_that_are_other_rows_are_other_loops():
    x = ragged.Array(X)

    def program(x):
        y = ragged.unflatten(ragged.flatten(x * 2), [5, 5])
        return ragged.sum(y - ragged.sum(y, axis=1), axis=1), ragged.flatten(x) + ragged.flatten(y)

    for found, wanted in zip(ragged.jit(program)(x), program(x), strict=True):
        assert_same(found, wanted)


def test_neighbours_are_one_loop():
    x = ragged.Array(X)
    program = lambda x: ragged.sum((x[:, 1:] - x[:, :-1]) ** 2 + x[:, :0:-1], axis=1)  # noqa: E731
    assert_same(ragged.jit(program)(x), program(x))
    assert loops(ragged.jit(program), x) == [
        ["take_ranges", "take_ranges", "subtract", "power", "take_ranges", "add", "segment_sum"]
    ]
    for dtype in ("float32", "int16", "bool", "complex128"):
        typed = ragged.values_astype(x, dtype)
        assert_same(
            ragged.jit(lambda x: ragged.flatten(x[:, 1:] * 1, axis=None))(typed), ragged.flatten(typed[:, 1:] * 1)
        )
    assert_same(
        ragged.jit(ragged.grad(lambda x: ragged.sum(program(x))))(x), ragged.grad(lambda x: ragged.sum(program(x)))(x)
    )


def test_rows_equal_by_value_are_one_loop():
    x = ragged.Array(X)

    def program(x, lengths):
        y = ragged.unflatten(ragged.flatten(x) * 3, lengths)
        y, x = y - ragged.sum(y, axis=1), x * 2 - ragged.max(x * 2, axis=1)
        return ragged.flatten(x) + ragged.flatten(y)

    for lengths, n in ((ragged.num(x), 1), ([5, 5], 2)):
        compiled = ragged.jit(program)
        assert_same(compiled(x, lengths), program(x, lengths))
        found = loops(compiled, x, lengths)
        assert len(found) - found.count(["multiply"]) == n


def test_rows_of_another_length_are_gathered_before():
    x = ragged.Array(X)
    rows = ragged.unflatten(x * 2, [2, 4])  # lists of lists: their rows are elements of the outer ones

    def program(x, rows):
        outer = ragged.sum(ragged.sum(rows * 1.5, axis=2), axis=1)
        return rows * outer, ragged.sum(rows, axis=1) + 1.0, ragged.sum(x, axis=0)

    for found, wanted in zip(ragged.jit(program)(x, rows), program(x, rows), strict=True):
        assert_same(found, wanted)


def test_as_many_rows_as_elements_are_not_taken_for_them():
    x = ragged.Array([[1.0, 2.0], [], [3.0]])
    program = lambda x: ragged.flatten(x * x) + ragged.sum(x, axis=1)  # noqa: E731
    assert_same(ragged.jit(program)(x), program(x))


def test_what_is_asked_for_again_and_again_is_kept():
    counted = []

    def program(x):
        for _ in range(30):
            x = x * 1.5 + 1.0
            counted.append(float(ragged.sum(x)) > 0)
        return x

    names = loops(ragged.jit(program), ragged.Array(X))
    assert len(names) == 31 and sum(map(len, names)) < 31 * 10


def test_explain_says_what_waits_and_why():
    def program(x):
        return (x * 2)[:, ::-1] if ragged.sum(x * x) > 0 else x

    compiled = ragged.jit(program)
    assert "would be compiled" in compiled.explain(ragged.Array(X))
    compiled(ragged.Array(X))
    text = compiled.explain(ragged.Array(X))
    assert "loop 1, along 10 entries, for Python, which asks for it: multiply, sum" in text
    assert "loop 2, along 10 entries, for take" in text
    compiled(ragged.Array(X[:3]))
    assert len(compiled.traces) == 1


def test_small_arrays_are_computed_at_once(monkeypatch):
    monkeypatch.setattr(_waiting, "LEAST", 1000)
    compiled = ragged.jit(loss)
    assert_same(compiled(ragged.Array(X)), loss(ragged.Array(X)))
    assert "runs as it is" in compiled.explain(ragged.Array(X))


# ---------------------------------------------------------------------- what comes out


def test_nothing_that_waits_comes_out():
    x = ragged.Array(X)
    total, rows, record = ragged.jit(lambda x: (ragged.sum(x), x * 2, ragged.zip({"a": ragged.sum(x, axis=1)})[0]))(x)
    assert type(total) is np.float64
    assert isinstance(rows, ragged.Array) and type(rows.layout.content.data) is np.ndarray
    assert rows._backend is x._backend and ragged.backend(rows) == "numba"
    assert isinstance(record, ragged.Record) and record._array._backend is x._backend


def test_python_asks_for_values():
    seen = []

    def program(x):
        total = ragged.sum(x * x)
        seen.extend([float(total), int(total), bool(total), f"{total:.2f}", np.sqrt(total), np.asarray(total)])
        rows = ragged.sum(x, axis=1)
        seen.append(rows.to_list())
        assert repr(x * 2) == repr(ragged.Array(X) * 2) and round(total, 2) == round(seen[0], 2)
        assert total.shape == () and total.dtype == np.float64 and total.item() == seen[0]
        return total * 2 if total > 1 else x

    x = ragged.Array(X)
    found = ragged.jit(program)(x)
    first = float(ragged.sum(x * x))
    assert found == 2 * first
    assert seen[:4] == [first, int(first), True, f"{first:.2f}"] and float(seen[4]) == np.sqrt(first)
    assert seen[6] == ragged.sum(x, axis=1).to_list()


def test_what_waits_has_the_manners_of_an_array():
    def program(x):
        y = (x * 2.0).layout.data
        wanted = np.arange(6.0) * 2.0
        assert type(y) is Lazy and len(y) == 6 and y.ndim == 1 and y.size == 6 and y.shape == (6,)
        assert list(y) == list(wanted) and y[2] == 4.0 and y[1:3].tolist() == [2.0, 4.0]
        assert np.add.reduce(y * 1) == wanted.sum() and np.add(y, 1, dtype="float32").dtype == np.float32
        assert np.concatenate([y * 1, [1.0]]).tolist() == [*wanted, 1.0] and np.mean(y * 1) == wanted.mean()
        assert type(np.sin(y)) is Lazy and type(2 - y) is Lazy and type(-abs(y)) is Lazy and type(y > 1) is Lazy
        assert type(np.arange(6) + y) is Lazy and type(np.float64(2) * y) is Lazy
        assert (y @ y) == wanted @ wanted and (np.arange(6) @ (y * 1)) == np.arange(6) @ wanted
        assert complex(y[1]) == 2 and [7, 8, 9][ragged.sum(ragged.values_astype(x, "int64")) - 14] == 8
        assert (y * 1).mean() == wanted.mean() and not hasattr(y, "__dlpack__") and repr(y * 1) == repr(wanted)
        with pytest.raises(TypeError, match="unsized"):
            len(ragged.sum(y))
        with pytest.raises(ragged.RaggedError):
            y[0] = 1.0
        assert isinstance(y * x, ragged.Array) and isinstance(np.add(y, x), ragged.Array)
        return y

    assert_same(ragged.jit(program)(ragged.Array(np.arange(6.0))), np.arange(6.0) * 2)


def test_what_was_kept_from_a_program_still_has_its_values():
    kept = []

    def program(x):
        kept.append(x * 3)
        return x + 1

    x = ragged.Array(X)
    ragged.jit(program)(x)
    assert kept[0].to_list() == (x * 3).to_list()
    assert_same(
        ragged.jit(lambda x: ragged.sum(kept[0].layout.content.data * x))(np.arange(10.0)),
        np.sum(flat(x) * 3 * np.arange(10.0)),
    )


def test_what_was_kept_is_an_array_like_others():
    kept = []

    def program(x):
        kept.append(x * 3)
        return ragged.sum(kept[0] * x)

    x = ragged.Array(X)
    ragged.jit(program)(x)
    y = kept[0]
    assert_same(pickle.loads(pickle.dumps(y)), x * 3)
    assert_same(y.to_backend("numpy"), (x * 3).to_backend("numpy"))
    assert_same(ragged.grad(lambda x: ragged.sum(x * y))(x), y)
    assert_same(ragged.grad(lambda y: ragged.sum(y * y))(y), y * 2)
    assert type(ragged.sum(y)) is type(ragged.sum(x))
    assert_same(ragged.jit(lambda x: x + y)(x), x * 4)


def test_matrices_of_rows():
    x = np.arange(24.0).reshape(8, 3)

    def program(x):
        y = x * 2 + np.asarray([1.0, 2.0, 3.0])
        rows = ragged.sum(y, axis=1)
        return rows, ragged.sum(y * x, axis=0), ragged.sum(y, axis=None), y * rows[:, None], ragged.max(y, axis=1)

    for found, wanted in zip(ragged.jit(program)(x), program(x), strict=True):
        assert_same(found, wanted)
    gradient = ragged.grad(lambda x: ragged.sum(ragged.sum(x * x, axis=1) ** 2))
    assert_same(ragged.jit(gradient)(x), gradient(x))


def test_dense_arrays_take_part():
    w = np.linspace(-1.0, 1.0, 6)

    def program(x, w):
        y = w * w + 1
        return ragged.sum(x * y, axis=1), np.dot(y, w), y[1:] * 2, (y.reshape(2, 3) * 2).sum(axis=0), w.mean() * x

    x = ragged.Array(X)
    for found, wanted in zip(ragged.jit(program)(x, w), program(x, w), strict=True):
        assert_same(found, wanted)


def test_keywords_trees_and_floats():
    @ragged.jit
    def program(batch, *, scale, shift=0.5):
        return {"y": batch["x"] * scale + shift, "n": [ragged.num(batch["x"])]}

    x = ragged.Array(np.asarray([[1.5, 2.5]], "float32"))
    found = program({"x": x}, scale=2.0)
    assert_same(found["y"], x * 2.0 + 0.5)
    assert_same(found["n"][0], ragged.num(x))


def test_missing_values_and_records():
    x = ragged.Array([[{"a": 1.0, "b": None}, {"a": 2.0, "b": 3}], [], None, [{"a": -1.0, "b": 5}]])

    def program(x):
        return x, ragged.sum(x.a * x.b, axis=1), ragged.max(x.a, axis=1), ragged.fill_none(x.b * 2, 0), x.a - 1

    for found, wanted in zip(ragged.jit(program)(x), program(x), strict=True):
        assert_same(found, wanted)
    assert_same(
        ragged.jit(ragged.grad(lambda x: ragged.sum(x.a * x.b)))(x), ragged.grad(lambda x: ragged.sum(x.a * x.b))(x)
    )


def test_what_the_backend_has_of_its_own_is_used_by_the_recorder_and_no_name_is_taken_twice():
    own = {name for name in dir(NumbaBackend) if getattr(NumbaBackend, name) is not getattr(Backend, name, None)}
    elsewhere = {"compile", "compiles", "name", "over_numpy", "traces_floats", "xp", "zero_copy"}
    public = {name for name in own - elsewhere if not name.startswith("_")}
    assert public - {*vars(Recorder), *vars(_waiting.Waiting)} == set()
    assert [name for name in vars(_waiting.Waiting) if not name.startswith("__") and hasattr(Backend, name)] == []


# ---------------------------------------------------------------------- composition


def test_jit_within_jit_and_gradients_within_both():
    inner = ragged.jit(lambda x: ragged.sum(ragged.exp(x), axis=1))
    outer = ragged.jit(lambda x: ragged.sum(inner(x) ** 2))
    x = ragged.Array(X)
    assert len(loops(outer, x)) == 1
    for transformed in (ragged.jit(ragged.grad(outer)), ragged.grad(outer), ragged.jit(ragged.grad(ragged.jit(outer)))):
        assert_same(transformed(x), ragged.grad(loss)(x))


def test_several_outputs_are_differentiated():
    program = lambda x, w: (ragged.sum(x * w, axis=1), ragged.sum(x * x) * w)  # noqa: E731
    x, w = ragged.Array(X), np.float64(1.5)
    of = lambda f: lambda x, w: ragged.sum(f(x, w)[0] ** 2) + f(x, w)[1]  # noqa: E731
    wanted = ragged.grad(of(program), argnums=(0, 1))(x, w)
    for found in (
        ragged.grad(of(ragged.jit(program)), argnums=(0, 1))(x, w),
        ragged.jit(ragged.grad(of(program), argnums=(0, 1)))(x, w),
    ):
        assert_same(found[0], wanted[0])
        assert_same(found[1], wanted[1])


def test_a_pullback_is_called_again_and_with_any_cotangent():
    x = ragged.Array(X)
    for program, cotangents in ((loss, (1.0, 1.0, -2.5)), (lambda x: ragged.sum(x * x, axis=1), ([1.0] * 6, range(6)))):
        value, pull = ragged.vjp(ragged.jit(program), x)
        wanted, eager = ragged.vjp(program, x)
        assert_same(value, wanted)
        for g in cotangents:
            g = np.asarray(g, "float64")[()]
            found = pull(g)[0]
            assert_same(found, eager(g)[0])
            found.layout.content.data[:] = 7.0  # it is the caller's
    assert_same(ragged.jvp(ragged.jit(loss), (x,), (x,))[1], ragged.jvp(loss, (x,), (x,))[1])


def test_only_what_is_asked_for_is_differentiated():
    program = lambda x, w, n: ragged.sum(x * w) * n  # noqa: E731
    x, w = ragged.Array(X), ragged.Array(X) * 0.5
    for argnums in (0, 1, (0, 1)):
        found = ragged.grad(lambda x, w: ragged.jit(program)(x, w, 2.0) + ragged.sum(x), argnums)(x, w)
        wanted = ragged.grad(lambda x, w: program(x, w, 2.0) + ragged.sum(x), argnums)(x, w)
        for one, other in zip(found, wanted, strict=True) if isinstance(argnums, tuple) else [(found, wanted)]:
            assert_same(one, other)


def test_compiled_functions_of_users_are_called():
    @numba.njit
    def weighted(x):
        total = 0.0
        for row in x:
            for j, value in enumerate(row):
                total += (j + 1) * value
        return total

    called = ragged.custom_vjp(weighted)
    called.defvjp(lambda x: (weighted(x), (x,)), lambda kept, g: (g * (ragged.local_index(kept[0]) + 1.0),))
    x = ragged.Array(X)
    program = lambda x: ragged.sum(x * x) * called(ragged.exp(x) * x)  # noqa: E731
    assert_same(ragged.jit(program)(x), program(x))
    assert_same(ragged.jit(ragged.grad(program))(x), ragged.grad(program)(x))
    assert_same(ragged.grad(ragged.jit(program))(x), ragged.grad(program)(x))
    assert_same(ragged.jit(lambda r: weighted(r.a) * 2.0)(ragged.zip({"a": x})), np.float64(weighted(x) * 2))


@pytest.mark.usefixtures("_forgiving")
def test_a_value_from_outside_keeps_its_derivative():
    x = ragged.Array(X)
    of = lambda jit: ragged.grad(lambda w: jit(lambda x: ragged.sum(x * w * w))(x))(np.float64(3.0))  # noqa: E731
    assert_same(of(ragged.jit), of(lambda f: f))
    both = lambda jit: ragged.grad(lambda x: jit(lambda y: ragged.sum(x * y))(x * 2))(x)  # noqa: E731
    assert_same(both(ragged.jit), both(lambda f: f))


@pytest.mark.usefixtures("_forgiving")
@pytest.mark.parametrize(
    "program",
    [
        lambda x: x + ragged.Array([[1.0, 2.0], [3.0]]),
        lambda x: (x * 2)[:, 7],
        lambda x: ragged.sum(x * 2, axis=5),
        lambda x: ragged.exp(ragged.zip({"a": x * 2})),
        lambda x: int("no number" + str(x * 0)[:0]),
        lambda x: ragged.arctan2(x * 2),
    ],
)
def test_errors_are_those_of_eager_code(program):
    x = ragged.Array(X)
    for transform in (lambda f: f, lambda f: ragged.grad(lambda x: ragged.sum(f(x)))):
        with pytest.raises((ValueError, TypeError, IndexError)) as wanted:
            transform(program)(x)
        with pytest.raises(type(wanted.value)) as found:
            transform(ragged.jit(program))(x)
        assert str(found.value) == str(wanted.value)


@pytest.mark.usefixtures("_forgiving")
def test_assignment_to_a_dense_value_is_run_as_it_is():
    def program(x):
        y = ragged.to_numpy(x * 2) * 1.0
        z = ragged.jit(lambda y: y + 1)(y)
        z[0] = 7.0
        return z

    x = ragged.Array([1.0, 2.0, 3.0])
    assert_same(ragged.jit(program)(x), program(x))


@pytest.mark.parametrize(
    "use",
    [
        lambda x, b: ragged.flatten(x) * b,
        lambda x, b: (ragged.flatten(x) * 2)[ragged.values_astype(b, int)],
        lambda x, b: x * b[:6],
        lambda x, b: np.multiply(ragged.flatten(x) * 2, b),
        lambda x, b: b - ragged.flatten(x),
        lambda x, b: ragged.where(b > 4, ragged.flatten(x) * 2, b),
        lambda x, b: ragged.maximum(ragged.flatten(x), b),
        lambda x, b: ragged.from_lengths(b, [5, 0, 5]) * 2,
        lambda x, b: ragged.with_field(ragged.zip({"x": x}), ragged.from_lengths(b, ragged.num(x)), "b").b * 2,
    ],
)
def test_a_buffer_is_written_to_again_after_its_use(use):
    def program(x, buffer):
        found = []
        for i in range(3):
            buffer[:] = np.roll(np.arange(10.0), i)
            found.append(use(x, buffer))
        buffer[:] = 0
        return found

    x = ragged.Array(X)
    for found, wanted in zip(ragged.jit(program)(x, np.empty(10)), program(x, np.empty(10)), strict=True):
        assert_same(found, wanted)


def test_an_index_is_written_to_again_after_its_use():
    def program(x, index):
        found = (x * 2)[index]
        index[:] = 0
        return found

    x = ragged.Array(np.arange(6.0))
    assert_same(ragged.jit(program)(x, np.arange(6)[::-1].copy()), ragged.Array(np.arange(6.0)[::-1] * 2))


# ---------------------------------------------------------------------- large arrays


@pytest.fixture
def _as_for_users(monkeypatch):
    monkeypatch.undo()
    with ragged.use("numba"):
        yield


def large(n, nrows):
    rng = np.random.default_rng(0)
    return ragged.from_lengths(rng.normal(size=n), rng.multinomial(n, [1 / nrows] * nrows))


@pytest.mark.usefixtures("_as_for_users")
@pytest.mark.parametrize("nrows", [1, 3, 1000, 50_000, 400_000])
def test_large_arrays_of_all_kinds_of_rows(nrows):
    x = large(400_000, nrows)
    programs = (
        lambda x: x - ragged.mean(x, axis=1),
        lambda x: ragged.softmax(x, axis=1),
        lambda x: ragged.sum(ragged.exp(x) * x, axis=1),
        ragged.grad(lambda x: ragged.sum(ragged.std(x * x, axis=1)[ragged.num(x) > 1])),
        lambda x: ragged.fill_none(ragged.min(x * 2, axis=1), 0.0),
    )
    for program in programs:
        found, wanted = ragged.jit(program)(x), program(x)
        parts = (flat(each) if each.ndim > 1 else ragged.to_numpy(each) for each in (found, wanted))
        np.testing.assert_allclose(*parts, rtol=1e-11, atol=1e-11)


@pytest.mark.usefixtures("_as_for_users")
@pytest.mark.parametrize("long", [1 << 20, 1 << 17])
def test_a_long_row_among_short_ones(long, monkeypatch):
    lengths = np.ones(5000, np.int64)
    lengths[[7, 4000]] = 300_000, 0
    x = ragged.from_lengths(np.sin(np.arange(lengths.sum())), lengths)
    monkeypatch.setattr(_fused_pass, "LONG", long)
    for program in (lambda x: x - ragged.mean(x, axis=1), lambda x: ragged.softmax(x * 3, axis=1)):
        np.testing.assert_allclose(flat(ragged.jit(program)(x)), flat(program(x)), rtol=1e-11, atol=1e-14)


@pytest.mark.usefixtures("_as_for_users")
def test_results_do_not_depend_on_the_number_of_threads(monkeypatch):
    x = large(300_000, 60_000)
    program = ragged.jit(
        ragged.value_and_grad(lambda x: ragged.sum(ragged.softmax(x, axis=1) ** 2) / ragged.sum(abs(x)))
    )
    found = []
    for n in (1, 2, 5):
        monkeypatch.setattr(_threads, "threads", lambda n=n: n)
        found.append(program(x))
    for value, gradient in found[1:]:
        assert value == found[0][0]
        assert np.array_equal(flat(gradient), flat(found[0][1]))


@pytest.mark.usefixtures("_as_for_users")
def test_several_threads_call_it_at_once():
    x = large(300_000, 40_000)
    program = ragged.jit(ragged.grad(loss))
    wanted, found = flat(program(x)), [None] * 6

    def call(i):
        found[i] = flat(program(x))

    workers = [threading.Thread(target=call, args=(i,)) for i in range(len(found))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert all(np.array_equal(each, wanted) for each in found)


@pytest.mark.usefixtures("_as_for_users")
@pytest.mark.parametrize(
    ("program", "results"),
    [
        (lambda x: ragged.sum(ragged.sqrt(ragged.exp(x) * x * x + 1) / 3, axis=1), 0.25),
        (lambda x: ragged.softmax(x, axis=1), 1),
        (ragged.grad(loss), 1),
        (ragged.value_and_grad(lambda x: ragged.sum(ragged.tanh(x) ** 2 / (1 + ragged.exp(-x)))), 1),
    ],
)
def test_no_intermediate_is_stored(program, results):
    x = large(4_000_000, 500_000)
    compiled = ragged.jit(program)
    compiled(x)
    keep_memory(0)
    try:
        tracemalloc.start()
        found = compiled(x)
        peak = tracemalloc.get_traced_memory()[1]
        del found
    finally:
        tracemalloc.stop()
        keep_memory(1 << 28)
    assert peak < (results + 0.25) * 8 * 4_000_000


def test_a_waiting_value_lets_go_of_what_it_was_made_of():
    kept = []

    def program(x):
        y = x * 2
        kept.append(ragged.sum(y, axis=1).layout.data)
        assert type(kept[0]) is Lazy and kept[0].args
        kept[0].known()
        assert kept[0].args == ()
        return y

    ragged.jit(program)(ragged.Array(X))
