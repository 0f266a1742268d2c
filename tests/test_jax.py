"""The JAX backend against the NumPy one: each elementwise function and each primitive, in value and in gradient."""

from __future__ import annotations

import itertools
import pickle

import numpy as np
import pytest

import ragged
from ragged.registry import backend_of_dense, get_backend
from ragged.rows import Groups, Rows
from ragged.ufuncs import table

jax = pytest.importorskip("jax")
jnp = pytest.importorskip("jax.numpy")

NAMES = sorted({entry.name for entry in table.values()} - {"isnat"})
REAL = [-2.5, -1.0, -0.3, -0.0, 0.0, 0.4, 1.0, 2.0, 3.0]
COMPLEX = [0j, 1 + 2j, -0.5 + 0.3j, 2j, -1 + 0j]
NUMPY = get_backend("numpy")
JAX = get_backend("jax").configured(None, "float64")


def grid(points, nin, dtype):
    """All combinations of the points, one array an argument."""
    return [np.ascontiguousarray(x) for x in np.array(list(itertools.product(points, repeat=nin)), dtype).T]


def as_list(x):
    return list(x) if isinstance(x, tuple) else [x]


def cotangents(outputs, shift=0):
    """Fixed numbers of no special value, one array an output."""
    return [np.cos(np.arange(y.size) + shift).reshape(y.shape).astype(y.dtype) for y in outputs]


def gradients(b, f, xs, order):
    """Values and first derivatives of `f(b, *xs)`, or the second derivatives."""

    def program(*args):
        return as_list(f(backend_of_dense(args[0]), *args)), ()

    def pulled(*args):
        outputs, _, pullback = backend_of_dense(args[0]).vjp(program, args)
        return pullback([b.asarray(g) for g in cotangents(outputs)]), ()

    outputs, _, pullback = b.vjp(program if order == 1 else pulled, [b.asarray(x) for x in xs])
    found = pullback([b.asarray(g) for g in cotangents(outputs, order)])
    return [np.asarray(x) for x in ([*outputs, *found] if order == 1 else found)]


def differentiable(name, xs):
    """Whether NumPy has the function for these dtypes, with a result that can have a derivative."""
    try:
        outputs = as_list(table[name].numpy(*xs))
    except TypeError:
        return False
    return any(y.dtype.kind in "fc" for y in outputs)


def at_pole(name, order, xs):
    """Where the derivative asked for does not exist, and each library may say so in its own way (inf or NaN)."""
    x = xs[0]
    if name == "arccosh" and x.dtype.kind == "f":
        return x <= 1
    if name in ("power", "float_power"):  # x^n by n where x is 0 and the other derivative is none, either
        y = xs[1]
        return (x == 0) & ((order == 2) | (y.imag != 0) | (y.real < 1))
    return np.zeros(x.shape, bool)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_elementwise_values_are_numpys(name):
    entry = table[name]
    for dtype, points in [
        ("i8", [-3, -1, 0, 1, 2, 5]),
        ("?", [0, 1]),
        ("f8", [*REAL, np.inf, np.nan]),
        ("c16", COMPLEX),
    ]:
        xs = grid(points, entry.nin, dtype)
        if name == "ldexp":
            xs[1] = xs[1].real.astype("i8") if dtype == "i8" else np.nan_to_num(xs[1].real, posinf=3).astype("i8")
        try:
            expected = as_list(NUMPY.apply(name, *xs))
        except (TypeError, ValueError) as error:
            with pytest.raises((TypeError, ValueError)):
                JAX.apply(name, *map(JAX.asarray, xs))
            assert not isinstance(error, NotImplementedError)
            continue
        for y, wanted in zip(as_list(JAX.apply(name, *map(JAX.asarray, xs))), expected, strict=True):
            assert y.dtype == wanted.dtype
            if wanted.dtype.kind in "fc":  # complex infinities are one point: only that they are infinite counts
                rtol = 1e-3 if y.dtype == "f2" else 1e-12
                finite = np.isfinite(wanted) if wanted.dtype.kind == "c" else np.ones(wanted.shape, bool)
                np.testing.assert_allclose(np.asarray(y)[finite], wanted[finite], rtol=rtol, atol=1e-15)
                assert not np.isfinite(np.asarray(y)[~finite]).any()
            else:
                defined = (xs[0] != 0) if name == "reciprocal" else slice(None)
                np.testing.assert_array_equal(np.asarray(y)[defined], wanted[defined])


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("points", [REAL, COMPLEX], ids=["real", "complex"])
@pytest.mark.parametrize("name", [name for name in NAMES if any(table[name].vjps) or table[name].parts])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_elementwise_gradients_are_the_tapes(name, points, order):
    xs = grid(points, table[name].nin, float if points is REAL else complex)
    if name == "ldexp":
        xs[1] = xs[1].real.astype("i8")
        if points is REAL:
            xs, fixed = xs[:1], xs[1]
    if not differentiable(name, xs if name != "ldexp" else [xs[0], xs[0].real.astype("i8")]):
        pytest.skip("NumPy has no such loop")
    constants = [fixed] if name == "ldexp" else []

    def f(b, *args):
        return b.apply(name, *args, *constants)

    counts = ~at_pole(name, order, xs)
    for ours, tapes in zip(gradients(JAX, f, xs, order), gradients(NUMPY, f, xs, order), strict=True):
        ours, tapes = ours[counts], tapes[counts]
        finite = np.isfinite(tapes)
        assert ours.dtype == tapes.dtype
        np.testing.assert_allclose(ours[finite], tapes[finite], rtol=1e-10, atol=1e-13)
        assert not np.isfinite(ours[~finite]).any()


