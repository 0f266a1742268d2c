"""Python's operators on arrays with slack: arithmetic, comparisons, and what stands in brackets."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from ragged.errors import UnsupportedError
from ragged.sizes import clipped
from ragged_tensorflow._xla_checks import compilation
from ragged_tensorflow._xla_padded import NOT_DENSE, Padded, data_of, lined_up, padded, sliced
from ragged_tensorflow._xla_sizes import Bounded, value_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["install"]


def selected(x: Any, key: Any) -> Any:
    """What `x[key]` gives: slices, entries (within the array, as XLA has it), new axes, an array of positions."""
    keys = key if isinstance(key, tuple) else (key,)
    axis = 0
    for i, each in enumerate(keys):
        if each is Ellipsis:
            axis = x.ndim - sum(later is not None for later in keys[i + 1 :])
        elif each is None:
            shape = (*x.shape[:axis], 1, *x.shape[axis:])
            x = padded(tf.expand_dims(data_of(x), axis), shape, getattr(x, "clean", False))
            axis += 1
        elif isinstance(each, slice):
            x = x if each == slice(None) else sliced_along(x, each, axis)
            axis += 1
        elif getattr(each, "ndim", 0):
            if len(keys) > 1 or each.ndim > 1 or not is_index(each):
                raise UnsupportedError(NOT_DENSE)
            return compilation().b.take(x, inside(each, x.shape[0]))
        else:
            x = entry_along(x, each, axis)
    return x


def sliced_along(x: Any, key: slice, axis: int) -> Any:
    """A slice along one axis."""
    n = x.shape[axis]
    if not isinstance(n, Bounded):
        data = data_of(x)[(slice(None),) * axis + (key,)]
        return padded(data, (*x.shape[:axis], data.shape[axis], *x.shape[axis + 1 :]), getattr(x, "clean", False))
    if axis:
        order = (axis, *(each for each in range(x.ndim) if each != axis))
        back = tuple(np.argsort(order).tolist())
        b = compilation().b
        return b.permute_dims(sliced_along(b.permute_dims(x, order), key, 0), back)
    if key.step is not None and value_of(key.step) < 0:
        if (key.start, key.stop) != (None, None):
            raise UnsupportedError(f"backwards from somewhere within; {NOT_DENSE}")
        return sliced_along(compilation().b.home().xp.flip(x), slice(None, None, -key.step), 0)
    start, stop, step, _ = clipped(key, n)
    return sliced(x, start, stop, step)


def entry_along(x: Any, i: Any, axis: int) -> Any:
    """One entry of an axis."""
    n = x.shape[axis]
    at = value_of(n + i if isinstance(i, int) and i < 0 else i)
    if isinstance(n, Bounded) and not (type(i) is int and i in (0, -1)):
        at = inside(at, n)
    found = tf.gather(data_of(x), at, axis=axis)
    return padded(found, x.shape[:axis] + x.shape[axis + 1 :], getattr(x, "clean", False))


def inside(at: Any, n: Any) -> Any:
    """Positions that are counted from the end where they are negative, none of them beyond the array."""
    data, n = tf.cast(data_of(at), tf.int64), tf.cast(value_of(n), tf.int64)
    inside = tf.clip_by_value(tf.where(data < 0, data + n, data), 0, tf.maximum(n - 1, 0))
    return padded(inside, at.shape) if type(at) is Padded else inside


def is_index(x: Any) -> bool:
    """Whether these are positions."""
    dtype = data_of(x).dtype
    return bool(dtype.is_integer)


CONTENT = {"truediv": "true_divide", "pow": "power"}
FUNCTIONS = {
    **{"add": "add", "sub": "subtract", "mul": "multiply", "floordiv": "floor_divide", "mod": "remainder"},
    **{"lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal", "eq": "equal", "ne": "not_equal"},
    **CONTENT,
}


def _operator(name: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """An operator of structure (of numbers: the function), and its reflection."""
    f = getattr(operator, name if name.startswith("__") else f"__{name}__")

    def run(x: Any, y: Any) -> Any:
        if name in CONTENT or any(map(_is_inexact, (x, y))):
            return compilation().b.apply(FUNCTIONS.get(name, name), x, y)
        datas, shape = lined_up((x, y), [data_of(x), data_of(y)])
        return padded(f(*_of_one_kind(datas)), shape)

    def forward(self: Any, other: Any) -> Any:
        return run(self, other)

    def reflected(self: Any, other: Any) -> Any:
        return run(other, self)

    return forward, reflected


def _of_one_kind(datas: list[Any]) -> list[Any]:
    """Truth values that meet numbers as numbers."""
    is_truth = [isinstance(x, bool | np.bool_) or getattr(x, "dtype", None) == tf.bool for x in datas]
    return (
        datas
        if all(is_truth)
        else [tf.cast(x, tf.int64) if truth else x for x, truth in zip(datas, is_truth, strict=True)]
    )


def _is_inexact(x: Any) -> bool:
    """Whether these are numbers with a fraction."""
    dtype = getattr(x, "dtype", None)
    if isinstance(dtype, tf.DType):
        return bool(dtype.is_floating or dtype.is_complex)
    return isinstance(x, float | complex) or (dtype is not None and dtype.kind in "fc")


def install() -> None:
    """Give arrays with slack their operators."""
    for name in ("add", "sub", "mul", "floordiv", "mod", "and", "or", "xor", "truediv", "pow"):
        forward, reflected = _operator(name)
        setattr(Padded, f"__{name}__", forward)
        setattr(Padded, f"__r{name}__", reflected)
    for name in ("lt", "le", "gt", "ge", "eq", "ne"):
        setattr(Padded, f"__{name}__", _operator(name)[0])
    methods = {
        "getitem": selected,
        "matmul": lambda x, y: compilation().b.matmul(x, y),
        "rmatmul": lambda x, y: compilation().b.matmul(y, x),
        "invert": lambda x: padded(~x.data, x.shape),
        "neg": lambda x: padded(-x.data, x.shape),
    }
    for name, method in methods.items():
        setattr(Padded, f"__{name}__", method)
