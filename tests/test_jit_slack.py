"""What `ragged.jit` pads on JAX is never seen: with NaN in all slack, values and gradients are those of eager code."""

from __future__ import annotations

import numpy as np
import pytest

import ragged
from agreement import OURS, assert_same
from ragged.registry import get_backend
from ragged.testing._operations import OPERATIONS
from ragged.testing._samples import sample
from slack import OTHER, X, Y, agreeing, close

if "jax" not in OURS:
    pytest.skip("JAX is not installed", allow_module_level=True)

import jax
import jax.numpy as jnp

from ragged_jax._checks import Compilation
from ragged_jax._compat import enable_x64

agrees = agreeing("jax")


@pytest.fixture(autouse=True)
def planted(monkeypatch):
    """NaN in the padding of the arguments, and in the slack of all that is made of them, unless it is known to be zero;
    senseless numbers among integers."""
    monkeypatch.setattr(Compilation, "plant", True)
    with ragged.use("jax", precision="float64"):
        yield


@pytest.fixture
def quickly():
    """XLA leaves most of its work out: the programs of all operations compile in two thirds of the time."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


# ---------------------------------------------------------------------- all operations

OUTSIDE = {
    **dict.fromkeys(("from_iter", "to_list", "to_numpy", "to_json"), "the values leave the program"),
    "to_backend": "the values leave the program",
    **dict.fromkeys(("array_equal", "almost_equal"), "the answer is a Python bool"),
    **dict.fromkeys(("is_valid", "validity_error"), "the answer is a Python value"),
    "type": "the number of rows is part of the type",
}
"""What a compiled program cannot do, and why: it says so."""

SHOWN = [
    each
    for each in OPERATIONS
    if each.function not in OUTSIDE and "dates" not in each.samples and each.title != "across lists"
]
UFUNCS = [each for each in SHOWN if each.title == "elementwise"]


ONES = [each for each in SHOWN if each.title != "elementwise"]


def of_sample(operation):
    """The name of the sample that shows most."""
    return next((name for name in ("missing", "rows") if name in operation.samples), operation.samples[0])


@pytest.mark.parametrize("function", sorted({each.function for each in ONES if each.smooth}))
def test_every_operation(function, quickly):
    """All that is shown of one function is one program, which is compiled in the time of one."""
    for name in {of_sample(each) for each in ONES if each.function == function and each.smooth}:
        chosen = [each for each in ONES if each.function == function and each.smooth and of_sample(each) == name]
        with ragged.use("numpy"):
            x = sample(name)
        agrees(lambda x, chosen=chosen: [each.program(x) for each in chosen], (x,))


@pytest.mark.parametrize("name", sorted({of_sample(each) for each in ONES if not each.smooth}))
def test_every_operation_without_a_derivative(name, quickly):
    chosen = [each for each in ONES if not each.smooth and of_sample(each) == name]
    with ragged.use("numpy"):
        x = sample(name)
    agrees(lambda x: [each.program(x) for each in chosen], (x,), smooth=False)


@pytest.mark.parametrize(("name", "smooth"), sorted({(each.samples[0], each.smooth) for each in UFUNCS}))
def test_every_elementwise_function(name, smooth, quickly):
    lacks = get_backend("jax").unsupported
    chosen = [e for e in UFUNCS if e.samples[0] == name and e.smooth == smooth and e.function not in lacks]
    with ragged.use("numpy"):
        x = sample(name)
    agrees(lambda x: [each.program(x) for each in chosen], (x,), smooth=smooth)


@pytest.mark.parametrize("function", ["to_list", "to_numpy", "to_json", "array_equal"])
def test_what_cannot_be_compiled_says_so(function):
    operation = next(each for each in OPERATIONS if each.function == function)
    with pytest.raises(ragged.UnsupportedError):
        ragged.jit(operation.program)(ragged.Array(X))


def test_dense_arrays_of_unknown_length_are_for_ragged_alone():
    x = ragged.Array(X)
    found = ragged.jit(lambda x: ragged.to_padded(x, max_len=3)[0] ** 2 / 4)(x)
    close(found, np.asarray([[0.5625, 1.0, 0.0625], [0.0] * 3, [0.015625, 4.0, 0.0], [2.25, 0.0, 0.0]]))
    with pytest.raises(ragged.UnsupportedError, match="length of this dense array is not known"):
        ragged.jit(lambda x: jnp.sum(ragged.to_padded(x, max_len=3)[0]))(x)


def test_nothing_of_a_trace_is_kept():
    with jax.checking_leaks():
        found = ragged.jit(lambda x: ragged.sort(x[x > 0], axis=1))(ragged.Array(X))
    assert found.to_list() == [[0.5, 1.5], [], [0.25, 4.0], [3.0]]


# ---------------------------------------------------------------------- random programs

STEPS = {
    "exp": lambda x: ragged.exp(x * 0.2),
    "logarithm": lambda x: ragged.log(x * x + 0.5),
    "root of what is positive": lambda x: ragged.sqrt(ragged.where(x > 0.1, x, 0.7)),
    "quotient": lambda x: x / (1.5 + x * x),
    "less the mean": lambda x: x - ragged.fill_none(ragged.mean(x, axis=1, mask_identity=True), 0.0),
    "softmax": lambda x: ragged.softmax(x, axis=1),
    "tails": lambda x: x[:, 1:],
    "heads": lambda x: x[:, :-1],
    "reversed": lambda x: x[:, ::-1],
    "positive": lambda x: x[x > 0.3],
    "longer rows": lambda x: x[ragged.num(x) > 1],
    "sorted": lambda x: ragged.sort(x, axis=1),
    "by an order": lambda x: x[ragged.argsort(-x, axis=1)],
    "joined": lambda x: ragged.concatenate([x, x[:, :1] * 2], axis=1),
    "one after another": lambda x: ragged.concatenate([x, x * 0.5]),
    "backwards": lambda x: x[::-1],
    "without the first": lambda x: x[1:],
    "padded": lambda x: ragged.fill_none(ragged.pad_none(x, 2, axis=1), 0.25),
    "dropped": lambda x: ragged.drop_none(ragged.mask(x, x < 2.5)),
    "running": lambda x: ragged.cumulative_sum(x, axis=1),
    "a field": lambda x: ragged.zip({"a": x, "b": x * x}).b - x,
    "times columns": lambda x: x * ragged.sum(x, axis=1, keepdims=True),
    "spread": lambda x: x * ragged.std(x),
    "products": lambda x: ragged.sum(x, axis=1) * 0.1 + x,
}
ENDS = {
    "sum": ragged.sum,
    "sums": lambda x: ragged.sum(x, axis=1),
    "columns": lambda x: ragged.sum(x, axis=0),
    "maxima": lambda x: ragged.max(x, axis=1),
    "variances": lambda x: ragged.fill_none(ragged.var(x, axis=1, mask_identity=True), 0.0),
    "flat": ragged.flatten,
    "itself": lambda x: x,
    "pairs": lambda x: ragged.sum(
        ragged.prod(ragged.to_regular(ragged.stack([ragged.flatten(x)] * 2, axis=1)), axis=1)
    ),
}


def arrays(generator, count):
    """Arrays of one size class, none of them of the lengths of another."""
    for _ in range(count):
        lengths = generator.integers(0, 4, size=generator.integers(4, 8))
        lengths[-1] += max(0, 9 - lengths.sum())
        values = generator.choice(np.linspace(-1.9, 2.9, 97), size=lengths.sum(), replace=False)
        with ragged.use("numpy"):
            yield (ragged.from_lengths(values, lengths),)


@pytest.mark.parametrize("seed", range(8))
def test_random_programs(seed):
    generator = np.random.default_rng(seed)
    steps = [list(STEPS.values())[i] for i in generator.choice(len(STEPS), size=3)]
    end = list(ENDS.values())[generator.integers(len(ENDS))]

    def program(x):
        for step in steps:
            x = step(x)
        return end(x)

    agrees(program, *arrays(generator, 3))


# ---------------------------------------------------------------------- one compilation


def test_two_hundred_batches_are_one_compilation():
    generator = np.random.default_rng(7)

    def loss(x, w):
        shares = ragged.softmax(x * w, axis=1)
        return ragged.sum(ragged.sum(ragged.log(shares + 0.5) * x, axis=1) ** 2)

    runs = []
    compiled = ragged.jit(ragged.value_and_grad(lambda x, w: runs.append(1) or loss(x, w), argnums=(0, 1)))
    for _ in range(200):
        lengths = generator.multinomial(100 - generator.integers(0, 4), np.ones(21) / 21)
        values = generator.normal(size=lengths.sum())
        value, (by_x, by_w) = compiled(ragged.from_lengths(values, lengths), 0.7)
        with ragged.use("numpy"):
            wanted = ragged.value_and_grad(loss, argnums=(0, 1))(ragged.from_lengths(values, lengths), 0.7)
        close(
            [float(value), by_x.to_list(), float(by_w)], [float(wanted[0]), wanted[1][0].to_list(), float(wanted[1][1])]
        )
    assert len(compiled.traces) == len(runs) == 1


def test_room_is_made_for_what_grows_and_kept():
    runs = []
    compiled = ragged.jit(lambda x: runs.append(1) or ragged.combinations(x, 2))
    for data in (X, [list(range(30)), [], [1.0]], [list(range(30)), [], [2.0]]):
        x = ragged.Array(data)
        assert_same(compiled(x), ragged.combinations(x, 2))
    before = len(runs)
    assert_same(compiled(x), ragged.combinations(x, 2))
    assert len(runs) == before <= 4


def test_nothing_is_cut_off_where_nothing_is_checked():
    x = ragged.Array([list(range(40))])
    assert_same(ragged.jit(lambda x: ragged.combinations(x, 2), check=False)(x), ragged.combinations(x, 2))


def test_a_capacity_that_is_exceeded_names_what_is_needed():
    x = ragged.Array([[1.0, 2.0, 3.0, 4.0]])
    pairs = ragged.jit(lambda x: ragged.combinations(x, 2), capacity=6)
    assert_same(pairs(x), ragged.combinations(x, 2))
    with pytest.raises(ragged.OutOfRangeError, match=r"6 elements are more than capacity=5.*capacity=6"):
        ragged.jit(lambda x: ragged.combinations(x, 2), capacity=5)(x)


# ---------------------------------------------------------------------- errors come after the call


@pytest.mark.parametrize(
    "program",
    {
        "rows": lambda x, y: x + y,
        "in a gradient": ragged.grad(lambda x, y: ragged.sum(x * y)),
        "in a scan": lambda x, y: jax.lax.scan(lambda c, w: (c, ragged.sum(x + y) * w), 0.0, jnp.arange(2.0))[1],
        "in a map": lambda x, y: jax.vmap(lambda w: ragged.sum(x + y) * w)(jnp.arange(2.0)),
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
    with pytest.raises(type(eager.value)) as compiled:
        ragged.jit(program[1])(x, y)
    assert str(compiled.value) == str(eager.value)
    ragged.jit(program[1], check=False)(x, y)


def test_a_length_that_is_one_by_chance_does_not_stretch():
    x = ragged.Array([1.0, -1.0, -2.0])
    assert (x[x > 0] * x).to_list() == [1.0, -1.0, -2.0]
    with pytest.raises(ragged.UnsupportedError, match="different lengths do not line up: eager code takes this"):
        ragged.jit(lambda x: x[x > 0] * x)(x)


def test_what_gives_none_in_eager_code_is_an_error():
    x = ragged.Array(X)
    for reduce in (ragged.max, ragged.argmin):
        compiled = ragged.jit(lambda x, least, reduce=reduce: reduce(x[x > least], axis=None))
        close(compiled(x, 0.5), reduce(x[x > 0.5], axis=None))
        with pytest.raises(ragged.UnsupportedError, match=f"{reduce.__name__} of nothing is None"):
            compiled(x, 9.0)
    with pytest.raises(TypeError, match="NoneType"):
        ragged.jit(lambda x: ragged.max(x[x > 9]) + 1)(x)
    with pytest.raises(ragged.UnsupportedError, match="sort it before"):
        ragged.jit(ragged.sort)(ragged.Array(["b", "a"]))


def test_lists_of_one_size_need_values_for_one():
    compiled = ragged.jit(lambda x: ragged.unflatten(ragged.flatten(x), 2))
    for n in (4, 2):
        assert compiled(ragged.from_lengths(np.arange(n), [n, 0])).to_list() == np.arange(n).reshape(-1, 2).tolist()
    with pytest.raises(ragged.StructureError, match="counts=2 is negative or more than the 0 values"):
        compiled(ragged.from_lengths(np.arange(0), [0, 0]))


# ---------------------------------------------------------------------- composition


def loss(x, w=0.7):
    return ragged.sum(ragged.sum(ragged.exp(x * 0.3) * w, axis=1) ** 2)


def scanned(x):
    return jax.lax.scan(lambda c, w: (c + loss(x, w), ragged.sum(x * w, axis=1)[0]), jnp.asarray(0.0), jnp.arange(3.0))


COMPOSED = {
    "jit of grad": lambda jit: jit(ragged.grad(loss)),
    "grad of jit": lambda jit: ragged.grad(jit(loss)),
    "value and gradient": lambda jit: jit(lambda x: list(ragged.value_and_grad(loss)(x))),
    "second derivatives": lambda jit: jit(lambda x: ragged.hvp(loss, (x,), (ragged.Array(Y),))),
    "a jacobian": lambda jit: jit(lambda x: ragged.jacobian(lambda w: ragged.sum(x * w, axis=1))(jnp.asarray(2.0))),
    "jit in jit": lambda jit: jit(lambda x: jit(loss)(x) * 2),
    "jax.grad of jit": lambda jit: jax.grad(jit(loss)),
    "jit of jax.grad": lambda jit: jit(jax.grad(loss)),
    "a map within": lambda jit: jit(lambda x: jax.vmap(lambda w: loss(x, w))(jnp.arange(3.0))),
    "a map around": lambda jit: lambda x: jax.vmap(lambda w: jit(loss)(x, w))(jnp.arange(3.0)),
    "a scan": lambda jit: jit(lambda x: list(scanned(x))),
    "a loop over arrays": lambda jit: jit(lambda x: jax.lax.fori_loop(0, 3, lambda i, y: y * 0.5 + 1.0, x)),
    "a branch": lambda jit: jit(lambda x: jax.lax.cond(loss(x) > 1, lambda y: y * 2, lambda y: y * 3, x)),
    "jax.checkpoint": lambda jit: jit(ragged.grad(lambda x: jax.checkpoint(loss)(x))),
    "ragged.checkpoint": lambda jit: jit(ragged.grad(lambda x: ragged.checkpoint(loss)(x))),
    "a constant": lambda jit: jit(lambda x: [x * ragged.Array(Y), ragged.Array(OTHER) * 2, ragged.Array(Y)[x > 0]]),
    "joined to a constant": lambda jit: jit(lambda x: ragged.concatenate([x, ragged.Array(OTHER)], axis=1)),
    "by a constant": lambda jit: jit(ragged.grad(lambda x: ragged.sum(x * ragged.Array(Y)))),
    "donated": lambda jit: jit(lambda x: x * 2, donate_argnums=0),
}


@pytest.mark.parametrize("name", COMPOSED)
def test_composition(name, quickly):
    def eagerly(f, **options):
        return f

    with enable_x64():
        x = ragged.Array(X)
        close(COMPOSED[name](ragged.jit)(x), COMPOSED[name](eagerly)(x))


def many(x):
    """What JAX's transformations make of arrays of unknown length: more axes, in front or behind."""
    w = jnp.asarray([0.5, -1.0, 2.0])
    rows = lambda w: ragged.sum(x * w[0] + w[1] * w[2], axis=1)  # noqa: E731
    both = lambda x: jnp.stack([ragged.sum(x), ragged.sum(x * x)])  # noqa: E731
    return [
        jax.vmap(lambda w: x * w)(w),
        jax.vmap(lambda w: ragged.sum(x * w, axis=1))(w),
        jax.vmap(lambda w: ragged.sum(x * w, axis=1), out_axes=1)(w),
        jax.lax.scan(lambda c, w: (c, x * w), 0.0, w)[1],
        jax.jacfwd(rows)(w),
        jax.jacrev(rows)(w),
        jax.jacrev(both)(x),
        jax.jacfwd(both)(x),
        sum(jnp.sum(leaf) for leaf in jax.tree.leaves(ragged.exp(x))),
    ]


