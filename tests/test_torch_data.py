"""Arrays in PyTorch programs: batches, other processes, devices and dtypes, gradients by `backward()`."""

from __future__ import annotations

import copy
import pickle
from collections import namedtuple
from multiprocessing.reduction import ForkingPickler

import numpy as np
import pytest

import ragged

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import ragged_torch  # noqa: E402

Point = namedtuple("Point", "x y")


# ---------------------------------------------------------------------- collate


@pytest.mark.parametrize(
    ("samples", "kind", "values"),
    [
        ([torch.tensor([1.0, 2.0]), torch.zeros(0)], "2 * var * float32", [[1, 2], []]),
        ([torch.ones(1, 2), torch.zeros(2, 2)], "2 * var * 2 * float32", [[[1, 1]], [[0, 0], [0, 0]]]),
        ([torch.ones(1, 2), torch.zeros(2, 1)], "2 * var * var * float32", [[[1, 1]], [[0], [0]]]),
        ([torch.ones(1), torch.tensor([2])], "2 * var * float64", [[1], [2]]),
        ([np.array([1, 2]), np.array([3])], "2 * var * int64", [[1, 2], [3]]),
        ([np.ones((1, 2), "f4"), np.zeros((2, 2), "f4")], "2 * var * 2 * float32", [[[1, 1]], [[0, 0], [0, 0]]]),
        ([np.ones((0, 3), "f4"), np.ones((0, 3), "f4")], "2 * var * 3 * float32", [[], []]),
        ([np.ones((1, 2)), np.zeros((2, 1))], "2 * var * var * float64", [[[1, 1]], [[0], [0]]]),
        ([np.ones(1, "i2"), np.ones(2, "i4")[::-1]], "2 * var * int32", [[1], [1, 1]]),
        ([np.ones(1, ">f4"), np.ones(0, ">f4")], "2 * var * float32", [[1], []]),
        ([np.ones(1), torch.ones(2, dtype=torch.float64)], "2 * var * float64", [[1], [1, 1]]),
        ([np.ones(1), [2.0, 3.0]], "2 * var * float64", [[1], [2, 3]]),
        ([np.ma.array([1, 2], mask=[0, 1]), np.ma.array([3])], "2 * var * ?int64", [[1, None], [3]]),
        ([[1.5, 2.5], []], "2 * var * float64", [[1.5, 2.5], []]),
        ([ragged.Array([[1.0], []]), ragged.Array([[2.0]])], "2 * var * var * float64", [[[1], []], [[2]]]),
        ([ragged.Record({"a": 1.0}), ragged.Record({"a": 2.0})], "2 * {a: float64}", [{"a": 1}, {"a": 2}]),
        ([["a", "bc"], ["d"]], "2 * var * string", [["a", "bc"], ["d"]]),
    ],
)
def test_rows(samples, kind, values):
    batch = ragged_torch.collate(samples)
    assert ragged.backend(batch) == "torch"
    assert batch.typestr == kind
    assert batch.to_list() == values


def test_numbers_become_tensors():
    for samples in ([1, 2], [torch.tensor(1), torch.tensor(2)], [1, torch.tensor(2)], [np.int64(1), np.int64(2)]):
        batch = ragged_torch.collate(samples)
        assert isinstance(batch, torch.Tensor)
        assert batch.tolist() == [1, 2]
        assert batch.dtype == torch.int64
    assert ragged_torch.collate([0.5, 1.5]).dtype == torch.float64


def test_containers():
    samples = [({"x": torch.ones(n), "name": f"s{n}"}, Point(n, [n] * n)) for n in (1, 0, 2)]
    features, point = ragged_torch.collate(samples)
    assert features["x"].to_list() == [[1], [], [1, 1]]
    assert features["name"] == ["s1", "s0", "s2"]
    assert isinstance(point, Point)
    assert point.x.tolist() == [1, 0, 2]
    assert point.y.to_list() == [[1], [], [2, 2]]


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ([], "no sample"),
        ([torch.ones(1), 1.0], "numbers, rows"),
        ([{"a": 1}, {"b": 1}], "the same keys"),
        ([(1,), (1, 2)], "the same number of fields"),
        ([None], "NoneType"),
        ([object(), object()], "object"),
    ],
)
def test_what_goes_in_no_batch(samples, message):
    with pytest.raises(ragged.StructureError, match=message):
        ragged_torch.collate(samples)


