"""Arrays from content with structure given apart: offsets, lengths, row ids, padding."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ragged
from agreement import assert_same
from ragged.context import active


def test_from_offsets(backend):
    x = ragged.from_offsets([1.0, 2.0, 3.0], [0, 2, 2, 3])
    assert_same(x, ak.Array([[1.0, 2.0], [], [3.0]]))
    assert ragged.backend(x) == backend


def test_from_offsets_leaves_out_what_lies_beyond():
    data = np.arange(5.0)
    x = ragged.from_offsets(data, np.array([0, 1, 3], np.int32))
    assert x.to_list() == [[0.0], [1.0, 2.0]]
    assert x.layout.content.length == 3
    assert np.shares_memory(x.layout.content.data, data)
    assert ragged.is_valid(x)


def test_from_offsets_over_any_content(backend):
    records = ragged.Array([{"x": 1, "s": "a"}, {"x": 2, "s": "b"}, {"x": 3, "s": None}])
    assert ragged.from_offsets(records, [0, 1, 3]).to_list() == [
        [{"x": 1, "s": "a"}],
        [{"x": 2, "s": "b"}, {"x": 3, "s": None}],
    ]
    nested = ragged.from_offsets(ragged.Array([[1], [2, 3]]), [0, 0, 2])
    assert nested.to_list() == [[], [[1], [2, 3]]]
    assert ragged.from_offsets(np.arange(6.0).reshape(3, 2), [0, 1, 3]).typestr == "2 * var * 2 * float64"


def test_structure_may_be_any_array(backend):
    b = active()
    offsets = b.asarray(np.array([0, 2, 3]))
    for given_offsets in (offsets, ragged.Array([0, 2, 3]), (0, 2, 3), np.array([0, 2, 3], np.uint8)):
        assert ragged.from_offsets(np.arange(3.0), given_offsets).to_list() == [[0.0, 1.0], [2.0]]


def test_partitions_are_built_on_the_active_backend(backend):
    content = np.arange(3.0)
    for x in (
        ragged.from_offsets(content, [0, 1, 3]),
        ragged.from_lengths(content, [1, 2]),
        ragged.from_row_ids(content, [0, 1, 1]),
        ragged.from_padded(np.ones((2, 2)), lengths=[1, 2]),
    ):
        assert ragged.backend(x) == backend


def test_from_lengths(backend):
    assert_same(ragged.from_lengths([1.0, 2.0, 3.0], [2, 0, 1]), ak.Array([[1.0, 2.0], [], [3.0]]))
    assert ragged.from_lengths([], []).to_list() == []


def test_from_row_ids(backend):
    assert_same(ragged.from_row_ids([1.0, 2.0, 3.0], [0, 0, 2]), ak.Array([[1.0, 2.0], [], [3.0]]))
    assert ragged.from_row_ids([1.0, 2.0, 3.0], [0, 0, 2], nrows=5).to_list() == [[1.0, 2.0], [], [3.0], [], []]
    assert ragged.from_row_ids([], []).to_list() == []
    assert ragged.from_row_ids(np.zeros(0), [], nrows=2).to_list() == [[], []]


@given(st.lists(st.lists(st.integers(-5, 5), max_size=4), max_size=5))
def test_partitions_agree(rows):
    content = np.array([value for row in rows for value in row], np.int64)
    lengths = np.array([len(row) for row in rows], np.int64)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    ids = np.repeat(np.arange(len(rows)), lengths)
    assert ragged.from_offsets(content, offsets).to_list() == rows
    assert ragged.from_lengths(content, lengths).to_list() == rows
    assert ragged.from_row_ids(content, ids, nrows=len(rows)).to_list() == rows
    dense, mask = ragged.to_padded(ragged.from_lengths(content, lengths), fill=9)
    assert dense.shape == mask.shape == (len(rows), max(map(len, rows), default=0))
    assert dense[mask].tolist() == content.tolist()
    assert (dense[~mask] == 9).all()
    assert ragged.from_padded(dense, mask).to_list() == rows
    assert ragged.from_padded(dense, lengths=lengths).to_list() == rows


def test_padding(backend):
    dense, mask = ragged.to_padded(ragged.Array([[1.0, 2.0], [], [3.0]]), fill=-1.0)
    b = active()
    assert b.owns(dense) and b.owns(mask)
    assert ragged.to_numpy(dense).tolist() == [[1.0, 2.0], [-1.0, -1.0], [3.0, -1.0]]
    assert ragged.to_numpy(mask).tolist() == [[True, True], [False, False], [True, False]]
    assert_same(ragged.from_padded(dense, mask), ak.Array([[1.0, 2.0], [], [3.0]]))
    assert ragged.from_padded(dense).to_list() == [[1.0, 2.0], [-1.0, -1.0], [3.0, -1.0]]


def test_padding_cuts_only_where_asked():
    x = ragged.Array([[1, 2, 3], [4]])
    assert ragged.to_padded(x, max_len=2)[0].tolist() == [[1, 2], [4, 0]]
    assert ragged.to_padded(x, max_len=4)[0].tolist() == [[1, 2, 3, 0], [4, 0, 0, 0]]
    assert ragged.to_padded(x, max_len=0)[0].shape == (2, 0)
    assert x.to_padded(max_len=1)[1].tolist() == [[True], [True]]


def test_padding_of_missing_values_and_rows():
    dense, mask = ragged.to_padded(ragged.Array([[1, None, 3], None, [4]]), fill=9)
    assert dense.tolist() == [[1, 9, 3], [9, 9, 9], [4, 9, 9]]
    assert mask.tolist() == [[True, False, True], [False, False, False], [True, False, False]]


def test_padding_of_vectors_and_of_rectangles():
    x = ragged.from_offsets(np.arange(6.0).reshape(3, 2), [0, 1, 3])
    dense, mask = ragged.to_padded(x)
    assert dense.tolist() == [[[0.0, 1.0], [0.0, 0.0]], [[2.0, 3.0], [4.0, 5.0]]]
    assert mask.tolist() == [[True, False], [True, True]]
    dense, mask = ragged.to_padded(np.ones((2, 2)))
    assert dense.tolist() == [[1.0, 1.0], [1.0, 1.0]] and mask.all()


def test_padding_keeps_or_widens_the_dtype():
    assert ragged.to_padded(ragged.Array([[True], []]))[0].dtype == bool
    assert ragged.to_padded(ragged.Array([[1], []]))[0].dtype == np.int64
    assert ragged.to_padded(ragged.Array(np.ones((1, 1), np.float32)))[0].dtype == np.float32
    assert np.isnan(ragged.to_padded(ragged.Array([[1], []]), fill=np.nan)[0][1, 0])
    assert ragged.to_padded(ragged.Array([[], []]), max_len=2)[0].shape == (2, 2)


def test_padding_of_what_is_not_one_axis_of_numbers():
    for data in ([[[1]]], [[{"x": 1}]], ["text"], [1, 2]):
        with pytest.raises(ragged.StructureError, match="one ragged axis"):
            ragged.to_padded(ragged.Array(data))


def test_content_is_differentiated(backend):
    def loss(values):
        x = ragged.from_lengths(values, [2, 0, 1])
        dense, _ = ragged.to_padded(x * x)
        y = ragged.from_padded(dense, lengths=[1, 0, 1])
        return ragged.sum(y)

    gradient = ragged.grad(loss)(active().asarray(np.array([1.0, 2.0, 3.0])))
    assert ragged.to_numpy(gradient).tolist() == [2.0, 0.0, 6.0]


def test_columns_and_lists_of_tracers_are_differentiated(backend):
    def loss(values):
        x = ragged.Array([values[:2], values[2:]])
        y = ragged.Array({"a": values, "b": [1.0, 2.0, 3.0]})
        return ragged.sum(x * x) + ragged.sum(y["a"] * y["b"])

    gradient = ragged.grad(loss)(active().asarray(np.array([1.0, 2.0, 3.0])))
    assert ragged.to_numpy(gradient).tolist() == [3.0, 6.0, 9.0]


@pytest.mark.parametrize(
    ("build", "given"),
    [
        (ragged.from_offsets, [0, 2, 2, 3]),
        (ragged.from_lengths, [2, 0, 1]),
        (ragged.from_row_ids, [0, 0, 2]),
        (ragged.unflatten, [2, 0, 1]),
        (lambda data, given: ragged.from_padded(np.stack([data[:2], data[1:]]), lengths=given), [2, 1]),
        (lambda data, given: ragged.from_padded(np.stack([data[:2], data[1:]]), given), [[True, True], [True, False]]),
        (lambda data, given: ragged.mask(ragged.Array(data), given), [True, False, True]),
        (lambda data, given: ragged.Array(data).mask[given], [True, False, True]),
        (lambda data, given: ragged.mask(ragged.Array(data), given, valid_when=False), [True, False, True]),
        (lambda data, given: ragged.mask(ragged.Array(data), ragged.Array(given)), [True, False, True]),
        (lambda data, given: ragged.Array(np.ma.MaskedArray(data, given)), [True, False, True]),
    ],
)
def test_structure_is_not_the_callers(build, given):
    data, structure = np.array([1.0, 2.0, 3.0]), np.array(given)
    x = build(data, structure)
    before = x.to_list(), ragged.sum(x)
    structure[...] = 1 - structure if structure.dtype.kind != "b" else ~structure
    assert (x.to_list(), ragged.sum(x)) == before
    assert ragged.is_valid(x)
