"""Derivatives of random rows, and of rows with nothing in them, of every operation in the conformance suite's table."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import ragged
from agreement import OURS
from ragged.testing._gradients import loss_of
from ragged.testing._operations import OPERATIONS
from ragged.testing._values import title_of

SMOOTH = {title_of(op): op for op in OPERATIONS if op.smooth and op.title != "elementwise"}
FIXED = {"matmul", "add a column", "from_lengths", "from_offsets", "from_row_ids", "to_regular"}
"""Operations whose other operand has a fixed number of rows, or columns, or that want a fixed number of values."""
UNDEFINED = {f"{name} axis=None" for name in ("max", "min", "ptp", "logsumexp", "mean", "var", "std")} | FIXED
"""Operations without a number to differentiate where there are no values."""


@pytest.mark.parametrize("name", [name for name in SMOOTH if name not in UNDEFINED and "one list" not in name])
def test_nothing_has_an_empty_gradient_on_every_backend(name):
    for backend in OURS:
        with ragged.use(backend, precision="float64"):
            x = ragged.from_lengths(np.zeros(0), [0, 0, 0])
            value, gradient = ragged.value_and_grad(loss_of(SMOOTH[name].program))(x)
            assert np.isfinite(ragged.to_numpy(value)) or name.split()[0] in ("mean", "var", "std", "logsumexp")
            assert gradient.to_list() == [[], [], []]
            assert str(gradient.type) == "3 * var * float64"


RANDOM = SMOOTH.keys() - FIXED - {"stop_gradient"}  # whose derivative is not that of the program
lengths = st.lists(st.integers(0, 4), min_size=3, max_size=5)


@settings(deadline=None, max_examples=80, derandomize=True)
@given(
    lengths, st.sampled_from(sorted(SMOOTH.keys() - FIXED - {"stop_gradient"})), st.integers(0, 2**31), st.booleans()
)
def test_random_rows(counts, name, seed, missing):
    rng = np.random.default_rng(seed)
    values = iter(rng.permutation(20) * 0.37 - 1.03)  # all differ: at a tie central differences mean nothing
    rows: list[list[float | None]] = [[float(next(values)) for _ in range(n)] for n in counts]
    if missing:
        rows = [[None if rng.random() < 0.3 else value for value in row] for row in rows]
    if not any(value is not None for row in rows for value in row):
        return
    x = ragged.Array(rows)
    if "float64" not in str(x.type):
        return
    ragged.check_grads(loss_of(SMOOTH[name].program), x, order=2)