@pytest.mark.parametrize("samples", [[2**63, 1], [2**63, 1.0], [torch.tensor(1), 2**63]])
def test_numbers_beyond_int64(samples):
    with pytest.raises(ragged.DTypeError, match="cannot become a tensor"):
        ragged_torch.collate(samples)


def test_the_context_does_not_move_a_batch():
    with ragged.use("numpy"):
        for samples in ([torch.ones(1), torch.ones(2)], [np.ones(1), np.ones(2)]):
            assert ragged.backend(ragged_torch.collate(samples)) == "torch"


def test_gradients_flow_through_a_batch():
    samples = [torch.ones(n, requires_grad=True) for n in (1, 2)]
    ragged.sum(ragged_torch.collate(samples) ** 2).backward()
    assert [each.grad.tolist() for each in samples] == [[2], [2, 2]]


class Samples(torch.utils.data.Dataset):
    def __len__(self):
        return 5

    def __getitem__(self, i):
        return {"x": torch.arange(float(2 * i)).reshape(i, 2), "y": i, "deep": ragged.Array([[1.0] * i, [2.0]])}


@pytest.mark.parametrize("workers", [0, 1])
def test_data_loader(workers):
    options = {"num_workers": workers, "multiprocessing_context": "spawn"} if workers else {}  # JAX is not to be forked
    loader = torch.utils.data.DataLoader(Samples(), batch_size=2, collate_fn=ragged_torch.collate, **options)
    batches = list(loader)
    assert [batch["y"].tolist() for batch in batches] == [[0, 1], [2, 3], [4]]
    assert [batch["x"].typestr for batch in batches] == [f"{n} * var * 2 * float32" for n in (2, 2, 1)]
    assert batches[1]["x"].to_list() == [Samples()[i]["x"].tolist() for i in (2, 3)]
    assert batches[1]["deep"].to_list() == [[[1, 1], [2]], [[1, 1, 1], [2]]]
    assert ragged.sum(batches[2]["deep"]).item() == 6


# ---------------------------------------------------------------------- pickles and copies


@pytest.mark.parametrize("dumps", [pickle.dumps, ForkingPickler.dumps])
@pytest.mark.parametrize("data", [[[1.0, 2.0], []], [[1, None], None], [{"a": [1.0], "s": "x"}], []])
def test_pickles(dumps, data):
    x = ragged.Array(data, backend="torch")
    x.attrs.update(unit="GeV")
    y = pickle.loads(dumps(x))
    assert ragged.backend(y) == "torch"
    assert y.to_list() == data
    assert y.typestr == x.typestr
    assert y.attrs == {"unit": "GeV"}


def test_other_processes_share_the_memory():
    x = ragged.Array([[1.0, 2.0], []], backend="torch")
    y = pickle.loads(ForkingPickler.dumps(x))
    assert y.layout.content.data.is_shared()
    assert x.layout.content.data.is_shared()
    y.layout.content.data[0] = 5
    assert x.to_list() == [[5, 2], []]


def test_arrays_of_numpy_go_to_other_processes_as_before():
    x = ragged.Array([[1.0, 2.0], []])
    assert pickle.loads(ForkingPickler.dumps(x)).to_list() == x.to_list()


def test_copies():
    x = ragged.Array([[1.0, 2.0], []], backend="torch")
    y = copy.deepcopy(x)
    y.layout.content.data[0] = 5
    assert x.to_list() == [[1, 2], []]


