"""num, flatten, ravel, unflatten, local_index."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import ragged
from agreement import assert_same
from layouts import AXES, SETTINGS, agree, arrays, has

X = [[1.0, 2.0, 3.0], [], [4.0, 5.0]]
DEEP = [[[1, 2], []], [], [[3]], [[], [4, 5, 6]]]
MISSING = [[1, None], None, [3, 4]]


@pytest.mark.parametrize("data", [X, MISSING, [["one", "two"], []], DEEP], ids=["x", "missing", "text", "deep"])
@pytest.mark.parametrize("name", ["num", "flatten", "local_index"])
def test_agrees_with_awkward(backend, name, data):
    assert_same(getattr(ragged, name)(ragged.Array(data), axis=1), getattr(ak, name)(ak.Array(data), axis=1))


@SETTINGS
@given(arrays(), AXES)
def test_num(x, axis):
    agree(lambda x: ragged.num(x, axis), lambda x: ak.num(x, axis), x)


@SETTINGS
@given(arrays(), AXES)
def test_local_index(x, axis):
    agree(lambda x: ragged.local_index(x, axis), lambda x: ak.local_index(x, axis), x)


@SETTINGS
@given(arrays(allow_record=False), st.none() | AXES)
def test_flatten(x, axis):
    # where there are no values to have a type, Awkward's answer depends on the layout
    assume(not has(x, "unknown"))
    agree(lambda x: ragged.flatten(x, axis), lambda x: ak.flatten(x, axis), x)


@SETTINGS
@given(arrays(allow_string=False, allow_bytestring=False))
def test_ravel(x):
    agree(ragged.ravel, ak.ravel, x)


def test_flatten_removes_one_level(backend):
    deep = ragged.Array(DEEP)
    assert ragged.flatten(deep, axis=1).to_list() == [[1, 2], [], [3], [], [4, 5, 6]]
    assert ragged.flatten(deep, axis=2).to_list() == [[1, 2], [], [3], [4, 5, 6]]
    assert ragged.flatten(deep, axis=-1).to_list() == [[1, 2], [], [3], [4, 5, 6]]
    assert ragged.flatten(deep, axis=None).to_list() == [1, 2, 3, 4, 5, 6]


def test_flatten_drops_missing_lists_and_what_they_hide():
    hidden = ragged.Array([[1, 2], [3], [4, 5]]).mask[[True, False, True]]
    assert ragged.flatten(hidden).to_list() == [1, 2, 4, 5]
    deep = ragged.Array([[[1, 2], [3]], [[4]]]).mask[[[True, False], [True]]]
    assert_same(ragged.flatten(deep, axis=2), ak.Array([[1, 2], [4]]))
    assert ragged.flatten(ragged.Array([1, None, 3]), axis=0).to_list() == [1, 3]
    assert ragged.ravel(ragged.Array(MISSING)).to_list() == [1, None, 3, 4]
    assert ragged.flatten(ragged.Array(MISSING), axis=None).to_list() == [1, 3, 4]


def test_flatten_below_records():
    """Awkward reads beyond its buffers here, or forgets the record's name."""
    x = ragged.Array([[{"a": [[1], [2, 3]]}], [], [{"a": []}]])
    assert_same(ragged.flatten(x, axis=3), ak.Array([[{"a": [1, 2, 3]}], [], [{"a": []}]]))
    mixed = ragged.Array([{"a": [1], "b": [[2]]}])
    with pytest.raises(ragged.AxisError, match="fields of records"):
        ragged.flatten(mixed, axis=-1)
    with pytest.raises(ragged.StructureError, match="would join records"):
        ragged.flatten(mixed, axis=1)


def test_flatten_of_fields_with_different_types_is_refused():
    with pytest.raises(ragged.UnsupportedError, match="string and int64"):
        ragged.flatten(ragged.Array([{"a": "text", "b": 1}]), axis=None)
    assert_same(ragged.ravel(ragged.Array([{"a": 1, "b": 2.5}, {"a": 2, "b": 3.5}])), ak.Array([1.0, 2.0, 2.5, 3.5]))


