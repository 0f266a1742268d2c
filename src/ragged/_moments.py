"""Mean, variance and softmax of segments, composed of primitives so that every backend differentiates them."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

import numpy as np

from ragged._namespace import kind_of
from ragged._segments import along, extremum_of, sizes, spread
from ragged.autodiff.derivatives import conjugate
from ragged.errors import DTypeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragged.backend import Backend
    from ragged.rows import Segments

__all__ = ["filled_ptp_of", "logsumexp_of", "mean_of", "ptp_of", "softmax_of", "std_of", "var_of"]


def adjoint(rule: Callable[..., Any]) -> Callable[[Any], Any]:
    """A fused function whose derivative the tape takes by `rule(b, g, y, x, segments, *options)`, the cotangent of `x`,
    instead of step by step. The tape does not keep what a parameter begins with an underscore for."""

    def mark(f: Any) -> Any:
        f.adjoint = rule
        return f

    return mark


def fused(f: Callable[..., Any]) -> Callable[..., Any]:
    """A function of segments that a backend may compile as one kernel; of vectors it is composed step by step."""

    @wraps(f)
    def call(b: Backend, x: Any, segments: Segments, *options: Any) -> Any:
        return b.fused(f, x, segments, *options) if x.ndim == 1 else f(b, x, segments, *options)

    return call


def inexact(b: Backend, x: Any, name: str, double: bool = True) -> Any:
    """`x` as floating-point (or complex) numbers, in double precision where `double`."""
    dtype = b.dtype(x)
    if dtype.kind in "mM":
        raise DTypeError(f"{name} has no meaning for {dtype}; convert it first, as values_astype(x, 'int64')")
    if dtype.kind == "c":
        return b.astype(x, "complex128") if double else x
    return b.astype(x, "float64") if double or kind_of(dtype) != "f" else x


def constant(b: Backend, value: float, like: Any) -> Any:
    """A 0-d value in the dtype of `like`."""
    return b.full((), value, b.dtype(like))


def ratio(b: Backend, x: Any, total: Any, empty: float) -> Any:
    """`x / total`, and the constant `empty` (without a slope) where the total is 0."""
    none = b.apply("equal", b.stop_gradient(total), 0)
    divisor = b.where(none, constant(b, 1, total), total)
    return b.where(none, constant(b, empty, x), b.apply("true_divide", x, divisor))


def average(b: Backend, x: Any, weight: Any, segments: Segments, empty: float) -> Any:
    """The weighted mean of each segment; `empty` (0 or NaN, without a slope) where there is nothing to weigh."""
    if weight is not None:
        total = b.segment_sum(b.apply("multiply", x, weight), segments)
        return ratio(b, total, b.segment_sum(weight, segments), empty)
    total, size = b.segment_sum(x, segments), size_of(b, segments, x)
    if b.dtype(x).kind == "c" or not b.known(total):  # XLA takes 0 / 0 for 0 where it rewrites products
        return ratio(b, total, size, empty)
    with np.errstate(invalid="ignore"):  # 0 / 0 is NaN: arithmetic takes a fifth of a choice between values
        if empty != empty and not b.differentiating(total):
            return b.apply("true_divide", total, size)
        mean = b.apply("true_divide", total, b.apply("maximum", size, 1.0))
        return mean if empty == empty else b.apply("add", mean, b.apply("true_divide", constant(b, 0, size), size))


def size_of(b: Backend, segments: Segments, x: Any) -> Any:
    """The number of elements of each segment as floating-point numbers, with axes of length 1 for the trailing ones of
    `x`."""
    size = b.astype(b.asarray(sizes(b, segments)), "float64")
    return size if x.ndim == 1 else b.reshape(size, (segments.nrows, *[1] * (x.ndim - 1)))


def mean_adjoint(b: Backend, g: Any, _y: Any, _x: Any, segments: Segments, *_: Any) -> Any:
    """The cotangent of what the unweighted means were taken of: each segment's in equal shares."""
    size = b.apply("maximum", size_of(b, segments, g), 1.0)
    return spread(b, b.apply_over(size, "true_divide", g, size), segments)


@fused
@adjoint(mean_adjoint)
def mean_of(b: Backend, x: Any, segments: Segments, weight: Any = None, empty: float = np.nan) -> Any:
    """Mean of each segment; `empty` where there is nothing to weigh."""
    return average(b, inexact(b, x, "mean"), weight, segments, empty)


@fused
def var_of(b: Backend, x: Any, segments: Segments, weight: Any = None, ddof: float = 0) -> Any:
    """Variance of each segment in two passes: the mean, then the mean of squared distances from it. NaN where empty."""
    x = inexact(b, x, "var")
    mean = mean_of(b, x, segments, weight, 0.0)
    distance = b.apply("subtract", x, spread(b, mean, segments))
    if b.dtype(x).kind == "c":
        square = b.apply("real", b.apply("multiply", distance, b.apply("conjugate", distance)))
    else:
        square = b.apply("multiply", distance, distance)
    var = average(b, square, weight, segments, np.nan)
    if ddof == 0:
        return var
    total = size_of(b, segments, x) if weight is None else b.segment_sum(weight, segments)
    return b.apply("multiply", var, ratio(b, total, b.apply("subtract", total, float(ddof)), np.nan))


