"""Broadcasting, against Awkward: pairs that line up in every way, and pairs that do not."""

from __future__ import annotations

import re

import awkward as ak
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import assume, given, settings

import ragged
from agreement import assert_agrees, assert_same
from layouts import arrays
from ragged.broadcasting import broadcast
from ragged.nodes import Flat

DTYPES = ("bool", "int8", "uint8", "int64", "float32", "float64", "complex128")
NUMERIC = {
    "complex128": [
        np.add,
        np.subtract,
        np.multiply,
        np.equal,
        np.not_equal,
        np.logical_and,
        np.logical_or,
        np.logical_xor,
    ]
}
BINARY = [
    *NUMERIC["complex128"],
    np.true_divide,
    np.floor_divide,
    np.remainder,
    np.fmod,
    np.maximum,
    np.minimum,
    np.less,
    np.less_equal,
    np.greater,
    np.greater_equal,
    np.arctan2,
    np.hypot,
    np.copysign,
    np.power,
    np.bitwise_and,
    np.divmod,
]


@st.composite
def structures(draw):
    """List lengths level by level: the structure that all operands of one example share."""
    n = draw(st.integers(0, 4))
    levels = []
    for _ in range(draw(st.integers(0, 3))):
        even = draw(st.booleans())
        size = draw(st.integers(0, 3))
        lengths = [size] * n if even else draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))
        levels.append((lengths, even, size))
        n = sum(lengths)
    return draw(st.just(levels)), n


@st.composite
def operands(draw, levels, top, dtypes=DTYPES):
    """An Awkward array of the outer axes of a structure, with its own dtype, missing values and kinds of lists."""
    depth = draw(st.integers(0, len(levels)))
    used = levels[:depth]
    n = sum(used[-1][0]) if used else top
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    values = draw(st.lists(st.integers(0 if dtype.kind in "ub" else -3, 3), min_size=n, max_size=n))
    layout = ak.contents.NumpyArray(np.array(values, dtype).reshape(n))
    layout = draw(maybe_missing(layout))
    for lengths, even, size in reversed(used):
        if even and draw(st.booleans()):
            layout = ak.contents.RegularArray(layout, size, len(lengths))
        else:
            offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
            layout = ak.contents.ListOffsetArray(ak.index.Index64(offsets), layout)
        layout = draw(maybe_missing(layout))
    return ak.Array(layout)


@st.composite
def maybe_missing(draw, layout):
    if not draw(st.sampled_from([False, False, True])):
        return layout
    mask = np.array(draw(st.lists(st.booleans(), min_size=layout.length, max_size=layout.length)), np.int8)
    return ak.contents.ByteMaskedArray(ak.index.Index8(mask.reshape(layout.length)), layout, valid_when=True)


@st.composite
def pairs(draw, dtypes=DTYPES):
    levels, _ = draw(structures())
    top = len(levels[0][0]) if levels else draw(st.integers(0, 4))
    return draw(operands(levels, top, dtypes)), draw(operands(levels, top, dtypes))


def agrees(f, *xs):
    """`f` of ragged arrays and of Awkward's gives the same, or both raise."""
    ours = [ragged.Array(x) if isinstance(x, ak.Array) else x for x in xs]
    with np.errstate(all="ignore"):
        assert_agrees(lambda: f(*ours), lambda: f(*xs))


@settings(max_examples=300)
@given(pairs(), st.sampled_from(BINARY))
def test_pairs_that_share_a_structure_agree_with_awkward(pair, ufunc):
    assume(not _zero_sizes_stretch(*pair))
    agrees(ufunc, *pair)


def _zero_sizes_stretch(x, y):
    """Whether Awkward would cut a regular axis to match an empty one (see docs/differences.md)."""
    return any(re.search(r"\b0 \* ", str(each.type)) for each in (x, y))


