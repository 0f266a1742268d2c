"""Sizes: ints, or numbers that only the running program will know (`SymbolicSize`, inside a TensorFlow graph).

A symbolic size computes, but decides nothing: `==` tells whether two sizes are known to be equal, and everything that
needs the number itself (`int`, `bool`, an order) raises. Where the core compares sizes it asks the functions below.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

__all__ = ["SymbolicSize", "clipped", "common_shape", "common_size", "differ", "is_known", "larger", "smaller"]


class SymbolicSize(ABC):
    """A size that is known when the program runs; adapters whose framework builds graphs derive theirs from it."""

    __slots__ = ()

    @abstractmethod
    def expect(self, other: Any, what: str) -> None:
        """Have the running program check that the two sizes are equal; `what` is what its error says."""

    @abstractmethod
    def at_least(self, least: int, what: str) -> None:
        """Have the running program check that the size is not below `least`."""

    @abstractmethod
    def minimum(self, other: Any) -> Any:
        """The smaller of the two sizes."""

    @abstractmethod
    def maximum(self, other: Any) -> Any:
        """The larger of the two sizes."""


def is_known(size: Any) -> bool:
    """Whether a size is a number now."""
    return type(size) is int or not isinstance(size, SymbolicSize)


def differ(a: Any, b: Any, what: str) -> bool:
    """Whether two sizes that should be equal differ.

    Where one of them is not known yet the answer is no, and the running program checks it: `what` is its error's text.
    """
    if a is b or a == b:
        return False
    if isinstance(a, SymbolicSize):
        a.expect(b, what)
        return False
    if isinstance(b, SymbolicSize):
        b.expect(a, what)
        return False
    return True


def smaller(a: Any, b: Any) -> Any:
    """The smaller of two sizes."""
    if isinstance(a, SymbolicSize):
        return a.minimum(b)
    return b.minimum(a) if isinstance(b, SymbolicSize) else min(a, b)


def larger(a: Any, b: Any) -> Any:
    """The larger of two sizes."""
    if type(a) is int and type(b) is int:
        return a if a > b else b
    if isinstance(a, SymbolicSize):
        return a.maximum(b)
    return b.maximum(a) if isinstance(b, SymbolicSize) else max(a, b)


def clipped(key: slice, length: Any) -> tuple[Any, Any, int, Any]:
    """Start, stop and step of a slice of `length` entries (Python's own rule), and how many entries it selects.

    With a positive step, start and stop are a range within the axis (start <= stop).
    """
    if is_known(length):
        start, stop, step = key.indices(length)
        return start, max(start, stop) if step > 0 else stop, step, len(range(start, stop, step))
    step = 1 if key.step is None else key.step
    low, high = (0, length) if step > 0 else (-1, length - 1)

    def edge(bound: int | None, default: Any) -> Any:
        if bound is None:
            return default
        return smaller(bound, high) if bound >= 0 else larger(length + bound, low)

    start, stop = edge(key.start, low if step > 0 else high), edge(key.stop, high if step > 0 else low)
    if step > 0:
        stop = larger(start, stop)
        return start, stop, step, (stop - start + (step - 1)) // step
    return start, stop, step, larger((start - stop + (-step - 1)) // -step, 0)


def common_shape(shapes: Any, what: str) -> tuple[Any, ...]:
    """The shape that dense values have together, aligned at the right; axes known to be 1 stretch.

    Raises:
        ValueError: shapes that do not fit.
    """
    ndim = max(map(len, shapes))
    columns = zip(*((1,) * (ndim - len(shape)) + tuple(shape) for shape in shapes), strict=True)
    return tuple(common_size(sizes, what) for sizes in columns)


def common_size(sizes: Any, what: str) -> Any:
    """The one size that several have; those known to be 1 stretch.

    Raises:
        ValueError: two of them differ.
    """
    several = [size for size in sizes if size != 1]
    found = next(filter(is_known, several), several[0] if several else 1)
    if any(differ(size, found, what) for size in several):
        raise ValueError(f"{what}: sizes {' and '.join(map(str, several))}")
    return found
