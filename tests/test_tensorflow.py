"""The TensorFlow backend: numbers of all widths, its namespace, memory, devices, operators, refusals."""

from __future__ import annotations

import copy
import gc
import importlib.util
import operator
import pickle
import subprocess
import sys

import numpy as np
import pytest

import ragged
from agreement import assert_same
from ragged.registry import backend_of_dense, get_backend
from ragged.rows import Rows
from ragged.ufuncs import table

if importlib.util.find_spec("tensorflow") is None:
    pytest.skip("tensorflow is not installed", allow_module_level=True)
tf = pytest.importorskip("tensorflow")

from ragged_tensorflow import _index, _namespace, _operators, devices  # noqa: E402

TF, NUMPY = get_backend("tensorflow"), get_backend("numpy")
LISTS = [[1.5, -2.0, 0.5], [], [0.25, 4.0]]


@pytest.fixture(autouse=True)
def _tensorflow():
    with ragged.use("tensorflow"):
        yield


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "u2", "u4", "u8", "f2", "f4", "c8"])
@pytest.mark.parametrize("name", ["add", "multiply", "maximum", "negative", "absolute", "sign", "square", "greater"])
def test_arithmetic_of_every_width_is_numpys(name, dtype):
    x = np.array([0, 1, 2, 100, 250]).astype(dtype)
    xs = [x, x[::-1].copy()][: table[name].nin]
    found = TF.apply(name, *map(TF.asarray, xs))
    wanted = NUMPY.apply(name, *xs)
    assert TF.dtype(found) == wanted.dtype
    np.testing.assert_array_equal(np.asarray(found), wanted)


def test_integers_of_64_bits_are_exact():
    big = np.array([2**63 - 1, -(2**63), 5])
    huge = np.array([2**64 - 1, 2**63, 5], np.uint64)
    for name in ("less", "greater_equal", "equal", "not_equal"):
        for xs in ((big, huge), (huge, big)):
            np.testing.assert_array_equal(TF.apply(name, *map(TF.asarray, xs)), NUMPY.apply(name, *xs))
    np.testing.assert_array_equal(TF.apply("multiply", TF.asarray(huge), TF.asarray(huge)), huge * huge)
    least = TF.asarray(np.array([-(2**63), 7]))
    np.testing.assert_array_equal(TF.apply("floor_divide", least, -1), [-(2**63), -7])  # no trap of the processor
    np.testing.assert_array_equal(TF.apply("remainder", least, -1), [0, 0])
    np.testing.assert_array_equal(TF.apply("floor_divide", least, 0), [0, 0])
    np.testing.assert_array_equal(TF.apply("gcd", TF.asarray(np.array([-128, 6], np.int8)), 6), [2, 6])


def test_sums_that_tensorflow_takes_over_keep_their_memory():
    lengths = np.arange(100_000) % 5
    x = ragged.from_lengths(np.arange(float(lengths.sum())), lengths).to_backend("numpy")
    y = x.to_backend("tensorflow")
    kept = [ragged.sum(y * i, axis=1) for i in range(4)]
    for i, sums in enumerate(kept):
        wanted = ragged.sum(x * i, axis=1)  # into memory that is used again
        np.testing.assert_array_equal(ragged.to_numpy(sums), ragged.to_numpy(wanted))
        assert not np.asarray(sums.layout.data).flags.writeable


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_complex_quotients_are_numpys():
    points = np.array([0, 1, 1j, 1 + 1j, np.inf, complex(0, np.inf), np.nan, 1e200 + 1e200j])
    x, y = (each.ravel() for each in np.meshgrid(points, points))
    for name, xs in (("divide", (x, y)), ("reciprocal", (points[points != 0],))):
        found, wanted = np.asarray(TF.apply(name, *map(TF.asarray, xs))), NUMPY.apply(name, *xs)
        np.testing.assert_allclose(found.real, wanted.real, rtol=1e-15)
        np.testing.assert_allclose(found.imag, wanted.imag, rtol=1e-15)


def test_integer_powers():
    x = ragged.Array([[-2, 0], [3]])
    assert (x**2).to_list() == [[4, 0], [9]]
    with pytest.raises(ValueError, match="negative integer powers"):
        x**-1


