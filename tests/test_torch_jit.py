"""`ragged.jit` on PyTorch: one graph for batches of all lengths, with gradients; what has no graph runs as it is."""

from __future__ import annotations

import shutil
import threading
import warnings

import numpy as np
import pytest

import ragged
from agreement import assert_same

torch = pytest.importorskip("torch")

import ragged_torch  # noqa: E402
import test_jit  # noqa: E402
import test_jit_compositions as compositions  # noqa: E402

X = test_jit.X
OTHER = test_jit.OTHER
BATCHES = [X, OTHER, [*OTHER, *X], [[0.5, 0.25], [1.0], [-2.0, 0.75, 3.0]]]
PROGRAMS = {**test_jit.PROGRAMS, **compositions.STEPS, **compositions.ENDS}


@pytest.fixture(autouse=True)
def _on_torch():
    with ragged.use("torch"):
        yield


@pytest.fixture
def inductor(monkeypatch):
    """PyTorch's own compiler, which needs one of C++."""
    if not any(map(shutil.which, ("g++", "clang++", "c++"))):
        pytest.skip("there is no C++ compiler here")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of PyTorch, about itself
        import torch._inductor.compile_fx  # noqa: F401
    monkeypatch.setattr(ragged_torch, "_compiler", "inductor")


def loss(x, w):
    s = ragged.sum(ragged.exp(x * w), axis=1)
    return ragged.mean(ragged.log(1 + s)) + ragged.sum(ragged.fill_none(ragged.max(x, axis=1), 0.0))


def scalar(value, **options):
    return torch.tensor(value, dtype=torch.float64, **options)


def graphs(compiled):
    """The graphs of a function, which has one program."""
    ((_, made),) = compiled._programs.values()
    assert made.flow.reason is None
    return made.flow.graphs


def only_graph(compiled):
    """The one graph that all calls were served by, whatever their lengths."""
    (graph,) = graphs(compiled)
    assert len(compiled.traces) == 1 and len(graph.compiled) == 1
    return graph


@pytest.fixture
def never_eagerly(monkeypatch):
    """Nothing is left to eager code."""
    from ragged_torch import _compile

    def refuse(self, leaves):
        raise AssertionError("this call was left to eager code")

    monkeypatch.setattr(_compile.Compiled, "eagerly", refuse)


# ---------------------------------------------------------------------- one graph


@pytest.mark.parametrize("name", PROGRAMS)
def test_one_graph_serves_all_lengths(name, never_eagerly):
    program = PROGRAMS[name]

    def squared(x):
        y = program(x)
        parts = [y[field] for field in y.fields] if isinstance(y, ragged.Array) and y.fields else [y]
        return sum(ragged.sum(part * part) for part in parts)

    values, slopes = ragged.jit(program), ragged.jit(ragged.grad(squared))
    for data in BATCHES:
        x = ragged.Array(data)
        assert_same(values(x), program(x), 1e-10)
        assert_same(slopes(x), ragged.grad(squared)(x), 1e-10)
    assert only_graph(values).conditions == only_graph(slopes).conditions == []


def test_one_compilation_serves_two_hundred_batches(inductor, never_eagerly):
    rng, w = np.random.default_rng(5), scalar(0.5)
    step, eager = ragged.jit(ragged.value_and_grad(loss, argnums=(0, 1))), ragged.value_and_grad(loss, argnums=(0, 1))
    for _ in range(200):
        n, total = rng.integers(2, 40), rng.integers(2, 200)
        x = ragged.from_lengths(rng.normal(size=total), rng.multinomial(total, [1 / n] * n))
        (value, slopes), (wanted, wanted_slopes) = step(x, w), eager(x, w)
        assert_same(value, wanted, 1e-10)
        for found, expected in zip(slopes, wanted_slopes, strict=True):
            assert_same(found, expected, 1e-10)
    graph = only_graph(step)
    assert graph.note is None and not graph.conditions
    assert "runs what is compiled: trace 1 of 1" in step.explain(x, w)


def test_dynamo_has_nothing_to_break():
    from torch._dynamo.utils import counters

    counters.clear()
    step = ragged.jit(loss)
    step(ragged.Array(X), scalar(0.5))
    assert not counters["graph_break"] and not counters["frames"]
    assert len([node for node in only_graph(step).module.graph.nodes if node.op == "call_module"]) == 0


