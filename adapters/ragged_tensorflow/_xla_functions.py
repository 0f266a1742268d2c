"""Elementwise functions of arrays with slack: nothing that is not a number comes of it, in values or slopes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from ragged.ufuncs import table
from ragged_tensorflow import _functions
from ragged_tensorflow._dtypes import cast
from ragged_tensorflow._sizes import within
from ragged_tensorflow._xla_padded import Padded, covers, data_of, fitted, lined_up, mask_of, padded, zeroed
from ragged_tensorflow._xla_sizes import Bounded

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["applied"]

ZERO_AT_ZERO = frozenset(
    (
        *("add", "subtract", "negative", "positive", "square", "absolute", "fabs", "sign", "conjugate", "real", "imag"),
        *("sin", "tan", "tanh", "sinh", "expm1", "log1p", "arcsin", "arctan", "arcsinh", "arctanh"),
        *("deg2rad", "rad2deg", "degrees", "radians", "floor", "ceil", "trunc", "rint"),
        *("maximum", "minimum", "fmax", "fmin", "not_equal", "less", "greater", "isnan", "isinf"),
        *("logical_and", "logical_or", "logical_xor", "bitwise_and", "bitwise_or", "bitwise_xor"),
    )
)
"""What is zero, with finite slopes, where all arguments are: zero slack stays zero."""

LINEAR = frozenset(("add", "subtract", "negative", "positive", "conjugate", "real", "imag"))
"""What has the same slopes everywhere: a derivative that is zero in the slack stays so."""

HARMLESS = ZERO_AT_ZERO | {
    *("multiply", "cos", "cosh", "exp", "exp2", "heaviside"),
    *("equal", "less_equal", "greater_equal", "logical_not", "isfinite", "invert"),
}
"""What is finite, with finite slopes, where all arguments with slack are zero."""


def applied(b: Backend, name: str, args: tuple[Any, ...], valid: Any) -> Any:
    """The function `name` of arguments some of which have slack; `valid` marks what counts besides."""
    name = table[name].name
    if valid is None and len(args) == 1 and is_inexact(args[0]) and not (args[0].clean and name in HARMLESS):
        (x,) = args
        return _wrapped(_functions.call(b, name, (guarded(x.mask, x.data),)), x.shape, False)
    if valid is None and name in LINEAR:
        datas, shape = lined_up(args, list(map(data_of, args)))
        is_clean = all(getattr(x, "clean", True) for x in args) and _stays_zero(name, args, shape)
        return _wrapped(_functions.call(b, name, tuple(datas)), shape, is_clean)
    if valid is None and (name in HARMLESS or _is_product(name, args)):
        datas, shape = lined_up(args, [zeroed(x) if type(x) is Padded else x for x in args])
        return _wrapped(_functions.call(b, name, tuple(datas)), shape, _stays_zero(name, args, shape))
    datas, shape = lined_up(args, list(map(data_of, args)))
    mask = _mask(shape, datas, valid)
    moved = [
        _chosen(mask, x, table[name].safe) if type(given) is Padded or _varies(x) else x
        for x, given in zip(datas, args, strict=True)
    ]
    out = _functions.call(b, name, tuple(moved))
    outs = tuple(_chosen(mask, y, 0) for y in (out if isinstance(out, tuple) else (out,)))
    return _wrapped(outs if isinstance(out, tuple) else outs[0], shape, True)


def guarded(mask: Any, x: Any) -> Any:
    """`x`, of whose derivative only what counts is used: a choice in front of a function would keep XLA from computing
    several numbers at once."""
    mask = within(mask)

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def run(x: Any) -> Any:
        return tf.identity(x), lambda g: tf.where(mask, g, tf.zeros((), g.dtype))

    return run(within(x))


def is_inexact(x: Any) -> bool:
    """Whether these are numbers with a fraction."""
    return bool(x.dtype.is_floating or x.dtype.is_complex)


def _chosen(mask: Any, x: Any, other: float) -> Any:
    """`x` where the mask says so, else a number."""
    x = tf.convert_to_tensor(x)
    return tf.where(mask, x, cast(tf.constant(other, tf.float64), x.dtype))


def _wrapped(out: Any, shape: tuple[Any, ...], clean: bool) -> Any:
    if isinstance(out, tuple):
        return tuple(padded(y, shape, clean) for y in out)
    return padded(out, shape, clean)


def _varies(x: Any) -> bool:
    """Whether an operand is an array, whose entries get a safe point each."""
    return isinstance(x, tf.Tensor | np.ndarray) and len(x.shape) > 0


def _mask(shape: tuple[Any, ...], datas: list[Any], valid: Any) -> Any:
    """The entries that count, to broadcast with the result."""
    capacities = np.broadcast_shapes(*(tuple(getattr(x, "shape", ())) for x in datas))
    mask = None
    if any(isinstance(size, Bounded) for size in shape):
        mask = mask_of(shape, capacities)
    if valid is None:
        return mask
    given = fitted(data_of(valid), capacities[0])
    given = tf.reshape(given, tuple(given.shape) + (1,) * (len(capacities) - 1))
    return given if mask is None else mask & given


def _is_product(name: str, args: tuple[Any, ...]) -> bool:
    """Whether it is a whole power, 1 or more, of numbers."""
    return name in ("power", "float_power") and isinstance(args[1], int | float) and args[1] >= 1 and args[1] % 1 == 0


def _stays_zero(name: str, args: tuple[Any, ...], shape: tuple[Any, ...]) -> bool:
    """Whether the result is zero in its slack."""
    if name == "multiply":
        one, other = args
        if covers(one, shape) and covers(other, shape):
            return True
        return any(
            covers(x, shape) and isinstance(y, bool | int | float | complex) and bool(np.isfinite(y))
            for x, y in ((one, other), (other, one))
        )
    if name in ZERO_AT_ZERO:
        return all(covers(x, shape) for x in args)
    return _is_product(name, args) and covers(args[0], shape)
