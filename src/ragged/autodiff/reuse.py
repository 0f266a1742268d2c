"""Memory on the way back: a cotangent that nothing else refers to is written over, not copied.

References are counted to NumPy arrays in lists that the engine made itself, so that nobody who holds one is missed;
results of users' code are never counted on the interpreter's stack.
"""

from __future__ import annotations

from sys import getrefcount
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["combined", "is_exclusive"]

WORTH = 4096
"""Elements from which on an array's memory is worth looking whether it is free."""


def is_exclusive(x: np.ndarray[Any, Any]) -> bool:
    """Whether the array is no view: it owns its memory, or is the only one that a backend has given it to."""
    return bool(x.flags.owndata or getattr(x.base, "exclusive", False))


def references(cell: list[Any]) -> int:
    """How many references there are to the one value of a list, in this function's own way of counting."""
    return getrefcount(cell[0])


ALONE = references([np.empty(0)])


def is_free(cell: list[Any]) -> bool:
    """Whether the list alone refers to its array, and the array alone to its memory."""
    return (
        type(cell[0]) is np.ndarray
        and cell[0].size >= WORTH
        and references(cell) == ALONE
        and is_exclusive(cell[0])
        and cell[0].flags.writeable
    )


def combined(b: Backend, name: str, x: list[Any], y: list[Any]) -> Any:
    """The elementwise function of the values of two lists, written over one of them that nothing else refers to.

    >>> from ragged.registry import get_backend
    >>> combined(get_backend("numpy"), "add", [1.0], [2.0])
    np.float64(3.0)
    """
    for cell in (y, x):
        if is_free(cell):
            return b.apply_over(cell[0], name, x[0], y[0])
    return b.apply(name, x[0], y[0])