def test_text_is_not_flattened():
    with pytest.raises(ragged.StructureError, match="text"):
        ragged.flatten(ragged.Array(["one", "two"]))


def test_dense_in_dense_out():
    x = np.arange(24.0).reshape(2, 3, 4)
    assert isinstance(ragged.flatten(x), np.ndarray)
    assert ragged.flatten(x).shape == (6, 4)
    assert ragged.ravel(x).tolist() == list(range(24))
    assert ragged.num(x, axis=2).tolist() == [[4] * 3] * 2
    assert ragged.num(x, axis=0) == 2
    assert str(ragged.Array(ragged.flatten(x, axis=2)).type) == "2 * var * float64"


def test_no_such_axis():
    for function in (ragged.num, ragged.flatten, ragged.local_index):
        with pytest.raises(ragged.AxisError, match="axis=5"):
            function(ragged.Array(X), axis=5)
        with pytest.raises(ragged.AxisError, match="axis=-4"):
            function(ragged.Array(X), axis=-4)
    with pytest.raises(ragged.DTypeError, match="not the number"):
        ragged.num(3.0)


COUNTS = st.integers(0, 3) | st.lists(st.integers(0, 3), min_size=1, max_size=5)


@SETTINGS
@given(arrays(allow_record=False), COUNTS, AXES)
def test_unflatten(x, counts, axis):
    if isinstance(
        counts, int
    ):  # Awkward drops what does not fill a list of its own, and ignores an axis beyond the depth
        assume(axis == 0 and (len(x) % counts == 0 if counts else len(x) == 0))
    assume(axis == 0 or not has(x, "string", "bytes"))  # Awkward cuts the characters
    assume(not has(x, "?", "option["))  # whether what is hidden behind None takes part depends on Awkward's layout
    agree(lambda x: ragged.unflatten(x, counts, axis), lambda x: ak.unflatten(x, counts, axis), x)


@SETTINGS
@given(st.lists(st.integers(0, 4), max_size=6))
def test_flatten_undoes_unflatten(counts):
    flat = ragged.Array(np.arange(sum(counts)))
    x = ragged.unflatten(flat, np.asarray(counts, dtype=np.int32))
    assert ragged.num(x).to_list() == counts
    assert_same(ragged.flatten(x), flat)


def test_unflatten_inner_axis(backend):
    x = ragged.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]])
    assert ragged.unflatten(x, [2, 1, 2], axis=1).to_list() == [[[1, 2], [3]], [], [[4, 5]]]
    assert ragged.unflatten(x, [2, None, 1, 2], axis=1).to_list() == [[[1, 2], None, [3]], [], [[4, 5]]]
    assert ragged.unflatten(ragged.Array([[1, 2], [3, 4, 5, 6]]), 2, axis=1).to_list() == [[[1, 2]], [[3, 4], [5, 6]]]
    assert ragged.unflatten(ragged.Array([[1, 2], None, [3]]), [1, 1, 1], axis=1).to_list() == [[[1], [2]], None, [[3]]]


def test_counts_from_any_library(backend):
    x = np.arange(4.0)
    for counts in ([1, 3], np.array([1, 3], np.uint8), ak.Array([1, 3]), ragged.Array([1, 3])):
        assert ragged.unflatten(ragged.Array(x), counts).to_list() == [[0], [1, 2, 3]]
        assert ragged.unflatten(ragged.Array(x, backend="numpy"), counts).to_list() == [[0], [1, 2, 3]]
    assert ragged.unflatten(ragged.Array(x), ragged.sum(ragged.Array([1, 1]))).to_list() == [[0, 1], [2, 3]]


def test_unflatten_uses_counts_up_field_by_field():
    x = [{"a": [1, 2], "b": [3]}, {"a": [4], "b": [5, 6]}]
    counts = [2, 1, 1, 2]
    assert_same(ragged.unflatten(ragged.Array(x), counts, axis=1), ak.unflatten(ak.Array(x), counts, axis=1))


