"""Size classes: the capacity that stands for a size, so that arrays of nearly one size share compiled code."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Any

from ragged.errors import DTypeError, OutOfRangeError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["LEAST", "chooser", "size_class"]

LEAST = 8
"""The smallest class, and how many classes there are a doubling."""


def size_class(n: int) -> int:
    """The least size of eight a doubling (…, 16, 18, 20, …, 32, 36, …) that is not below `n`.

    Beyond 8, less than an eighth of `n` is padding.

    >>> [size_class(n) for n in (3, 9, 17, 100, 1000)]
    [8, 9, 18, 104, 1024]
    """
    if n <= LEAST:
        return LEAST
    step = 1 << max((n - 1).bit_length() - 4, 0)
    return -(-n // step) * step


def of_list(sizes: Sequence[int]) -> Callable[[int], int]:
    """The least of the sizes that is not below `n`."""
    if not sizes or any(type(size) is not int for size in sizes) or list(sizes) != sorted(set(sizes)) or sizes[0] < 1:
        raise DTypeError(f"buckets is an ascending list of positive sizes or a function of a size, not {sizes!r}")

    def choose(n: int) -> int:
        place = bisect_left(sizes, n)
        if place == len(sizes):
            raise OutOfRangeError(f"a size of {n} is beyond the last of the buckets, {sizes[-1]}; add a larger one")
        return sizes[place]

    return choose


def of_function(f: Callable[[int], Any]) -> Callable[[int], int]:
    """What a caller's function says, if that can hold `n`."""

    def choose(n: int) -> int:
        capacity = f(n)
        if not isinstance(capacity, int) or capacity < max(n, 1):
            raise OutOfRangeError(
                f"buckets({n}) is {capacity!r}; a capacity is an int, at least 1 and not below the size"
            )
        return capacity

    return choose


def chooser(buckets: Any) -> Callable[[int], int]:
    """The function from a size to its capacity that `buckets` stands for: None, a function, or ascending sizes.

    Raises:
        DTypeError: it is none of these.
    """
    if buckets is None:
        return size_class
    if callable(buckets):
        return of_function(buckets)
    if isinstance(buckets, list | tuple):
        return of_list(tuple(buckets))
    raise DTypeError(f"buckets is an ascending list of positive sizes or a function of a size, not {buckets!r}")
