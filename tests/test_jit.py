"""`ragged.jit`: what is compiled gives what eager code gives, says what it is, and is used again."""

from __future__ import annotations

import functools
import pickle
import warnings
from dataclasses import dataclass

import numpy as np
import pytest

import ragged
from agreement import OURS, assert_same, plain
from ragged.context import active
from ragged.registry import get_backend

X = [[1.5, -2.0, 0.5], [], [0.25, 4.0], [3.0]]
Y = [[0.5, 1.0, -1.0], [], [2.0, 0.5], [-3.0]]
OTHER = [[], [2.5], [1.0, -1.0, 0.5, 2.0], [], [0.125]]
RECORDS = [
    {"p": [1.0, 2.0], "n": 1, "name": "one"},
    {"p": [], "n": 2, "name": ""},
    {"p": [4.0], "n": 3, "name": "three"},
]
MISSING = [[1.0, None, 2.5], None, [], [None, 4.0]]


def compiles(name):
    """Whether `ragged.jit` compiles on this backend (elsewhere functions run as they are, and nothing is counted)."""
    return get_backend(name).compiles is not None


COMPILING = [name for name in OURS if compiles(name)]


@pytest.fixture(params=COMPILING or [pytest.param(None, marks=pytest.mark.skip("no installed backend compiles"))])
def compiling(request):
    """Name of an installed backend on which `ragged.jit` compiles, in use (with 64 bits) for the length of the test."""
    with ragged.use(request.param, precision="float64"):
        yield request.param


def loss(x):
    return ragged.sum(ragged.sum(ragged.exp(x * 0.5), axis=1) ** 2)


