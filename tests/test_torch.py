"""What is PyTorch's own: tensors as structure, memory, dtypes, devices, and that nothing of the process changes."""

from __future__ import annotations

import subprocess
import sys
import threading

import awkward as ak
import numpy as np
import pytest

import ragged
from agreement import assert_same
from ragged.registry import get_backend
from ragged.rows import Groups, Rows

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import ragged_torch  # noqa: E402
from ragged_torch import _dtypes, _orders, _segments  # noqa: E402
from ragged_torch._backend import on_device  # noqa: E402

DATA = [[1.0, 2.0, 3.0], [], [4.0, 5.0]]
TORCH = get_backend("torch")


@pytest.fixture
def x():
    return ragged.Array(DATA, backend="torch")


# ---------------------------------------------------------------------- where things are


def test_structure_is_tensors_of_the_contents_device(x):
    for y in (
        x,
        x[:, ::-1],
        x[x > 1],
        ragged.sort(x),
        x[[2, 0]],
        ragged.concatenate([x, x], axis=1),
        ragged.mask(x, x > 1),
    ):
        node = y.layout
        assert isinstance(node.rows.offsets, torch.Tensor) and node.rows.ops is TORCH
        assert {each.dtype for each in (node.rows.offsets, node.rows.lengths, node.rows.ids)} == {torch.int64}
    assert isinstance(ragged.mask(x, x > 1).layout.content.valid, torch.Tensor)


def test_results_without_axes_are_tensors(x):
    for value in (ragged.sum(x), x[0, 1], ragged.max(x), ragged.sum(x, axis=1)[0]):
        assert type(value) is torch.Tensor and value.shape == ()


def test_numpys_structure_joins_once_and_is_shared():
    with ragged.use("numpy"):
        numpy = ragged.Array(DATA)
    one, two = numpy.to_backend("torch"), numpy.to_backend("torch")
    assert one.layout.rows is two.layout.rows
    assert one.to_backend("numpy").to_list() == DATA
    assert isinstance(one.to_backend("numpy").layout.rows.offsets, np.ndarray)
    for partner in (numpy, ak.Array(DATA), DATA):
        for found in (one + partner, partner + one if partner is not DATA else one + partner):
            assert ragged.backend(found) == "torch"
            assert_same(found, ak.Array(DATA) * 2)


@pytest.mark.parametrize("key", [[2, 0], np.array([2, 0]), [True, False, True], ak.Array([[0], [], [1, 0]]), [0, None]])
def test_keys_of_numpy_join(x, key):
    assert_same(x[key], ak.Array(DATA)[key])
    assert isinstance(x[key].layout, ragged.nodes.Node)


@pytest.mark.parametrize("key", [[2, 0], [True, False, True]])
def test_keys_of_torch(x, key):
    assert_same(x[torch.tensor(key)], ak.Array(DATA)[key])
    with ragged.use("numpy"):
        found = ragged.Array(DATA)[torch.tensor(key)]
    assert ragged.backend(found) == "torch"


def test_counts_and_lengths_of_torch_and_of_numpy(x):
    flat = ragged.flatten(x)
    for counts in ([2, 3], np.array([2, 3]), torch.tensor([2, 3]), torch.tensor([2, 3], dtype=torch.uint8)):
        for y in (ragged.unflatten(flat, counts), ragged.from_lengths(flat, counts)):
            assert y.to_list() == [[1, 2], [3, 4, 5]]
            assert y.layout.rows.ops is TORCH
    with ragged.use("numpy"):
        y = ragged.unflatten(np.arange(5.0), torch.tensor([2, 3]))
    assert y.to_list() == [[0, 1], [2, 3, 4]]
    with pytest.raises(ragged.StructureError, match="beyond int64"):
        ragged.from_offsets(torch.zeros(3), torch.tensor([0, 2**63 - 1]).view(torch.uint64) * 2)


# ---------------------------------------------------------------------- memory


def test_memory_that_may_be_written_to_is_shared():
    content = np.arange(5.0)
    x = ragged.Array(content, backend="torch")
    assert np.shares_memory(x.layout.data.numpy(), content)
    t = torch.arange(5.0)
    assert ragged.from_lengths(t, [2, 3]).layout.content.data is t
    assert ragged.from_lengths(t, [2, 3])[1:].layout.content.data.data_ptr() == t[2:].data_ptr()