def test_arrays_have_more_axes_after_a_transformation(quickly):
    with enable_x64():
        compiled = ragged.jit(many)
        for data in (X, [[0.5], [1.0, 2.0, 3.0, 4.0, -0.5]]):
            x = ragged.Array(data)
            close(compiled(x), many(x))
        assert len(compiled.traces) == 1
        with pytest.raises(ragged.StructureError, match="take its elements, not its rows"):
            ragged.jit(jax.vmap(lambda x: x * 2))(ragged.Array(X))


def test_dense_arguments_become_structure():
    @ragged.jit
    def program(x, index, mask, values, lengths, ids):
        return [
            x[index],
            x[mask],
            ragged.from_lengths(values, lengths),
            ragged.from_row_ids(values, ids, 4),
            ragged.unflatten(values, lengths),
            x[:, :1] * lengths[0],
        ]

    x, mask, values = ragged.Array(X), np.asarray([True, False, True, False]), np.arange(6.0)
    good = [np.asarray([2, 0]), mask, values, np.asarray([4, 0, 2]), np.asarray([0, 0, 1, 3, 3, 3])]
    for index, lengths in (([2, 0], [4, 0, 2]), ([-1, -1], [0, 6, 0])):
        arguments = [x, np.asarray(index), mask, values, np.asarray(lengths), good[4]]
        close(program(*arguments), program.__wrapped__(*arguments))
    assert len(program.traces) == 1
    for i, wrong in ((0, [4, 0]), (3, [4, 0, 1]), (3, [7, -1, 0]), (4, [0, 0, 1, 3, 3, 4])):
        arguments = [x, *good[:i], np.asarray(wrong), *good[i + 1 :]]
        with pytest.raises(ragged.RaggedError) as eager:
            program.__wrapped__(*arguments)
        with pytest.raises(type(eager.value)) as compiled:
            program(*arguments)
        assert str(compiled.value) == str(eager.value)


