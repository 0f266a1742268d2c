"""Values of NumPy's elementwise functions in TensorFlow, where it has not the very same function.

Derivatives are not looked at here: `_functions` takes them from the library's own table.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from ragged_tensorflow import _bits, _integers

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FORMS"]

R = tf.raw_ops
NAN, INF = float("nan"), float("inf")


def number(value: Any, x: Any) -> Any:
    """A constant in the dtype of `x`."""
    return tf.constant(value, x.dtype)


def is_inexact(x: Any) -> bool:
    """Whether the numbers are real or complex, not integers."""
    return bool(x.dtype.is_floating or x.dtype.is_complex)


def by_kind(real: Any, complex_: Any, integer: Any) -> Callable[..., Any]:
    """One form for floats, one for complex numbers, one for integers."""

    def form(*args: Any) -> Any:
        dtype = args[0].dtype
        return (real if dtype.is_floating else complex_ if dtype.is_complex else integer)(*args)

    return form


def unsigned_or(f: Callable[..., Any], unsigned: Callable[..., Any]) -> Callable[..., Any]:
    """`unsigned` where there is no kernel, else `f`."""
    return lambda x: (unsigned if x.dtype.is_unsigned else f)(x)


def by_parts(f: Callable[..., Any]) -> Callable[..., Any]:
    """`f` of the real and the imaginary part."""
    return lambda x: tf.complex(f(tf.math.real(x)), f(tf.math.imag(x)))


def before(x: Any, y: Any) -> Any:
    """Whether a complex x comes before y: by real part, then by imaginary part."""
    u, v = tf.math.real(x), tf.math.real(y)
    return (u < v) | ((u == v) & (tf.math.imag(x) < tf.math.imag(y)))


def ordered(f: Callable[..., Any], wide: Callable[..., Any]) -> Callable[..., Any]:
    """An order relation; `wide` is it for complex numbers."""

    def form(x: Any, y: Any) -> Any:
        if x.dtype != y.dtype:  # int64 and uint64, which NumPy compares exactly
            return _integers.compared(f, x, y)
        return wide(x, y) if x.dtype.is_complex else f(x, y)

    return form


def equality(f: Callable[..., Any]) -> Callable[..., Any]:
    """Equality, also of int64 and uint64."""
    return lambda x, y: f(x, y) if x.dtype == y.dtype else _integers.compared(f, x, y)


def extremum(f: Callable[..., Any], first: Callable[..., Any]) -> Callable[..., Any]:
    """Maximum or minimum; of complex numbers, where `first` tells that x is it. NaN wins."""

    def form(x: Any, y: Any) -> Any:
        if not x.dtype.is_complex:
            return f(x, y)
        return tf.where((x != x) | (first(x, y) & (y == y)), x, y)

    return form


def trunc(x: Any) -> Any:
    """The part before the point."""
    return tf.where(x < 0, tf.math.ceil(x), tf.floor(x))


def copysign(x: Any, y: Any) -> Any:
    """The magnitude of x with the sign of y."""
    return tf.where(_bits.signbit(y), -tf.abs(x), tf.abs(x))


def hypot(x: Any, y: Any) -> Any:
    """Without overflow on the way."""
    x, y = tf.abs(x), tf.abs(y)
    largest = tf.maximum(x, y)
    scale = tf.where((largest > 0) & tf.math.is_finite(largest), largest, number(1, x))
    root = scale * tf.sqrt(tf.square(x / scale) + tf.square(y / scale))
    return tf.where(tf.math.is_inf(x) | tf.math.is_inf(y), number(INF, x), root)


def cbrt(x: Any) -> Any:
    """A power, and one step of Newton's."""
    zero = (x == 0) | ~tf.math.is_finite(x)
    safe = tf.where(zero, number(1, x), x)
    root = tf.sign(safe) * tf.pow(tf.abs(safe), number(1 / 3, x))
    return tf.where(zero, x, root - (root - safe / (root * root)) / 3)


def power(x: Any, n: Any) -> Any:
    """Of complex numbers 0 to the 0 is 1, and to positive powers 0."""
    if not x.dtype.is_complex:
        return tf.pow(x, n)
    zero = x == 0
    of_zero = tf.where(n == 0, number(1, x), tf.where(tf.math.real(n) > 0, number(0, x), number(complex(NAN, NAN), x)))
    return tf.where(zero, of_zero, tf.pow(tf.where(zero, number(1, x), x), n))


