"""Functions that look into a floating-point number: sign, exponent, neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["frexp", "ldexp", "nextafter", "signbit", "spacing", "widened"]

INTEGER = {tf.float16: tf.int16, tf.float32: tf.int32, tf.float64: tf.int64}
BIAS, MANTISSA, EXPONENT = 1023, 52, 0x7FF
INF = float("inf")


def widened(f: Callable[..., Any]) -> Callable[..., Any]:
    """`f` in double precision, for dtypes whose numbers it holds exactly."""

    def form(*args: Any) -> Any:
        return tf.cast(f(*[tf.cast(x, tf.float64) for x in args]), args[0].dtype)

    return form


def signbit(x: Any) -> Any:
    """Whether the sign is set, of zeros and NaN too."""
    return tf.bitcast(x, INTEGER[x.dtype]) < 0


def power_of_two(n: Any) -> Any:
    """2 to an int64 between -1022 and 1023, exact."""
    return tf.bitcast(tf.bitwise.left_shift(n + BIAS, tf.constant(MANTISSA, tf.int64)), tf.float64)


def ldexp(x: Any, n: Any) -> Any:
    """x times 2 to the n, in three steps: each factor is a number, however far n goes."""
    y, n = tf.cast(x, tf.float64), tf.clip_by_value(tf.cast(n, tf.int64), -3000, 3000)
    third = tf.math.floordiv(n, 3)
    for part in (third, third, n - 2 * third):
        y = y * power_of_two(part)
    return tf.cast(y, x.dtype)


def frexp(x: Any) -> tuple[Any, Any]:
    """A mantissa between ½ and 1, and an exponent of 2."""
    y = tf.cast(x, tf.float64)
    small = tf.abs(y) < 2.0**-1000
    y = tf.where(small, y * 2.0**100, y)
    bits = tf.bitcast(y, tf.int64)
    shift = tf.constant(MANTISSA, tf.int64)
    exponent = tf.bitwise.bitwise_and(tf.bitwise.right_shift(bits, shift), EXPONENT) - (BIAS - 1)
    rest = tf.bitwise.bitwise_and(bits, ~(EXPONENT << MANTISSA))
    mantissa = tf.bitcast(tf.bitwise.bitwise_or(rest, (BIAS - 1) << MANTISSA), tf.float64)
    plain = (y == 0) | ~tf.math.is_finite(y)
    exponent = tf.where(plain, tf.zeros_like(exponent), exponent - 100 * tf.cast(small, tf.int64))
    return tf.cast(tf.where(plain, y, mantissa), x.dtype), tf.cast(exponent, tf.int32)


def nextafter(x: Any, y: Any) -> Any:
    """The next number from x on in the direction of y."""
    if x.dtype != tf.float16:
        return tf.math.nextafter(x, y)
    bits = tf.bitcast(x, tf.int16)
    away = (y > x) == (x > 0)
    one = tf.ones_like(bits)
    moved = tf.bitcast(tf.where(away, bits + one, bits - one), tf.float16)
    least = tf.bitcast(one, tf.float16)
    moved = tf.where(x == 0, tf.where(y > 0, least, -least), moved)
    return tf.where((x != x) | (y != y), x + y, tf.where(x == y, y, moved))


def spacing(x: Any) -> Any:
    """The distance to the next number away from zero, with the sign of x."""
    size = tf.abs(x)
    gap = nextafter(size, tf.constant(INF, x.dtype)) - size
    return tf.where(signbit(x), -gap, gap)
