"""The one gather and the one slice of every operation, against Awkward's carry."""

from __future__ import annotations

import awkward as ak
import hypothesis_awkward.strategies as st_ak
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ragged
from agreement import assert_same
from ragged.nodes import Flat, Lists, Option, Record, compress, slice_node, take, take_missing
from ragged.registry import get_backend
from ragged.rows import Rows

B = get_backend("numpy")
arrays = st_ak.constructors.arrays(allow_union=False, allow_virtual=False, max_size=20)


def as_array(node):
    return ragged.Array._of(node, B)


@settings(deadline=None)
@given(arrays, st.data())
def test_take_is_awkwards_integer_index(array, data):
    if len(array) == 0:
        return
    index = np.asarray(data.draw(st.lists(st.integers(0, len(array) - 1), max_size=6)), np.int64)
    assert_same(as_array(take(B, ragged.Array(array).layout, index)), array[index])


@settings(deadline=None)
@given(arrays, st.data())
def test_slice_and_compress(array, data):
    start = data.draw(st.integers(0, len(array)))
    stop = data.draw(st.integers(start, len(array)))
    node = ragged.Array(array).layout
    assert_same(as_array(slice_node(B, node, start, stop)), array[start:stop])
    mask = np.asarray(data.draw(st.lists(st.booleans(), min_size=len(array), max_size=len(array))), bool)
    assert_same(as_array(compress(B, node, mask)), array[mask])


def test_take_missing_of_nothing_and_of_something():
    valid = np.array([True, False])
    some = take_missing(B, ragged.Array([[1.0, 2.0], []]).layout, np.array([1, 99]), valid)
    assert as_array(some).to_list() == [[], None]
    none = take_missing(B, ragged.Array([[1.0]])[:0].layout, np.array([0, 0]), valid)
    assert as_array(none).to_list() == [None, None]
    assert str(as_array(none).type) == "2 * option[var * float64]"


def test_fields_that_share_rows_share_the_new_rows():
    rows = Rows.from_lengths(B, np.array([2, 0, 1]))
    fields = tuple(Lists(rows, Flat(np.arange(3.0) + i, 3)) for i in range(2))
    taken = take(B, Record(("x", "y"), fields, 3), np.array([2, 0]))
    assert taken.contents[0].rows is taken.contents[1].rows


def test_options_stay_one_level():
    inner = Option(np.array([True, False, True]), Flat(np.arange(3.0), 3))
    twice = take_missing(B, inner, np.array([0, 1, 2]), np.array([False, True, True]))
    assert as_array(twice).to_list() == [None, None, 2.0]


@pytest.mark.parametrize("missing", ["nope", "10"])
def test_no_such_field(missing):
    record = Record(("x",), (Flat(np.zeros(1), 1),), 1)
    with pytest.raises(ragged.FieldError, match=missing):
        record.content(missing)


def test_the_strategy_draws_every_node():
    seen = set()

    @settings(deadline=None, max_examples=300)
    @given(arrays)
    def look(array):
        stack = [ragged.Array(array).layout]
        while stack:
            node = stack.pop()
            seen.add(type(node).__name__)
            stack.extend(getattr(node, "contents", ()) or ([node.content] if hasattr(node, "content") else []))

    look()
    assert {"Flat", "Lists", "Regular", "Record", "Option", "Unknown"} <= seen
    assert ak.__version__
