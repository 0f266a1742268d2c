"""Sizes inside a graph, and what the running program checks because nobody could check it while the graph was built."""

from __future__ import annotations

import operator
import weakref
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from ragged._capacity import Capacity
from ragged.errors import UnsupportedError
from ragged.sizes import SymbolicSize
from ragged_tensorflow._compat import is_symbolic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

__all__ = [
    "NOT_KNOWN",
    "NO_NONE",
    "Size",
    "bounded",
    "check",
    "checked",
    "dense_shape",
    "expect_some",
    "shape_of",
    "size_of",
    "tensor_of",
    "unchecked",
    "within",
]

_checks: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
"""For each graph the latest check made in it, which comes after all earlier ones."""

_omitted: ContextVar[bool | None] = ContextVar("ragged_tensorflow_unchecked", default=None)
"""Whether `ragged.jit` leaves the checks out of what it compiles; None in graphs of others."""


NOT_KNOWN = (
    "not known before the program runs: len, iteration, printing, conversions and Python's own `if` need it now; use "
    "operations of ragged (num, where, slices, fill_none), tf.cond, or take this step outside of tf.function"
)

NO_NONE = " of nothing is None, which no compiled program gives (mask_identity=False stands for it)"
"""What to say of a reduction of everything where there is nothing, after its name."""


class Size(SymbolicSize):
    """A size that is a 0-d int64 tensor of a graph; it computes as an int does."""

    __slots__ = ("tensor",)
    __array_ufunc__ = None  # NumPy leaves its operators to ours
    dtype = tf.int64
    shape = tf.TensorShape(())

    def __init__(self, tensor: Any) -> None:
        self.tensor = tensor

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> Any:
        return self.tensor if dtype in (None, tf.int64) else tf.cast(self.tensor, dtype)

    def expect(self, other: Any, what: str) -> None:
        check(tf.equal(self.tensor, tensor_of(other)), what, self.tensor, tensor_of(other))

    def at_least(self, least: int, what: str) -> None:
        check(self.tensor >= least, what, self.tensor)

    def minimum(self, other: Any) -> Size:
        return Size(tf.minimum(self.tensor, tensor_of(other)))

    def maximum(self, other: Any) -> Size:
        return Size(tf.maximum(self.tensor, tensor_of(other)))

    def __eq__(self, other: object) -> bool:
        """Whether the two are known to be equal; arrays and tensors compare one by one."""
        if hasattr(other, "ndim"):
            return other == self.tensor  # type: ignore[no-any-return]
        return self is other or (isinstance(other, Size) and self.tensor is other.tensor)

    def __ne__(self, other: object) -> bool:
        return other != self.tensor if hasattr(other, "ndim") else not self == other

    def __hash__(self) -> int:
        return id(self.tensor)

    def __neg__(self) -> Size:
        return Size(-self.tensor)

    def _unknown(self) -> Any:
        raise UnsupportedError(f"a size that depends on a tensor of this tf.function is {NOT_KNOWN}")

    __int__ = __index__ = __bool__ = __float__ = _unknown

    def __repr__(self) -> str:
        return "?"


def bounded(last: Any, upper: Any) -> Size:
    """A 0-d tensor as a size; the running program checks that it is no more than the caller said."""
    size = Size(last)
    if type(upper) is Capacity:
        upper.hold(size)
    return size


def tensor_of(size: Any) -> Any:
    """A size as a 0-d int64 tensor."""
    return size.tensor if isinstance(size, Size) else tf.constant(size, tf.int64)


def _computes(f: Callable[..., Any], compares: bool = False) -> tuple[Any, Any]:
    """The operator of a size and another one (a size again), a number or an array (a tensor), and its reflection."""

    def operate(x: Any, y: Any, other: Any) -> Any:
        if isinstance(other, np.ndarray) or (isinstance(other, tf.Tensor) and other.shape.rank != 0):
            return f(x, y)
        out = f(*(tf.cast(each, tf.int64) if isinstance(each, tf.Tensor) else each for each in (x, y)))
        return out if compares else Size(out)

    def forward(self: Size, other: Any) -> Any:
        return operate(self.tensor, other.tensor if isinstance(other, Size) else other, other)

    def reflected(self: Size, other: Any) -> Any:
        return operate(other.tensor if isinstance(other, Size) else other, self.tensor, other)

    return forward, reflected


for _name in ("add", "sub", "mul", "floordiv", "mod"):
    _forward, _reflected = _computes(getattr(operator, _name))
    setattr(Size, f"__{_name}__", _forward)
    setattr(Size, f"__r{_name}__", _reflected)
for _name in ("lt", "le", "gt", "ge"):
    setattr(Size, f"__{_name}__", _computes(getattr(operator, _name), True)[0])


def size_of(x: Any, axis: int = 0) -> Any:
    """The length of an axis: an int where it is known, else the tensor's own `Size`, the same one each time."""
    known = x.shape[axis]
    if known is not None:
        return known
    kept = x.__dict__.setdefault("_ragged_sizes", {})
    if axis not in kept:
        with x.graph.as_default():  # which may be outside of the branch or loop that asks first
            kept[axis] = Size(tf.shape(x, out_type=tf.int64)[axis])
    return kept[axis]


def within(x: Any) -> Any:
    """A tensor or size of another graph as this one knows it.

    A derivative of a loop's derivative reaches what the latter's own graph holds, not what it merely saw in the loop.
    """
    if isinstance(x, Size):
        return Size(within(x.tensor))
    elsewhere = is_symbolic(x) and x.graph is not tf.compat.v1.get_default_graph()
    return tf.identity(x) if elsewhere else x


def shape_of(x: Any) -> tuple[Any, ...]:
    """The sizes of all axes.

    Raises:
        UnsupportedError: a tensor whose number of axes is not known.
    """
    if x.shape.rank is None:
        raise UnsupportedError(
            "a tensor whose number of axes is not known is no array for ragged: say it with tf.ensure_shape"
        )
    return tuple(size_of(x, axis) for axis in range(x.shape.rank))


def dense_shape(shape: Any) -> Any:
    """A shape as TensorFlow takes it: as it is where all its sizes are known, else one tensor."""
    if any(isinstance(size, Size | tf.Tensor) for size in shape):
        return tf.stack([tensor_of(size) for size in shape])
    return tuple(shape)


def check(holds: Any, what: str, *values: Any) -> None:
    """Have the running program check a 0-d boolean; `what` and the values are what its error says."""
    if _omitted.get():
        return
    graph = tf.compat.v1.get_default_graph()
    with checked():
        _checks[graph] = tf.raw_ops.Assert(condition=holds, data=[what, *values])


def expect_some(count: Any, name: str) -> None:
    """Have a program of `ragged.jit` check that there is something; other graphs give the identity of a reduction."""
    if _omitted.get() is False:
        count = count.tensor if isinstance(count, Size) else count
        check(tf.cast(count, tf.bool), name + NO_NONE)


@contextmanager
def unchecked(omit: bool) -> Iterator[None]:
    """A scope in which the running program is given no checks, if so wanted."""
    token = _omitted.set(omit)
    try:
        yield
    finally:
        _omitted.reset(token)


def checked() -> AbstractContextManager[Any]:
    """A scope whose operations come after all checks made in this graph so far, so that it is theirs to fail first."""
    if tf.executing_eagerly():
        return nullcontext()
    latest = _checks.get(tf.compat.v1.get_default_graph())
    return nullcontext() if latest is None else tf.control_dependencies([latest])
