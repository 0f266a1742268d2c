"""Statistics: means and spreads of each list along an axis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragged._moments import filled_ptp_of, logsumexp_of, mean_of, ptp_of, std_of, var_of
from ragged._reduce import Reducer, Run, reduce
from ragged.broadcasting import broadcast
from ragged.errors import AxisError, DTypeError
from ragged.nodes import (
    Flat,
    Lists,
    Node,
    Regular,
)
from ragged.operands import operands, wrap
from ragged.sizes import common_shape

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragged.backend import Backend

__all__ = ["logsumexp", "mean", "ptp", "std", "var"]


def is_real(b: Backend, x: Any) -> bool:
    """Whether moments take vectors as they are: those of complex ones are composed number by number."""
    return b.dtype(x).kind != "c"


MEAN = Reducer("mean", lambda b, x, segments, initial: mean_of(b, x, segments), trailing=is_real)
PTP = Reducer("ptp", ptp_of)
FILLED_PTP = Reducer("ptp", filled_ptp_of)
LOGSUMEXP = Reducer("logsumexp", logsumexp_of)


def mean(
    x: Any,
    weight: Any = None,
    axis: int | None = None,
    *,
    keepdims: bool = False,
    mask_identity: bool = False,
    behavior: Any = None,
    attrs: Any = None,
) -> Any:
    """Means along an axis, or of everything; NaN (or None, with `mask_identity`) where a list is empty.

    Args:
        x: anything that becomes an array; missing values count as absent.
        weight: an array that broadcasts with `x`; the result is `sum(x * weight) / sum(weight)`.
        axis: 0 is the outermost axis; negative ones count from the innermost; None takes everything.
        keepdims: keep the reduced axis, with length 1.
        mask_identity: None instead of NaN where a list is empty.

    >>> import ragged
    >>> ragged.mean([[1, 2, 3], [], [4, 5]], axis=1)
    <Array [2, nan, 4.5] type='3 * float64'>
    """
    if weight is None:
        return reduce(MEAN, x, axis, keepdims, mask_identity, None, behavior, attrs)
    return weighted("mean", mean_of, x, weight, axis, keepdims, mask_identity, behavior, attrs)


def var(
    x: Any,
    weight: Any = None,
    ddof: float = 0,
    axis: int | None = None,
    *,
    keepdims: bool = False,
    mask_identity: bool = False,
    behavior: Any = None,
    attrs: Any = None,
) -> Any:
    """Variances along an axis, or of everything; NaN (or None, with `mask_identity`) where a list is empty.

    Computed in two passes, so that a large mean loses no digits.

    Args:
        x, weight, axis, keepdims, mask_identity: as for `mean`.
        ddof: degrees of freedom taken off: the mean of squares is multiplied by n / (n - ddof).

    >>> import ragged
    >>> ragged.var([[1, 2, 3], [], [4, 6]], axis=1)
    <Array [0.667, nan, 1] type='3 * float64'>
    """
    return weighted("var", with_ddof(var_of, ddof), x, weight, axis, keepdims, mask_identity, behavior, attrs)


def std(
    x: Any,
    weight: Any = None,
    ddof: float = 0,
    axis: int | None = None,
    *,
    keepdims: bool = False,
    mask_identity: bool = False,
    behavior: Any = None,
    attrs: Any = None,
) -> Any:
    """Standard deviations along an axis, or of everything: the square root of `var`, with its arguments.

    Where all values of a list are equal the derivative is 0.

    >>> import ragged
    >>> ragged.std([[1, 3], [], [4]], axis=1)
    <Array [1, nan, 0] type='3 * float64'>
    """
    return weighted("std", with_ddof(std_of, ddof), x, weight, axis, keepdims, mask_identity, behavior, attrs)


def ptp(
    array: Any,
    axis: int | None = None,
    *,
    keepdims: bool = False,
    mask_identity: bool = True,
    behavior: Any = None,
    attrs: Any = None,
) -> Any:
    """Largest minus smallest value, along an axis or of everything; None (or 0, unmasked) where a list is empty.

    >>> import ragged
    >>> ragged.ptp([[1, 2, 4], [], [4, 5]], axis=1)
    <Array [3, None, 1] type='3 * ?int64'>
    """
    return reduce(PTP if mask_identity else FILLED_PTP, array, axis, keepdims, mask_identity, None, behavior, attrs)


def logsumexp(x: Any, axis: int | None = None, keepdims: bool = False, mask_identity: bool = True) -> Any:
    """`log(sum(exp(x)))` along an axis, or of everything, without overflow; None where a list is empty.

    Args:
        x: anything that becomes an array; missing values count as absent.
        axis: as for `mean`.
        keepdims: keep the reduced axis, with length 1.
        mask_identity: False gives -inf, the logarithm of 0, where a list is empty.

    >>> import ragged
    >>> ragged.logsumexp([[1000.0, 1000.0], [], [0.0]], axis=1)
    <Array [1e+03, None, 0] type='3 * ?float64'>
    """
    return reduce(LOGSUMEXP, x, axis, keepdims, mask_identity)


def with_ddof(f: Callable[..., Any], ddof: float) -> Callable[..., Any]:
    """`f(b, x, segments, weight)` for so many degrees of freedom."""
    return lambda b, x, segments, weight=None: f(b, x, segments, weight, ddof)


def weighted(
    name: str,
    f: Callable[..., Any],
    x: Any,
    weight: Any,
    axis: Any,
    keepdims: bool,
    mask_identity: bool,
    behavior: Any,
    attrs: Any,
) -> Any:
    """The reduction `f(b, x, segments, weight)` of an array and the weights that broadcast with it."""
    if weight is None:
        plain = Reducer(name, lambda b, values, segments, initial: f(b, values, segments), trailing=is_real)
        return reduce(plain, x, axis, keepdims, mask_identity, None, behavior, attrs)
    b, nodes, dense = operands(x, weight)
    if not any(isinstance(node, Node) for node in nodes):
        if axis is not None:
            raise AxisError(f"{name}: a single value has no axis={axis}; only axis=None")
        nodes[0] = Flat(b.reshape(b.asarray(nodes[0]), (1,)), 1)
    ops = b.home()
    pair: list[Any] = []

    def number(b: Backend, inputs: tuple[Any, ...], valid: Any) -> Flat:
        """Leaves that only number their entries; values and weights are kept beside."""
        pair[:], shape = flat_pair(b, name, inputs)
        return Flat(ops.reshape(ops.arange(b.size(pair[0])), shape), shape[0])

    def segment(_: Backend, index: Any, segments: Any, initial: Any) -> Any:
        entries, weights = (b.take(each, index) for each in pair)
        return f(b, entries, segments, weights)

    (numbers,) = broadcast(b, nodes, number, name=name, allow_records=False)
    run = Run(b, Reducer(name, segment), mask_identity, None, ops)
    return wrap(b, run.along(numbers, axis, keepdims), dense, x, weight, attrs=attrs, behavior=behavior)


def flat_pair(b: Backend, name: str, inputs: tuple[Any, ...]) -> tuple[list[Any], tuple[Any, ...]]:
    """Values and weights in one dimension and double precision, and the shape that they have together."""
    data = [each.data if isinstance(each, Flat) else each for each in inputs]
    if any(isinstance(each, Lists | Regular | str | bytes) for each in data):
        raise DTypeError(f"{name} has no meaning for text")
    data = [
        b.astype(b.asarray(each), "complex128" if b.dtype(b.asarray(each)).kind == "c" else "float64") for each in data
    ]
    shapes = [b.shape(each) for each in data]
    shape = shapes[0] if shapes[0] == shapes[1] else common_shape(shapes, f"{name}: values and weights do not line up")
    return [b.reshape(b.broadcast_to(each, shape), (-1,)) for each in data], shape
