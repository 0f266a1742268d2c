"""The program of Awkward Array's guide to differentiation, on every backend.

Shows: one program; its value and gradient everywhere; a Jacobian-vector product and a vector-Jacobian product by a
ragged argument; a ragged slice inside records.

    ragged compare comparisons/gradients/reverse_sum.py
    python comparisons/gradients/reverse_sum.py
"""

from __future__ import annotations

import numpy as np

import ragged


def reverse_sum(x):
    """Sum over the lists, position by position, the last list first."""
    return ragged.sum(x[::-1], axis=0)


def program(x):
    """One number that depends on every position's sum."""
    return ragged.sum(reverse_sum(x) ** 2)


def inputs():
    return (ragged.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]]),)


def check(x):
    """What Awkward's guide prints, and the same by hand."""
    value, slope = ragged.jvp(reverse_sum, (x,), (ragged.Array([[0.0, 0.0, 0.0], [], [0.0, 1.0]]),))
    assert value.tolist() == [5.0, 7.0, 3.0], value
    assert slope.tolist() == [0.0, 1.0, 0.0], slope

    value, pullback = ragged.vjp(reverse_sum, x)
    (cotangent,) = pullback(ragged.Array([5.0, 7.0, 3.0]))
    assert value.tolist() == [5.0, 7.0, 3.0], value
    assert cotangent.tolist() == [[5.0, 7.0, 3.0], [], [5.0, 7.0]], cotangent

    array = ragged.Array(
        [
            [{"x": 1.1, "y": [1]}, {"x": 2.2, "y": [1, 2]}, {"x": 3.3, "y": [1, 2, 3]}],
            [],
            [{"x": 4.4, "y": [1, 2, 3, 4]}, {"x": 5.5, "y": [1, 2, 3, 4, 5]}],
        ]
    )
    squares = np.square(array["y", ..., 1:])
    assert squares.tolist() == [[[], [4], [4, 9]], [], [[4, 9, 16], [4, 9, 16, 25]]], squares


if __name__ == "__main__":
    for name in ragged.available():
        with ragged.use(name, precision="float64"):
            check(*inputs())
    print(ragged.compare(program, *inputs()))