def quotient(x: Any, y: Any) -> Any:
    """Of complex numbers by the larger part of the divisor, so that zeros and infinities divide as in NumPy."""
    a, b, c, d = tf.math.real(x), tf.math.imag(x), tf.math.real(y), tf.math.imag(y)
    turned = tf.abs(c) < tf.abs(d)
    large, small = tf.where(turned, d, c), tf.where(turned, c, d)
    ratio = small / large
    scale = 1 / (large + small * ratio)
    real = tf.where(turned, a * ratio + b, a + b * ratio) * scale
    imaginary = tf.where(turned, b * ratio - a, b - a * ratio) * scale
    zero, size = large == 0, tf.abs(large)
    return tf.complex(tf.where(zero, a / size, real), tf.where(zero, b / size, imaginary))


def fmod(x: Any, y: Any) -> Any:
    """The remainder of the quotient towards zero."""
    return R.TruncateMod(x=x, y=y) if x.dtype != tf.float16 else _bits.widened(fmod)(x, y)


def divmod_(x: Any, y: Any) -> tuple[Any, Any]:
    """Quotient towards minus infinity and remainder, exact as Python's."""
    rest = fmod(x, y)
    quotient = (x - rest) / y
    down = (rest != 0) & ((y < 0) != (rest < 0))
    quotient = tf.where(down, quotient - 1, quotient)
    floor = tf.floor(quotient)
    floor = tf.where(quotient - floor > 0.5, floor + 1, floor)
    floor = tf.where(quotient == 0, copysign(tf.zeros_like(quotient), x / y), floor)
    rest = tf.where(
        rest == 0, copysign(tf.zeros_like(quotient), y + tf.zeros_like(rest)), tf.where(down, rest + y, rest)
    )
    by_zero = y == 0
    return tf.where(by_zero, x / y, floor), tf.where(by_zero, number(NAN, x), rest)


def logaddexp(x: Any, y: Any, base: float = math.e) -> Any:
    """log(b^x + b^y) without overflow; of equal infinities themselves."""
    gap = tf.where(x == y, tf.zeros_like(x + y), -tf.abs(x - y))
    scale = number(math.log(base), x)
    return tf.maximum(x, y) + tf.math.log1p(tf.exp(gap * scale)) / scale


def heaviside(x: Any, half: Any) -> Any:
    """NaN of NaN."""
    return tf.where(x == 0, half, tf.where(x != x, x, tf.cast(x > 0, x.dtype)))


def modf(x: Any) -> tuple[Any, Any]:
    """The part behind the point (0 of an infinity) and the part before it, each with the sign."""
    whole = trunc(x)
    return copysign(tf.where(tf.math.is_inf(x), tf.zeros_like(x), x - whole), x), whole


def fmax(x: Any, y: Any) -> Any:
    """The other one where one is NaN."""
    return tf.where(x != x, y, tf.where(y != y, x, FORMS["maximum"](x, y)))


def fmin(x: Any, y: Any) -> Any:
    """The other one where one is NaN."""
    return tf.where(x != x, y, tf.where(y != y, x, FORMS["minimum"](x, y)))


def scaled(factor: float) -> Callable[..., Any]:
    """Times a constant."""
    return lambda x: x * number(factor, x)


def finite(x: Any) -> Any:
    """Whether neither part is NaN or infinite; all integers are finite."""
    if x.dtype.is_complex:
        return finite(tf.math.real(x)) & finite(tf.math.imag(x))
    return tf.math.is_finite(x) if x.dtype.is_floating else x == x


def infinite(x: Any) -> Any:
    """Whether a part is infinite."""
    if x.dtype.is_complex:
        return infinite(tf.math.real(x)) | infinite(tf.math.imag(x))
    return tf.math.is_inf(x) if x.dtype.is_floating else x != x


