"""The guide's page on broadcasting."""

from __future__ import annotations

import numpy as np
import pytest

from agreement import both

ROWS = [[1, 2, 3], [], [4, 5]]
SCALARS = [10, 20, 30]
PARTICLES = [
    [{"x": 1.1, "y": [1]}, {"x": 2.2, "y": [1, 2]}, {"x": 3.3, "y": [1, 2, 3]}],
    [],
    [{"x": 4.4, "y": [1, 2, 3, 4]}, {"x": 5.5, "y": [1, 2, 3, 4, 5]}],
]
MATRIX = np.arange(1, 13).reshape(3, 4)
CUBE = np.arange(24).reshape(2, 3, 4) * 10


@pytest.mark.parametrize(
    "program",
    [
        lambda ak, x, y: x + y,
        lambda ak, x, y: y - x,
        lambda ak, x, y: x * 2.5,
        lambda ak, x, y: np.multiply(x, y),
        lambda ak, x, y: ak.where(x % 2 == 0, x, y),
        lambda ak, x, y: np.where(x % 2 == 0, x, y),
        lambda ak, x, y: ak.broadcast_arrays(x, y),
        lambda ak, x, y: x + y[:2],
        lambda ak, x, y: x[:2] + y,
        lambda ak, x, y: x / (y - 20),
        lambda ak, x, y: x + ak.Array([[1, 2, 3], [], [4, 5]]),
        lambda ak, x, y: x + ak.Array([[1, 2, 3], [], [4]]),
    ],
)
def test_a_number_for_each_list(backend, program):
    with np.errstate(all="ignore"):
        both(program, ROWS, SCALARS)


def test_logic(backend):
    both(lambda ak, x, y: np.logical_and(x, y), [[True, False, True], [], [False, True]], [True, True, False])
    both(lambda ak, x, y: (x & y) | ~x, [[True, False, True], [], [False, True]], [True, True, False])


@pytest.mark.parametrize(
    "left",
    [
        [[1, 2, 3], None, [4, 5]],
        [[1, None, 3], [], [4, 5]],
        [None, None, None],
    ],
)
def test_missing_lists_and_values(backend, left):
    both(lambda ak, x, y: x + y, left, SCALARS)


def test_records_take_the_number_into_each_field(backend):
    both(lambda ak, x, y: ak.broadcast_arrays(x, y), PARTICLES, SCALARS)
    both(lambda ak, x, y: x.x + y, PARTICLES, SCALARS)
    both(lambda ak, x, y: x.y + y, PARTICLES, SCALARS)
    both(lambda ak, x, y: x.y * x.x, PARTICLES, SCALARS)


def test_regular_axes_align_from_the_right_and_ragged_ones_from_the_left(backend):
    both(lambda ak, x, y: x + y, MATRIX, CUBE)
    both(lambda ak, x, y: x + y, MATRIX.tolist(), CUBE.tolist())
    both(lambda ak, x, y: x + y, MATRIX, MATRIX[:, :1])
    both(lambda ak, x, y: x + y, MATRIX, [[1], [2], [3]])
    both(lambda ak, x, y: x + y, [[1.1, 2.2, 3.3], [], [4.4, 5.5]], [[[1], [1, 2], [1, 2, 3]], [], [[1, 2], [3]]])
