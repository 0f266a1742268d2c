"""Awkward to ragged and back: the same values and types, and the same memory."""

from __future__ import annotations

import awkward as ak
import hypothesis_awkward.strategies as st_ak
import numpy as np
import pytest
from hypothesis import given, settings

import ragged
from agreement import assert_same
from ragged.nodes import Flat, Lists, Option, Record, Regular

ARRAYS = st_ak.constructors.arrays(allow_union=False, allow_virtual=False)
Index64 = ak.index.Index64


def address(array):
    """Where a NumPy array's memory begins."""
    return array.__array_interface__["data"][0]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(ARRAYS)
def test_round_trip_keeps_values_and_types(array):
    x = ragged.Array(array)
    assert_same(x, array)
    assert x.type == array.type
    back = ragged.to_awkward(x)
    assert ak.is_valid(back)
    assert back.type == array.type
    assert_same(ragged.Array(back), array)
    assert ragged.validity_error(x) == ""


@settings(max_examples=100, deadline=None, derandomize=True)
@given(ARRAYS)
def test_prints_as_awkward_does(array):
    x = ragged.Array(array)
    assert repr(x) == repr(array)
    assert x.show(stream=None) == array.show(stream=None)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st_ak.constructors.arrays(allow_virtual=False))
def test_unions_are_refused_and_nothing_else(array):
    if "union[" in str(array.type):
        with pytest.raises(ragged.UnsupportedError, match="mixed types"):
            ragged.Array(array)
    else:
        assert_same(ragged.Array(array), array)


def test_virtual_arrays_are_refused_with_the_way_out():
    virtual = ak.from_buffers(
        ak.forms.from_dict({"class": "NumpyArray", "primitive": "float64", "form_key": "node0"}),
        3,
        {"node0-data": lambda: np.array([1.0, 2.0, 3.0])},
    )
    with pytest.raises(ragged.UnsupportedError, match="materialize"):
        ragged.Array(virtual)
    assert ragged.Array(ak.materialize(virtual)).to_list() == [1.0, 2.0, 3.0]


def test_typetracers_are_refused():
    with pytest.raises(ragged.UnsupportedError, match="typetracer"):
        ragged.Array(ak.to_backend(ak.Array([[1.0], []]), "typetracer"))


def test_list_offset_buffers_are_shared_both_ways():
    offsets, data = np.array([0, 2, 2, 5]), np.arange(5.0)
    array = ak.Array(ak.contents.ListOffsetArray(Index64(offsets), ak.contents.NumpyArray(data)))
    node = ragged.Array(array).layout
    assert address(node.rows.offsets) == address(offsets)
    assert address(node.content.data) == address(data)
    back = ragged.to_awkward(ragged.Array(array)).layout
    assert address(back.offsets.data) == address(offsets)
    assert address(back.content.data) == address(data)


def test_regular_record_and_numpy_buffers_are_shared_both_ways():
    x, y = np.arange(6.0), np.arange(12).reshape(6, 2)
    record = ak.contents.RecordArray([ak.contents.NumpyArray(x), ak.contents.NumpyArray(y)], ["x", "y"])
    array = ak.Array(ak.contents.RegularArray(record, 3))
    ours = ragged.Array(array)
    assert isinstance(ours.layout, Regular)
    assert [address(flat.data) for flat in ours.layout.content.contents] == [address(x), address(y)]
    back = ragged.to_awkward(ours).layout.content
    assert [address(content.data) for content in back.contents] == [address(x), address(y)]


def test_regular_numbers_become_a_trailing_axis_of_the_same_memory():
    data = np.arange(6.0)
    node = ragged.Array(ak.Array(ak.contents.RegularArray(ak.contents.NumpyArray(data), 3))).layout
    assert isinstance(node, Flat) and node.data.shape == (2, 3)
    assert address(node.data) == address(data)


def test_byte_masks_are_shared():
    mask, data = np.array([1, 0, 1], np.int8), np.arange(3.0)
    array = ak.Array(ak.contents.ByteMaskedArray(ak.index.Index8(mask), ak.contents.NumpyArray(data), True))
    node = ragged.Array(array).layout
    assert isinstance(node, Option)
    assert address(node.content.data) == address(data)
    back = ragged.to_awkward(ragged.Array(array)).layout
    assert address(back.content.data) == address(data)


