"""Operators, NumPy's protocols and the public elementwise functions."""

from __future__ import annotations

import datetime
import inspect
import operator
import pickle
import warnings
from pathlib import Path

import awkward as ak
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import ragged
from agreement import assert_agrees, assert_same
from layouts import arrays
from ragged.ufuncs import table

UNARY = sorted(name for name, entry in table.items() if entry.nin == 1 and name != "isnat")
BINARY = sorted(name for name, entry in table.items() if entry.nin == 2)
NO_INTEGERS = {"isnat"}


def sample(name, dtype):
    """Ragged NumPy content inside the function's domain."""
    values = {"float64": [0.25, 0.5, 0.75], "int64": [1, 2, 3]}[dtype]
    if name in ("arccosh", "acosh"):
        values = [1 + value for value in values]
    return ak.unflatten(np.array(values, dtype), [2, 0, 1])


def takes(name, kinds):
    """Whether NumPy has a loop of the function for these kinds of operands."""
    function = table[name].numpy
    if not isinstance(function, np.ufunc):
        return True
    try:
        function.resolve_dtypes((*map(np.dtype, kinds), *(None,) * function.nout))
    except TypeError:
        return False
    return True


@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one_array_give_numpys_values_and_dtypes(backend, name):
    dtype = "float64" if takes(name, ["float64"]) else "int64"
    if backend != "numpy" and name == "spacing":
        pytest.skip("JAX has no spacing")
    x = sample(name, dtype)
    result = getattr(ragged, name)(ragged.Array(x))
    flat = table[name].numpy(np.asarray(ak.flatten(x)))
    parts = [ragged.to_numpy(ragged.flatten(each)) for each in (result if isinstance(result, tuple) else [result])]
    for part, wanted in zip(parts, flat if isinstance(flat, tuple) else [flat], strict=True):
        assert part.dtype == wanted.dtype
        np.testing.assert_allclose(part, wanted, rtol=1e-12)


@pytest.mark.parametrize("name", BINARY)
def test_functions_of_two_arrays_give_numpys_values_and_dtypes(backend, name):
    dtype = "float64" if takes(name, ["float64", "float64"]) else "int64"
    second = "int64" if name == "ldexp" else dtype
    first = "float64" if name == "ldexp" else dtype
    x, y = sample(name, first), sample(name, second)
    result = getattr(ragged, name)(ragged.Array(x), ragged.Array(y))
    flat = table[name].numpy(np.asarray(ak.flatten(x)), np.asarray(ak.flatten(y)))
    parts = [ragged.to_numpy(ragged.flatten(each)) for each in (result if isinstance(result, tuple) else [result])]
    for part, wanted in zip(parts, flat if isinstance(flat, tuple) else [flat], strict=True):
        assert part.dtype == wanted.dtype
        np.testing.assert_allclose(part, wanted, rtol=1e-12)


@pytest.mark.parametrize(
    "left", ["bool", "int8", "uint8", "int32", "int64", "uint64", "float32", "float64", "complex64"]
)
def test_dtypes_promote_as_in_numpy(backend, left):
    x = ragged.unflatten(np.array([1, 0, 1], left), [2, 0, 1])
    for right in ("bool", "int8", "int64", "uint64", "float32", "float64"):
        y = ragged.unflatten(np.array([1, 1, 1], right), [2, 0, 1])
        for name in ("add", "multiply", "true_divide", "equal", "maximum"):
            wanted = getattr(np, name)(np.ones(1, left), np.ones(1, right)).dtype
            assert str(getattr(ragged, name)(x, y).type) == f"3 * var * {wanted}", (left, right, name)
    for scalar in (True, 2, 2.5, np.float32(2), np.int16(2), np.float64(2)):
        wanted = (np.ones(1, left) + scalar).dtype
        assert str((x + scalar).type) == f"3 * var * {wanted}", (left, scalar)
        assert str((scalar + x).type) == f"3 * var * {wanted}", (left, scalar)


def test_operators_are_the_functions_of_their_names(backend):
    x = ragged.Array([[1, 2, 3], [], [4, 5]])
    y = ragged.Array([10, 20, 3])
    programs = [
        lambda x, y: x + y,
        lambda x, y: x - y,
        lambda x, y: y - x,
        lambda x, y: 2 * x,
        lambda x, y: x / y,
        lambda x, y: y // x,
        lambda x, y: y % x,
        lambda x, y: x**2,
        lambda x, y: 2**x,
        lambda x, y: -x,
        lambda x, y: +x,
        lambda x, y: abs(x - 3),
        lambda x, y: ~x,
        lambda x, y: x << 1,
        lambda x, y: x >> 1,
        lambda x, y: x & 1,
        lambda x, y: x | 1,
        lambda x, y: x ^ 1,
        lambda x, y: (x > 2) & (x <= 4),
        lambda x, y: (x < 2) | (x >= 4),
        lambda x, y: x == 3,
        lambda x, y: x != 3,
        lambda x, y: x <= 3,
        lambda x, y: np.sqrt(x) + np.hypot(x, y),
        lambda x, y: divmod(y, x)[1],
        lambda x, y: operator.add(x, [1, 2, 3]),
        lambda x, y: np.array([1, 2, 3]) + x,
    ]
    theirs = ak.Array([[1, 2, 3], [], [4, 5]]), ak.Array([10, 20, 3])
    for program in programs:
        assert_same(program(x, y), program(*theirs))


