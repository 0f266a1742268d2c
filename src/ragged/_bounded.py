"""Sizes in a program of static shapes: a number that only the running program knows, and what it never exceeds."""

from __future__ import annotations

import operator
from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from ragged.errors import UnsupportedError
from ragged.sizes import SymbolicSize

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BoundedSize", "capacity_of", "is_one", "is_prefix", "rest_of", "value_of"]


class BoundedSize(SymbolicSize):
    """`root + shift`, where `root` is an integer of the program and not negative; at most `capacity`.

    An adapter's own says how its framework compares and checks numbers.
    """

    __slots__ = ("capacity", "root", "shift")
    __array_ufunc__ = None  # NumPy leaves its operators to ours
    ndim = 0
    not_known: str
    """Why nobody has the number yet, and what to do instead."""

    def __init__(self, root: Any, capacity: int, shift: int = 0) -> None:
        self.root, self.capacity, self.shift = root, max(capacity, 0), shift

    @staticmethod
    @abstractmethod
    def least(x: Any, y: Any) -> Any:
        """The smaller of two numbers of the program."""

    @staticmethod
    @abstractmethod
    def most(x: Any, y: Any) -> Any:
        """The larger of two numbers of the program."""

    @staticmethod
    @abstractmethod
    def check(bad: Any, what: str) -> Any:
        """Have the program report a 0-d boolean that is true."""

    @staticmethod
    @abstractmethod
    def is_array(x: Any) -> bool:
        """Whether this is an array, of which each entry meets the size."""

    @property
    def value(self) -> Any:
        """The number, as the program has it."""
        return self.root + self.shift if self.shift else self.root

    def expect(self, other: Any, what: str) -> None:
        self.check(self.value != value_of(other), what)

    def at_least(self, least: int, what: str) -> None:
        self.check(self.value < least, what)

    def minimum(self, other: Any) -> Any:
        if self == other:
            return self
        if type(other) is int and other <= self.shift:
            return other  # the root is not negative
        return type(self)(self.least(self.value, value_of(other)), min(self.capacity, capacity_of(other)))

    def maximum(self, other: Any) -> Any:
        if self == other or (type(other) is int and other <= self.shift):
            return self  # the root is not negative
        return type(self)(self.most(self.value, value_of(other)), max(self.capacity, capacity_of(other)))

    def __eq__(self, other: object) -> bool:
        """Whether the two are known to be equal; arrays compare one by one."""
        if hasattr(other, "ndim") and not isinstance(other, BoundedSize):
            return other == self.value  # type: ignore[no-any-return]
        return self is other or (
            isinstance(other, BoundedSize) and self.root is other.root and self.shift == other.shift
        )

    def __ne__(self, other: object) -> bool:
        if hasattr(other, "ndim") and not isinstance(other, BoundedSize):
            return other != self.value  # type: ignore[no-any-return]
        return not self == other

    def __hash__(self) -> int:
        return hash((id(self.root), self.shift))

    def __add__(self, other: Any) -> Any:
        if isinstance(other, int):
            return type(self)(self.root, self.capacity + int(other), self.shift + int(other)) if other else self
        return self._with(operator.add, other, lambda capacity: self.capacity + capacity)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        if isinstance(other, int):
            return self + -int(other)
        if isinstance(other, BoundedSize) and other.root is self.root:
            return self.shift - other.shift
        return self._with(operator.sub, other, lambda capacity: self.capacity)

    def __rsub__(self, other: Any) -> Any:
        return self._with(lambda x, y: y - x, other, lambda capacity: capacity)

    def __mul__(self, other: Any) -> Any:
        if type(other) is int and other == 1:
            return self
        return self._with(operator.mul, other, lambda capacity: self.capacity * capacity)

    __rmul__ = __mul__

    def __floordiv__(self, other: Any) -> Any:
        if type(other) is int and other == 1:
            return self
        return self._with(operator.floordiv, other, lambda least: self.capacity // least if least else self.capacity)

    def __mod__(self, other: Any) -> Any:
        return self._with(operator.mod, other, lambda capacity: min(self.capacity, capacity))

    def __neg__(self) -> Any:
        return -self.value

    def _with(self, f: Callable[..., Any], other: Any, capacity: Callable[[int], int]) -> Any:
        """Of two sizes a size; of a size and an array an array."""
        if isinstance(other, BoundedSize):
            most = 0 if f is operator.floordiv else other.capacity
            return type(self)(f(self.value, other.value), capacity(most))
        if isinstance(other, int | np.integer):
            return type(self)(f(self.value, int(other)), capacity(int(other)))
        return f(self.value, other) if self.is_array(other) else NotImplemented

    def _unknown(self) -> Any:
        raise UnsupportedError(f"a size that depends on the arguments is {self.not_known}")

    __int__ = __index__ = __bool__ = __float__ = _unknown

    def __repr__(self) -> str:
        return f"at most {self.capacity}"


def _compares(f: Callable[..., Any]) -> Callable[..., Any]:
    def compare(self: BoundedSize, other: Any) -> Any:
        return f(self.value, value_of(other))

    return compare


for _name in ("lt", "le", "gt", "ge"):
    setattr(BoundedSize, f"__{_name}__", _compares(getattr(operator, _name)))


def value_of(size: Any) -> Any:
    """A size as a number, known or not."""
    return size.value if isinstance(size, BoundedSize) else size


def capacity_of(size: Any) -> int:
    """What a size never exceeds."""
    return size.capacity if isinstance(size, BoundedSize) else int(size)


def rest_of(old: tuple[Any, ...], new: tuple[Any, ...]) -> Any:
    """What -1 stands for in a new shape."""
    total: Any = 1
    for size in old:
        total = size * total
    for size in new:
        if not (type(size) is int and size == -1):
            total = total if type(size) is int and size == 1 else total // size
    return total


def is_prefix(shape: tuple[Any, ...]) -> bool:
    """Whether what counts comes first in memory: the only size comes after axes of length 1."""
    first = next((axis for axis, size in enumerate(shape) if isinstance(size, BoundedSize) or size != 1), len(shape))
    return not any(isinstance(size, BoundedSize) for size in shape[first + 1 :])


def is_one(size: Any) -> bool:
    """Whether an axis stretches."""
    return not isinstance(size, BoundedSize) and size == 1
