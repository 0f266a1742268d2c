"""The row partition against plain Python."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragged.registry import get_backend
from ragged.rows import Rows

OPS = get_backend("numpy")
lengths_lists = st.lists(st.integers(0, 5), max_size=8)


def rows_of_lengths(lengths: list[int]) -> Rows:
    return Rows.from_lengths(OPS, np.asarray(lengths, np.int64))


@given(lengths_lists)
def test_derived_structure(lengths):
    rows = rows_of_lengths(lengths)
    assert rows.nrows == len(lengths)
    assert rows.total == sum(lengths)
    assert rows.offsets.tolist() == [sum(lengths[:i]) for i in range(len(lengths) + 1)]
    assert rows.ids.tolist() == [i for i, n in enumerate(lengths) for _ in range(n)]
    assert rows.positions.tolist() == [j for n in lengths for j in range(n)]
    assert rows.longest == max(lengths, default=0)
    assert rows.offsets.dtype == rows.ids.dtype == rows.positions.dtype == np.int64


@given(lengths_lists.filter(len), st.data())
def test_take_gathers_rows(lengths, data):
    rows = rows_of_lengths(lengths)
    index = data.draw(st.lists(st.integers(0, len(lengths) - 1), max_size=8))
    content = np.arange(sum(lengths))
    taken, inner = rows.take(np.asarray(index, np.int64))
    nested = np.split(content, rows.offsets[1:-1])
    assert taken.lengths.tolist() == [lengths[i] for i in index]
    assert content[inner].tolist() == [value for i in index for value in nested[i].tolist()]


@given(lengths_lists, st.data())
def test_slice_rebases(lengths, data):
    rows = rows_of_lengths(lengths)
    start = data.draw(st.integers(0, len(lengths)))
    stop = data.draw(st.integers(start, len(lengths)))
    part, low, high = rows.slice(start, stop)
    assert part.lengths.tolist() == lengths[start:stop]
    assert (low, high) == (sum(lengths[:start]), sum(lengths[:stop]))
    assert part.offsets[0] == 0
    assert part.total == high - low


@given(lengths_lists, st.data())
def test_select_cuts_within_rows(lengths, data):
    rows = rows_of_lengths(lengths)
    low = [data.draw(st.integers(0, n)) for n in lengths]
    high = [data.draw(st.integers(a, n)) for a, n in zip(low, lengths, strict=True)]
    part, inner = rows.select(np.asarray(low, np.int64), np.asarray(high, np.int64))
    offsets = rows.offsets
    assert part.lengths.tolist() == [b - a for a, b in zip(low, high, strict=True)]
    assert inner.tolist() == [j for i in range(len(lengths)) for j in range(offsets[i] + low[i], offsets[i] + high[i])]


@given(lengths_lists)
def test_flatten_joins_two_levels(lengths):
    inner = rows_of_lengths(lengths)
    outer = rows_of_lengths([len(lengths), 0])
    assert outer.flatten(inner).lengths.tolist() == [sum(lengths), 0]


def test_regular_is_the_same_as_equal_lengths():
    assert Rows.regular(OPS, 3, 2) == rows_of_lengths([2, 2, 2])
    assert Rows.regular(OPS, 0, 2).longest == 0


def test_equality_is_by_value_and_hash_agrees():
    a, b, c = rows_of_lengths([1, 2]), rows_of_lengths([1, 2]), rows_of_lengths([2, 1])
    assert a == b
    assert hash(a) == hash(b)
    assert a != c
    assert a != "rows"


def test_derived_structure_is_computed_once():
    rows = rows_of_lengths([1, 0, 2])
    for name in ("lengths", "ids", "positions"):
        assert getattr(rows, name) is getattr(rows, name)


@pytest.mark.parametrize("lengths", [[], [3], [0, 0], [2, 0, 1]])
def test_pickles(lengths):
    rows = rows_of_lengths(lengths)
    assert pickle.loads(pickle.dumps(rows)) == rows


@pytest.mark.parametrize("step", [1, -1, 3])
@pytest.mark.parametrize("nrows", [6, 6000])
def test_ranges_count_from_each_rows_start(nrows, step):
    """Few elements and many, empty rows in front, among and at the end."""
    lengths = np.resize([0, 3, 0, 1, 2, 0], nrows)
    starts = np.resize([7, -4, 50], nrows)
    found = OPS.ranges(starts, rows_of_lengths(lengths), step)
    expected = [start + step * j for start, n in zip(starts.tolist(), lengths.tolist(), strict=True) for j in range(n)]
    assert found.tolist() == expected
