"""How many elements an operation may make: what `capacity=` says of what grows."""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING, Any

from ragged.errors import DTypeError, OutOfRangeError
from ragged.rows import Rows
from ragged.sizes import is_known

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["Capacity", "grown"]


class Capacity:
    """At most `most` elements, as the caller of `name` says. Compiled code of fixed sizes has room for so many."""

    __slots__ = ("most", "name")

    def __init__(self, name: str, most: int) -> None:
        self.name, self.most = name, most

    @classmethod
    def of(cls, name: str, capacity: Any) -> Capacity | None:
        """What the caller gave for `capacity`; None where that is None.

        Raises:
            DTypeError: no integer.
            OutOfRangeError: a negative one.
        """
        if capacity is None:
            return None
        try:
            most = index(capacity)
        except TypeError:
            raise DTypeError(f"{name}: capacity is a number of elements, not {capacity!r:.80}") from None
        if most < 0:
            raise OutOfRangeError(f"{name}: capacity={most} is negative")
        return cls(name, most)

    def hold(self, total: Any) -> None:
        """Raise where there are more elements than the caller said, or have the running program check it.

        Raises:
            OutOfRangeError: names the number needed.
        """
        if not is_known(total):
            (self.most - total).at_least(0, self.exceeded())
        elif total > self.most:
            raise OutOfRangeError(self.exceeded(total))

    def exceeded(self, total: Any = "the") -> str:
        """What to say of too many elements."""
        return f"{self.name}: {total} elements are more than capacity={self.most}; give a larger one, or leave it out"


def grown(ops: Backend, lengths: Any, capacity: Capacity | None) -> Rows:
    """Rows of lengths that nothing but the caller bounds."""
    rows = Rows.from_lengths(ops, lengths, upper=capacity)
    if capacity is not None and is_known(rows.total):  # what is not was checked where it was bounded
        capacity.hold(rows.total)
    return rows
