"""Every elementwise function on the backend's own arrays against NumPy: values and dtypes, at the numbers that tell."""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from ragged.errors import UnsupportedError
from ragged.testing._expect import Checks, expect
from ragged.testing._samples import INF, NAN, dense
from ragged.ufuncs import result_dtypes, table

if TYPE_CHECKING:
    from ragged.backend import Backend
    from ragged.ufuncs import Function

__all__ = ["ufuncs"]

NUMBERS: dict[str, list[Any]] = {
    "bool": [False, True] * 6,
    "int8": [-128, -127, -7, -3, -1, 0, 1, 2, 3, 7, 100, 127],
    "int64": [-(2**63), -(2**53) - 1, -7, -1, 0, 1, 2, 3, 39, 2**53, 2**53 + 1, 2**63 - 1],
    "float32": [-INF, -1e30, -7, -1, -0.0, 0, 1e-18, 0.5, 2.5, 3, INF, NAN],
    "float64": [-INF, -1e200, -7, -1, -0.0, 0, 1e-18, 0.5, 2.5, 3, INF, NAN],
    "complex128": [-7, -1, 0, 3, INF, NAN, 1 + 2j, -0.5 - 0.25j, 0.5 - 1j, 2.5 + 0.5j, -3 + 1j, 0.25 + 0.125j],
}
"""By dtype; functions of two arguments see all pairs. Always twelve, as a framework that compiles does so by shape."""

ULPS = 64
"""How far a framework may be from NumPy, in units of the last place: its libraries round otherwise."""
CANCEL = {"logaddexp", "logaddexp2"}
"""Functions whose result may be a small difference of large numbers: what counts there is the size of the arguments."""
UNORDERED = {"clip", "fmax", "fmin", "maximum", "minimum", "greater", "greater_equal", "less", "less_equal", "sign"}
"""Complex numbers have no order; NumPy gives them one, and no framework has to."""


def function(name: str, b: Backend) -> None:
    """Values and dtypes are NumPy's on every kind of number that NumPy takes; the arguments stay as they are."""
    entry = table[name]
    if name in b.unsupported:  # then it must refuse, which another check looks at
        return
    for dtype in NUMBERS:
        if dtype in b.unsupported or (dtype == "complex128" and name in UNORDERED):
            continue
        args = arguments(entry, dtype)
        with np.errstate(all="ignore"):
            try:
                wanted = entry.numpy(*args)
            except TypeError:  # NumPy has no such loop
                continue
            compare(b, entry, args, wanted if isinstance(wanted, tuple) else (wanted,))


def arguments(entry: Function, dtype: str) -> list[Any]:
    """A column and, for a second argument, a row of the same numbers: all pairs."""
    x = np.array(NUMBERS[dtype], dtype)
    others = x
    if entry.name == "ldexp":
        others = np.array([-3, 0, 1, 5, 2, 7, 4, 3, -2, -1, 6, 8], "int32")
    elif entry.name in ("power", "float_power") and x.dtype.kind == "i":
        others = np.array([0, 1, 2, 3, 5, 7, 9, 11, 13, 20, 30, 39], dtype)
    elif entry.name.endswith("shift") and x.dtype.kind == "i":
        others = np.arange(12).astype(dtype) % 8
    elif entry.name == "reciprocal" and x.dtype.kind == "i":
        x = np.where(x == 0, 1, x).astype(dtype)  # NumPy itself leaves open what 1 // 0 is
    return [x[:, None], others[None, :], np.array([[3]], dtype)][: entry.nin]


def compare(b: Backend, entry: Function, args: list[Any], wanted: tuple[Any, ...]) -> None:
    """The backend's results for these arguments are what is wanted."""
    given = [dense(b, x) for x in args]
    of = f"{entry.name} of {args[0].dtype}"
    try:
        found = b.apply(entry.name, *given)
    except UnsupportedError:
        computed = itertools.chain(*result_dtypes(entry.name, tuple(x.dtype for x in args)))
        expect(any(dtype.name in b.unsupported for dtype in computed), f"{of}, in dtypes that the backend has")
        return
    for mine, theirs in zip(found if isinstance(found, tuple | list) else (found,), wanted, strict=True):
        expect(b.owns(mine), f"{of} to be an array of the backend, not a {type(mine).__name__}")
        expect(b.dtype(mine) == theirs.dtype, f"{of} to have dtype {theirs.dtype}, not {b.dtype(mine)}")
        values = np.asarray(b.to_numpy(mine))
        expect(values.shape == theirs.shape, f"{of} to have shape {theirs.shape}, not {values.shape}")
        wrong = np.argwhere(~agreeing(entry.name, values, theirs, args))
        if len(wrong):
            at = tuple(wrong[0])
            point = ", ".join(str(x[at]) for x in np.broadcast_arrays(*args))
            raise AssertionError(
                f"expected {entry.name}({point}) of {args[0].dtype} to be {theirs[at]}, not {values[at]}"
            )
    for x, before in zip(given, args, strict=True):
        same = np.array_equal(np.asarray(b.to_numpy(x)), before, equal_nan=before.dtype.kind in "fc")
        expect(same, f"{of} to leave its arguments as they are")


def agreeing(name: str, found: Any, wanted: Any, args: list[Any]) -> Any:
    """Where two results agree: exactly, or as closely as floats are asked to. The sign of a zero is not looked at.

    Numbers too small for full precision may be 0; of complex numbers only those are compared that are finite.
    """
    same = found == wanted
    kind = wanted.dtype.kind
    if kind not in "fc":
        return same
    limits = np.finfo(wanted.dtype)
    size = np.abs(wanted)
    if name in CANCEL:
        size = np.maximum(size, np.where(np.isfinite(size), 1, 0))
    tolerance = np.where(np.isfinite(size), ULPS * limits.eps * size, 0)
    close = np.abs(found - wanted) <= np.maximum(tolerance, limits.tiny)
    both_nan = np.isnan(found) & np.isnan(wanted)
    half_spacing = name == "spacing" and wanted.dtype == np.float16  # NumPy's has another sign than its other floats
    if args[0].dtype.kind != "c":
        return same | both_nan | close | half_spacing
    finite = functools.reduce(np.logical_and, map(np.isfinite, args)) & np.isfinite(wanted)
    return same | close | ~finite


ufuncs: Checks = {
    name: functools.partial(function, name) for name in sorted({entry.name for entry in table.values()} - {"isnat"})
}
"""One check for every elementwise function, each under its first name."""