PROGRAMS = {
    "elementwise": lambda x: ragged.exp(x) * 2 - x / 3,
    "a sum of rows": lambda x: ragged.sum(x, axis=1),
    "a sum": lambda x: ragged.sum(x * x),
    "along the rows": lambda x: ragged.sum(x, axis=0),
    "means": lambda x: ragged.mean(x, axis=1),
    "maxima, missing where a row is empty": lambda x: ragged.max(x, axis=1),
    "rows less their sums": lambda x: x - ragged.sum(x, axis=1),
    "softmax": lambda x: ragged.softmax(x, axis=1),
    "a mask": lambda x: x[x > 0],
    "selected rows": lambda x: x[ragged.num(x) > 1],
    "a slice": lambda x: x[:, 1:],
    "reversed rows": lambda x: x[:, ::-1],
    "an order": lambda x: ragged.sort(x, axis=1),
    "positions of an order": lambda x: x[ragged.argsort(x, axis=1)],
    "flat": lambda x: ragged.flatten(x),
    "joined": lambda x: ragged.concatenate([x, x * 2], axis=1),
    "one after another": lambda x: ragged.concatenate([x, x * 2]),
    "chosen": lambda x: ragged.where(x > 0, x, 0.0),
    "padded": lambda x: ragged.fill_none(ragged.pad_none(x, 3, axis=1), 0.0),
    "running sums": lambda x: ragged.cumulative_sum(x, axis=1),
    "records": lambda x: ragged.zip({"x": x, "double": x * 2}),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_values_are_those_of_eager_code(backend, name):
    program = PROGRAMS[name]
    compiled = ragged.jit(program)
    for data in (X, OTHER):
        x = ragged.Array(data)
        assert_same(compiled(x), program(x))


@pytest.mark.parametrize("name", PROGRAMS)
def test_gradients_are_those_of_eager_code(backend, name):
    program = PROGRAMS[name]

    def loss(x):
        y = program(x)
        parts = [y[field] for field in y.fields] if isinstance(y, ragged.Array) and y.fields else [y]
        return sum(ragged.sum(part * part) for part in parts)

    x = ragged.Array(X)
    wanted = ragged.grad(loss)(x)
    assert_same(ragged.jit(ragged.grad(loss))(x), wanted)
    assert_same(ragged.grad(ragged.jit(loss))(x), wanted)


# ---------------------------------------------------------------------- arguments and results


def test_arguments_and_results_are_trees(backend):
    def program(batch, weights, *, scale):
        x = batch["x"] * weights[0] + weights[1]
        return {"sums": ragged.sum(x, axis=1) * scale, "both": (x, [batch["y"], None])}

    b = active()
    batch = {"x": ragged.Array(X), "y": ragged.Array(Y)}
    weights = (b.asarray(np.float64(2.0)), b.asarray(np.float64(-1.0)))
    found, wanted = ragged.jit(program)(batch, weights, scale=0.5), program(batch, weights, scale=0.5)
    assert found.keys() == wanted.keys()
    assert_same(found["sums"], wanted["sums"])
    assert_same(found["both"][0], wanted["both"][0])
    assert_same(found["both"][1][0], wanted["both"][1][0])
    assert found["both"][1][1] is None and isinstance(found["both"], tuple)


def test_dense_arrays_go_in_and_come_out(backend):
    b = active()
    compiled = ragged.jit(lambda x, w: (ragged.sum(x, axis=1) * w, w * w))
    for data, w in ((X, np.arange(4.0)), (OTHER, np.arange(5.0))):
        x, w = ragged.Array(data), b.asarray(w)
        found, squares = compiled(x, w)
        assert_same(found, ragged.sum(x, axis=1) * w)
        assert b.owns(squares) and np.array_equal(b.to_numpy(squares), b.to_numpy(w * w))


def test_records_missing_values_and_text_pass_through(backend):
    def program(records, missing):
        return records, records.p * records.n, missing * 2, records.name, ragged.fill_none(missing, 0.0, axis=1)

    records, missing = ragged.Array(RECORDS), ragged.Array(MISSING)
    compiled = ragged.jit(program)
    for n in (3, 2):
        for found, wanted in zip(compiled(records[:n], missing[:n]), program(records[:n], missing[:n]), strict=True):
            assert_same(found, wanted)


def test_single_records_go_in_and_come_out(backend):
    def program(record):
        return record, record.p * record.n

    found, product = ragged.jit(program)(ragged.Array(RECORDS)[0])
    assert isinstance(found, ragged.Record)
    assert_same(found, ragged.Record(RECORDS[0]))
    assert_same(product, ragged.Array([1.0, 2.0]))


def test_numbers_and_text_are_part_of_the_program(backend):
    @ragged.jit
    def program(x, how, axis=1, factor=1.0):
        assert type(axis) is int
        found = ragged.sum(x, axis=axis) if how == "sum" else ragged.max(x, axis=axis)
        return found * factor, how, axis

    x = ragged.Array(X)
    for how, axis, factor in (("sum", 1, 0.5), ("max", 1, 2.0), ("sum", 0, 0.5)):
        found, *rest = program(x, how, axis=axis, factor=factor)
        assert_same(found, program.__wrapped__(x, how, axis, factor)[0])
        assert rest == [how, axis]


def test_float32_keeps_its_dtype_with_a_float(backend):
    x = ragged.Array(np.asarray([[1.5, 2.5]], "float32"))
    program = lambda x, scale: x * scale  # noqa: E731
    assert_same(ragged.jit(program)(x, 0.5), program(x, 0.5))


@pytest.mark.parametrize("static", [1, -1, (1,), [1]])
def test_static_arguments_are_given_as_they_are(backend, static):
    @dataclass(frozen=True)
    class Options:
        axis: int

    def program(x, options):
        assert type(options) is tuple and type(options[0]) is Options
        return ragged.sum(x, axis=options[0].axis)

    compiled = ragged.jit(program, static_argnums=static)
    x = ragged.Array(X)
    assert_same(compiled(x, (Options(1),)), ragged.sum(x, axis=1))
    assert_same(
        compiled(x, options=(Options(0),)) if static != -1 else compiled(x, (Options(0),)), ragged.sum(x, axis=0)
    )


def test_equal_numbers_of_two_types_are_two_programs(backend):
    compiled = ragged.jit(lambda x, n: (x * n, type(n).__name__))
    x = ragged.Array([[1, 2], [3]])
    for n in (1, True, 1.0, 1 + 0j):
        found, kind = compiled(x, n)
        assert_same(found, x * n)
        assert kind == type(n).__name__ or get_backend(backend).traces_floats


def test_numpy_arrays_join_the_backend_in_use(backend):
    x = ragged.Array(X, backend="numpy")
    compiled = ragged.jit(ragged.sum)
    found = compiled(x)
    assert float(found) == float(ragged.sum(x))
    if compiles(backend):
        assert compiled.traces[0].backend == backend


def test_it_runs_where_its_arguments_are(compiling):
    x = ragged.Array(X)
    with ragged.use("numpy"):
        pass  # nothing is in use any more once the context is left
    compiled = ragged.jit(loss)
    compiled(x)
    assert [trace.backend for trace in compiled.traces] == [compiling]


def test_a_result_is_not_that_of_another_backend():
    compiled = ragged.jit(lambda x: x * 2)
    x = ragged.from_lengths(np.ones(3, "float32"), [1, 2])
    for name in OURS:
        assert ragged.backend(compiled(x.to_backend(name))) == name


# ---------------------------------------------------------------------- functions


def test_it_decorates_with_and_without_options():
    @ragged.jit
    def one(x):
        """The first."""
        return x

    @ragged.jit(static_argnums=1, warn_after=None)
    def two(x, n):
        return x * n

    assert one.__name__ == "one" and one.__doc__ == "The first." and one.__wrapped__(3) == 3
    assert two(ragged.Array(X), 2).to_list() == (ragged.Array(X) * 2).to_list()
    assert repr(two) == "<ragged.jit of two, 0 compiled>"


def test_partial_functions_and_callables_have_a_name():
    class Model:
        def __call__(self, x):
            return x * 3

    assert ragged.jit(Model())(ragged.Array(X)).to_list() == (ragged.Array(X) * 3).to_list()
    assert "Model" in repr(ragged.jit(Model()))
    assert ragged.jit(functools.partial(ragged.sum, axis=1))(ragged.Array(X)).to_list() == [0.0, 0.0, 4.25, 3.0]


def test_methods_are_compiled(backend):
    class Model:
        def __init__(self, factor):
            self.factor = factor

        @ragged.jit
        def apply(self, x):
            """Doc."""
            return ragged.sum(x * self.factor, axis=1)

    x = ragged.Array(X)
    for factor in (2.0, 3.0):
        assert_same(Model(factor).apply(x), ragged.sum(x * factor, axis=1))
    assert Model.apply.__doc__ == "Doc."


@ragged.jit
def at_top_level(x):
    return x * 2


def test_a_compiled_function_of_a_module_is_pickled_by_name():
    assert pickle.loads(pickle.dumps(at_top_level)) is at_top_level


# ---------------------------------------------------------------------- composition


def test_compiled_within_compiled_is_one_program(compiling):
    inner = ragged.jit(lambda x: ragged.sum(x, axis=1))
    outer = ragged.jit(lambda x: inner(x * 2) + 1)
    x = ragged.Array(X)
    assert_same(outer(x), ragged.sum(x * 2, axis=1) + 1)
    assert len(outer.traces) == 1 and inner.traces == ()


def test_transforms_of_compiled_functions(backend):
    x, y = ragged.Array(X), ragged.Array(Y)
    compiled = ragged.jit(loss)
    value, gradient = ragged.value_and_grad(compiled)(x)
    assert_same(value, loss(x))
    assert_same(gradient, ragged.grad(loss)(x), 1e-10)
    assert_same(ragged.hvp(compiled, (x,), (y,)), ragged.hvp(loss, (x,), (y,)), 1e-10)


def test_compiled_transforms(backend):
    x, y = ragged.Array(X), ragged.Array(Y)
    rows = lambda x: ragged.sum(ragged.exp(x), axis=1)  # noqa: E731
    value, gradient = ragged.jit(ragged.value_and_grad(loss))(x)
    assert_same(value, loss(x), 1e-10)
    assert_same(gradient, ragged.grad(loss)(x), 1e-10)
    assert_same(ragged.jit(lambda x, y: ragged.hvp(loss, (x,), (y,)))(x, y), ragged.hvp(loss, (x,), (y,)), 1e-10)
    assert_same(ragged.jit(lambda x: ragged.jvp(rows, (x,), (x,))[1])(x), ragged.jvp(rows, (x,), (x,))[1], 1e-10)


def test_ragged_constants_of_the_function_count(backend):
    y = ragged.Array(Y)
    compiled = ragged.jit(lambda x: ragged.sum(x * y, axis=1))
    x = ragged.Array(X)
    assert_same(compiled(x), ragged.sum(x * y, axis=1))
    assert_same(ragged.grad(lambda x: ragged.sum(compiled(x)))(x), y)


# ---------------------------------------------------------------------- errors


@pytest.mark.parametrize("rows", [[[[1.0], [2.0, 3.0, 4.0]], []], [[[1.0, 2.0], [3.0]], [[4.0]]]])
def test_lists_that_are_no_matrices_raise_the_eager_error(backend, rows):
    x = ragged.Array(rows)
    for program in (ragged.matrix_transpose, lambda x: x @ x):
        with pytest.raises(ragged.StructureError) as eager:
            program(x)
        with pytest.raises(ragged.StructureError) as found:
            ragged.jit(program)(x)
        assert str(found.value) == str(eager.value)


def test_matrices_that_do_not_meet_raise_the_eager_error(backend):
    x = ragged.Array([[[1.0, 2.0], [3.0, 4.0]], [[5.0]]])
    y = ragged.Array([[[1.0], [2.0]], [[3.0], [4.0]]])
    with pytest.raises(ragged.StructureError) as eager:
        x @ y
    with pytest.raises(ragged.StructureError) as found:
        ragged.jit(lambda x, y: x @ y)(x, y)
    assert str(found.value) == str(eager.value)


def test_rows_that_do_not_line_up_raise_the_eager_error(backend):
    program = lambda x, y: x + y  # noqa: E731
    compiled = ragged.jit(program)
    x, y = ragged.Array([[1.0, 2.0], [3.0]]), ragged.Array([[10.0], [20.0, 30.0]])
    compiled(x, x)
    with pytest.raises(ragged.StructureError) as eager:
        program(x, y)
    with pytest.raises(ragged.StructureError) as found:
        compiled(x, y)
    assert str(found.value) == str(eager.value)
    assert_same(compiled(y, y), y * 2)  # it goes on


def test_an_index_out_of_range_raises_the_eager_error(backend):
    compiled = ragged.jit(lambda x: x[:, 1])
    with pytest.raises(ragged.OutOfRangeError, match="out of range"):
        compiled(ragged.Array(X))
    assert_same(compiled(ragged.Array([[1.0, 2.0], [3.0, 4.0, 5.0]])), ragged.Array([2.0, 4.0]))


def test_errors_of_the_function_itself_are_its_own(backend):
    def program(x):
        raise KeyError("mine")

    compiled = ragged.jit(program)
    for _ in range(2):
        with pytest.raises(KeyError, match="mine"):
            compiled(ragged.Array(X))


def test_what_has_no_hash_is_refused(compiling):
    x = ragged.Array(X)
    with pytest.raises(ragged.DTypeError, match=r"options\['a'\] is a set, which has no hash.*a tuple for a list"):
        ragged.jit(lambda x, options: x)(x, {"a": {1}})
    with pytest.raises(ragged.DTypeError, match="names is a list, which has no hash"):
        ragged.jit(lambda x, names: x, static_argnums=1)(x, ["a"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"buckets": "many"}, "ascending list of positive sizes or a function"),
        ({"buckets": [4, 2]}, "ascending list of positive sizes"),
        ({"buckets": []}, "ascending list of positive sizes"),
        ({"static_argnums": "x"}, "static_argnums is the number of a positional argument"),
        ({"donate_argnums": (1.5,)}, "donate_argnums is the number of a positional argument"),
        ({"capacity": 2.5}, "capacity is a number, 0 or more, or None, not 2.5"),
        ({"capacity": -1}, "capacity is a number, 0 or more, or None, not -1"),
        ({"warn_after": "never"}, "warn_after is a number, 0 or more, or None, not 'never'"),
    ],
)
def test_wrong_options_are_refused_at_once(options, message):
    with pytest.raises(ragged.DTypeError, match=message):
        ragged.jit(loss, **options)


