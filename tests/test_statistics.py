"""mean, var, std, ptp, softmax, logsumexp."""

from __future__ import annotations

import inspect
import math
import re
import warnings

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ragged
from agreement import assert_same
from layouts import SETTINGS, agree, arrays, has

X = [[1.0, 2.0, 4.0], [], [5.0], [3.0, 3.0]]
MISSING = [[1.0, None, 4.0], None, [], [5.0], [None]]
DEEP = [[[1, 2], [3]], [], [[4, 6, 5], []]]
AXES = st.none() | st.integers(-3, 2)
INTEGERS = st.sampled_from([np.dtype(name) for name in ("bool", "int8", "uint8", "int16")])


def numbers(**options):
    """Arrays of small integers: every mean of them is exact enough to compare, in whatever order it is summed."""
    return arrays(dtypes=INTEGERS, allow_record=False, allow_string=False, allow_bytestring=False, **options)


def sizeless(x):
    """Whether a fixed size is 0: Awkward's statistics fail there."""
    return re.search(r"(?<!\d)0 \* ", str(x.type).partition(" * ")[2]) is not None


def quiet(function):
    """The function without NumPy's warnings, which Awkward passes on."""

    def call(*args):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function(*args)

    return call


@pytest.mark.parametrize("name", ["mean", "var", "std", "ptp", "softmax"])
def test_signatures_are_awkwards(name):
    ours, theirs = (inspect.signature(getattr(module, name)).parameters for module in (ragged, ak))
    assert [(p.name, p.kind, p.default) for p in ours.values()] == [
        (p.name, p.kind, p.default) for p in theirs.values() if p.name != "highlevel"
    ]


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("options", [{}, {"keepdims": True}, {"mask_identity": True}], ids=["plain", "keep", "mask"])
@pytest.mark.parametrize("name", ["mean", "var", "std", "ptp"])
def test_examples_on_every_backend(backend, name, axis, options):
    for data in (X, MISSING, DEEP):
        ours = getattr(ragged, name)(ragged.Array(data), axis=axis, **options)
        assert_same(ours, getattr(ak, name)(ak.Array(data), axis=axis, **options))


@SETTINGS
@given(numbers(), st.sampled_from(["mean", "var", "std", "ptp"]), AXES, st.booleans(), st.booleans())
def test_statistics(x, name, axis, keepdims, mask_identity):
    if sizeless(x) or (name == "ptp" and has(x, "bool")):
        return
    options = {"axis": axis, "keepdims": keepdims, "mask_identity": mask_identity}
    agree(lambda x: getattr(ragged, name)(x, **options), quiet(lambda x: getattr(ak, name)(x, **options)), x)


@SETTINGS
@given(numbers(), st.integers(0, 3), AXES)
def test_degrees_of_freedom(x, ddof, axis):
    if sizeless(x):
        return
    agree(lambda x: ragged.var(x, ddof=ddof, axis=axis), quiet(lambda x: ak.var(x, ddof=ddof, axis=axis)), x)


def test_an_empty_list_has_no_variance_for_any_degrees_of_freedom(backend):
    x = ragged.Array([[0.5], [], [1.0, 2.0]])
    np.testing.assert_equal(ragged.var(x, axis=1, ddof=1).to_list(), [np.nan, np.nan, 0.5])
    np.testing.assert_equal(np.abs(ragged.var(x, axis=1, ddof=3).to_list()), [0.0, np.nan, 0.5])


@SETTINGS
@given(numbers(), st.sampled_from(["mean", "var", "std"]), AXES, st.booleans())
def test_weights(x, name, axis, keepdims):
    """Weights that differ from value to value, with the array's own structure."""
    if sizeless(x):
        return
    weight = ak.values_astype(x, np.float64) % 3 + 1
    ours = lambda x: getattr(ragged, name)(x, ragged.Array(weight), axis=axis, keepdims=keepdims)  # noqa: E731
    agree(ours, quiet(lambda x: getattr(ak, name)(x, weight, axis=axis, keepdims=keepdims)), x)


