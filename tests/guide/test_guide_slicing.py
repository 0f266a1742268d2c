"""The guide's pages on slicing: ranges, masks, integer arrays, ragged and missing ones."""

from __future__ import annotations

import numpy as np
import pytest

from agreement import both

SQUARES = np.arange(10) ** 2
CUBE = np.arange(2 * 3 * 5).reshape(2, 3, 5)
RAGGED = [[10, 20, 30], [40], [], [50, 60]]
PARTICLES = [
    [{"x": 1.1, "y": [1]}, {"x": 2.2, "y": [1, 2]}, {"x": 3.3, "y": [1, 2, 3]}],
    [],
    [{"x": 4.4, "y": [1, 2, 3, 4]}, {"x": 5.5, "y": [1, 2, 3, 4, 5]}],
]
DEEP = [[[0.0, 1.1, 2.2], [3.3, 4.4, 5.5, 6.6], [7.7]], [], [[8.8, 9.9, 10.10, 11.11, 12.12]]]
LISTS = [[10, 3, 2, 9], [4, 5, 5, 12, 6], [8, 9, -1]]


@pytest.mark.parametrize(
    "program",
    [
        lambda ak, x: x[:5],
        lambda ak, x: x[-5:],
        lambda ak, x: x[1::2],
        lambda ak, x: x[::-1],
        lambda ak, x: x[-2],
        lambda ak, x: x[x > 20],
        lambda ak, x: x[x % 2 == 0],
        lambda ak, x: x[ak.Array([2, 5, 3])],
        lambda ak, x: x[[2, 5, 3]],
        lambda ak, x: x[[2, 5, 5, 5, 5, 5, 3]],
        lambda ak, x: x[[0, -1]],
        lambda ak, x: x[[2, None, 5]],
        lambda ak, x: x[10],
    ],
)
def test_one_dimension(backend, program):
    both(program, SQUARES)


@pytest.mark.parametrize(
    "program",
    [
        lambda ak, x: x[1, ::2, 1:-1],
        lambda ak, x: x[:, :, 1:-1],
        lambda ak, x: x[..., 1:-1],
        lambda ak, x: x[0],
        lambda ak, x: x[0, 1],
        lambda ak, x: x[0, 1, 2],
        lambda ak, x: x[:, np.newaxis],
        lambda ak, x: x[[0, 1], [1, 2]],
        lambda ak, x: x[:, [2, 0]],
        lambda ak, x: x[..., [0, 0]],
        lambda ak, x: x[x > 10],
    ],
)
def test_regular_axes(backend, program):
    both(program, CUBE)


@pytest.mark.parametrize(
    "program",
    [
        lambda ak, x: x[1],
        lambda ak, x: x[:, :2],
        lambda ak, x: x[:, ::-1],
        lambda ak, x: x[:, -1:],
        lambda ak, x: x[ak.num(x) > 1, 1:],
        lambda ak, x: x[ak.num(x) > 0, 0],
        lambda ak, x: x[:, 0],
        lambda ak, x: x[ak.Array([True, None, False, True])],
        lambda ak, x: x[[2, 1, 0]],
        lambda ak, x: x[x > 20],
        lambda ak, x: x[-1, 1],
        lambda ak, x: x[3, 2],
    ],
)
def test_ragged_axes(backend, program):
    both(program, RAGGED)


@pytest.mark.parametrize(
    "program",
    [
        lambda ak, x: x["x"],
        lambda ak, x: x.y,
        lambda ak, x: x["y", ..., 1:],
        lambda ak, x: np.square(x["y", ..., 1:]),
        lambda ak, x: x[["x"]],
        lambda ak, x: x[0, "x"],
        lambda ak, x: x[0, 1],
        lambda ak, x: x[:, :1, "y"],
        lambda ak, x: x["y", 0, 1],
        lambda ak, x: x["nowhere"],
    ],
)
def test_fields(backend, program):
    both(program, PARTICLES)


@pytest.mark.parametrize(
    "program",
    [
        lambda ak, x: x[..., :2],
        lambda ak, x: x[x > 4],
        lambda ak, x: ak.num(x, axis=0),
        lambda ak, x: ak.num(x, axis=1),
        lambda ak, x: ak.local_index(x),
        lambda ak, x: x[ak.Array([[[], [0], [0]], [], [[2, 3, 4]]])],
        lambda ak, x: x[ak.num(x) == 3],
        lambda ak, x: x[ak.num(x, axis=2) > 2],
    ],
)
def test_nested_lists(backend, program):
    both(program, DEEP)


@pytest.mark.parametrize(
    "program",
    [
        lambda ak, x: ak.argmin(x, axis=1, keepdims=False, mask_identity=False),
        lambda ak, x: x[ak.argmin(x, axis=1, keepdims=False, mask_identity=False)],
        lambda ak, x: ak.argmin(x, axis=-1, keepdims=True, mask_identity=False),
        lambda ak, x: x[ak.from_regular(ak.argmin(x, axis=-1, keepdims=True, mask_identity=False))],
        lambda ak, x: x[ak.argmin(x, axis=-1, keepdims=True)],
        lambda ak, x: x[[[0, 1], [], [2]]],
        lambda ak, x: x[ak.Array([[0, None], [], [2]])],
        lambda ak, x: x[ak.Array([[True, False, True, False], [False, False, True, True, True], [False, True, False]])],
    ],
)
def test_ragged_integers_and_masks(backend, program):
    both(program, LISTS)


def test_where_the_best_match_of_an_empty_list_is_missing(backend):
    lists = [[], [10, 3, 2, 9], [4, 5, 5, 12, 6], [], [8, 9, -1]]
    both(lambda ak, x: x[ak.argmax(x, keepdims=True, axis=-1, mask_identity=True)], lists)
    both(lambda ak, x: x[ak.from_regular(ak.argmax(x, keepdims=True, axis=-1, mask_identity=False))], lists)
    both(lambda ak, x: x[ak.Array([[0], None, [], [], [2]])], [[1], [2], [], [], [3, 4, 5]])
