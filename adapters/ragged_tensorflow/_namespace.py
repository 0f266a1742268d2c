"""The array API standard's names over TensorFlow, which has most of the functions and few of the names."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import tensorflow as tf

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FUNCTIONS", "Namespace"]

RENAMED = {
    "abs": "abs",
    "acos": "acos",
    "acosh": "acosh",
    "add": "add",
    "argmax": "argmax",
    "asin": "asin",
    "asinh": "asinh",
    "atan": "atan",
    "atan2": "atan2",
    "atanh": "atanh",
    "bitwise_and": "bitwise.bitwise_and",
    "bitwise_invert": "bitwise.invert",
    "bitwise_left_shift": "bitwise.left_shift",
    "bitwise_or": "bitwise.bitwise_or",
    "bitwise_right_shift": "bitwise.right_shift",
    "bitwise_xor": "bitwise.bitwise_xor",
    "bool": "bool",
    "broadcast_to": "broadcast_to",
    "ceil": "math.ceil",
    "complex128": "complex128",
    "complex64": "complex64",
    "concat": "concat",
    "conj": "math.conj",
    "cos": "cos",
    "cosh": "cosh",
    "divide": "divide",
    "equal": "equal",
    "exp": "exp",
    "expm1": "math.expm1",
    "float16": "float16",
    "float32": "float32",
    "float64": "float64",
    "floor": "floor",
    "floor_divide": "math.floordiv",
    "full": "fill",
    "greater": "greater",
    "greater_equal": "greater_equal",
    "imag": "math.imag",
    "int16": "int16",
    "int32": "int32",
    "int64": "int64",
    "int8": "int8",
    "isfinite": "math.is_finite",
    "isinf": "math.is_inf",
    "isnan": "math.is_nan",
    "less": "less",
    "less_equal": "less_equal",
    "log": "math.log",
    "log1p": "math.log1p",
    "logical_and": "logical_and",
    "logical_not": "logical_not",
    "logical_or": "logical_or",
    "logical_xor": "math.logical_xor",
    "matmul": "matmul",
    "maximum": "maximum",
    "minimum": "minimum",
    "multiply": "multiply",
    "negative": "negative",
    "nextafter": "math.nextafter",
    "not_equal": "not_equal",
    "ones_like": "ones_like",
    "permute_dims": "transpose",
    "positive": "identity",
    "pow": "pow",
    "real": "math.real",
    "remainder": "math.floormod",
    "reshape": "reshape",
    "round": "round",
    "sign": "sign",
    "sin": "sin",
    "sinh": "sinh",
    "sqrt": "sqrt",
    "square": "square",
    "stack": "stack",
    "subtract": "subtract",
    "tan": "tan",
    "tanh": "tanh",
    "uint16": "uint16",
    "uint32": "uint32",
    "uint64": "uint64",
    "uint8": "uint8",
    "where": "where",
    "zeros_like": "zeros_like",
}
"""The standard's name of what TensorFlow has under another one."""


def reduction(f: Callable[..., Any]) -> Callable[..., Any]:
    """A reduction with the standard's names of its options."""

    def call(x: Any, /, *, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Any:
        return f(x if dtype is None else tf.cast(x, dtype), axis=axis, keepdims=keepdims)

    return call


def cumulative_sum(x: Any, /, *, axis: int = 0, dtype: Any = None, include_initial: bool = False) -> Any:
    """The running sum, with a 0 before it where that is asked for."""
    out = tf.cumsum(x if dtype is None else tf.cast(x, dtype), axis=axis)
    return tf.concat([tf.zeros_like(tf.gather(out, [0][: out.shape[axis]], axis=axis)), out], axis)


def arange(start: Any, /, stop: Any = None, step: Any = 1, *, dtype: Any = None) -> Any:
    """Evenly spaced numbers."""
    return tf.range(start, dtype=dtype) if stop is None else tf.range(start, stop, step, dtype=dtype)


def nonzero(x: Any, /) -> tuple[Any, ...]:
    """Where there are nonzero numbers, one index an axis."""
    return tuple(tf.unstack(tf.where(x), axis=1))


def asarray(x: Any, /, *, dtype: Any = None) -> Any:
    """A tensor."""
    return tf.convert_to_tensor(x) if dtype is None else tf.cast(tf.convert_to_tensor(x), dtype)


FUNCTIONS: dict[str, Any] = {
    "all": reduction(tf.reduce_all),
    "any": reduction(tf.reduce_any),
    "arange": arange,
    "asarray": asarray,
    "astype": lambda x, dtype, /, *, copy=True: tf.cast(x, dtype),
    "broadcast_shapes": lambda *shapes: tuple(tf.TensorShape(_broadcast(shapes))),
    "cumulative_sum": cumulative_sum,
    "flip": lambda x, /, *, axis=None: tf.reverse(x, list(range(len(x.shape))) if axis is None else [axis]),
    "max": reduction(tf.reduce_max),
    "mean": reduction(tf.reduce_mean),
    "min": reduction(tf.reduce_min),
    "nonzero": nonzero,
    "ones": lambda shape, /, *, dtype=tf.float64: tf.ones(shape, dtype),
    "prod": reduction(tf.reduce_prod),
    "repeat": lambda x, repeats, /, *, axis=None: tf.repeat(x, repeats, axis),
    "searchsorted": lambda x, v, /, *, side="left": tf.searchsorted(x, v, side, tf.int64),
    "sum": reduction(tf.reduce_sum),
    "take": lambda x, index, /, *, axis=0: tf.gather(x, index, axis=axis),
    "zeros": lambda shape, /, *, dtype=tf.float64: tf.zeros(shape, dtype),
}
"""What needs more than another name."""


def _broadcast(shapes: tuple[Any, ...]) -> Any:
    found = tf.TensorShape(())
    for shape in shapes:
        found = tf.broadcast_static_shape(found, tf.TensorShape(shape))
    return found


class Namespace:
    """The array namespace itself."""

    @cache  # noqa: B019 - there is one namespace, which lives as long as the process
    def __getattr__(self, name: str) -> Any:
        if name in FUNCTIONS:
            return FUNCTIONS[name]
        if name not in RENAMED:
            raise AttributeError(f"no function {name!r} of the array API standard over TensorFlow")
        found = tf
        for part in RENAMED[name].split("."):
            found = getattr(found, part)
        return found

    def __repr__(self) -> str:
        return "<the array API standard's names over TensorFlow>"
