"""Defaults of the protocol over an array API namespace, which promotes nothing and knows no NumPy arrays."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ragged.errors import UnsupportedError
from ragged.ufuncs import result_dtypes, table

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragged.backend import Backend
    from ragged.primitives import Content
    from ragged.rows import Rows, Segments

__all__ = [
    "apply",
    "asarray",
    "check_options",
    "dtype_called",
    "dtype_in",
    "dtype_of",
    "host",
    "missing_functions",
    "no_compiler",
    "no_native",
    "ranges",
    "refusal",
    "segment_min",
    "where",
]

RENAMED = {
    "absolute": "abs",
    "arccos": "acos",
    "arccosh": "acosh",
    "arcsin": "asin",
    "arcsinh": "asinh",
    "arctan": "atan",
    "arctan2": "atan2",
    "arctanh": "atanh",
    "conjugate": "conj",
    "fabs": "abs",
    "float_power": "pow",
    "invert": "bitwise_invert",
    "left_shift": "bitwise_left_shift",
    "power": "pow",
    "right_shift": "bitwise_right_shift",
    "rint": "round",
}
"""The array API's names of NumPy's functions."""

INEXACT = ("real floating", "complex floating")


def integer_reciprocal(xp: Any, x: Any) -> Any:
    """The quotient 1 // x, towards zero."""
    return xp.where(xp.abs(x) == 1, x, xp.zeros_like(x))


COMPOSED: dict[str, Callable[..., Any]] = {
    "clip": lambda xp, x, low, high: xp.minimum(xp.maximum(x, low), high),  # xp.clip has no answer where low > high
    "imag": lambda xp, x: xp.imag(x) if xp.isdtype(x.dtype, "complex floating") else xp.zeros_like(x),
    "reciprocal": lambda xp, x: xp.reciprocal(x) if xp.isdtype(x.dtype, INEXACT) else integer_reciprocal(xp, x),
    "real": lambda xp, x: xp.real(x) if xp.isdtype(x.dtype, "complex floating") else x,
}
"""Functions that NumPy defines for more than the standard does."""

DTYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128", "datetime64", "timedelta64"),
)

NUMBERS: dict[type, Any] = {bool: np.dtype(bool), int: int, float: float, complex: complex}


def host() -> Backend:
    """NumPy, where structure lives unless a backend says otherwise."""
    from ragged.registry import get_backend

    return get_backend("numpy")


def dtype_of(x: Any) -> np.dtype[Any]:
    """The NumPy dtype of an array, whose own dtype may be another object of the same name."""
    dtype = x.dtype
    return dtype if isinstance(dtype, np.dtype) else np.dtype(str(dtype).rpartition(".")[2])


def kind_of(dtype: np.dtype[Any]) -> str:
    """NumPy's letter for a kind of numbers; of bfloat16, too, which to NumPy is no number of its own."""
    return "f" if dtype.kind == "V" and dtype.name == "bfloat16" else dtype.kind


def dtype_called(x: Any) -> np.dtype[Any]:
    """The NumPy dtype that `x` names: NumPy's own words for it, or a dtype of another framework.

    Raises:
        TypeError: it names none.
    """
    found: np.dtype[Any]
    try:
        found = np.dtype(x)
    except TypeError:
        found = np.dtype(getattr(x, "name", None) or str(x).rpartition(".")[2])
    return found


def dtype_in(b: Content, dtype: Any) -> Any:
    """The namespace's own dtype for a NumPy dtype.

    Raises:
        UnsupportedError: it has none.
    """
    known = np.dtype(dtype)
    found = getattr(b.xp, known.name, None)
    if found is None:
        raise refusal(b, known.name.partition("[")[0])
    return found


def asarray(b: Content, x: Any, dtype: Any = None) -> Any:
    """A NumPy array, a number or an array of the backend as the latter, shared where it can be."""
    if b.owns(x):
        return x if dtype is None else b.astype(x, dtype)
    x = np.asarray(x, dtype)
    return b.xp.asarray(x, dtype=dtype_in(b, x.dtype))


def found(b: Content, name: str) -> Any:
    """The namespace's function of NumPy's name, or None."""
    if name in COMPOSED:
        return partial(COMPOSED[name], b.xp)
    return getattr(b.xp, RENAMED.get(name, name), None)


