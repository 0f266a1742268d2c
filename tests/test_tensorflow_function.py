"""Ragged programs inside `tf.function`: one trace for batches of all sizes, values and gradients as on NumPy, checks at
run time, and errors that name the way out."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

import ragged
from agreement import assert_same
from ragged.testing._gradients import near, numbers
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


def batch(name):
    return ragged.values_astype(ragged.from_lengths(np.concatenate([[], *BATCHES[name]]), counts(name)), "float64")


def counts(name):
    return np.array([len(row) for row in BATCHES[name]], np.int64)


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
        np.testing.assert_allclose(pooled(ragged.flatten(x).to_numpy(), counts(kind)), wanted)
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


def weigh(value):
    """One number of any result, with a different weight for each entry."""
    if isinstance(value, tuple):
        return sum(weigh(part) for part in value)
    if not isinstance(value, ragged.Array) and not len(value.shape):
        return value * 1.5
    flat = ragged.flatten(value, axis=None) if isinstance(value, ragged.Array) else ragged.ravel(value)
    place = ragged.add(ragged.local_index(flat, axis=0), 1.0)
    return ragged.sum(ragged.multiply(flat, ragged.add(ragged.cos(place), 1.5)))


def gradients(operations, x):
    losses = [lambda x, program=each.program: weigh(program(x)) for each in operations]
    return [ragged.value_and_grad(loss)(x) for loss in losses]


SMOOTH = [each for each in OPERATIONS if each.smooth]
PROGRAMMED = [each for each in SMOOTH if each.title != "elementwise"]
UFUNCS = [each for each in SMOOTH if each.title == "elementwise"]


def agree(operations, kinds):
    """Value and gradient of each operation from one graph are NumPy's."""
    missing = ragged.registry.get_backend("tensorflow").unsupported
    operations = [each for each in operations if each.function not in missing]
    run = tf.function(lambda x: gradients(operations, x))
    for kind in kinds:
        x = sample(kind)
        with np.errstate(all="ignore"):
            wanted = gradients(operations, x)
        found = run(x.to_backend("tensorflow"))
        for operation, mine, theirs in zip(operations, found, wanted, strict=True):
            what = f"{operation.function} {operation.title} of {kind}"
            assert str(mine[1].type) == str(theirs[1].type), what
            for one, other in zip(map(numbers, mine), map(numbers, theirs), strict=True):
                assert near(one, other, 1e-10), f"{what}: {one}, not {other}"


@pytest.mark.parametrize("operations", chunks(PROGRAMMED, 10), ids=lambda some: f"from {some[0].function}")
def test_gradients_are_those_of_the_tape(operations):
    agree(operations, ("rows", "ties"))


@pytest.mark.parametrize("operations", chunks(PROGRAMMED, 10), ids=lambda some: f"from {some[0].function}")
def test_gradients_where_values_are_missing(operations):
    agree(operations, ("missing", "missing ties"))


@pytest.mark.parametrize("operations", chunks(UFUNCS, 12), ids=lambda some: f"from {some[0].function}")
def test_gradients_of_elementwise_functions(operations):
    agree(operations, ("rows", "ties"))


def test_transforms_inside_of_a_function():
    def everything(x):
        value, pull = ragged.vjp(lambda x: ragged.sum(x**3, axis=1), x)
        tangent = ragged.jvp(lambda x: ragged.softmax(x), (x,), (x * x,))[1]
        second = ragged.hvp(lambda x: ragged.sum(x**3), (x,), (x,))
        return value, pull(ragged.num(x) * 1.0)[0], tangent, second

    traces = []

    @tf.function
    def run(x):
        traces.append(1)
        return everything(x)

    for kind in ("several", "another size", "one row"):
        x = batch(kind)
        for mine, theirs in zip(run(x.to_backend("tensorflow")), everything(x), strict=True):
            assert_same(mine, theirs, rtol=1e-10)
    assert len(traces) == 1


