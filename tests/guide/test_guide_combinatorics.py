"""The guide's pages on combinatorics."""

from __future__ import annotations

import numpy as np
import pytest

from agreement import both

NUMBERS = [[1, 2, 3], [], [4, 5], [6, 7, 8, 9]]
LETTERS = [["a", "b"], ["c"], ["d", "e", "f", "g"], ["h", "i"]]
POINTS = [[{"x": 0.0, "y": 1.0}, {"x": 2.0, "y": 1.5}], [], [{"x": -1.0, "y": 0.0}]]
OTHERS = [[{"x": 0.5, "y": 0.5}], [{"x": 0.0, "y": 0.0}], [{"x": 1.0, "y": 1.0}, {"x": -1.5, "y": 0.5}]]


def distance(ak, x, y, nested):
    left, right = ak.unzip(ak.cartesian([x, y], nested=nested))
    return np.sqrt((left.x - right.x) ** 2 + (left.y - right.y) ** 2)


@pytest.mark.parametrize(
    "program",
    [
        lambda ak, x, y: ak.cartesian([x, y]),
        lambda ak, x, y: ak.cartesian({"n": x, "l": y}),
        lambda ak, x, y: ak.cartesian([x, y], nested=True),
        lambda ak, x, y: ak.cartesian([x, y], axis=0),
        lambda ak, x, y: ak.cartesian([x, y, x], nested=[0]),
        lambda ak, x, y: ak.argcartesian([x, y]),
        lambda ak, x, y: ak.combinations(x, 2),
        lambda ak, x, y: ak.combinations(x, 3),
        lambda ak, x, y: ak.combinations(x, 2, replacement=True),
        lambda ak, x, y: ak.combinations(x, 2, fields=["a", "b"]),
        lambda ak, x, y: ak.combinations(x, 2, axis=0),
        lambda ak, x, y: ak.argcombinations(x, 2),
        lambda ak, x, y: ak.unzip(ak.combinations(x, 2)),
        lambda ak, x, y: ak.combinations(x, 2)["0"] * ak.combinations(x, 2)["1"],
        lambda ak, x, y: ak.combinations(y, 2),
    ],
)
def test_pairs_and_products(backend, program):
    both(program, NUMBERS, LETTERS)


def test_flat_products(backend):
    both(lambda ak, x, y: ak.cartesian([x, y], axis=0), np.arange(5), np.arange(4))
    both(lambda ak, x, y: ak.cartesian([x, y], axis=0, nested=True), np.arange(5), np.arange(4))

    def far(ak, x, y):
        left, right = ak.unzip(ak.cartesian([x, y], axis=0, nested=True))
        return ak.any(abs(left - right) >= 3, axis=1)

    both(far, np.arange(5), np.arange(4))


def test_the_nearest_of_another_collection(backend):
    both(lambda ak, x, y: distance(ak, x, y, False), POINTS, OTHERS)
    both(lambda ak, x, y: distance(ak, x, y, True), POINTS, OTHERS)
    both(lambda ak, x, y: ak.any(distance(ak, x, y, True) < 1, axis=-1), POINTS, OTHERS)
    both(lambda ak, x, y: x[~ak.any(distance(ak, x, y, True) < 1, axis=-1)], POINTS, OTHERS)
    both(lambda ak, x, y: ak.min(distance(ak, x, y, True), axis=-1), POINTS, OTHERS)
    both(lambda ak, x, y: ak.mean(ak.num(x, axis=1)), POINTS, OTHERS)
