"""Elementwise functions whose form in jax.numpy has another value than NumPy's, or another slope than the library's.

Each is made of where, sign and functions that JAX differentiates as `ragged.ufuncs` says, so it holds in forward and
reverse mode and to every order. At a kink the argument is moved to a harmless place first, and the result that does
not count is dropped afterwards: dropping it alone would leave NaN in the gradient.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax import lax

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FORMS"]


def is_inexact(x: Any) -> bool:
    """Whether the numbers are real or complex, not integers or booleans."""
    return bool(jnp.issubdtype(x.dtype, jnp.inexact))


def is_complex(x: Any) -> bool:
    """Whether the numbers are complex."""
    return bool(jnp.issubdtype(x.dtype, jnp.complexfloating))


def change(x: Any) -> Any:
    """Zero, with the slope of `x`: gives a value that is computed otherwise its derivative."""
    return jnp.where(jnp.isfinite(x), x - lax.stop_gradient(x), 0)


def moved(x: Any) -> Any:
    """A `change` that is x itself where x is not finite: for a value that is x or NaN there, whose slope stays."""
    return jnp.where(jnp.isfinite(x), x - lax.stop_gradient(x), x)


def sloped(zero: Any, slope: Any) -> Any:
    """`zero` (a `change`) times a slope; an infinite one in two steps, as zero times infinity is NaN."""
    infinite, most = jnp.isinf(slope), jnp.finfo(slope.dtype).max  # type: ignore[no-untyped-call]
    return zero * jnp.where(infinite, jnp.copysign(most, slope), slope) * jnp.where(infinite, most, 1)


def absolute(x: Any) -> Any:
    """Slope 0 at 0."""
    if is_complex(x):
        zero = x == 0
        return jnp.where(zero, 0, jnp.abs(jnp.where(zero, 1, x)))
    return x * jnp.sign(x) if is_inexact(x) else jnp.abs(x)


def sign(x: Any) -> Any:
    """A complex number's direction, which turns with it."""
    if not is_complex(x):
        return jnp.sign(x)
    zero = x == 0
    safe = jnp.where(zero, 1, x)
    return jnp.where(zero, 0, safe / jnp.abs(safe))


def copysign(x: Any, y: Any) -> Any:
    """Slope 0 where x is 0."""
    return x * jnp.sign(x) * jnp.copysign(jnp.ones((), x.dtype), lax.stop_gradient(y))


def fmax(x: Any, y: Any) -> Any:
    """Ties share the slope, as in maximum; two NaN have all of it both."""
    other = jnp.where(jnp.isnan(y), x + y, y)
    return jnp.where(jnp.isnan(x), other, jnp.where(jnp.isnan(y), x, jnp.maximum(x, y)))


def fmin(x: Any, y: Any) -> Any:
    """Ties share the slope, as in minimum; two NaN have all of it both."""
    other = jnp.where(jnp.isnan(y), x + y, y)
    return jnp.where(jnp.isnan(x), other, jnp.where(jnp.isnan(y), x, jnp.minimum(x, y)))


def clip(x: Any, low: Any, high: Any) -> Any:
    """Slope 1 at the bounds; NaN bounds win, and the upper one over the lower; none of NaN."""
    raised = jnp.where((x < low) | (low != low), low, x)
    clipped = jnp.where((raised > high) | (high != high), high, raised)
    return jnp.where(clipped != clipped, lax.stop_gradient(clipped), clipped)


def arctan2(y: Any, x: Any) -> Any:
    """Slope 0 at the origin."""
    origin = (x == 0) & (y == 0)
    return jnp.where(origin, lax.stop_gradient(jnp.arctan2(y, x)), jnp.arctan2(y, jnp.where(origin, 1, x)))


def arccosh(x: Any) -> Any:
    """jax.numpy's derivative has the wrong sign left of the imaginary axis."""
    if not is_complex(x):
        return jnp.arccosh(x)
    return lax.stop_gradient(jnp.arccosh(x)) + change(jnp.log(x + jnp.sqrt(x - 1) * jnp.sqrt(x + 1)))


def shared_infinity(form: Callable[..., Any]) -> Callable[..., Any]:
    """`logaddexp` and its kin, where two equal infinities share the slope, as ties do."""

    def call(x: Any, y: Any) -> Any:
        tie = jnp.isinf(x) & (x == y)
        return jnp.where(tie, x / 2 + y / 2, form(jnp.where(tie, 0, x), jnp.where(tie, 0, y)))

    return call


def hypot(x: Any, y: Any) -> Any:
    """Slope 0 at the origin; no overflow on the way (the scale is a constant: it cancels)."""
    largest = lax.stop_gradient(jnp.maximum(jnp.abs(x), jnp.abs(y)))
    scale = jnp.where((largest > 0) & jnp.isfinite(largest), largest, 1)
    squares = (x / scale) ** 2 + (y / scale) ** 2
    origin = squares == 0
    root = jnp.where(origin, 0, scale * jnp.sqrt(jnp.where(origin, 1, squares)))
    return jnp.where(jnp.isinf(x) | jnp.isinf(y), jnp.inf, root)


