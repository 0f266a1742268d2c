"""Array and Record themselves: copies, iteration, conversion, attributes."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import awkward as ak
import numpy as np
import pytest

import ragged
from agreement import assert_same
from python_data import PYTHON
from ragged.context import active
from ragged.nodes import Flat, Lists, Regular


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
    if backend in ("torch", "tensorflow"):  # which have ragged types of their own
        assert ragged.from_native(ragged.Array([[1.0], []]).to_native()).to_list() == [[1.0], []]
    else:
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


def test_pickles_and_copies_keep_every_bit(backend):
    values = [[0.1, 1 / 3], [], [1e-300]]
    x = ragged.Array(values)
    records = ragged.Array([{"a": 0.1, "b": [1 / 3]}])
    for again in (lambda x: pickle.loads(pickle.dumps(x)), copy.copy, copy.deepcopy):
        assert again(x).to_list() == values and ragged.backend(again(x)) == backend
        assert again(x).typestr == "3 * var * float64"
        assert again(records).to_list() == [again(records[0]).to_list()] == [{"a": 0.1, "b": [1 / 3]}]


def test_a_process_without_the_context_unpickles_every_bit(backend):
    x = ragged.Array([[0.1, 1 / 3], []])
    program = "import pickle, sys; print(pickle.load(sys.stdin.buffer).to_list())"
    run = subprocess.run([sys.executable, "-c", program], input=pickle.dumps(x), capture_output=True, check=True)
    assert run.stdout.decode().strip() == str([[0.1, 1 / 3], []])


def test_copies_are_differentiated_and_own_their_content(backend):
    x = ragged.Array([[1.0, 2.0], []])
    for again in (copy.copy, copy.deepcopy):
        gradient = ragged.grad(lambda x, again=again: ragged.sum(again(x) ** 2))(x)
        assert gradient.to_list() == [[2.0, 4.0], []]
    data = np.array([1.0, 2.0])
    shared = ragged.Array(data)
    own = copy.deepcopy(shared)
    data[0] = 7.0
    assert own.to_list() == [1.0, 2.0]


def test_devices_dtypes_and_constants(backend):
    x = ragged.Array([[1.5, 2.5], [], [3.5]])
    assert x.to("float32").typestr == x.to(dtype=np.float32).typestr == "3 * var * float32"
    here = "cuda" if backend == "cupy" else "cpu"
    assert ragged.backend(x.to(here)) == ragged.backend(x.to(here, "int64")) == backend
    assert x.to(here, "int64").to_list() == [[1, 2], [], [3]]
    assert ragged.grad(lambda x: ragged.sum(x * x.detach()))(x).to_list() == x.to_list()
    assert ragged.grad(lambda x: ragged.sum(x.to("float32").to("float64") * 2))(x).to_list() == [[2, 2], [], [2]]
    with pytest.raises(ragged.UnsupportedError):
        x.to("abacus")
    with pytest.raises(TypeError, match="one device"):
        x.to("cpu", "gpu")