def test_missing_values_are_missing_in_results_and_warn_nobody(backend):
    x = ragged.mask(ragged.Array([[0.0, 4.0], [], [-1.0]]), ragged.Array([[False, True], [], [False]]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (1 / x).to_list() == [[None, 0.25], [], [None]]
        assert np.sqrt(x).to_list() == [[None, 2.0], [], [None]]
        assert (x + ragged.Array([None, 1, 2])).to_list() == [None, [], [None]]


TEXT = st.lists(st.one_of(st.none(), st.text("ab→", max_size=3)), max_size=6)


@settings(max_examples=100)
@given(TEXT, st.text("ab→", max_size=3), st.data())
def test_text_compares_as_in_awkward(values, scalar, data):
    other = data.draw(st.lists(st.sampled_from(["", "a", "ab", "→"]), min_size=len(values), max_size=len(values)))
    # a list that may be empty has no type of text, so both go through Awkward with one
    x = ak.Array([*values, "a", None])
    y = ak.Array([*other, "a", "b"])
    for program in (
        lambda x, y: x == y,
        lambda x, y: x != y,
        lambda x, y: x == scalar,
        lambda x, y: scalar != x,
        lambda x, y: x == scalar.encode(),
    ):
        assert_agrees(
            lambda program=program: program(ragged.Array(x), ragged.Array(y)), lambda program=program: program(x, y)
        )


def test_text_broadcasts_and_is_refused_elsewhere(backend):
    names, kinds = ragged.Array([["a", "bc"], [], ["a"]]), ragged.Array(["a", "b", "c"])
    assert (names == kinds).to_list() == [[True, False], [], [False]]
    assert (names == "a").to_list() == [[True, False], [], [True]]
    assert (kinds == ragged.Array(["b"])).to_list() == [False, True, False]
    for program in (lambda: names + "a", lambda: names < kinds, lambda: names + 1, lambda: -kinds, lambda: kinds == 1):
        with pytest.raises(ragged.DTypeError, match="text"):
            program()
    with pytest.raises(ragged.StructureError, match="text and numbers"):
        _ = kinds == ragged.Array([1, 2, 3])
    with pytest.raises((ragged.DTypeError, ragged.StructureError)):
        _ = ragged.Array([1, 2]) + "a"


def test_masked_numpy_arrays_are_operands_with_missing_values():
    result = ragged.Array([[1, 2], [3]]) + np.ma.array([1, 2], mask=[False, True])
    assert result.to_list() == [[2, 3], None]


def test_records_are_refused_but_their_fields_are_not(backend):
    x = ragged.Array([[{"a": 1, "b": 2}], []])
    with pytest.raises(ragged.StructureError, match="x\\['name'\\]"):
        x + 1
    with pytest.raises(ragged.DTypeError, match="Point"):
        _ = ragged.Array([{"a": 1}], with_name="Point") == 1
    assert (x["a"] + x.b * 2).to_list() == [[5], []]
    with pytest.raises(ragged.DTypeError, match="None"):
        x["a"] + None
    with pytest.raises(ragged.DTypeError, match="record"):
        ragged.add(x[0, 0], 1)


@settings(max_examples=100)
@given(arrays(max_size=12))
def test_fields_of_records_are_arrays_like_others(x):
    """Every leaf of arbitrary data, reached field by field."""

    def leaves(library, array):
        names = library.fields(array)
        return [leaf for name in names for leaf in leaves(library, array[name])] if names else [array]

    for mine, theirs in zip(leaves(ragged, ragged.Array(x)), leaves(ak, x), strict=True):
        with np.errstate(all="ignore"):
            assert_agrees(lambda mine=mine: mine * 2 + mine, lambda theirs=theirs: theirs * 2 + theirs)


def test_unions_are_refused():
    with pytest.raises(ragged.UnsupportedError, match="union"):
        ragged.Array([1, [2]]) + 1


def test_dates_and_durations():
    days = ak.unflatten(np.array(["2026-11-22", "2026-11-23", "NaT"], "M8[D]"), [2, 0, 1])
    hours = ak.Array(np.array([1, 2, 3], "m8[h]"))
    for program in (
        lambda x, y: x + y,
        lambda x, y: x - x,
        lambda x, y: x == x,
        lambda x, y: x < np.datetime64("2026-11-23"),
        lambda x, y: np.isnat(x),
        lambda x, y: y / np.timedelta64(1, "m"),
        lambda x, y: y * 2.5,
    ):
        assert_agrees(
            lambda program=program: program(ragged.Array(days), ragged.Array(hours)),
            lambda program=program: program(days, hours),
        )
    later = ragged.Array(days) + datetime.timedelta(days=1)
    assert later.to_list()[0] == [datetime.datetime(2026, 11, 23), datetime.datetime(2026, 11, 24)]
    assert (ragged.Array(days) == datetime.date(2026, 11, 22)).to_list() == [[True, False], [], [False]]
    with pytest.raises(ragged.DTypeError, match="datetime64"):
        ragged.Array(days) + ragged.Array(days)


def test_wrong_dtypes_are_named(backend):
    with pytest.raises(ragged.DTypeError, match="float64"):
        ~ragged.Array([[1.5], []])


def test_matmul_of_regular_arrays(backend):
    x, y = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4)
    assert_same(ragged.Array(x) @ ragged.Array(y), x @ y)
    assert_same(np.matmul(ragged.Array(x), y), x @ y)
    assert_same(ragged.matmul(x, y), x @ y)
    assert float(ragged.Array(x[0]) @ ragged.Array(x[1])) == x[0] @ x[1]
    with pytest.raises(ragged.StructureError, match="do not line up"):
        ragged.Array(x) @ ragged.Array(x)
    with pytest.raises(NotImplementedError, match=r"ragged.sum\(x \* y"):
        ragged.Array([[1, 2], [3]]) @ ragged.Array([1, 2])


def test_numpys_ufunc_protocol():
    x = ragged.Array([[1, 2, 3], [], [4, 5]])
    assert_same(np.add(x, 1, dtype="float32"), np.add(ak.Array(x.to_list()), 1, dtype="float32"))
    assert_same(np.true_divide(x, 2, dtype=np.float32), np.true_divide(ak.Array(x.to_list()), 2, dtype=np.float32))
    with pytest.raises(ragged.DTypeError, match="out="):
        np.add(x, 1, out=np.zeros(3))
    with pytest.raises(TypeError, match="reduce"):
        np.add.reduce(x)
    with pytest.raises(ragged.UnsupportedError, match="where="):
        np.add(x, 1, where=np.array([True, False, True]))
    with pytest.raises(ragged.UnsupportedError, match="vecdot"):
        np.vecdot(x, x)
    assert ragged.to_list(np.add(x, 1, casting="unsafe")) == [[2, 3, 4], [], [5, 6]]


def test_ufuncs_of_other_libraries_run_on_numpy():
    special = pytest.importorskip("scipy.special")
    x = ragged.Array([[0.0, 1.0], [], [None]])
    assert_same(special.expit(x), special.expit(ak.Array(x.to_list())))
    assert_same(special.xlogy(x, 2), special.xlogy(ak.Array(x.to_list()), 2))
    with pytest.raises(ragged.UnsupportedError, match="expit"):
        ragged.grad(lambda x: ragged.sum(special.expit(x)))(x)
    with pytest.raises(ragged.DTypeError, match="Python objects"):
        np.frompyfunc(lambda value: value + 1, 1, 1)(x)


def test_numpys_function_protocol():
    x = ragged.Array([[3, 1, 2], [], [4, 5]])
    assert np.sum(x) == 15
    assert np.sum(x, axis=1).to_list() == [6, 0, 9]
    assert np.concatenate([x, x]).to_list() == x.to_list() * 2
    assert np.sort(x).to_list() == [[1, 2, 3], [], [4, 5]]
    assert np.where(x > 2, x, 0).to_list() == [[3, 0, 0], [], [4, 5]]
    assert np.clip(x, 2, 4).to_list() == [[3, 2, 2], [], [4, 4]]
    assert np.round(x / 4, 1).to_list() == [[0.8, 0.2, 0.5], [], [1.0, 1.2]]
    assert np.isclose(x, x).to_list() == [[True] * 3, [], [True] * 2]
    assert np.broadcast_arrays(x, 1)[1].to_list() == [[1, 1, 1], [], [1, 1]]
    with pytest.raises(ragged.UnsupportedError, match="norm"):
        np.linalg.norm(x)
    with pytest.raises(ragged.UnsupportedError, match="to_numpy"):
        np.percentile(x, 50)


def test_an_arrays_namespace_has_the_array_apis_names():
    xp = ragged.Array([[1.0]]).__array_namespace__()
    names = """abs acos acosh add asin asinh atan atan2 atanh bitwise_and bitwise_left_shift bitwise_invert bitwise_or
        bitwise_right_shift bitwise_xor ceil clip conj copysign cos cosh divide equal exp expm1 floor floor_divide
        greater greater_equal hypot imag isfinite isinf isnan less less_equal log log1p log2 log10 logaddexp logical_and
        logical_not logical_or logical_xor maximum minimum multiply negative nextafter not_equal positive pow real
        reciprocal remainder round sign signbit sin sinh square sqrt subtract tan tanh trunc where astype
        float32 float64 int8 int64 uint8 bool complex128 pi inf nan e newaxis"""
    for name in names.split():
        assert hasattr(xp, name), name
        assert name in ragged.__all__, name
    assert str(xp.astype(ragged.Array([[1.5], []]), xp.float32).type) == "2 * var * float32"


def test_public_functions_look_like_functions():
    for name in table:
        function = getattr(ragged, name)
        assert function.__name__ == name
        assert function.__module__ == "ragged"
        assert pickle.loads(pickle.dumps(function)) is function
        assert ">>> " in function.__doc__
        assert len(inspect.signature(function).parameters) >= table[name].nin - 2 * (name == "clip")


def test_the_stub_lists_every_function():
    lines = Path(f"{ragged._functions.__file__}i").read_text().splitlines()
    declared = sorted(line[4:].partition("(")[0] for line in lines if line.startswith("def "))
    assert declared == ragged._functions.__all__ == sorted({*table, "matmul"})


def test_dense_operands_give_dense_results():
    total = ragged.add(np.arange(3), np.array([1, 2, 3]))
    assert isinstance(total, np.ndarray)
    assert total.tolist() == [1, 3, 5]
    assert ragged.exp(0.0) == 1.0
    assert isinstance(ragged.add(np.float64(1), 2), np.float64)
    assert isinstance(ragged.add(1, 2), np.integer)


def test_clip_with_one_bound_and_at_its_bounds(backend):
    x = ragged.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]])
    assert ragged.clip(x, 2.0).to_list() == [[2, 2, 3], [], [4, 5]]
    assert ragged.clip(x, max=3.0).to_list() == [[1, 2, 3], [], [3, 3]]
    assert ragged.clip(x).to_list() == x.to_list()
    assert ragged.clip(x, ragged.Array([2, 2, 4.5]), 4.75).to_list() == [[2, 2, 3], [], [4.5, 4.75]]
    assert ragged.clip(ragged.Array([]), 2).to_list() == []
    whole = ragged.values_astype(x, "int8")
    assert str(ragged.clip(whole, 2).type) == "3 * var * int8"
    slopes = ragged.grad(lambda x: ragged.sum(ragged.clip(x, 2.0, 4.0)))(x)
    assert slopes.to_list() == [[0, 1, 1], [], [1, 0]]


