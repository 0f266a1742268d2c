"""The row partition against plain Python."""

from __future__ import annotations

import contextlib
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ragged
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
    assert content[inner.index].tolist() == [value for i in index for value in nested[i].tolist()]


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


STRUCTURAL = {
    "num": lambda x: ragged.num(x),
    "inner num": lambda x: ragged.num(ragged.Array([x, x]), axis=2)[0],
    "local_index": lambda x: ragged.flatten(ragged.local_index(x)),
    "outer local_index": lambda x: ragged.local_index(x, axis=0),
    "is_none": lambda x: ragged.is_none(ragged.mask(x, ragged.num(x) > 0)),
    "argsort": lambda x: ragged.flatten(ragged.argsort(x)),
    "mask": lambda x: ragged.to_padded(x)[1],
    "count": lambda x: ragged.count(x, axis=1),
    "unflattened counts": lambda x: ragged.num(ragged.unflatten(np.arange(5.0), ragged.num(x))),
}


@pytest.mark.parametrize("name", STRUCTURAL)
def test_results_cannot_be_written_into_the_rows(name):
    x = ragged.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]])
    ragged.sum(x, axis=0)  # fills the caches
    for flat in (STRUCTURAL[name](x), STRUCTURAL[name](x)):
        values = np.asarray(flat)
        before = values.copy()
        with contextlib.suppress(ValueError):  # read-only, or the result's own
            values[...] = 0
        np.testing.assert_array_equal(np.asarray(STRUCTURAL[name](x)), before)
    assert ragged.is_valid(x) and x.to_list() == [[1.0, 2.0, 3.0], [], [4.0, 5.0]]
    assert (x * ragged.Array([1, 2, 3])).to_list() == [[1.0, 2.0, 3.0], [], [12.0, 15.0]]
    for kept in ("offsets", "lengths", "ids", "positions"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(x.layout.rows, kept)[...] = 0


def test_read_only_results_go_everywhere(backend):
    lengths = ragged.num(ragged.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]]))
    again = ragged.Array(ragged.to_backend(lengths, "numpy"))
    assert ragged.backend(again) == backend and again.to_list() == [3, 0, 2]
    assert np.from_dlpack(ragged.to_backend(lengths, "numpy")).tolist() == [3, 0, 2]
    assert pickle.loads(pickle.dumps(lengths)).to_list() == [3, 0, 2]
    assert ragged.to_backend(lengths, "numpy").__dlpack__() is not None
    if backend == "jax":
        import jax.numpy as jnp

        assert jnp.from_dlpack(ragged.to_backend(lengths, "numpy")).tolist() == [3, 0, 2]
