"""NumPy's loops of large arrays, a piece after another by several threads: they are as fast as vectors allow, which
Numba's own mathematical functions are not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged.ufuncs import functions, result_dtypes
from ragged_numba._threads import share
from ragged_numpy._blocks import blocks, part
from ragged_numpy._elementwise import call, call_over, kinds_of, space
from ragged_numpy._memory import empty

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragged.backend import Backend
    from ragged.rows import Rows

__all__ = ["MANY", "apply", "apply_over", "in_blocks"]

MANY = 1 << 19
"""Elements from which on threads share the work."""
BLOCK = 1 << 17
"""Elements of a block: twice NumPy's, as there are fewer arrays between the passes."""
PIECE = 1 << 15
"""Elements of a piece."""


def apply(name: str, args: tuple[Any, ...]) -> Any:
    """The function of arrays and numbers."""
    n = shared_length(args)
    out = space(name, functions[name], args) if n >= MANY else None
    return call(name, args) if out is None else in_pieces(functions[name], args, n, out)


def apply_over(spare: Any, name: str, args: tuple[Any, ...]) -> Any:
    """The function, its result over the array `spare` where that is of its shape and dtype."""
    f, n = functions[name], shared_length(args)
    if n < MANY or not isinstance(f, np.ufunc) or type(spare) is not np.ndarray or not spare.flags.writeable:
        return call_over(spare, name, args)
    fits = any(isinstance(x, np.ndarray) and x.shape == spare.shape for x in args)
    if fits and result_dtypes(name, kinds_of(args))[1] == (spare.dtype,):
        return in_pieces(f, args, n, spare)
    return apply(name, args)


def shared_length(args: tuple[Any, ...]) -> int:
    """The length of all arrays where they have one shape, else 0."""
    shape: Any = None
    for x in args:
        if isinstance(x, np.ndarray) and x.ndim:
            if shape is None:
                shape = x.shape
            elif x.shape != shape:
                return 0
    return 0 if shape is None else int(shape[0])


def in_pieces(f: Callable[..., Any], args: tuple[Any, ...], n: int, out: Any) -> Any:
    """`f(*args, out=out)`."""

    def work(first: int, last: int) -> None:
        here = slice(first * PIECE, last * PIECE)
        f(*(x[here] if isinstance(x, np.ndarray) and x.ndim else x for x in args), out=out[here])

    share(work, -(-n // PIECE))
    return out


def in_blocks(b: Backend, alone: Backend, f: Callable[..., Any], x: Any, rows: Rows, options: tuple[Any, ...]) -> Any:
    """`f(b, x, rows, *options)`, blocks of rows shared by threads; a row longer than a block is for `alone`."""
    result, *axes = f.__dict__.get("along", ("rows",))
    axes += [None] * (len(options) - len(axes))
    todo = blocks(rows, BLOCK)

    def value(block: tuple[int, int, int, int]) -> tuple[Any, Any]:
        first, last, begin, end = block
        bounds = {"rows": slice(first, last), "elements": slice(begin, end), None: None}
        given = [each if axis is None else each[bounds[axis]] for each, axis in zip(options, axes, strict=True)]
        who = alone if last - first == 1 else b
        return bounds[result], f(who, x[begin:end], part(rows, first, last, begin, end), *given)

    where, one = value(todo[0])
    out = empty((rows.total if result == "elements" else rows.nrows,), one.dtype)
    out[where] = one

    def work(first: int, last: int) -> None:
        for block in todo[1 + first : 1 + last]:
            where, one = value(block)
            out[where] = one

    share(work, len(todo) - 1)
    return out
