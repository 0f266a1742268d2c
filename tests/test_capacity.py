"""`capacity=` of what grows: the most elements that there may be, on every backend, eagerly and compiled."""

from __future__ import annotations

import numpy as np
import pytest

import ragged

ROWS = [[1.0, 2.0, 3.0], [], [4.0, 5.0], [6.0]]
CALLS = {
    "combinations": (lambda x, n: ragged.combinations(x, 2, capacity=n), 4),
    "combinations of a slot more": (lambda x, n: ragged.combinations(x, 3, replacement=True, capacity=n), 15),
    "combinations along axis 0": (lambda x, n: ragged.combinations(x, 2, axis=0, capacity=n), 6),
    "argcombinations": (lambda x, n: ragged.argcombinations(x, 2, replacement=True, capacity=n), 10),
    "cartesian": (lambda x, n: ragged.cartesian([x, x], capacity=n), 14),
    "cartesian, nested": (lambda x, n: ragged.cartesian({"a": x, "b": x}, nested=True, capacity=n), 14),
    "cartesian along axis 0": (lambda x, n: ragged.cartesian([x, x], axis=0, capacity=n), 16),
    "argcartesian": (lambda x, n: ragged.argcartesian([x, x], capacity=n), 14),
    "unflatten": (lambda x, n: ragged.unflatten(ragged.flatten(x), ragged.num(x), capacity=n), 6),
    "unflatten by one length": (lambda x, n: ragged.unflatten(x, 1, axis=1, capacity=n), 6),
}


@pytest.mark.parametrize("is_compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize("name", CALLS)
def test_as_many_fit_as_the_caller_said_and_no_more(backend, name, is_compiled):
    call, count = CALLS[name]
    x = ragged.Array(ROWS)
    run = ragged.jit(lambda x, n: call(x, n), warn_after=None) if is_compiled else call
    for enough in (count, count + 100, None):
        assert run(x, enough).to_list() == call(x, None).to_list()
    with pytest.raises(ragged.OutOfRangeError, match=rf"{count} elements are more than capacity={count - 1}\b"):
        run(x, count - 1)


def test_what_is_no_number_of_elements():
    x = ragged.Array(ROWS)
    with pytest.raises(ragged.DTypeError, match="combinations: capacity is a number of elements, not 'many'"):
        ragged.combinations(x, 2, capacity="many")
    with pytest.raises(ragged.OutOfRangeError, match="cartesian: capacity=-1 is negative"):
        ragged.cartesian([x, x], capacity=-1)
    assert len(ragged.combinations(x[:0], 2, capacity=np.int64(0))) == 0


def test_it_is_that_operations_capacity_not_the_whole_programs():
    if "jax" not in ragged.available():
        pytest.skip("JAX is not installed")
    with ragged.use("jax", precision="float64"):
        x = ragged.Array(ROWS)

        @ragged.jit(capacity=4)
        def both(x):
            return ragged.combinations(x, 2), ragged.cartesian([x, x], capacity=20)

        pairs, products = both(x)
        assert [len(ragged.flatten(each)) for each in (pairs, products)] == [4, 14]
        fixed = ragged.jit(lambda x: ragged.combinations(x, 2, capacity=12), buckets=[32])
        for rows in (ROWS, [[1.0, 2.0], [3.0, 4.0, 5.0, 6.0]], [[]]):
            assert fixed(ragged.Array(rows)).to_list() == ragged.combinations(ragged.Array(rows), 2).to_list()
        assert len(fixed.traces) == 2  # a single row is a program of its own