def test_the_compiler_makes_what_the_graph_says(inductor, never_eagerly):
    """Sorting, filtering, missing values, records and products, in machine code."""

    def program(x):
        y = ragged.sort(x[x > 0.0], axis=1)
        z = ragged.fill_none(ragged.pad_none(y, 2, axis=1), 0.5)
        return ragged.zip({"y": y, "sums": ragged.cumulative_sum(y, axis=1)}), ragged.prod(z, axis=1), y[:, ::-1]

    def squared(x):
        records, products, turned = program(x)
        return ragged.sum(products) + ragged.sum(records.sums * turned)

    values, slopes = ragged.jit(program), ragged.jit(ragged.grad(squared))
    lengths = np.arange(10000) % 9
    many = ragged.from_lengths(np.cos(np.arange(float(lengths.sum()))), lengths)  # for which threads are worth it
    for x in (*map(ragged.Array, BATCHES), many):
        for found, wanted in zip(values(x), program(x), strict=True):
            assert_same(found, wanted, 1e-10)
        assert_same(slopes(x), ragged.grad(squared)(x), 1e-10)
    for compiled in (values, slopes):
        (graph,) = graphs(compiled)
        assert graph.note is None and graph.compiled.keys() == {False, True}


@pytest.mark.parametrize("kind", ["int8", "uint16", "uint64", "float32", "complex128", "bool"])
def test_dtypes_are_those_of_eager_code(kind, never_eagerly):
    x = ragged.from_lengths(np.array([3, 1, 2, 0, 5, 1]).astype(kind), [2, 0, 3, 1])
    programs = [lambda x: x + x, lambda x: ragged.sum(x, axis=1), lambda x: ragged.mean(x, axis=1), ragged.num]
    if kind != "complex128":
        programs += [lambda x: ragged.max(x, axis=1), lambda x: ragged.sort(x, axis=1)]
    for program in programs:
        assert_same(ragged.jit(program)(x), program(x))


# ---------------------------------------------------------------------- lengths that are their own


@pytest.mark.parametrize(
    "rows", [[], [[]], [[], []], [[1.0]], [[1.0], [2.0]], [[1.0, 2.0]]], ids=["none", "empty", "two", "1", "1s", "row"]
)
def test_few_and_no_rows(rows):
    x = ragged.from_lengths(np.concatenate([np.zeros(0), *map(np.asarray, rows)]), list(map(len, rows)))
    first, later = ragged.jit(loss), ragged.jit(loss)
    later(ragged.Array(X), scalar(0.5))
    for compiled in (first, later):
        assert_same(compiled(x, scalar(0.5)), loss(x, scalar(0.5)), 1e-10)
        assert_same(ragged.grad(compiled)(x, scalar(0.5)), ragged.grad(loss)(x, scalar(0.5)), 1e-10)


@pytest.mark.parametrize("program", [lambda x: x[:1], lambda x: x[-1:], lambda x: ragged.flatten(x)[:1]])
def test_slices_of_nothing_have_nothing(program):
    first, later = ragged.jit(program), ragged.jit(program)
    x = ragged.Array(X)
    later(x)
    for rows in (x[:0], x[1:2], x):
        for compiled in (first, later):
            assert_same(compiled(rows), program(rows))


def test_lengths_that_are_equal_by_chance_are_not_taken_for_equal(never_eagerly):
    compiled = ragged.jit(lambda x, y: (ragged.sum(x, axis=1), ragged.sort(y, axis=1)))
    for n in (4, 7):
        x, y = ragged.from_lengths(np.arange(4.0), [1, 3]), ragged.from_lengths(np.arange(float(n)), [1, n - 1])
        for found, wanted in zip(compiled(x, y), compiled.__wrapped__(x, y), strict=True):
            assert_same(found, wanted)
    only_graph(compiled)


def test_a_dense_argument_of_one_entry_stretches():
    compiled = ragged.jit(lambda x, w: x * w)
    x = ragged.Array([[1.0, 2.0], [3.0]])
    for w in (np.array([2.0]), np.array([2.0, 3.0])):
        assert_same(compiled(x, w), x * w)
    assert len(compiled.traces) == 2


# ---------------------------------------------------------------------- PyTorch's own differentiation


def test_backward_goes_through_a_compiled_function(never_eagerly):
    compiled = ragged.jit(loss)
    for data in BATCHES:
        found = []
        for f in (compiled, loss):
            x, w = ragged_torch.requires_grad_(ragged.Array(data)), scalar(0.5, requires_grad=True)
            f(x, w).backward()
            found.append((ragged_torch.gradient(x), w.grad))
        for one, other in zip(*found, strict=True):
            assert_same(one, other, 1e-10)
    only_graph(compiled)


