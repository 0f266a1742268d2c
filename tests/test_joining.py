"""concatenate, concat, stack."""

from __future__ import annotations

import re

import awkward as ak
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import ragged
from agreement import assert_same, outcome
from layouts import AXES, SETTINGS, agree, arrays, opened, pairs, sizes_agree

X = [[1.0, 2.0, 3.0], [], [4.0, 5.0]]
Y = [[10], [20, 30], []]


@SETTINGS
@given(pairs(), AXES, st.booleans())
def test_concatenate(xy, axis, mergebool):
    assume(sizes_agree(outcome(ragged.concatenate, list(map(ragged.Array, xy)), axis)[1]))
    assume(not any("* 0 *" in str(x.type) for x in xy))  # Awkward loses the number of lists of size 0
    # what Awkward puts in place of missing lists makes regular lists within them ragged
    assume(axis == 0 or not any(re.search(r"option\[.*\* \d+ \*", str(x.type)) for x in xy))
    agree(
        lambda x, y: ragged.concatenate([x, y], axis, mergebool=mergebool),
        lambda x, y: ak.concatenate([opened(x), opened(y)], axis, mergebool=mergebool),
        *xy,
    )


@SETTINGS
@given(arrays(), arrays())
def test_one_after_another(x, y):
    agree(
        lambda x, y: ragged.concatenate([x, y, x]), lambda x, y: ak.concatenate([opened(x), opened(y), opened(x)]), x, y
    )


@SETTINGS
@given(arrays(), st.sampled_from([1, 2.5]), AXES)
def test_a_scalar_joins_each_list(x, scalar, axis):
    agree(lambda x: ragged.concatenate([x, scalar], axis), lambda x: ak.concatenate([opened(x), scalar], axis), x)


DATA = {
    "ints": [[1], [2, 3], []],
    "missing": [[1, None], None, [3]],
    "deep": [[[1], []], [[2, 3]], []],
    "records": [[{"a": 1, "b": [1]}], [], [{"a": 2, "b": []}, {"a": 3, "b": [4]}]],
    "text": [["one"], [], ["two", "three"]],
    "empty": [[], [], []],
}


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("name", DATA)
def test_with_itself(backend, name, axis):
    if axis == -1 and name == "records":
        axis = 1
    data = DATA[name]
    expected = ak.concatenate([ak.Array(data), ak.Array(data)], axis)
    assert_same(ragged.concatenate([ragged.Array(data), ragged.Array(data)], axis), expected)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize(
    ("one", "other"), [("ints", "missing"), ("missing", "ints"), ("ints", "empty"), ("text", "empty")]
)
def test_types_become_one(one, other, axis):
    expected = ak.concatenate([ak.Array(DATA[one]), ak.Array(DATA[other])], axis)
    assert_same(ragged.concatenate([ragged.Array(DATA[one]), ragged.Array(DATA[other])], axis), expected)


@pytest.mark.parametrize("one", ["bool", "int8", "uint64", "int64", "float32", "complex64"])
@pytest.mark.parametrize("other", ["bool", "uint8", "int64", "float32", "float64"])
def test_numbers_promote_as_numpy(one, other):
    x, y = np.array([0, 1], one), np.array([1, 0, 1], other)
    assert_same(ragged.concatenate([ragged.Array(x), ragged.Array(y)]), ak.concatenate([ak.Array(x), ak.Array(y)]))
    assert ragged.concatenate([x, y]).dtype == np.concatenate([x, y]).dtype


@pytest.mark.parametrize(
    ("x", "y", "axis"),
    [
        (np.ones((2, 3)), np.ones((4, 3)), 0),
        (np.ones((2, 3)), np.ones((4, 2)), 0),
        (np.ones((2, 3)), np.ones((2, 2)), 1),
        (np.ones((2, 3, 2)), np.ones((2, 3, 4)), 2),
        (np.ones((2, 3, 2)), np.ones((2, 1, 2)), 1),
        (np.ones((1, 3)), np.ones((2, 2)), 1),
        (np.ones((2, 3)), [[1], [2, 3]], 1),
        (np.ones((2, 3)), 5, 1),
        ([[[1], [2, 3]], []], [[[], [4]], []], 2),
        ([[[1], [2, 3]], []], 7, 2),
        ([[1, 2]], [[3], [4]], 1),
    ],
)
def test_regular_and_ragged(x, y, axis):
    theirs = [ak.Array(z) if not isinstance(z, int) else z for z in (x, y)]
    ours = [ragged.Array(z) if not isinstance(z, int) else z for z in (x, y)]
    assert_same(ragged.concatenate(ours, axis), ak.concatenate(theirs, axis))


