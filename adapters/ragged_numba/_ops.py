"""What a recorded value is made by, seen from inside a loop over blocks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ragged_numba import _fused_kernels as kernels
from ragged_numba._compiling import is_plain
from ragged_numba._moving import BITS, choose_pieces
from ragged_numba._paths import GRAIN

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragged.rows import Rows

__all__ = [
    *("AlongRows", "Late", "Map", "Total", "Whole"),
    *("cast", "choose", "expansion", "fill", "gather", "reduction", "reshaped", "shortened", "total"),
]


@dataclass(frozen=True, slots=True, eq=False)
class Map:
    """An entry of the result from the same entries of the arguments: `run(*blocks, out=block)`.

    `over` says that the result may be written over an argument.
    """

    name: str
    run: Callable[..., Any]
    over: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class AlongRows:
    """From a row's elements to the row (`reduces`) or the other way: `run(block, offsets, begin, block)`."""

    name: str
    run: Callable[..., Any]
    rows: Rows
    reduces: bool


@dataclass(frozen=True, slots=True, eq=False)
class Total:
    """Everything to one value: `of_block(block)`, then `together` of the array of what the blocks gave."""

    name: str
    of_block: Callable[..., Any]
    together: Callable[..., Any]


@dataclass(frozen=True, slots=True, eq=False)
class Late:
    """Something small, done between loops: `run(*values)`."""

    name: str
    run: Callable[..., Any]


@dataclass(frozen=True, slots=True, eq=False)
class Whole:
    """An argument that every block sees all of."""

    value: Any


def choose(condition: Any, x: Any, y: Any, out: Any) -> None:
    """`x` where the condition is true, else `y`: compiled, where it is a mask of a flat block."""
    n = out.size
    if out.ndim == 1 and n and np.shape(condition) == (n,) and condition.dtype == np.bool_ and out.itemsize in BITS:
        both = [np.atleast_1d(np.asarray(each, out.dtype)) for each in (x, y)]
        if max(each.size for each in both) == n and is_plain(condition, *both):
            x, y, bits = *both, BITS[out.itemsize]
            choose_pieces[bits](0, -(-n // GRAIN), condition, x.view(bits), y.view(bits), out.view(bits))
            return
    out[...] = np.where(condition, x, y)


def cast(x: Any, out: Any) -> None:
    """`x` in the dtype of `out`."""
    np.copyto(out, x, casting="unsafe")


def fill(x: Any, out: Any) -> None:
    """`x`, which broadcasts."""
    out[...] = x


def gather(x: Any, index: Any, out: Any) -> None:
    """`x[index]`."""
    x.take(index, axis=0, out=out, mode="wrap")  # "raise" would buffer


def reshaped(x: Any, out: Any) -> None:
    """The entries in another shape each."""
    out[...] = x.reshape(out.shape)


def shortened(f: np.ufunc, args: tuple[Any, ...]) -> Any:
    """The function, or a faster one that gives the same: products for small powers of floating-point numbers."""
    exponent = args[-1]
    if (
        f is not np.power
        or type(exponent) not in (int, float)
        or args[0].dtype.kind != "f"
        or exponent not in (2, 3, 4)
    ):
        return f

    def product(x: Any, _: Any, out: Any) -> None:
        if exponent == 3:
            np.multiply(np.square(x), x, out=out)
        else:
            np.square(x, out=out)
            if exponent == 4:
                np.square(out, out=out)

    return product


UFUNCS = {"sum": np.add, "max": np.maximum, "min": np.minimum}


def reduction(how: str, rows: Rows, dtype: np.dtype[Any], identity: Any) -> AlongRows | Total:
    """The sum, max or min of each row; of a single row as a total."""
    if rows.nrows == 1:
        return total(how, dtype, identity, (1,))
    if how == "sum":
        return AlongRows("segment_sum", kernels.sum_rows, rows, True)
    run = partial(kernels.extreme_rows, identity, how == "max")
    return AlongRows(f"segment_{how}", run, rows, True)


def total(how: str, dtype: np.dtype[Any], identity: Any, shape: tuple[int, ...], axes: Any = 0) -> Total:
    """The sum, max or min of everything along axis 0 (and other `axes`), in a shape."""
    ufunc = UFUNCS[how]

    def of_block(x: Any) -> Any:
        return ufunc.reduce(x, axis=axes, dtype=dtype) if x.shape[0] else None

    def together(parts: list[Any]) -> Any:
        some = [part for part in parts if part is not None]
        found = ufunc.reduce(np.array(some, dtype), axis=0, dtype=dtype) if some else np.full(shape, identity, dtype)
        return found.reshape(shape)[()]

    return Total(how, of_block, together)


def expansion(rows: Rows) -> AlongRows:
    """Each row's entry for each of its elements."""
    return AlongRows("expand", kernels.expand_rows, rows, False)
