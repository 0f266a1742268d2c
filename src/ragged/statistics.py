"""Statistics: means and spreads of each list along an axis, and the softmax within each list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragged._moments import filled_ptp_of, logsumexp_of, mean_of, ptp_of, softmax_of, std_of, var_of
from ragged._reduce import Reducer, Run, axis_of, keep, level_of, no_records, reduce
from ragged.broadcasting import broadcast
from ragged.errors import AxisError, DTypeError, UnsupportedError
from ragged.nodes import (
    Flat,
    Lists,
    Node,
    Option,
    Record,
    Regular,
    Union,
    Unknown,
    compress,
    is_text,
    no_unions,
    option,
    rows_of,
    take_missing,
    to_regular_node,
)
from ragged.operands import operands, single, wrap
from ragged.rows import Rows
from ragged.sizes import common_shape
from ragged.traverse import depth_range, rebuild

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragged.backend import Backend

__all__ = ["logsumexp", "mean", "ptp", "softmax", "std", "var"]

MEAN = Reducer("mean", lambda b, x, segments, initial: mean_of(b, x, segments))
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


def softmax(
    x: Any,
    axis: int = -1,
    *,
    keepdims: bool = False,
    mask_identity: bool = False,
    behavior: Any = None,
    attrs: Any = None,
) -> Any:
    """`exp(x) / sum(exp(x))` within each innermost list, without overflow; the structure is that of `x`.

    Args:
        x: anything that becomes an array; missing values stay missing and count as absent.
        axis: the innermost axis.
        keepdims: with `mask_identity`, empty lists stay and their numbers may be missing, as in Awkward.
        mask_identity: None instead of a list that is empty.

    Raises:
        AxisError: no such axis, or None.
        UnsupportedError: an axis that is not the innermost.

    >>> import ragged
    >>> ragged.softmax([[0.0, 0.0], [], [7.0]])
    <Array [[0.5, 0.5], [], [1]] type='3 * var * float64'>
    """
    b, node, dense = single(x)
    if type(axis) is not int:
        axis = axis_of(axis, "softmax")  # type: ignore[assignment]
        if axis is None:
            raise AxisError("softmax needs an axis: axis=-1, the innermost; for axis=None flatten the array first")
    level, depth = level_of(node, axis, "softmax")
    if level != depth - 1:
        raise UnsupportedError(f"softmax is for the innermost axis, axis=-1; not for axis={axis} of {depth} axes")
    result = softmax_lists(b, node, mask_identity and not keepdims)
    if mask_identity and keepdims:
        result = optional(b, result)
    return wrap(b, result, dense, x, attrs=attrs, behavior=behavior)


def optional(b: Backend, node: Any) -> Node:
    """The node with numbers of a type that allows missing ones."""
    if isinstance(node, Flat) and node.data.ndim > 1:
        node = to_regular_node(b, node)
    if isinstance(node, Flat):
        return Option(b.home().full((node.length,), True, "bool"), node)
    if isinstance(node, Option) and isinstance(node.content, Flat) and node.content.data.ndim == 1:
        return node
    return rebuild(b, node, optional(b, node.content))


def softmax_lists(b: Backend, node: Node, mask_identity: bool) -> Node:
    """The softmax within each innermost list of a node (the node itself where it holds no lists)."""
    match node:
        case Flat(data) if data.ndim > 1:
            node = to_regular_node(b, node)
        case Option(valid, content, parameters) if depth_range(content)[1] > 1:
            return option(b, valid, softmax_lists(b, content, mask_identity), parameters)
        case Flat() | Unknown() | Option():
            return softmax_entries(b, node, Rows.regular(b.home(), 1, node.length))[0]
        case Lists() | Regular() if is_text(node):
            raise DTypeError("softmax has no meaning for text")
        case Record():
            raise no_records("softmax", node)
        case Union():
            raise no_unions(node, "softmax")
    assert isinstance(node, Lists | Regular)
    if depth_range(node)[1] > 2:
        return rebuild(b, node, softmax_lists(b, node.content, mask_identity))
    rows, content = rows_of(b, node)
    entries, counted = softmax_entries(b, content, rows)
    result = rebuild(b, node, entries)
    return option(b, counted.lengths > 0, result) if mask_identity else result


def softmax_entries(b: Backend, node: Node, rows: Rows) -> tuple[Node, Rows]:
    """The softmax of the entries of each row, and the rows of those that are not missing."""
    match node:
        case Flat(data, length):
            return Flat(softmax_of(b, data, rows), length), rows
        case Unknown():
            return Flat(b.full((0,), 0, "float64"), 0), rows
        case Option(valid, content):
            ops = b.home(valid)
            kept = keep(ops, rows, valid, None)
            entries, _ = softmax_entries(b, compress(b, content, valid), kept)
            index = ops.cumulative_sum(ops.astype(valid, "int64")) - 1
            return take_missing(b, entries, index, valid), kept
        case Record():
            raise no_records("softmax", node)
    raise DTypeError("softmax has no meaning for text")


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
        plain = Reducer(name, lambda b, values, segments, initial: f(b, values, segments))
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