def test_dense_in_dense_out():
    x, y = np.ones((2, 3)), np.zeros((2, 2))
    joined = ragged.concatenate([x, y], axis=1)
    assert isinstance(joined, np.ndarray)
    assert np.array_equal(joined, np.concatenate([x, y], axis=1))
    assert ragged.concat is ragged.concatenate
    assert ragged.concatenate(x).tolist() == [1] * 6
    assert ragged.concatenate(ragged.Array(X)).to_list() == [1, 2, 3, 4, 5]


def test_fields_keep_one_partition():
    x = ragged.Array(X)
    zipped = ragged.zip({"x": x, "y": x}, depth_limit=1)
    joined = ragged.concatenate([zipped, zipped])
    assert joined["x"].layout.rows is joined["y"].layout.rows


def test_refusals():
    x = ragged.Array(X)
    with pytest.raises(ragged.UnsupportedError, match="string and int64 have no type in common but a union"):
        ragged.concatenate([ragged.Array(["a"]), ragged.Array([1])])
    with pytest.raises(ragged.UnsupportedError, match="bool and int64"):
        ragged.concatenate([ragged.Array([True]), ragged.Array([1])], mergebool=False)
    with pytest.raises(ragged.UnsupportedError):
        ragged.concatenate([ragged.Array([{"a": 1}]), ragged.Array([{"b": 1}])])
    with pytest.raises(ragged.StructureError, match="at least one array"):
        ragged.concatenate([])
    with pytest.raises(ragged.StructureError, match="lengths 3 and 2"):
        ragged.concatenate([x, ragged.Array([[1], [2]])], axis=1)
    with pytest.raises(ragged.AxisError, match="axis=2 is beyond"):
        ragged.concatenate([x, x], axis=2)
    with pytest.raises(ragged.AxisError, match="not deep enough"):
        ragged.concatenate([x, ragged.Array([1, 2, 3])], axis=1)
    with pytest.raises(ragged.AxisError, match="same depth"):
        ragged.concatenate([x, ragged.Array([1, 2, 3])], axis=-1)


def test_stack(backend):
    x = ragged.Array(X)
    assert ragged.stack([x, x * 2]).to_list() == [X, (x * 2).to_list()]
    assert ragged.stack([x, x * 2], axis=1).to_list() == [[a, b] for a, b in zip(X, (x * 2).to_list(), strict=True)]
    with pytest.raises(ragged.StructureError, match="array 0 has length 3, but array 1 has length 1"):
        ragged.stack([x, ragged.Array([[1.0]])])
    with pytest.raises(ragged.AxisError, match="axis=7"):
        ragged.stack([x, x], axis=7)


@pytest.mark.parametrize("axis", [0, 1])
def test_gradients_go_back_where_they_came_from(backend, axis):
    x, y = ragged.Array(X), ragged.Array([[1.5], [2.5, 3.5], []])

    def program(x, y):
        z = ragged.concatenate([x, y, 1.0] if axis else [x, y], axis)
        return ragged.sum(z**3)

    dx, dy = ragged.grad(program, argnums=(0, 1))(x, y)
    assert_same(dx, 3 * ak.Array(X) ** 2)
    assert_same(dy, 3 * ak.Array([[1.5], [2.5, 3.5], []]) ** 2)


def test_missing_rows_of_a_dense_array_are_empty_lists():
    x = ragged.Array(np.ones((2, 2))).mask[[True, False]]
    assert_same(ragged.concatenate([x, [[5.0], [6.0]]], axis=1), ak.Array([[1, 1, 5.0], [6.0]]))
    deep = ragged.Array(np.ones((2, 2, 3))).mask[[True, False]]
    assert str(ragged.concatenate([deep, deep], axis=1).type) == "2 * var * 3 * float64"


def test_lists_of_size_0_keep_their_number():
    x = ragged.Array(np.ones((3, 0)))
    assert str(ragged.concatenate([x, x], axis=1).type) == "3 * 0 * float64"