@pytest.mark.parametrize(
    ("counts", "axis", "message"),
    [
        ([2, 2], 0, "sum to 4, and no list ends after the 5 values"),
        ([3, 3], 0, "no list ends after the 5 values"),
        ([3, 2, 1], 0, "1 counts .of 1 values. are left over"),
        ([3, -1, 3], 0, r"counts\[1\] is -1"),
        (2, 0, "5 values along axis=0 do not divide into lists of 2"),
        (7, 0, "more than the 5 values"),
        (-1, 0, "negative"),
        (0, 0, "do not divide"),
    ],
)
def test_unflatten_says_what_does_not_fit(counts, axis, message):
    with pytest.raises(ragged.StructureError, match=message):
        ragged.unflatten(ragged.Array([1, 2, 3, 4, 5]), counts, axis)


def test_unflatten_names_the_first_row_that_disagrees():
    with pytest.raises(ragged.StructureError, match="none ends with row 1, which has 3 values"):
        ragged.unflatten(ragged.Array([[1, 2], [3, 4, 5], [6]]), [2, 4], axis=1)
    with pytest.raises(ragged.DTypeError, match="not float64 of shape"):
        ragged.unflatten(ragged.Array([1, 2]), [1.0, 1.0])
    with pytest.raises(ragged.DTypeError, match="one-dimensional"):
        ragged.unflatten(ragged.Array([1, 2]), [[1], [1]])
    with pytest.raises(ragged.DTypeError, match=r"not 2\.5"):
        ragged.unflatten(ragged.Array([1, 2]), 2.5)
    with pytest.raises(ragged.AxisError, match="axis=3 exceeds the depth"):
        ragged.unflatten(ragged.Array([1, 2]), [1, 1], axis=3)


def test_gradients_pass_through(backend):
    x = ragged.Array(X)

    def program(x):
        y = ragged.unflatten(ragged.flatten(x * x), [1, 4])
        return ragged.sum(ragged.flatten(y) * np.arange(5.0)) + ragged.sum(ragged.ravel(x))

    assert_same(ragged.grad(program)(x), ak.Array([[1.0, 5.0, 13.0], [], [25.0, 41.0]]))


def test_differences_from_awkward():
    """See docs/differences.md."""
    assert str(ragged.unflatten(ragged.Array(np.zeros(0)), []).type) == "0 * var * float64"
    with pytest.raises(ragged.UnsupportedError, match="string and bytestring"):
        ragged.ravel(ragged.Array([{"a": "x", "b": b"x"}]))
    fieldless = ragged.Array([{}, {}])
    with pytest.raises(ragged.AxisError):
        ragged.local_index(fieldless, axis=1)
    assert ragged.local_index(fieldless, axis=0).to_list() == [0, 1]
    with pytest.raises(ragged.AxisError):
        ragged.flatten(ragged.Array([]), axis=-2)
    with pytest.raises(ragged.AxisError):
        ragged.is_none(ragged.Array(["one"]), axis=1)
    with pytest.raises(ragged.AxisError):
        ragged.unflatten(ragged.Array(["one"]), [1, 2], axis=1)
    assert ragged.local_index(ragged.Array(["one"]), axis=1).to_list() == [[0, 1, 2]]


def test_the_length_of_an_array_is_a_value_of_its_framework(backend):
    n = ragged.num(ragged.Array([[1, 2], [], [3]]), axis=0)
    assert (tuple(n.shape), int(n), ragged.to_numpy(n).dtype.kind) == ((), 3, "i")
    if backend == "numpy":
        assert type(n) is np.int64


def test_local_index_counts_missing_records():
    x = ragged.Array([[None, {"x": 1, "y": [2, 3]}], []])
    assert ragged.local_index(x, axis=-1).to_list() == [[None, {"x": 1, "y": [0, 1]}], []]
