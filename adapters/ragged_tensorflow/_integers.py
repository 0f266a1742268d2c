"""Functions of integers and booleans with NumPy's values: division by zero is 0, shifts past the end empty a number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "bitwise",
    "bitwise_count",
    "compared",
    "divmod_",
    "fmod",
    "gcd",
    "lcm",
    "left_shift",
    "power",
    "reciprocal",
    "right_shift",
]

R = tf.raw_ops
UNSIGNED = {tf.int8: tf.uint8, tf.int16: tf.uint16, tf.int32: tf.uint32, tf.int64: tf.uint64}


def bitwise(integers: Callable[..., Any], booleans: Callable[..., Any]) -> Callable[..., Any]:
    """Bit by bit, which of booleans is a logical function."""
    return lambda *args: (booleans if args[0].dtype.is_bool else integers)(*args)


def compared(f: Callable[..., Any], x: Any, y: Any) -> Any:
    """A comparison of int64 with uint64: a negative number is less than any other."""
    if x.dtype == tf.uint64:
        negative = y < 0
        return tf.where(negative, f(1, 0), f(x, tf.bitcast(y, tf.uint64)))
    negative = x < 0
    return tf.where(negative, f(0, 1), f(tf.bitcast(x, tf.uint64), y))


def magnitude(x: Any) -> Any:
    """The absolute value, unsigned: the least signed number has no other."""
    if x.dtype not in UNSIGNED:
        return x
    return tf.bitcast(tf.where(x < 0, -x, x), UNSIGNED[x.dtype])


def bitwise_count(x: Any) -> Any:
    """The number of ones in the absolute value."""
    x = tf.cast(x, tf.uint8) if x.dtype.is_bool else magnitude(x)
    if x.dtype == tf.uint64:
        x = tf.bitcast(x, tf.int64)
    elif x.dtype == tf.uint32:
        x = tf.bitcast(x, tf.int32)
    return R.PopulationCount(x=x)


def divmod_(x: Any, y: Any) -> tuple[Any, Any]:
    """Quotient towards minus infinity and remainder. By -1 nothing is divided: of the least number it overflows."""
    zero = y == 0
    odd = zero if x.dtype.is_unsigned else zero | (y == -1)
    safe = tf.where(odd, tf.ones_like(y), y)
    nothing = tf.zeros_like(x + y)
    quotient = tf.where(zero, nothing, tf.where(odd, nothing - x, tf.math.floordiv(x, safe)))
    return quotient, tf.where(odd, nothing, tf.math.floormod(x, safe))


def fmod(x: Any, y: Any) -> Any:
    """The remainder with the sign of x."""
    if x.dtype.is_unsigned:
        return divmod_(x, y)[1]
    odd = (y == 0) | (y == -1)
    wide = tf.int64
    rest = R.TruncateMod(x=tf.cast(x, wide), y=tf.cast(tf.where(odd, tf.ones_like(y), y), wide))
    return tf.where(odd, tf.zeros_like(x + y), tf.cast(rest, x.dtype))


def power(x: Any, n: Any) -> Any:
    """A power modulo the width."""
    wide = tf.bitcast if x.dtype == tf.uint64 else tf.cast
    return wide(tf.pow(wide(x, tf.int64), wide(n, tf.int64)), x.dtype) if x.dtype.is_unsigned else tf.pow(x, n)


def reciprocal(x: Any) -> Any:
    """The quotient of 1."""
    one = x == 1 if x.dtype.is_unsigned else (x == 1) | (x == -1)
    return tf.where(one, x, tf.zeros_like(x))


def euclid(x: Any, y: Any) -> Any:
    """The greatest common divisor of unsigned numbers."""
    nothing = tf.zeros_like(x + y)

    def step(x: Any, y: Any) -> tuple[Any, Any]:
        done = y == 0
        return tf.where(done, x, y), tf.where(done, y, tf.math.floormod(x, tf.where(done, tf.ones_like(y), y)))

    return tf.while_loop(lambda x, y: tf.reduce_any(y != 0), step, [x + nothing, y + nothing])[0]


def gcd(x: Any, y: Any) -> Any:
    """The greatest common divisor."""
    if x.dtype.is_bool:
        return x | y
    return tf.cast(euclid(magnitude(x), magnitude(y)), x.dtype)


def lcm(x: Any, y: Any) -> Any:
    """The least common multiple, 0 with 0."""
    u, v = magnitude(x), magnitude(y)
    divisor = euclid(u, v)
    return tf.cast(tf.math.floordiv(u, tf.where(divisor == 0, tf.ones_like(divisor), divisor)) * v, x.dtype)


def fits(x: Any, n: Any) -> tuple[Any, Any]:
    """Whether a shift stays within the number, and shifts that do."""
    inside = n < 8 * x.dtype.size if x.dtype.is_unsigned else (n >= 0) & (n < 8 * x.dtype.size)
    return inside, tf.where(inside, n, tf.zeros_like(n))


def left_shift(x: Any, n: Any) -> Any:
    """Past the end 0."""
    inside, n = fits(x, n)
    shifted = tf.bitwise.left_shift(x, n)
    return tf.where(inside, shifted, tf.zeros_like(shifted))


def right_shift(x: Any, n: Any) -> Any:
    """Past the end 0, or -1 of a negative number."""
    inside, n = fits(x, n)
    shifted = tf.bitwise.right_shift(x, n)
    end = tf.zeros_like(x) if x.dtype.is_unsigned else tf.where(x < 0, -tf.ones_like(x), tf.zeros_like(x))
    return tf.where(inside, shifted, end)
