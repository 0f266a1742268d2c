"""Where selecting differs from Awkward on purpose: each item of docs/differences.md on slicing."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest

import ragged
from agreement import outcome

PAIRS = [[1, 2], [3, 4], [5, 6]]


def theirs(x, key):
    """Awkward's values, or None where it raises."""
    return outcome(lambda: ak.to_list(ak.Array(x)[key]))[0]


@pytest.mark.parametrize(
    ("x", "key", "taken"),
    [
        ([1, 2, 3], [True, False], [1]),
        ([1, 2, 3], ak.Array([True, None]), [1, None]),
        ([[1, 2, 3], [], [4]], ak.Array([[True], [], [True]]), [[1], [], [4]]),
        ([[1, 2, 3], [], [4]], ak.Array([[True, True, True], [False], [True]]), [[1, 2, 3], [], [4]]),
        ([[1, 2, 3], [], [4]], ak.Array([[None], [], [True]]), [[None], [], [4]]),
    ],
)
def test_masks_are_as_long_as_what_they_mask(x, key, taken):
    assert theirs(x, key) == taken
    with pytest.raises(ragged.StructureError):
        ragged.Array(x)[key]


def test_a_mask_next_to_an_index_array_counts_as_positions():
    key = ([True, False, True], [0, 1])
    assert theirs(PAIRS, key) is None
    assert ragged.Array(PAIRS)[key].to_list() == np.array(PAIRS)[key].tolist() == [1, 6]
    assert theirs(PAIRS, ([True, False, True], [0, 1, 0])) is not None
    with pytest.raises(ragged.StructureError, match="broadcast"):
        ragged.Array(PAIRS)[[True, False, True], [0, 1, 0]]


def test_index_arrays_pair_up_over_missing_values_and_behind_slices():
    x, key = [[1, 2], None, [3, 4], [5, 6]], ([0, 1, 2, 3], [0, 0, 1, 1])
    assert theirs(x, key) == [1, None, 3, 6]
    assert ragged.Array(x)[key].to_list() == [1, None, 4, 6]
    cube = np.arange(16).reshape(2, 2, 2, 2)
    key = (slice(None), [0, 1], [0, 1], [0, 1])
    assert theirs(cube.tolist(), key) != cube[key].tolist()
    assert ragged.Array(cube.tolist())[key].to_list() == cube[key].tolist()


def test_a_slice_that_ends_before_it_begins_is_empty():
    x = np.arange(12).reshape(3, 4)
    for key in (slice(2, 1, None), slice(0, 2, -1)), (slice(None), slice(3, 1)), (slice(0, 2, -1),):
        assert ragged.Array(x)[key].to_list() == x[key].tolist()
    lists = ak.to_regular(ak.Array([[[1], []], [[2], [3]]]))
    assert theirs(lists, (slice(None), slice(1, 0))) is None
    assert ragged.Array(lists)[:, 1:0].to_list() == [[], []]


def test_an_index_before_the_first_entry_is_out_of_range():
    lists = ak.to_regular(ak.Array([[[1], []], [[2], [3]]]))
    assert theirs(lists, [-3]) is not None
    for x in lists, ak.Array([{"a": 1}, {"a": 2}]), lists[..., :0], ak.Array([1, 2]):
        with pytest.raises(ragged.OutOfRangeError, match="-3 is out of range: this array has length 2"):
            ragged.Array(x)[[-3]]


def test_an_index_array_without_entries_keeps_its_shape():
    x, empty = [[1], [2]], np.zeros((1, 0), np.int64)
    assert theirs(x, (slice(None), empty)) == []
    assert ragged.Array(x)[:, empty].to_list() == [[[]], [[]]]
    assert str(ragged.Array(x)[:, empty].type) == "2 * 1 * 0 * int64"


def test_a_key_goes_on_within_the_fields_of_a_record():
    x = [{"a": [[1, 2], [3, 4, 5]]}, {"a": [[6, 7]]}]
    for key in ((slice(None), slice(1, None), slice(None, 1)), (..., 0), (slice(None), 0, 1), (..., slice(1, None))):
        assert ragged.Array(x)[key]["a"].to_list() == ak.to_list(ak.Array(x)["a"][key])
    assert theirs(x, (..., 0)) != ragged.Array(x)[..., 0].to_list()


def test_missing_lists_of_an_index_leave_out_lists_of_any_length():
    x = [[[1, 2], [3]], [[4]], [[5], []]]
    key = ak.Array([[[0], [0]], None, [[-1], []]])
    assert theirs(x, key) is None
    assert ragged.Array(x)[key].to_list() == [[[1], [3]], None, [[5], []]]
    assert ragged.Array([[[1, 2], [4]], [[5], [6]]])[:, ak.Array([[0], None])].to_list() == [[[1], None], [[5], None]]


def test_characters_with_missing_ones():
    words = ["one", None, "two"]
    assert isinstance(outcome(lambda: ak.to_list(ak.Array(words)[:, 0]))[1], AttributeError)
    assert ragged.Array(words)[:, 0].to_list() == [ord("o"), None, ord("t")]
    assert str(ragged.Array(words)[:, 0].type) == "3 * ?uint8"


def test_characters_with_missing_ones_among_them_are_no_text():
    x = ragged.Array(["bc", "a"])
    picked = x[ragged.Array([[0, None, 1], [0]])]
    assert picked.to_list() == [[98, None, 99], [97]] and picked.typestr == "2 * var * ?uint8"
