"""The derivative of every elementwise function, one line each, written over the protocol.

A rule is `(b, g, ans, *args) -> cotangent of one argument`; it uses operators and `b.apply`/`b.where` only, so it
differentiates again. Shapes and dtypes are fitted by the engine. Gradients of real functions of complex numbers point
along steepest ascent: a rule multiplies by the conjugate of the derivative. A parameter whose name begins with an
underscore is not used, and the tape does not keep its value. A function that is not listed, or an
argument with None, is piecewise constant. Formulas: Abramowitz & Stegun, chapters 4.1 to 4.6.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from ragged.autodiff.reuse import combined

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragged.backend import Backend

Rule: TypeAlias = "Callable[..., Any]"

__all__ = ["Rule", "conjugate", "holomorphic", "is_complex", "two_results", "uses", "vjps"]

LOG2, LOG10 = math.log(2), math.log(10)


def is_complex(x: Any) -> bool:
    """Whether a value (or a Python number) is complex."""
    dtype = getattr(x, "dtype", None)
    if dtype is None:
        return isinstance(x, complex)
    return dtype.kind == "c" if hasattr(dtype, "kind") else "complex" in str(dtype)


def conjugate(b: Backend, x: Any) -> Any:
    """The complex conjugate; real values as they are."""
    return b.apply("conjugate", x) if is_complex(x) else x


def d(derivative: Callable[..., Any]) -> Rule:
    """The rule of an analytic function, from its derivative `(b, ans, *args)`."""

    def rule(b: Backend, g: Any, ans: Any, *args: Any) -> Any:
        return combined(b, "multiply", [g], [conjugate(b, derivative(b, ans, *args))])

    rule.__dict__["derivative"] = derivative
    return rule


@cache
def uses(rule: Rule) -> tuple[bool, ...]:
    """Whether a rule looks at the answer, and at each argument."""
    derivative = rule.__dict__.get("derivative")
    code = (derivative or rule).__code__
    names = code.co_varnames[: code.co_argcount]
    return tuple(not name.startswith("_") for name in names[1 if derivative else 2 :])


def nonzero(b: Backend, x: Any) -> Any:
    """`x` with its zeros replaced by ones."""
    return (x or 1) if isinstance(x, int | float | complex) else b.where(x == 0, 1, x)


def power_base(b: Backend, _y: Any, x: Any, n: Any) -> Any:
    """n x^(n-1), which is 0 wherever n is 0 (also at x = 0)."""
    if isinstance(n, int | float | complex):
        return n * x if n == 2 else n * b.apply("power", x, n - 1 if n else 0)
    return n * b.apply("power", b.where((n == 0) & (x == 0), 1, x), n - 1)


def power_exponent(b: Backend, y: Any, x: Any, _n: Any) -> Any:
    """x^n log x, which is 0 where x is 0."""
    return y * b.apply("log", nonzero(b, x))


def ratio(b: Backend, x: Any, y: Any) -> Any:
    """x / y, and 0 (to all orders) where y is 0."""
    return b.where(y == 0, 0, x / nonzero(b, y))


def absolute(b: Backend, g: Any, _y: Any, x: Any) -> Any:
    """Slope 0 at 0."""
    return g * ratio(b, x, b.apply("absolute", x)) if is_complex(x) else g * b.apply("sign", x)


def sign(b: Backend, g: Any, _y: Any, x: Any) -> Any:
    """Zero for real numbers; the projection across z for complex ones (z / |z| turns with z)."""
    if not is_complex(x):
        return b.where(x == x, 0, g * 0)  # also where g is infinite
    s = ratio(b, x, b.apply("absolute", x))
    return ratio(b, g - s * b.apply("real", conjugate(b, s) * g), b.apply("absolute", x))


def shared(b: Backend, g: Any, mine: Any, tie: Any) -> Any:
    """All of `g` where `mine`, half of it where there is a tie."""
    return b.where(mine, g, b.where(tie, g * 0.5, 0))


def softmax_weight(b: Backend, y: Any, a: Any, c: Any, base: str) -> Any:
    """exp(a - y) (or 2 to that), exact also where both are infinite or equal and huge."""
    saturated = a == y
    weight = b.apply(base, b.where(saturated, 0, a - y))
    return b.where(saturated & (c == a), 0.5, weight)


def arctan2_slope(b: Backend, x: Any, y: Any) -> Any:
    """x / (x² + y²), and 0 at the origin."""
    return ratio(b, x, x * x + y * y)


vjps: dict[str, tuple[Rule | None, ...]] = {
    "absolute": (absolute,),
    "add": (lambda b, g, _y, _u, _v: g, lambda b, g, _y, _u, _v: g),
    "arccos": (d(lambda b, _y, x: -1 / b.apply("sqrt", (1 - x) * (1 + x))),),
    "arccosh": (d(lambda b, _y, x: 1 / (b.apply("sqrt", x - 1) * b.apply("sqrt", x + 1))),),
    "arcsin": (d(lambda b, _y, x: 1 / b.apply("sqrt", (1 - x) * (1 + x))),),
    "arcsinh": (d(lambda b, _y, x: 1 / b.apply("sqrt", 1 + x * x)),),
    "arctan": (d(lambda b, _y, x: 1 / (1 + x * x)),),
    "arctan2": (d(lambda b, _y, u, v: arctan2_slope(b, v, u)), d(lambda b, _y, u, v: -arctan2_slope(b, u, v))),
    "arctanh": (d(lambda b, _y, x: 1 / ((1 - x) * (1 + x))),),
    "cbrt": (d(lambda b, y, _x: 1 / (3 * y * y)),),
    "clip": (
        lambda b, g, _y, x, low, high: b.where((x >= low) & (x <= high), g, 0),
        lambda b, g, _y, x, low, high: b.where((x < low) & (low <= high), g, 0),
        lambda b, g, _y, x, low, high: b.where((x > high) | (low > high), g, 0),
    ),
    "conjugate": (lambda b, g, _y, _x: conjugate(b, g),),
    "copysign": (lambda b, g, _y, u, v: g * b.apply("sign", u) * b.apply("copysign", 1.0, v), None),
    "cos": (d(lambda b, _y, x: -b.apply("sin", x)),),
    "cosh": (d(lambda b, _y, x: b.apply("sinh", x)),),
    "deg2rad": (lambda b, g, _y, _x: g * (math.pi / 180),),
    "degrees": (lambda b, g, _y, _x: g * (180 / math.pi),),
    "divide": (d(lambda b, _y, _u, v: 1 / v), d(lambda b, y, _u, v: -y / v)),
    "exp": (d(lambda b, y, _x: y),),
    "exp2": (d(lambda b, y, _x: y * LOG2),),
    "expm1": (d(lambda b, y, _x: y + 1),),
    "fabs": (absolute,),
    "float_power": (d(power_base), d(power_exponent)),
    "fmax": (
        lambda b, g, _y, u, v: shared(b, g, (u > v) | (v != v), u == v),
        lambda b, g, _y, u, v: shared(b, g, (v > u) | (u != u), u == v),
    ),
    "fmin": (
        lambda b, g, _y, u, v: shared(b, g, (u < v) | (v != v), u == v),
        lambda b, g, _y, u, v: shared(b, g, (v < u) | (u != u), u == v),
    ),
    "fmod": (lambda b, g, _y, _u, _v: g, d(lambda b, _y, u, v: -b.apply("trunc", u / v))),
    "heaviside": (None, lambda b, g, _y, u, _v: b.where(u == 0, g, 0)),
    "hypot": (d(lambda b, y, u, _v: ratio(b, u, y)), d(lambda b, y, _u, v: ratio(b, v, y))),
    "imag": (lambda b, g, _y, _x: g * 1j,),
    "ldexp": (lambda b, g, _y, _u, n: b.apply("ldexp", g, n), None),
    "log": (d(lambda b, _y, x: 1 / x),),
    "log10": (d(lambda b, _y, x: 1 / (x * LOG10)),),
    "log1p": (d(lambda b, _y, x: 1 / (1 + x)),),
    "log2": (d(lambda b, _y, x: 1 / (x * LOG2)),),
    "logaddexp": (
        d(lambda b, y, u, v: softmax_weight(b, y, u, v, "exp")),
        d(lambda b, y, u, v: softmax_weight(b, y, v, u, "exp")),
    ),
    "logaddexp2": (
        d(lambda b, y, u, v: softmax_weight(b, y, u, v, "exp2")),
        d(lambda b, y, u, v: softmax_weight(b, y, v, u, "exp2")),
    ),
    "maximum": (
        lambda b, g, _y, u, v: shared(b, g, u > v, u == v),
        lambda b, g, _y, u, v: shared(b, g, v > u, u == v),
    ),
    "minimum": (
        lambda b, g, _y, u, v: shared(b, g, u < v, u == v),
        lambda b, g, _y, u, v: shared(b, g, v < u, u == v),
    ),
    "multiply": (d(lambda b, _y, _u, v: v), d(lambda b, _y, u, _v: u)),
    "negative": (lambda b, g, _y, _x: -g,),
    "nextafter": (lambda b, g, _y, _u, _v: g, None),
    "positive": (lambda b, g, _y, _x: g,),
    "power": (d(power_base), d(power_exponent)),
    "rad2deg": (lambda b, g, _y, _x: g * (180 / math.pi),),
    "radians": (lambda b, g, _y, _x: g * (math.pi / 180),),
    "real": (lambda b, g, _y, _x: g,),
    "reciprocal": (d(lambda b, y, _x: -y * y),),
    "remainder": (lambda b, g, _y, _u, _v: g, d(lambda b, _y, u, v: -b.apply("floor_divide", u, v))),
    "sign": (sign,),
    "sin": (d(lambda b, _y, x: b.apply("cos", x)),),
    "sinh": (d(lambda b, _y, x: b.apply("cosh", x)),),
    "sqrt": (d(lambda b, y, _x: 0.5 / y),),
    "square": (d(lambda b, _y, x: 2 * x),),
    "subtract": (lambda b, g, _y, _u, _v: g, lambda b, g, _y, _u, _v: -g),
    "tan": (d(lambda b, y, _x: 1 + y * y),),
    "tanh": (d(lambda b, y, _x: 1 - y * y),),
}
"""For each function (by the name of its ufunc) one rule an argument."""

two_results: dict[str, tuple[tuple[Rule | None, ...], ...]] = {
    "divmod": ((None, None), vjps["remainder"]),
    "frexp": ((lambda b, g, y, _x: b.apply("ldexp", g, -y[1]),), (None,)),
    "modf": ((lambda b, g, _y, _x: g,), (None,)),
}
"""The same for functions of two results, for each result."""

holomorphic = frozenset(
    name
    for line in (
        "add subtract multiply divide negative positive reciprocal square sqrt power float_power",
        "exp exp2 expm1 log log2 log10 log1p sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh",
    )
    for name in line.split()
)
"""Functions whose complex form continues the real one."""
