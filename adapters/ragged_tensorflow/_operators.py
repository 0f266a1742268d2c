"""TensorFlow's own elementwise functions and operators of an Array: `tensor * x` and `tf.exp(x)` are arrays, too.

Left alone, TensorFlow would make a dense tensor of an array that happens to be regular, and refuse all others.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from ragged.array import Array
from ragged.elementwise import elementwise
from ragged_tensorflow._compat import make_dispatchable

__all__ = ["register"]

BINARY = {
    "_add_dispatch": "add",
    "add": "add",
    "atan2": "arctan2",
    "bitwise_and": "bitwise_and",
    "bitwise_or": "bitwise_or",
    "bitwise_xor": "bitwise_xor",
    "divide": "divide",
    "equal": "equal",
    "floor_div": "floor_divide",
    "floor_mod": "remainder",
    "floordiv": "floor_divide",
    "greater": "greater",
    "greater_equal": "greater_equal",
    "left_shift": "left_shift",
    "less": "less",
    "less_equal": "less_equal",
    "logical_and": "logical_and",
    "logical_or": "logical_or",
    "logical_xor": "logical_xor",
    "maximum": "maximum",
    "minimum": "minimum",
    "multiply": "multiply",
    "not_equal": "not_equal",
    "pow": "power",
    "real_div": "divide",
    "right_shift": "right_shift",
    "subtract": "subtract",
    "tensor_equals": "equal",
    "tensor_not_equals": "not_equal",
    "truediv": "divide",
}
UNARY = {
    "abs": "absolute",
    "acos": "arccos",
    "acosh": "arccosh",
    "asin": "arcsin",
    "asinh": "arcsinh",
    "atan": "arctan",
    "atanh": "arctanh",
    "ceil": "ceil",
    "conj": "conjugate",
    "cos": "cos",
    "cosh": "cosh",
    "exp": "exp",
    "expm1": "expm1",
    "floor": "floor",
    "imag": "imag",
    "invert": "invert",
    "is_finite": "isfinite",
    "is_inf": "isinf",
    "is_nan": "isnan",
    "log": "log",
    "log1p": "log1p",
    "logical_not": "logical_not",
    "neg": "negative",
    "real": "real",
    "reciprocal": "reciprocal",
    "rint": "rint",
    "round": "round",
    "sign": "sign",
    "sin": "sin",
    "sinh": "sinh",
    "sqrt": "sqrt",
    "square": "square",
    "tan": "tan",
    "tanh": "tanh",
}
"""TensorFlow's functions, by the names that they have in its source, and NumPy's."""

OTHERS = (tf.Tensor, tf.Variable, bool, int, float, complex, np.ndarray, np.generic)


def register() -> None:
    """Make TensorFlow ask ragged about arrays (once a process)."""
    if not make_dispatchable(Array):
        return
    for other in (Array, *OTHERS):
        tf.experimental.dispatch_for_binary_elementwise_apis(Array, other)(binary)
        if other is not Array:
            tf.experimental.dispatch_for_binary_elementwise_apis(other, Array)(binary)
    tf.experimental.dispatch_for_unary_elementwise_apis(Array)(unary)
    # Operators that are not among TensorFlow's elementwise functions; their reflections are ragged's own.
    operators = tf.__operators__
    tf.experimental.dispatch_for_api(operators.add, {"x": tf.Tensor, "y": Array})(added)
    tf.experimental.dispatch_for_api(operators.eq, {"self": tf.Tensor, "other": Array})(equal)
    tf.experimental.dispatch_for_api(operators.ne, {"self": tf.Tensor, "other": Array})(not_equal)


def added(x: Any, y: Any, name: str | None = None) -> Any:
    """A tensor plus an array."""
    return elementwise("add", x, y)


def equal(self: Any, other: Any) -> Any:
    """Where a tensor equals an array."""
    return elementwise("equal", self, other)


def not_equal(self: Any, other: Any) -> Any:
    """Where a tensor does not equal an array."""
    return elementwise("not_equal", self, other)


def binary(api: Any, x: Any, y: Any) -> Any:
    """What `api` stands for, or nothing of ours."""
    name = BINARY.get(getattr(api, "__name__", ""))
    return NotImplemented if name is None else elementwise(name, x, y)


def unary(api: Any, x: Any) -> Any:
    """What `api` stands for, or nothing of ours."""
    name = UNARY.get(getattr(api, "__name__", ""))
    return NotImplemented if name is None else elementwise(name, x)