def test_weights_broadcast(backend):
    weights = ragged.Array([1.0, 2.0, 0.5, 3.0])
    assert_same(ragged.mean(ragged.Array(X), weights, axis=1), ak.mean(ak.Array(X), [1.0, 2.0, 0.5, 3.0], axis=1))
    assert float(ragged.mean(ragged.Array(X), weights)) == pytest.approx((7 + 2.5 + 18) / (3 + 0.5 + 6))
    assert_same(ragged.mean(ragged.Array(X), 2.0, axis=1), ragged.mean(ragged.Array(X), axis=1))
    assert math.isnan(ragged.mean(ragged.Array([[1.0, 2.0]]), [[0.0, 0.0]], axis=1).to_list()[0])


def test_missing_weights_take_their_values_away(backend):
    x, weight = ragged.Array([[1.0, 2.0, 9.0], [4.0]]), ragged.Array([[1.0, 3.0, None], [None]])
    assert_same(ragged.mean(x, weight, axis=1, mask_identity=True), ak.Array([1.75, None]))


@SETTINGS
@given(numbers(), st.integers(-2, 2), st.booleans())
def test_softmax(x, axis, mask_identity):
    if has(x, "unknown", "bool", "int8") or sizeless(x):  # Awkward takes exp of small integers in half precision
        return
    options = {"axis": axis, "keepdims": True, "mask_identity": mask_identity}
    agree(lambda x: ragged.softmax(x / 1000, **options), quiet(lambda x: ak.softmax(x / 1000, **options)), x)


def test_softmax_examples(backend):
    for data in (X, MISSING, [1.0, 2.0], [[[0.0, 1.0], []], []]):
        assert_same(ragged.softmax(ragged.Array(data)), ak.softmax(ak.Array(data)))
    assert_same(ragged.softmax(ragged.Array(X), mask_identity=True), ak.softmax(ak.Array(X), mask_identity=True))
    assert_same(ragged.softmax(ragged.Array([[1000.0, 1000.0], []])), ak.Array([[0.5, 0.5], []]))
    dense = ragged.softmax(np.array([[0.0, 0.0], [1.0, 1.0]]))
    assert np.asarray(dense).tolist() == [[0.5, 0.5], [0.5, 0.5]]


def test_softmax_keeps_single_precision():
    x = ragged.Array(ak.unflatten(np.array([1, 2, 3], "float32"), [2, 0, 1]))
    assert ragged.softmax(x).typestr == "3 * var * float32"


def test_softmax_errors():
    with pytest.raises(ragged.AxisError, match="needs an axis"):
        ragged.softmax(X, axis=None)
    with pytest.raises(ragged.UnsupportedError, match="axis=0"):
        ragged.softmax(X, axis=0)
    with pytest.raises(ragged.AxisError, match="axis=2 exceeds"):
        ragged.softmax(X, axis=2)
    with pytest.raises(ragged.DTypeError, match="text"):
        ragged.softmax([["a"]])
    with pytest.raises(ragged.DTypeError, match="records"):
        ragged.softmax([{"x": 1.0}])


def test_logsumexp(backend):
    x = ragged.Array(MISSING)
    want = [math.log(math.e + math.e**4), None, None, 5.0, None]
    assert_same(ragged.logsumexp(x, axis=1), ak.Array(want), 1e-14)
    assert ragged.logsumexp(x, axis=1, mask_identity=False).to_list()[2:] == [-math.inf, 5.0, -math.inf]
    assert float(ragged.logsumexp(x)) == pytest.approx(math.log(math.e + math.e**4 + math.e**5), rel=1e-14)
    assert ragged.logsumexp(ragged.Array([[1.0], [1.0, 0.0]]), axis=0, keepdims=True).typestr == "1 * var * ?float64"
    big = ragged.Array([[1000.0, 1000.0], [-1000.0], [-math.inf, -math.inf], [math.inf, 0.0]])
    assert ragged.logsumexp(big, axis=1).to_list() == [1000.0 + math.log(2), -1000.0, -math.inf, math.inf]
    assert ragged.logsumexp(ragged.Array([])) is None