def test_unsupported_names_and_dtypes_say_so():
    with pytest.raises(ragged.UnsupportedError, match="isnat is not available on tensorflow: TensorFlow has no dates"):
        TF.apply("isnat", TF.asarray(np.ones(2)))
    for bad in (np.array(["2020-01-01"], "M8[D]"), np.ones(2, np.clongdouble), np.ones(2, np.longdouble)):
        with pytest.raises(ragged.UnsupportedError, match="TensorFlow has no such numbers"):
            TF.asarray(bad)


def test_the_namespace_has_what_it_names():
    xp = TF.xp
    for name in (*_namespace.RENAMED, *_namespace.FUNCTIONS):
        assert getattr(xp, name) is not None
    with pytest.raises(AttributeError, match="unheard_of"):
        xp.unheard_of  # noqa: B018
    x = tf.constant([[1, 2], [3, 4]])
    assert xp.sum(x, axis=0).numpy().tolist() == [4, 6]
    assert xp.cumulative_sum(x, axis=1, include_initial=True).numpy().tolist() == [[0, 1, 3], [0, 3, 7]]
    assert xp.flip(x, axis=1).numpy().tolist() == [[2, 1], [4, 3]]
    assert [each.numpy().tolist() for each in xp.nonzero(x > 2)] == [[1, 1], [0, 1]]
    assert xp.searchsorted(tf.constant([1, 3]), tf.constant([2, 3]), side="right").numpy().tolist() == [1, 2]


def test_memory_is_shared_out_and_copied_in():
    x = TF.asarray(np.arange(1024.0))
    one, other = TF.to_numpy(x), TF.to_numpy(TF.reshape(x, (32, 32)))
    assert one.ctypes.data == TF.to_numpy(x).ctypes.data == other.ctypes.data
    assert not one.flags.writeable
    for offset in (0, 8):  # aligned as TensorFlow's own memory is, and not
        raw = np.zeros(1024 * 8 + 128, np.uint8)
        start = -raw.ctypes.data % 64 + offset
        given = raw[start : start + 1024 * 8].view(np.float64)
        held = TF.asarray(given)
        given[0] = 7.0
        assert float(held[0]) == 0.0


def test_row_ids_become_tensors_once_and_go_with_their_rows():
    rows = Rows.from_lengths(NUMPY, np.full(2000, 3))
    x = TF.asarray(np.arange(6000.0))
    before = len(_index._kept)
    TF.segment_sum(x, rows)
    first = _index.ids_of(rows)
    assert first.dtype == tf.int32
    assert _index.ids_of(rows) is first
    assert len(_index._kept) == before + 1
    del rows
    gc.collect()
    assert len(_index._kept) == before


def test_rows_at_the_end_may_be_empty():
    for lengths in ([2, 0, 1, 0, 0], [0, 0], [0, 3], [3], []):
        rows = Rows.from_lengths(NUMPY, np.array(lengths, np.int64))
        x = np.arange(1.0, sum(lengths) + 1)
        for values in (x, np.stack([x, -x], 1)):
            wanted = NUMPY.segment_sum(values, rows)
            np.testing.assert_array_equal(TF.segment_sum(TF.asarray(values), rows), wanted)


OPERATORS = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "lt", "le", "gt", "ge", "eq", "ne"]


@pytest.mark.parametrize("name", OPERATORS)
def test_a_tensor_meets_an_array_from_either_side(name):
    """Left alone TensorFlow makes a dense tensor of a regular array, and asks no array that is ragged."""
    f = getattr(operator, name)
    number, column = tf.constant(2.0, tf.float64), tf.constant([1.0, 2.0, 3.0], tf.float64)
    for x in (ragged.Array(LISTS), ragged.Array(LISTS)[0]):
        plain = x.to_backend("numpy")
        for tensor in (number, column):
            dense = tensor.numpy()
            assert_same(f(tensor, x), f(dense, plain))
            assert_same(f(x, tensor), f(plain, dense))


def test_operators_do_not_lose_the_derivative():
    x = ragged.Array([[1.5, -2.0, 0.75], [], [0.25, 4.0]])
    w = tf.constant(2.0, tf.float64)
    for program in (lambda w: w * x[0], lambda w: w + x[0] * w, lambda w: tf.maximum(w, x[0]), lambda w: w ** x[2]):
        with tf.GradientTape() as tape:
            tape.watch(w)
            value = ragged.sum(program(w))
        found = tape.gradient(value, w)
        step = 1e-6
        slope = (float(ragged.sum(program(w + step))) - float(ragged.sum(program(w - step)))) / (2 * step)
        np.testing.assert_allclose(found, slope, rtol=1e-8)