@fused
def std_of(b: Backend, x: Any, segments: Segments, weight: Any = None, ddof: float = 0) -> Any:
    """Standard deviation of each segment; equal values have slope 0."""
    var = var_of(b, x, segments, weight, ddof)
    fixed = b.stop_gradient(var)
    positive = b.apply("greater", fixed, 0)
    root = b.apply("sqrt", b.where(positive, var, constant(b, 1, var)))
    zero = b.apply("equal", fixed, 0)
    return b.where(positive, root, b.where(zero, constant(b, 0, var), constant(b, np.nan, var)))


def ptp_of(b: Backend, x: Any, segments: Segments, initial: Any = None) -> Any:
    """Largest minus smallest value of each segment; 0 where it is empty."""
    dtype = b.dtype(x)
    return ptp_in(b, x, segments, np.dtype(dtype.str.replace("M8", "m8")) if dtype.kind == "M" else dtype)


def filled_ptp_of(b: Backend, x: Any, segments: Segments, initial: Any = None) -> Any:
    """`ptp_of` in the dtype that Awkward gives it when it fills in the integer 0."""
    dtype = b.dtype(x)
    if dtype.kind in "iuf":
        return ptp_in(b, x, segments, np.result_type(dtype, np.int64))
    return ptp_of(b, x, segments)


def ptp_in(b: Backend, x: Any, segments: Segments, dtype: np.dtype[Any]) -> Any:
    """Largest minus smallest value of each segment, in a dtype; 0 where it is empty."""
    if b.dtype(x).kind == "b":
        raise DTypeError("ptp has no meaning for booleans, which have no difference; see any and all")
    high, low = (extremum_of(b, x, segments, None, largest) for largest in (True, False))
    filled = b.asarray(sizes(b, segments) > 0)
    zero = constant(b, 0, x)
    high, low = b.where(filled, high, zero), b.where(filled, low, zero)
    return b.astype(b.apply("subtract", high, low), dtype)


def shift_of(b: Backend, x: Any, segments: Segments) -> Any:
    """The largest value of each segment as a constant, kept within what is finite."""
    largest = b.segment_max(b.stop_gradient(x), segments, -np.inf)
    if b.dtype(x).kind != "f":
        return b.where(b.apply("isfinite", largest), largest, constant(b, 0, largest))
    limit = float(np.finfo(b.dtype(x)).max)
    largest = b.apply_over(largest, "minimum", largest, limit)
    return b.apply_over(largest, "maximum", largest, -limit)


def softmax_of(b: Backend, x: Any, segments: Segments) -> Any:
    """`exp(x) / sum(exp(x))` within each segment, an entry an element; the largest value is subtracted first."""
    return b.fused(shares_of, inexact(b, x, "softmax", double=False), segments, tangent=shares_tangent)


def shares_adjoint(b: Backend, g: Any, y: Any, _x: Any, segments: Segments) -> Any:
    """The cotangent of what the softmax `y` was taken of."""
    return b.fused(shares_cotangent, conjugate(b, y), segments, g)


@along("elements", "elements")
def shares_cotangent(b: Backend, y: Any, segments: Segments, g: Any) -> Any:
    """The same of the conjugate: softmax changes by a symmetric matrix."""
    return shares_tangent(b, y, g, segments)


@adjoint(shares_adjoint)
@along("elements")
def shares_of(b: Backend, x: Any, segments: Segments) -> Any:
    """The softmax of floating-point numbers."""
    shift = spread(b, shift_of(b, x, segments), segments)
    shifted = b.apply_over(shift, "subtract", x, shift)
    powers = b.apply_over(shifted, "exp", shifted)
    return b.apply_over(powers, "true_divide", powers, spread(b, b.segment_sum(powers, segments), segments))


def shares_tangent(b: Backend, y: Any, dx: Any, segments: Segments) -> Any:
    """The change of the softmax `y` by `dx`: in the proportions of `y`, without what all of a segment move by."""
    together = spread(b, b.segment_sum(b.apply("multiply", y, dx), segments), segments)
    apart = b.apply_over(together, "subtract", dx, together)
    return b.apply_over(apart, "multiply", y, apart)


@fused
def logsumexp_of(b: Backend, x: Any, segments: Segments, initial: Any = None) -> Any:
    """`log(sum(exp(x)))` of each segment, -inf where it is empty; the largest value is subtracted first."""
    x = inexact(b, x, "logsumexp", double=False)
    if b.dtype(x).kind == "c":
        raise DTypeError("logsumexp has no meaning for complex numbers, which have no largest")
    shift = shift_of(b, x, segments)
    total = b.segment_sum(b.apply("exp", b.apply("subtract", x, spread(b, shift, segments))), segments)
    none = b.apply("equal", b.stop_gradient(total), 0)
    logarithm = b.apply("add", b.apply("log", b.where(none, constant(b, 1, total), total)), shift)
    return b.where(none, constant(b, -np.inf, total), logarithm)