def test_a_large_mean_costs_no_digits(backend):
    x = ragged.Array([[1e9, 1e9 + 1, 1e9 + 2], [], [1e9]])
    assert_same(ragged.var(x, axis=1), ak.Array([2 / 3, math.nan, 0.0]), 1e-12)
    assert_same(ragged.var(ragged.Array([[1e9], [1e9 + 2]]), axis=0), ak.Array([1.0]), 1e-12)


def test_complex_variance_is_real(backend):
    x = [[1 + 2j, 2.0], [], [3j]]
    assert_same(ragged.var(ragged.Array(x), axis=1), ak.var(ak.Array(x), axis=1))
    assert_same(ragged.mean(ragged.Array(x), axis=1), ak.mean(ak.Array(x), axis=1))


def test_integers_do_not_overflow():
    x = ragged.Array(ak.unflatten(np.array([120, 120, -120], "int8"), [2, 1]))
    assert ragged.mean(x, axis=1).to_list() == [120.0, -120.0]
    assert ragged.var(x, axis=1).to_list() == [0.0, 0.0]
    assert ragged.mean(ragged.Array([[2**62, 2**62, 2**62]]), axis=1).to_list() == [2.0**62]


def test_outer_axes_of_ragged_arrays_are_centred_too():
    # Awkward falls back on E[x**2] - E[x]**2 there, which is 0 or negative for these
    x = [[1e9, 5.0], [1e9 + 1], [1e9 + 2]]
    assert_same(ragged.var(ragged.Array(x), axis=0), ak.Array([2 / 3, 0.0]))


@pytest.mark.parametrize("name", ["mean", "var", "std", "ptp", "logsumexp"])
def test_errors(name):
    function = getattr(ragged, name)
    with pytest.raises(ragged.AxisError, match=f"{name}: axis=2 exceeds"):
        function(X, axis=2)
    with pytest.raises(ragged.DTypeError, match="records"):
        function([{"x": 1.0}], axis=0)
    with pytest.raises(ragged.DTypeError, match=f"{name} has no meaning for text"):
        function([["a", "b"]], axis=1)


def test_times_and_booleans_that_have_no_such_statistic():
    with pytest.raises(ragged.DTypeError, match="timedelta64"):
        ragged.mean(np.array([1, 2], "m8[s]"))
    with pytest.raises(ragged.DTypeError, match="booleans"):
        ragged.ptp([[True, False]], axis=1)
    with pytest.raises(ragged.StructureError, match="row"):
        ragged.mean([[1.0, 2.0], [3.0]], [[1.0], [1.0, 2.0]], axis=1)


def test_the_spread_of_dates_is_a_duration():
    dates = np.array(["2020-01-01", "2020-01-05", "NaT"], "M8[D]")
    x = ragged.unflatten(dates, [2, 0, 1])
    assert_same(ragged.ptp(x, axis=1), ak.ptp(ak.unflatten(dates, [2, 0, 1]), axis=1))
    filled = ragged.ptp(x, axis=1, mask_identity=False)
    assert filled.typestr == "3 * timedelta64[D]" and filled.layout.data[:2].astype(int).tolist() == [4, 0]
    assert ragged.ptp(dates[:2]) == np.timedelta64(4, "D")
    assert ragged.ptp(dates.astype("M8[7D]")[:2]).dtype == np.dtype("m8[7D]")


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("name", ["mean", "var", "std"])
def test_a_single_value_has_no_axis(name, axis):
    for value in (np.float64(1.0), 1.0, np.asarray(1.0)):
        with pytest.raises(ragged.AxisError, match=f"{name}: a single value has no axis={axis}"):
            getattr(ragged, name)(value, weight=2.0, axis=axis)


def test_slopes_where_nothing_varies(backend):
    x = ragged.Array([[2.0, 2.0], [], [1.0], [1.0, 3.0]])
    gradient = ragged.grad(lambda x: ragged.sum(ragged.fill_none(ragged.std(x, axis=1, mask_identity=True), 0.0)))(x)
    assert_same(gradient, ak.Array([[0.0, 0.0], [], [0.0], [-0.5, 0.5]]))
    for f in (ragged.mean, ragged.var):
        spread = ragged.grad(lambda x, f=f: ragged.nan_to_num(f(x, axis=1))[0] + ragged.nan_to_num(f(x, axis=1))[1])(x)
        assert not np.isnan(ragged.to_numpy(ragged.flatten(spread))).any()