def apply(b: Content, name: str, args: tuple[Any, ...], valid: Any = None) -> Any:
    """The elementwise function, in the dtypes that NumPy computes it in.

    Raises:
        UnsupportedError: the namespace has no such function.
    """
    name = table[name].name
    function = found(b, name)
    if function is None or name in b.unsupported:
        raise refusal(b, name)
    kinds = tuple(NUMBERS.get(type(x)) or (b.dtype(x) if b.owns(x) else np.asarray(x).dtype) for x in args)
    dtypes, results = result_dtypes(name, kinds)
    if name.startswith("logical"):  # of numbers: whether they are nonzero, which the standard casts no complex one to
        args = tuple(x != 0 if b.owns(x) and b.dtype(x).kind == "c" else x for x in args)
        dtypes = (np.dtype(bool),) * len(args)
    elif not name.startswith(("bitwise", "invert")):  # of booleans the standard has no arithmetic and no order
        dtypes = tuple(np.dtype("uint8") if dtype.kind == "b" else dtype for dtype in dtypes)
    with np.errstate(all="ignore" if valid is not None else None):  # should NumPy be beneath: what hides warns nobody
        out = function(*(asarray(b, x, dtype) for x, dtype in zip(args, dtypes, strict=True)))
    return out if isinstance(out, tuple) else b.astype(out, results[0])


def where(b: Content, condition: Any, x: Any, y: Any) -> Any:
    """Elementwise choice in one dtype, which arrays decide before Python numbers."""
    kinds = [z if type(z) in NUMBERS else b.dtype(z) if b.owns(z) else np.asarray(z).dtype for z in (x, y)]
    dtype = np.result_type(*kinds)
    return b.xp.where(asarray(b, condition), asarray(b, x, dtype), asarray(b, y, dtype))


def missing_functions(b: Content) -> dict[str, str]:
    """The elementwise functions and the dtypes that the namespace has not, each with the reason."""
    functions = sorted({entry.name for entry in table.values()})
    reasons = {name: "its framework has no such function" for name in functions if not found(b, name)}
    return reasons | {name: "its framework has no such numbers" for name in DTYPES if not hasattr(b.xp, name)}


def refusal(b: Content, name: str) -> UnsupportedError:
    """The error of something that the backend has not (`Backend.unsupported` tells why), with a way out."""
    reason = b.unsupported.get(name, "its framework has no such function or dtype")
    way = "; go on with x.to_backend('numpy')" if b.base.name != "numpy" else ""
    return UnsupportedError(f"{name} is not available on {b.base.name}: {reason}{way}")


def ranges(b: Backend, starts: Any, rows: Rows, step: int) -> Any:
    """Numbers from `starts` on for each of the rows: one count over all, shifted row by row."""
    shift = starts - (rows.starts if step == 1 else rows.starts * step)
    count = b.arange(rows.total)
    return b.repeat(shift, rows.lengths, rows.total) + (count if step == 1 else count * step)


def segment_min(b: Backend, x: Any, rows: Segments, identity: Any) -> Any:
    """The minimum as the maximum of what is negated: of integers bit by bit, as a number may have no negative; of
    unsigned ones by their distance from the largest, as not every framework inverts those."""
    dtype = b.dtype(x)
    if dtype.kind == "u":
        largest = dtype.type(np.iinfo(dtype).max)
        turned = b.segment_max(b.apply("subtract", largest, x), rows, largest - dtype.type(identity))
        return b.apply("subtract", largest, turned)
    if dtype.kind in "ib":
        negated = np.invert(np.asarray(identity, dtype))[()]
        return b.apply("invert", b.segment_max(b.apply("invert", x), rows, negated))
    return b.apply("negative", b.segment_max(b.apply("negative", x), rows, -identity))


def check_options(b: Backend, device: Any, precision: str | None) -> None:
    """A backend without options is asked for the CPU at most.

    Raises:
        UnsupportedError: another device, or an unknown precision.
    """
    if device not in (None, "cpu"):
        raise UnsupportedError(f"the {b.name} backend has no device {device!r}; its arrays live on the CPU")
    if precision not in (None, "float64"):
        raise UnsupportedError(f"precision={precision!r} is not known; say 'float64' or leave it out")


def no_compiler(b: Backend) -> UnsupportedError:
    """The error of a framework that compiles nothing, which nobody should have asked."""
    return UnsupportedError(f"the {b.base.name} backend compiles nothing; ragged.jit runs functions as they are there")


def no_native(b: Backend) -> UnsupportedError:
    """The error of a framework without ragged arrays."""
    return UnsupportedError(
        f"the {b.base.name} backend has no ragged arrays of its own; use ragged.to_padded for a dense one"
    )
