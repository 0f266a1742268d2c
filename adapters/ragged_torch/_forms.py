"""Elementwise functions whose form in torch has another value than NumPy's, or another slope than the library's.

Each is made of where, sign and functions that PyTorch differentiates as `ragged.ufuncs` says, so it holds in forward
and reverse mode and to every order. At a kink the argument is moved to a harmless place first, and the result that
does not count is dropped afterwards: dropping it alone would leave NaN in the gradient.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from ragged_torch._compat import is_wrapped, tangent_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FORMS"]

where = torch.where


def change(x: Any) -> Any:
    """Zero, with the slope of `x`: gives a value that is computed otherwise its derivative."""
    return where(torch.isfinite(x), x - x.detach(), 0)


def moved(x: Any) -> Any:
    """A `change` that is x itself where x is not finite: for a value that is x or NaN there, whose slope stays."""
    return where(torch.isfinite(x), x - x.detach(), x)


def constant(*args: Any) -> bool:
    """Whether no derivative is taken through the arguments, so that their values are all that counts."""
    return not any(
        (x.requires_grad and torch.is_grad_enabled()) or is_wrapped(x) or tangent_of(x) is not None for x in args
    )


def without_slope_at_nan(x: Any) -> Any:
    """`x`, a constant where it is NaN."""
    return where(x != x, x.detach(), x)


def absolute(x: Any) -> Any:
    """Slope 0 at 0, to all orders; NaN at NaN."""
    if not x.is_complex():
        return torch.abs(x) if constant(x) else x * sign(x.detach()) + 0.0  # there is no zero below 0
    zero = x == 0
    return where(zero, 0, torch.abs(where(zero, 1, x)))


def sign(x: Any) -> Any:
    """A complex number's direction, which turns with it; NaN of NaN."""
    if x.is_complex():
        zero = x == 0
        safe = where(zero, 1, x)
        return where(zero, 0, safe / torch.abs(safe))
    s = torch.sign(x)
    return where(torch.isnan(x), math.nan, s) if x.is_floating_point() else s


def copysign(x: Any, y: Any) -> Any:
    """Slope 0 where x is 0."""
    return absolute(x) * torch.copysign(torch.ones_like(y), y).detach()


def complex_larger(x: Any, y: Any) -> Any:
    """Whether x comes after y, by the real and then the imaginary part."""
    return (x.real > y.real) | ((x.real == y.real) & (x.imag > y.imag))


def maximum(x: Any, y: Any) -> Any:
    """Ties share the slope; of complex numbers the later one in their order, and NaN before all, without a slope."""
    if not x.is_complex():
        return torch.maximum(x, y) if constant(x, y) else without_slope_at_nan(torch.maximum(x, y))
    return complex_extremum(x, y, complex_larger(x, y))


def minimum(x: Any, y: Any) -> Any:
    """Ties share the slope, as in maximum."""
    if not x.is_complex():
        return torch.minimum(x, y) if constant(x, y) else without_slope_at_nan(torch.minimum(x, y))
    return complex_extremum(x, y, complex_larger(y, x))


def complex_extremum(x: Any, y: Any, first: Any) -> Any:
    """`x` where it comes first, the mean where both are equal, else `y`; NaN wins."""
    chosen = where(first, x, where(x == y, (x + y) / 2, y))
    return where(torch.isnan(x), x.detach(), where(torch.isnan(y), y.detach(), chosen))


def fmax(x: Any, y: Any) -> Any:
    """Ties share the slope, as in maximum; two NaN have all of it both."""
    return where(torch.isnan(x), where(torch.isnan(y), x + y, y), where(torch.isnan(y), x, maximum(x, y)))


def fmin(x: Any, y: Any) -> Any:
    """Ties share the slope, as in minimum; two NaN have all of it both."""
    return where(torch.isnan(x), where(torch.isnan(y), x + y, y), where(torch.isnan(y), x, minimum(x, y)))


def less(x: Any, y: Any) -> Any:
    """Whether x comes before y."""
    return complex_larger(y, x) if x.is_complex() else x < y


