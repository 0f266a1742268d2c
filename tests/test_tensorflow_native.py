"""Ragged arrays as citizens of TensorFlow: `tf.RaggedTensor` both ways, tapes, `tf.nest`, `tf.data`."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

import ragged
from agreement import assert_same

if importlib.util.find_spec("tensorflow") is None:
    pytest.skip("tensorflow is not installed", allow_module_level=True)
tf = pytest.importorskip("tensorflow")
ragged_tensorflow = pytest.importorskip("ragged_tensorflow")

NATIVE = {
    "one ragged axis": lambda: tf.ragged.constant([[1.5, 2.5], [], [3.5]]),
    "two ragged axes": lambda: tf.ragged.constant([[[1.5], [2.5, 3.5]], [], [[]]]),
    "three ragged axes": lambda: tf.ragged.constant([[[[1], [2, 3]], []], [], [[[4]]]]),
    "32-bit splits": lambda: tf.ragged.constant([[1, 2], [], [3]], row_splits_dtype=tf.int32),
    "vectors": lambda: tf.RaggedTensor.from_row_splits(np.arange(6.0).reshape(3, 2), [0, 2, 2, 3]),
    "matrices": lambda: tf.RaggedTensor.from_row_splits(np.arange(12.0).reshape(3, 2, 2), [0, 2, 2, 3]),
    "a uniform axis outside": lambda: tf.RaggedTensor.from_uniform_row_length(tf.ragged.constant([[1], [2, 3]]), 1),
    "a uniform axis between": lambda: tf.RaggedTensor.from_row_splits(
        tf.RaggedTensor.from_uniform_row_length(tf.ragged.constant([[1], [2, 3], [], [4]]), 2), [0, 1, 2]
    ),
    "no rows": lambda: tf.RaggedTensor.from_row_splits(np.zeros(0, np.float32), np.zeros(1, np.int64)),
    "only empty rows": lambda: tf.RaggedTensor.from_row_splits(np.zeros(0, np.float32), np.zeros(4, np.int64)),
    "booleans": lambda: tf.ragged.constant([[True], [False, True]]),
    "complex numbers": lambda: tf.ragged.constant([[1 + 2j], []], dtype=tf.complex64),
}


def same(one, other):
    """Two ragged tensors equal in type, splits and values."""
    assert one.dtype == other.dtype
    assert one.shape.as_list() == other.shape.as_list()
    assert one.ragged_rank == other.ragged_rank
    assert one.row_splits.dtype == other.row_splits.dtype
    assert one.uniform_row_length is None or one.uniform_row_length == other.uniform_row_length
    assert one.to_list() == other.to_list()


@pytest.mark.parametrize("name", NATIVE)
def test_a_ragged_tensor_comes_back_as_it_went_in(name):
    native = NATIVE[name]()
    x = ragged.from_native(native)
    assert x.to_list() == native.to_list()
    assert ragged.backend(x) == "tensorflow"
    same(x.to_native(), native)
    same(ragged.Array(native).to_native(), native)


@pytest.mark.parametrize("name", NATIVE)
def test_and_within_a_graph(name):
    native = NATIVE[name]()
    same(tf.function(lambda rows: ragged.from_native(rows).to_native())(native), native)
    x = tf.function(ragged.from_native)(native)
    assert_same(x, ragged.from_native(native).to_backend("numpy"))


def test_types_are_awkwards():
    types = {name: str(ragged.from_native(native()).type) for name, native in NATIVE.items()}
    assert types["two ragged axes"] == "3 * var * var * float32"
    assert types["vectors"] == "3 * var * 2 * float64"
    assert types["a uniform axis between"] == "2 * var * 2 * var * int32"


def test_content_and_splits_are_the_same_tensors():
    native = NATIVE["32-bit splits"]()
    x = ragged.from_native(native)
    assert x.layout.content.data is native.values
    assert (2 * x).to_native().row_splits is native.row_splits
    assert ragged.from_native(native.with_values(native.values * 2)).layout.rows is x.layout.rows


def test_a_uniform_partition_of_dense_values_is_an_axis_of_them():
    native = tf.RaggedTensor.from_uniform_row_length(tf.range(6), 2)
    x = ragged.from_native(native)
    assert str(x.type) == "3 * 2 * int32"
    assert isinstance(x.to_native(), tf.Tensor)
    assert x.to_native().numpy().tolist() == native.to_list()


def test_ragged_tensors_are_operands():
    native = NATIVE["one ragged axis"]()
    x = ragged.from_native(native)
    assert_same(x + native, (x + x).to_backend("numpy"))
    assert_same(ragged.sum(native, axis=1), ragged.sum(x, axis=1).to_backend("numpy"))
    gradient = ragged.grad(lambda x: ragged.sum(x * x))(native)
    assert_same(gradient, (2 * x).to_backend("numpy"))


def test_strings_are_text():
    words = [["a", "bcd"], [], ["é", ""]]
    native = tf.ragged.constant(words)
    x = ragged.from_native(native)
    assert str(x.type) == "3 * var * string"
    assert x.to_list() == words
    assert (x == "bcd").to_list() == [[False, True], [], [False, False]]
    assert x.to_native().to_list() == native.to_list()
    assert ragged.Array(tf.constant(["x", "yz"])).to_list() == ["x", "yz"]
    assert ragged.Array(tf.constant([["x"], ["yz"]])).to_native().numpy().tolist() == [[b"x"], [b"yz"]]
    with pytest.raises(ragged.UnsupportedError, match="text"):
        tf.function(lambda rows: ragged.from_native(rows).to_native())(native)


@pytest.mark.parametrize(
    ("data", "obstacle"),
    [
        ([[1.0, None]], "missing values; .*fill_none"),
        ([[1.0], None], "missing values; .*fill_none"),
        ([[{"a": 1, "b": 2}]], "records .*'a', 'b'.*one by one"),
        ([[], []], "none; .*values_astype"),
    ],
)
def test_what_a_ragged_tensor_cannot_hold(data, obstacle):
    with pytest.raises(ragged.UnsupportedError, match=obstacle):
        ragged.Array(data, backend="tensorflow").to_native()


def test_gradients_flow_through_both_ways():
    native = NATIVE["one ragged axis"]()
    with tf.GradientTape() as tape:
        tape.watch(native.values)
        out = ragged.softmax(ragged.from_native(native)).to_native()
        loss = tf.reduce_sum(out.values**2)
    wanted = ragged.grad(lambda x: ragged.sum(ragged.softmax(x) ** 2))(ragged.Array(native).to_backend("numpy"))
    np.testing.assert_allclose(tape.gradient(loss, native.values), wanted.layout.content.data, atol=1e-6)


X = [[1.5, -2.0, 0.5], [], [0.25, 4.0]]


@pytest.fixture
def x():
    return ragged.Array(X, backend="tensorflow")


def test_a_tape_takes_arrays_as_sources_and_targets(x):
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = x**3
        total = ragged.sum(y)
    plain = ragged.Array(X)
    assert_same(tape.gradient(total, x), 3 * plain**2)
    assert_same(tape.gradient(y, x), 3 * plain**2)
    assert_same(tape.gradient(total, {"x": [x]})["x"][0], 3 * plain**2)
    seeded = tape.gradient(y, x, output_gradients=ragged.num(x) * ragged.ones_like(x))
    assert_same(seeded, ragged.num(plain) * 3 * plain**2)
    unrelated = tf.constant(1.0)
    assert tape.gradient(unrelated, x) is None


def test_second_derivatives_by_tapes(x):
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            total = ragged.sum(ragged.sum(x**2, axis=1) ** 2)
        first = inner.gradient(total, x)
        norm = ragged.sum(first**2)
    wanted = ragged.grad(lambda x: ragged.sum(ragged.grad(lambda x: ragged.sum(ragged.sum(x**2, axis=1) ** 2))(x) ** 2))
    assert_same(outer.gradient(norm, x), wanted(ragged.Array(X)), rtol=1e-10)


def test_a_jacobian_has_the_type_of_result_times_argument(x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = ragged.sum(x**2, axis=1).to_native()
    found = tape.jacobian(y, x)
    assert_same(found, ragged.jacobian(lambda x: ragged.sum(x**2, axis=1))(ragged.Array(X)))


def test_an_accumulator_follows_an_array(x):
    direction = ragged.cos(x)
    with tf.autodiff.ForwardAccumulator(x, direction) as accumulator:
        y = ragged.softmax(x)
    plain = ragged.Array(X)
    wanted = ragged.jvp(ragged.softmax, (plain,), (ragged.cos(plain),))[1]
    assert_same(accumulator.jvp(y), wanted, rtol=1e-10)


def test_an_accumulator_around_a_function_follows_its_arguments(x):
    def loss(x):
        return ragged.sum(ragged.softmax(x) * ragged.hypot(x, 1.0))

    run = tf.function(loss, autograph=False)
    with tf.autodiff.ForwardAccumulator(x, ragged.ones_like(x)) as accumulator:
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = run(x)
        slope = tape.gradient(value, x)
    plain = ragged.Array(X)
    ones = ragged.ones_like(plain)
    np.testing.assert_allclose(accumulator.jvp(value), ragged.jvp(loss, (plain,), (ones,))[1], 1e-12)
    assert_same(accumulator.jvp(slope), ragged.hvp(loss, (plain,), (ones,)), rtol=1e-10)
    variable = tf.Variable(2.0, dtype=tf.float64)
    captures = tf.function(lambda x: ragged.sum(x * variable), autograph=False)
    around = tf.autodiff.ForwardAccumulator(variable, tf.constant(1.0, tf.float64))
    with around, pytest.raises(ragged.UnsupportedError, match=r"ragged\.jvp"):
        captures(x)


def test_records_have_gradients_field_by_field():
    x = ragged.Array([{"a": 1.5, "n": 2, "b": [1.0, 2.0]}, {"a": 2.5, "n": 3, "b": []}], backend="tensorflow")
    with tf.GradientTape() as tape:
        tape.watch([x.a, x.b])
        loss = ragged.sum(x.a**2) + ragged.sum(x.b**3)
    assert_same(tape.gradient(loss, x.b), ragged.Array([[3.0, 12.0], []]))
    found = tf.nest.map_structure(lambda t: t, x)
    assert_same(found, x.to_backend("numpy"))


def test_an_accumulator_within_a_function_is_refused(x):
    @tf.function
    def run(x):
        with tf.autodiff.ForwardAccumulator(x.layout.content.data, x.layout.content.data) as accumulator:
            y = ragged.sum(x, axis=1).to_native()
        return accumulator.jvp(y)

    with pytest.raises(ragged.UnsupportedError, match=r"ragged\.jvp"):
        run(x)


def test_nest_maps_content(x):
    assert_same(tf.nest.map_structure(lambda t: 2 * t, x), 2 * ragged.Array(X))
    assert len(tf.nest.flatten({"x": x, "y": 1})) == 2
    tf.nest.assert_same_structure(x, x * 2)


def test_tensors_leave_operators_to_arrays(x):
    column = tf.constant([1.0, 10.0, 100.0], tf.float64)
    assert_same(column * x, ragged.Array(X) * np.array([1.0, 10.0, 100.0]))
    assert_same(2.0 - x, 2.0 - ragged.Array(X))
    with pytest.raises(TypeError, match="to_padded"):
        tf.convert_to_tensor(x)
    dense = ragged.Array([1.0, 2.0], backend="tensorflow")
    assert tf.convert_to_tensor(dense) is dense.layout.data


def test_a_training_loop_with_keras_variables(x):
    weight = tf.Variable([0.5, -0.5], dtype=tf.float64)
    points = ragged.from_lengths(np.arange(10.0).reshape(5, 2) / 10, [2, 0, 3]).to_backend("tensorflow")
    losses = []

    @tf.function
    def step(points):
        with tf.GradientTape() as tape:
            score = ragged.matmul(points, weight)
            loss = ragged.sum((ragged.sum(score, axis=1) - 1.0) ** 2)
        weight.assign_sub(0.1 * tape.gradient(loss, weight))
        return loss

    for _ in range(20):
        losses.append(float(step(points)))
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.7 * losses[0]


def test_rows_in_a_dataset():
    x = ragged.Array(X)
    rows = list(ragged_tensorflow.dataset(x))
    assert [row.numpy().tolist() for row in rows] == X
    deep = ragged.Array([[[1], [2, 3]], [], [[]]])
    assert [row.to_list() for row in ragged_tensorflow.dataset(deep)] == deep.to_list()


def test_batches_of_arrays():
    x = ragged.Array([*X, [7.0]])
    data = {"x": x, "y": np.arange(4.0)}
    batches = list(ragged_tensorflow.dataset(data, batch_size=3))
    assert_same(batches[0]["x"], x[:3])
    assert_same(batches[1]["x"], x[3:])
    assert batches[1]["y"].numpy().tolist() == [3.0]
    assert len(list(ragged_tensorflow.dataset(data, 3, drop_remainder=True))) == 1


def test_batches_are_mapped_and_trained_on_in_one_trace():
    x = ragged.Array([*X, [7.0], [], [8.0, 9.0, 1.0]])
    traces = []

    @tf.function
    def total(rows):
        traces.append(1)
        return ragged.sum(rows**2)

    scaled = ragged_tensorflow.dataset(x, batch_size=2).map(lambda rows: rows / 2).prefetch(1)
    found = [float(total(rows)) for rows in scaled]
    assert found == [float(ragged.sum((x[i : i + 2] / 2) ** 2)) for i in (0, 2, 4)]
    assert len(traces) == 1


def test_rows_are_filtered_and_shuffled_before_they_are_arrays_again():
    x = ragged.Array([*X, [7.0]])
    rows = ragged_tensorflow.dataset(x).filter(lambda row: tf.size(row) > 0).shuffle(10, seed=1)
    (batch,) = ragged_tensorflow.arrays(rows.ragged_batch(8))
    assert sorted(batch.to_list()) == sorted(row for row in x.to_list() if row)


def test_records_are_dicts_of_their_fields():
    x = ragged.Array([[{"a": 1.5, "b": 2}], [], [{"a": 3.5, "b": 5}]])
    (batch,) = ragged_tensorflow.dataset(x, batch_size=3)
    assert_same(ragged.zip(batch), x)


def test_what_datasets_cannot_hold_or_would_get_wrong():
    with pytest.raises(ragged.UnsupportedError, match="missing values"):
        ragged_tensorflow.dataset(ragged.Array([[1.0, None]]))
    sliced = tf.data.Dataset.from_tensor_slices(ragged.Array(X, backend="tensorflow"))  # which slices the content
    with pytest.raises(ragged.StructureError, match="not its rows"):
        [row.to_list() for row in sliced]
    words = ragged_tensorflow.dataset(ragged.Array([["a", "b"], ["c"]]), batch_size=2)
    assert next(iter(words)).to_list() == [[b"a", b"b"], [b"c"]]
