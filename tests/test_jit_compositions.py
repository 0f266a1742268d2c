"""Random programs of random arrays: what `ragged.jit` gives is what eager code gives, in values and gradients."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import ragged
from agreement import OURS, plain
from ragged.registry import get_backend
from ragged.testing._expect import same_values

COMPILING = [name for name in OURS if get_backend(name).compiles is not None]

# Each keeps what it is given: lists of floats, so that the steps of a program can follow one another in any order.
STEPS = {
    "exp": lambda x: ragged.exp(x * 0.25),
    "tanh": ragged.tanh,
    "a product with its rows' means": lambda x: x * ragged.fill_none(ragged.mean(x, axis=1), 1.0),
    "less the rows' maxima": lambda x: x - ragged.fill_none(ragged.max(x, axis=1), 0.0),
    "softmax": lambda x: ragged.softmax(x, axis=1),
    "sorted": lambda x: ragged.sort(x, axis=1),
    "sorted by another": lambda x: x[ragged.argsort(ragged.sin(x), axis=1)],
    "reversed": lambda x: x[:, ::-1],
    "all but the first": lambda x: x[:, 1:],
    "every other": lambda x: x[:, ::2],
    "what is large": lambda x: x[x > 0.25],
    "rows of two and more": lambda x: x[ragged.num(x) > 1],
    "rows from behind": lambda x: x[::-1],
    "twice": lambda x: ragged.concatenate([x, x * x], axis=1),
    "one after another": lambda x: ragged.concatenate([x, -x]),
    "chosen": lambda x: ragged.where(x > 0, x, 0.5 * x),
    "running sums": lambda x: ragged.cumulative_sum(x, axis=1),
    "padded": lambda x: ragged.fill_none(ragged.pad_none(x, 2, axis=1), 0.75),
    "masked": lambda x: ragged.fill_none(ragged.mask(x, x < 0.5), -0.25),
    "missing ones dropped": lambda x: ragged.drop_none(ragged.mask(x, x < 1.5)),
    "regrouped": lambda x: ragged.unflatten(ragged.flatten(x), ragged.num(x)),
    "through records": lambda x: ragged.zip({"a": x, "b": x * x}).b,
}

ENDS = {
    "sum": ragged.sum,
    "sums of rows": lambda x: ragged.sum(ragged.sum(x, axis=1) ** 2),
    "means": lambda x: ragged.sum(ragged.fill_none(ragged.mean(x, axis=1), 0.0)),
    "columns": lambda x: ragged.sum(ragged.sum(x, axis=0) ** 2),
    "first entries": lambda x: ragged.sum(ragged.fill_none(ragged.firsts(x, axis=1), 0.0)),
    "log of sums": lambda x: ragged.sum(ragged.logsumexp(x[ragged.num(x) > 0], axis=1)),
}

numbers = st.floats(-2.0, 2.0, width=16)
arrays = st.lists(st.lists(numbers, max_size=5), min_size=2, max_size=6).filter(lambda rows: any(rows))
programs = st.tuples(st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=4), st.sampled_from(sorted(ENDS)))


def built(steps):
    """The steps as one program."""

    def program(x):
        for step in steps:
            x = STEPS[step](x)
        return x

    return program


def assert_close(found, wanted):
    """Types, and values up to the order in which sums are taken."""
    (values, kind), (wanted_values, wanted_kind) = plain(found), plain(wanted)
    assert kind == wanted_kind
    assert same_values(values, wanted_values, 1e-10, 1e-10), f"{values}\n{wanted_values}"


@pytest.mark.parametrize("name", COMPILING or [pytest.param(None, marks=pytest.mark.skip("no backend compiles"))])
@given(programs, arrays, arrays)
@settings(max_examples=6, phases=[Phase.generate])  # each example is compiled: shrinking would take minutes
def test_a_random_program_gives_what_it_gives_as_it_is(name, program, first, second):
    steps, end = program
    run = built(steps)

    def loss(x):
        return ENDS[end](run(x))

    def both(x):
        return [run(x), *ragged.value_and_grad(loss)(x)]

    compiled = ragged.jit(both, buckets=[32])  # one size class: the second array runs what the first has compiled
    with ragged.use(name, precision="float64"):
        for rows in (first, second):
            x = ragged.from_lengths(np.concatenate([np.asarray(row, "float64") for row in rows]), list(map(len, rows)))
            for found, wanted in zip(compiled(x), both(x), strict=True):
                assert_close(found, wanted)
