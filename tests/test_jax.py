"""The JAX backend against the NumPy one: each elementwise function and each primitive, in value and in gradient."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import grids
import ragged
from ragged.memory import aligned_copy
from ragged.registry import get_backend
from ragged.rows import Groups, Rows
from ragged.ufuncs import table

jax = pytest.importorskip("jax")
jnp = pytest.importorskip("jax.numpy")

NUMPY = get_backend("numpy")
JAX = get_backend("jax").configured(None, "float64")
ROWS = Rows(NUMPY, grids.OFFSETS)
GROUPS = Groups(grids.IDS, 4)


@pytest.mark.parametrize("name", grids.NAMES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_elementwise_values_are_numpys(name):
    entry = table[name]
    for dtype, points in [
        ("i8", [-3, -1, 0, 1, 2, 5]),
        ("?", [0, 1]),
        ("f8", [*grids.REAL, np.inf, np.nan]),
        ("c16", grids.COMPLEX),
    ]:
        xs = grids.grid(points, entry.nin, dtype)
        if name == "ldexp":
            xs[1] = xs[1].real.astype("i8") if dtype == "i8" else np.nan_to_num(xs[1].real, posinf=3).astype("i8")
        try:
            expected = grids.as_list(NUMPY.apply(name, *xs))
        except (TypeError, ValueError) as error:
            with pytest.raises((TypeError, ValueError)):
                JAX.apply(name, *map(JAX.asarray, xs))
            assert not isinstance(error, NotImplementedError)
            continue
        for y, wanted in zip(grids.as_list(JAX.apply(name, *map(JAX.asarray, xs))), expected, strict=True):
            assert y.dtype == wanted.dtype
            if wanted.dtype.kind in "fc":  # complex infinities are one point: only that they are infinite counts
                rtol = 1e-3 if y.dtype == "f2" else 1e-12
                finite = np.isfinite(wanted) if wanted.dtype.kind == "c" else np.ones(wanted.shape, bool)
                np.testing.assert_allclose(np.asarray(y)[finite], wanted[finite], rtol=rtol, atol=1e-15)
                assert not np.isfinite(np.asarray(y)[~finite]).any()
            else:
                defined = (xs[0] != 0) if name == "reciprocal" else slice(None)
                np.testing.assert_array_equal(np.asarray(y)[defined], wanted[defined])


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
    found = grids.gradients(JAX, lambda b, x: b.apply(name, x, valid=valid), [x], order)[-1]
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
    raw.flags.writeable = x.flags.writeable = False  # whoever made a view before still writes
    sealed = aligned_copy(x)
    if jax.default_backend() == "cpu":
        assert JAX.asarray(x).unsafe_buffer_pointer() != x.ctypes.data
        assert JAX.asarray(sealed).unsafe_buffer_pointer() == sealed.ctypes.data
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
