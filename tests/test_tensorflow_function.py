"""Ragged programs inside `tf.function`: one trace for batches of all sizes, with values as on NumPy."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

import ragged
from agreement import assert_same
from ragged.testing._operations import OPERATIONS
from ragged.testing._samples import sample

if importlib.util.find_spec("tensorflow") is None:
    pytest.skip("tensorflow is not installed", allow_module_level=True)
tf = pytest.importorskip("tensorflow")

BATCHES = {
    "several": [[1.5, -2.0, 0.5], [], [0.25, 4.0], [3.0]],
    "another size": [[], [2.0, 1.0], [7.0]],
    "one row": [[5.0, -1.0]],
    "empty rows": [[], []],
    "no row": [],
}
LENGTHS = {name: np.array([len(row) for row in rows], np.int64) for name, rows in BATCHES.items()}


def batch(name):
    return ragged.values_astype(ragged.from_lengths(np.concatenate([[], *BATCHES[name]]), LENGTHS[name]), "float64")


def pairs(x):
    first, second = ragged.unzip(x)
    return first * second


PROGRAMS = {
    "elementwise": lambda x: x * x + 1 - x / 2,
    "with a row's number": lambda x: x - ragged.sum(x, axis=1),
    "with a column": lambda x: x * ragged.num(x)[:, np.newaxis],
    **{
        f"{name}, axis={axis}": lambda x, name=name, axis=axis: getattr(ragged, name)(x, axis=axis)
        for name in ("sum", "prod", "max", "min", "mean", "var", "argmax", "any", "count", "ptp", "logsumexp")
        for axis in (0, 1)
    },
    "sum of all": lambda x: ragged.sum(x),
    "kept dimensions": lambda x: ragged.sum(x, axis=-1, keepdims=True),
    "softmax": ragged.softmax,
    "sort": ragged.sort,
    "argsort": lambda x: ragged.argsort(x, ascending=False),
    "backwards": lambda x: x[:, ::-1],
    "range": lambda x: x[:, 1:],
    "every second, backwards": lambda x: x[:, -1::-2],
    "rows": lambda x: x[1:],
    "last rows": lambda x: x[-2:],
    "all but the last row": lambda x: x[:-1],
    "rows backwards": lambda x: x[::-1],
    "every second row": lambda x: x[::2],
    "flat mask": lambda x: x[ragged.num(x) > 1],
    "ragged mask": lambda x: x[x > 0],
    "best of the row": lambda x: x[ragged.argmax(x, axis=-1, keepdims=True)],
    "order as an index": lambda x: x[ragged.argsort(x)],
    "new axis": lambda x: x[:, np.newaxis],
    "flatten": ragged.flatten,
    "num": ragged.num,
    "local_index": ragged.local_index,
    "unflatten": lambda x: ragged.unflatten(ragged.flatten(x), ragged.num(x)),
    "concatenate, axis=0": lambda x: ragged.concatenate([x, 2 * x]),
    "concatenate, axis=1": lambda x: ragged.concatenate([x, x[:, ::-1]], axis=1),
    "pad_none": lambda x: ragged.pad_none(x, 2),
    "pad_none, clipped": lambda x: ragged.fill_none(ragged.pad_none(x, 2, clip=True), 9.0),
    "pad_none of rows": lambda x: ragged.pad_none(ragged.sum(x, axis=1), 3, axis=0, clip=True),
    "mask": lambda x: ragged.mask(x, x > 1),
    "fill_none": lambda x: ragged.fill_none(ragged.mask(x, x > 1), 0.0),
    "drop_none": lambda x: ragged.drop_none(ragged.mask(x, x > 1)),
    "firsts": ragged.firsts,
    "singletons": lambda x: ragged.singletons(ragged.firsts(x)),
    "where": lambda x: ragged.where(x > 1, x, -x),
    "combinations": lambda x: pairs(ragged.combinations(x, 2)),
    "cartesian": lambda x: pairs(ragged.cartesian([x, x + 1])),
    "records": lambda x: ragged.zip({"a": x, "b": ragged.sum(x, axis=1)}),
    "all with all": lambda x: ragged.sum(x[:, np.newaxis] * x[:, :, np.newaxis], axis=-1),
    "vectors": lambda x: ragged.sum(x[:, :, np.newaxis] * np.array([[[1.0, 2.0, 3.0]]]), axis=1),
    "matrices": lambda x: ragged.matmul(x[:, :, np.newaxis], np.array([[1.0, 2.0, 3.0]])),
    "statistics with weights": lambda x: ragged.mean(x, weight=x * x + 1, axis=1),
    "dense": lambda x: ragged.matmul(ragged.to_padded(x, max_len=2)[0], np.array([1.0, 2.0])),
    "and back": lambda x: ragged.from_padded(*ragged.to_padded(x)),
}


def chunks(items, n):
    return [items[i : i + n] for i in range(0, len(items), n)]


@pytest.mark.parametrize("names", chunks(list(PROGRAMS), 12), ids=lambda names: f"from {names[0]}")
def test_one_trace_serves_batches_of_all_sizes(names):
    traces = []

    @tf.function
    def run(x):
        traces.append(1)
        return {name: PROGRAMS[name](x) for name in names}

    for kind in BATCHES:
        x = batch(kind)
        found = run(x.to_backend("tensorflow"))
        for name in names:
            with np.errstate(all="ignore"):
                wanted = PROGRAMS[name](x)
            assert_same(found[name], wanted)
    assert len(traces) == 1


NOW = {
    *("array_equal", "almost_equal", "from_iter", "to_backend", "to_json", "to_list", "to_numpy"),
    *("is_valid", "validity_error", "type", "fields", "parameters", "is_tuple"),
}
"""What gives no array."""
OTHERS = [each for each in OPERATIONS if not each.smooth and each.function not in NOW]


@pytest.mark.parametrize("operations", chunks(OTHERS, 20), ids=lambda some: f"from {some[0].function}")
def test_operations_without_a_derivative(operations):
    missing = ragged.registry.get_backend("tensorflow").unsupported
    operations = [each for each in operations if each.function not in missing]
    for kind in dict.fromkeys(kind for each in operations for kind in each.samples if "ties" not in kind):
        chosen = [each for each in operations if kind in each.samples]
        x = sample(kind)
        run = tf.function(lambda x, chosen=chosen: [each.program(x) for each in chosen], autograph=False)
        found = run(x.to_backend("tensorflow"))
        for each, mine in zip(chosen, found, strict=True):
            with np.errstate(all="ignore"):
                wanted = each.program(x)
            assert_same(mine, wanted, rtol=1e-6 if kind == "single" else 1e-12)


def test_plain_tensors_become_arrays_inside():
    traces = []
    signature = [tf.TensorSpec([None], tf.float64), tf.TensorSpec([None], tf.int64)]

    @tf.function(input_signature=signature)
    def pooled(values, lengths):
        traces.append(1)
        return ragged.to_padded(ragged.softmax(ragged.from_lengths(values, lengths)))[0]

    for kind in BATCHES:
        x = batch(kind)
        wanted = ragged.to_padded(ragged.softmax(x))[0]
        np.testing.assert_allclose(pooled(ragged.flatten(x).to_numpy(), LENGTHS[kind]), wanted)
    assert len(traces) == 1


def test_a_ragged_tensor_inside_of_a_function():
    traces = []

    @tf.function(input_signature=[tf.RaggedTensorSpec([None, None], tf.float64)])
    def run(rows):
        traces.append(1)
        return ragged.softmax(ragged.from_native(rows)).to_native()

    for kind in BATCHES:
        x = batch(kind).to_backend("tensorflow")
        found = run(x.to_native())
        assert isinstance(found, tf.RaggedTensor)
        assert_same(ragged.from_native(found), ragged.softmax(batch(kind)))
    assert len(traces) == 1


def test_known_structure_and_symbolic_content_meet():
    constant = ragged.Array([[1.0, 2.0], [], [3.0]], backend="tensorflow")

    @tf.function
    def run(x, values):
        fixed = ragged.from_offsets(values, [0, 2, 2, 3])
        assert isinstance(fixed.layout.rows.offsets, np.ndarray)  # what is known stays out of the graph
        return fixed * constant, fixed + x, fixed[x > 1], ragged.sum(fixed[ragged.num(constant) > 0])

    x = ragged.Array([[0.5, 1.5], [], [2.5]])
    values = np.array([1.0, 10.0, 100.0])
    fixed = ragged.from_offsets(values, [0, 2, 2, 3])
    known = ragged.Array([[1.0, 2.0], [], [3.0]])
    found = run(x.to_backend("tensorflow"), tf.constant(values))
    wanted = fixed * known, fixed + x, fixed[x > 1], ragged.sum(fixed)
    for mine, theirs in zip(found, wanted, strict=True):
        assert_same(mine, theirs)


def test_arrays_on_numpy_are_arguments_too():
    x = ragged.Array([[1.0], [2.0, 3.0]])
    assert_same(tf.function(lambda x: 2 * x)(x), 2 * x)


@pytest.mark.parametrize(
    "x",
    [
        [[1.0, None], None, [], [2.0]],
        [{"a": 1.5, "b": [1, 2]}, {"a": 2.5, "b": []}],
        [[[1, 2], []], [], [[3]]],
        [(1, [True]), (2, [])],
        [],
        [[], []],
    ],
    ids=str,
)
def test_every_kind_of_array_goes_in_and_comes_out(x):
    x = ragged.Array(x)
    assert_same(tf.function(lambda x: x)(x.to_backend("tensorflow")), x)


def test_regular_axes_keep_their_size():
    x = ragged.from_lengths(np.arange(12.0).reshape(4, 3), [2, 0, 2]).to_backend("tensorflow")
    assert_same(tf.function(lambda x: ragged.sum(x, axis=1))(x), ragged.sum(x.to_backend("numpy"), axis=1))
    nested = ragged.to_regular(ragged.Array([[[1.0], [2.0, 3.0]], [[], [4.0]]])).to_backend("tensorflow")
    assert_same(tf.function(lambda x: x * 2)(nested), nested.to_backend("numpy") * 2)


def test_known_structure_may_differ_between_branches():
    @tf.function
    def run(values, deep):
        one = ragged.from_offsets(values, [0, 2, 2, 3])
        other = ragged.from_offsets(values, [0, 1, 3, 3])
        return tf.cond(deep, lambda: one * 2, lambda: other)

    values = np.array([1.0, 2.0, 3.0])
    assert run(values, tf.constant(True)).to_list() == [[2.0, 4.0], [], [6.0]]
    assert run(values, tf.constant(False)).to_list() == [[1.0], [2.0, 3.0], []]


def test_lists_that_get_shorter_in_a_loop():
    @tf.function
    def run(x, times):
        return tf.while_loop(lambda i, x: i < times, lambda i, x: (i + 1, x[:, 1:]), (0, x))[1]

    x = batch("several")
    for times in range(4):
        assert_same(run(x.to_backend("tensorflow"), tf.constant(times)), x[:, times:])


def test_a_map_that_would_reach_structure_is_refused():
    x = batch("several").to_backend("tensorflow")
    assert_same(tf.function(lambda x: tf.nest.map_structure(tf.identity, x))(x), batch("several"))
    with pytest.raises(ragged.StructureError, match="takes its structure too"):
        tf.function(lambda x: tf.nest.map_structure(lambda t: t * 2, x))(x)


def test_functions_of_ragged_itself_are_traced_as_they_are():
    x = batch("several").to_backend("tensorflow")
    assert_same(tf.function(ragged.softmax)(x), ragged.softmax(batch("several")))
    assert_same(tf.function(ragged.grad(lambda x: ragged.sum(x**2)))(x), 2 * batch("several"))


def test_autograph_rewrites_the_program_and_leaves_the_library_alone(caplog):
    @tf.function
    def clipped(x):
        total = ragged.sum(x)
        if total > 3:  # a tensor: AutoGraph makes tf.cond of it
            x = x / total
        for _ in range(2):
            x = x * ragged.use("tensorflow")(lambda x: x + 1)(x)
        return x, x.to_padded()[0]

    for kind in ("several", "one row"):
        x = batch(kind)
        wanted = x / ragged.sum(x) if ragged.sum(x) > 3 else x
        for _ in range(2):
            wanted = wanted * (wanted + 1)
        assert_same(clipped(x.to_backend("tensorflow"))[0], wanted)
    assert "AutoGraph" not in caplog.text
    assert hasattr(ragged.softmax, "autograph_info__")


def test_branches_and_loops():
    @tf.function
    def run(x, deep):
        there = tf.cond(deep, lambda: x[:, ::-1], lambda: ragged.sort(x))
        _, there = tf.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, x * 2), (0, there))
        return there, x + there, ragged.sum(there, axis=1)

    for kind in BATCHES:
        x = batch(kind)
        for deep in (True, False):
            once = x[:, ::-1] if deep else ragged.sort(x)
            found = run(x.to_backend("tensorflow"), tf.constant(deep))
            for mine, theirs in zip(found, (8 * once, x + 8 * once, ragged.sum(8 * once, axis=1)), strict=True):
                assert_same(mine, theirs)


def test_what_a_branch_computes_of_rows_serves_outside():
    @tf.function
    def run(x, there):
        first = tf.cond(there, lambda: ragged.sum(x, axis=1), lambda: ragged.max(x, axis=1, mask_identity=False))
        return first, ragged.softmax(x), ragged.sum(x, axis=1)  # row ids were asked for in a branch first

    x = batch("several")
    found = run(x.to_backend("tensorflow"), tf.constant(True))
    for mine, theirs in zip(found, (ragged.sum(x, axis=1), ragged.softmax(x), ragged.sum(x, axis=1)), strict=True):
        assert_same(mine, theirs)


ODD = [[np.nan, np.nan, 0.0, -0.0], [-np.inf, -np.inf], [], [np.inf], [np.nan, -np.inf], [1.0, 1.0], [-np.inf]]


@pytest.mark.parametrize("name", ["max", "min", "argmax", "argmin", "ptp", "sort", "argsort"])
@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.filterwarnings("ignore:invalid value")  # NumPy's, of infinity minus infinity
def test_infinities_and_nan_in_a_graph(name, nested):
    x = ragged.Array([[row, row[::-1]] for row in ODD] if nested else ODD)
    f = getattr(ragged, name)
    for axis in (0, -1):
        found = tf.function(lambda x, axis=axis: f(x, axis=axis), autograph=False)(x.to_backend("tensorflow"))
        assert_same(found, f(x, axis=axis), rtol=0)