def power(x: Any, n: Any) -> Any:
    """At x = 0 the low powers are products, which have all their derivatives there; 0 to the 0 is 1."""
    if not is_inexact(x):
        return jnp.power(x, n)
    zero = x == 0
    low = zero & ((n == 0) | (n == 1) | (n == 2) | (n == 3))
    none = jnp.where(zero, x, 0)  # not infinite where it is dropped
    product = jnp.where(n == 0, 1, jnp.where(n == 1, none, jnp.where(n == 2, none * none, none * none * none)))
    if is_complex(x):
        low = low | (zero & (n.real > 0))
        product = jnp.where(zero & (n.real > 3), 0, product)
    return jnp.where(low, product, jnp.power(jnp.where(low, 1, x), n))


def remainder(x: Any, y: Any) -> Any:
    """Slope by y is minus the quotient that belongs to the value."""
    quotient = lax.stop_gradient(jnp.floor_divide(x, y))
    by = jnp.where(quotient == 0, 0, sloped(moved(y), quotient))
    return lax.stop_gradient(jnp.remainder(x, y)) + moved(x) - by


def ldexp(x: Any, n: Any) -> Any:
    """Slope 2^n also at 0."""
    slope = jnp.ldexp(jnp.ones((), x.dtype), n)
    return jnp.ldexp(lax.stop_gradient(x), n) + jnp.where(slope == 0, 0, sloped(moved(x), slope))


def floor_divide(x: Any, y: Any) -> Any:
    """By zero, the quotient (older releases give NaN)."""
    x, y = lax.stop_gradient((x, y))
    zero = y == 0
    return jnp.where(zero, x / y, jnp.floor_divide(x, jnp.where(zero, 1, y)))


def heaviside(x: Any, half: Any) -> Any:
    """NaN of NaN (older releases give 1)."""
    return jnp.where(jnp.isnan(x), lax.stop_gradient(x), jnp.heaviside(x, half))


def nextafter(x: Any, y: Any) -> Any:
    """Moves with x."""
    return jnp.nextafter(*lax.stop_gradient((x, y))) + change(x)


def flat(f: Callable[..., Any]) -> Callable[..., Any]:
    """A piecewise constant function, which some of JAX's forms have no derivative for."""
    return lambda *args: f(*lax.stop_gradient(args))


def by_integers(integers: Callable[..., Any], others: Callable[..., Any]) -> Callable[..., Any]:
    """Division as NumPy defines it for integers: by zero it is 0."""

    def form(x: Any, y: Any) -> Any:
        if is_inexact(x):
            return others(x, y)
        zero = y == 0
        return jax.tree.map(lambda z: jnp.where(zero, 0, z), integers(x, jnp.where(zero, 1, y)))

    return form


def magnitude(x: Any) -> Any:
    """The absolute value as an unsigned integer: the least signed one has no other (and jnp.gcd of it never ends)."""
    dtype = x.dtype
    return jnp.where(x < 0, -x, x).astype(jnp.dtype(f"uint{8 * dtype.itemsize}")) if dtype.kind == "i" else x


def gcd(x: Any, y: Any) -> Any:
    """The greatest common divisor."""
    return jnp.gcd(magnitude(x), magnitude(y)).astype(x.dtype)


def lcm(x: Any, y: Any) -> Any:
    """The least common multiple, 0 with 0."""
    u, v = magnitude(x), magnitude(y)
    divisor = jnp.gcd(u, v)
    return (u // jnp.where(divisor == 0, 1, divisor) * v).astype(x.dtype)


def complex_aware(f: Callable[..., Any]) -> Callable[..., Any]:
    """Maximum or minimum in which a complex NaN wins, too."""

    def form(x: Any, y: Any) -> Any:
        if not is_complex(x):
            return f(x, y)
        return jnp.where(jnp.isnan(x), x, jnp.where(jnp.isnan(y), y, f(x, y)))

    return form


def modf(x: Any) -> tuple[Any, Any]:
    """The part behind the point (0 of an infinity) and the part before it."""
    whole = lax.stop_gradient(jnp.trunc(x))
    return jnp.where(jnp.isinf(x), 0, x - whole), whole


def reciprocal(x: Any) -> Any:
    """Of integers, the integer quotient."""
    return jnp.reciprocal(x) if is_inexact(x) else jnp.where(jnp.abs(x) == 1, x, 0)


def round_half_even(x: Any) -> Any:
    """Of booleans, halves as in NumPy."""
    return x.astype(jnp.float16) if x.dtype.kind == "b" else jnp.round(x)


FORMS: dict[str, Callable[..., Any]] = {
    "absolute": absolute,
    "arccosh": arccosh,
    "arctan2": arctan2,
    "clip": clip,
    "copysign": copysign,
    "divmod": by_integers(jnp.divmod, lambda x, y: (floor_divide(x, y), remainder(x, y))),
    "fabs": absolute,
    "float_power": power,
    "floor_divide": by_integers(jnp.floor_divide, floor_divide),
    "fmax": fmax,
    "fmin": fmin,
    "fmod": by_integers(jnp.fmod, jnp.fmod),
    "gcd": gcd,
    "heaviside": heaviside,
    "hypot": hypot,
    "lcm": lcm,
    "ldexp": ldexp,
    "logaddexp": shared_infinity(jnp.logaddexp),
    "logaddexp2": shared_infinity(jnp.logaddexp2),
    "maximum": complex_aware(jnp.maximum),
    "minimum": complex_aware(jnp.minimum),
    "modf": modf,
    "nextafter": nextafter,
    "power": power,
    "reciprocal": reciprocal,
    "remainder": by_integers(jnp.remainder, remainder),
    "round": round_half_even,
    "sign": sign,
}
if hasattr(jnp, "spacing"):
    FORMS["spacing"] = flat(jnp.spacing)
