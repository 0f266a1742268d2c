"""Awkward layouts whose structure may be anything: read as Awkward reads them, or refused."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ragged
from agreement import assert_same

Index64 = ak.index.Index64


def numbers():
    return ak.contents.NumpyArray(np.array([10, 11, 12, 13, 14, 15]))


@pytest.mark.parametrize(
    ("layout", "error", "message"),
    [
        (
            lambda: ak.contents.ListOffsetArray(Index64([0, 4, 2, 6]), numbers()),
            ragged.StructureError,
            "row 1 goes from 4",
        ),
        (lambda: ak.contents.ListOffsetArray(Index64([0, 4, 9]), numbers()), ragged.StructureError, "row 1 ends at 9"),
        (lambda: ak.contents.ListOffsetArray(Index64([-1, 4]), numbers()), ragged.StructureError, "negative"),
        (
            lambda: ak.contents.ListArray(Index64([0, 4]), Index64([2, 9]), numbers()),
            ragged.StructureError,
            "row 1 spans 4:9",
        ),
        (
            lambda: ak.contents.ListArray(Index64([3]), Index64([1]), numbers()),
            ragged.StructureError,
            "row 0 spans 3:1",
        ),
        (lambda: ak.contents.IndexedArray(Index64([0, 6]), numbers()), ragged.OutOfRangeError, "entry 1 is 6"),
        (lambda: ak.contents.IndexedArray(Index64([0, -2]), numbers()), ragged.OutOfRangeError, "entry 1 is -2"),
        (lambda: ak.contents.IndexedOptionArray(Index64([-1, 6]), numbers()), ragged.OutOfRangeError, "6"),
    ],
)
def test_malformed_layouts_are_refused(layout, error, message):
    with pytest.raises(error, match=message):
        ragged.Array(ak.Array(layout()))


INTEGERS = st.lists(st.integers(-2, 8), min_size=1, max_size=4)


@st.composite
def any_layouts(draw):
    """Layouts whose structure may be anything, over lists of numbers."""
    content = numbers()
    for _ in range(draw(st.integers(1, 3))):
        index = Index64(np.array(draw(INTEGERS), np.int64))
        indexed = isinstance(content, ak.contents.IndexedArray | ak.contents.IndexedOptionArray)
        match draw(st.sampled_from(["offsets", "lists"] if indexed else ["offsets", "lists", "indexed", "option"])):
            case "offsets":
                content = ak.contents.ListOffsetArray(index, content)
            case "lists":
                stops = Index64(np.array(draw(st.lists(st.integers(-2, 8), min_size=4, max_size=4)), np.int64))
                content = ak.contents.ListArray(index, stops, content)
            case "indexed":
                content = ak.contents.IndexedArray(index, content)
            case "option":
                content = ak.contents.IndexedOptionArray(index, content)
    return content


def points_outside(layout):
    """Whether offsets lie outside the content, which Awkward allows where the lists are empty."""
    if isinstance(layout, ak.contents.ListOffsetArray):
        offsets = np.asarray(layout.offsets)
        if ((offsets < 0) | (offsets > layout.content.length)).any():
            return True
    return hasattr(layout, "content") and points_outside(layout.content)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(any_layouts())
def test_any_structure_is_read_as_awkward_reads_it_or_refused(layout):
    try:
        x = ragged.Array(ak.Array(layout), check_valid=True)
    except ragged.RaggedError:
        assert not ak.is_valid(layout) or points_outside(layout)
        return
    if ak.is_valid(layout):
        assert_same(x, ak.Array(layout))