def clip(x: Any, low: Any, high: Any) -> Any:
    """Slope 1 at the bounds; NaN bounds win, and the upper one over the lower; none of NaN."""
    raised = where(less(x, low) | (low != low), low, x)
    clipped = where(less(high, raised) | (high != high), high, raised)
    return clipped if constant(x, low, high) else without_slope_at_nan(clipped)


def arctan2(y: Any, x: Any) -> Any:
    """Slope 0 at the origin."""
    origin = (x == 0) & (y == 0)
    return where(origin, torch.atan2(y, x).detach(), torch.atan2(y, where(origin, 1, x)))


def cbrt(x: Any) -> Any:
    """The real third root: a power, and what one step of Newton's says that it misses."""
    size = where(x < 0, -x, x)
    root = torch.pow(size, 1 / 3)
    fixed = root.detach()
    missed = (fixed * fixed * fixed - size.detach()) / (3 * fixed * fixed)
    root = root - where(torch.isfinite(missed), missed, 0)
    return where(x < 0, -root, root)


def shared_infinity(form: Callable[..., Any]) -> Callable[..., Any]:
    """`logaddexp` and its kin: two equal infinities share the slope, as ties do; else an infinite one has it all."""

    def call(x: Any, y: Any) -> Any:
        tie = torch.isinf(x) & (x == y)
        one = (torch.isinf(x) | torch.isinf(y)) & ~tie
        finite = form(where(tie | one, 0, x), where(tie | one, 0, y))
        return where(tie, x / 2 + y / 2, where(one, torch.maximum(x, y), finite))

    return call


def hypot(x: Any, y: Any) -> Any:
    """Slope 0 at the origin; no overflow on the way (the scale is a constant: it cancels)."""
    largest = torch.maximum(torch.abs(x), torch.abs(y)).detach()
    scale = where((largest > 0) & torch.isfinite(largest), largest, 1)
    squares = (x / scale) ** 2 + (y / scale) ** 2
    origin = squares == 0
    root = where(origin, 0, scale * torch.sqrt(where(origin, 1, squares)))
    return where(torch.isinf(x) | torch.isinf(y), math.inf, root)


def power(x: Any, n: Any) -> Any:
    """At x = 0 the low powers are products, which have all their derivatives there; 0 to the 0 is 1.

    At n = 0 it is a function of n that is 1 there (torch forgets the slope that x^n has by both).
    """
    if not isinstance(n, torch.Tensor):
        return torch.pow(x, n)  # by a constant, PyTorch's own derivatives hold at 0, too
    if not (x.is_floating_point() or x.is_complex()):
        return torch.pow(x, n)
    zero = x == 0
    low = zero & ((n == 0) | (n == 1) | (n == 2) | (n == 3))
    none = where(zero, x, 0)  # not infinite where it is dropped
    product = where(n == 0, 1, where(n == 1, none, where(n == 2, none * none, none * none * none)))
    if x.is_complex():
        low = low | (zero & (n.real > 0))
        product = where(zero & (n.real > 3), 0, product)
    one = (n == 0) & torch.isfinite(x) & (~zero if x.is_complex() else x > 0)
    result = torch.pow(where(low, 1, x), where(one, 1, n))
    return where(low, product, where(one, torch.exp(where(one, n, 0) * torch.log(where(one, x, 1))), result))


def ldexp(x: Any, n: Any) -> Any:
    """Slope 2^n also at 0; in three factors, for the sake of large exponents."""
    n = n.to(torch.int64).clamp(-6000, 6000)
    third = torch.div(n, 3, rounding_mode="trunc")
    two = torch.full((), 2, dtype=x.dtype, device=x.device)
    small, rest = torch.pow(two, third), torch.pow(two, n - 2 * third)
    return x * small * small * rest