@settings(max_examples=100)
@given(
    structures().flatmap(lambda s: operands(s[0], len(s[0][0]) if s[0] else 3)),
    st.sampled_from([2, -1, 2.5, True, np.float32(3), np.int64(2), np.uint8(1), np.array(2.0)]),
    st.sampled_from(BINARY),
    st.booleans(),
)
def test_scalars_join_with_numpy_promotion(x, scalar, ufunc, first):
    assume(not (type(scalar) is int and scalar < 0 and "uint8" in str(x.type)))  # NumPy's OverflowError, see below
    agrees(ufunc, *((scalar, x) if first else (x, scalar)))


def test_python_numbers_that_do_not_fit_are_numpys_business():
    x = ragged.Array(np.array([0, 1, 2], np.uint8))
    with pytest.raises(OverflowError, match="uint8"):
        x + 300
    assert (x == 300).to_list() == [False, False, False]
    assert (x < 300).to_list() == [True, True, True]


@settings(max_examples=100)
@given(
    structures().flatmap(lambda s: operands(s[0], len(s[0][0]) if s[0] else 3)),
    st.sampled_from(
        [np.negative, np.absolute, np.exp, np.sqrt, np.sign, np.isnan, np.logical_not, np.invert, np.modf, np.square]
    ),
)
def test_functions_of_one_array_agree_with_awkward(x, ufunc):
    agrees(ufunc, x)


SHORT = {"max_size": 8, "min_length": 2, "max_length": 2, "allow_regular": False}


@settings(max_examples=150)
@given(arrays(**SHORT), arrays(**SHORT))
def test_any_two_arrays_give_the_same_result_or_both_raise(x, y):
    agrees(np.add, x, y)


@settings(max_examples=100)
@given(pairs(dtypes=("int64", "float64")), st.sampled_from([None, 1, 2]), st.booleans(), st.booleans())
def test_broadcast_arrays_agrees_with_awkward(pair, depth_limit, left, right):
    assume(not _zero_sizes_stretch(*pair))
    has_missing = any("?" in str(x.type) or "option" in str(x.type) for x in pair)
    left = left or has_missing  # without it Awkward compares how many values are not missing
    options = {"depth_limit": depth_limit, "left_broadcast": left, "right_broadcast": right}
    ours = [ragged.Array(x) for x in pair]
    assert_agrees(lambda: ragged.broadcast_arrays(*ours, **options), lambda: ak.broadcast_arrays(*pair, **options))


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ([[1, 2, 3], [], [4, 5]], [10, 20, 30]),
        ([[[1, 2], [3]], [], [[4]]], [10, 20, 30]),
        ([[[1, 2], [3]], [], [[4]]], [[10, 20], [], [30]]),
        ([[1, 2, 3], [], [4, 5]], [[10, 20, 30], [], [40, 50]]),
        ([[1, 2, 3], [], [4, 5]], [100]),
        ([[1, 2], [3, 4]], np.array([[10, 20], [30, 40]])),
        (np.arange(6).reshape(2, 3), np.array([10, 20, 30])),
        (np.arange(6).reshape(2, 3), np.array([[10], [20]])),
        ([[1, None], None, []], [10, None, 30]),
        ([[1, None], None, []], [[10, 20], [30], None]),
    ],
)
def test_every_backend_broadcasts_alike(backend, x, y):
    result = ragged.Array(x) * 2 + ragged.Array(y)
    assert ragged.backend(result) == backend
    assert_same(result, ak.Array(x) * 2 + ak.Array(y))


def test_results_share_the_rows_of_their_operands():
    x, y = ragged.Array([[1, 2], [], [3]]), ragged.Array([1, 2, 3])
    assert (x + y).layout.rows is x.layout.rows
    assert (ragged.mask(x, x > 1) + y).layout.rows is x.layout.rows
    assert np.exp(x).layout.rows is x.layout.rows


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([[1, 2], [3]], [[10], [20, 30]], "row 0 has 2 elements in one array and 1 in another"),
        ([[1], [2, 3], [4]], [[1], [2], [4]], "row 1 has 2 elements in one array and 1 in another"),
        ([[1], [2, 3]], np.array([[1], [2], [3]]), "lengths 2 and 3"),
        ([[[1], [2, 3]]], [[[1], [2]]], "row 1 has 2 elements in one array and 1 in another"),
        (np.ones((2, 3)), np.ones((2, 2)), "sizes 2 and 3"),
        (np.ones((2, 3)), [[1, 2, 3], [4]], "row 1 has 3 elements in one array and 1 in another|row 1 has 1"),
    ],
)
def test_rows_that_do_not_line_up_are_named(backend, x, y, message):
    with pytest.raises(ragged.StructureError, match=message):
        ragged.Array(x) + ragged.Array(y)


