"""Elementwise functions, whose large results use memory that earlier ones have left."""

from __future__ import annotations

from typing import Any

import numpy as np

from ragged.ufuncs import functions, result_dtypes
from ragged_numpy._memory import LARGE, empty

__all__ = ["call", "call_over", "choose"]

FEW = 4096
"""Below this many elements new memory costs less than to find out what fits the old."""


def call(name: str, args: tuple[Any, ...]) -> Any:
    """The function of arrays and numbers."""
    f = functions[name]
    for x in args:
        if type(x) is np.ndarray and x.size * 8 >= LARGE:
            out = space(name, f, args)
            return f(*args) if out is None else f(*args, out=out)
    return f(*args)


def space(name: str, f: Any, args: tuple[Any, ...]) -> Any:
    """Where the result goes: an array of its shape and dtype. None: NumPy is to make it."""
    if not isinstance(f, np.ufunc) or f.nout != 1:
        return None
    arrays = [x for x in args if isinstance(x, np.ndarray)]
    shape = arrays[0].shape
    if any(x.shape != shape for x in arrays):
        shape = np.broadcast_shapes(*(x.shape for x in arrays))
    return empty(shape, result_dtypes(name, kinds_of(args))[1][0])


def kinds_of(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The dtype of each argument, or the type of a Python number."""
    return tuple(x.dtype if isinstance(x, np.ndarray | np.generic) else type(x) for x in args)


def call_over(spare: Any, name: str, args: tuple[Any, ...]) -> Any:
    """The function, its result over the array `spare` where that is of its shape and dtype."""
    f = functions[name]
    if type(spare) is np.ndarray and spare.size >= FEW and isinstance(f, np.ufunc) and spare.flags.writeable:
        fits = all(not isinstance(x, np.ndarray) or x.shape in ((), spare.shape) for x in args)
        if fits and result_dtypes(name, kinds_of(args))[1] == (spare.dtype,):
            return f(*args, out=spare)
    return call(name, args)


def choose(condition: Any, x: Any, y: Any) -> Any:
    """`x` where the condition is true, else `y`."""
    if np.size(condition) * 8 < LARGE:
        return np.where(condition, x, y)
    out = empty(np.broadcast_shapes(*map(np.shape, (condition, x, y))), np.result_type(x, y))
    np.copyto(out, y)
    np.copyto(out, x, where=condition)
    return out
