"""The guide's pages on missing values, padding, flattening and joining."""

from __future__ import annotations

import numpy as np
import pytest

from agreement import both

VALUES = [1, 2, 3, None, None, 5]
ROWS = [[0, 1, 2], [], [3, 4], [5], [6, 7, 8, 9]]


@pytest.mark.parametrize(
    "data",
    [
        [1, 2, 3, None, 4, 5],
        [[[[], [1, 2, None]]], [[[3]]], []],
        [[[[], [1, 2]]], None, [[[3]]], []],
        [[[[], [3]]], None, [[[None]]], []],
        [{"x": 1, "y": 1}, None, {"x": 2, "y": 2}],
        [None, None],
        ["one", None, "three"],
    ],
)
def test_missing_at_every_level(backend, data):
    both(lambda ak, x: x, data)
    both(lambda ak, x: ak.is_none(x), data)
    both(lambda ak, x: ak.drop_none(x), data)
    both(lambda ak, x: ak.drop_none(x, axis=0), data)


@pytest.mark.parametrize(
    "program",
    [
        lambda ak, x: ak.singletons(x),
        lambda ak, x: ak.firsts(ak.singletons(x)),
        lambda ak, x: ak.fill_none(x, 0),
        lambda ak, x: ak.fill_none(x, 1.5),
        lambda ak, x: ak.is_none(x),
        lambda ak, x: x + 1,
        lambda ak, x: ak.sum(x),
        lambda ak, x: x[~ak.is_none(x)],
    ],
)
def test_values(backend, program):
    both(program, VALUES)


def test_masks_keep_the_length(backend):
    keep = [True, True, False, False, True]
    both(lambda ak, x, m: x[m], [1, 2, 3, 4, 5], keep)
    both(lambda ak, x, m: x.mask[m], [1, 2, 3, 4, 5], keep)
    both(lambda ak, x, m: x + x.mask[m], [1, 2, 3, 4, 5], keep)
    both(lambda ak, x, m: x + x[m], [1, 2, 3, 4, 5], keep)


@pytest.mark.parametrize(
    "program",
    [
        lambda ak, x: ak.pad_none(x, 2),
        lambda ak, x: ak.pad_none(x, 2, clip=True),
        lambda ak, x: ak.pad_none(x, 7, axis=0),
        lambda ak, x: ak.fill_none(ak.pad_none(x, 2, clip=True), 999),
        lambda ak, x: ak.firsts(x),
        lambda ak, x: ak.flatten(x),
        lambda ak, x: ak.flatten(x, axis=None),
        lambda ak, x: ak.ravel(x),
        lambda ak, x: ak.unflatten(ak.flatten(x), ak.num(x)),
        lambda ak, x: ak.concatenate([x, np.zeros((5, 1), np.int64)], axis=1),
        lambda ak, x: ak.flatten(ak.concatenate([x, np.zeros((5, 1), np.int64)], axis=1)),
        lambda ak, x: ak.concatenate([x, x + 0.5]),
    ],
)
def test_padding_and_joining(backend, program):
    both(program, ROWS)


@pytest.mark.parametrize(
    "data",
    [
        [[1.1, 2.2, 3.3], None, [4.4, 5.5]],
        [[1.1, 2.2, None, 3.3], [], [4.4, 5.5]],
        [[[[[[1.1, 2.2, 3.3]]], [[[4.4, 5.5]]]]]],
    ],
)
def test_flattening(backend, data):
    both(lambda ak, x: ak.flatten(x), data)
    both(lambda ak, x: ak.flatten(x, axis=None), data)


def test_columns_of_records_side_by_side(backend):
    table = [{"a": 11, "b": 12, "c": 13}, {"a": 21, "b": 22, "c": 23}]
    both(lambda ak, x: x.a[:, np.newaxis], table)
    both(lambda ak, x: ak.concatenate([x.a[:, np.newaxis], x.b[:, np.newaxis]], axis=1), table)
    both(lambda ak, x: ak.unzip(x), table)
    both(lambda ak, x: ak.concatenate(ak.unzip(x[:, np.newaxis]), axis=1), table)
    both(lambda ak, x: ak.flatten(x, axis=None), table)