def inside_and_outside(x):
    """Structure that a loop, a branch and a checkpoint compute of arrays around them, and that is wanted after them."""
    y, w = x[x > -1], jnp.arange(3.0)
    z = jax.vmap(lambda w: y * w)(w)

    def step(total, w):
        return total + w * ragged.sum(y[:, ::-1]) + ragged.sum(ragged.num(y) * ragged.local_index(y)) + z.ndim, None

    total = jax.lax.scan(step, 0.0, w)[0]
    total += jax.lax.cond(w[0] > 1, lambda: ragged.sum(ragged.sort(y, axis=1) * y), lambda: 0.0)
    total += jax.checkpoint(lambda w: ragged.sum(ragged.softmax(x, axis=1) * x * w[1]))(w)
    kept = ragged.checkpoint(lambda x: ragged.fill_none(ragged.max(x * w[1], axis=1), 0.0))(x)
    return [total, y[:, ::-1], ragged.num(y), ragged.local_index(x), ragged.softmax(x, axis=1), ragged.sum(z), kept]


def test_structure_that_is_found_within_a_loop_is_found_again_outside(quickly):
    both = lambda x: [*inside_and_outside(x), ragged.grad(lambda x: inside_and_outside(x)[0])(x)]  # noqa: E731
    compiled = ragged.jit(both)
    with enable_x64():
        for data in (X, OTHER):
            close(compiled(ragged.Array(data)), both(ragged.Array(data)))


