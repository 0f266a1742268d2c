"""What the checks are run on: small, and few shapes, because a framework that compiles does so for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import ragged
from ragged.rows import Groups, Rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragged.backend import Backend

__all__ = [
    *("DTYPES", "FEW", "FLOATS", "IDS", "INF", "KINKS", "NAN", "OFFSETS", "SMOOTH", "VALUES"),
    *("dense", "dtypes", "groups_on", "rows_on", "sample"),
]

NAN, INF = np.nan, np.inf
OFFSETS = np.array([0, 0, 3, 3, 5, 6, 6])
"""Empty segments at the beginning, in the middle and at the end."""
DTYPES = [
    "bool",
    "int8",
    "int32",
    "int64",
    "uint8",
    "uint64",
    "float16",
    "float32",
    "float64",
    "complex64",
    "complex128",
]
FEW = ("int8", "int64", "float32", "complex128")
"""For what treats all dtypes alike: a framework that compiles does so for each."""
VALUES = np.array([2.0, 1.0, 2.0, 0.0, 3.0, 1.0])
IDS = np.array([2, 0, 3, 0, 4, 2])
"""Segments in no order; 4 is slack where there are 4 of them."""


def dense(b: Backend, x: Any) -> Any:
    """A NumPy array on the backend, in memory of its own: what is written to it no other check sees."""
    return b.asarray(np.array(x))


def dtypes(b: Backend, kinds: str = "biufc", names: Sequence[str] = DTYPES) -> list[np.dtype[Any]]:
    """The dtypes of these kinds that the backend has."""
    return [np.dtype(name) for name in names if name not in b.unsupported and np.dtype(name).kind in kinds]


def rows_on(b: Backend, offsets: Any = OFFSETS) -> Rows:
    """A row partition where the backend has its structure."""
    ops = b.home()
    return Rows(ops, ops.asarray(offsets.astype(np.int64)))


def groups_on(b: Backend, ids: Any = IDS, nrows: int = 4) -> Groups:
    """Unordered segments where the backend has its structure."""
    return Groups(b.home().asarray(ids), nrows)


SMOOTH = ("rows", "missing")
"""Samples of floats without ties or zeros: differences of a program are what they should be."""
KINKS = ("ties", "missing ties")
"""Samples of floats with ties, zeros and equal values."""
FLOATS = (*SMOOTH, *KINKS)
LISTS: dict[str, Any] = {
    "rows": [[1.5, -2.1, 0.7], [], [0.31, 0.4], [-1.2]],
    "missing": [[1.5, None, 0.7], [], [None, 0.4], [2.5]],
    "ties": [[1.0, 1.0, 0.0], [], [0.0, 0.0], [2.0]],
    "missing ties": [[0.0, 0.0, None], [], [1.0, 1.0], [None]],
    "ints": [[3, -1, 2], [], [0, 5], [7]],
    "bools": [[True, False, True], [], [False, False], [True]],
    "deep": [[[1.5, -2.1, 0.7], []], [], [[0.31, 0.4], [-1.2]]],
}


def sample(name: str) -> Any:
    """One of the arrays that operations are run on, on the backend in use."""
    if name == "single":
        return ragged.values_astype(sample("rows"), "float32")
    if name == "nothing":
        return ragged.from_lengths(np.zeros(0), [0, 0])
    if name == "dates":
        return ragged.Array(np.array(["2026-11-22", "NaT"], "M8[D]"))
    return ragged.Array(LISTS[name])