def test_read_only_memory_is_copied_without_a_warning():
    """PyTorch writes to whatever it holds, and warns where NumPy would not have it."""
    content = np.arange(5.0)
    content.flags.writeable = False
    tensor = ragged.Array(content, backend="torch").layout.data
    tensor += 1
    assert content.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("strides", [slice(None, None, -1), slice(None, None, 2)])
def test_strided_memory(strides):
    content = np.arange(6.0)
    assert ragged.Array(content[strides], backend="torch").to_list() == content[strides].tolist()
    fields = np.zeros(3, [("a", "f4"), ("b", "f8")])
    fields["b"] = [1, 2, 3]
    assert ragged.Array(fields["b"], backend="torch").to_list() == [1, 2, 3]
    assert ragged.Array(content.astype(">f8"), backend="torch").to_list() == content.tolist()
    columns = torch.arange(12.0, dtype=torch.float64).reshape(3, 4).T
    x = ragged.from_lengths(columns, [1, 3])
    assert_same(ragged.sum(x, axis=1), ragged.sum(ragged.from_lengths(columns.numpy().copy(), [1, 3]), axis=1))


# ---------------------------------------------------------------------- dtypes


def test_single_precision_stays():
    x = ragged.from_lengths(torch.arange(5, dtype=torch.float32), [2, 3])
    for y in (x * 1.5, x**2, ragged.exp(x), ragged.sum(x, axis=1), ragged.softmax(x), x / 2):
        assert "float32" in y.typestr
    assert ragged.grad(lambda x: ragged.sum(x * x))(x).typestr == "2 * var * float32"


def test_long_rows_of_single_precision_keep_their_digits():
    x = ragged.from_lengths(torch.full((1_000_001,), 0.1), [1_000_000, 0, 1])
    assert float(ragged.sum(x, axis=1)[0]) == pytest.approx(100_000, rel=1e-6)


UNSIGNED = ["uint16", "uint32", "uint64"]