def test_transforms_in_any_order(never_eagerly):
    x, w = ragged.Array(X), scalar(0.5)
    compiled, rows = ragged.jit(loss), lambda x: ragged.sum(ragged.exp(x), axis=1)
    assert_same(ragged.jit(ragged.grad(compiled))(x, w), ragged.grad(loss)(x, w), 1e-10)
    assert_same(ragged.grad(ragged.jit(ragged.grad(loss, argnums=1)), argnums=1)(x, w), second(x, w), 1e-10)
    assert_same(ragged.hvp(lambda x: compiled(x, w), (x,), (x,)), ragged.hvp(lambda x: loss(x, w), (x,), (x,)), 1e-10)
    assert_same(ragged.jacobian(ragged.jit(rows))(x), ragged.jacobian(rows)(x), 1e-10)
    assert_same(ragged.jit(ragged.jacobian(rows))(x), ragged.jacobian(rows)(x), 1e-10)
    assert_same(ragged.jvp(ragged.jit(rows), (x,), (x,))[1], ragged.jvp(rows, (x,), (x,))[1], 1e-10)


def second(x, w):
    return ragged.grad(ragged.grad(loss, argnums=1), argnums=1)(x, w)


def test_within_transformations_of_torch_it_is_part_of_them():
    x, w, compiled = ragged.Array(X), scalar(0.5), ragged.jit(loss)
    many = torch.linspace(0.1, 1.0, 3, dtype=torch.float64)
    assert_same(torch.func.grad(lambda w: compiled(x, w))(w), torch.func.grad(lambda w: loss(x, w))(w), 1e-10)
    assert_same(torch.vmap(lambda w: compiled(x, w))(many), torch.vmap(lambda w: loss(x, w))(many), 1e-10)
    assert compiled.traces == ()


def test_modules_in_the_closure_learn(inductor, never_eagerly):
    torch.manual_seed(0)
    inner, head = torch.nn.Linear(1, 3, dtype=torch.float64), torch.nn.Linear(3, 1, dtype=torch.float64)
    weights = [*inner.parameters(), *head.parameters()]
    optimizer = torch.optim.SGD(weights, lr=0.1)

    def program(x):
        hidden = ragged_torch.apply(lambda t: torch.tanh(inner(t[:, None])), x)
        means = ragged.mean(hidden[ragged.num(hidden) > 0], axis=1)
        return ragged.sum(ragged_torch.apply(lambda t: head(t)[:, 0], means) ** 2)

    compiled, losses = ragged.jit(program), []
    for data in BATCHES * 2:
        x, found = ragged.Array(data), []
        for f in (program, compiled):
            optimizer.zero_grad()
            value = f(x)
            value.backward()
            found.append([value.detach(), *(w.grad.clone() for w in weights)])
        for one, other in zip(*found, strict=True):
            assert_same(one, other, 1e-10)
        optimizer.step()
        losses.append(float(value.detach()))
    assert losses[-1] < losses[len(BATCHES) - 1]
    only_graph(compiled)


# ---------------------------------------------------------------------- what is no argument


def within(module):
    """A loss through a module."""
    return lambda x: ragged.sum(ragged_torch.apply(lambda t: module(t[:, None])[:, 0], x) ** 2)


def test_a_derivative_has_the_random_numbers_of_its_value():
    w, drop, x = scalar(1.0, requires_grad=True), torch.nn.Dropout(0.5), ragged.Array(X)

    def program(x, w):
        return ragged.sum(ragged_torch.apply(drop, x * w))

    compiled, whole = ragged.jit(program), ragged.jit(ragged.value_and_grad(program, argnums=1))
    for _ in range(3):
        value = compiled(x, w)
        (slope,) = torch.autograd.grad(value, w)
        assert_same(slope, value.detach())
        assert_same(*whole(x, w.detach()))
    assert "random numbers" in compiled.explain(x, w)
    assert len({float(whole(x, w.detach())[0]) for _ in range(20)}) > 1


