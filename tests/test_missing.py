"""mask, is_none, fill_none, drop_none, pad_none, firsts, singletons."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import ragged
from agreement import assert_same, outcome, same_values
from layouts import AXES, SETTINGS, agree, arrays, has, opened, pairs, without_hidden

X = [[1.0, 2.0, 3.0], [], [4.0, 5.0]]
MISSING = [[1.0, None], None, [3.0, 4.0]]


@SETTINGS
@given(arrays(), AXES)
def test_is_none(x, axis):
    assume(not has(x, "string", "bytes"))  # Awkward counts the characters of a text as an axis, here and below
    agree(lambda x: ragged.is_none(x, axis), lambda x: ak.is_none(x, axis), x)


@SETTINGS
@given(arrays(allow_string=False, allow_bytestring=False), st.sampled_from([0, 1.5, True]), st.none() | AXES)
def test_fill_none(x, value, axis):
    agree(lambda x: ragged.fill_none(x, value, axis), lambda x: ak.fill_none(x, value, axis), x)


@SETTINGS
@given(arrays(), st.none() | AXES)
def test_drop_none(x, axis):
    deepest = x.layout.branch_depth[1]
    assume(axis is None or -deepest <= axis)  # Awkward takes an axis that does not exist for one without None
    assume(axis is None or axis in (0, -1, -deepest, deepest - 1))  # else Awkward drops from the axis below as well
    agree(lambda x: ragged.drop_none(x, axis), lambda x: ak.drop_none(x, axis), x)


@SETTINGS
@given(arrays(allow_string=False, allow_bytestring=False), st.integers(0, 4), AXES, st.booleans())
def test_pad_none(x, target, axis, clip):
    x = without_hidden(x)  # Awkward takes what is there for missing in some layouts
    expected, wanted = outcome(ak.pad_none, x, target, axis, clip=clip)
    assume(wanted is not None or ak.is_valid(expected))
    low, high = x.layout.minmax_depth
    assume(axis >= 0 or low == high)  # Awkward pads a field's own axis, and cuts it off again with its record
    if has(x, "option[") and not clip and wanted is None:
        # inside an option, Awkward's type depends on the values: compare the values
        assert same_values(ragged.pad_none(ragged.Array(x), target, axis).to_list(), expected.to_list())
        return
    agree(
        lambda x: ragged.pad_none(x, target, axis, clip=clip),
        lambda x: ak.pad_none(x, target, axis, clip=clip),
        x,
    )


@SETTINGS
@given(arrays(allow_string=False, allow_bytestring=False), st.sampled_from([1, 2, 3, -1, -2]))
def test_firsts(x, axis):
    assume(isinstance(outcome(ak.firsts, x, axis)[0], ak.Array | None))
    agree(lambda x: ragged.firsts(x, axis), lambda x: ak.firsts(x, axis), x)


@SETTINGS
@given(arrays(), AXES)
def test_singletons(x, axis):
    agree(lambda x: ragged.singletons(x, axis), lambda x: ak.singletons(x, axis), x)


@SETTINGS
@given(arrays(), AXES, st.booleans())
def test_mask_by_is_none(x, axis, valid_when):
    assume(not has(x, "string", "bytes"))
    agree(
        lambda x: ragged.mask(x, ragged.is_none(x, axis), valid_when=valid_when),
        lambda x: ak.mask(x, ak.is_none(x, axis), valid_when=valid_when),
        x,
    )


@SETTINGS
@given(pairs())
def test_mask_by_any_array(xy):
    agree(ragged.mask, ak.mask, *xy)


@pytest.mark.parametrize(
    "condition", [[True, False, True], [[True, False, True], [], [False, True]], [None, True, False]]
)
def test_mask(backend, condition):
    expected = ak.mask(ak.Array(X), ak.Array(condition))
    x = ragged.Array(X)
    assert_same(ragged.mask(x, condition), expected)
    assert_same(x.mask[ragged.Array(condition)], expected)
    assert_same(
        ragged.mask(x, condition, valid_when=False), ak.mask(ak.Array(X), ak.Array(condition), valid_when=False)
    )


def test_mask_takes_only_booleans_that_line_up():
    with pytest.raises(ragged.DTypeError, match="boolean, not int64"):
        ragged.mask(ragged.Array([1, 2]), [1, 0])
    with pytest.raises(ragged.StructureError, match="3"):
        ragged.mask(ragged.Array(X), [True, False])
    with pytest.raises(ragged.StructureError):
        ragged.mask(ragged.Array([[1, 2], [3]]), [[True], [True, False]])


@pytest.mark.parametrize("axis", [0, 1, -1, None])
def test_fill_and_drop(backend, axis):
    x, reference = ragged.Array(MISSING), ak.Array(MISSING)
    assert_same(ragged.drop_none(x, axis), ak.drop_none(reference, axis))
    if axis in (1, -1):
        assert_same(ragged.fill_none(x, 9, axis), ak.fill_none(reference, 9, axis))
        assert_same(ragged.fill_none(x, np.float32(9), axis), ak.fill_none(reference, np.float32(9), axis))


@pytest.mark.parametrize(
    ("data", "value", "axis"),
    [
        (["a", None], "zz", 0),
        ([[1, 2], None], [], 0),
        ([[1, 2], None], [7, 8, 9], 0),
        ([{"x": 1, "y": None}, None], {"x": 5, "y": 6}, 0),
        ([{"x": 1, "y": None}, {"x": None, "y": 2}], 0, 0),
        ([None, None], 5, 0),
        ([True, None], 5, 0),
        ([1, None], 1 + 2j, 0),
        ([1, None], np.array(2.5), 0),
        ([[[None], None], None], [[1]], 0),
        ([np.datetime64("2020-01-01"), None], np.datetime64("2021-01-01"), 0),
    ],
)
def test_fill_with_any_value(data, value, axis):
    assert_same(ragged.fill_none(ragged.Array(data), value, axis), ak.fill_none(ak.Array(data), value, axis))


def test_fill_promotes_as_awkward():
    x = ak.mask(np.array([1, 2], np.float32), [True, False])
    for value in (0, 0.0, np.float32(0), True):
        assert_same(ragged.fill_none(ragged.Array(x), value), ak.fill_none(x, value))
    for value in ("text", [1, 2], np.datetime64("2020-01-01")):
        with pytest.raises(ragged.UnsupportedError, match="union"):
            ragged.fill_none(ragged.Array(x), value, axis=0)
    with pytest.raises(ragged.DTypeError, match="None"):
        ragged.fill_none(ragged.Array(x), None)


def test_drop_none_where_awkward_does_not_know_how():
    regular = ragged.to_regular(ragged.Array([[1, None], [3, 4]]))
    assert_same(ragged.drop_none(regular, axis=1), ak.Array([[1], [3, 4]]))
    deep = ragged.Array([[[1, None], None], None])
    assert ragged.drop_none(deep, axis=1).to_list() == [[[1, None]], None]
    fields = ragged.Array([[{"x": 1, "y": None}, {"x": None, "y": 2}]])
    assert ragged.drop_none(fields, axis=1).to_list() == fields.to_list()
    with pytest.raises(ragged.AxisError):
        ragged.drop_none(ragged.Array([1, None]), axis=-2)
    with pytest.raises(ragged.AxisError, match="fields one by one"):
        ragged.drop_none(ragged.Array([{"x": 1, "y": [1, None]}]), axis=-1)


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("target", [0, 2, 5])
@pytest.mark.parametrize("data", [X, [[1, 2], None, []], [[{"a": [1]}], []], [["text"], []], [[], []]])
def test_pad(data, target, clip):
    for axis in (0, 1):
        expected = ak.pad_none(opened(ak.Array(data)), target, axis, clip=clip)
        if target == 0 and None in data and axis == 1 and not clip:
            continue
        assert_same(ragged.pad_none(ragged.Array(data), target, axis, clip=clip), expected)


def test_pad_on_every_backend(backend):
    x = ragged.Array(X)
    assert_same(ragged.pad_none(x, 2), ak.pad_none(ak.Array(X), 2))
    assert_same(
        ragged.fill_none(ragged.pad_none(x, 2, clip=True), 0.0), ak.to_regular(ak.Array([[1.0, 2.0], [0, 0], [4, 5]]))
    )


def test_pad_leaves_names_alone_and_text_whole():
    named = ragged.with_parameter(ragged.Array([[1], []]), "__list__", "Named")
    assert str(ragged.pad_none(named, 2).type) == '2 * [var * ?int64, parameters={"__list__": "Named"}]'
    with pytest.raises(ragged.DTypeError, match="text"):
        ragged.pad_none(ragged.Array(["one", "two"]), 5)
    with pytest.raises(ragged.StructureError, match="negative"):
        ragged.pad_none(ragged.Array(X), -1, clip=True)
    with pytest.raises(ragged.AxisError, match="fields one by one"):
        ragged.pad_none(ragged.Array([{"x": 1, "y": [1]}]), 2, axis=-1)


def test_firsts_and_singletons_undo_each_other(backend):
    values = [1.0, None, 3.0]
    lists = ragged.singletons(ragged.Array(values))
    assert lists.to_list() == [[1.0], [], [3.0]]
    assert_same(ragged.firsts(lists), ak.Array(values))
    assert ragged.firsts(ragged.Array([[], []])).to_list() == [None, None]
    assert float(ragged.firsts(ragged.Array(values), axis=0)) == 1.0
    assert ragged.firsts(ragged.Array([]), axis=0) is None
    assert ragged.firsts(ragged.Array([[1, 2], None, []])).to_list() == [1, None, None]


def test_what_is_missing_has_no_gradient(backend):
    x = ragged.Array(X)

    def masked(x):
        return ragged.sum(ragged.fill_none(ragged.mask(ragged.log(x), x > 1.5), 7.0))

    assert_same(ragged.grad(masked)(x), ak.Array([[0.0, 0.5, 1 / 3], [], [0.25, 0.2]]))

    def padded(x):
        dense = ragged.fill_none(ragged.pad_none(x, 2, clip=True), 0.0)
        return ragged.sum(dense * dense) + ragged.sum(ragged.firsts(x)) + ragged.sum(ragged.drop_none(x.mask[x < 5]))

    assert_same(ragged.grad(padded)(x), ak.Array([[4.0, 5.0, 1.0], [], [10.0, 10.0]]))


def test_a_filling_has_a_gradient(backend):
    x = ragged.Array([1.0, None, 3.0, None])
    assert float(ragged.grad(lambda v: ragged.sum(ragged.fill_none(x, v) ** 2))(2.0)) == 8.0


@pytest.mark.parametrize("name", ["is_none", "fill_none", "pad_none", "firsts", "singletons"])
def test_no_such_axis(name):
    arguments = {"fill_none": (0,), "pad_none": (2,)}.get(name, ())
    with pytest.raises(ragged.AxisError, match="axis=4"):
        getattr(ragged, name)(ragged.Array(X), *arguments, axis=4)


def test_pad_has_one_type_whatever_the_values():
    x = ragged.Array([[1, 2], None])
    assert str(ragged.pad_none(x, 1).type) == "2 * option[var * ?int64]"
    assert str(ragged.pad_none(x, 3).type) == "2 * option[var * ?int64]"
    with pytest.raises(ragged.AxisError):
        ragged.fill_none(ragged.Array(["one"]), 0, axis=1)


def test_what_hides_behind_none_is_never_seen():
    hidden = ragged.Array([[1.0, np.nan], [np.nan], [3.0]]).mask[[True, False, True]]
    x = hidden.mask[[[True, False], [True], [True]]]
    assert x.to_list() == [[1.0, None], None, [3.0]]
    assert ragged.fill_none(ragged.fill_none(x, 0.0), [], axis=0).to_list() == [[1.0, 0.0], [], [3.0]]
    assert ragged.drop_none(x).to_list() == [[1.0], [3.0]]
    assert ragged.firsts(x).to_list() == [1.0, None, 3.0]
    assert ragged.pad_none(x, 2, clip=True).to_list() == [[1.0, None], None, [3.0, None]]
    assert ragged.singletons(x).to_list() == [[[1.0, None]], [], [[3.0]]]
    assert ragged.flatten(x, axis=None).to_list() == [1.0, 3.0]
    assert ragged.concatenate([x, x], axis=1).to_list() == [[1.0, None, 1.0, None], [], [3.0, 3.0]]
    assert ragged.unflatten(x, [1, 1, 1], axis=1).to_list() == [[[1.0], [None]], None, [[3.0]]]
    assert ragged.zip([x, [1, 2, 3]]).to_list() == [[(1.0, 1), (None, 1)], None, [(3.0, 3)]]