def test_tensorflows_own_functions_of_arrays():
    x = ragged.Array([[0.5, 0.25], [], [0.75]])
    assert_same(tf.exp(x).to_backend("numpy"), np.exp(x.to_backend("numpy")))
    assert_same(tf.add(x, 1.0).to_backend("numpy"), x.to_backend("numpy") + 1)
    assert_same(tf.maximum(0.6, x).to_backend("numpy"), np.maximum(0.6, x.to_backend("numpy")))
    for name, function in {**_operators.UNARY, **_operators.BINARY}.items():
        assert function in table, name


def test_variables_are_values():
    v = tf.Variable([1.0, 2.0, 3.0], dtype=tf.float64)
    assert backend_of_dense(v) is TF
    x = ragged.Array(LISTS)
    assert_same((x * v).to_backend("numpy"), x.to_backend("numpy") * v.numpy())
    assert type(v * x) is ragged.Array
    y = ragged.from_lengths(v, [1, 2])
    v.assign_add([1.0, 1.0, 1.0])
    assert y.to_list() == [[1.0], [2.0, 3.0]]


def test_pickles_and_copies():
    x = ragged.Array(LISTS)
    for y in (pickle.loads(pickle.dumps(x)), copy.deepcopy(x)):
        assert y._backend is x._backend
        assert y.to_list() == LISTS


def test_devices_are_named():
    here = devices()
    assert here[0] == "cpu:0"
    for name in ("cpu", "CPU:0", here[0]):
        with ragged.use("tensorflow", device=name, precision="float64"):
            assert ragged.Array(LISTS).layout.content.data.device.endswith("CPU:0")
    for name in ("gpu:7", "abacus"):
        with pytest.raises(ragged.UnsupportedError, match=f"no device '{name}' here; it has cpu:0"):
            ragged.use("tensorflow", device=name)
    with pytest.raises(ragged.UnsupportedError, match="float16"):
        ragged.use("tensorflow", precision="float16")


TWO_DEVICES = """
import pickle
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import ragged

def where(x):
    return x.layout.content.data.device[-5:]

with ragged.use("tensorflow"):
    plain = ragged.Array([[1.0, 2.0], [], [3.0]])
with ragged.use("tensorflow", device="cpu:1"):
    x = ragged.Array([[1.0, 2.0], [], [3.0]])
    gradient = ragged.grad(lambda x: ragged.sum(ragged.exp(x) * x))(x)
    tangent = ragged.jvp(lambda x: x * x, (x,), (x,))[1]
for y in (x, x + 1, gradient, tangent, plain + x, x[x > 1], pickle.loads(pickle.dumps(x)),
          plain.to_backend("tensorflow", device="cpu:1")):
    assert where(y) == "CPU:1", where(y)
assert where(plain) == "CPU:0"
assert ragged.jvp(lambda x: x * x, (plain,), (plain,))[1].to_list() == tangent.to_list()
"""


def test_a_device_is_where_everything_happens():
    subprocess.run([sys.executable, "-c", TWO_DEVICES], check=True, capture_output=True, timeout=300)


UNTOUCHED = """
import os, random
import numpy as np
import tensorflow as tf
def settings():
    return (
        dict(os.environ), tf.config.threading.get_inter_op_parallelism_threads(),
        tf.config.threading.get_intra_op_parallelism_threads(), tf.config.get_soft_device_placement(),
        tf.config.experimental.tensor_float_32_execution_enabled(), tf.config.functions_run_eagerly(),
        tf.executing_eagerly(), hasattr(tf.constant(1), "astype"), random.getstate(), np.random.get_state()[1].tolist(),
        tf.config.experimental.get_synchronous_execution(), tf.random.get_global_generator().state.numpy().tolist(),
        tf.get_logger().level,
    )
before = settings()
import ragged
with ragged.use("tensorflow"):
    x = ragged.Array([[1.0, 2.0], []])
    ragged.grad(lambda x: ragged.sum(ragged.sort(x) ** 2))(x)
assert settings() == before
"""


def test_no_setting_of_the_process_changes():
    subprocess.run([sys.executable, "-c", UNTOUCHED], check=True, capture_output=True, timeout=300)
