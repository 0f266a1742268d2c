"""The guide's pages on filtering: cuts, masks, and selections by the number of items."""

from __future__ import annotations

import numpy as np
import pytest

from agreement import both

EVENTS = [
    [{"title": "zero", "x": 0, "y": 0}, {"title": "one", "x": 1, "y": 1.1}, {"title": "two", "x": 2, "y": 2.2}],
    [],
    [{"title": "three", "x": 3, "y": 3.3}, {"title": "four", "x": 4, "y": 4.4}],
    [{"title": "five", "x": 5, "y": 5.5}],
    [{"title": "six", "x": 6, "y": 6.6}, {"title": "seven", "x": 7, "y": 7.7}],
]
NESTED = [[[0, 1.1, 2.2], []], [[3.3, 4.4]], [], [[5.5], [6.6, 7.7, 8.8, 9.9]]]


def cut(x):
    return x.x[x.x > 3]


def masked_sum(x):
    xs, ys = x.x, x.y  # Awkward's mask does not keep the array that it masks alive
    return xs.mask[xs > 3] ** 2 + ys.mask[ys > 3] ** 2


@pytest.mark.parametrize(
    "program",
    [
        lambda ak, x: x.title,
        lambda ak, x: x.x**2 + x.y**2,
        lambda ak, x: cut(x),
        lambda ak, x: cut(x)[2],
        lambda ak, x: cut(x) ** 2 + x.y[x.y > 3] ** 2,
        lambda ak, x: ak.num(cut(x)) != ak.num(x.y[x.y > 3]),
        lambda ak, x: ak.mask(x.x, x.x > 3),
        lambda ak, x: masked_sum(x),
        lambda ak, x: ak.drop_none(masked_sum(x), axis=1),
        lambda ak, x: ak.fill_none(masked_sum(x), -1, axis=1),
        lambda ak, x: ak.singletons(masked_sum(x), axis=1),
        lambda ak, x: masked_sum(x)[~ak.is_none(masked_sum(x), axis=1)],
        lambda ak, x: x[x.title == "five"],
        lambda ak, x: x[ak.num(x) >= 2],
        lambda ak, x: x[(ak.num(x) >= 2) & ak.any(x.x > 3, axis=1)],
        lambda ak, x: np.sqrt(x.x[:, :1]),
    ],
)
def test_cuts_and_masks(backend, program):
    both(program, EVENTS)


@pytest.mark.parametrize(
    "program",
    [
        lambda ak, x: x[x > 4],
        lambda ak, x: ak.num(x, axis=0),
        lambda ak, x: ak.num(x, axis=1),
        lambda ak, x: ak.num(x, axis=2),
        lambda ak, x: x[ak.num(x) == 2],
        lambda ak, x: x[ak.num(x, axis=2) > 2],
        lambda ak, x: ak.count(x, axis=None),
        lambda ak, x: ak.count(x, axis=0),
        lambda ak, x: ak.count(x, axis=1),
        lambda ak, x: ak.count(x, axis=2),
    ],
)
def test_by_the_number_of_items(backend, program):
    both(program, NESTED)
