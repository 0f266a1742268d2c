"""Choosing between arrays element by element, and bringing arrays to one structure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged._merging import common_parameters, merge
from ragged._steps import NODES, pure_depth
from ragged.array import Array
from ragged.array import Record as Entry
from ragged.broadcasting import broadcast
from ragged.errors import DTypeError, StructureError, UnsupportedError
from ragged.nodes import Flat, Lists, Option, Record, Regular, Unknown, is_text, option, take
from ragged.operands import operands, wrap
from ragged.sizes import common_shape, is_known, larger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragged.backend import Backend
    from ragged.broadcasting import Rule

__all__ = ["broadcast_arrays", "where"]


def where(condition: Any, *args: Any, mergebool: bool = True, behavior: Any = None, attrs: Any = None) -> Any:
    """Elements of `x` where the condition is true and of `y` elsewhere; without `x` and `y`, where it is true.

    `where(condition, x, y)` broadcasts all three. Where the condition is missing, so is the result. A value that is
    not chosen disturbs neither values nor gradients if it is masked: `where(c, f(mask(x, c)), y)`.

    Args:
        condition: booleans (numbers count as true where they are not 0).
        *args: `x` and `y`, arrays or scalars; none of them for the indices where the (rectangular) condition is true.
        mergebool: whether booleans and numbers may mix (they become numbers).

    Raises:
        StructureError: operands that do not line up.
        UnsupportedError: `x` and `y` of types that only a union could hold together.

    >>> import ragged
    >>> x = ragged.Array([[1.0, -2.0], [], [3.0]])
    >>> ragged.where(x > 0, x, 0.0)
    <Array [[1, 0], [], [3]] type='3 * var * float64'>
    """
    if not args:
        return _nonzero(condition)
    if len(args) != 2:
        raise ValueError(f"where takes both or neither of x and y, not {len(args)} of them")
    if any(x is None for x in args):
        raise DTypeError("where: None is no operand; use ragged.mask to make values missing")
    x, y = (_text_node(x) if isinstance(x, str | bytes) else x for x in args)
    b, nodes, dense = operands(condition, x, y)
    given = nodes[0]
    if not isinstance(given, NODES):
        if condition is None or isinstance(condition, str | bytes):
            raise DTypeError(f"where: the condition must be booleans or numbers, not {condition!r}")
        if not any(isinstance(x, NODES) for x in nodes):
            return _choose(b, nodes[0], nodes[1], nodes[2], mergebool)
        nodes[0] = Flat(b.reshape(b.asarray(nodes[0]), (1,)), 1)

    short = _choose_aligned(b, nodes, mergebool)
    if short is not None:
        return wrap(b, short, dense, *args, condition, attrs=attrs, behavior=behavior)

    def action(b: Backend, inputs: tuple[Any, ...], valid: Any) -> Any:
        chosen, x, y = inputs
        if type(chosen) is not Flat:
            raise DTypeError("where: the condition must be booleans or numbers, not text or records")
        mask = chosen.data if b.dtype(chosen.data).kind == "b" else b.apply("not_equal", chosen.data, 0)
        return _choose(b, mask, x, y, mergebool)

    stop = _condition_reached if isinstance(given, NODES) else _leaves_reached
    (result,) = broadcast(b, nodes, action, name="where", stop=stop, push_missing=0)
    return wrap(b, result, dense, *args, condition, attrs=attrs, behavior=behavior)


def _choose_aligned(b: Backend, nodes: Sequence[Any], mergebool: bool) -> Any:
    """The usual case, without a plan: booleans, numbers and scalars, and lists of them that share their rows."""
    condition, x, y = nodes
    if condition.parameters is not None:
        return None
    if type(condition) is Lists:
        inner = [condition.content]
        for each in (x, y):
            if type(each) is Lists and each.rows is condition.rows and each.parameters is None:
                each = each.content
            elif isinstance(each, NODES):
                return None
            inner.append(each)
        chosen = _choose_aligned(b, inner, mergebool)
        return None if chosen is None else Lists(condition.rows, chosen)
    if type(condition) is not Flat or b.dtype(condition.data).kind != "b":
        return None
    shape = b.shape(condition.data)
    if all(type(each) is Flat and b.shape(each.data) == shape for each in (x, y) if isinstance(each, NODES)):
        return _choose_numbers(b, condition.data, x, y, mergebool)
    return None


def _text_node(x: str | bytes) -> Any:
    return Array([x])


def _condition_reached(nodes: Sequence[Any], depth: int) -> bool:
    return type(nodes[0]) is Flat and len(nodes[0].data.shape) == 1


def _leaves_reached(nodes: Sequence[Any], depth: int) -> bool:
    """Whether a single condition has met the values: it chooses among those of any depth."""
    return all(not isinstance(x, NODES) or type(x) is Flat for x in nodes)


def _choose(b: Backend, mask: Any, x: Any, y: Any, mergebool: bool) -> Any:
    """`x` where the dense boolean `mask` is true and `y` elsewhere, for operands of one length (or scalars)."""
    if isinstance(x, Option) or isinstance(y, Option):
        chosen = b.as_structure(mask)
        valid = b.home(chosen).where(chosen, _validity(x), _validity(y))
        return option(b, valid, _choose(b, mask, _content(x), _content(y), mergebool))
    if type(x) is Unknown or type(y) is Unknown:
        known = y if type(x) is Unknown else x
        return known if isinstance(known, NODES) else _choose_numbers(b, mask, known, known, mergebool)
    if not isinstance(x, NODES) or type(x) is Flat:
        if not isinstance(y, NODES) or type(y) is Flat:
            return _choose_numbers(b, mask, x, y, mergebool)
    elif type(x) is Record and type(y) is Record and set(x.names) == set(y.names):
        contents = tuple(_choose(b, mask, x.content(name), y.content(name), mergebool) for name in x.names)
        return Record(x.fields, contents, x.length, common_parameters([x, y]))
    if not isinstance(x, NODES) or not isinstance(y, NODES):
        raise UnsupportedError("where: a number and a list (or record) would make a union, which is not supported yet")
    chosen = b.as_structure(mask)
    ops = b.home(chosen)
    both = merge(b, [x, y], mergebool=mergebool, name="where")
    index = ops.arange(x.length)
    return take(b, both, ops.where(chosen, index, index + x.length))


def _validity(x: Any) -> Any:
    return x.valid if isinstance(x, Option) else True


def _content(x: Any) -> Any:
    return x.content if isinstance(x, Option) else x


def _choose_numbers(b: Backend, mask: Any, x: Any, y: Any, mergebool: bool) -> Any:
    """Dense choice, in the dtype that holds both (Python scalars count as int64, float64 or complex128)."""
    values = [each.data if type(each) is Flat else each for each in (x, y)]
    kinds = [b.dtype(v) if hasattr(v, "dtype") else np.asarray(v).dtype for v in values]
    letters = {kind.kind for kind in kinds}
    if len(letters) > 1 and (letters & set("mM") or ("b" in letters and not mergebool)):
        raise UnsupportedError(f"where: {kinds[0]} and {kinds[1]} would make a union, which is not supported yet")
    dtype = np.result_type(*kinds)
    cast = [
        value if kind == dtype and hasattr(value, "dtype") else b.astype(b.asarray(value), dtype)
        for value, kind in zip(values, kinds, strict=True)
    ]
    result = b.where(mask, *cast)
    if not isinstance(x, NODES) and not isinstance(y, NODES) and not len(mask.shape):
        return result
    flats = [each for each in (x, y) if type(each) is Flat]
    kept = common_parameters(flats) if flats else None
    return Flat(result, b.size(result), kept)


def _nonzero(condition: Any) -> tuple[Any, ...]:
    """One index array an axis, as `numpy.nonzero`."""
    b, (node,), dense = operands(condition)
    if not isinstance(node, NODES):
        raise DTypeError(f"where: the condition must be an array, not the single value {condition!r}")
    mask, shape = _rectangle(b, node)
    ops = b.home(mask)
    places = ops.flatnonzero(mask)
    columns = []
    for size in reversed(shape[1:]):
        columns.append(places % larger(size, 1))
        places = places // larger(size, 1)
    columns.append(places)
    nodes = [Flat(b.asarray(column), ops.size(column)) for column in reversed(columns)]
    return tuple(wrap(b, each, dense, condition) for each in nodes)


def _rectangle(b: Backend, node: Any) -> tuple[Any, tuple[Any, ...]]:
    """Which values are true and present, as flat structure, and the shape that they have."""
    match node:
        case Flat(data):
            mask = b.as_structure(data) != 0
            return b.home(mask).reshape(mask, (-1,)), tuple(b.shape(data))
        case Option(valid, content):
            mask, shape = _rectangle(b, content)
            some = not is_known(node.length) or node.length
            inner = b.home(mask).reshape(mask, (node.length, -1)) if some else mask
            present = inner & valid[:, None] if some else mask
            return b.home(mask).reshape(present, (-1,)), shape
        case Regular(content, size, length) if not is_text(node):
            mask, shape = _rectangle(b, content)
            return mask, (length, size, *shape[1:])
        case Lists(rows, content) if not is_text(node):
            lengths = rows.lengths
            if rows.ops.violated(lengths != rows.longest, "where: one argument needs lists of one length"):
                raise StructureError("where: one argument needs lists of one length; index a ragged array by its mask")
            mask, shape = _rectangle(b, content)
            return mask, (rows.nrows, rows.longest, *shape[1:])
        case Unknown(length):
            return b.home().full((length,), False, "bool"), (length,)
    raise DTypeError(f"where: the condition must be numbers, not {'text' if is_text(node) else type(node).__name__}")


def broadcast_arrays(
    *arrays: Any,
    depth_limit: int | None = None,
    broadcast_parameters_rule: Rule = "one_to_one",
    left_broadcast: bool = True,
    right_broadcast: bool = True,
    behavior: Any = None,
    attrs: Any = None,
) -> list[Any]:
    """The arrays with enough of their entries repeated that all have one structure.

    Args:
        *arrays: arrays, numbers, text.
        depth_limit: how many axes are brought together; all of them by default (1 is the outermost only).
        broadcast_parameters_rule: "intersect", "one_to_one", "all_or_nothing" or "none".
        left_broadcast: whether shallower arrays are repeated into ragged lists.
        right_broadcast: whether regular arrays of different depth line up from the right.

    Raises:
        StructureError: arrays that do not line up; the message names the first row that disagrees.

    >>> import ragged
    >>> ragged.broadcast_arrays([100, 200, 300], [[1.1, 2.2, 3.3], [], [4.4, 5.5]])[0].to_list()
    [[100, 100, 100], [], [300, 300]]
    """
    if not arrays:
        return []
    promoted = [x._array if isinstance(x, Entry) else x if _is_array(x) else Array([x]) for x in arrays]
    b, nodes, dense = operands(*promoted)
    nodes = [x if isinstance(x, NODES) else Flat(b.reshape(x, (1,)), 1) for x in nodes]

    def stop(nodes: Sequence[Any], depth: int) -> bool:
        return depth == depth_limit or all(type(x) is not Option and pure_depth(x)[0] == 1 for x in nodes)

    results = broadcast(
        b,
        nodes,
        _same_shape if depth_limit is None else _as_they_are,
        name="broadcast_arrays",
        left_broadcast=left_broadcast,
        right_broadcast=right_broadcast,
        broadcast_parameters_rule=broadcast_parameters_rule,
        stop=stop,
        dense_leaves=depth_limit is None,
    )
    return [
        wrap(b, result, dense, x, attrs=attrs, behavior=behavior) for result, x in zip(results, arrays, strict=True)
    ]


def _is_array(x: Any) -> bool:
    return hasattr(x, "shape") or hasattr(x, "layout") or isinstance(x, list | tuple)


def _as_they_are(b: Backend, inputs: tuple[Any, ...], valid: Any) -> tuple[Any, ...]:
    return inputs


def _same_shape(b: Backend, inputs: tuple[Any, ...], valid: Any) -> tuple[Any, ...]:
    """Dense leaves brought to one shape; others as they are."""
    shapes = [b.shape(x.data) for x in inputs if type(x) is Flat]
    if len(shapes) < len(inputs) or all(shape == shapes[0] for shape in shapes):
        return inputs
    shape = common_shape(shapes, "broadcast_arrays: regular axes do not line up")
    return tuple(Flat(b.broadcast_to(x.data, shape), shape[0], x.parameters) for x in inputs)