@pytest.mark.parametrize("dtype", UNSIGNED)
def test_unsigned_numbers_which_torch_hardly_computes_with(dtype):
    """All that reducers, slices and arithmetic do with them is NumPy's, beyond the signed range, too."""
    top = int(np.iinfo(dtype).max)
    data = np.array([1, top, top // 2 + 1, 3, 0], dtype)
    ours = ragged.from_lengths(torch.from_numpy(data), [3, 0, 2])
    theirs = ak.unflatten(data, [3, 0, 2])
    for f in (
        lambda lib, x: lib.sum(x, axis=1),
        lambda lib, x: lib.max(x, axis=1),
        lambda lib, x: lib.min(x, axis=1),
        lambda lib, x: lib.prod(x, axis=1),
        lambda lib, x: lib.argmax(x, axis=1),
        lambda lib, x: lib.sort(x, axis=1),
        lambda lib, x: lib.sort(x, axis=1, ascending=False),
        lambda lib, x: x[:, ::-1],
        lambda lib, x: x[x > 2],
        lambda lib, x: x + x,
        lambda lib, x: x // 3,
        lambda lib, x: x * 0.5,
        lambda lib, x: x & 6,
        lambda lib, x: lib.concatenate([x, x], axis=1),
        lambda lib, x: lib.fill_none(lib.pad_none(x, 2), 7),
        lambda lib, x: lib.sum(x, axis=0),
    ):
        assert_same(f(ragged, ours), f(ak, theirs))


def test_dtypes_that_numpy_has_not_are_refused_with_a_way_out(monkeypatch):
    x = ragged.from_lengths(torch.ones(3, dtype=torch.bfloat16), [1, 2])
    with monkeypatch.context() as patch:  # as where ml_dtypes is not installed
        patch.delitem(_dtypes.TO_NUMPY, torch.bfloat16, raising=False)
        with pytest.raises(ragged.UnsupportedError, match=r"bfloat16.*x\.float\(\), or install ml_dtypes"):
            ragged.sum(x, axis=1)
    with pytest.raises(ragged.UnsupportedError, match="to_backend"):
        ragged.Array(np.array(["2026-11-22"], "M8[D]"), backend="torch")
    with pytest.raises(ragged.UnsupportedError, match=r"longdouble|float128"):
        ragged.Array(np.zeros(2, np.longdouble), backend="torch")


@pytest.mark.parametrize(
    ("build", "numbers", "values"),
    [
        (lambda n: ragged.from_offsets(torch.arange(3), n), [0, 2, 3], [[0, 1], [2]]),
        (lambda n: ragged.from_lengths(torch.arange(3), n), [2, 1], [[0, 1], [2]]),
        (lambda n: ragged.unflatten(torch.arange(3), n), [2, 1], [[0, 1], [2]]),
        (lambda n: ragged.from_padded(torch.arange(4).reshape(2, 2), lengths=n), [2, 1], [[0, 1], [2]]),
        (lambda n: ragged.mask(torch.arange(2), n), [True, False], [0, None]),
    ],
)
def test_structure_that_is_written_to_later(build, numbers, values):
    numbers = torch.tensor(numbers)
    x = build(numbers)
    numbers[...] = 1
    assert x.to_list() == values


def test_bfloat16_is_ml_dtypes():
    ml_dtypes = pytest.importorskip("ml_dtypes", reason="ml_dtypes is not installed")
    values = [[0.5], [], [-1.5, 2.0]]
    x = ragged.from_lengths(torch.tensor([0.5, -1.5, 2.0], dtype=torch.bfloat16), [1, 0, 2])
    assert repr(x) == "<Array [[0.5], [], [-1.5, 2]] type='3 * var * bfloat16' backend='torch'>"
    assert x.to_list() == values
    assert (x + 1).to_list() == [[1.5], [], [-0.5, 3]]
    assert ragged.sum(x, axis=1).to_list() == [0.5, 0, 0.5]
    dense = ragged.to_numpy(ragged.flatten(x))
    assert dense.dtype == ml_dtypes.bfloat16
    back = TORCH.asarray(dense)
    assert back.dtype == torch.bfloat16
    assert back.tolist() == [0.5, -1.5, 2.0]


def test_autocast():
    pytest.importorskip("ml_dtypes", reason="ml_dtypes is not installed")
    x = ragged.from_lengths(torch.ones(3, 2), [1, 0, 2])
    linear = torch.nn.Linear(2, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = ragged_torch.apply(linear, x)
        assert y.typestr == "3 * var * 4 * bfloat16"
        loss = ragged.sum(ragged.softmax(y, axis=1) ** 2)
    loss.backward()
    assert torch.isfinite(linear.weight.grad).all()


def test_precision_is_known():
    assert on_device("cpu") is TORCH.configured(None, "float64")
    with pytest.raises(ragged.UnsupportedError, match="float64"):
        ragged.use("torch", precision="float32")


# ---------------------------------------------------------------------- content that requires a gradient


def test_content_that_requires_a_gradient():
    values = torch.arange(5, dtype=torch.float64, requires_grad=True)
    x = ragged.from_lengths(values, [2, 3])
    assert x.layout.content.data is values
    assert repr(x) == "<Array [[0, 1], [2, 3, 4]] type='2 * var * float64' backend='torch'>"
    assert x.to_list() == [[0, 1], [2, 3, 4]]
    with pytest.raises(RuntimeError, match="requires grad"):
        np.asarray(x[0])
    with pytest.raises(ragged.BackendMismatchError, match="stop_gradient"):
        x.to_backend("numpy")
    assert ragged.stop_gradient(x).to_backend("numpy").to_list() == x.to_list()
    assert np.asarray(ragged.stop_gradient(x)[0]).tolist() == [0, 1]
    ragged.sum(x * x).backward()
    assert values.grad.tolist() == [0, 2, 4, 6, 8]


def test_parameters_and_other_tensors_of_ones_own_kind():
    w = torch.nn.Parameter(torch.tensor([2.0, 3.0]))
    x = ragged.from_lengths(torch.ones(5), [2, 3])
    ragged.sum(x * w).backward()
    assert w.grad.tolist() == [2, 3]
    assert ragged.backend(w) == "torch"


# ---------------------------------------------------------------------- devices


def test_devices():
    assert "cpu" in __import__("ragged_torch").devices()
    with ragged.use("torch", device="cpu"):
        x = ragged.Array(DATA)
        assert x.layout.content.data.device.type == "cpu"
        assert ragged.grad(lambda x: ragged.sum(x * x))(x).to_list() == [[2, 4, 6], [], [8, 10]]
    assert (x + ragged.Array(DATA, backend="torch")).to_list() == (2 * x).to_list()
    for device in ("nowhere", "cuda:99", 3.5):
        with pytest.raises(ragged.UnsupportedError, match="no device"):
            ragged.use("torch", device=device)


def test_tensors_of_two_devices_do_not_meet():
    there = on_device("meta")
    with pytest.raises(ragged.BackendMismatchError, match=r"meta and cpu|cpu and meta"):
        there.joined(TORCH)
    assert there is on_device(torch.device("meta"))


def test_a_device_that_was_not_named_moves_nothing():
    there, chosen = on_device("meta"), on_device("cpu", True)
    assert TORCH.hosting(there) is there
    assert chosen.hosting(there) is chosen and chosen.home() is TORCH


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_a_gpu():
    x = ragged.Array(DATA, backend="torch").to_backend("torch", device="cuda")
    with ragged.use("torch"):
        gradient = ragged.grad(lambda x: ragged.sum(ragged.softmax(x[:, ::-1], axis=1) * ragged.sort(x)))(x)
    assert gradient.layout.content.data.device.type == x.layout.rows.offsets.device.type == "cuda"
    here = ragged.grad(lambda x: ragged.sum(ragged.softmax(x[:, ::-1], axis=1) * ragged.sort(x)))(
        ragged.Array(DATA, backend="torch")
    )
    np.testing.assert_allclose(np.concatenate(gradient.to_list()), np.concatenate(here.to_list()), rtol=1e-12)


# ---------------------------------------------------------------------- kernels


def random_rows(n, seed=0):
    """Unequal rows, some of them empty; ties; NaN and infinities."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, 7, n)
    x = rng.integers(-3, 4, lengths.sum()).astype(float)
    x[rng.random(x.shape) < 0.05] = np.nan
    x[rng.random(x.shape) < 0.05] = np.inf
    return x, lengths


@pytest.mark.parametrize("equal", [False, True])
@pytest.mark.parametrize("descending", [False, True])
def test_orders_of_many_rows(equal, descending):
    x, lengths = random_rows(3000)
    if equal:
        x, lengths = np.resize(x, 9000), np.full(3000, 3)
    rows = Rows.from_lengths(TORCH, torch.from_numpy(lengths))
    host = get_backend("numpy")
    wanted = host.segment_argsort(x, Rows.from_lengths(host, lengths), descending)
    assert _orders.argsort(torch.from_numpy(x), rows, descending).tolist() == wanted.tolist()
    assert _orders.lexical(torch.from_numpy(x), rows.ids, descending).tolist() == wanted.tolist()


@pytest.mark.parametrize("way", ["sum", "prod", "max", "min"])
@pytest.mark.parametrize("equal", [False, True])
def test_reductions_of_many_rows(way, equal):
    x, lengths = random_rows(3000)
    if equal:
        x, lengths = np.resize(x, 9000), np.full(3000, 3)
    rows, host = Rows.from_lengths(TORCH, torch.from_numpy(lengths)), get_backend("numpy")
    partition = Rows.from_lengths(host, lengths)
    if equal:
        assert rows.longest == 3
    reduce = getattr(host, f"segment_{way}")
    identity = () if way in ("sum", "prod") else (-np.inf if way == "max" else np.inf,)
    for values in (x, np.stack([x, -x], 1), x.astype(np.float32)):
        found = _segments.reduced(torch.from_numpy(values), rows, way)
        np.testing.assert_array_equal(found.numpy(), reduce(values, partition, *identity))
    if way in ("max", "min"):
        found = getattr(TORCH, f"segment_{way}")(torch.from_numpy(x), rows, 7.0)
        np.testing.assert_array_equal(found.numpy(), reduce(x, partition, 7.0))


@pytest.mark.parametrize("lengths", [[0, 3, 0, 0, 2, 1] * 1500, [0] * 3 + [9000] + [0], [9000], [1] * 5000], ids=len)
def test_positions_of_many_elements(lengths):
    lengths = np.array(lengths)
    rows, host = Rows.from_lengths(TORCH, torch.from_numpy(lengths)), get_backend("numpy")
    partition, starts = Rows.from_lengths(host, lengths), np.arange(lengths.size) * 7 % 100
    for name in ("lengths", "ids", "positions"):
        np.testing.assert_array_equal(getattr(rows, name).numpy(), getattr(partition, name))
    for step in (1, -1, 3):
        found = TORCH.ranges(torch.from_numpy(starts), rows, step)
        np.testing.assert_array_equal(found.numpy(), host.ranges(starts, partition, step))


def test_complex_sums_and_extrema():
    z = np.array([1 + 2j, 1 - 2j, 0.5, -1j, 3])
    rows, groups = Rows.from_lengths(TORCH, torch.tensor([2, 0, 3])), Groups(torch.tensor([0, 1, 0, 2, 1]), 2)
    assert TORCH.segment_sum(torch.from_numpy(z), rows).tolist() == [2, 0, 3.5 - 1j]
    assert TORCH.segment_max(torch.from_numpy(z), rows, -np.inf).tolist() == [1 + 2j, -np.inf, 3]
    assert TORCH.segment_sum(torch.from_numpy(z), groups).tolist() == [1.5 + 2j, 4 - 2j]
    assert TORCH.segment_sum(torch.from_numpy(z).conj(), rows).tolist() == [2, 0, 3.5 + 1j]  # a view that says so


# ---------------------------------------------------------------------- the process

STATE = """
import torch
torch.manual_seed(3)
def state():
    return (torch.get_default_dtype(), torch.get_default_device(), torch.get_num_threads(), torch.is_grad_enabled(),
            torch.get_rng_state().tolist(), torch.are_deterministic_algorithms_enabled(), torch.is_anomaly_enabled(),
            torch.get_float32_matmul_precision(), torch.is_warn_always_enabled())
before = state()
import ragged
ragged.use("torch")
x = ragged.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]])
ragged.hvp(lambda x: ragged.sum(ragged.softmax(ragged.sort(x)) ** 3), (x,), (x,))
ragged.jacobian(ragged.checkpoint(ragged.exp))(x)
assert state() == before
"""


def test_nothing_of_the_process_changes():
    done = subprocess.run([sys.executable, "-W", "error", "-c", STATE], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


def test_the_default_device_of_the_process_is_where_constructors_build():
    with torch.device("meta"):
        assert TORCH.configured().device.type == "meta"
    with torch.device("meta"):  # structure stays with its content, whatever the default is
        x = ragged.from_lengths(torch.ones(5, device="cpu"), torch.tensor([2, 3], device="cpu"))
        assert ragged.sum(x * x, axis=1).to_list() == [2, 3]


def test_threads_differentiate_in_both_modes():
    x = ragged.Array(DATA, backend="torch")
    found, gate = [None] * 8, threading.Barrier(8, timeout=60)

    def work(i):
        gate.wait()
        for _ in range(20):
            found[i] = ragged.jvp(lambda x: ragged.sum(x**3), (x,), (x * i,))[1]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    [thread.start() for thread in threads]
    [thread.join(120) for thread in threads]
    assert [float(each) for each in found] == [3 * i * sum(v**3 for row in DATA for v in row) for i in range(8)]


# ---------------------------------------------------------------------- PyTorch's own functions of arrays


@pytest.mark.parametrize(
    ("function", "wanted"),
    [
        (lambda x: torch.sin(x), np.sin),
        (lambda x: torch.abs(x), np.abs),
        (lambda x: torch.atan2(x, x), lambda x: np.arctan2(x, x)),
        (lambda x: torch.mul(2.0, x), lambda x: 2.0 * x),
        (lambda x: torch.where(x > 0, x, 0.0), lambda x: np.where(x > 0, x, 0.0)),
        (lambda x: torch.clamp(x, min=0.5), lambda x: np.maximum(x, 0.5)),
        (lambda x: torch.clamp(x, -1, 1), lambda x: np.clip(x, -1, 1)),
        (torch.nn.ReLU(), lambda x: np.maximum(x, 0)),
        (torch.nn.LogSigmoid(), lambda x: -np.log1p(np.exp(-x))),
        (lambda x: torch.special.expit(x), lambda x: 1 / (1 + np.exp(-x))),
        (lambda x: torch.nn.functional.leaky_relu(x, negative_slope=0.5), lambda x: np.where(x > 0, x, x / 2)),
    ],
)
def test_torchs_functions_of_each_number(function, wanted):
    values = torch.tensor([1.0, -2.0, 0.25], dtype=torch.float64, requires_grad=True)
    result = function(ragged.from_offsets(values, torch.tensor([0, 2, 2, 3])))
    assert ragged.num(result).to_list() == [2, 0, 1]
    assert np.allclose(ragged.flatten(result).detach().to_numpy(), wanted(values.detach().numpy()), 1e-12)
    ragged.sum(result).backward()
    assert values.grad is not None


def test_torchs_operators_and_functions_of_a_tensor_and_an_array():
    x, t = ragged.Array([[1.0, -2.0], [], [3.0]], backend="torch"), torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64)
    assert (t - x).to_list() == torch.sub(t, x).to_list() == [[0, 3], [], [1]]
    assert (t // x).to_list() == [[1, -1], [], [1]]
    assert torch.maximum(x, t).to_list() == [[1, 1], [], [4]]
    assert torch.sqrt(ragged.Array([[4.0, None]], backend="torch")).to_list() == [[2, None]]


@pytest.mark.parametrize(
    ("function", "way"),
    [
        (lambda x: torch.sum(x, dim=1), r"torch.sum is for tensors, not for ragged arrays; use ragged.sum"),
        (lambda x: torch.amax(x, 1), r"use ragged.max\(x, axis=…\)"),
        (lambda x: torch.nn.functional.mse_loss(x, torch.ones(3)), r"use ragged_torch.apply\(f, x\)"),
        (lambda x: torch.nn.Linear(1, 1)(x), r"torch.linear is for tensors.*ragged_torch.apply"),
        (lambda x: torch.cat([x, x]), r"use ragged.concatenate\(\[x, y\], axis=…\)"),
        (lambda x: torch.add(x, x, alpha=2), r"torch.add with alpha is for tensors"),
        (lambda x: torch.equal(x, x), r"use ragged.array_equal\(x, y\)"),
        (lambda x: torch.autograd.grad(x, x), r"use ragged.grad, or ragged_torch.requires_grad_"),
    ],
)
def test_torchs_other_functions_name_the_way_out(function, way):
    with pytest.raises(ragged.UnsupportedError, match=way):
        function(ragged.Array([[1.0, -2.0], [], [3.0]], backend="torch"))


# ---------------------------------------------------------------------- bfloat16


def test_bfloat16_stays_itself_and_has_derivatives():
    pytest.importorskip("ml_dtypes", reason="NumPy's bfloat16 is not installed")
    values = torch.tensor([1.0, 2.0, 3.0], dtype=torch.bfloat16, requires_grad=True)
    x = ragged.from_offsets(values, torch.tensor([0, 2, 3]))
    for y in (ragged.softmax(x, axis=1), ragged.logsumexp(x, axis=1), x * 2.0, 0.5 - x):
        assert "bfloat16" in y.typestr
    ragged.sum(ragged.max(x, axis=1) ** 2).backward()
    assert values.grad.tolist() == [0, 4, 6]
    assert ragged.grad(lambda x: ragged.sum(x * x))(x.detach()).to_list() == [[2, 4], [6]]


# ---------------------------------------------------------------------- kernels


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
@pytest.mark.parametrize("lengths", ["ones", "sevens", "short", "unequal", "long"])
def test_reductions_of_many_elements(lengths, dtype):
    """Each kernel of rows: a regular axis, short rows, one long row among empty ones, long rows."""
    random = np.random.default_rng(1)
    counts = {
        "ones": np.ones(9000, np.int64),
        "sevens": np.full(1300, 7),
        "short": random.integers(0, 5, 5000),
        "unequal": np.where(np.arange(9001) == 4000, 6000, random.integers(0, 2, 9001)),
        "long": random.integers(900, 1100, 9),
    }[lengths]
    values = random.normal(size=counts.sum()).astype(dtype)
    if dtype == "complex128":
        values.imag = random.normal(size=counts.sum())
    plain, x = (ragged.from_lengths(values, counts).to_backend(name) for name in ("numpy", "torch"))
    names = ("sum", "mean", "prod") if dtype == "complex128" else ("sum", "mean", "prod", "max", "min", "softmax")
    for name in names:
        wanted, found = (getattr(ragged, name)(each, axis=1) for each in (plain, x))
        assert found.typestr == wanted.typestr
        assert ragged.all(ragged.isclose(found, wanted, 1e-5 if dtype == "float32" else 1e-11, 1e-6, equal_nan=True))
    again = ragged.from_lengths(values, counts).to_backend("torch")
    ragged.num(again), again.layout.rows.ids, again.layout.rows.longest
    assert ragged.array_equal(ragged.sum(again, axis=1), ragged.sum(x, axis=1))  # whatever the rows have kept


@pytest.mark.filterwarnings("ignore")  # PyTorch's own, of its compiler
def test_reductions_of_many_elements_are_compiled():
    offsets = torch.arange(0, 20001, 4)

    def loss(values):
        x = ragged.from_offsets(values, offsets)
        return ragged.sum(ragged.softmax(x) * ragged.fill_none(ragged.max(x, axis=1), 0.0))

    found, wanted = (torch.linspace(-1, 1, 20000, dtype=torch.float64).requires_grad_() for _ in range(2))
    torch.compiler.reset()
    torch.compile(loss, backend="eager")(found).backward()
    loss(wanted).backward()
    torch.testing.assert_close(found.grad, wanted.grad)
