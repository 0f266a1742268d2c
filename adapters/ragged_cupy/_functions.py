"""Elementwise functions, computed in the dtypes in which NumPy computes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cupy
import numpy as np

from ragged._namespace import NUMBERS
from ragged.ufuncs import result_dtypes, table

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["UNSUPPORTED", "call", "cast", "into"]


def imaginary(x: Any) -> Any:
    """The imaginary part, 0 of a real number."""
    return x.imag.copy() if x.dtype.kind == "c" else cupy.zeros_like(x)


COMPOSED: dict[str, Callable[..., Any]] = {
    "clip": lambda x, low, high: cupy.minimum(cupy.maximum(x, low), high),
    "imag": imaginary,
    "real": lambda x: x.real.copy() if x.dtype.kind == "c" else x,
    "round": lambda x: cupy.rint(x) if x.dtype.kind in "fc" else x,
    "ldexp": lambda x, n: cupy.ldexp(x, n.astype(np.int32) if hasattr(n, "astype") else n),
}
"""Those that are no ufuncs in CuPy, or other ones."""


NO_TIMES = "CuPy has no dates and durations"
UNSUPPORTED = {
    entry.name: "CuPy has no such function"
    for entry in table.values()
    if entry.name not in COMPOSED and not hasattr(cupy, entry.name)
} | {name: NO_TIMES for name in ("isnat", "datetime64", "timedelta64")}


def into(x: Any, dtype: np.dtype[Any], numbers: bool = False) -> Any:
    """An argument in a dtype: arrays on the device; `numbers` (which kernels take as they are) on the host."""
    if isinstance(x, cupy.ndarray):
        return cast(x, dtype)
    x = np.asarray(x)
    x = x.astype(dtype) if x.dtype.kind != "c" or dtype.kind in "cb" else x.real.astype(dtype)
    return x[()] if numbers and x.ndim == 0 else cupy.asarray(x)


def cast(x: Any, dtype: np.dtype[Any]) -> Any:
    """The array in a dtype; itself where it has it. Of complex numbers the real part, where they become real ones."""
    if x.dtype == dtype:
        return x
    return (x.real if x.dtype.kind == "c" and dtype.kind not in "cb" else x).astype(dtype, copy=False)


def kind_of(x: Any) -> Any:
    """An argument's dtype, or the type of a Python number, which promotes weakly."""
    return NUMBERS.get(type(x)) or (x.dtype if isinstance(x, cupy.ndarray) else np.asarray(x).dtype)


def call(name: str, args: tuple[Any, ...]) -> Any:
    """The elementwise function of arrays and numbers."""
    name = table[name].name
    dtypes, results = result_dtypes(name, tuple(map(kind_of, args)))
    if name.startswith("logical"):  # CuPy has no truth of complex numbers
        args = tuple(x != 0 if isinstance(x, cupy.ndarray) and x.dtype.kind == "c" else x for x in args)
        dtypes = (np.dtype(bool),) * len(args)
    alone = not any(isinstance(x, cupy.ndarray) for x in args)
    given = [
        into(x, dtype, numbers=not (alone and i == 0)) for i, (x, dtype) in enumerate(zip(args, dtypes, strict=True))
    ]
    out = COMPOSED[name](*given) if name in COMPOSED else getattr(cupy, name)(*given)
    if isinstance(out, tuple):
        return tuple(cast(part, dtype) for part, dtype in zip(out, results, strict=True))
    return cast(out, results[0])