def test_numpy_functions(backend):
    x = ragged.Array(X)
    assert_same(np.mean(x, axis=1), ragged.mean(x, axis=1))
    assert_same(np.var(x, axis=1, ddof=1), ragged.var(x, axis=1, ddof=1))
    for name in ("mean", "std", "var", "ptp", "amax"):  # the second argument is the axis
        assert_same(getattr(np, name)(x, 1), getattr(ragged, name.replace("amax", "max"))(x, axis=1))


def test_softmax_of_columns(backend):
    content = np.random.default_rng(0).normal(size=(6, 2, 2))
    lengths = [3, 0, 1, 2]
    x = ragged.from_lengths(content, lengths)
    shares = ragged.softmax(x, axis=1)
    assert shares.type == x.type
    by_column = [ragged.softmax(ragged.from_lengths(content[:, i, j], lengths), axis=1) for i in (0, 1) for j in (0, 1)]
    for k, expected in enumerate(by_column):
        assert_same(shares[:, :, k // 2, k % 2], expected)
    assert_same(ragged.softmax(x, axis=1, mask_identity=True)[1], None)
    assert_same(ragged.softmax(content[:, 0], axis=0), ragged.softmax(content[:, 0].T, axis=1).T)
    weights = ragged.from_lengths(np.cos(content), lengths)
    ragged.check_grads(lambda x: ragged.sum(ragged.softmax(x, axis=1) * weights), x)
    with pytest.raises(ragged.UnsupportedError, match="dense entries"):
        ragged.softmax([[[1.0], [2.0, 3.0]]], axis=1)


def test_softmax_of_columns_where_entries_are_missing(backend):
    x = ragged.to_regular(ragged.Array([[[1.0, 2.0], [5.0, 6.0], [1.0, 3.0]], [[3.0, 4.0]]]), axis=2)
    present = ragged.mask(x, ragged.Array([[True, False, True], [True]]))
    shares = ragged.softmax(present, axis=1)
    assert shares.type == present.type
    assert_same(ragged.drop_none(shares, axis=1)[0], ragged.softmax(x[0][[0, 2]], axis=0))
    assert ragged.is_none(shares, axis=1).to_list() == [[False, True, False], [False]]
    assert shares[1, 0].to_list() == [1.0, 1.0]
    ragged.check_grads(lambda x: ragged.sum(ragged.softmax(x, axis=1) ** 2), present)


@pytest.mark.parametrize("name", ["mean", "var", "std"])
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "complex128"])
def test_moments_of_vectors_and_matrices(backend, name, dtype):
    """Elements with trailing axes are taken whole, as NumPy takes those of each list; complex ones are not."""
    content = np.random.default_rng(0).integers(-9, 9, (9, 3, 2)).astype(dtype)
    if dtype == "complex128":
        content = content * (1.0 + 2.0j)
    x = ragged.from_lengths(content, [4, 0, 1, 4])
    found = getattr(ragged, name)(x.to_backend(backend), axis=1)
    of_lists = [getattr(np, name)(part, axis=0) for part in np.split(content, [4, 5])]
    expected = np.stack([of_lists[0], np.full((3, 2), np.nan), *of_lists[1:]])
    assert found.typestr == f"4 * 3 * 2 * {expected.dtype if name == 'mean' and dtype[0] == 'c' else 'float64'}"
    np.testing.assert_allclose(ragged.to_numpy(found), expected, rtol=1e-6 if dtype == "float32" else 1e-12)
    slices = getattr(ragged, name)(x.to_backend(backend), axis=0, keepdims=True)
    assert slices.typestr.startswith("1 * var * 3 * 2 *")
    if dtype == "float64":
        full = x[[0, 3]].to_backend(backend)
        ragged.check_grads(lambda y: ragged.sum(getattr(ragged, name)(y, axis=1) ** 3), full)
