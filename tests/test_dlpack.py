"""Which frameworks share memory on the CPU: the table of docs/interop.md, pair by pair, by pointer."""

from __future__ import annotations

import gc
import re
from pathlib import Path

import numpy as np
import pytest

import ragged
from ragged.memory import aligned_copy, exported, is_aligned, is_frozen, lent
from ragged.registry import get_backend

PAGE = Path(__file__).parents[1] / "docs" / "interop.md"
NAMES = ("numpy", "jax", "torch", "tensorflow")
SHARING = {
    "numpy": {"numpy", "torch"},
    "jax": {"numpy", "jax", "tensorflow"},
    "torch": {"numpy", "torch"},
    "tensorflow": {"numpy", "jax", "tensorflow"},
}
PAIRS = [(source, target) for source in NAMES for target in NAMES]
DTYPES = ("float64", "float32", "float16", "int64", "int8", "uint8", "bool", "complex64", "complex128")


@pytest.fixture(autouse=True)
def installed(request):
    """Skips what needs a framework that is not there."""
    callspec = getattr(request.node, "callspec", None)
    for name in (callspec.params if callspec else {}).values():
        if name in NAMES and name not in ragged.available():
            pytest.skip(f"{name} is not installed")


def made(name, dtype="float64", lengths=(4000, 0, 6000)):
    """An array with its content in the framework's own memory."""
    values = np.arange(sum(lengths)).astype(dtype)
    with ragged.use(name, precision="float64"):
        return ragged.from_lengths(values, list(lengths)).to_backend(name)


def on_numpy(x):
    return x._backend.to_numpy(x.layout.content.data)


def pointer(x):
    return on_numpy(x).ctypes.data


def moved(x, name):
    with ragged.use(name, precision="float64"):
        return x.to_backend(name)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_every_pair_shares_memory_or_copies(source, target):
    x = made(source)
    y = moved(x, target)
    assert (pointer(x) == pointer(y)) == (target in SHARING[source])
    assert ragged.backend(y) == target
    assert y.to_list() == x.to_list()
    assert str(y.type) == str(x.type)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("source", "target"), [(s, t) for s, t in PAIRS if s != t])
def test_every_dtype_arrives(source, target, dtype):
    x = made(source, dtype)
    y = moved(x, target)
    assert y.type == x.type
    assert y.to_list() == x.to_list()
    assert (pointer(x) == pointer(y)) == (target in SHARING[source])


def test_the_page_has_this_table():
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if re.match(r"\| from", line)]
    heads = [cell.strip() for cell in lines[0].strip("|").split("|")][1:]
    titles = {"NumPy": "numpy", "JAX": "jax", "PyTorch": "torch", "TensorFlow": "tensorflow"}
    assert [titles[head.removeprefix("to ")] for head in heads] == list(NAMES)
    for line in lines[1:]:
        source, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        found = {titles[head.removeprefix("to ")] for head, cell in zip(heads, cells, strict=True) if "shares" in cell}
        assert found == SHARING[titles[source.removeprefix("from ")]]
    assert len(lines) == 5


@pytest.mark.parametrize("target", ["jax", "tensorflow"])
def test_frozen_numpy_is_taken_as_it_is(target):
    values = aligned_copy(np.arange(1000.0))
    y = moved(ragged.from_lengths(values, [400, 600]), target)
    assert pointer(y) == values.ctypes.data


