"""NaN and infinities replaced, by numbers or by None."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged._steps import NODES
from ragged.broadcasting import broadcast
from ragged.creation import map_values
from ragged.errors import DTypeError
from ragged.nodes import Flat, Lists, Node, Option, Record, Regular, option, to_regular_node
from ragged.operands import operands, single, wrap
from ragged.traverse import first_flat

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["nan_to_none", "nan_to_num"]


def nan_to_num(
    array: Any,
    copy: bool = True,
    nan: Any = 0.0,
    posinf: Any = None,
    neginf: Any = None,
    *,
    behavior: Any = None,
    attrs: Any = None,
) -> Any:
    """The array with NaN and infinities replaced by finite numbers; nothing flows back through what was replaced.

    Complex numbers have it done to their real and imaginary parts.

    Args:
        array: an array or a number.
        copy: for NumPy's signature; arrays are immutable.
        nan: what replaces NaN.
        posinf: what replaces infinity; by default the largest number of the dtype.
        neginf: what replaces minus infinity; by default the lowest number of the dtype.

    >>> import ragged
    >>> ragged.nan_to_num(ragged.Array([[float("nan"), 1.0], [], [float("inf")]]), posinf=9.0).to_list()
    [[0.0, 1.0], [], [9.0]]
    """
    given = (nan, posinf, neginf)
    b, nodes, dense = operands(array, *(x for x in given if x is not None))
    if (
        first_flat(nodes[0]) is None
        and isinstance(nodes[0], NODES)
        and not any(isinstance(x, NODES) for x in nodes[1:])
    ):
        return wrap(
            b, nodes[0], dense, array, attrs=attrs, behavior=behavior
        )  # what has no values keeps its unknown type
    present = iter(nodes[1:])
    places = [None if x is None else next(present) for x in given]

    def action(b: Backend, inputs: tuple[Any, ...], valid: Any) -> Any:
        values = [each.data if type(each) is Flat else each for each in inputs]
        rest = iter(values[1:])
        replaced = _finite(b, values[0], *(None if place is None else next(rest) for place in places))
        return Flat(replaced, b.size(replaced)) if type(inputs[0]) is Flat else replaced

    (result,) = broadcast(b, nodes, action, name="nan_to_num")
    return wrap(b, result, dense, array, attrs=attrs, behavior=behavior)


def _finite(b: Backend, x: Any, nan: Any, posinf: Any, neginf: Any) -> Any:
    dtype = b.dtype(x) if hasattr(x, "dtype") else np.asarray(x).dtype
    if dtype.kind in "biu":
        return x
    if dtype.kind not in "fc":
        raise DTypeError(f"nan_to_num is for numbers, not {dtype}")
    x = b.asarray(x)
    if dtype.kind == "c":
        parts = [_finite(b, b.apply(part, x), nan, posinf, neginf) for part in ("real", "imag")]
        return b.apply("add", parts[0], b.apply("multiply", parts[1], 1j))
    limits = np.finfo(dtype)
    still = b.stop_gradient(x)
    for found, value, fallback in (
        (b.apply("isnan", still), nan, 0.0),
        (b.apply("equal", still, np.inf), posinf, limits.max),
        (b.apply("equal", still, -np.inf), neginf, limits.min),
    ):
        x = b.where(found, b.astype(b.asarray(fallback if value is None else value), dtype), x)
    return x


def nan_to_none(array: Any, *, behavior: Any = None, attrs: Any = None) -> Any:
    """The array with None in the place of each NaN.

    >>> import ragged
    >>> ragged.nan_to_none(ragged.Array([[float("nan"), 1.0], []])).to_list()
    [[None, 1.0], []]
    """
    b, node, _ = single(array)

    def missing(flat: Flat) -> Node:
        if b.dtype(flat.data).kind != "f":
            return flat
        opened: Any = flat
        sizes = []
        while len(opened.data.shape) > 1:
            regular_node = to_regular_node(b, opened)
            sizes.append((regular_node.size, regular_node.length))
            opened = regular_node.content
        found: Node = option(b, ~b.as_structure(b.apply("isnan", b.stop_gradient(opened.data))), opened)
        for size, length in reversed(sizes):
            found = Regular(found, size, length)
        return found

    return wrap(b, _joined_options(b, map_values(b, node, missing, None)), False, array, attrs=attrs, behavior=behavior)


def _joined_options(b: Backend, node: Any) -> Any:
    """An option directly around an option made one."""
    match node:
        case Option(valid, content, parameters):
            return option(b, valid, _joined_options(b, content), parameters)
        case Lists(rows, content, parameters):
            return Lists(rows, _joined_options(b, content), parameters)
        case Regular(content, size, length, parameters):
            return Regular(_joined_options(b, content), size, length, parameters)
        case Record(fields, contents, length, parameters):
            return Record(fields, tuple(_joined_options(b, c) for c in contents), length, parameters)
    return node