def generator(x):
    yield x


async def coroutine(x):
    return x


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (3, "compiles a function, not 3"),
        (ragged.Array, "compiles a function, not <class"),
        (generator, "<function generator .*which goes on after its call"),
        (coroutine, "<function coroutine .*which goes on after its call"),
        (functools.partial(generator, 1), "which goes on after its call"),
    ],
)
def test_what_is_no_function_is_refused(f, message):
    with pytest.raises(ragged.DTypeError, match=message):
        ragged.jit(f)


# ---------------------------------------------------------------------- what it tells


def test_batches_of_one_class_are_compiled_once(compiling):
    rng = np.random.default_rng(1)
    compiled = ragged.jit(ragged.value_and_grad(loss), buckets=[16, 128])
    for _ in range(5):
        x = ragged.from_lengths(rng.normal(size=100), rng.multinomial(100, [1 / 16] * 16))
        for found, wanted in zip(compiled(x), ragged.value_and_grad(loss)(x), strict=True):
            assert_same(found, wanted, 1e-10)
    assert len(compiled.traces) == 1


def test_traces_name_what_was_compiled(compiling):
    compiled = ragged.jit(lambda x, axis: ragged.sum(x, axis=axis))
    x = ragged.Array(RECORDS)
    compiled(x.p, 1), compiled(x.p * 2, 1), compiled(x.n, 0)
    first, second = map(str, compiled.traces)
    assert first.startswith(f"{compiling}: x: rows * var * float64") and "axis: 1" in first
    assert second.startswith(f"{compiling}: x: rows * int64") and "axis: 0" in second


