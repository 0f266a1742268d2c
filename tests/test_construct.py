"""Arrays from Python, NumPy and frameworks; between backends, JSON, and transform."""

from __future__ import annotations

import subprocess
import sys

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ragged
from agreement import assert_same
from python_data import PYTHON
from ragged.context import active
from ragged.nodes import Flat, Unknown


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
    dense, owner = active().asarray(np.arange(3.0, dtype=np.float32)), "numpy" if active().over_numpy else backend
    monkeypatch.setattr("ragged.construct.active", lambda: None)
    rows = ragged.from_lengths(np.ones(1, np.float32), [1, 0, 0])
    assert ragged.backend(ragged.Array(dense)) == owner
    assert ragged.backend(ragged.from_offsets(dense, [0, 1, 3])) == owner
    assert ragged.backend(ragged.Array({"x": dense, "y": rows})) == owner


def test_lists_of_arrays_keep_their_framework(backend):
    b = active()
    rows = [b.asarray(np.array([1.0, 2.0], np.float32)), b.asarray(np.array([3.0], np.float32))]
    if b.over_numpy:
        rows = [ragged.Array(row) for row in rows]
    x = ragged.Array(rows)
    assert x.typestr == "2 * var * float32"
    assert x.to_list() == [[1.0, 2.0], [3.0]]
    assert ragged.backend(x) == backend


def test_numbers_in_nested_lists_keep_their_framework(backend):
    b = active()
    one, two = b.asarray(np.float32(1.0)), b.asarray(np.float32(2.0))
    x = ragged.Array([[one, two], [], [two, 5]], check_valid=True)
    assert x.typestr == "3 * var * float32" or b.over_numpy  # NumPy's are scalars, which Awkward makes float64
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
    assert ragged.to_numpy(gradient).tolist() == [4.0 + 20.0 + 100.0, 4.0 + 30.0 + 100.0, 6.0 + 20.0]


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
    if "datetime" in str(ak.type(ak.Array(data))) and not active().over_numpy:
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
    assert y.layout.rows is x.layout.rows.on(y.layout.rows.ops)


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


def test_whole_numbers_beyond_int64_are_unsigned():
    expected = ragged.unflatten(np.array([2**63, 1, 2**64 - 1], np.uint64), [1, 0, 2])
    assert_same(ragged.Array([[2**63], [], [1, 2**64 - 1]]), expected)
    assert str(ragged.Array([2**63, None]).type) == "2 * ?uint64"
    with pytest.raises(ragged.DTypeError, match="beyond int64"):
        ragged.Array([-1, 2**63])