ROWS = Rows(NUMPY, np.array([0, 2, 2, 5, 6]))
GROUPS = Groups(np.array([1, 0, 1, 3, 4, 1]), 4)
PRIMITIVES = {
    "take": lambda b, x: b.take(x, np.array([5, 0, 0, 3])),
    "take nothing": lambda b, x: b.take(x, np.array([], np.int64)),
    "slice": lambda b, x: b.slice(x, 1, 5),
    "slice by two": lambda b, x: b.slice(x, 1, 6, 2),
    "slice nothing": lambda b, x: b.slice(x, 3, 3),
    "expand": lambda b, x: b.expand(b.slice(x, 0, 4), ROWS),
    "segment_sum": lambda b, x: b.segment_sum(x, ROWS),
    "segment_sum of groups": lambda b, x: b.segment_sum(x, GROUPS),
    "concat": lambda b, x: b.concat([x, b.slice(x, 0, 2), x]),
    "where": lambda b, x: b.where(np.array([1, 0, 1, 1, 0, 0], bool), x, 2.0),
    "cumulative_sum": lambda b, x: b.cumulative_sum(x),
    "reshape": lambda b, x: b.reshape(x, (2, 3)),
    "broadcast_to": lambda b, x: b.broadcast_to(x, (2, 6)),
    "sum": lambda b, x: b.sum(b.reshape(x, (2, 3)), (1,)),
    "permute_dims": lambda b, x: b.permute_dims(b.reshape(x, (2, 3)), (1, 0)),
    "matmul": lambda b, x: b.matmul(b.reshape(x, (2, 3)), b.reshape(x, (3, 2))),
    "astype": lambda b, x: b.astype(x, "f4"),
    "full": lambda b, x: b.full((2, 2), 3, "f8"),
}


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("name", PRIMITIVES)
def test_primitives_are_the_tapes(name, dtype):
    if name == "astype" and dtype is complex:
        pytest.skip("a complex number made real")
    f = PRIMITIVES[name]
    x = np.array([0.5, -1.0, 2.0, 3.0, -0.25, 1.5]).astype(dtype)
    if dtype is complex:
        x = x + 1j * x[::-1]
    for order in (1, 2):
        program = f if order == 1 else lambda b, x: b.apply("square", f(b, b.apply("square", x)))
        for ours, tapes in zip(gradients(JAX, program, [x], order), gradients(NUMPY, program, [x], order), strict=True):
            assert ours.dtype == tapes.dtype
            np.testing.assert_allclose(ours, tapes, rtol=1e-10)


