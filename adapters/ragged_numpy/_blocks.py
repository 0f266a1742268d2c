"""Rows in blocks that fit a cache, so that what several passes make of them never goes to memory and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged.rows import Rows
from ragged_numpy._memory import empty

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragged.backend import Backend

__all__ = ["BLOCK", "blocks", "in_blocks", "is_blockwise", "part"]

BLOCK = 1 << 16
"""Elements of a block, and rows at most."""


def blocks(rows: Rows, size: int | None = None) -> list[tuple[int, int, int, int]]:
    """Rows, as `(first, last, begin, end)`, of at most so many elements in all; a row with more is alone."""
    size = BLOCK if size is None else size
    offsets, nrows = rows.offsets, rows.nrows
    marks = np.arange(0, rows.total, size)
    cuts = offsets.searchsorted(marks, "right") - 1
    long = cuts[offsets[cuts + 1] - offsets[cuts] > size] + 1
    cuts = np.unique(np.concatenate([cuts, long, np.arange(0, nrows, size), [nrows]]))
    bounds = offsets[cuts].tolist()
    return list(zip(cuts[:-1].tolist(), cuts[1:].tolist(), bounds[:-1], bounds[1:], strict=True))


def part(rows: Rows, first: int, last: int, begin: int, end: int) -> Rows:
    """The partition of a block; what the whole one knows of its elements is not found out again."""
    found = Rows(rows.ops, rows.offsets[first : last + 1] - begin, last - first, end - begin)
    if rows._ids is not None:
        found._ids = rows._ids[begin:end] - first
    return found


def in_blocks(b: Backend, alone: Backend, f: Callable[..., Any], x: Any, rows: Rows, options: tuple[Any, ...]) -> Any:
    """`f(b, x, rows, *options)`, a block of rows after another; one row that is longer than a block is for `alone`."""
    result, *axes = f.__dict__.get("along", ("rows",))
    axes += [None] * (len(options) - len(axes))
    out: Any = None
    for first, last, begin, end in blocks(rows):
        bounds = {"rows": slice(first, last), "elements": slice(begin, end), None: None}
        given = [each if axis is None else each[bounds[axis]] for each, axis in zip(options, axes, strict=True)]
        value = f(alone if last - first == 1 else b, x[begin:end], part(rows, first, last, begin, end), *given)
        if out is None:
            out = empty((rows.total if result == "elements" else rows.nrows,), value.dtype)
        out[bounds[result]] = value
    return out


def is_blockwise(f: Callable[..., Any], options: tuple[Any, ...]) -> bool:
    """Whether `f` says for all arrays among its options what they have an entry for."""
    known = len(f.__dict__.get("along", ("rows",))) - 1
    return all(i < known or not isinstance(each, np.ndarray) for i, each in enumerate(options))