def divided(x: Any, y: Any) -> tuple[Any, Any]:
    """Quotient and remainder of floats as constants, as C's fmod gives them (torch's own lose digits, or are NaN)."""
    x, y = x.detach(), y.detach()
    if x.dtype == torch.float16:
        quotient, rest = divided(x.float(), y.float())
        return quotient.to(x.dtype), rest.to(x.dtype)
    rest = torch.fmod(x, y)
    quotient = (x - rest) / y
    turned = (rest != 0) & ((y < 0) != (rest < 0))
    rest = where(turned, rest + y, where(rest == 0, torch.copysign(rest, y), rest))
    quotient = where(turned, quotient - 1, quotient)
    whole = torch.floor(quotient)
    whole = where(quotient - whole > 0.5, whole + 1, whole)
    whole = where(quotient == 0, torch.copysign(quotient, x / y), whole)
    return where(y == 0, x / y, whole), rest


def floor_divide(x: Any, y: Any) -> Any:
    """By zero, the quotient."""
    return divided(x, y)[0] if x.is_floating_point() else torch.floor_divide(x, y)


def remainder(x: Any, y: Any) -> Any:
    """Slope by y is minus the quotient that belongs to the value."""
    return divmod_(x, y)[1] if x.is_floating_point() else torch.remainder(x, y)


def divmod_(x: Any, y: Any) -> tuple[Any, Any]:
    """Quotient and remainder."""
    if not x.is_floating_point():
        return torch.floor_divide(x, y), torch.remainder(x, y)
    quotient, rest = divided(x, y)
    slope = where((y != 0) & torch.isinf(quotient), 0, quotient)
    return quotient, rest + moved(x) - where(slope == 0, 0, moved(y) * slope)


def log1p(x: Any) -> Any:
    """Of complex numbers near 0, too, where torch's own loses digits."""
    if not x.is_complex():
        return torch.log1p(x)
    u, v = x.detach().real, x.detach().imag
    near = 0.5 * torch.log1p(u * (2 + u) + v * v)
    exact = torch.complex(
        where((u.abs() < 0.5) & (v.abs() < 0.5), near, torch.log(x.detach() + 1).real), torch.atan2(v, 1 + u)
    )
    return exact + change(torch.log1p(x))


def heaviside(x: Any, half: Any) -> Any:
    """The step function; slope 1 by its value at 0, where that counts."""
    x = x.detach()
    return where(x == 0, half, where(torch.isnan(x), x, (x > 0).to(x.dtype)))


def nextafter(x: Any, y: Any) -> Any:
    """Moves with x."""
    return torch.nextafter(x.detach(), y.detach()) + change(x)


def modf(x: Any) -> tuple[Any, Any]:
    """The part behind the point (0 of an infinity) and the part before it."""
    whole = torch.trunc(x).detach()
    part = where(torch.isinf(x), 0, x - whole)
    return where(part == 0, torch.copysign(part, x).detach() + change(x), part), whole


def part(name: str) -> Callable[..., Any]:
    """The real or imaginary part, of real numbers, too."""

    def form(x: Any) -> Any:
        if x.is_complex():
            return getattr(x, name)
        return x if name == "real" else torch.zeros_like(x)

    return form


FORMS: dict[str, Callable[..., Any]] = {
    "absolute": absolute,
    "arctan2": arctan2,
    "cbrt": cbrt,
    "clip": clip,
    "conjugate": torch.conj_physical,
    "copysign": copysign,
    "degrees": torch.rad2deg,
    "divmod": divmod_,
    "fabs": absolute,
    "float_power": power,
    "floor_divide": floor_divide,
    "fmax": fmax,
    "fmin": fmin,
    "heaviside": heaviside,
    "hypot": hypot,
    "imag": part("imag"),
    "invert": torch.bitwise_not,
    "ldexp": ldexp,
    "left_shift": torch.bitwise_left_shift,
    "logaddexp": shared_infinity(torch.logaddexp),
    "logaddexp2": shared_infinity(torch.logaddexp2),
    "log1p": log1p,
    "maximum": maximum,
    "minimum": minimum,
    "modf": modf,
    "nextafter": nextafter,
    "power": power,
    "radians": torch.deg2rad,
    "real": part("real"),
    "remainder": remainder,
    "right_shift": torch.bitwise_right_shift,
    "rint": torch.round,
    "sign": sign,
}