@pytest.mark.parametrize("segments", [ROWS, GROUPS], ids=["rows", "groups"])
@pytest.mark.parametrize("dtype", ["f4", "i4", "u1", "?"])
def test_segments_under_jit_are_numpys(segments, dtype):
    x = np.array([3, 0, 1, 7, 2, 1]).astype(dtype)
    lowest = False if dtype == "?" else -np.inf if dtype == "f4" else np.iinfo(dtype).min
    for identity in (lowest, lowest if dtype == "?" else 5):
        wanted = NUMPY.segment_max(x, Rows(NUMPY, ROWS.offsets) if segments is ROWS else segments, lowest)
        found = jax.jit(lambda x, i=identity: JAX.segment_max(x, segments, i))(JAX.asarray(x))
        empty = np.bincount(segments.ids, minlength=4)[:4] == 0
        np.testing.assert_array_equal(np.asarray(found)[~empty], wanted[~empty])
        assert (np.asarray(found)[empty] == np.asarray(identity, dtype)).all()
    np.testing.assert_array_equal(
        jax.jit(lambda x: JAX.segment_sum(x, segments))(JAX.asarray(x)), NUMPY.segment_sum(x, segments)
    )


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(
    ("name", "bad"), [("log", 0.0), ("sqrt", -1.0), ("arccosh", 0.0), ("arcsin", 7.0), ("reciprocal", 0.0)]
)
def test_what_does_not_count_disturbs_nothing(name, bad, order):
    x = np.array([bad, 1.5 if name != "arcsin" else 0.5, np.nan])
    valid = np.array([False, True, False])
    found = gradients(JAX, lambda b, x: b.apply(name, x, valid=valid), [x], order)[-1]
    assert found[0] == found[2] == 0
    assert found[1] != 0 and np.isfinite(found[1])


def test_the_least_integer_has_a_divisor():  # jnp.gcd of it never returns
    x = JAX.asarray(np.array([-128, 6], np.int8))
    np.testing.assert_array_equal(JAX.apply("gcd", x, JAX.asarray(np.array([6, -128], np.int8))), [2, 2])


def test_integer_powers_and_divisions():
    with ragged.use("jax", precision="float64"):
        x = ragged.Array([[-2, 0], [3]])
    assert (x**2).to_list() == [[4, 0], [9]]
    with pytest.raises(ValueError, match="negative integer powers"):
        x**-1
    zeros = JAX.asarray(np.zeros(2, np.int64))
    assert JAX.apply("floor_divide", JAX.asarray(np.array([3, -3])), zeros).tolist() == [0, 0]


def test_false_times_nan_is_nan():
    x = JAX.asarray(np.array([np.nan, np.inf]))
    assert np.isnan(np.asarray(JAX.apply("multiply", JAX.asarray(np.array([False, False])), x))).all()


def test_unsupported_names_and_dtypes_say_so():
    with pytest.raises(ragged.UnsupportedError, match=r"isnat is not available on (?i:jax): JAX has no dates"):
        JAX.apply("isnat", JAX.asarray(np.ones(2)))
    for bad in (np.array(["2020-01-01"], "M8[D]"), np.ones(2, np.clongdouble), np.ones(2, np.longdouble)):
        with pytest.raises(ragged.UnsupportedError, match="JAX has no"):
            JAX.asarray(bad)


def test_memory_is_shared_only_where_nobody_can_write():
    raw = np.zeros(1024 * 8 + 64, np.uint8)
    start = -raw.ctypes.data % 64
    x = raw[start : start + 1024 * 8].view(np.float64)
    y = JAX.asarray(x)
    x[0] = 7.0
    assert float(y[0]) == 0.0
    readonly = x.view()
    readonly.flags.writeable = False  # the memory beneath is still writeable
    y = JAX.asarray(readonly)
    x[0] = 8.0
    assert float(y[0]) == 7.0
    raw.flags.writeable = x.flags.writeable = False
    if jax.default_backend() == "cpu":
        assert JAX.asarray(x).unsafe_buffer_pointer() == x.ctypes.data
    back = JAX.to_numpy(y)
    assert not back.flags.writeable
    if jax.default_backend() == "cpu":
        assert back.ctypes.data == y.unsafe_buffer_pointer()


def test_shapes_compile_once_whatever_the_structure():
    x = JAX.asarray(np.arange(6.0))
    compiled = []
    for start in range(3):
        JAX.slice(x, start, start + 3)
        JAX.segment_sum(x, Rows(NUMPY, np.array([0, start, start, 5, 6])))
        JAX.take(x, np.array([start, 0]))
        from ragged_jax import _kernels

        compiled.append([k._cache_size() for k in (_kernels.slice_rows, _kernels.segment_sum, _kernels.take)])
    assert compiled[0] == compiled[1] == compiled[2]


def test_pickles_keep_the_configuration():
    with ragged.use("jax", precision="float64"):
        x = ragged.Array([[1.0, 2.0], []])
    y = pickle.loads(pickle.dumps(x))
    assert y._backend is x._backend
    assert y.to_list() == x.to_list()