def test_running_statistics_are_updated_once():
    one, other = torch.nn.BatchNorm1d(1).double(), torch.nn.BatchNorm1d(1).double()
    program, compiled = within(one), ragged.jit(within(other))
    for training in (True, False, True):
        one.train(training), other.train(training)
        for data in BATCHES[:2]:
            found, wanted = compiled(ragged.Array(data)), program(ragged.Array(data))
            assert_same(found.detach(), wanted.detach(), 1e-10)
            for value in (found, wanted):
                value.backward()
        for name, buffer in one.named_buffers():
            assert_same(other.get_buffer(name), buffer)
        assert_same(other.weight.grad, one.weight.grad, 1e-10)


def test_modules_change_between_training_and_evaluation():
    module = torch.nn.Dropout(0.5)
    closed, given = ragged.jit(within(module)), ragged.jit(lambda x, module: within(module)(x))
    x = ragged.Array(X)
    for call in (closed, lambda x: given(x, module)):
        module.train()
        assert len({float(call(x)) for _ in range(20)}) > 1
        module.eval()
        assert_same(call(x), ragged.sum(x**2))


def test_a_step_of_an_optimizer_within_is_made_once():
    found = []
    for compile in (lambda f: f, ragged.jit):
        w = torch.tensor([2.0, 1.0], dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.Adam([w], lr=0.1)

        def step(x, w=w, optimizer=optimizer):
            optimizer.zero_grad()
            value = ragged.sum((x * w[0] + w[1]) ** 2)
            value.backward()
            optimizer.step()
            return value.detach()

        run = compile(step)
        found.append([*(float(run(ragged.Array(data))) for data in BATCHES), *w.tolist()])
    assert found[0] == pytest.approx(found[1], rel=1e-12)


def test_backward_within_reaches_the_closure_at_each_call():
    w = scalar(2.0, requires_grad=True)

    def program(x):
        value = ragged.sum(x * w)
        value.backward()
        return value.detach()

    compiled, x = ragged.jit(program), ragged.Array(X)
    for count in (1, 2, 3):
        compiled(x)
        assert_same(w.grad, count * ragged.sum(x))


def test_arguments_that_are_written_to_are_written_to_once():
    def program(x, w):
        w += 1
        return ragged.sum(x * w)

    w, compiled = torch.arange(6.0, dtype=torch.float64)[::2], ragged.jit(program)
    x = ragged.Array([[1.0], [2.0, 3.0], []])
    for count in (1, 2):
        assert_same(compiled(x, w), ragged.sum(x * (torch.tensor([0.0, 2.0, 4.0], dtype=torch.float64) + count)))
        assert w.tolist() == [count, 2 + count, 4 + count]


@pytest.mark.parametrize("first", [False, True])
def test_autocast_holds_as_it_does_for_eager_code(inductor, first):
    module, x = torch.nn.Linear(1, 1), ragged.values_astype(ragged.Array(X), "float32")

    def program(x):
        return ragged_torch.apply(lambda t: module(t[:, None])[:, 0], x)

    compiled = ragged.jit(program)
    for enabled in (first, not first):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            found, wanted = compiled(x), program(x)
        slopes = []
        for y in (found, wanted):
            module.zero_grad()
            ragged.sum(y * 1.0).backward()
            slopes.append(module.weight.grad.clone())
        assert found.typestr == wanted.typestr == f"4 * var * {'bfloat16' if enabled else 'float32'}"
        assert torch.allclose(*slopes, rtol=1e-2)


# ---------------------------------------------------------------------- errors


def test_what_eager_code_finds_in_lengths():
    x = ragged.Array(X)
    cut = ragged.jit(lambda x, counts: ragged.unflatten(x, counts))
    assert_same(cut(x, np.array([1, 3])), ragged.unflatten(x, np.array([1, 3])))
    for counts in (np.array([1, 2]), np.array([4, 2])):
        with pytest.raises(ragged.StructureError, match="unflatten"):
            cut(x, counts)
    for reduce in (ragged.max, ragged.argmin, ragged.logsumexp):
        compiled = ragged.jit(reduce)
        assert_same(compiled(x), reduce(x))
        assert compiled(x[1:2]) is None
    products = ragged.jit(lambda x: ragged.cumulative_sum(ragged.cartesian([x, x], axis=0)["0"], axis=0))
    for n in (3, 0):
        y = ragged.Array(np.arange(float(n)))
        assert_same(products(y), products.__wrapped__(y))


def test_rows_that_do_not_line_up(inductor):
    compiled = ragged.jit(lambda x, y: ragged.sum(x + y))
    x, y, z = ragged.Array([[1.0, 2.0], [3.0]]), ragged.Array([[10.0], [20.0, 30.0]]), ragged.Array([[1.0], [2.0]])
    compiled(x, ragged.Array([[1.0, 2.0], [3.0]]))
    for other in (y, z):
        with pytest.raises(ragged.StructureError) as eager:
            x + other
        with pytest.raises(ragged.StructureError) as found:
            compiled(x, other)
        assert str(found.value) == str(eager.value)
    assert_same(compiled(y, ragged.Array([[1.0], [2.0, 3.0]])), scalar(66.0))
    unchecked = ragged.jit(lambda x, y: ragged.sum(x + y), check=False)
    assert float(unchecked(x, y)) == 66.0


@pytest.mark.parametrize("check", [True, False])
def test_an_index_out_of_range_ends_no_process(inductor, check):
    """Generated code would, where several threads run it."""
    n = 40000
    x = ragged.from_lengths(np.arange(2.0 * n), np.full(n, 2))
    compiled = ragged.jit(lambda x, index: ragged.sum(x[index], axis=1), check=check)
    index = torch.arange(n)
    assert_same(compiled(x, index), ragged.sum(x, axis=1))
    index[n // 2], index[5] = n + 3, -n - 2
    if check:
        with pytest.raises(ragged.OutOfRangeError, match="out of range"):
            compiled(x, index)
    else:
        compiled(x, index)


def test_negative_powers_of_integers():
    compiled = ragged.jit(lambda x, n: x**n)
    x = ragged.Array([[1, 2], [8]])
    assert_same(compiled(x, ragged.Array([[1, 2], [3]])), x ** ragged.Array([[1, 2], [3]]))
    with pytest.raises(ValueError, match="negative integer powers"):
        compiled(x, ragged.Array([[1, -2], [3]]))


def test_what_needs_numbers_runs_as_it_is_and_says_so():
    compiled = ragged.jit(lambda x: x * 2 if ragged.sum(x) > 0 else x)
    for data in (X, [[-1.0], [-2.0, 0.5]]):
        x = ragged.Array(data)
        assert_same(compiled(x), x * 2 if ragged.sum(x) > 0 else x)
    assert "runs as it is" in compiled.explain(x) and compiled.traces[0].backend == "torch"


# ---------------------------------------------------------------------- what it leaves behind


def test_constants_stay_what_they_were():
    y = ragged.Array([[0.5, 1.0], [2.0], []])
    compiled = ragged.jit(lambda x: x * y + ragged.sum(y, axis=1))
    x = ragged.Array([[1.0, 2.0], [3.0], []])
    assert_same(compiled(x), x * y + ragged.sum(y, axis=1))
    assert y.layout.rows.lengths.tolist() == [2, 1, 0] and y.layout.rows.ids.tolist() == [0, 0, 1]
    assert_same(ragged.sum(y, axis=1), ragged.Array([1.5, 2.0, 0.0]))


def test_results_share_what_arguments_have():
    x = ragged.Array(X)
    found, same = ragged.jit(lambda x: (x * 2, x))(x)
    assert found.layout.rows is x.layout.rows and same.layout.content.data is x.layout.content.data
    assert not found.layout.content.data.requires_grad


def test_threads_share_one_graph(never_eagerly):
    compiled, w, start, found = ragged.jit(loss), scalar(0.5), threading.Barrier(4), []

    def call():
        start.wait()
        found.append(float(compiled(ragged.Array(X, backend="torch"), w)))

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == pytest.approx([float(loss(ragged.Array(X), w))] * 4)


@pytest.mark.parametrize(
    "data", [test_jit.RECORDS, test_jit.MISSING, ["one", "", "three"], [(1, 2.0), (3, 4.0)], [None]]
)
def test_arrays_of_all_kinds_pass_through(data, never_eagerly):
    x = ragged.Array(data)
    for found in ragged.jit(lambda x: (x, x[::-1][::-1]))(x):
        assert_same(found, x)


def test_a_result_with_a_trailing_axis_of_one_is_differentiated():
    def program(x):
        return x - ragged.fill_none(ragged.max(x, axis=1), 0.0)

    x = ragged.from_numpy(np.array([[1.0], [2.0], [3.0]])).to_backend("torch")
    compiled = ragged.jit(program)
    for found, wanted in zip(ragged.jvp(compiled, (x,), (x,)), ragged.jvp(program, (x,), (x,)), strict=True):
        assert_same(found, wanted)
