"""Operations against results written down here: no backend, NumPy's included, is its own judge."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

import ragged
from ragged.testing._expect import Checks, expect, plain, same_values
from ragged.testing._samples import INF, NAN

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragged.backend import Backend

__all__ = ["literals"]

X = [[3.0, -1.0, 3.0], [], [2.0], [0.5, 4.0]]
GAPS = [[3.0, None, 1.0], [], [None], [-2.0]]
INTS = [[3, 1, 3], [], [2], [-5, 4]]
DEEP = [[[1.0, 2.0], []], [], [[3.0], [4.0, 5.0, 6.0]]]
ODD = [[1.0, NAN, 2.0], [], [-INF, INF]]


def along(name: str, **options: Any) -> Callable[[Any], Any]:
    """A public function with options."""
    return lambda x: getattr(ragged, name)(x, **options)


REDUCED: dict[str, list[tuple[dict[str, Any], Any, Any]]] = {
    "sum": [({"axis": 1}, X, [5.0, 0.0, 2.0, 4.5]), ({"axis": 0}, X, [5.5, 3.0, 3.0]), ({"axis": None}, X, 11.5)],
    "prod": [({"axis": 1}, X, [-9.0, 1.0, 2.0, 2.0]), ({"axis": 0}, INTS, [-30, 4, 3]), ({"axis": None}, GAPS, -6.0)],
    "max": [({"axis": 1}, X, [3.0, None, 2.0, 4.0]), ({"axis": 0}, X, [3.0, 4.0, 3.0]), ({"axis": None}, GAPS, 3.0)],
    "min": [
        ({"axis": 1}, INTS, [1, None, 2, -5]),
        ({"axis": 0}, X, [0.5, -1.0, 3.0]),
        ({"axis": 1}, ODD, [NAN, None, -INF]),
    ],
    "mean": [({"axis": 1}, X, [5 / 3, NAN, 2.0, 2.25]), ({"axis": 0}, X, [5.5 / 3, 1.5, 3.0])],
    "var": [({"axis": 1}, X, [32 / 9, NAN, 0.0, 3.0625]), ({"axis": 1}, GAPS, [1.0, NAN, NAN, 0.0])],
    "std": [({"axis": 1}, X, [32**0.5 / 3, NAN, 0.0, 1.75])],
    "ptp": [({"axis": 1}, X, [4.0, None, 0.0, 3.5])],
    "logsumexp": [({"axis": 1}, [[0.0, 0.0], [], [5.0]], [0.6931471805599453, None, 5.0])],
    "softmax": [({"axis": 1}, [[0.0, 0.0], [], [1000.0, 0.0]], [[0.5, 0.5], [], [1.0, 0.0]])],
    "any": [({"axis": 1}, [[0, 2], [], [0]], [True, False, False])],
    "all": [({"axis": 1}, [[1, 2], [], [0, 1]], [True, True, False])],
    "count": [({"axis": 1}, GAPS, [2, 0, 0, 1]), ({"axis": None}, GAPS, 3)],
    "count_nonzero": [({"axis": 1}, [[0, 2, 3], [], [0]], [2, 0, 0])],
    "argmax": [({"axis": 1}, X, [0, None, 0, 1]), ({"axis": 0}, X, [0, 3, 0]), ({"axis": None}, X, 5)],
    "argmin": [({"axis": 1}, X, [1, None, 0, 0]), ({"axis": 1}, [[1.0, NAN, 0.0]], [1]), ({"axis": None}, X, 1)],
    "sort": [
        ({"axis": 1}, X, [[-1.0, 3.0, 3.0], [], [2.0], [0.5, 4.0]]),
        ({"axis": 1, "ascending": False}, INTS, [[3, 3, 1], [], [2], [4, -5]]),
        ({"axis": 1}, ODD, [[1.0, 2.0, NAN], [], [-INF, INF]]),
    ],
    "argsort": [
        ({"axis": 1}, X, [[1, 0, 2], [], [0], [0, 1]]),
        ({"axis": 1, "ascending": False}, X, [[0, 2, 1], [], [0], [1, 0]]),
    ],
    "num": [({"axis": 1}, X, [3, 0, 1, 2]), ({"axis": 2}, DEEP, [[2, 0], [], [1, 3]])],
    "local_index": [({"axis": 1}, X, [[0, 1, 2], [], [0], [0, 1]])],
    "flatten": [
        ({"axis": 1}, X, [3.0, -1.0, 3.0, 2.0, 0.5, 4.0]),
        ({"axis": 2}, DEEP, [[1.0, 2.0], [], [3.0, 4.0, 5.0, 6.0]]),
    ],
    "is_none": [({"axis": 1}, GAPS, [[False, True, False], [], [True], [False]])],
    "firsts": [({"axis": 1}, X, [3.0, None, 2.0, 0.5])],
}
"""By function: options, argument, result."""

PROGRAMS: dict[str, tuple[Callable[[Any], Any], Any, Any]] = {
    "x * x - 2 * x + 1": (lambda x: x * x - 2 * x + 1, X, [[4.0, 4.0, 4.0], [], [1.0], [0.25, 9.0]]),
    "x + its row's sum": (lambda x: x + ragged.sum(x, axis=1), INTS, [[10, 8, 10], [], [4], [-6, 3]]),
    "floor and remainder": (lambda x: x // 2 * 10 + x % 2, INTS, [[11, 1, 11], [], [10], [-29, 20]]),
    "comparisons": (lambda x: (x >= 3) & (x < 4), X, [[True, False, True], [], [False], [False, False]]),
    "where": (lambda x: ragged.where(x > 1, x, -x), X, [[3.0, 1.0, 3.0], [], [2.0], [-0.5, 4.0]]),
    "isnan": (ragged.isnan, ODD, [[False, True, False], [], [False, False]]),
    "floor": (ragged.floor, [[1.5, -1.5], []], [[1.0, -2.0], []]),
    "x[1:]": (lambda x: x[1:], X, [[], [2.0], [0.5, 4.0]]),
    "x[:, ::-1]": (lambda x: x[:, ::-1], X, [[3.0, -1.0, 3.0], [], [2.0], [4.0, 0.5]]),
    "x[:, :2]": (lambda x: x[:, :2], X, [[3.0, -1.0], [], [2.0], [0.5, 4.0]]),
    "x[:, -1:]": (lambda x: x[:, -1:], X, [[3.0], [], [2.0], [4.0]]),
    "x[x > 1]": (lambda x: x[x > 1], X, [[3.0, 3.0], [], [2.0], [4.0]]),
    "x[[3, 0, 3]]": (lambda x: x[[3, 0, 3]], X, [[0.5, 4.0], [3.0, -1.0, 3.0], [0.5, 4.0]]),
    "x[argmax]": (lambda x: x[ragged.argmax(x, axis=1, keepdims=True)], X, [[3.0], [None], [2.0], [4.0]]),
    "x[:, 0] of lists of lists": (lambda x: x[0, 0] + 1, DEEP, [2.0, 3.0]),
    "mask": (lambda x: ragged.mask(x, x > 0), X, [[3.0, None, 3.0], [], [2.0], [0.5, 4.0]]),
    "fill_none": (lambda x: ragged.fill_none(x, 9.0), GAPS, [[3.0, 9.0, 1.0], [], [9.0], [-2.0]]),
    "drop_none": (ragged.drop_none, GAPS, [[3.0, 1.0], [], [], [-2.0]]),
    "pad_none": (lambda x: ragged.pad_none(x, 2), INTS, [[3, 1, 3], [None, None], [2, None], [-5, 4]]),
    "pad_none, clipped": (lambda x: ragged.pad_none(x, 1, clip=True), INTS, [[3], [None], [2], [-5]]),
    "concatenate axis=0": (lambda x: ragged.concatenate([x[:2], x[2:3]]), INTS, [[3, 1, 3], [], [2]]),
    "concatenate axis=1": (
        lambda x: ragged.concatenate([x, x + 1], axis=1),
        [[1], [], [2, 3]],
        [[1, 2], [], [2, 3, 3, 4]],
    ),
    "unflatten": (lambda x: ragged.unflatten(ragged.flatten(x), [2, 0, 4]), INTS, [[3, 1], [], [3, 2, -5, 4]]),
    "cartesian": (lambda x: ragged.cartesian([x, x]), [[1, 2], []], [[(1, 1), (1, 2), (2, 1), (2, 2)], []]),
    "combinations": (lambda x: ragged.combinations(x, 2), [[1, 2, 3], [4]], [[(1, 2), (1, 3), (2, 3)], []]),
    "zip": (lambda x: ragged.zip({"a": x, "b": -x})[0], [[1, 2], []], [{"a": 1, "b": -1}, {"a": 2, "b": -2}]),
    "from_row_ids": (
        lambda x: ragged.from_row_ids(ragged.flatten(x), [0, 0, 2, 2, 2, 3]),
        INTS,
        [[3, 1], [], [3, 2, -5], [4]],
    ),
    "matmul": (
        lambda x: ragged.matmul(ragged.to_padded(x)[0], np.eye(2) * 2),
        [[1.0], [2.0, 3.0]],
        [[2.0, 0.0], [4.0, 6.0]],
    ),
    "nan_to_num": (lambda x: ragged.nan_to_num(x)[0], ODD, [1.0, 0.0, 2.0]),
    "the gradient of sum(x ** 3)": (
        ragged.grad(lambda x: ragged.sum(x**3)),
        X,
        [[27.0, 3.0, 27.0], [], [12.0], [0.75, 48.0]],
    ),
    "the gradient of sum(max(x))": (
        ragged.grad(lambda x: ragged.sum(ragged.max(x, axis=1))),
        X,
        [[0.5, 0.0, 0.5], [], [1.0], [0.0, 1.0]],
    ),
}
"""By what it shows: program, argument, result."""


def gives(program: Callable[[Any], Any], point: Any, wanted: Any, b: Backend) -> None:
    """The result is the one written down."""
    found = plain(program(ragged.Array(point)))[0]
    expect(same_values(found, wanted, 1e-12), f"{wanted} of {point}, not {found}")


def all_literals() -> Checks:
    """One check for each entry of the tables."""
    found: Checks = {}
    for name, cases in REDUCED.items():
        for number, (options, point, wanted) in enumerate(cases, 1):
            found[f"{name} ({number})"] = functools.partial(gives, along(name, **options), point, wanted)
    for title, case in PROGRAMS.items():
        found[title] = functools.partial(gives, *case)
    return found


literals: Checks = all_literals()
"""Checks by name."""
