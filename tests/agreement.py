"""What "the same" means: ragged's results against Awkward's, in value and in type."""

from __future__ import annotations

import math
from typing import Any

import awkward as ak
import numpy as np

import ragged
from ragged.registry import ORDER, backend_of_dense

OURS = [name for name in ragged.available() if name in ORDER]
"""Installed backends of the library itself; a third party's runs the conformance suite (`test_conformance.py`)."""


def same_values(a: Any, b: Any, rtol: float = 1e-12) -> bool:
    """Nested lists, dicts and numbers equal, NaN to NaN, floats to `rtol`."""
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(same_values(x, y, rtol) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same_values(a[k], b[k], rtol) for k in a)
    if isinstance(a, np.inexact) and isinstance(b, np.inexact):  # the wide ones, which are no Python numbers
        a, b = complex(a), complex(b)
    if isinstance(a, float | complex) and isinstance(b, float | complex | int):
        if isinstance(a, complex) or isinstance(b, complex):
            a, b = complex(a), complex(b)
            return same_values(a.real, b.real, rtol) and same_values(a.imag, b.imag, rtol)
        return (math.isnan(a) and math.isnan(b)) or a == b or abs(a - b) <= rtol * max(abs(a), abs(b))
    if a is None or b is None:
        return a is b
    return bool(a == b)


def plain(x: Any) -> tuple[Any, str]:
    """Values as Python objects, and the type as a string ("float64" for a 0-d value)."""
    if isinstance(x, ragged.Array):
        return x.to_list(), str(x.type)
    if isinstance(x, ragged.Record):
        return x.to_list(), str(x.type)
    if isinstance(x, ak.Array | ak.Record):
        return x.to_list(), str(x.type)
    if x is None or isinstance(x, str | bytes):
        return x, type(x).__name__
    if isinstance(x, tuple | list):
        return [plain(y)[0] for y in x], str([plain(y)[1] for y in x])
    owner = backend_of_dense(x)
    x = np.asarray(x if owner is None else owner.to_numpy(x))  # CuPy's become NumPy's only where they are told to
    return x.tolist(), str(x.dtype) if x.ndim == 0 else f"{' * '.join(map(str, x.shape))} * {x.dtype}"


def assert_same(actual: Any, expected: Any, rtol: float = 1e-12) -> None:
    """Values and type of `actual` (ragged) equal those of `expected` (Awkward, NumPy or plain)."""
    (values, kind), (wanted, wanted_kind) = plain(actual), plain(expected)
    report = f"\n got {values}\nwant {wanted}\n got type {kind}\nwant type {wanted_kind}"
    assert same_values(values, wanted, rtol), report
    assert kind == wanted_kind, report


def outcome(f: Any, *args: Any, **kwargs: Any) -> tuple[Any, Exception | None]:
    """A call's result, or the error that it raised."""
    try:
        return f(*args, **kwargs), None
    except (ValueError, TypeError, IndexError, NotImplementedError, AttributeError, AssertionError) as error:
        return None, error


def assert_agrees(ours: Any, theirs: Any) -> None:
    """Both calls give the same values and type, or both raise (each given as a function of nothing)."""
    (actual, error), (expected, wanted) = outcome(ours), outcome(theirs)
    if wanted is not None:
        assert error is not None, f"Awkward raises {type(wanted).__name__}: {wanted}\nragged gives {plain(actual)}"
        return
    if error is not None:
        report = f"ragged raises {type(error).__name__}: {error}\nAwkward gives {plain(expected)}"
        raise AssertionError(report) from error
    assert_same(actual, expected)


def both(program: Any, *data: Any) -> None:
    """`program(library, *arrays)` gives the same values and types from ragged (on the backend in use) and Awkward, or
    both raise."""
    theirs = [ak.Array(x) for x in data]
    ours = [ragged.Array(x) for x in data]

    def compared(library: Any, arrays: list[Any]) -> Any:
        result = program(library, *arrays)
        return list(result) if isinstance(result, tuple) else result

    assert_agrees(lambda: compared(ragged, ours), lambda: compared(ak, theirs))