def test_a_check_in_a_branch_that_is_not_taken_is_made_again_outside():
    def program(x, y, p):
        x, y = ragged.sum(x, axis=1), ragged.sum(y, axis=1)
        return jax.lax.cond(p > 0, lambda: ragged.sum(x + y), lambda: 0.0 * p), x + y

    with enable_x64():
        x, y, p = ragged.Array(X), ragged.Array(Y), jnp.asarray(0.0)
        compiled = ragged.jit(program)
        close(compiled(x, y, p)[1], program(x, y, p)[1])
        with pytest.raises(ragged.StructureError, match="do not broadcast"):
            compiled(x, ragged.Array([*Y, [1.0]]), p)


def test_matrix_products():
    def program(x, y, m):
        return [
            x @ m,
            m.T @ x,
            y @ m[:, :3],
            y @ m[None],
            y @ ragged.matrix_transpose(y),
            ragged.sum((x * x + 1) @ (m * np.inf)),
        ]

    compiled = ragged.jit(program)
    for n in (5, 7):
        m = np.arange(n * n).reshape(n, n) % 4 + 1.0
        x, y = (ragged.Array(np.linspace(-1, 2, size).reshape(n, -1, n)) for size in (n * n, 2 * n * n))
        close(compiled(x[:, 0], y, m), program(x[:, 0], y, m))
    for program in (lambda x, m: m @ x, lambda x, m: x @ m, lambda x, m: m[:, 0] @ x[:, 0]):
        compiled = ragged.jit(program)
        with pytest.raises(ragged.StructureError, match="do not line up"):
            compiled(x[:, 0], m[:4, :4])


