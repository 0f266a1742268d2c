"""Arrays from Python, NumPy, frameworks, and content with structure given apart."""

from __future__ import annotations

import copy
import datetime
import pickle
import subprocess
import sys

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ragged
from agreement import assert_same
from ragged.context import active
from ragged.nodes import Flat, Lists, Regular, Unknown

PYTHON = {
    "lists": [[1.0, 2.0], [], [3.0]],
    "ints": [[1, 2], []],
    "booleans": [True, False],
    "complex": [1 + 2j, 3],
    "missing": [[1, None], None, []],
    "records": [{"x": 1, "y": [1.5]}, {"x": 2, "y": []}],
    "records with missing fields": [{"x": 1}, {"x": 2, "y": "a"}],
    "tuples": [(1, "a"), (2, "b")],
    "strings": [["one", ""], ["äöü"]],
    "bytes": [b"one", b""],
    "dates": [np.datetime64("2020-01-01", "s"), np.datetime64("2021-01-01", "s")],
    "datetimes": [datetime.datetime(2020, 1, 1), None],
    "nothing": [],
    "empty lists": [[], []],
    "nested empties": [[[]], []],
    "only None": [None, None],
    "NaN": [[float("nan")], [float("inf")]],
    "a tuple of lists": ([1, 2], [3]),
    "NumPy rows": [np.array([1, 2]), np.array([], int)],
    "columns": {"x": [1, 2], "y": [[1.5], []]},
}


@pytest.mark.parametrize("name", PYTHON)
def test_python_data_becomes_what_awkward_makes_of_it(name):
    assert_same(ragged.Array(PYTHON[name], check_valid=True), ak.Array(PYTHON[name]))


LEAVES = st.one_of(
    st.just(st.integers(-(2**63), 2**63 - 1)),
    st.just(st.floats()),
    st.just(st.booleans()),
    st.just(st.text(max_size=3)),
    st.just(st.binary(max_size=3)),
    st.just(st.one_of(st.integers(-5, 5), st.floats(-5, 5))),
    st.just(st.complex_numbers()),
    st.just(st.sampled_from([np.float64(1.5), np.int32(3), np.float32(2.5)])),
)


def deeper(inner):
    """Strategies of lists, records, tuples and missing values of what `inner` strategies draw."""
    return st.one_of(
        inner.map(lambda x: st.lists(x, max_size=3)),
        inner.map(lambda x: st.one_of(st.none(), x)),
        st.tuples(inner, inner).map(lambda xy: st.fixed_dictionaries({"x": xy[0], "y": xy[1]})),
        st.tuples(inner, inner).map(lambda xy: st.tuples(*xy)),
        inner.map(lambda x: st.dictionaries(st.sampled_from("abc"), x, max_size=2)),
    )


@given(st.recursive(LEAVES, deeper, max_leaves=4).flatmap(lambda values: st.lists(values, max_size=4)))
def test_nested_data_becomes_what_awkward_makes_of_it(data):
    expected = ak.Array(data)
    if "union" in str(expected.type):
        with pytest.raises(ragged.UnsupportedError):
            ragged.Array(data)
        return
    x = ragged.Array(data, check_valid=True)
    assert_same(x, expected)
    assert x.type == expected.type


