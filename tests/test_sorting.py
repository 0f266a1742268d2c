"""sort and argsort."""

from __future__ import annotations

import inspect

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ragged
from agreement import assert_same, outcome
from layouts import SETTINGS, arrays

X = [[3.0, 1.0, 2.0], [], [5.0, 4.0, 5.0], [0.0]]
MISSING = [[3, None, 1], None, [], [None, 2]]
DEEP = [[[1, 2], [3]], [[0], [], [5, 6]], []]
TEXT = [["b", "a", "", "ab"], [], ["abcdefghij", "abcdefgh", "abcdefghi", "é", "abcdefgh\x00"]]
DEPTH = st.integers(0, 3)


def key(value):
    """Numbers, booleans and text by their value; in Python's own order of bytes for text."""
    return value.encode() if isinstance(value, str) else value


def in_order(data, depth, axis, ascending, positions):
    """What sort and argsort mean, in plain Python: columns of lists keep their slots, missing entries go last."""
    if data is None:
        return None
    if axis > 0:
        return [in_order(each, depth - 1, axis - 1, ascending, positions) for each in data]

    def ordered(entries, depth):
        there = [entry for entry in entries if entry[1] is not None]
        if depth:
            longest = max((len(value) for _, value in there), default=0)
            columns = [ordered([(p, v[k]) for p, v in there if k < len(v)], depth - 1) for k in range(longest)]
            cursors = [iter(column) for column in columns]
            lists = [[next(cursors[k]) for k in range(len(value))] for _, value in there]
            return lists + [None] * (len(entries) - len(there))
        # Python's sort is stable, and stays so in reverse
        there.sort(key=lambda entry: key(entry[1]), reverse=not ascending)
        gone = [entry for entry in entries if entry[1] is None]
        return [entry[0] if positions else entry[1] for entry in there + gone]

    return ordered(list(enumerate(data)), depth - 1)


@pytest.mark.parametrize("name", ["sort", "argsort"])
def test_signatures_are_awkwards(name):
    ours, theirs = (inspect.signature(getattr(module, name)).parameters for module in (ragged, ak))
    assert [(p.name, p.kind, p.default) for p in ours.values()] == [
        (p.name, p.kind, p.default) for p in theirs.values() if p.name != "highlevel"
    ]


@pytest.mark.parametrize("ascending", [True, False])
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("name", ["sort", "argsort"])
@pytest.mark.parametrize("data", [X, MISSING, DEEP, TEXT], ids=["numbers", "missing", "deep", "text"])
def test_examples_on_every_backend(backend, data, name, axis, ascending):
    options = {"axis": axis, "ascending": ascending}
    result = getattr(ragged, name)(ragged.Array(data), **options)
    if name == "argsort" and axis == 0 and data is not X:  # Awkward counts neither missing lists nor ones too short
        assert result.to_list() == in_order(data, ak.Array(data).ndim, axis, ascending, True)
    else:
        assert_same(result, getattr(ak, name)(ak.Array(data), **options))


@SETTINGS
@given(arrays(allow_nan=False, allow_record=False, allow_bytestring=False), DEPTH, st.booleans(), st.booleans())
def test_order(x, axis, ascending, positions):
    if axis >= x.ndim:
        return
    name = "argsort" if positions else "sort"
    result = getattr(ragged, name)(ragged.Array(x), axis=axis, ascending=ascending)
    assert result.to_list() == in_order(x.to_list(), x.ndim, axis, ascending, positions)
    if not positions:
        assert str(result.type) == str(x.type)


@SETTINGS
@given(arrays(allow_nan=False, allow_regular=False, allow_numpy=False), st.integers(-3, 3), st.booleans())
def test_sort_raises_where_awkward_does(x, axis, ascending):
    _, wanted = outcome(lambda: ak.sort(x, axis=axis, ascending=ascending))
    _, error = outcome(lambda: ragged.sort(ragged.Array(x), axis=axis, ascending=ascending))
    if isinstance(wanted, ValueError):
        assert isinstance(error, ragged.AxisError)
    elif wanted is None:
        assert error is None


def test_argsort_picks_what_sort_gives(backend):
    x = ragged.Array(X)
    assert_same(x[ragged.argsort(x)], ragged.sort(x))
    assert_same(x[ragged.argsort(x, ascending=False)], ragged.sort(x, ascending=False))


def test_ties_keep_their_order_in_both_directions(backend):
    x = ragged.Array([[2, 1, 2, 1], [0, 0]])
    assert ragged.argsort(x).to_list() == [[1, 3, 0, 2], [0, 1]]
    assert ragged.argsort(x, ascending=False).to_list() == [[0, 2, 1, 3], [0, 1]]