FORMS: dict[str, Callable[..., Any]] = {
    "absolute": unsigned_or(tf.abs, tf.identity),
    "add": lambda x, y: R.AddV2(x=x, y=y),
    "arccos": tf.acos,
    "arccosh": tf.acosh,
    "arcsin": tf.asin,
    "arcsinh": tf.asinh,
    "arctan": tf.atan,
    "arctan2": tf.atan2,
    "arctanh": tf.atanh,
    "bitwise_and": _integers.bitwise(tf.bitwise.bitwise_and, tf.logical_and),
    "bitwise_count": _integers.bitwise_count,
    "bitwise_or": _integers.bitwise(tf.bitwise.bitwise_or, tf.logical_or),
    "bitwise_xor": _integers.bitwise(tf.bitwise.bitwise_xor, tf.math.logical_xor),
    "cbrt": cbrt,
    "ceil": by_kind(tf.math.ceil, None, tf.identity),
    "clip": lambda x, low, high: FORMS["minimum"](FORMS["maximum"](x, low), high),
    "conjugate": tf.math.conj,
    "copysign": copysign,
    "cos": tf.cos,
    "cosh": tf.cosh,
    "deg2rad": scaled(math.pi / 180),
    "degrees": scaled(180 / math.pi),
    "divide": lambda x, y: quotient(x, y) if x.dtype.is_complex else R.RealDiv(x=x, y=y),
    "divmod": by_kind(divmod_, None, _integers.divmod_),
    "equal": equality(tf.equal),
    "exp": lambda x: R.Exp(x=x),
    "exp2": lambda x: tf.pow(number(2, x), x),
    "expm1": tf.math.expm1,
    "fabs": tf.abs,
    "float_power": power,
    "floor": by_kind(tf.floor, None, tf.identity),
    "floor_divide": by_kind(lambda x, y: divmod_(x, y)[0], None, lambda x, y: _integers.divmod_(x, y)[0]),
    "fmax": fmax,
    "fmin": fmin,
    "fmod": by_kind(fmod, None, _integers.fmod),
    "frexp": _bits.frexp,
    "gcd": _integers.gcd,
    "greater": ordered(tf.greater, lambda x, y: before(y, x)),
    "greater_equal": ordered(tf.greater_equal, lambda x, y: before(y, x) | (x == y)),
    "heaviside": heaviside,
    "hypot": hypot,
    "imag": lambda x: tf.math.imag(x) if x.dtype.is_complex else tf.zeros_like(x),
    "invert": _integers.bitwise(tf.bitwise.invert, tf.logical_not),
    "isfinite": finite,
    "isinf": infinite,
    "isnan": lambda x: x != x,
    "lcm": _integers.lcm,
    "ldexp": _bits.ldexp,
    "left_shift": _integers.left_shift,
    "less": ordered(tf.less, before),
    "less_equal": ordered(tf.less_equal, lambda x, y: before(x, y) | (x == y)),
    "log": tf.math.log,
    "log10": lambda x: tf.math.log(x) / number(math.log(10), x),
    "log1p": tf.math.log1p,
    "log2": lambda x: tf.math.log(x) / number(math.log(2), x),
    "logaddexp": logaddexp,
    "logaddexp2": lambda x, y: logaddexp(x, y, 2.0),
    "logical_and": tf.logical_and,
    "logical_not": tf.logical_not,
    "logical_or": tf.logical_or,
    "logical_xor": tf.math.logical_xor,
    "maximum": extremum(tf.maximum, lambda x, y: ~before(x, y)),
    "minimum": extremum(tf.minimum, lambda x, y: ~before(y, x)),
    "modf": modf,
    "multiply": lambda x, y: R.Mul(x=x, y=y),
    "negative": unsigned_or(tf.negative, lambda x: tf.zeros_like(x) - x),
    "nextafter": _bits.nextafter,
    "not_equal": equality(tf.not_equal),
    "positive": tf.identity,
    "power": by_kind(power, power, _integers.power),
    "rad2deg": scaled(180 / math.pi),
    "radians": scaled(math.pi / 180),
    "real": lambda x: tf.math.real(x) if x.dtype.is_complex else x,
    "reciprocal": by_kind(
        lambda x: 1 / x, lambda x: tf.where(x == 0, 1 / x, quotient(tf.ones_like(x), x)), _integers.reciprocal
    ),
    "remainder": by_kind(lambda x, y: divmod_(x, y)[1], None, lambda x, y: _integers.divmod_(x, y)[1]),
    "right_shift": _integers.right_shift,
    "rint": by_kind(tf.round, by_parts(tf.round), tf.identity),
    "round": by_kind(tf.round, by_parts(tf.round), tf.identity),
    "sign": unsigned_or(tf.sign, lambda x: tf.cast(x != 0, x.dtype)),
    "signbit": _bits.signbit,
    "sin": tf.sin,
    "sinh": tf.sinh,
    "spacing": _bits.spacing,
    "sqrt": lambda x: R.Sqrt(x=x),
    "square": lambda x: R.Square(x=x),
    "subtract": lambda x, y: R.Sub(x=x, y=y),
    "tan": tf.tan,
    "tanh": lambda x: R.Tanh(x=x),
    "trunc": by_kind(trunc, None, tf.identity),
}
