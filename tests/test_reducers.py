"""sum, prod, min, max, any, all, count, count_nonzero, argmin, argmax."""

from __future__ import annotations

import inspect
import warnings

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ragged
from agreement import assert_same
from layouts import SETTINGS, agree, arrays, has, laid_out

NAMES = ["sum", "prod", "min", "max", "any", "all", "count", "count_nonzero", "argmin", "argmax"]
POSITIONS = ["argmin", "argmax"]
X = [[1.0, 2.0, 3.0], [], [4.0, 5.0]]
DEEP = [[[1, 2], [3]], [], [[5, 6, 7], [], [2]]]
MISSING = [[None, 1, 2], None, [], [None]]
AXES = st.none() | st.integers(-4, 3)


def tame(x):
    """The same array with floats that add and multiply exactly, so that the order of a sum does not matter."""

    def quarters(layout, **_):
        if isinstance(layout, ak.contents.NumpyArray) and layout.dtype.kind == "f":
            data = np.round(np.remainder(np.nan_to_num(layout.data), 16) * 4) / 4
            return ak.contents.NumpyArray(data.astype(layout.dtype))
        return None

    return laid_out(ak.transform(quarters, x))


def places(data, depth, axis, pick):
    """What argmin and argmax mean, in plain Python: the position along the axis, whatever is missing or too short."""
    if data is None:
        return None
    if axis > 0:
        return [places(each, depth - 1, axis - 1, pick) for each in data]

    def aligned(entries, depth):
        entries = [(place, value) for place, value in entries if value is not None]
        if depth:
            longest = max((len(value) for _, value in entries), default=0)
            columns = [[(place, value[k]) for place, value in entries if k < len(value)] for k in range(longest)]
            return [aligned(column, depth - 1) for column in columns]
        return pick(entries, key=lambda entry: entry[1])[0] if entries else None

    return aligned(list(enumerate(data)), depth - 1)