def test_copies_of_leaves_are_leaves():
    """So that a copied module learns by itself."""
    x = ragged_torch.requires_grad_(ragged.Array([[1.0, 2.0], []], backend="torch"))
    y = copy.deepcopy(x)
    (one,), (other,) = ragged_torch.parameters(x), ragged_torch.parameters(y)
    assert other.requires_grad
    assert other.is_leaf
    assert other.data_ptr() != one.data_ptr()
    z = copy.deepcopy(x * 2)  # the result of an operation cannot be copied with its history
    ragged.sum(z).backward()
    assert one.grad.tolist() == [2, 2]


# ---------------------------------------------------------------------- devices and dtypes


def test_to():
    x = ragged.Array([[1.0, 2.0], []], backend="torch")
    assert x.to(torch.float32).typestr == x.to("float32").typestr == "2 * var * float32"
    assert x.to(np.float32, "cpu").typestr == x.to("cpu", dtype="float32").typestr == "2 * var * float32"
    assert x.to(torch.device("cpu")).layout.content.data is x.layout.content.data
    assert ragged.Array([[1.0]]).to("cpu", dtype=np.int32).typestr == "1 * var * int32"
    assert ragged.values_astype(x, torch.int64).typestr == "2 * var * int64"
    with pytest.raises(ragged.UnsupportedError, match="no device"):
        x.to("abacus")
    with pytest.raises(TypeError, match="one dtype"):
        x.to("float32", dtype="float64")


def test_to_keeps_the_graph():
    values = torch.ones(2, requires_grad=True)
    x = ragged.from_lengths(values, [2]).to("float64")
    ragged.sum(x * 3).backward()
    assert values.grad.tolist() == [3, 3]


def test_detach():
    values = torch.ones(2, requires_grad=True)
    x = ragged.from_lengths(values * 1, [2, 0])
    y = x.detach()
    assert not y.layout.content.data.requires_grad
    assert y.layout.content.data.data_ptr() == x.layout.content.data.data_ptr()
    assert y.layout.rows is x.layout.rows
    assert ragged.Array([[1.0]]).detach().to_list() == [[1]]


# ---------------------------------------------------------------------- gradients by backward()


def test_gradient_of_an_array():
    x = ragged_torch.requires_grad_(ragged.Array([[1.0, 2.0], [], [3.0]], backend="torch"))
    assert ragged_torch.gradient(x) is None
    ragged.sum(x**2).backward()
    gradient = ragged_torch.gradient(x)
    assert gradient.to_list() == [[2, 4], [], [6]]
    assert gradient.layout.rows is x.layout.rows
    ragged.sum(x).backward()
    assert ragged_torch.gradient(x).to_list() == [[3, 5], [], [7]]  # PyTorch adds them up


def test_gradient_of_records():
    x = ragged_torch.requires_grad_(ragged.Array([{"a": [1.0, None], "n": 1, "b": 2.0}], backend="torch"))
    ragged.sum(x.a * x.n).backward()
    assert ragged_torch.gradient(x).to_list() == [{"a": [1, None], "n": None, "b": 0}]


def test_an_optimizer_takes_an_array():
    x = ragged_torch.requires_grad_(ragged.Array([[1.0, -2.0], [], [3.0]], backend="torch"))
    optimizer = torch.optim.SGD(ragged_torch.parameters(x), lr=0.25)
    for _ in range(3):
        optimizer.zero_grad()
        ragged.sum(x**2).backward()
        optimizer.step()
    assert x.to_list() == [[0.125, -0.25], [], [0.375]]


def test_other_backends_keep_no_gradient():
    for f in (ragged_torch.parameters, ragged_torch.gradient, ragged_torch.requires_grad_):
        with pytest.raises(ragged.BackendMismatchError, match=r"ragged\.grad"):
            f(ragged.Array([[1.0]]))


def test_packing_without_a_gradient():
    x = ragged.Array([[1.0, 2.0], [3.0]], backend="torch")
    with torch.no_grad():
        y = ragged.exp(ragged_torch.requires_grad_(x))
    assert not y.layout.content.data.requires_grad
    assert ragged.exp(x).layout.content.data.requires_grad
