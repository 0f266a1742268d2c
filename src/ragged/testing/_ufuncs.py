"""Sample arguments for every elementwise function, made from its table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import ragged
from ragged.testing._operations import Operation
from ragged.ufuncs import table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ragged.ufuncs import Function

__all__ = ["elementwise"]

PARTIAL = {
    *("log", "log2", "log10", "log1p", "sqrt", "arcsin", "arccos", "arccosh", "arctanh", "reciprocal", "power"),
    *("float_power", "divide", "floor_divide", "remainder", "fmod", "divmod"),
}
"""Functions that are not defined everywhere: they are taken near a point of their domain."""
OTHERWISE = frozenset({"clip", "isnat"})
"""Functions that the table of operations shows, or that take no numbers."""


def elementwise() -> Iterator[Operation]:
    """One operation for every elementwise function, each under its first name."""
    for name, entry in sorted(table.items()):
        if name == entry.name and name not in OTHERWISE:
            yield operation(name, entry)
    yield Operation("isnat", "elementwise", ragged.isnat, ("dates",), smooth=False)


def operation(name: str, entry: Function) -> Operation:
    """The function of floats where it takes them, else of integers."""
    function: Callable[..., Any] = getattr(ragged, name)
    loops = entry.numpy.types if isinstance(entry.numpy, np.ufunc) else ["d->d"]
    if not any(loop[0] == "d" for loop in loops):
        return Operation(name, "elementwise", of_integers(function, entry), ("ints",), smooth=False)
    smooth = any(entry.vjps) or any(map(any, entry.parts))
    return Operation(name, "elementwise", of_floats(function, name, entry), smooth=smooth)


def of_integers(function: Callable[..., Any], entry: Function) -> Callable[[Any], Any]:
    """The function of an array of integers (and a small one)."""
    return function if entry.nin == 1 else lambda x: function(x, ragged.absolute(x) % 3)


def of_floats(function: Callable[..., Any], name: str, entry: Function) -> Callable[[Any], Any]:
    """The function of an array of floats (and another)."""
    if name == "ldexp":
        return lambda x: function(x, ragged.local_index(x))
    if name not in PARTIAL:
        return function if entry.nin == 1 else lambda x: function(x, 0.5 * x + 0.25)
    if entry.nin == 1:
        return lambda x: function(entry.safe + x / 8)
    return lambda x: function(2.1 + x / 2, 1.6 - x / 4)