@pytest.mark.parametrize("name", NAMES)
def test_signatures_are_awkwards(name):
    ours, theirs = (inspect.signature(getattr(module, name)).parameters for module in (ragged, ak))
    assert [(p.name, p.kind, p.default) for p in ours.values()] == [
        (p.name, p.kind, p.default) for p in theirs.values() if p.name != "highlevel"
    ]


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("mask_identity", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_examples_on_every_backend(backend, name, axis, keepdims, mask_identity):
    options = {"axis": axis, "keepdims": keepdims, "mask_identity": mask_identity}
    for data in (X, MISSING):
        assert_same(getattr(ragged, name)(ragged.Array(data), **options), getattr(ak, name)(ak.Array(data), **options))


@SETTINGS
@given(
    arrays(allow_nan=False).map(tame),
    st.sampled_from([name for name in NAMES if name not in POSITIONS]),
    AXES,
    st.booleans(),
    st.booleans(),
)
def test_reducers(x, name, axis, keepdims, mask_identity):
    if has(x, "string", "bytes"):
        return  # see test_text_is_no_number
    if name == "max" and not mask_identity and has(x, "bool"):
        return  # Awkward's maximum of no booleans is True on the outermost axis, and False within
    if axis is None and keepdims and has(x, "unknown"):
        return  # Awkward keeps one value of no numbers, but none of no numbers of unknown type
    options = {"axis": axis, "keepdims": keepdims, "mask_identity": mask_identity}
    agree(lambda x: getattr(ragged, name)(x, **options), lambda x: getattr(ak, name)(x, **options), x)


@SETTINGS
@given(arrays(allow_nan=False, allow_record=False), st.sampled_from(POSITIONS), st.booleans(), st.booleans())
def test_positions_of_the_innermost_axis(x, name, keepdims, mask_identity):
    options = {"axis": -1, "keepdims": keepdims, "mask_identity": mask_identity}
    if not has(x, "string", "bytes"):
        agree(lambda x: getattr(ragged, name)(x, **options), lambda x: getattr(ak, name)(x, **options), x)


@SETTINGS
@given(
    arrays(allow_nan=False, allow_record=False, allow_string=False, allow_bytestring=False),
    st.sampled_from(POSITIONS),
    st.integers(0, 3),
)
def test_positions_count_along_the_axis(x, name, axis):
    depth = x.ndim
    if axis >= depth or depth == 1:
        return
    result = getattr(ragged, name)(ragged.Array(x), axis=axis)
    wanted = places(x.to_list(), depth, axis, {"argmin": min, "argmax": max}[name])
    if not has(x, " * 0 *") and "unknown" not in str(x.type) and not _regular(x):
        assert result.to_list() == wanted


def _regular(x):
    """Whether any axis inside is fixed-size: its length shows even where no list is."""
    return any(part.strip().lstrip("?[").isdigit() for part in str(x.type).replace("option[", "").split("*")[1:])


@SETTINGS
@given(arrays(allow_nan=False, allow_record=False), st.sampled_from(["min", "max"]), st.integers(-2, 1), st.booleans())
def test_initial(x, name, axis, mask_identity):
    if has(x, "bool", "string", "bytes", "unknown"):
        return
    options = {"axis": axis, "initial": 3, "mask_identity": mask_identity}
    agree(lambda x: getattr(ragged, name)(x, **options), lambda x: getattr(ak, name)(x, **options), x)


@pytest.mark.parametrize("dtype", ["bool", "int8", "int32", "uint8", "uint64", "float32", "complex64", "complex128"])
@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("name", NAMES)
def test_dtypes(name, axis, dtype):
    x = ak.unflatten(np.array([1, 0, 1, 3, 2]).astype(dtype), [2, 0, 3])
    for mask_identity in (False, True):
        options = {"axis": axis, "mask_identity": mask_identity}
        assert_same(getattr(ragged, name)(x, **options), getattr(ak, name)(x, **options))


@pytest.mark.parametrize("name", ["min", "max", "any", "count", "argmin", "argmax"])
@pytest.mark.parametrize("dtype", ["datetime64[s]", "timedelta64[s]"])
def test_times(name, dtype):
    x = ak.unflatten(np.array([5, 3, 9]).astype(dtype), [2, 0, 1])
    for axis in (None, 0, 1):
        assert_same(getattr(ragged, name)(x, axis=axis), getattr(ak, name)(x, axis=axis))
    with pytest.raises(ragged.DTypeError):
        ragged.prod(x, axis=1)
    gaps = ak.unflatten(np.array([5, "NaT", 9, 4]).astype(dtype), [2, 0, 2])
    if name in ("min", "max"):
        assert np.isnat(ragged.to_numpy(getattr(ragged, name)(gaps, axis=0))).tolist() == [False, True]


def test_sum_of_times():
    durations = ak.unflatten(np.array([5, 3, 9]).astype("timedelta64[s]"), [2, 0, 1])
    assert_same(ragged.sum(durations, axis=1), ak.sum(durations, axis=1))
    with pytest.raises(ragged.DTypeError, match="dates"):
        ragged.sum(ak.Array(np.array(["2020", "2021"], "M8[s]")))
    with pytest.raises(ragged.DTypeError, match="dates"):
        ragged.sum([[np.datetime64("2020", "s")]], axis=1)


def test_durations_add_up_over_everything():
    durations = np.array([5, 3, 9], "m8[s]")
    for x in (durations, ragged.Array(durations), ragged.unflatten(durations, [2, 0, 1])):
        assert ragged.sum(x) == np.timedelta64(17, "s")


@pytest.mark.parametrize("name", NAMES)
def test_text_is_no_number(backend, name):
    for data in (["bc", "a"], [["bc", "a"], []], [b"bc"], [["a", None], None], [[]]):
        for axis in (None, 0, -1):
            x = ragged.Array(data) if data != [[]] else ragged.Array([["a"]])[:, 1:]
            if name == "count":
                plain = [[1, None], None] if data == [["a", None], None] else [[1, 1], []]
                plain = {"['bc', 'a']": [1, 1], "[b'bc']": [1], "[[]]": [[]]}.get(str(data), plain)
                assert_same(ragged.count(x, axis=axis), ragged.count(plain, axis=axis))
                continue
            with pytest.raises(ragged.DTypeError, match=f"{name} has no meaning for text"):
                getattr(ragged, name)(x, axis=axis)


def test_half_precision_which_awkward_lacks():
    x = ragged.unflatten(np.array([1, 2, 3], "float16"), [2, 0, 1])
    assert_same(ragged.sum(x, axis=1), ak.Array(np.array([3, 0, 3], "float16")))


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4), (0, 3), (2, 0), (1, 1)])
@pytest.mark.parametrize("name", NAMES)
def test_dense_in_dense_out(backend, name, shape):
    x = np.arange(np.prod(shape), dtype=np.float64).reshape(shape)
    for axis in range(-len(shape), len(shape)):
        result = getattr(ragged, name)(x, axis=axis, mask_identity=False)
        assert not isinstance(result, ragged.Array)
        assert_same(ragged.Array(result), getattr(ak, name)(x, axis=axis, mask_identity=False))


