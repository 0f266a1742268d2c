"""What a check compares, and how it says what was expected."""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING, Any

import numpy as np

import ragged
from ragged.errors import RaggedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ragged.backend import Backend

__all__ = ["Checks", "expect", "expect_array", "expect_same", "raises", "same_values"]

Checks = dict[str, "Callable[[Backend], None]"]
"""Checks by name; each takes the backend in use."""


MANY = 24
"""How many numbers a message shows at most."""
SUBNORMAL = 1e-300
"""Frameworks may take so small a number for 0."""


def expect(condition: Any, wanted: str) -> None:
    """Fail, saying what was expected, unless the condition holds."""
    if not condition:
        raise AssertionError(f"expected {wanted}")


def expect_array(b: Backend, actual: Any, wanted: Any, what: str, rtol: float = 0.0) -> None:
    """The dense value has the shape, dtype and values of a NumPy array (NaN equals NaN)."""
    wanted = np.asarray(wanted)
    expect(b.owns(actual), f"{what} to be an array of the backend, not a {type(actual).__name__}")
    expect(b.dtype(actual) == wanted.dtype, f"{what} to have dtype {wanted.dtype}, not {b.dtype(actual)}")
    found = np.asarray(b.to_numpy(actual))
    expect(found.dtype == wanted.dtype, f"{what} as NumPy to have dtype {wanted.dtype}, not {found.dtype}")
    expect(found.shape == wanted.shape, f"{what} to have shape {wanted.shape}, not {found.shape}")
    close = np.isclose(found, wanted, rtol, 0, equal_nan=True) if wanted.dtype.kind in "fc" else found == wanted
    if not np.all(close):
        at = "" if wanted.size <= MANY else f" where they differ, at {np.argwhere(~close)[:MANY].tolist()}"
        shown = (wanted, found) if wanted.size <= MANY else (wanted[~close][:MANY], found[~close][:MANY])
        raise AssertionError(f"expected {what} to be {shown[0].tolist()}, not {shown[1].tolist()}{at}")


def same_values(x: Any, y: Any, rtol: float, atol: float = SUBNORMAL) -> bool:
    """Nested lists, dicts and numbers equal, NaN to NaN, floats to `rtol` (or `atol`)."""
    if isinstance(x, list | tuple) and isinstance(y, list | tuple):
        return len(x) == len(y) and all(same_values(u, v, rtol, atol) for u, v in zip(x, y, strict=True))
    if isinstance(x, dict) and isinstance(y, dict):
        return x.keys() == y.keys() and all(same_values(x[key], y[key], rtol, atol) for key in x)
    if isinstance(x, float | complex) and isinstance(y, float | complex):
        u, v = complex(x), complex(y)
        tolerance = max(rtol * abs(v) if math.isfinite(abs(v)) else 0, atol)
        return all(close(p, q, tolerance) for p, q in zip(parts(u), parts(v), strict=True))
    return type(x) is type(y) and bool(x == y)


def parts(z: complex) -> tuple[float, float]:
    """Real and imaginary part."""
    return z.real, z.imag


def close(x: float, y: float, tolerance: float) -> bool:
    """Whether two numbers are equal within the tolerance, or the same infinity, or both NaN."""
    return x == y or (math.isnan(x) and math.isnan(y)) or abs(x - y) <= tolerance


def plain(x: Any) -> tuple[Any, str]:
    """Values as Python objects, and the type as a string."""
    if isinstance(x, ragged.Array | ragged.Record):
        return x.to_list(), str(x.type)
    if x is None or isinstance(x, str | bytes | bool | int | float | complex):
        return x, type(x).__name__
    if isinstance(x, tuple | list):
        return [plain(y)[0] for y in x], str([plain(y)[1] for y in x])
    if isinstance(x, dict):
        return {key: plain(y)[0] for key, y in x.items()}, str({key: plain(y)[1] for key, y in x.items()})
    array = ragged.to_numpy(x)
    return array.tolist(), " * ".join([*map(str, array.shape), str(array.dtype)])


def expect_same(actual: Any, wanted: Any, rtol: float = 1e-12) -> None:
    """Both results (arrays, records, dense values, tuples of them) have the same values and the same type."""
    (values, kind), (wanted_values, wanted_kind) = plain(actual), plain(wanted)
    expect(kind == wanted_kind, f"type {wanted_kind}, not {kind}")
    rtol = 1e-5 if "float32" in wanted_kind else rtol
    expect(same_values(values, wanted_values, rtol), f"{wanted_values}, not {values}")


@contextlib.contextmanager
def raises(kind: type[Exception], *words: str) -> Iterator[None]:
    """The block raises an error of that kind, whose message has these words in it."""
    try:
        yield
    except kind as error:
        missing = [word for word in words if word.lower() not in str(error).lower()]
        expect(not missing, f"an error that names {', '.join(map(repr, missing))}, not: {error}")
        expect(isinstance(error, RaggedError), f"a RaggedError, not {type(error).__name__}")
    else:
        raise AssertionError(f"expected {kind.__name__}; nothing was raised")