def test_dense_arrays_of_unknown_length_in_brackets():
    def program(x, w):
        dense = ragged.to_padded(x, max_len=3)[0]
        parts = dense[0], dense[:, 0], dense[:, 1:], dense[1:], dense[::-1], dense[:, ::-1], dense[-1, 0], dense[..., 0]
        columns = ragged.to_padded(ragged.num(x) * ragged.ones_like(x), max_len=4)[0]
        return *parts, dense[9], dense[w.astype(int)], dense @ w, columns[..., 1:3], dense[:, None, 1]

    with enable_x64():
        w = jnp.asarray([2.0, -1.0, 1.0])
        compiled = ragged.jit(program)
        for data in (X, OTHER, [[], [4.0], [0.5, 0.25]]):
            x = ragged.Array(data)
            close(list(compiled(x, w)), list(program(x, w)))
    with pytest.raises(AttributeError, match="no 'mean' here: the length of this dense array is not known"):
        ragged.jit(lambda x: ragged.to_padded(x, max_len=3)[0].mean())(x)


def test_lengths_are_found_within_a_scan():
    scanned = ragged.jit(lambda x, ws: jax.lax.scan(lambda c, w: (c + w, ragged.sum(x[x > w])), 0.0, ws)[1])
    x, ws = ragged.Array(X), np.arange(3.0)
    close(scanned(x, jnp.asarray(ws)), np.stack([ragged.sum(x[x > w]) for w in ws]))