def test_full_reductions_are_the_frameworks_own_values(backend):
    x = ragged.Array(X)
    for name in ("sum", "max", "prod", "mean"):
        assert getattr(ragged, name)(x).shape == ()
    if backend == "numpy":
        assert type(ragged.sum(x)) is np.float64 and type(ragged.max(x)) is np.float64
        assert type(ragged.argmax(x)) is np.int64 and type(ragged.any(x)) is np.bool_
    assert ragged.max(ragged.Array([])) is None and ragged.argmin(ragged.Array([[], []])) is None


def test_nan_wins_as_in_numpy(backend):
    nan = float("nan")
    x = ragged.Array([[1.0, nan, 2.0], [], [nan], [3.0, 1.0]])
    for name in ("max", "min"):
        result = getattr(ragged, name)(x, axis=1).to_list()
        assert np.isnan(result[0]) and result[1] is None and np.isnan(result[2])
        assert result[3] == {"max": 3.0, "min": 1.0}[name]
        assert np.isnan(float(getattr(ragged, name)(x))) and np.isnan(getattr(ragged, name)(x, axis=0).to_list()[1])
    assert ragged.argmax(x, axis=1).to_list() == [1, None, 0, 0]
    assert ragged.argmin(x, axis=1).to_list() == [1, None, 0, 1]
    assert ragged.argmax(x, axis=0).to_list() == [2, 0, 0]


def test_positions_along_outer_axes_count_every_list(backend):
    # Awkward counts neither missing lists nor, where two levels are aligned, the lists that were too short
    assert ragged.argmax(ragged.Array([None, [1]]), axis=0).to_list() == [1]
    assert ragged.argmax(ragged.Array(DEEP), axis=0).to_list() == [[2, 2, 2], [0], [2]]
    assert ragged.argmax(ragged.Array(DEEP), axis=1).to_list() == [[1, 0], [], [0, 0, 0]]


def test_hidden_values_never_show(backend):
    hidden = ragged.Array([[1.0, 2.0], [3.0]]).mask[[True, False]]
    assert_same(ragged.sum(hidden, axis=1), ak.Array([3.0, None]))
    assert_same(ragged.sum(hidden, axis=0), ak.Array([1.0, 2.0]))
    assert float(ragged.sum(hidden)) == 3.0
    inner = ragged.Array([[1.0, float("nan")], [float("inf")]]).mask[[[True, False], [False]]]
    assert_same(ragged.max(inner, axis=1), ak.Array([1.0, None]))
    assert float(ragged.prod(inner)) == 1.0