def test_a_jax_tracer_joins_a_ragged_array():
    jax = pytest.importorskip("jax")
    rows = ragged.unflatten(np.array([1, 2, 3], np.float32), [2, 0, 1])  # what JAX holds without its 64-bit mode
    x = ragged.to_backend(rows, "jax")
    for array in (x, rows):
        slope = jax.grad(lambda scale, array=array: ragged.sum(array * scale + scale * array))(2.0)
        assert float(slope) == 12.0
        slopes = jax.grad(lambda shift, array=array: ragged.sum((array - shift) ** 2))(
            jax.numpy.asarray([1.0, 2.0, 3.0])
        )
        assert slopes.tolist() == [-2.0, 0.0, 0.0]


def test_a_dense_value_on_the_tape_joins_a_ragged_array():
    x = ragged.Array([[1.0, 2.0], [], [3.0]])
    assert ragged.grad(lambda scale: ragged.sum(x * scale))(2.0) == 6.0
    assert ragged.grad(lambda shift: ragged.sum((x - shift) ** 2))(np.array([1.0, 2.0, 3.0])).tolist() == [-2, 0, 0]
    assert ragged.grad(lambda shift: ragged.sum((shift - x) ** 2))(np.array([1.0, 2.0, 3.0])).tolist() == [-2, 0, 0]


def test_results_keep_attrs_and_behaviors():
    x, y = ragged.Array([[1, 2], [3]]), ragged.Array([10, 20])
    x.attrs.update(a=1, b=2)
    y.attrs.update(b=3, c=4)
    theirs = ak.Array([[1, 2], [3]], attrs=dict(x.attrs)), ak.Array([10, 20], attrs=dict(y.attrs))
    for program in (lambda x, y: x + 1, lambda x, y: 1 - x, lambda x, y: x * y, lambda x, y: y + x, lambda x, y: -x):
        assert program(x, y).attrs == program(*theirs).attrs
    assert np.modf(x)[0].attrs == x.attrs
    assert (x + 1).attrs is not x.attrs