def test_explain_says_what_would_happen(backend):
    compiled = ragged.jit(loss)
    x = ragged.Array(X)
    if not compiles(backend):
        assert compiled.explain(x) == f"loss on {backend}: runs as it is, nothing is compiled on this backend"
        return
    before = compiled.explain(x)
    assert before.startswith(f"loss on {backend}: {get_backend(backend).compiles}\n  x: rows * var * float64")
    assert "would be compiled: none of the 0 traces so far" in before and compiled.traces == ()
    compiled(x)
    assert "runs what is compiled: trace 1 of 1" in compiled.explain(x)
    assert "would be compiled" not in ragged.jit(lambda x: (x, compiled.explain(x)))(x)[1]


def test_too_many_traces_are_warned_of(compiling):
    compiled = ragged.jit(lambda x, n: x * n, warn_after=2)
    x = ragged.Array(X)
    compiled(x, 1), compiled(x, 2)
    with pytest.warns(UserWarning, match="has been compiled 3 times; now because n was 2, and is 3 now.*as an array"):
        compiled(x, 3)
    with pytest.warns(UserWarning, match=r"because x was rows \* var \* float64.*, and is rows \* var \* int64"):
        compiled(ragged.Array([[1], []]), 3)
    quiet = ragged.jit(lambda x, n: x * n, warn_after=None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for n in range(4):
            quiet(x, n)


def test_explaining_on_every_kind_of_array():
    """What the description of an argument shows, without its sizes."""
    from ragged.compilation._forms import Former
    from ragged.compilation._report import described

    b = get_backend("numpy")
    for data in (X, RECORDS, MISSING, [(1, 2.0)], ["a", "bc"], [b"a"], np.ones((2, 3)), []):
        x = ragged.Array(data)
        assert f"{len(x)} * {described(Former(b).form(x.layout))}" == x.typestr


def test_what_runs_as_it_is_runs_as_it_is():
    seen = []
    compiled = ragged.jit(lambda x, anything: seen.append(anything) or x)
    with ragged.use("numpy"):
        x = ragged.Array(X)
        assert compiled(x, [1, {2}]) is x
    assert seen == [[1, {2}]] and compiled.traces == ()


def test_all_programs_are_plain_data(backend):
    """The programs of this module give something that `assert_same` compares."""
    for program in PROGRAMS.values():
        plain(program(ragged.Array(X)))