@pytest.mark.parametrize("target", ["jax", "tensorflow"])
def test_what_numpy_can_write_to_is_copied(target):
    raw = np.zeros(1008)
    values = raw[-raw.ctypes.data % 64 // 8 :][:1000]
    view = values.view()
    view.flags.writeable = False
    read_only = np.frombuffer(memoryview(bytearray(8000)).toreadonly(), np.float64)
    for each in (values, view, read_only):
        y = moved(ragged.from_lengths(each, [400, 600]), target)
        assert pointer(y) != each.ctypes.data
    y = moved(ragged.from_lengths(view, [1000]), target)
    values[0] = 99.0
    assert y.to_list()[0][0] == 0.0


def frozen_too_late():
    """Arrays that are read-only, as is all that they are views of, and views from before that write to them."""
    raw = np.zeros(8 * 32768 + 64, np.uint8)
    begin = -raw.ctypes.data % 64
    before = raw[begin : begin + 8 * 32768].view(np.float64)
    values = before.view()
    values.flags.writeable = raw.flags.writeable = False
    return values, before


def made_writable_again():
    root = np.zeros(32768 + 8)
    values = root[-root.ctypes.data % 64 // 8 :][:32768]
    root.flags.writeable = values.flags.writeable = False
    return values, root


def held_by_torch():
    torch = pytest.importorskip("torch")
    raw = np.zeros(32768 + 8)
    begin = -raw.ctypes.data % 64 // 8
    tensor = torch.from_numpy(raw)
    values = raw[begin:][:32768]
    raw.flags.writeable = values.flags.writeable = False
    return values, tensor


@pytest.mark.parametrize("make", [frozen_too_late, made_writable_again, held_by_torch])
@pytest.mark.parametrize("target", ["jax", "tensorflow"])
def test_read_only_numpy_is_copied_as_someone_may_still_write_to_it(target, make):
    values, writer = make()
    assert not is_frozen(values)
    y = moved(ragged.from_lengths(values, [values.size]), target)
    if isinstance(writer, np.ndarray) and not writer.flags.writeable:
        writer.flags.writeable = True
    writer[:] = 5.0
    assert values.sum() == 5 * values.size
    assert float(ragged.sum(y)) == 0.0


def test_no_array_over_a_sealed_copy_can_be_made_writable():
    values = aligned_copy(np.zeros(100))
    each = values[::2].reshape(5, 10)
    while isinstance(each, np.ndarray):
        with pytest.raises(ValueError, match="WRITEABLE"):
            each.flags.writeable = True
        each = each.base
    assert not is_frozen(exported(values))
    view = exported(values).view()
    view.flags.writeable = view.base.flags.writeable = False
    assert not is_frozen(view)


def test_jax_shares_numpy_leaves_as_it_shares_numpy_arrays():
    jax = pytest.importorskip("jax")

    def shown(put):
        raw = np.zeros(32768 + 16, np.float32)
        values = raw[-raw.ctypes.data % 64 // 4 :][:32768]
        x = ragged.from_lengths(values, [values.size])
        assert jax.tree_util.tree_leaves(x)[0] is x.layout.content.data
        found = put(x)
        values[:] = 1.0
        return float(ragged.sum(found))

    def plain(x):
        return jax.device_put(x.layout.content.data)

    assert shown(jax.device_put) == shown(plain)
    assert shown(lambda x: x.to_backend("jax")) == 0.0
    assert shown(jax.jit(lambda x: x)) == 0.0


@pytest.mark.parametrize("target", ["jax", "tensorflow"])
@pytest.mark.parametrize("offset", [1, 2, 4])
def test_memory_that_is_not_aligned_is_copied(target, offset):
    """TensorFlow's kernels would end the process on it."""
    values = aligned_copy(np.arange(1008.0))[offset : 1000 + offset]
    assert is_frozen(values) and not is_aligned(values)
    y = moved(ragged.from_lengths(values, [400, 600]), target)
    assert (y + 1).to_list() == [[v + 1 for v in row] for row in (values[:400].tolist(), values[400:].tolist())]


@pytest.mark.parametrize("target", ["jax", "tensorflow"])
def test_a_view_with_steps_is_copied(target):
    values = aligned_copy(np.arange(2000.0))[::2]
    y = moved(ragged.from_lengths(values, [400, 600]), target)
    assert y.to_list()[1][-1] == 1998.0


@pytest.mark.parametrize("source", ["jax", "tensorflow"])
def test_numpy_cannot_write_to_what_never_changes(source):
    content = moved(made(source), "numpy").layout.content.data
    with pytest.raises(ValueError, match="read-only"):
        content[0] = 1.0


@pytest.mark.parametrize("source", ["jax", "tensorflow"])
def test_torch_cannot_write_to_what_never_changes(source):
    pytest.importorskip("torch")
    x = made(source)
    moved(x, "torch").layout.content.data.zero_()
    assert x.to_list()[0][1] == 1.0


@pytest.mark.parametrize(("source", "target"), [("jax", "tensorflow"), ("tensorflow", "jax"), ("jax", "numpy")])
def test_memory_outlives_the_array_that_it_was_taken_from(source, target):
    y = moved(made(source), target)
    gc.collect()
    noise = [np.full(10_000, -1.0) for _ in range(100)]
    assert y.to_list()[0][:3] == [0.0, 1.0, 2.0]
    del noise


def test_tensorflow_writes_to_no_memory_that_others_hold():
    tf = pytest.importorskip("tensorflow")
    values = aligned_copy(np.zeros(1000))
    tensor = get_backend("tensorflow").asarray(values)
    for _ in range(3):  # a kernel may reuse the memory of an input that nobody else holds
        tensor = tensor + 1.0
    assert tensor.numpy()[0] == 3.0
    assert (get_backend("tensorflow").asarray(values) + 1.0).numpy()[0] == 1.0
    assert not values.any()
    variable = tf.Variable(np.zeros(1000))
    seen = get_backend("tensorflow").to_numpy(tf.convert_to_tensor(variable))
    variable.assign_add(np.ones(1000))
    assert seen[0] == 0.0


def test_numpy_and_torch_see_what_the_other_writes():
    pytest.importorskip("torch")
    values = np.zeros(5)
    x = ragged.from_lengths(values, [2, 3]).to_backend("torch")
    values[0] = 7.0
    assert x.to_list()[0][0] == 7.0
    x.layout.content.data[1] = 8.0
    assert values[1] == 8.0


@pytest.mark.parametrize(("source", "target"), [(s, t) for s, t in PAIRS if s != t])
def test_what_is_being_differentiated_stays_in_its_framework(source, target):
    def loss(x):
        return ragged.sum(x.to_backend(target) ** 2)

    with ragged.use(source, precision="float64"), pytest.raises(ragged.BackendMismatchError, match=target):
        ragged.grad(loss)(ragged.Array([[1.0, 2.0], []]))


@pytest.mark.parametrize("target", ["numpy", "jax", "tensorflow"])
def test_a_tensor_that_requires_a_gradient_moves_as_a_constant_only(target):
    torch = pytest.importorskip("torch")
    x = ragged.from_lengths(torch.ones(3, dtype=torch.float64, requires_grad=True), [1, 2])
    with pytest.raises(ragged.BackendMismatchError, match="stop_gradient"):
        moved(x, target)
    assert moved(ragged.stop_gradient(x), target).to_list() == [[1.0], [1.0, 1.0]]
    with torch.no_grad():
        assert moved(x, target).to_list() == [[1.0], [1.0, 1.0]]


def test_a_watched_tensor_does_not_move():
    tf = pytest.importorskip("tensorflow")
    x = made("tensorflow", lengths=(1, 2))
    with tf.GradientTape() as tape:
        tape.watch(x.layout.content.data)
        with pytest.raises(ragged.BackendMismatchError, match="numpy"):
            x.to_backend("numpy")
    assert x.to_backend("numpy").to_list() == [[0.0], [1.0, 2.0]]


def test_records_missing_values_and_text_move_whole():
    data = [{"x": [1.5, None], "name": "ab"}, {"x": [], "name": ""}]
    for source, target in PAIRS:
        if {source, target} <= set(ragged.available()):
            x = moved(ragged.Array(data), source)
            y = moved(x, target)
            assert y.to_list() == data
            assert str(y.type) == str(x.type)


@pytest.mark.parametrize("name", NAMES)
def test_a_dense_array_goes_out_by_dlpack(name):
    x = moved(ragged.Array(np.arange(1000.0)), name)
    found = np.from_dlpack(x)
    assert found.ctypes.data == x._backend.to_numpy(x.layout.data).ctypes.data
    assert found[-1] == 999.0
    with pytest.raises(ragged.StructureError, match="DLPack carries dense arrays"):
        np.from_dlpack(made(name))


def test_lent_memory_is_read_only_and_frozen():
    x = np.arange(4.0)
    seen = lent(x)
    assert seen.ctypes.data == x.ctypes.data
    assert is_frozen(seen) and not is_frozen(x)
    assert is_frozen(np.frombuffer(bytes(16))) and is_frozen(np.frombuffer(memoryview(bytes(16)), np.int8)[::2])
    assert not seen.flags.writeable and exported(seen).flags.writeable
    with pytest.raises(ValueError, match="WRITEABLE"):
        seen.flags.writeable = True


@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 0), (5, 7)])
def test_an_aligned_copy_is_like_the_original(shape):
    x = np.ones(shape, np.float32)
    copy = aligned_copy(x.T, np.float64)
    assert copy.shape == shape[::-1] and copy.dtype == np.float64
    assert is_frozen(copy) and is_aligned(copy) and (copy == 1).all()