def test_building_from_lists_needs_no_awkward():
    program = """
import sys, ragged
x = ragged.Array([[{"x": 1.5, "s": "a", "t": (1, None)}], [], None])
assert x.to_list() == [[{"x": 1.5, "s": "a", "t": (1, None)}], [], None]
assert "awkward" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_any_iterable():
    assert ragged.Array(range(3)).to_list() == [0, 1, 2]
    assert ragged.Array([i] * i for i in range(3)).to_list() == [[], [1], [2, 2]]
    assert ragged.from_iter(iter([[1], []])).to_list() == [[1], []]


def test_the_empty_list_has_no_type():
    x = ragged.Array([])
    assert isinstance(x.layout, Unknown)
    assert x.typestr == "0 * unknown"


NUMPY = {
    "1-d": np.arange(3.0),
    "n-d": np.arange(24).reshape(2, 3, 4),
    "zero-size axis": np.zeros((2, 0, 3)),
    "float16": np.ones(2, np.float16),
    "dates": np.array(["2020-01-01", "NaT"], "datetime64[D]"),
    "masked": np.ma.array([1, 2, 3], mask=[0, 1, 0]),
    "masked n-d": np.ma.array([[1, 2], [3, 4]], mask=[[0, 1], [0, 0]]),
    "masked nowhere": np.ma.array([1, 2]),
    "strings": np.array(["a", "bcd"]),
    "bytes": np.array([b"a", b"bcd"]),
    "structured": np.array([(1, 2.5), (3, 4.5)], [("a", "i4"), ("b", "f8")]),
    "structured with an array field": np.zeros(2, [("a", "i4"), ("b", "f8", (3,))]),
    "strided": np.arange(10)[::3],
    "reversed": np.arange(4)[::-1],
}


@pytest.mark.parametrize("name", NUMPY)
def test_numpy_arrays_become_what_awkward_makes_of_them(name):
    assert_same(ragged.Array(NUMPY[name], check_valid=True), ak.Array(NUMPY[name]))


def test_numpy_memory_is_shared():
    data = np.arange(6.0).reshape(2, 3)
    assert ragged.Array(data).layout.data is data
    assert ragged.from_numpy(data).to_numpy() is data
    records = np.zeros(3, [("a", "f8"), ("b", "i4")])
    assert np.shares_memory(ragged.Array(records)["a"].to_numpy(), records)


def test_structured_arrays_of_more_dimensions():
    data = np.array([[(1, 2.5)], [(3, 4.5)]], [("a", "i4"), ("b", "f8")])
    x = ragged.Array(data, check_valid=True)
    assert x.typestr == "2 * 1 * {a: int32, b: float64}"
    assert x.to_list() == [[{"a": 1, "b": 2.5}], [{"a": 3, "b": 4.5}]]


def test_foreign_byte_order_is_made_native():
    x = ragged.Array(np.arange(3, dtype=">i4"))
    assert x.layout.data.dtype.isnative
    assert x.to_list() == [0, 1, 2]


def test_string_dtype():
    x = ragged.Array(np.array(["a", "longer"], np.dtypes.StringDType()))
    assert_same(x, ak.Array(["a", "longer"]))


def test_object_arrays_of_lists():
    rows = np.empty(2, object)
    rows[:] = [[1, 2], [3]]
    assert ragged.Array(rows).to_list() == [[1, 2], [3]]


@pytest.mark.parametrize(
    "value", [5, 2.5, None, "text", b"bytes", np.float64(1), np.array(3.0), ragged.Record({"x": 1})]
)
def test_single_values_are_no_arrays(value):
    with pytest.raises(ragged.StructureError, match="single value"):
        ragged.Array(value)


def test_with_name_names_the_outermost_records():
    x = ragged.Array([[{"x": 1, "y": {"z": 2}}], []], with_name="Point")
    assert_same(x, ak.Array([[{"x": 1, "y": {"z": 2}}], []], with_name="Point"))


def test_an_array_of_an_array_shares_its_layout():
    x = ragged.Array([[1, 2], []])
    assert ragged.Array(x).layout is x.layout


def test_backend_named_active_or_the_datas_own(backend):
    assert ragged.backend(ragged.Array([[1.0], []])) == backend
    assert ragged.backend(ragged.Array([[1.0], []], backend="numpy")) == "numpy"
    b = active()
    dense = b.asarray(np.arange(3, dtype=np.float32))
    assert ragged.backend(ragged.Array(dense)) == backend


def test_without_a_context_content_stays_on_its_framework(backend, monkeypatch):
    dense = active().asarray(np.arange(3.0, dtype=np.float32))
    monkeypatch.setattr("ragged.construct.active", lambda: None)
    rows = ragged.from_lengths(np.ones(1, np.float32), [1, 0, 0])
    assert ragged.backend(ragged.Array(dense)) == backend
    assert ragged.backend(ragged.from_offsets(dense, [0, 1, 3])) == backend
    assert ragged.backend(ragged.Array({"x": dense, "y": rows})) == backend


def test_lists_of_arrays_keep_their_framework(backend):
    b = active()
    rows = [b.asarray(np.array([1.0, 2.0], np.float32)), b.asarray(np.array([3.0], np.float32))]
    if backend == "numpy":
        rows = [ragged.Array(row) for row in rows]
    x = ragged.Array(rows)
    assert x.typestr == "2 * var * float32"
    assert x.to_list() == [[1.0, 2.0], [3.0]]
    assert ragged.backend(x) == backend


def test_numbers_in_nested_lists_keep_their_framework(backend):
    b = active()
    one, two = b.asarray(np.float32(1.0)), b.asarray(np.float32(2.0))
    x = ragged.Array([[one, two], [], [two, 5]], check_valid=True)
    assert x.typestr == "3 * var * float32" or backend == "numpy"  # NumPy's are scalars, which Awkward makes float64
    assert x.to_list() == [[1.0, 2.0], [], [2.0, 5.0]]
    assert ragged.backend(x) == backend
    records = ragged.Array([{"x": one, "y": "a"}, {"x": 2.0, "y": None}, None])
    assert records.to_list() == [{"x": 1.0, "y": "a"}, {"x": 2.0, "y": None}, None]
    assert ragged.backend(records) == backend


def test_tracers_in_nested_lists_are_differentiated(backend):
    def loss(p):
        x = ragged.Array([[p[0], p[1]], [], [p[2], 1.0], [None, p[0]]])
        rows = ragged.Array([[p[:2]], [], [p[1:], p]])
        records = ragged.Array([{"a": p[0]}, {"a": p[1]}])
        return ragged.sum(x * x) + 10 * ragged.sum(rows) + 100 * ragged.sum(records["a"])

    gradient = ragged.grad(loss)(active().asarray(np.array([1.0, 2.0, 3.0])))
    assert np.asarray(gradient).tolist() == [4.0 + 20.0 + 100.0, 4.0 + 30.0 + 100.0, 6.0 + 20.0]


def test_arrays_beside_numbers_are_refused():
    with pytest.raises(ragged.StructureError, match="both"):
        ragged.Array([ragged.Array([1.0]), 2.0])


def test_columns_may_be_arrays(backend):
    x = ragged.Array({"x": ragged.Array([[1, 2], []]), "y": np.array([1.5, 2.5])})
    assert_same(x, ak.Array({"x": [[1, 2], []], "y": np.array([1.5, 2.5])}))


def test_no_columns_are_no_records():
    assert ragged.Array({}).typestr == "0 * {}"


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(ragged.StructureError, match="'x': 2, 'y': 3"):
        ragged.Array({"x": [1, 2], "y": [1, 2, 3]})
    with pytest.raises(ragged.DTypeError, match="strings, not 1"):
        ragged.Array({1: [1, 2]})
    with pytest.raises(ragged.StructureError, match="column 'y' is the single value 5"):
        ragged.Array({"x": [1, 2], "y": 5})


# ---------------------------------------------------------------- content and structure given apart


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
    assert np.asarray(dense).tolist() == [[1.0, 2.0], [-1.0, -1.0], [3.0, -1.0]]
    assert np.asarray(mask).tolist() == [[True, True], [False, False], [True, False]]
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
    assert np.asarray(gradient).tolist() == [2.0, 0.0, 6.0]


def test_columns_and_lists_of_tracers_are_differentiated(backend):
    def loss(values):
        x = ragged.Array([values[:2], values[2:]])
        y = ragged.Array({"a": values, "b": [1.0, 2.0, 3.0]})
        return ragged.sum(x * x) + ragged.sum(y["a"] * y["b"])

    gradient = ragged.grad(loss)(active().asarray(np.array([1.0, 2.0, 3.0])))
    assert np.asarray(gradient).tolist() == [3.0, 6.0, 9.0]


# ---------------------------------------------------------------- the array itself


@pytest.mark.parametrize("data", PYTHON.values(), ids=PYTHON)
def test_copies_and_pickles(data):
    x = ragged.Array(data)
    for y in (copy.copy(x), copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert_same(y, ak.Array(data))


def test_deep_copies_are_independent_and_keep_shared_rows():
    x = ragged.Array({"x": [[1.0, 2.0], []], "y": [[3.0, 4.0], []]})
    y = copy.deepcopy(x)
    x.layout.contents[0].content.data[0] = 100.0
    assert y["x"].to_list() == [[1.0, 2.0], []]
    assert y.layout.contents[0].rows is y.layout.contents[1].rows


def test_copies_on_other_backends(backend):
    x = ragged.Array([[1.0, 2.0], []])
    for y in (copy.copy(x), copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert y.to_list() == [[1.0, 2.0], []]
        assert ragged.backend(y) == backend


@pytest.mark.parametrize("data", PYTHON.values(), ids=PYTHON)
def test_iterating_gives_what_indexing_gives(data):
    x = ragged.Array(data)
    for i, value in enumerate(x):
        assert ragged.to_list(value) == ragged.to_list(x[i]) or x.typestr == "2 * var * float64"
        assert type(value) is type(x[i])
    assert len(list(x)) == len(x)


@pytest.mark.parametrize("data", [[[1.5], [], [2.5]], [{"x": 1.5}], ["a", None], [1.5, None], [(1.5, [2.5])]])
def test_iterating_stays_on_the_backend(data, backend):
    x = ragged.Array(data)
    for i, value in enumerate(x):
        assert type(value) is type(x[i])
        assert ragged.to_list(value) == ragged.to_list(x[i]) == ragged.to_list(ak.Array(data)[i])
        if isinstance(value, ragged.Array):
            assert ragged.backend(value) == backend


def test_iterating_is_differentiated(backend):
    def loss(x):
        return sum(ragged.sum(row * row) for row in x)

    gradient = ragged.grad(loss)(ragged.Array([[1.0, 2.0], [], [3.0]]))
    assert gradient.to_list() == [[2.0, 4.0], [], [6.0]]


def test_iterating_over_regular_axes():
    rows = list(ragged.Array(np.arange(6).reshape(2, 3)))
    assert [row.to_list() for row in rows] == [[0, 1, 2], [3, 4, 5]]
    assert isinstance(rows[0], ragged.Array)


def test_iterating_is_linear():
    x = ragged.from_lengths(np.zeros(200_000), np.ones(200_000, np.int64))
    first = next(iter(x))
    assert first.to_list() == [0.0]
    assert sum(1 for _ in ragged.Array(np.zeros(200_000))) == 200_000


def test_truth():
    assert ragged.Array([True]) and not ragged.Array([0])
    assert ragged.Array([[1]])
    for x in (ragged.Array([1, 2]), ragged.Array([]), ragged.Array([[1, 2]])):
        with pytest.raises(ValueError, match="ambiguous"):
            bool(x)


def test_attrs_can_be_set_and_travel():
    x = ragged.Array([[1], []])
    assert x.attrs == {}
    x.attrs["a"] = 1
    assert pickle.loads(pickle.dumps(x)).attrs == {"a": 1}
    x.attrs = {"b": 2}
    assert ragged.Array(x).attrs == x[:1].attrs == {"b": 2}


def test_notebooks_complete_the_names_of_fields():
    x = ragged.Array([{"x": 1, "y": 2}])
    assert x._ipython_key_completions_() == x[0]._ipython_key_completions_() == ["x", "y"]


def test_membership():
    x = ragged.Array([[1, 2], [], [3]])
    assert 3 in x
    assert 4 not in x


def test_sizes():
    x = ragged.Array([[1.0, 2.0], [], [3.0]])
    assert len(x) == 3
    assert x.ndim == 2
    assert x.nbytes == 4 * 8 + 3 * 8
    assert ragged.Array({"a": [[1], [2]], "b": [[3], [4]]}).nbytes == 3 * 8 + 2 * 2 * 8


def test_sizes_inside_a_gradient(backend):
    seen = []
    ragged.grad(lambda x: seen.append((x.nbytes, x.ndim, len(x))) or ragged.sum(x))(ragged.Array([[1.0, 2.0], []]))
    assert seen == [(3 * 8 + 2 * 8, 2, 2)]


def test_tuples_and_fields():
    assert ragged.Array([(1, 2)]).is_tuple
    assert not ragged.Array([{"x": 1}]).is_tuple
    assert ragged.Array([[(1, "a")]]).fields == ["0", "1"]
    x = ragged.Array([{"x": 1, "not an identifier": 2}])
    assert "x" in dir(x)
    assert "not an identifier" not in dir(x)
    assert x.x.to_list() == [1]
    with pytest.raises(AttributeError, match=r"fields: \['x'"):
        _ = x.y


def test_attributes_cannot_be_set():
    x = ragged.Array([{"x": 1}])
    with pytest.raises(AttributeError):
        x.x = 5
    assert x.to_list() == [{"x": 1}]


def test_numpy_conversion():
    assert np.asarray(ragged.Array([[1, 2], [3, 4]])).tolist() == [[1, 2], [3, 4]]
    assert np.asarray(ragged.Array(["a", "bc"])).tolist() == ["a", "bc"]
    masked = ragged.to_numpy(ragged.Array([1, None, 3]))
    assert isinstance(masked, np.ma.MaskedArray)
    assert masked.tolist() == [1, None, 3]
    assert ragged.to_numpy(ragged.Array([{"a": 1, "b": 2.5}])).dtype.names == ("a", "b")


def test_numpy_conversion_of_ragged_rows_names_the_first():
    with pytest.raises(ragged.StructureError, match="axis=1 list 0 has length 2 but list 2 has 1"):
        np.asarray(ragged.Array([[1, 2], [3, 4], [5]]))
    with pytest.raises(ragged.StructureError, match="axis=2"):
        np.asarray(ragged.Array([[[1]], [[1, 2]]]))
    with pytest.raises(ragged.StructureError, match="missing"):
        np.asarray(ragged.Array([1, None]))


def test_numpy_copies_as_asked():
    data = np.arange(3.0)
    x = ragged.Array(data)
    assert np.asarray(x) is not x
    assert np.shares_memory(np.asarray(x), data)
    assert not np.shares_memory(np.array(x, copy=True), data)
    assert np.shares_memory(np.array(x, copy=False), data)
    assert np.asarray(x, dtype=np.float32).dtype == np.float32
    with pytest.raises(ValueError, match="copy"):
        np.array(ragged.Array([[1, 2], [3, 4]]), copy=False)


def test_dlpack_carries_flat_arrays_only():
    data = np.arange(3.0)
    assert np.shares_memory(np.from_dlpack(ragged.Array(data)), data)
    with pytest.raises(ragged.StructureError, match="to_padded"):
        np.from_dlpack(ragged.Array([[1], []]))


def test_native_form_of_dense_arrays(backend):
    b = active()
    assert b.owns(ragged.Array(np.ones((2, 2))).to_native())
    assert ragged.from_native(b.asarray(np.arange(3))).to_list() == [0, 1, 2]
    with pytest.raises(ragged.UnsupportedError, match="to_padded"):
        ragged.Array([[1.0], []]).to_native()


def test_records():
    r = ragged.Record({"x": 1.5, "y": [1, 2], "z": {"w": None}})
    assert r.fields == ["x", "y", "z"]
    assert (r.x, r["x"]) == (1.5, 1.5)
    assert r.y.to_list() == [1, 2]
    assert r["y", 1] == 2
    assert r["z", "w"] is None
    assert r.z.to_list() == {"w": None}
    assert r[["x", "y"]].to_list() == {"x": 1.5, "y": [1, 2]}
    assert "x" in r and "q" not in r
    assert r.to_list() == r.tolist() == {"x": 1.5, "y": [1, 2], "z": {"w": None}}
    assert pickle.loads(pickle.dumps(r)).to_list() == copy.deepcopy(r).to_list() == r.to_list()
    with pytest.raises(TypeError):
        iter(r)
    with pytest.raises(AttributeError, match="fields"):
        _ = r.q
    with pytest.raises(ragged.FieldError, match="name of a field"):
        r[0]
    with pytest.raises(ragged.FieldError):
        r["q"]


def test_tuples_as_records():
    r = ragged.Record((1, "a"))
    assert r.is_tuple
    assert r["1"] == "a"
    assert r.to_list() == (1, "a")
    assert str(r.type) == str(ak.Array([(1, "a")])[0].type)


def test_record_types_equal_awkwards():
    data = [{"x": 1.5, "y": [1, 2], "z": {"w": None}}]
    ours, theirs = ragged.Array(data)[0], ak.Array(data)[0]
    assert ours.type == theirs.type
    assert repr(ours) == repr(theirs)


@pytest.mark.parametrize("data", [5, [1, 2], "text", [{"x": 1}, {"x": 2}]])
def test_what_is_no_record(data):
    with pytest.raises(ragged.StructureError, match="one dict or tuple"):
        ragged.Record(data)


def test_layouts_are_what_they_say():
    assert isinstance(ragged.Array([[1], []]).layout, Lists)
    assert isinstance(ragged.Array(np.ones((2, 2))).layout, Flat)
    assert isinstance(ragged.Array(ak.to_regular(ak.Array([["a"], ["b"]]))).layout, Regular)


def test_transform_replaces_nodes(backend):
    def doubled(node, depth, backend, **_):
        seen.append((type(node).__name__, depth))
        return Flat(backend.apply("multiply", node.data, 2), node.length) if isinstance(node, Flat) else None

    seen = []
    x = ragged.transform(doubled, ragged.Array([[{"x": 1, "y": [1, 2]}], []]))
    assert x.to_list() == [[{"x": 2, "y": [2, 4]}], []]
    assert seen == [("Lists", 1), ("Record", 2), ("Flat", 2), ("Lists", 2), ("Flat", 3)]


def test_transform_keeps_lengths_and_options():
    x = ragged.Array([[1, None], None])
    assert ragged.transform(lambda node, **_: None, x).to_list() == x.to_list()
    with pytest.raises(ragged.StructureError, match="1 entries in the place of 2"):
        ragged.transform(lambda node, **_: Flat(np.ones(1), 1), x)
    with pytest.raises(ragged.StructureError, match="a node or None, not a int"):
        ragged.transform(lambda node, **_: 5, x)


def test_json():
    x = ragged.from_json("[[1.5, null], [], [3]]")
    assert_same(x, ak.Array([[1.5, None], [], [3.0]]))
    assert ragged.to_json(x) == "[[1.5,null],[],[3.0]]"
    with pytest.raises(ragged.StructureError, match="JSON"):
        ragged.from_json("[[1, 2")
    with pytest.raises(ragged.UnsupportedError, match="mixed types"):
        ragged.from_json("[1, [2]]")


@pytest.mark.parametrize("data", PYTHON.values(), ids=PYTHON)
def test_there_and_back_again(data, backend):
    if "datetime" in str(ak.type(ak.Array(data))) and backend != "numpy":
        with pytest.raises(ragged.UnsupportedError):
            ragged.Array(data)
        return
    x = ragged.Array(data, backend="numpy")
    there = ragged.Array(x)  # on the active backend, which keeps 64 bits
    assert ragged.backend(there) == backend
    assert_same(there, ak.Array(data))
    assert_same(there.to_backend("numpy"), ak.Array(data))
    assert there.to_backend(backend).layout is there.layout


def test_to_backend_names_where_content_goes(backend):
    x = ragged.Array(ak.values_astype(ak.Array([[1.0, 2.0], [], [3.0]]), np.float32), backend="numpy")
    y = x.to_backend(backend)
    assert ragged.backend(y) == backend
    assert_same(y, x.to_awkward())
    assert y.layout.rows is x.layout.rows


def test_to_backend_shares_what_it_can():
    x = ragged.Array(np.arange(3.0))
    assert x.to_backend("numpy").layout is x.layout
    with pytest.raises(ragged.UnsupportedError, match="device"):
        x.to_backend("numpy", device="gpu")
    with pytest.raises(ragged.MissingBackendError):
        x.to_backend("nothing")


def test_fields_with_equal_rows_share_them():
    node = ragged.Array([{"x": [1, 2], "y": ["a", "b"]}, {"x": [], "y": []}]).layout
    assert node.contents[0].rows is node.contents[1].rows


def test_backend_tells_where_an_operation_would_run(backend):
    x, y = ragged.Array([[1.0], []]), ragged.Array([[1.0], []], backend="numpy")
    assert ragged.backend(x, y) == ragged.backend(y, x) == ragged.backend(x, 1.5, None) == backend
    assert ragged.backend(np.ones(3)) == ragged.backend(2.5) == ragged.backend() == "numpy"