def test_an_empty_array_does_not_line_up_with_a_full_one():
    for empty in ([], np.zeros(0)):
        with pytest.raises(ragged.StructureError, match=r"lengths 3 and 0|shapes"):
            ragged.Array([1, 2, 3]) + ragged.Array(empty)
    assert (ragged.Array([1]) + ragged.Array([])).to_list() == []


def test_what_hides_behind_missing_lists_does_not_matter():
    """The hidden lists of one operand need not line up with the other's."""
    x = ragged.Array([[1, 2], [3], [4, 5]])
    hidden = ragged.mask(ragged.Array([[10, 20], [0, 0, 0, 0], [30, 40]]), ragged.Array([True, False, True]))
    assert (x + hidden).to_list() == [[11, 22], None, [34, 45]]
    assert str((x + hidden).type) == "3 * option[var * int64]"
    with pytest.raises(ragged.StructureError, match="row 0"):
        x + ragged.mask(ragged.Array([[10], [0], [0, 0]]), ragged.Array([True, False, True]))


def test_actions_see_leaves_once_and_records_field_by_field():
    x = ragged.Array([[{"a": 1, "b": 2.5}], []])
    y = ragged.Array([10, 20])
    seen = []

    def action(b, inputs, valid):
        seen.append(inputs)
        return Flat(b.apply("add", *(flat.data for flat in inputs)), inputs[0].length)

    (result,) = broadcast(x._backend, [x.layout, y.layout], action)
    assert len(seen) == 2
    assert ragged.Array._of(result, x._backend).to_list() == [[{"a": 11, "b": 12.5}], []]
    with pytest.raises(ragged.StructureError, match="records"):
        broadcast(x._backend, [x.layout, y.layout], action, allow_records=False)
    other = ragged.Array([[{"a": 1, "c": 2.5}], []])
    with pytest.raises(ragged.StructureError, match="'c'"):
        broadcast(x._backend, [x.layout, other.layout], action)
    with pytest.raises(TypeError, match="tuple"):
        broadcast(x._backend, [x.layout, ragged.Array([[(1, 2)], []]).layout], action)


@pytest.mark.parametrize("rule", ["intersect", "one_to_one", "all_or_nothing", "none"])
def test_parameters_follow_awkwards_rules(rule):
    for given_parameters in ([{"a": 1, "b": 2}, {"a": 1, "b": 3}], [{"a": 1}, {"a": 1}], [{"a": 1}, None]):
        theirs = []
        for parameters in given_parameters:
            layout = ak.Array([[1, 2], [3]]).layout
            theirs.append(ak.Array(layout.copy(parameters=parameters)))
        expected = ak.broadcast_arrays(*theirs, broadcast_parameters_rule=rule)
        ours = ragged.broadcast_arrays(*map(ragged.Array, theirs), broadcast_parameters_rule=rule)
        for mine, wanted in zip(ours, expected, strict=True):
            assert (mine.layout.parameters or {}) == wanted.layout.parameters


def test_an_unknown_rule_is_refused():
    with pytest.raises(ValueError, match="one_to_one"):
        ragged.broadcast_arrays([1], [2], broadcast_parameters_rule="most")


def test_ufuncs_keep_what_parameters_have_in_common():
    layout = ak.Array([[1, 2], [3]]).layout
    x = ak.Array(layout.copy(parameters={"a": 1, "b": 2}))
    y = ak.Array(layout.copy(parameters={"a": 1}))
    assert (ragged.Array(x) + ragged.Array(y)).layout.parameters == (x + y).layout.parameters
    assert ((ragged.Array(x) + 1).layout.parameters or {}) == (x + 1).layout.parameters