def test_nan_is_the_largest_as_in_numpy(backend):
    nan = float("nan")
    x = ragged.Array([[nan, 1.0, 2.0], [nan], []])
    assert_same(ragged.sort(x), ak.Array([[1.0, 2.0, nan], [nan], []]))
    assert_same(ragged.sort(x, ascending=False), ak.Array([[nan, 2.0, 1.0], [nan], []]))
    assert ragged.argsort(x).to_list() == [[1, 2, 0], [0], []]


def test_dense_and_regular_arrays_stay_so(backend):
    # Awkward gives `2 * var * float64`
    x = np.array([[3.0, 1.0], [2.0, 4.0]])
    assert np.asarray(ragged.sort(x)).tolist() == [[1.0, 3.0], [2.0, 4.0]]
    assert np.asarray(ragged.sort(x, axis=0)).tolist() == [[2.0, 1.0], [3.0, 4.0]]
    assert ragged.sort(ragged.Array(x)).typestr == "2 * 2 * float64"
    assert ragged.argsort(ragged.Array(x), axis=0).typestr == "2 * 2 * int64"


def test_missing_values_last_by_position():
    # Awkward's argsort of text with missing values repeats positions
    x = ragged.Array(["b", "a", None, "ab"])
    assert ragged.sort(x).to_list() == ["a", "ab", "b", None]
    assert ragged.argsort(x).to_list() == [1, 3, 0, 2]
    deep = ragged.Array([[[2, None], None, [1]], None])
    assert ragged.sort(deep).to_list() == [[[2, None], None, [1]], None]


def test_lists_behind_missing_values_do_not_take_part():
    hidden = ragged.Array([[2, 1], [9, 8], [0, 5]]).mask[[True, False, True]]
    assert ragged.sort(hidden, axis=0).to_list() == [[0, 1], [2, 5], None]
    assert ragged.argsort(hidden, axis=0).to_list() == [[2, 0], [0, 2], None]


def test_records_field_by_field():
    x = ragged.Array([[{"a": 2, "b": 1.0}, {"a": 1, "b": 3.0}]])
    assert_same(ragged.sort(x), ak.sort(ak.Array([[{"a": 2, "b": 1.0}, {"a": 1, "b": 3.0}]])))
    with pytest.raises(ragged.DTypeError, match="records"):
        ragged.argsort(x)


def test_complex_numbers_and_times():
    x = ragged.Array([[1 + 2j, 1 + 1j, 0j], []])
    assert ragged.sort(x).to_list() == [[0j, 1 + 1j, 1 + 2j], []]
    times = ragged.unflatten(np.array([3, 1, 2], "M8[s]"), [2, 1])
    assert ragged.argsort(times).to_list() == [[1, 0], [0]]


@pytest.mark.parametrize("ascending", [True, False])
@pytest.mark.parametrize(
    "lengths",
    [np.full(2500, 2), np.tile([0, 3, 1, 7], 600), np.array([5000, 4, 4, 0]), np.arange(110)],
    ids=["even", "short", "uneven", "all different"],
)
@pytest.mark.parametrize("dtype", ["float64", "int8", "bool", "complex128"])
def test_long_arrays_take_other_passes_to_the_same_order(lengths, dtype, ascending):
    values = np.random.default_rng(5).integers(0, 9, lengths.sum()).astype(dtype)
    x = ak.unflatten(values, lengths)
    result = ragged.argsort(ragged.Array(x), ascending=ascending)
    ids = np.repeat(np.arange(len(lengths)), lengths)
    rank = np.unique(values, return_inverse=True)[1]
    order = np.lexsort((rank if ascending else -rank, ids))
    assert (
        ragged.to_numpy(ragged.flatten(result)).tolist()
        == (order - np.repeat(np.cumsum(lengths) - lengths, lengths)).tolist()
    )


def test_long_text():
    words = ["x" * 300 + tail for tail in ("b", "a", "", "ab", "a" * 20)]
    assert ragged.argsort(ragged.Array(words)).to_list() == [2, 1, 4, 3, 0]


def test_errors():
    with pytest.raises(ragged.AxisError, match="sort needs an axis"):
        ragged.sort(X, axis=None)
    with pytest.raises(ragged.AxisError, match="axis=2 exceeds the depth of this array, which is 2"):
        ragged.argsort(X, axis=2)
    with pytest.raises(ragged.AxisError, match="neither"):
        ragged.sort(X, axis=1.5)


def test_sorting_is_a_constant_permutation(backend):
    x = ragged.Array([[3.0, 1.0, 2.0], [], [1.0, 1.0], [4.0, None]])
    gradient = ragged.grad(lambda x: ragged.sum(ragged.sort(x) * ragged.local_index(x)))(x)
    assert_same(gradient, ak.Array([[2.0, 0.0, 1.0], [], [0.0, 1.0], [0.0, None]]))