EDGES = np.array([0, 2, 2, 4, 6])


def numbers():
    return ak.contents.NumpyArray(np.array([10, 11, 12, 13, 14, 15]))


LAYOUTS = {
    "list array, out of order": lambda: ak.contents.ListArray(Index64([4, 0, 3]), Index64([6, 2, 3]), numbers()),
    "list array, of one array of offsets": lambda: ak.contents.ListArray(
        Index64(EDGES[1:4]), Index64(EDGES[2:]), numbers()
    ),
    "list array, of one array with a gap": lambda: ak.contents.ListArray(
        Index64(EDGES[:2]), Index64(EDGES[2:4]), numbers()
    ),
    "list array, more stops than starts": lambda: ak.contents.ListArray(Index64([4, 0]), Index64([6, 2, 3]), numbers()),
    "32-bit offsets": lambda: ak.contents.ListOffsetArray(ak.index.Index32(np.array([0, 2, 6], np.int32)), numbers()),
    "unsigned offsets": lambda: ak.contents.ListOffsetArray(
        ak.index.IndexU32(np.array([0, 2, 6], np.uint32)), numbers()
    ),
    "offsets that start later": lambda: ak.contents.ListOffsetArray(Index64([2, 3, 5]), numbers()),
    "content longer than the offsets": lambda: ak.contents.ListOffsetArray(Index64([0, 1, 3]), numbers()),
    "no rows": lambda: ak.contents.ListOffsetArray(Index64([3]), numbers()),
    "indexed": lambda: ak.contents.IndexedArray(Index64([5, 0, 0]), numbers()),
    "indexed option": lambda: ak.contents.IndexedOptionArray(Index64([5, -1, 0]), numbers()),
    "indexed option of nothing": lambda: ak.contents.IndexedOptionArray(Index64([-1, -1]), ak.contents.EmptyArray()),
    "byte mask, valid where 0": lambda: ak.contents.ByteMaskedArray(
        ak.index.Index8([0, 1, 0]), numbers(), valid_when=False
    ),
    "bit mask": lambda: ak.contents.BitMaskedArray(
        ak.index.IndexU8(np.array([0b00101], np.uint8)), numbers(), valid_when=True, length=5, lsb_order=True
    ),
    "bit mask, most significant first": lambda: ak.contents.BitMaskedArray(
        ak.index.IndexU8(np.array([0b10100000], np.uint8)), numbers(), valid_when=False, length=5, lsb_order=False
    ),
    "record longer contents": lambda: ak.contents.RecordArray([numbers(), numbers()], ["x", "y"], length=2),
    "regular with leftover": lambda: ak.contents.RegularArray(numbers(), 4),
    "regular of nothing": lambda: ak.contents.RegularArray(ak.contents.EmptyArray(), 0, zeros_length=3),
    "tuple": lambda: ak.contents.RecordArray([numbers(), numbers()], None),
    "no fields": lambda: ak.contents.RecordArray([], [], length=3),
    "named records": lambda: ak.contents.RecordArray([numbers()], ["x"], parameters={"__record__": "Point"}),
    "parameters": lambda: ak.contents.ListOffsetArray(Index64([0, 6]), numbers(), parameters={"unit": "GeV"}),
    "strings": lambda: ak.Array([["one", ""], [], ["älfa"]]).layout,
    "bytes": lambda: ak.Array([[b"one", b""], []]).layout,
    "missing at each level": lambda: ak.Array([[1, None], None, [], [None]]).layout,
    "missing long lists": lambda: ak.Array([[0] * 1000, None, None])[[1, 0, 2, 1]].layout,
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_other_layouts_are_normalised(name):
    array = ak.Array(LAYOUTS[name]())
    x = ragged.Array(array, check_valid=True)
    assert_same(x, array)
    assert x.type == array.type
    assert_same(ragged.to_awkward(x), array)


def test_normalised_content_is_a_view():
    data = np.arange(6.0)
    array = ak.Array(ak.contents.ListOffsetArray(Index64([2, 3, 5]), ak.contents.NumpyArray(data)))
    node = ragged.Array(array).layout
    assert node.rows.offsets.tolist() == [0, 1, 3]
    assert node.content.length == 3
    assert address(node.content.data) == address(data) + 16


def test_repeated_missing_lists_take_no_memory():
    layout = ak.contents.IndexedOptionArray(
        Index64(np.full(100_000, -1)),
        ak.contents.ListOffsetArray(Index64([0, 100_000]), ak.contents.NumpyArray(np.zeros(100_000))),
    )
    x = ragged.Array(ak.Array(layout))
    assert x.layout.content.content.length == 0


def test_fields_with_equal_offsets_share_their_rows():
    array = ak.Array({"x": [[1, 2], []], "y": [[1.5, 2.5], []], "z": [[1], [2]]})
    node = ragged.Array(array).layout
    assert isinstance(node, Record)
    x, y, z = node.contents
    assert x.rows is y.rows
    assert z.rows is not x.rows


def test_categoricals_keep_values_and_type():
    content = ak.Array(["one", "two"]).layout
    for layout in (
        ak.contents.IndexedArray(Index64([0, 1, 0]), content, parameters={"__array__": "categorical"}),
        ak.contents.IndexedOptionArray(Index64([0, -1, 1]), content, parameters={"__array__": "categorical"}),
        ak.contents.IndexedArray(
            Index64([1, 0]), ak.contents.NumpyArray(np.array([1.5, 2.5])), parameters={"__array__": "categorical"}
        ),
    ):
        array = ak.Array(layout)
        x = ragged.Array(array)
        assert_same(x, array)
        back = ragged.to_awkward(x)
        assert back.type == array.type
        assert back.to_list() == array.to_list()
        assert ak.is_valid(back)


def test_missing_categories_made_by_an_operation_survive():
    layout = ak.contents.IndexedArray(
        Index64([0, 1]), ak.Array(["one", "two"]).layout, parameters={"__array__": "categorical"}
    )
    x = ragged.mask(ragged.Array(ak.Array(layout)), np.array([True, False]))
    assert ragged.to_awkward(x).to_list() == ["one", None]


def test_attrs_and_behavior_travel():
    behavior = {"Point": ak.Record}
    array = ak.Array([{"x": 1}], with_name="Point", behavior=behavior, attrs={"source": "here"})
    x = ragged.Array(array)
    assert x.attrs["source"] == "here"
    back = ragged.to_awkward(x)
    assert back.attrs["source"] == "here"
    assert back.behavior["Point"] is ak.Record


def test_records_come_and_go():
    record = ak.Record({"x": 1.5, "y": "two"})
    ours = ragged.Record(record)
    assert ours.to_list() == {"x": 1.5, "y": "two"}
    assert isinstance(ragged.to_awkward(ours), ak.Record)
    assert ragged.to_awkward(ours).to_list() == record.to_list()
    with pytest.raises(ragged.StructureError, match="single value"):
        ragged.Array(record)


def test_lists_of_missing_records_without_type():
    array = ak.Array([[None, None], []])
    x = ragged.Array(array)
    assert_same(x, array)
    assert isinstance(x.layout, Lists)
    assert_same(ragged.to_awkward(x), array)


def test_other_backends_convert(backend):
    array = ak.Array([[{"x": 1.5, "y": [1, 2]}], [], [{"x": 2.5, "y": []}, {"x": 3.5, "y": [3]}]])
    x = ragged.Array(array)
    assert ragged.backend(x) == backend
    assert_same(x, array)
    assert_same(ragged.to_awkward(x), array)
    assert x.to_backend("numpy").to_list() == array.to_list()
    assert ragged.backend(x.to_backend("numpy")) == "numpy"


def test_text_and_missing_values_on_other_backends(backend):
    array = ak.Array([["one", None], None, ["", "zwei"]])
    x = ragged.Array(array)
    assert_same(x, array)
    assert_same(ragged.to_awkward(x), array)


@pytest.mark.parametrize("data", [[b"ab", b"c"], ["ab", "c"], [b"ab", b"cd", b"ef"]])
def test_slices_within_texts_are_listed_as_text(data):
    x = ak.Array(data)
    for key in ((None, slice(None), 0), (slice(None), 0), (None, slice(0, 0), 0)):
        assert_same(ragged.Array(x)[key], x[key])
