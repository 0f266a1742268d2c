"""What comes out of `x[key]`: kinds of result, views, shared structure, gathers, gradients, errors."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest

import ragged
from agreement import assert_same
from ragged.registry import get_backend

LISTS = [[1.1, 2.2, 3.3], [], [4.4, 5.5]]
RECORDS = [
    [{"x": 1.1, "y": [1]}, {"x": 2.2, "y": [1, 2]}, {"x": 3.3, "y": [1, 2, 3]}],
    [],
    [{"x": 4.4, "y": [1, 2, 3, 4]}, {"x": 5.5, "y": [1, 2, 3, 4, 5]}],
]
CUBE = np.arange(24.0).reshape(2, 3, 4)


class Keys:
    """`keys[a:b, c]` is the key itself."""

    def __getitem__(self, key):
        return key


k = Keys()

# fmt: off
GRADIENT_KEYS = [
    k[1], k[:, 1:], k[:, ::-1], k[::-1], k[[2, 0, 2]], k[[[0, 0], [], [1]]],
    k[[[True, False, True], [], [True, True]]], k[2, 1], k[[[0, None], None, [1]]], k[[0, 2], [1, 1]], k[:, None],
    k[0, 1:],
]
# fmt: on


def test_a_full_index_gives_the_frameworks_own_value(backend):
    value = ragged.Array(LISTS)[2, 1]
    assert value.shape == ()
    assert float(value) == 5.5
    if backend == "numpy":
        assert type(value) is np.float64
        assert type(ragged.Array(CUBE)[1, 2, 3]) is np.float64
        assert type(ragged.Array([True])[0]) is np.bool_
    record = ragged.Array(RECORDS)[0, 0]
    assert isinstance(record, ragged.Record)
    assert float(record["x"]) == 1.1


def test_attributes_behaviors_and_names_stay():
    named = ak.Array(RECORDS, with_name="point", attrs={"from": "here"})
    x = ragged.Array(RECORDS, with_name="point")
    x.attrs["from"] = "here"
    for key in (k[0], k[1:], k[:, 1:], k[[0, 2]], k[[[0], [], [1]]], k["x"], k[0, 0]):
        assert str(x[key].type) == str(named[key].type)
    assert x[:, 1:].attrs == {"from": "here"}
    assert x[0].attrs == x["x"].attrs == x[x.x > 2].attrs == {"from": "here"}
    assert x[["x"]].layout.content.parameters is None
    x[0].attrs["from"] = "there"
    assert x.attrs == {"from": "here"}


def test_contiguous_selections_are_views():
    content = np.arange(5.0)
    x = ragged.from_lengths(content, [3, 0, 2])
    for part in (x[0], x[1:], x[0:2], x[0, 1:], x[2]):
        assert np.shares_memory(part.layout.data if part.ndim == 1 else part.layout.content.data, content)
    cube = ragged.Array(CUBE)
    for key in (k[:, 1], k[..., ::2], k[0, :, 1:], k[:, None]):
        assert np.shares_memory(cube[key].layout.data, CUBE)


def test_structure_is_shared_where_it_stays():
    x = ragged.Array(RECORDS)
    assert x["x"].layout.rows is x["y"].layout.rows
    assert x[:].layout is x[0:9].layout is x.layout
    assert x[:, ::-1].layout.rows is x[:, :].layout.rows is x.layout.rows
    pair = ragged.zip({"a": x["y"], "b": x["y"]})
    for key in (k[:, 1:], k[:, :, 1:], k[[2, 0]], k[[[0], [], [1]]]):
        selected = pair[key]
        first, second = selected["a"].layout, selected["b"].layout
        while hasattr(first, "rows"):
            assert first.rows is second.rows
            first, second = first.content, second.content


class Counting:
    """The NumPy backend, counting its gathers of content."""

    def __init__(self, monkeypatch):
        self.taken = []
        b = get_backend("numpy")
        take = type(b).take

        def counted(backend, x, index):
            if x.dtype == np.float64:
                self.taken.append(x.shape[0])
            return take(backend, x, index)

        monkeypatch.setattr(type(b), "take", counted)


def test_content_is_gathered_once(monkeypatch):
    x = ragged.Array([[[1.5, 2.5], [3.5]], [], [[4.5]]])
    counting = Counting(monkeypatch)
    for key in (k[::-1, ::-1, ::-1], k[[2, 0], ..., :1], k[:, :1, 1:], k[[[0], [], [0]], :1]):
        counting.taken.clear()
        assert x[key] is not None
        assert len(counting.taken) == 1, key


@pytest.mark.parametrize(
    ("key", "error", "words"),
    [
        (k[3], ragged.OutOfRangeError, ("3", "length 3")),
        (k[-4], ragged.OutOfRangeError, ("-4", "length 3")),
        (k[:, 0], ragged.OutOfRangeError, ("index 0", "list 1", "length 0")),
        (k[:, -2], ragged.OutOfRangeError, ("index -2", "list 1", "length 0")),
        (k[::-1, 2], ragged.OutOfRangeError, ("index 2", "list 2", "length 2")),
        (k[0, 3], ragged.OutOfRangeError, ("3",)),
        (k[[0, 5]], ragged.OutOfRangeError, ("5", "length 3")),
        (k[np.array([2**64 - 1], np.uint64)], ragged.OutOfRangeError, ("length 3",)),
        (k[10**40], ragged.OutOfRangeError, ("length 3",)),
        (k[:, -(10**40)], ragged.OutOfRangeError, ("list 0",)),
        (k[[0, -5]], ragged.OutOfRangeError, ("-5", "length 3")),
        (k[:, [0, 9]], ragged.OutOfRangeError, ("index 9", "list 0", "length 3")),
        (k[[0, 2], [1, 2]], ragged.OutOfRangeError, ("index 2", "list 2", "length 2")),
        (k[[[0], [0], [0]]], ragged.OutOfRangeError, ("index 0", "list 1", "length 0")),
        (k[[[0], [], [-3]]], ragged.OutOfRangeError, ("index -3", "list 2", "length 2")),
        (k[[[0], []]], ragged.StructureError, ("2 lists", "length 3")),
        (k[[[True], [], [True, False]]], ragged.StructureError, ("list 0", "length 3", "1")),
        (k[[[True, True, True], [], [True]]], ragged.StructureError, ("list 2", "length 2", "1")),
        (k[[True, False]], ragged.StructureError, ("length 2", "length 3")),
        (k[:, [True, False, True]], ragged.StructureError, ("length 3", "list 1")),
        (k[[0, 1], [0, 1, 2]], ragged.StructureError, ("(2,)", "(3,)")),
        (k[[0, 1], :, [0, 1]], ragged.StructureError, ("side by side",)),
        (k[0, [[0], [], [0]]], ragged.StructureError, ("x[...][...]",)),
        (k[::0], ragged.StructureError, ("zero",)),
        (k[:, ::0], ragged.StructureError, ("zero",)),
        (k[0, 0, 0], ragged.AxisError, ("too many",)),
        (k[:, :, 1:], ragged.AxisError, ("too many",)),
        (k[[[[0], [0], [0]], [], [[0], [0]]]], ragged.AxisError, ("too many",)),
        (k[..., ...], ragged.AxisError, ("one Ellipsis",)),
        (k["z"], ragged.FieldError, ("'z'",)),
        (k[["z"]], ragged.FieldError, ("'z'",)),
        (k[1.5], ragged.DTypeError, ("1.5",)),
        (k[True], ragged.DTypeError, ("True",)),
        (k[[1.5]], ragged.DTypeError, ("float64",)),
        (k[[{"x": 1}]], ragged.DTypeError, ("Record",)),
        (k[{"x": 1}], ragged.DTypeError, ("key",)),
        (k[0.5:], ragged.DTypeError, ("0.5",)),
    ],
    ids=str,
)
def test_errors(backend, key, error, words):
    with pytest.raises(error) as raised:
        ragged.Array(LISTS)[key]
    assert isinstance(raised.value, ragged.RaggedError)
    for word in words:
        assert word in str(raised.value)


def test_no_such_field_lists_the_fields():
    with pytest.raises(ragged.FieldError, match=r"'z'.*\['x', 'y'\]"):
        ragged.Array(RECORDS)["z"]
    with pytest.raises(ragged.FieldError, match=r"'z'.*\['x', 'y'\]"):
        ragged.Array(RECORDS)[0, 0, "z"]


def test_two_frameworks_in_one_selection():
    pytest.importorskip("jax")
    x = ragged.Array(LISTS)
    with ragged.use("jax", precision="float64"):
        mask = ragged.Array([[True, False, True], [], [False, True]])
        assert ragged.backend(x[mask]) == "jax"
        assert_same(x[mask], ak.Array([[1.1, 3.3], [], [5.5]]))


def test_traced_keys_say_what_to_do():
    jax = pytest.importorskip("jax")
    with ragged.use("jax", precision="float64"):
        x = ragged.Array(LISTS)
        assert_same(jax.jit(lambda x: x[:, 1:])(x), ak.Array(LISTS)[:, 1:])
        for select in (lambda x, i: x[i], lambda x, i: x[:i], lambda x, i: x[x > i], lambda x, i: x[(x > i) * 0]):
            with pytest.raises(ragged.UnsupportedError, match=r"ragged\.jit"):
                jax.jit(select)(x, 1)


@pytest.mark.parametrize("key", GRADIENT_KEYS, ids=str)
def test_gradients_add_up_where_a_value_is_selected(backend, key):
    x = ragged.Array(LISTS)
    weights = ragged.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]])[key]

    def loss(x):
        product = x[key] * weights
        return ragged.sum(product, axis=None) if isinstance(product, ragged.Array) else product

    gradient = ragged.grad(loss)(x)
    picked = ak.Array([[0, 1, 2], [], [3, 4]])[key]
    flat = np.asarray([i for i in ak.to_list(ak.ravel(ak.Array([picked]))) if i is not None], np.int64)
    wanted = np.bincount(flat, weights=flat + 1.0, minlength=5).astype(np.float64)
    assert_same(gradient, ak.unflatten(wanted, [3, 0, 2]))


def test_gradients_with_keys_made_of_the_argument(backend):
    x = ragged.Array([[1.0, 3.0, 2.0], [], [5.0, 4.0]])
    kept = ragged.grad(lambda x: ragged.sum(x[x > 2] ** 2, axis=None))(x)
    assert_same(kept, ak.Array([[0.0, 6.0, 0.0], [], [10.0, 8.0]]))
    largest = ragged.grad(lambda x: ragged.sum(x[ragged.argmax(x, axis=1, keepdims=True)] ** 2, axis=None))(x)
    assert_same(largest, ak.Array([[0.0, 6.0, 0.0], [], [10.0, 0.0]]))
    rows = ragged.grad(lambda x: ragged.sum(x[ragged.num(x) > 2][0, 1:] ** 2, axis=None))(x)
    assert_same(rows, ak.Array([[0.0, 6.0, 4.0], [], [0.0, 0.0]]))
    entry = ragged.grad(lambda x: x[2, 0] * x[0, 1] + x[2][0])(x)
    assert_same(entry, ak.Array([[0.0, 5.0, 0.0], [], [4.0, 0.0]]))
    second = ragged.hvp(lambda x: ragged.sum(x[:, ::-1][:, :1] ** 3, axis=None), (x,), (ragged.ones_like(x),))
    assert_same(second[0] if isinstance(second, tuple) else second, ak.Array([[0.0, 0.0, 12.0], [], [0.0, 24.0]]))


def test_gradients_of_dense_selections(backend):
    x = ragged.Array(CUBE)
    for key in (k[:, 1:, ::2], k[0, :, -1], k[..., ::-1], k[:, [2, 0]], k[[1, 0, 1], [0, 2, 0]], k[:, None, 1]):
        gradient = ragged.grad(lambda x, key=key: ragged.sum(x[key] * x[key], axis=None))(x)
        wanted = np.zeros_like(CUBE)
        np.add.at(wanted, key, 2 * CUBE[key])
        assert np.allclose(gradient.to_numpy(), wanted), key


@pytest.mark.parametrize("index", [10**20, -(10**20), 2**63])
def test_an_index_beyond_int64_is_reported_as_given(index):
    ragged_lists = ragged.Array([[1.0, 2.0], [], [3.0]])
    for x in (ragged_lists, ragged.Array([[[1]], [[2]]]), ragged.to_regular(ragged.Array([[1, 2], [3, 4]]))):
        for key in ((index,), (slice(None), index), (0, index)):
            with pytest.raises(ragged.OutOfRangeError, match=f"index {index} is out of range"):
                x[key]
    with pytest.raises(ragged.AxisError, match=str(index)):
        ragged_lists[:, :, index]
