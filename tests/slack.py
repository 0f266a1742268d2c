"""What is compiled for a capacity, held to what eager NumPy gives: values to 1e-10 of the largest, types, gradients."""

from __future__ import annotations

import numpy as np

import ragged
from agreement import plain

X = [[1.5, -2.0, 0.5], [], [0.25, 4.0], [3.0]]
Y = [[0.5, 1.0, -1.0], [], [2.0, 0.5], [-3.0]]
OTHER = [[1.0], [2.0], [], [1.0, 2.0, 3.0]]


def total(y):
    """One number of a result, with curvature."""
    if isinstance(y, tuple | list):
        return sum(map(total, y))
    if isinstance(y, ragged.Array) and y.fields:
        return sum(total(y[field]) for field in y.fields)
    return ragged.sum(y * y * 1.0)


def flat(values):
    """All numbers in nested lists and records."""
    if isinstance(values, list | tuple | dict):
        return [x for each in (values.values() if isinstance(values, dict) else values) for x in flat(each)]
    return [values] if isinstance(values, bool | int | float | complex) else []


def skeleton(values):
    """Nested lists and records with 0 for numbers."""
    if isinstance(values, dict):
        return {name: skeleton(each) for name, each in values.items()}
    if isinstance(values, list | tuple):
        return [skeleton(each) for each in values]
    return 0 if isinstance(values, bool | int | float | complex) else values


def close(found, wanted):
    """Values to 1e-10 of the largest, and types."""
    (values, kind), (expected, expected_kind) = plain(found), plain(wanted)
    assert kind == expected_kind
    assert skeleton(values) == skeleton(expected), f"\n got {values}\nwant {expected}"
    numbers = np.asarray(flat(expected), complex)
    largest = np.max(np.abs(numbers[np.isfinite(numbers)]), initial=1e-3)
    np.testing.assert_allclose(np.asarray(flat(values), complex), numbers, rtol=1e-10, atol=1e-10 * largest)


def agreeing(backend, **options):
    """The test whether one compiled program gives what eager NumPy gives for several data, and, unless it is not
    `smooth`, the gradient by its first argument. It returns what was compiled."""

    def agrees(program, *data, smooth=True):
        def both(*arrays):
            y = program(*arrays)
            return (y, ragged.grad(lambda *arrays: total(program(*arrays)))(*arrays)) if smooth else (y,)

        compiled = ragged.jit(both, **options)
        for arrays in data:
            with ragged.use("numpy"):
                wanted = both(*(ragged.to_backend(x, "numpy") for x in arrays))
            found = compiled(*(ragged.to_backend(x, backend) for x in arrays))
            for one, other in zip(found, wanted, strict=True):
                close(one, other)
        return compiled

    return agrees
