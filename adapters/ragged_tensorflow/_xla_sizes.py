"""Sizes in a program of XLA: a number that the running program knows, and the capacity that it never exceeds."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from ragged.errors import UnsupportedError
from ragged.sizes import SymbolicSize
from ragged_tensorflow._xla_checks import WAY_OUT, check

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["NOT_KNOWN", "Bounded", "capacity_of", "value_of"]

NOT_KNOWN = (
    "not known while ragged.jit compiles the function: len, iteration, printing, conversions and Python's own `if` "
    "need it now; use operations of ragged (num, where, slices, fill_none), tf.cond, or take this step outside of it"
)


class Bounded(SymbolicSize):
    """`root + shift`, where `root` is a 0-d int64 tensor; at most `capacity`."""

    __slots__ = ("capacity", "root", "shift")
    __array_ufunc__ = None  # NumPy leaves its operators to ours
    shape = tf.TensorShape(())
    ndim = 0
    dtype = tf.int64

    def __init__(self, root: Any, capacity: int, shift: int = 0) -> None:
        self.root, self.capacity, self.shift = root, max(capacity, 0), shift

    @property
    def value(self) -> Any:
        """The number, as a tensor."""
        return self.root + self.shift if self.shift else self.root

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> Any:
        return self.value if dtype in (None, tf.int64) else tf.cast(self.value, dtype)

    def expect(self, other: Any, what: str) -> None:
        check(self.value != value_of(other), what)

    def at_least(self, least: int, what: str) -> None:
        check(self.value < least, what)

    def minimum(self, other: Any) -> Any:
        if self == other:
            return self
        if type(other) is int and other <= self.shift:
            return other  # the root is not negative
        return Bounded(tf.minimum(self.value, value_of(other)), min(self.capacity, capacity_of(other)))

    def maximum(self, other: Any) -> Any:
        if self == other or (type(other) is int and other <= self.shift):
            return self  # the root is not negative
        return Bounded(tf.maximum(self.value, value_of(other)), max(self.capacity, capacity_of(other)))

    def __eq__(self, other: object) -> bool:
        """Whether the two are known to be equal; arrays compare one by one."""
        if hasattr(other, "ndim") and not isinstance(other, Bounded):
            return other == self.value  # type: ignore[no-any-return]
        return self is other or (isinstance(other, Bounded) and self.root is other.root and self.shift == other.shift)

    def __ne__(self, other: object) -> bool:
        return other != self.value if hasattr(other, "ndim") and not isinstance(other, Bounded) else not self == other

    def __hash__(self) -> int:
        return hash((id(self.root), self.shift))

    def __add__(self, other: Any) -> Any:
        if isinstance(other, int):
            return Bounded(self.root, self.capacity + int(other), self.shift + int(other)) if other else self
        return self._with(operator.add, other, lambda capacity: self.capacity + capacity)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        if isinstance(other, int):
            return self + -int(other)
        if isinstance(other, Bounded) and other.root is self.root:
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
        if isinstance(other, Bounded):
            most = 0 if f in (operator.floordiv,) else other.capacity
            return Bounded(f(self.value, other.value), capacity(most))
        if isinstance(other, int | np.integer):
            return Bounded(f(self.value, int(other)), capacity(int(other)))
        if isinstance(other, np.ndarray | tf.Tensor) or hasattr(other, "data"):
            return f(self.value, other)
        return NotImplemented

    def _unknown(self) -> Any:
        raise UnsupportedError(f"a size that depends on the arguments is {NOT_KNOWN}; or {WAY_OUT}")

    __int__ = __index__ = __bool__ = __float__ = _unknown

    def __repr__(self) -> str:
        return f"at most {self.capacity}"


def _compares(f: Callable[..., Any]) -> Callable[..., Any]:
    def compare(self: Bounded, other: Any) -> Any:
        return f(self.value, value_of(other))

    return compare


for _name in ("lt", "le", "gt", "ge"):
    setattr(Bounded, f"__{_name}__", _compares(getattr(operator, _name)))


def value_of(size: Any) -> Any:
    """A size as a number, known or a tensor."""
    return size.value if isinstance(size, Bounded) else size


def capacity_of(size: Any) -> int:
    """What a size never exceeds."""
    return size.capacity if isinstance(size, Bounded) else int(size)
