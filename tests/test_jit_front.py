"""The front end of `ragged.jit` alone, over a backend that notes what it is asked to compile and then runs it."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import ragged
from ragged.compilation._forms import sizes_of
from ragged.registry import get_backend

X = [[1.5, -2.0, 0.5], [], [0.25, 4.0]]


@pytest.fixture
def plans(monkeypatch):
    """NumPy as a backend of static sizes: the plans that it is given."""
    kind, found = type(get_backend("numpy")), []

    def compile(self, program, plan):
        found.append(plan)
        return lambda leaves: program(leaves) if program.results is None else Leaves(program, leaves)()

    monkeypatch.setattr(kind, "compiles", "noted")
    monkeypatch.setattr(kind, "static_sizes", True)
    monkeypatch.setattr(kind, "compile", compile)
    with ragged.use("numpy"):
        yield found


class Leaves:
    """A call of what is compiled already: it leaves the count of compilations alone."""

    def __init__(self, program, leaves):
        self.program, self.leaves = program, leaves

    def __call__(self):
        before = self.program.runs
        found = self.program(self.leaves)
        self.program.runs = before
        return found


def test_capacities_are_those_of_rows_and_of_each_ragged_axis(plans):
    compiled = ragged.jit(lambda *args: args)
    nested = ragged.Array([[[1.0] * 9, [2.0]], []])
    records = ragged.Array([{"p": [1.0] * 20, "q": 1, "name": "abc"}])
    compiled(nested, 0.5, np.ones(3), records)
    assert plans[0].capacities == ((8, 8, 10), (), (8, 20, 8))
    assert plans[0].name == "<lambda>"
    assert sizes_of(nested.layout) == (2, 2, 10)


def test_arrays_of_one_class_are_served_by_one_plan(plans):
    compiled = ragged.jit(ragged.sum, buckets=[4, 16])
    for x in (ragged.Array(X), ragged.Array([[1.0] * 4, []]), ragged.from_lengths(np.zeros(0), [0, 0])):
        compiled(x)
    assert [plan.capacities for plan in plans] == [((4, 16),), ((4, 4),)]
    compiled(ragged.Array([[1.0]] * 5))
    assert plans[-1].capacities == ((16, 16),)
    with pytest.raises(
        ragged.OutOfRangeError, match="a size of 17 is beyond the last of the buckets, 16; add a larger"
    ):
        compiled(ragged.Array([[1.0]] * 17))


def test_lists_that_share_their_rows_are_another_form(plans):
    compiled = ragged.jit(lambda x, y: x + y)
    x = ragged.Array(X)
    compiled(x, x * 2), compiled(x * 3, x), compiled(x, ragged.Array(X))
    assert len(plans) == 2
    with pytest.warns(UserWarning, match="the arguments look the same, but rows that were shared"):
        strict = ragged.jit(lambda x, y: x + y, warn_after=1)
        strict(x, x * 2), strict(x, ragged.Array(X))


def test_donated_arguments_are_named_by_their_leaves(plans):
    compiled = ragged.jit(lambda *args: args, donate_argnums=(0, -1))
    x = ragged.Array(X)
    compiled({"a": x, "b": 1, "c": np.ones(2)}, x, (x, x))
    assert plans[0].donated == (0, 1, 3, 4)


def test_options_reach_the_backend(plans):
    ragged.jit(lambda x: x, capacity=7, check=False)(ragged.Array(X))
    assert plans[0].options.capacity == 7 and not plans[0].options.check


def test_attrs_and_behaviors_are_part_of_the_form(plans):
    compiled = ragged.jit(lambda x: x)
    x = ragged.Array(X)
    x.attrs["unit"] = "m"
    assert compiled(x).attrs == {"unit": "m"}
    assert compiled(ragged.Array(X)).attrs == {}
    assert len(plans) == 2


def test_what_the_framework_compiles_anew_is_a_trace_too(monkeypatch):
    kind = type(get_backend("numpy"))
    monkeypatch.setattr(kind, "compiles", "run each time")
    monkeypatch.setattr(kind, "compile", lambda self, program, plan: program)
    with ragged.use("numpy"):
        compiled = ragged.jit(lambda x: x * 2, warn_after=None)
        for _ in range(3):
            compiled(ragged.Array(X))
    assert len(compiled.traces) == 3


def test_a_function_that_fails_to_compile_is_no_trace(plans, monkeypatch):
    def refuse(self, program, plan):
        raise ragged.UnsupportedError("not this one")

    with monkeypatch.context() as patch:
        patch.setattr(type(get_backend("numpy")), "compile", refuse)
        compiled = ragged.jit(lambda x: x * 2)
        with pytest.raises(ragged.UnsupportedError, match="not this one"):
            compiled(ragged.Array(X))
    assert compiled.traces == ()
    assert compiled(ragged.Array(X)).to_list() == (ragged.Array(X) * 2).to_list() and len(compiled.traces) == 1


def test_threads_compile_once(plans):
    compiled = ragged.jit(ragged.sum)
    x, start, found = ragged.Array(X), threading.Barrier(8), []

    def call():
        start.wait()
        found.append(float(compiled(x)))

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [4.25] * 8 and len(plans) == 1


def test_a_backend_without_a_compiler_says_so():
    with pytest.raises(ragged.UnsupportedError, match="the numpy backend compiles nothing"):
        get_backend("numpy").compile(None, None)


def test_one_row_is_a_form_of_its_own(plans):
    compiled = ragged.jit(lambda x: x)
    compiled(ragged.Array([[1.0], []])), compiled(ragged.Array([[1.0]]))
    assert [str(trace) for trace in compiled.traces] == [
        "numpy: x: rows * var * float64, up to 8 rows of 8 elements",
        "numpy: x: 1 * var * float64, up to 8 elements",
    ]
