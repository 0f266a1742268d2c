"""The rows of the tables: one program a row, in the words that ragged and Awkward share.

A program is `(lib, data) -> result`. A selection may be lazy, so it is measured together with the sum that follows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

__all__ = ["COLUMNS", "ROWS", "Data", "Row"]

COLUMNS = 8
"""Length that rows are padded (and cut) to."""


@dataclass(frozen=True)
class Data:
    """A library's arrays, and its way to the gradient of a program of `x`."""

    x: Any
    row_scalars: Any
    permutation: Any
    gradient: Callable[[Callable[[Any], Any], Any], Any]


@dataclass(frozen=True)
class Row:
    """One row of the tables. `fits(lengths)` tells whether a machine can hold what it makes of such lengths, and
    `awkward(lengths)` whether Awkward needs less than minutes for it."""

    run: Callable[[ModuleType, Data], Any]
    kind: str
    fits: Callable[[Any], bool] = lambda lengths: True
    awkward: Callable[[Any], bool] = lambda lengths: True


def argmax_pick(lib: Any, d: Data) -> Any:
    """The largest of each list, by its position."""
    return d.x[lib.argmax(d.x, axis=1, keepdims=True)]


def pairs_product(lib: Any, d: Data) -> Any:
    """The sum over all pairs within each list of their products."""
    left, right = lib.unzip(lib.combinations(d.x, 2, axis=1))
    return lib.sum(left * right, axis=1)


def few_pairs(lengths: Any) -> bool:
    """At most 20 million pairs."""
    return float(np.sum(lengths * (lengths - 1.0) / 2)) <= 2e7


def narrow(lengths: Any) -> bool:
    """Rows times the longest row, which is what Awkward's reduction along axis 0 costs, is at most 100 million."""
    return float(len(lengths) * np.max(lengths)) <= 1e8


def padded(lib: Any, d: Data) -> Any:
    """A rectangle of so many columns, missing values filled with 0."""
    return lib.fill_none(lib.pad_none(d.x, COLUMNS, axis=1, clip=True), 0.0)


def gradient_of_squares(lib: Any, d: Data) -> Any:
    """The gradient of sum(sum(exp(x), 1)²)."""
    return d.gradient(lambda x: lib.sum(lib.sum(np.exp(x), axis=1) ** 2, axis=None), d.x)


def gradient_of_attention(lib: Any, d: Data) -> Any:
    """The gradient of a pool of each list, weighted by the softmax of its values."""
    return d.gradient(lambda x: lib.sum(lib.sum(lib.softmax(x, axis=1) * x, axis=1) ** 2, axis=None), d.x)


ROWS: dict[str, Row] = {
    "x*x+1": Row(lambda lib, d: d.x * d.x + 1, "ufunc"),
    "exp": Row(lambda lib, d: np.exp(d.x), "ufunc"),
    "x - row scalar": Row(lambda lib, d: d.x - d.row_scalars, "row broadcasting"),
    "sum axis 1": Row(lambda lib, d: lib.sum(d.x, axis=1), "reduction"),
    "max axis 1": Row(lambda lib, d: lib.max(d.x, axis=1), "extremum"),
    "mean axis 1": Row(lambda lib, d: lib.mean(d.x, axis=1), "reduction"),
    "argmax-pick": Row(argmax_pick, "order"),
    "sum axis 0": Row(lambda lib, d: lib.sum(d.x, axis=0), "reduction", awkward=narrow),
    "sum": Row(lambda lib, d: lib.sum(d.x, axis=None), "reduction"),
    "x[:, 1:], sum": Row(lambda lib, d: lib.sum(d.x[:, 1:], axis=1), "selection"),
    "x[:, ::-1], sum": Row(lambda lib, d: lib.sum(d.x[:, ::-1], axis=1), "selection"),
    "x[x > 0], sum": Row(lambda lib, d: lib.sum(d.x[d.x > 0], axis=1), "selection"),
    "x[perm], sum": Row(lambda lib, d: lib.sum(d.x[d.permutation], axis=1), "selection"),
    "sort": Row(lambda lib, d: lib.sort(d.x, axis=1), "order"),
    "softmax": Row(lambda lib, d: lib.softmax(d.x, axis=1), "softmax"),
    "pairs product": Row(pairs_product, "combinations", few_pairs),
    "pad and fill": Row(padded, "structure"),
    "concatenate axis 1": Row(lambda lib, d: lib.concatenate([d.x, d.x], axis=1), "structure"),
    "gradient of squares": Row(gradient_of_squares, "gradient"),
    "gradient of attention": Row(gradient_of_attention, "gradient"),
}
