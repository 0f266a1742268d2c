"""Rows in order: by their values alone where nobody asks where they came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged_numpy._kernels import argsort, matrices
from ragged_numpy._memory import empty
from ragged_numpy._positions import SMALL

if TYPE_CHECKING:
    from ragged.rows import Rows

__all__ = ["sort"]


def sort(x: Any, rows: Rows, descending: bool) -> Any:
    """The values of each row in the order of `argsort`: rows of one length are sorted together as a matrix."""
    n = x.shape[0]
    if n < SMALL or x.dtype.kind not in "biuf":
        return x.take(argsort(x, rows, descending), axis=0)
    if rows.longest * rows.nrows != n and np.count_nonzero(sizes := np.bincount(rows.lengths)) * 128 > n:
        return x.take(argsort(x, rows, descending))
    kind = kind_for(x)
    out = empty(x.shape, x.dtype)
    out[...] = x
    if rows.longest * rows.nrows == n:
        in_lines(out.reshape(rows.nrows, -1), descending, kind)
        return out
    for index in matrices(rows, sizes):
        out[index] = in_lines(x.take(index), descending, kind)
    return out


def kind_for(x: Any) -> Any:
    """How to sort values: equal ones look alike, but for zeros of two signs, which keep their order."""
    if x.dtype.kind != "f" or not (zeros := x == 0).any():
        return None
    return "stable" if np.signbit(x[zeros]).any() else None


def in_lines(values: Any, descending: bool, kind: Any) -> Any:
    """The matrix with each line in order, in place; descending, the line is sorted backwards, so that equals stay."""
    (values[:, ::-1] if descending else values).sort(axis=1, kind=kind)
    return values