def test_lengths_found_within_a_transformation_stay_there():
    with pytest.raises(ragged.UnsupportedError, match=r"jax.checkpoint, lax.scan or lax.cond"):
        ragged.jit(lambda x: jax.checkpoint(lambda x: x[x > 0])(x) * 2)(ragged.Array(X))


# ---------------------------------------------------------------------- arguments and results


def test_an_array_of_one_entry_stretches():
    compiled = ragged.jit(lambda x, y: x * y)
    x, one, four = ragged.Array(X), ragged.Array([2.0]), ragged.Array([1.0, 2.0, 3.0, 4.0])
    for y in (one, four):
        assert_same(compiled(x, y), x * y)
    assert len(compiled.traces) == 2


@pytest.mark.parametrize("lengths", [[], [0], [0, 0], [1]], ids=str)
def test_next_to_nothing(lengths):
    x = ragged.from_lengths(np.ones(sum(lengths)), np.asarray(lengths, int))
    for program in (lambda x: x * 2, lambda x: ragged.sum(x, axis=-1), ragged.grad(lambda x: ragged.sum(x * x))):
        assert_same(ragged.jit(program)(x), program(x))


def test_arrays_of_one_partition_share_it_in_the_results():
    x = ragged.Array(X)
    doubled, mask = ragged.jit(lambda x: (x * 2, x > 0))(x)
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
        assert_same(ragged.jit(program)(records), program(records))
