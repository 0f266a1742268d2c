"""Rows in order: by their values alone where nobody asks where they came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged_numpy._kernels import argsort, matrices
from ragged_numpy._positions import SMALL

if TYPE_CHECKING:
    from ragged.rows import Rows

__all__ = ["sort"]


def sort(x: Any, rows: Rows, descending: bool) -> Any:
    """The values of each row in the order of `argsort`: rows of one length are sorted together as a matrix."""
    n = x.shape[0]
    if n < SMALL or x.dtype.kind not in "biuf":
        return x.take(argsort(x, rows, descending), axis=0)
    if rows.longest * rows.nrows == n:
        return in_lines(x.reshape(rows.nrows, -1), descending, kind_for(x)).reshape(-1)
    sizes = np.bincount(rows.lengths)
    if np.count_nonzero(sizes) * 128 > n:
        return x.take(argsort(x, rows, descending))
    out, kind = x.copy(), kind_for(x)
    for index in matrices(rows, sizes):
        out[index] = in_lines(x.take(index), descending, kind)
    return out


def kind_for(x: Any) -> Any:
    """How to sort values: equal ones look alike, but for zeros of two signs, which keep their order."""
    return "stable" if x.dtype.kind == "f" and np.signbit(x[x == 0]).any() else None


def in_lines(values: Any, descending: bool, kind: Any) -> Any:
    """Each line of a matrix in order; descending, it is reversed, sorted and reversed again, so that equals stay."""
    if descending:
        return np.sort(values[:, ::-1], axis=1, kind=kind)[:, ::-1]
    return np.sort(values, axis=1, kind=kind)
