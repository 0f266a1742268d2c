"""`ragged.jit(..., jit_compile=True)` under TensorFlow: what is padded for XLA is never seen in values or gradients."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

import ragged
from agreement import assert_same
from ragged.registry import get_backend
from ragged.testing._operations import OPERATIONS
from ragged.testing._samples import sample
from slack import OTHER, X, Y, agreeing, close

if importlib.util.find_spec("tensorflow") is None:
    pytest.skip("tensorflow is not installed", allow_module_level=True)
tf = pytest.importorskip("tensorflow")

agrees = agreeing("tensorflow", jit_compile=True)


@pytest.fixture(autouse=True)
def _planted(monkeypatch):
    """NaN in the padding of the arguments, and in the slack of all that is made of them, unless it is known to be zero;
    senseless numbers among integers."""
    from ragged_tensorflow._xla_checks import Compilation

    monkeypatch.setattr(Compilation, "plant", True)
    with ragged.use("tensorflow"):
        yield


def compiled(f, **options):
    return ragged.jit(f, jit_compile=True, **options)


# ---------------------------------------------------------------------- operations

SHOWN = """
argmax argsort cartesian combinations concatenate cumulative_sum drop_none fill_none flatten getitem linear_fit
local_index logsumexp max num pad_none prod run_lengths softmax sort to_padded to_regular unflatten var where zip
""".split()
"""Functions that between them use every primitive."""
TITLES = {"getitem": ("ragged mask", "order as an index", "backward steps", "range")}
"""Of other functions the first operation is compiled: XLA takes a second for each."""


def chosen(function):
    found = [each for each in OPERATIONS if each.function == function and each.title != "across lists"]
    return [each for each in found if each.title in TITLES[function]] if function in TITLES else found[:1]


def of_sample(operation):
    """The name of the sample that shows most."""
    return next((name for name in ("missing", "rows") if name in operation.samples), operation.samples[0])


@pytest.mark.parametrize(
    "operation", [each for name in SHOWN for each in chosen(name)], ids=lambda each: f"{each.function} {each.title}"
)
def test_operations(operation):
    with ragged.use("numpy"):
        x = sample(of_sample(operation))
    agrees(operation.program, (x,), smooth=operation.smooth)


@pytest.mark.parametrize("smooth", [True, False])
def test_every_elementwise_function(smooth):
    lacks = get_backend("tensorflow").unsupported
    found = [e for e in OPERATIONS if e.title == "elementwise" and e.smooth == smooth and e.function not in lacks]
    for name in sorted({each.samples[0] for each in found} - {"dates"}):
        with ragged.use("numpy"):
            x = sample(name)
        agrees(lambda x, name=name: [e.program(x) for e in found if e.samples[0] == name], (x,), smooth=smooth)


@pytest.mark.parametrize("function", ["to_list", "to_numpy", "to_json", "array_equal"])
def test_what_cannot_be_compiled_says_so(function):
    operation = next(each for each in OPERATIONS if each.function == function)
    with pytest.raises(ragged.UnsupportedError):
        compiled(operation.program)(ragged.Array(X))


REFUSED = {
    "a tensor of unknown length": (lambda x: tf.reduce_sum(ragged.sum(x, axis=1)), "length of this dense array"),
    "a length by a value": (lambda x: ragged.sum(tf.boolean_mask([1.0, 2.0], [True, ragged.sum(x) > 0])), "shape XLA"),
    "arrays in branches": (lambda x: tf.cond(ragged.sum(x) > 0, lambda: x * 2, lambda: x), "tf.nest"),
    "an error within a branch": (
        lambda x: tf.cond(ragged.sum(x) > 0, lambda: ragged.sum(x + ragged.Array(OTHER)), lambda: ragged.sum(x)),
        "cannot report an error",
    ),
    "a result of unknown length": (lambda x: tf.unique(tf.stack([ragged.sum(x)]))[0], "shape XLA"),
    "a function that XLA lacks": (
        lambda x: tf.strings.to_number(tf.strings.as_string(ragged.sum(x))),
        "XLA does not compile this",
    ),
    "a size": (lambda x: len(x), "a size that depends on the arguments"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_names_the_way_out(name):
    program, what = REFUSED[name]
    with pytest.raises(ragged.UnsupportedError, match=rf"(?s){what}.*leave jit_compile=True out"):
        compiled(program)(ragged.Array(X))


# ---------------------------------------------------------------------- one program for many batches


def loss(x, w=0.7):
    return ragged.sum(ragged.sum(ragged.exp(x * 0.3) * w, axis=1) ** 2)


def test_two_hundred_batches_are_one_compilation(caplog):
    generator = np.random.default_rng(7)

    def program(x, w):
        shares = ragged.softmax(x * w, axis=1)
        return ragged.sum(ragged.sum(ragged.log(shares + 0.5) * x, axis=1) ** 2)

    run = compiled(ragged.value_and_grad(program, argnums=(0, 1)))
    for _ in range(200):
        lengths = generator.multinomial(100 - generator.integers(0, 4), np.ones(21) / 21)
        values, w = generator.normal(size=lengths.sum()), np.asarray(generator.normal())
        found = run(ragged.from_lengths(values, lengths), w)
        with ragged.use("numpy"):
            wanted = ragged.value_and_grad(program, argnums=(0, 1))(ragged.from_lengths(values, lengths), w)
        close([found[0], *found[1]], [wanted[0], *wanted[1]])
    ((made, graph),) = run._programs.values()
    assert len(run.traces) == made.runs == graph.graph.experimental_get_tracing_count() == 1
    assert str(run.traces[0]) == "tensorflow: x: rows * var * float64, up to 22 rows of 104 elements, w: float64"


def test_buckets_are_the_size_classes():
    run = compiled(loss, buckets=[8, 64])
    for n in (1, 3, 8, 9, 60):
        x = ragged.Array([[1.0] * n, [2.0]])
        close(run(x), loss(x))
    assert len(run.traces) == 2
    with pytest.raises(ragged.OutOfRangeError, match="beyond the last of the buckets"):
        run(ragged.Array([[1.0] * 64, [2.0]]))


STEPS = {
    "exp": lambda x: ragged.exp(x * 0.2),
    "root of what is positive": lambda x: ragged.sqrt(ragged.where(x > 0.1, x, 0.7)),
    "less the mean": lambda x: x - ragged.fill_none(ragged.mean(x, axis=1, mask_identity=True), 0.0),
    "softmax": lambda x: ragged.softmax(x, axis=1),
    "tails": lambda x: x[:, 1:],
    "reversed": lambda x: x[:, ::-1],
    "positive": lambda x: x[x > 0.3],
    "longer rows": lambda x: x[ragged.num(x) > 1],
    "by an order": lambda x: x[ragged.argsort(-x, axis=1)],
    "joined": lambda x: ragged.concatenate([x, x[:, :1] * 2], axis=1),
    "one after another": lambda x: ragged.concatenate([x, x * 0.5]),
    "without the first": lambda x: x[1:],
    "padded": lambda x: ragged.fill_none(ragged.pad_none(x, 2, axis=1), 0.25),
    "dropped": lambda x: ragged.drop_none(ragged.mask(x, x < 2.5)),
    "a field": lambda x: ragged.zip({"a": x, "b": x * x}).b - x,
    "products": lambda x: ragged.sum(x, axis=1) * 0.1 + x,
}


@pytest.mark.parametrize("seed", range(2))
def test_random_programs(seed):
    generator = np.random.default_rng(seed)
    steps = [list(STEPS.values())[i] for i in generator.choice(len(STEPS), size=3)]

    def program(x):
        for step in steps:
            x = step(x)
        return [x, ragged.sum(x, axis=1), ragged.fill_none(ragged.max(x, axis=1), 0.0)]

    def arrays():
        for _ in range(3):
            lengths = generator.integers(0, 4, size=generator.integers(4, 8))
            lengths[-1] += max(0, 9 - lengths.sum())
            values = generator.choice(np.linspace(-1.9, 2.9, 97), size=lengths.sum(), replace=False)
            with ragged.use("numpy"):
                yield (ragged.from_lengths(values, lengths),)

    agrees(program, *arrays())


# ---------------------------------------------------------------------- room


def test_room_is_made_for_what_grows_and_kept():
    runs = []
    run = compiled(lambda x: runs.append(1) or ragged.combinations(x, 2))
    for data in (X, [list(range(30)), [], [1.0]], [list(range(30)), [], [2.0]]):
        x = ragged.Array(data)
        assert_same(run(x), ragged.combinations(x, 2))
    before = len(runs)
    assert_same(run(x), ragged.combinations(x, 2))
    assert len(runs) == before <= 4


def test_nothing_is_cut_off_where_nothing_is_checked():
    x = ragged.Array([list(range(40))])
    assert_same(compiled(lambda x: ragged.combinations(x, 2), check=False)(x), ragged.combinations(x, 2))


def test_a_capacity_that_is_exceeded_names_what_is_needed():
    x = ragged.Array([[1.0, 2.0, 3.0, 4.0]])
    assert_same(compiled(lambda x: ragged.combinations(x, 2), capacity=6)(x), ragged.combinations(x, 2))
    with pytest.raises(ragged.OutOfRangeError, match=r"6 elements are more than capacity=5.*capacity=6"):
        compiled(lambda x: ragged.combinations(x, 2), capacity=5)(x)


def test_variables_are_as_if_what_did_not_fit_had_not_run():
    count, given = tf.Variable(0), tf.Variable(0)

    def program(x, y, given):
        count.assign_add(1)
        given.assign_add(1)
        return ragged.num(ragged.combinations(x, 2), axis=1), ragged.sum(x + y)

    run = compiled(program)
    x = ragged.Array([list(map(float, range(40))), [1.0]])
    assert_same(run(x, x, given)[0], ragged.num(ragged.combinations(x, 2), axis=1))
    assert int(count) == int(given) == 1
    with pytest.raises(ragged.StructureError):
        run(x, ragged.Array([[1.0], list(map(float, range(40)))]), given)
    assert int(count) == int(given) == 2  # eager code had counted it before it found out


# ---------------------------------------------------------------------- errors come after the call


@pytest.mark.parametrize(
    "program",
    {
        "rows": lambda x, y: x + y,
        "in a gradient": ragged.grad(lambda x, y: ragged.sum(x * y)),
        "lengths": lambda x, y: x + ragged.num(y)[1:],
        "a position": lambda x, y: x[:, 2] * 1,
        "a row": lambda x, y: x[7],
        "positions": lambda x, y: x[ragged.num(y) * 2],
        "a ragged index": lambda x, y: x[ragged.local_index(y)],
        "a mask": lambda x, y: x[y > 0],
    }.items(),
    ids=lambda item: item[0],
)
def test_errors_are_those_of_eager_code(program):
    x, y = ragged.Array(X), ragged.Array(OTHER)
    with pytest.raises(ragged.RaggedError) as eager:
        program[1](x, y)
    with pytest.raises(type(eager.value)) as late:
        compiled(program[1])(x, y)
    assert str(late.value) == str(eager.value)
    compiled(program[1], check=False)(x, y)


def test_the_only_axis_reduced_lines_up_with_the_array():
    program = lambda x: (x - ragged.mean(x, axis=-1, keepdims=True), ragged.max(x, axis=0, keepdims=True) - x)  # noqa: E731
    for data in ([1.0, 2.0, 6.0], [1.0, 2.0, 3.0, 4.0]):
        x = ragged.Array(data)
        for one, other in zip(compiled(program)(x), program(x), strict=True):
            assert_same(one, other)


def test_a_length_that_is_one_by_chance_does_not_stretch():
    x = ragged.Array([1.0, -1.0, -2.0])
    with pytest.raises(ragged.UnsupportedError, match="different lengths do not line up: eager code takes this"):
        compiled(lambda x: x[x > 0] * x)(x)


# ---------------------------------------------------------------------- composition

W = tf.Variable(0.7, dtype=tf.float64)


def by_variable(x):
    with tf.GradientTape() as tape:
        y = loss(x, W)
    return tape.gradient(y, W)


def taped(f):
    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
        return tape.gradient(y, x)

    return run


def looped(x):
    start = tf.constant(0), tf.zeros((), tf.float64)
    step = lambda i, c: (i + 1, c + loss(x, tf.cast(i, tf.float64)))  # noqa: E731
    return tf.while_loop(lambda i, _: i < 3, step, start, maximum_iterations=3)[1]


COMPOSED = {
    "jit of grad": lambda jit: jit(ragged.grad(loss)),
    "grad of jit": lambda jit: ragged.grad(jit(loss)),
    "grad of grad of jit": lambda jit: ragged.grad(lambda x: ragged.sum(ragged.grad(jit(loss))(x) ** 2)),
    "second derivatives": lambda jit: jit(lambda x: ragged.hvp(loss, (x,), (ragged.Array(Y),))),
    "forward mode": lambda jit: jit(lambda x: ragged.jvp(loss, (x,), (ragged.Array(Y),))),
    "a jacobian": lambda jit: jit(lambda x: ragged.jacobian(lambda x: ragged.sum(x * x, axis=1))(x)),
    "jit in jit": lambda jit: jit(lambda x: jit(loss)(x) * 2),
    "a tape around": lambda jit: taped(jit(loss)),
    "a tape by a variable": lambda jit: jit(by_variable),
    "a map": lambda jit: jit(lambda x: tf.map_fn(lambda w: loss(x, w), tf.range(3.0, dtype=tf.float64))),
    "a loop": lambda jit: jit(ragged.grad(looped)),
    "a branch": lambda jit: jit(
        ragged.grad(lambda x: tf.cond(loss(x) > 1, lambda: ragged.sum(x[x > 0] ** 2), lambda: loss(x) * 3))
    ),
    "a checkpoint": lambda jit: jit(ragged.grad(lambda x: ragged.checkpoint(loss)(x))),
    "TensorFlow's functions": lambda jit: jit(lambda x: tf.exp(x) * tf.math.log(ragged.sum(x * x))),
    "constants": lambda jit: jit(
        lambda x: [x * ragged.Array(Y), ragged.Array(Y)[x > 0], ragged.concatenate([x, ragged.Array(OTHER)], axis=1)]
    ),
    "by a constant": lambda jit: jit(ragged.grad(lambda x: ragged.sum(x * ragged.Array(Y)))),
}


@pytest.mark.parametrize("name", COMPOSED)
def test_composition(name):
    def eagerly(f, **options):
        return f

    x = ragged.Array(X)
    close(COMPOSED[name](compiled)(x), COMPOSED[name](eagerly)(x))


def test_a_training_step_is_one_program():
    w = tf.Variable(0.5, dtype=tf.float64)

    @ragged.jit(jit_compile=True)
    def step(x):
        with tf.GradientTape() as tape:
            value = loss(x, w)
        w.assign_sub(0.001 * tape.gradient(value, w))
        return value

    values = [float(step(ragged.Array(data))) for _ in range(5) for data in (X, Y)]
    assert values[-1] < values[1] and len(step.traces) == 1


def inside_and_outside(x):
    """Structure that a loop and a branch compute of arrays around them, and that is wanted after them."""
    y, w = x[x > -1], tf.range(3.0, dtype=tf.float64)

    def step(w):
        return w * ragged.sum(y[:, ::-1]) + ragged.sum(ragged.num(y) * ragged.local_index(y) * 1.0)

    found = tf.reduce_sum(tf.map_fn(step, w))
    found += tf.cond(w[0] > 1, lambda: ragged.sum(ragged.sort(y, axis=1) * y), lambda: 0.0 * found)
    return [found, y[:, ::-1], ragged.num(y), ragged.local_index(x), ragged.softmax(x, axis=1)]


def test_structure_that_is_found_within_a_loop_is_found_again_outside():
    both = lambda x: [*inside_and_outside(x), ragged.grad(lambda x: inside_and_outside(x)[0])(x)]  # noqa: E731
    run = compiled(both)
    for data in (X, OTHER):
        close(run(ragged.Array(data)), both(ragged.Array(data)))


# ---------------------------------------------------------------------- dense arrays of unknown length


def test_matrix_products():
    def program(x, y, m):
        found = [x @ m, y @ m[:, :3], y @ m[None], y @ ragged.matrix_transpose(y)]
        return [*found, ragged.sum((x * x + 1) @ (m * np.inf))]

    for n in (5, 7):
        m = tf.constant(np.arange(n * n).reshape(n, n) % 4 + 1.0)
        x, y = (ragged.Array(np.linspace(-1, 2, size).reshape(n, -1, n)) for size in (n * n, 2 * n * n))
        close(compiled(program)(x[:, 0], y, m), program(x[:, 0], y, m))
    for program in (lambda x, m: x @ m, lambda x, m: x[:, 0] @ m[:, 0]):
        with pytest.raises(ragged.StructureError, match="do not line up"):
            compiled(program)(x[:, 0], m[:4, :4])


def test_dense_arrays_of_unknown_length_in_brackets():
    def program(x):
        dense = ragged.to_padded(x, max_len=3)[0]
        return [dense[0], dense[:, 0], dense[:, 1:], dense[1:], dense[-1, 0], dense[..., 0], dense[:, None, 1]]

    run = compiled(lambda x: [*program(x), ragged.to_padded(x, max_len=3)[0][::-1]])
    for data in (X, OTHER, [[], [4.0], [0.5, 0.25]]):
        x = ragged.Array(data)
        close(run(x), [*program(x), tf.reverse(ragged.to_padded(x, max_len=3)[0], [0])])
    with pytest.raises(AttributeError, match="no 'mean' here: the length of this dense array is not known"):
        compiled(lambda x: ragged.to_padded(x, max_len=3)[0].mean())(x)


# ---------------------------------------------------------------------- arguments and results


def test_an_array_of_one_entry_stretches():
    run = compiled(lambda x, y: x * y)
    x, one, four = ragged.Array(X), ragged.Array([2.0]), ragged.Array([1.0, 2.0, 3.0, 4.0])
    for y in (one, four):
        assert_same(run(x, y), x * y)
    assert len(run.traces) == 2


@pytest.mark.parametrize("lengths", [[], [0], [0, 0], [1]], ids=str)
def test_next_to_nothing(lengths):
    x = ragged.from_lengths(np.ones(sum(lengths)), np.asarray(lengths, int))
    run = compiled(lambda x: [x * 2, ragged.sum(x, axis=-1), ragged.grad(lambda x: ragged.sum(x * x))(x)])
    for one, other in zip(run(x), (x * 2, ragged.sum(x, axis=-1), x * 2), strict=True):
        assert_same(one, other)


def test_arrays_of_one_partition_share_it_in_the_results():
    x = ragged.Array(X)
    doubled, mask = compiled(lambda x: (x * 2, x > 0))(x)
    assert doubled.layout.rows is mask.layout.rows is x.layout.rows


def test_records_text_and_missing_values():
    records = ragged.Array(
        [{"a": [1.0, 2.0], "s": "one", "m": None}, {"a": [], "s": "", "m": 2.0}, {"a": [3.0], "s": "three", "m": 4.0}]
    )
    for program in (
        lambda r: ragged.with_field(r, ragged.sum(r.a, axis=1), "total"),
        lambda r: r[r.s == "one"],
        lambda r: ragged.drop_none(r.m, axis=0),
        ragged.grad(lambda r: ragged.sum(r.a**2) + ragged.sum(r.m)),
    ):
        assert_same(compiled(program)(records), program(records))


# ---------------------------------------------------------------------- what it says


def test_it_says_what_it_does():
    run, x = compiled(loss), ragged.Array(X)
    run(x)
    assert run.explain(x) == (
        "loss on tensorflow: one program of XLA (tf.function, jit_compile=True) for each size class\n"
        "  x: rows * var * float64, up to 8 rows of 8 elements\n"
        "  padded: 10 rows and elements, 16 with padding\n"
        "runs what is compiled: trace 1 of 1"
    )


def test_where_there_is_no_choice_it_changes_nothing_and_says_so():
    run = compiled(lambda x: x * 2)
    with ragged.use("numpy"):
        x = ragged.Array(X)
        assert_same(run(x), x * 2)
        assert "nothing is compiled on this backend" in run.explain(x)
    if "jax" in ragged.available():
        with ragged.use("jax", precision="float64"):
            assert run.explain(ragged.Array(X)).endswith("jit_compile=True changes nothing on this backend")