def test_numpy_functions(backend):
    assert_same(np.sort(ragged.Array(X), axis=1), ragged.sort(X, axis=1))
    assert_same(np.argsort(ragged.Array(X), axis=1), ragged.argsort(X, axis=1))


RECORDS = [
    [[{"x": 0, "y": [1.0]}], [{"x": 1, "y": [2.0, 3.0, 3.0]}, {"x": 0, "y": [1.0, 0.0, 0.0]}]],
    [{"x": 2, "y": [2.0, 1.0]}, {"x": 1, "y": [5.0, 4.0]}],
    [[{"x": 3, "y": [[2.0, 1.0]]}, {"x": 1, "y": [[2.0, 1.0], []]}], [], [{"x": 0, "y": []}]],
    [{"x": 2, "r": {"p": [2, 1], "q": 7}}, {"x": 1, "r": {"p": [], "q": 6}}],
    [[{"x": 2, "y": ["b", "a"]}, {"x": 1, "y": ["c"]}], None],
]


@pytest.mark.parametrize("data", RECORDS)
@pytest.mark.parametrize("ascending", [True, False])
def test_records_count_the_innermost_axis_in_each_field(data, ascending):
    options = {"axis": -1, "ascending": ascending}
    assert_same(ragged.sort(ragged.Array(data), **options), ak.sort(ak.Array(data), **options))


@pytest.mark.parametrize("data", RECORDS)
@pytest.mark.parametrize("axis", [-1, -2])
def test_records_are_sorted_as_their_fields_are(data, axis):
    x = ragged.Array(data)
    try:
        result = ragged.sort(x, axis)
    except ragged.AxisError:  # a field without that axis, or one that would move missing records
        assert axis == -2 and data in (RECORDS[1], RECORDS[3], RECORDS[4])
        return
    for field in x.fields:
        assert_same(result[field], ragged.sort(x[field], axis))


def test_records_of_regular_lists_count_a_negative_axis_in_each_field(backend):
    x, y = np.array([[2, 1], [4, 3]]), np.array([[[2, 1], [1, 2]], [[0, 9], [9, 0]]])
    result = ragged.sort(ragged.zip({"x": x, "y": y}, depth_limit=2), axis=-1)
    assert result["x"].to_list() == [[1, 2], [3, 4]]
    assert result["y"].to_list() == [[[1, 2], [1, 2]], [[0, 9], [0, 9]]]


def test_an_axis_that_only_one_field_has():
    with pytest.raises(ragged.AxisError, match="field 'x'"):
        ragged.sort([{"x": 2, "y": [2.0, 1.0]}], axis=1)
    with pytest.raises(ragged.AxisError, match="field by field"):
        ragged.sort([{"x": 2, "y": [2.0, 1.0]}, None], axis=-1)
    with pytest.raises(ragged.DTypeError, match="records"):
        ragged.argsort([[{"x": 2, "y": [2.0, 1.0]}]], axis=-1)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("dtype", ["f8", "f4", "i8", "u1", "?"])
@pytest.mark.parametrize("lengths", ["short", "equal", "of every length"])
def test_values_are_sorted_as_positions_are(backend, lengths, dtype, descending):
    random = np.random.default_rng(5)
    chosen = {"short": random.poisson(5, 2000), "equal": np.full(1000, 7), "of every length": np.arange(200)}[lengths]
    x = random.integers(0, 5, chosen.sum()).astype(dtype)
    if dtype[0] == "f":
        x = np.where(random.random(x.size) < 0.2, -x, x)  # zeros of both signs, which are equal and keep their order
        x[random.random(x.size) < 0.05] = np.nan
    array = ragged.unflatten(ragged.Array(x), chosen)
    order = ragged.flatten(ragged.argsort(array, ascending=not descending)).to_numpy()
    expected = x[order + np.repeat(np.cumsum(chosen) - chosen, chosen)]
    found = ragged.flatten(ragged.sort(array, ascending=not descending)).to_numpy()
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found.view(f"u{found.itemsize}"), expected.view(f"u{found.itemsize}"))


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("f", [ragged.sort, ragged.argsort], ids=["sort", "argsort"])
def test_missing_values_while_jax_traces(f, axis):
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    with ragged.use("jax", precision="float64"):
        x = ragged.Array([[1.5, None, 0.7], [], [None, 0.4], [2.5]])
        assert jax.jit(lambda x: f(x, axis=axis))(x).to_list() == f(x, axis=axis).to_list()