def test_a_tape_inside_of_a_function():
    @tf.function
    def step(x, weight):
        with tf.GradientTape() as tape:
            tape.watch([x, weight])
            loss = ragged.sum(ragged.softmax(x * weight) ** 2)
        return tape.gradient(loss, {"x": x, "weight": weight})

    x = batch("several")
    found = step(x.to_backend("tensorflow"), tf.constant(0.7, tf.float64))
    wanted = ragged.grad(lambda x, w: ragged.sum(ragged.softmax(x * w) ** 2), (0, 1))(x, 0.7)
    assert_same(found["x"], wanted[0], rtol=1e-10)
    assert near(found["weight"].numpy(), wanted[1], 1e-10)


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


WRONG = {
    "rows of other lengths": (lambda x, y: x + y, [[1.0, 2.0], [3.0]], [[10.0], [20.0, 30.0]], "add: rows"),
    "another number of rows": (lambda x, y: x * y, [[1.0], [3.0]], [[10.0], [], []], "arrays of different lengths"),
    "a mask of other rows": (lambda x, y: x[y > 0], [[1.0, 2.0], [3.0]], [[10.0], [20.0, 30.0]], "does not line up"),
    "an entry beyond a row": (lambda x, y: x[:, 1], [[1.0, 2.0], [3.0]], [[1.0]], "out of range of its list"),
    "an entry beyond the array": (lambda x, y: x[2], [[1.0], [3.0]], [[1.0]], "index 2 is out of range"),
    "rows beyond the array": (lambda x, y: x[ragged.num(y)], [[1.0], [3.0]], [[1.0, 2.0, 3.0]], "out of range"),
    "counts that do not fit": (
        lambda x, y: ragged.unflatten(ragged.flatten(x), ragged.num(y)),
        [[1.0], [3.0]],
        [[1.0, 2.0, 3.0]],
        "counts do not sum",
    ),
    "lists of several lengths": (lambda x, y: ragged.to_regular(x), [[1.0], []], [[1.0]], "not of one length"),
    "lengths that do not add up": (
        lambda x, y: ragged.from_lengths(ragged.flatten(x), ragged.num(y)),
        [[1.0], [3.0]],
        [[1.0]],
        "do not add up",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_line_up_stops_the_program(name):
    program, x, y, message = WRONG[name]
    x, y = (ragged.Array(each, backend="tensorflow") for each in (x, y))
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        tf.function(program)(x, y)
    with pytest.raises((ValueError, IndexError)):
        program(x, y)


UNKNOWN = {
    "to_list": lambda x: x.to_list(),
    "len": lambda x: len(x),
    "iteration": lambda x: [row for row in x],
    "to_numpy": lambda x: x.to_numpy(),
    "to_awkward": ragged.to_awkward,
    "truth": lambda x: 1 if x[0] else 2,
    "equality": lambda x: ragged.array_equal(x, x),
    "one entry that may be missing": lambda x: ragged.max(x, axis=1)[0],
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_needs_values_now_says_how_to_go_on(name):
    x = batch("several").to_backend("tensorflow")
    with pytest.raises(ragged.UnsupportedError, match="not known before the program runs"):
        tf.function(UNKNOWN[name])(x)


def test_printing_while_a_graph_is_built():
    seen = []
    tf.function(lambda x: seen.append(repr(x)))(batch("several").to_backend("tensorflow"))
    assert seen == ["<Array [...] tracer type='## * var * float64' backend='tensorflow'>"]


def test_an_index_that_is_a_tensor():
    @tf.function
    def row(x, i):
        return x[tf.reshape(i, (1,))]

    x = batch("several")
    for i in (0, 3, -1):
        assert_same(row(x.to_backend("tensorflow"), tf.constant(i)), x[[i]])
    with pytest.raises(ragged.UnsupportedError, match="index array"):
        tf.function(lambda x, i: x[i])(x.to_backend("tensorflow"), tf.constant(1))


def test_memory_is_never_padded():
    lengths = np.ones(1_000_001, np.int64)
    lengths[7] = 1_000_000
    values = np.linspace(0.0, 1.0, lengths.sum(), dtype=np.float32)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32), tf.TensorSpec([None], tf.int64)])
    def run(values, lengths):
        def loss(values):
            return ragged.sum(ragged.softmax(ragged.from_lengths(values, lengths)) ** 2)

        return ragged.value_and_grad(loss)(values)

    value, gradient = run(values, lengths)
    np.testing.assert_allclose(value, 1_000_000, rtol=1e-3)
    assert gradient.shape == values.shape
    assert np.isfinite(gradient.numpy()).all()
