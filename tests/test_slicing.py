"""Selecting with `x[key]`: one example or more for each kind of key, its result type, and its errors."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest

import ragged
from agreement import assert_same, both
from ragged.context import active

LISTS = [[1.1, 2.2, 3.3], [], [4.4, 5.5]]
DEEP = [[[1, 2], [3]], [], [[4]]]
RECORDS = [
    [{"x": 1.1, "y": [1]}, {"x": 2.2, "y": [1, 2]}, {"x": 3.3, "y": [1, 2, 3]}],
    [],
    [{"x": 4.4, "y": [1, 2, 3, 4]}, {"x": 5.5, "y": [1, 2, 3, 4, 5]}],
]
MISSING = [[1, 2, None], None, [], [4]]
WORDS = ["one", "", "three"]
CUBE = np.arange(24.0).reshape(2, 3, 4)
SQUARE = np.array([[0, 1], [1, 2]])


class Keys:
    """`keys[a:b, c]` is the key itself."""

    def __getitem__(self, key):
        return key


k = Keys()

# fmt: off
LIST_KEYS = [
    k[1], k[-1], k[1:], k[:-1], k[::-1], k[::2], k[5:1:-2], k[0, 1], k[0, -1], k[0, 1:], k[:, 1:], k[:, :-1],
    k[:, ::-1], k[:, -2:], k[:, 1:9:2], k[:, 9:0:-1], k[:, 2:1], k[:, -9:9], k[...], k[..., 1:], k[0, ...],
    k[...,], k[()], k[None], k[:, None], k[:, :, None], k[None, 0], k[0, None], k[0, 0, None], k[..., None],
    k[[2, 0]], k[[2, 0], None], k[[]], k[[0, 2], 1], k[[0, 2], [1, -1]], k[[0, 2], 1:], k[[-1, 0, 0]],
    k[np.array([[0, 1], [2, 0]])], k[[], 0], k[[True, False, True]], k[[True, False, True], 0], k[[False] * 3],
    k[[0, None, 2]], k[[True, None, False]], k[[[0], [], [1, 0]]], k[[[-1], [], [-1]]],
    k[[[True, False, True], [], [False, True]]], k[[[0, None], None, [1]]],
    k[[[True, None, False], [], [False, None]]], k[np.array(1)], k[np.int8(2)], k[np.int64(0), np.int64(1)],
    k[10**30 : 10**40], k[:, -(10**30) :], k[:, :: 10**30],
]
DEEP_KEYS = [
    k[:, :1, ::-1], k[:, :, 0], k[..., 0], k[..., :1], k[0, 0, 0], k[0, :, 0], k[:, [], 0], k[0, 1, 1:],
    k[::-1, ::-1, ::-1], k[[[1, 0], [], [0]]], k[[[[0], [0]], [], [[0]]]],
    k[[[[True, False], [True]], [], [[False]]]], k[[[[0], None], [], [[0]]]], k[[0, 2], 0, 0],
    k[[[1], [], [0]], 1:], k[[[1], [], [0]], None], k[[[0], [], [0]], ..., :1], k[:, None, ..., None],
    k[[[0, None], [], [None]]],
]
CUBE_KEYS = [
    k[1, 2, 3], k[0], k[:, 0], k[..., 0], k[:, 1:, ::2], k[:, :, ::-1], k[..., -1, :], k[:, None, :, 0],
    k[1, ..., 2], k[1::-1], k[:, [2, 0]], k[..., [0, 3]], k[[0, 1], [2, 1]], k[[0, 1], [2, 1], [3, 0]],
    k[:, [0, 1], [1, 2]], k[[1], :, 0:2], k[np.array([[0], [1]]), np.array([[0, 2]])], k[CUBE > 11],
    k[:, CUBE[0] > 5], k[[True, False]], k[:, [0, None]], k[[None, 1]], k[[1, 0], 0, 0], k[0, [1, 2]], k[2],
    k[:, 3], k[0, 0, 0, 0], k[:, :, [4]],
]
RECORD_KEYS = [
    k["x"], k["y"], k[["x"]], k[["y", "x"]], k["y", ..., 1:], k["y", :, 0], k[0, "x"], k[0, 1, "y"], k[0, 1],
    k[2, 0, ["x"]], k[:, "x"], k[:, :1, "x"], k[[2, 0], "x"], k[[[0], [], [1]]],
    k[[[True, False, True], [], [True, True]]], k[-1, -1], k[[[0], [], [1]], "y"], k[["x"], 0], k[:, :, None],
    k[[]],
]
MISSING_KEYS = [
    k[0], k[1], k[1, 0], k[1, 0, None], k[:, 1:], k[:, ::-1], k[0, 2], k[[1, 0]], k[[1, None]], k[:2, :1],
    k[:, None], k[..., None], k[[[0], None, [], [0]]], k[[[2, 0], [], [], [-1]]],
    k[[[True, False, True], None, [], [True]]], k[[[None, 1], None, [], [0]]],
    k[[[True, False, None], [], [], [True]]], k[::2], k[0, :2], k[2:, :0], k[[0, 1], :1],
]
# fmt: on


@pytest.mark.parametrize("key", LIST_KEYS, ids=str)
def test_lists(backend, key):
    both(lambda lib, x: x[key], LISTS)


@pytest.mark.parametrize("key", DEEP_KEYS, ids=str)
def test_lists_of_lists(backend, key):
    both(lambda lib, x: x[key], DEEP)


@pytest.mark.parametrize("key", CUBE_KEYS, ids=str)
def test_regular_axes(backend, key):
    both(lambda lib, x: x[key], CUBE)


def test_array_keys_follow_numpy():
    x = ragged.Array(CUBE)
    for key in (
        k[:, [0, 1, 2], [1, 2, 3]],
        k[[True, False], 1],
        k[0, CUBE[0] > 5],
        k[..., SQUARE],
        k[[0, 1], SQUARE[:, :1], 2],
        k[None, [1]],
    ):
        assert np.array_equal(x[key].to_numpy(), CUBE[key])
    assert np.array_equal(x[:, [0, 1], [1, 2], None].to_numpy(), CUBE[:, [0, 1], [1, 2], None])


@pytest.mark.parametrize("key", RECORD_KEYS, ids=str)
def test_records(backend, key):
    both(lambda lib, x: x[key], RECORDS)


def test_the_squares_of_all_but_the_first(backend):
    squares = np.square(ragged.Array(RECORDS)["y", ..., 1:])
    assert squares.to_list() == [[[], [4], [4, 9]], [], [[4, 9, 16], [4, 9, 16, 25]]]
    assert str(squares.type) == "3 * var * var * int64"


def test_nested_fields_and_tuples(backend):
    nested = [{"a": {"b": 1, "c": [2]}, "d": 3}, {"a": {"b": 4, "c": []}, "d": 6}]
    for key in (
        k["a", "b"],
        k["a", "c"],
        k["a", ["b"]],
        k[["a"], "b"],
        k[["a"], ["c"]],
        k["a", 0, "b"],
        k["d"],
        k[1, "a"],
    ):
        both(lambda lib, x, key=key: x[key], nested)
    both(lambda lib, x: x["1"], [(1, 2.0), (3, 4.0)])
    both(lambda lib, x: x[["1", "0"]], [(1, 2.0), (3, 4.0)])
    both(lambda lib, x: x[0], [(1, 2.0), (3, 4.0)])


@pytest.mark.parametrize("key", MISSING_KEYS, ids=str)
def test_missing_values(backend, key):
    both(lambda lib, x: x[key], MISSING)


def test_missing_lists_are_left_out_of_everything(backend):
    x = ragged.mask(ragged.Array(LISTS), [True, False, True])
    both(lambda lib, x: lib.mask(x, [True, False, True])[:, 0], LISTS)
    both(lambda lib, x: lib.mask(x, [True, False, True])[:, [0, 1]], LISTS)
    both(lambda lib, x: lib.mask(x, [False, False, False])[:, 7:], LISTS)
    assert x[:, [1, 0], None].to_list() == [[[2.2], [1.1]], None, [[5.5], [4.4]]]
    nothing = ragged.mask(ragged.Array([[1.5]])[:, :0], [False])
    assert_same(nothing[:, 0], ak.mask(ak.Array([[1.5]])[:, :0], [False])[:, 0])


@pytest.mark.parametrize(
    "key", [k[0], k[1], k[1:], k[::-1], k[0, 1], k[:, 1:], k[0, 1:], k[[2, 0]], k[[0, None]], k[:1, 0]], ids=str
)
def test_text(backend, key):
    both(lambda lib, x: x[key], WORDS)
    both(lambda lib, x: x[key], [word.encode() for word in WORDS])
    both(lambda lib, x: x[0][key], [WORDS])


def test_text_entries():
    x = ragged.Array([["alpha", None], ["gamma"]])
    assert x[0, 0] == "alpha" and type(x[0, 0]) is str
    assert x[0, 1] is None
    assert ragged.Array([b"\xff\x00"])[0] == b"\xff\x00"
    assert ragged.Array(["žluť"])[0] == "žluť"


def test_an_array_of_names_is_a_list_of_fields(backend):
    both(lambda lib, x: x[lib.Array(["y", "x"])], RECORDS)
    assert_same(ragged.Array(RECORDS)[0, ragged.Array(["y"])], ak.Array(RECORDS)[0, ["y"]])


def test_argmax_keepdims(backend):
    for data in (LISTS, DEEP, [[3, 1, 2], [5, 5]]):
        both(lambda lib, x: x[lib.argmax(x, axis=-1, keepdims=True)], data)
        both(lambda lib, x: x[lib.argmin(x, axis=1, keepdims=True)] if x.ndim == 2 else x, data)


def test_keys_from_anywhere(backend):
    x, index, mask = ragged.Array(LISTS), [[2, 0], [], [1]], [[True, False, True], [], [False, True]]
    b = active()
    for key in (index, ak.Array(index), ragged.Array(index)):
        assert_same(x[key], ak.Array(LISTS)[ak.Array(index)])
    for key in (mask, ak.Array(mask), ragged.Array(mask), x > 3, ragged.Array(mask, backend="numpy")):
        assert ragged.backend(x[key]) == backend
    for key in (
        [2, 0],
        (2, 0),
        np.array([2, 0], np.uint8),
        np.array([2, 0], np.uint64),
        ragged.Array([2, 0]),
        b.asarray(np.array([2, 0])),
        ak.Array([2, 0]),
    ):
        selected = x[[2, 0], ...] if isinstance(key, tuple) else x[key]
        assert_same(selected, ak.Array(LISTS)[[2, 0]])
    assert_same(x[b.asarray(np.array(2))], ak.Array(LISTS)[2])
    assert float(x[ragged.Array([2, 0])[0], b.asarray(np.array(1))]) == 5.5
    assert ragged.backend(ragged.Array(LISTS, backend="numpy")[x > 3]) == backend


def test_a_ragged_index_counts_each_field_by_its_own_size():
    fields = {"a": np.arange(4).reshape(2, 2), "b": np.arange(6).reshape(2, 3), "c": np.arange(8).reshape(2, 4)}
    selected = ragged.zip(fields, depth_limit=1)[ak.Array([[0, -1], [1, -2]])]
    assert selected["a"].to_list() == [[0, 1], [3, 2]]
    assert selected["b"].to_list() == [[0, 2], [4, 4]]
    assert selected["c"].to_list() == [[0, 3], [5, 6]]