def test_integers_stay_exact():
    big = 2**53
    x = ragged.Array([[big, 1], [big + 1], [1, 1, 1]])
    assert ragged.sum(x, axis=1).to_list() == [big + 1, big + 1, 3]
    assert ragged.sum(x, axis=0).to_list() == [2 * big + 2, 2, 1]
    odd = 2**50 + 1
    many = ragged.Array(ak.unflatten(np.full(6000, odd), np.full(3000, 2)))
    assert ragged.sum(many, axis=1)[7] == 2 * odd
    assert ragged.sum(many, axis=0).to_list() == [3000 * odd] * 2


@pytest.mark.parametrize(
    "lengths",
    [
        np.full(3000, 3),
        np.tile([0, 1, 5, 2], 1500),
        np.array([6000, *[1] * 900, 0, 0]),
        np.full(90, 50),
        np.ones(5000, int),
    ],
    ids=["even", "short", "uneven", "long", "single"],
)
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "int8", "uint64", "bool", "complex128"])
def test_long_arrays_take_other_passes_to_the_same_values(lengths, dtype):
    rng = np.random.default_rng(7)
    values = rng.integers(0, 2 if dtype == "bool" else 50, lengths.sum()).astype(dtype)
    x = ak.unflatten(values, lengths)
    for name in NAMES:
        if dtype == "complex128" and name in POSITIONS:
            continue
        for axis in (0, 1):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                theirs = getattr(ak, name)(x, axis=axis)
            if name == "prod" and dtype in ("float64", "float32", "complex128"):
                assert_same(ragged.prod(x, axis=axis), theirs, 1e-5)
            else:
                assert_same(getattr(ragged, name)(x, axis=axis), theirs)


@pytest.mark.parametrize("dtype", ["float64", "float32", "complex64"])
def test_sums_are_accurate(dtype):
    values = (np.random.default_rng(3).random(30000) * 1000).astype(dtype)
    exact = values.astype("complex128").reshape(10000, 3)
    x = ragged.Array(ak.unflatten(values, np.full(10000, 3)))
    rtol = 1e-13 if dtype == "float64" else 2e-7
    np.testing.assert_allclose(ragged.to_numpy(ragged.sum(x, axis=0)), exact.sum(axis=0), rtol=rtol)
    np.testing.assert_allclose(ragged.to_numpy(ragged.sum(x, axis=1)), exact.sum(axis=1), rtol=rtol)
    np.testing.assert_allclose(ragged.sum(x), exact.sum(), rtol=rtol)


@pytest.mark.parametrize("name", NAMES)
def test_errors(name):
    reduce = getattr(ragged, name)
    with pytest.raises(ragged.AxisError, match=f"{name}: axis=2 exceeds the depth of this array, which is 2"):
        reduce(X, axis=2)
    with pytest.raises(ragged.AxisError, match="axis=-3"):
        reduce(X, axis=-3)
    with pytest.raises(ragged.AxisError, match="neither an integer nor None"):
        reduce(X, axis=True)
    with pytest.raises(ragged.DTypeError, match=r"records \(fields \['x'\]\)"):
        reduce([{"x": 1}], axis=0)
    with pytest.raises(ragged.DTypeError):
        reduce(3.0, axis=0)


def test_initial_must_fit_the_dtype():
    assert ragged.max([[1, 2], []], axis=1, initial=2, mask_identity=False).to_list() == [2, 2]
    for initial in (1.5, float("inf"), float("nan")):
        with pytest.raises(ragged.DTypeError, match="initial="):
            ragged.max([[1, 2], []], axis=1, initial=initial)


def test_numpy_functions(backend):
    x = ragged.Array(X)
    assert_same(np.sum(x, axis=1), ak.Array([6.0, 0.0, 9.0]))
    assert_same(np.max(x, axis=1), ak.Array([3.0, None, 5.0]))
    assert float(np.sum(x)) == 15.0 and np.argmax(x, axis=1).to_list() == [2, None, 1]
