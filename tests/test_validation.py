"""Malformed input: each kind is its own clear error, and nothing crashes or passes in silence."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ragged
from ragged.nodes import Flat, Lists, Option, Record, Regular, Unknown
from ragged.registry import get_backend
from ragged.rows import Rows

CONTENT = np.arange(5.0)
NUMPY = get_backend("numpy")


@pytest.mark.parametrize(
    ("offsets", "error", "message"),
    [
        ([0, 3, 2, 5], ragged.StructureError, "must not decrease; row 1 goes from 3 back to 2"),
        ([0, 3, 2, 1], ragged.StructureError, "row 1 goes from 3 back to 2"),
        ([0, 2, 9], ragged.StructureError, "overrun the content: row 1 ends at 9, but there are 5"),
        ([0, 9, 9], ragged.StructureError, "row 0 ends at 9"),
        ([1, 2, 5], ragged.StructureError, r"must start at 0, not at 1; give content\[1:\]"),
        ([-1, 2, 5], ragged.StructureError, "must not be negative; the first is -1"),
        ([], ragged.StructureError, "at least one number"),
        ([0.0, 2.0, 5.0], ragged.DTypeError, "must be integers, not float64"),
        ([0, float("nan"), 5], ragged.DTypeError, "must be integers"),
        ([False, True], ragged.DTypeError, "must be integers, not bool"),
        (["0", "2"], ragged.DTypeError, "must be integers"),
        ([0, None, 5], ragged.DTypeError, "must be integers, not object"),
        ([[0, 2, 5]], ragged.StructureError, r"one-dimensional, not of shape \(1, 3\)"),
        ([[0], [2, 5]], ragged.DTypeError, "one-dimensional array of integers"),
        (3, ragged.StructureError, "one-dimensional"),
        (np.array([0, 2**63], np.uint64), ragged.StructureError, "beyond int64"),
        (ragged.Array([[0, 2], [5]]), ragged.StructureError, "one-dimensional"),
    ],
)
def test_offsets(offsets, error, message, backend):
    with pytest.raises(error, match=message):
        ragged.from_offsets(CONTENT, offsets)


@pytest.mark.parametrize(
    ("lengths", "error", "message"),
    [
        ([2, -1, 4], ragged.StructureError, "must not be negative; row 1 has -1"),
        ([2, 2], ragged.StructureError, "add up to 4, but the content has 5"),
        ([2, 4], ragged.StructureError, "add up to 6, but the content has 5"),
        ([], ragged.StructureError, "add up to 0"),
        ([2.5, 2.5], ragged.DTypeError, "lengths must be integers"),
        ([float("nan")], ragged.DTypeError, "lengths must be integers"),
        ([[2, 3]], ragged.StructureError, "one-dimensional"),
    ],
)
def test_lengths(lengths, error, message, backend):
    with pytest.raises(error, match=message):
        ragged.from_lengths(CONTENT, lengths)


@pytest.mark.parametrize(
    ("ids", "nrows", "error", "message"),
    [
        ([0, 2, 1, 1, 3], None, ragged.StructureError, "must be sorted; 2 at element 1 is followed by 1"),
        ([-1, 0, 0, 1, 1], None, ragged.OutOfRangeError, "must not be negative; element 0 has -1"),
        ([0, 0, 1, 1, 7], 3, ragged.OutOfRangeError, "below nrows=3; element 4 has 7"),
        ([0, 0, 1], None, ragged.StructureError, "3 row ids for 5 elements"),
        ([0, 0, 1, 1, 1.5], None, ragged.DTypeError, "row ids must be integers"),
        ([0, 0, 1, 1, 1], -1, ragged.StructureError, "nrows must not be negative"),
    ],
)
def test_row_ids(ids, nrows, error, message, backend):
    with pytest.raises(error, match=message):
        ragged.from_row_ids(CONTENT, ids, nrows)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"lengths": [1, 4]}, ragged.StructureError, "row 1 cannot have 4 values; the array has 3 columns"),
        ({"lengths": [1]}, ragged.StructureError, "1 lengths for 2 rows"),
        ({"lengths": [1, -1]}, ragged.StructureError, "row 1 has -1"),
        (
            {"mask": [[True, False], [True, True]]},
            ragged.StructureError,
            r"shape \(2, 2\), but the array begins with \(2, 3\)",
        ),
        ({"mask": [[1, 0, 1], [1, 1, 0]]}, ragged.DTypeError, "booleans"),
        ({"mask": np.ones((2, 3), bool), "lengths": [1, 1]}, ragged.StructureError, "not both"),
    ],
)
def test_padded(arguments, error, message, backend):
    with pytest.raises(error, match=message):
        ragged.from_padded(np.zeros((2, 3)), **arguments)


def test_padded_needs_a_rectangle():
    with pytest.raises(ragged.StructureError, match="at least two dimensions"):
        ragged.from_padded(np.zeros(3))
    with pytest.raises(ragged.StructureError):
        ragged.from_padded([[1, 2], [3]])


def test_errors_are_also_the_built_in_ones():
    with pytest.raises(ValueError, match="decrease"):
        ragged.from_offsets(CONTENT, [0, 3, 2])
    with pytest.raises(TypeError):
        ragged.from_offsets(CONTENT, [0.5])
    with pytest.raises(IndexError):
        ragged.from_row_ids([1.0], [-1])
    with pytest.raises(NotImplementedError):
        ragged.Array([1, [2]])


def test_an_unknown_backend():
    with pytest.raises(ragged.MissingBackendError, match="no backend 'nothing'"):
        ragged.Array([1], backend="nothing")


def array(node):
    return ragged.Array._of(node, NUMPY)


def flat(n, dtype=np.float64):
    return Flat(np.zeros(n, dtype), n)


def rows(*offsets):
    return Rows(NUMPY, np.array(offsets))


BROKEN = {
    "flat length": (Flat(np.zeros(3), 4), "the data has 3 entries, not 4"),
    "offsets decrease": (Lists(rows(0, 3, 2), flat(2)), "row 1 goes from 3 back to 2"),
    "offsets do not start at 0": (Lists(rows(1, 2), flat(2)), "start at 0"),
    "offsets overrun": (Lists(rows(0, 4), flat(2)), "overrun"),
    "content too long": (Lists(rows(0, 2), flat(5)), "content has 5 entries, rows 2"),
    "rows miscounted": (Lists(Rows(NUMPY, np.array([0, 1, 2]), nrows=5, total=2), flat(2)), "one offset more"),
    "regular": (Regular(Unknown(5), 2, 3), r"content has 5 entries, not 3\*2"),
    "record field": (Record(("x", "y"), (flat(2), flat(3)), 2), "field 'y' has 3 entries, not 2"),
    "record names": (Record(("x",), (flat(2), flat(2)), 2), "as many fields as contents"),
    "option flags": (Option(np.array([True]), flat(2)), "1 flags for 2 entries"),
    "option dtype": (Option(np.array([1, 0]), flat(2)), "boolean"),
    "option of option": (Option(np.ones(2, bool), Option(np.ones(2, bool), flat(2))), "option directly within"),
    "text of floats": (Lists(rows(0, 2), flat(2), {"__array__": "string"}), "holds uint8"),
    "text that is not UTF-8": (
        Lists(rows(0, 2), Flat(np.array([255, 254], np.uint8), 2), {"__array__": "string"}),
        "not UTF-8",
    ),
    "no node": ("nonsense", "is no node"),
    "deep": (
        Record(("x",), (Lists(rows(0, 1, 2), Flat(np.zeros(1), 2)),), 2),
        r"layout.content\('x'\).content: the data has 1",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_layout_is_found_wherever_it_is(name):
    node, message = BROKEN[name]
    x = array(node)
    assert not ragged.is_valid(x)
    with pytest.raises(ragged.StructureError, match=message):
        ragged.validity_error(x, exception=True)
    with pytest.raises(ragged.StructureError, match=message):
        ragged.is_valid(x, exception=True)
    assert ragged.validity_error(x).startswith("at layout")


@pytest.mark.parametrize("name", [name for name in BROKEN if name != "no node"])
def test_check_valid_finds_it_at_construction(name):
    node, message = BROKEN[name]
    with pytest.raises(ragged.StructureError, match=message):
        ragged.Array(array(node), check_valid=True)


def test_bytes_need_not_be_text():
    node = Lists(rows(0, 2), Flat(np.array([255, 254], np.uint8), 2), {"__array__": "bytestring"})
    assert ragged.is_valid(array(node))


@pytest.mark.parametrize("data", [[], [[1, None], []], [{"x": "a"}], [(1, 2.5)], np.ones((2, 3)), ["ä"], [None]])
def test_valid_arrays_are_valid(data, backend):
    assert ragged.is_valid(ragged.Array(data, check_valid=True))
    assert ragged.validity_error(ragged.Array(data)) == ""


@given(
    st.lists(st.one_of(st.integers(-3, 8), st.floats(allow_nan=True), st.none(), st.booleans()), max_size=6),
    st.integers(0, 5),
)
def test_no_offsets_crash_or_pass_in_silence(offsets, n):
    content = np.arange(float(n))
    try:
        x = ragged.from_offsets(content, offsets)
    except ragged.RaggedError:
        return
    assert ragged.is_valid(x)
    assert offsets[0] == 0
    assert x.to_list() == [list(content[a:b]) for a, b in pairwise(offsets)]


@given(
    st.lists(st.one_of(st.integers(-2, 6), st.floats(), st.none()), max_size=6),
    st.one_of(st.none(), st.integers(-1, 8)),
)
def test_no_row_ids_crash_or_pass_in_silence(ids, nrows):
    content = np.arange(float(len(ids)))
    try:
        x = ragged.from_row_ids(content, ids, nrows)
    except ragged.RaggedError:
        return
    assert ragged.is_valid(x)
    assert len(x) == (nrows if nrows is not None else max(ids, default=-1) + 1)
    for i, row in enumerate(x.to_list()):
        assert row == [value for value, owner in zip(content, ids, strict=True) if owner == i]


def test_validity_is_checked_while_jax_traces():
    jax = pytest.importorskip("jax")

    def program(values):
        x = ragged.Array({"x": ragged.from_lengths(values, [2, 1]), "s": ["a", "b"]}, check_valid=True)
        return ragged.sum(x["x"])

    assert float(jax.jit(program)(jax.numpy.arange(3, dtype="float32"))) == 3.0
