"""The key of `x[key]`, brought to a few kinds of items before anything is selected.

After planning an item is an int, a slice, None (a new axis), Ellipsis, `Indices` (flat integers, all of one shape
within a key) or `Ragged` (an index with lists of its own). Masks have become integers where they are flat, and field
names stand apart: they may be taken first, wherever they stand in the key.
"""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ragged._namespace import dtype_of
from ragged.errors import AxisError, DTypeError, StructureError, UnsupportedError
from ragged.nodes import Flat, Lists, Node, Option, Regular, Unknown, is_text
from ragged.operands import common_backend, operand
from ragged.registry import backend_of_dense
from ragged.rows import Rows
from ragged.sizes import differ, is_known, larger
from ragged.slicing._entry import entry
from ragged.slicing._indices import Indices, Ragged

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["Indices", "Plan", "Ragged", "plan"]

FAR = 2**60
"""Beyond every list; and a sum of two of them is still an int64."""


class Clipped(int):
    """An index beyond every list, brought within int64; messages show it as it was `given`."""

    given: int

    def __new__(cls, given: int) -> Clipped:
        """The nearest index that can be computed with."""
        clipped = super().__new__(cls, FAR if given > 0 else -FAR)
        clipped.given = given
        return clipped

    def __repr__(self) -> str:
        return repr(self.given)

    def __format__(self, spec: str) -> str:
        return format(self.given, spec)


KINDS = (
    "int, slice, Ellipsis, None (a new axis), a field name or a list of them, or an array of integers or booleans "
    "(flat, n-dimensional or ragged, with or without missing values)"
)


@dataclass(frozen=True, slots=True)
class Plan:
    """Field names first, then items axis by axis; `backend` is the one to select on."""

    backend: Backend
    fields: tuple[str | list[str], ...]
    items: tuple[Any, ...]


def plan(b: Backend, key: Any) -> Plan:
    """The plan of a key for an array on `b`.

    Raises:
        DTypeError: a key that no array is indexed by.
        AxisError: more than one Ellipsis.
        StructureError: arrays that do not broadcast, or a mix of ragged and other arrays.
    """
    fields: list[str | list[str]] = []
    items: list[Any] = []
    backends: list[Backend] = [b]
    for part in key if isinstance(key, tuple) else (key,):
        planned = plan_item(part, backends)
        if isinstance(planned, str) or (isinstance(planned, list) and planned and isinstance(planned[0], str)):
            fields.append(planned)
        elif isinstance(planned, list):
            items.extend(planned)
        else:
            items.append(planned)
    if items.count(Ellipsis) > 1:
        raise AxisError("a key takes one Ellipsis (...) at most")
    chosen = target(backends)
    if any(isinstance(item, Indices | Ragged) for item in items):
        home = chosen.home()
        items = broadcast([item.on(home) if isinstance(item, Indices | Ragged) else item for item in items])
    return Plan(chosen, tuple(fields), tuple(items))


def target(backends: list[Backend]) -> Backend:
    """Where to select: on the array's backend, or, for an array on NumPy, on the framework that the key comes from."""
    b = backends[0]
    if len(backends) == 1 or all(other.base is b.base or other.base.name == "numpy" for other in backends):
        return b
    chosen = common_backend(backends)
    return chosen if chosen.base is b.base else chosen.base


def plan_item(part: Any, backends: list[Backend]) -> Any:
    """One item of a key (a list of them for a mask of several dimensions; a str or a list of str for fields)."""
    if part is None or part is Ellipsis or isinstance(part, str):
        return part
    if isinstance(part, slice):
        return plain_slice(part)
    if type(part) is int:
        return part if -FAR <= part <= FAR else Clipped(part)
    if isinstance(part, bool | np.bool_ | float | complex | bytes | dict | set):
        raise DTypeError(f"{part!r} is no key; an array is indexed by {KINDS}")
    if isinstance(part, list | tuple) and part and all(isinstance(name, str) for name in part):
        return list(part)
    if isinstance(part, list | tuple) and set(map(type, part)) in ({int}, {bool}, set()):
        part = np.asarray(part, None if part else np.int64)  # the usual case, spared the way through Python objects
    if not hasattr(part, "__len__") and hasattr(part, "__index__"):
        return operator.index(part)
    node, backend, _ = operand(part)
    if backend is not None:
        backends.append(backend)
    if not isinstance(node, Node):
        return integer(part)
    if is_text(node) and node.parameters["__array__"] == "string":  # type: ignore[index]
        return [entry(backend or backends[0], node, i) for i in range(int(node.length))]
    return index_of(backend or backends[0], node)


def plain_slice(key: slice) -> slice:
    """The slice with plain integers, none of them beyond int64."""
    step = near(key.step)
    if step == 0:
        raise StructureError("the step of a slice is not zero")
    return slice(near(key.start), near(key.stop), step)


def near(bound: Any) -> int | None:
    """A bound of a slice, if there is one, within int64."""
    return None if bound is None else min(max(integer(bound), -FAR), FAR)


def integer(x: Any) -> int:
    """A Python int from anything that counts as one (0-d arrays of a framework too)."""
    if type(x) is int:
        return x
    backend = backend_of_dense(x)
    if backend is not None:
        x = backend.as_structure(x)  # where nothing may depend on traced values, that says so itself
        if not backend.known(x):
            raise UnsupportedError(
                "an integer in a key that is not known before the program runs is no entry's number; make an index "
                "array of it, of shape (1,), which selects an array of one entry"
            )
    if isinstance(x, bool | np.bool_) or (hasattr(x, "dtype") and dtype_of(x).kind not in "iu"):
        raise DTypeError(f"{x!r} is no integer; an array is indexed by {KINDS}")
    try:
        return operator.index(x)
    except TypeError:
        raise DTypeError(f"{x!r} is no key; an array is indexed by {KINDS}") from None


def index_of(source: Backend, node: Any) -> Any:
    """An array of a key as `Indices`, a list of them (for a mask of several dimensions), or `Ragged`."""
    node = structure(source, node)
    flat = node.content if isinstance(node, Option) else node
    if not isinstance(flat, Flat) or (isinstance(node, Option) and flat.data.ndim > 1):
        ops = home_of(source, node)
        return Ragged(ops, as_lists(ops, node))
    ops, data = source.home(flat.data), flat.data
    is_mask = ops.dtype(data).kind == "b"
    if isinstance(node, Option):
        valid = node.valid
        if not is_mask:
            return Indices(ops, ops.where(valid, data, 0), (node.length,), valid)
        index = ops.flatnonzero(data | ~valid)
        kept = ops.take(valid, index)
        return Indices(ops, ops.where(kept, index, 0), (ops.size(index),), kept, node.length)
    if is_mask:
        return nonzero(ops, data)
    return Indices(ops, data if data.ndim == 1 else ops.reshape(data, (-1,)), tuple(ops.shape(data)))


def nonzero(ops: Backend, mask: Any) -> Indices | list[Indices]:
    """Where a mask is true: positions along each of its axes."""
    if mask.ndim == 1:
        index = ops.flatnonzero(mask)
        return Indices(ops, index, (ops.size(index),), None, ops.size(mask))
    rest = ops.flatnonzero(ops.reshape(mask, (-1,)))
    shape = (ops.size(rest),)
    found = []
    for size in reversed(ops.shape(mask)):
        divisor = larger(size, 1)
        found.append(Indices(ops, rest % divisor, shape, None, size))
        rest = rest // divisor
    return found[::-1]


def home_of(source: Backend, node: Any) -> Backend:
    """The backend that an index's lists live on."""
    while not isinstance(node, Lists):
        if isinstance(node, Flat):
            return source.home(node.data)
        node = node.content
    return node.rows.ops


def structure(source: Backend, node: Any) -> Any:
    """The node with its numbers as structure: booleans, or int64."""
    match node:
        case Flat(data):
            values = source.as_structure(data)
            ops = source.home(values)
            kind = ops.dtype(values).kind
            if kind not in "biu":
                raise DTypeError(
                    f"an array of {ops.dtype(values)} is no index: arrays in a key hold integers or booleans"
                )
            if ops.dtype(values) == np.uint64:
                values = ops.xp.minimum(values, FAR)  # not a negative int64: out of range
            return Flat(values if kind == "b" else ops.astype(values, np.int64), node.length)
        case Lists(rows, content):
            return Lists(rows, structure(source, content))
        case Regular(content, size, length):
            return Regular(structure(source, content), size, length)
        case Option(valid, content):
            return Option(valid, structure(source, content))
        case Unknown(length):
            ops = source.home()
            return Flat(ops.full((length,), 0, np.int64), length)
    raise DTypeError(f"{type(node).__name__}s are no index: arrays in a key hold integers or booleans")


def as_lists(ops: Backend, node: Any) -> Any:
    """The index with every regular axis as a ragged one."""
    match node:
        case Flat(data) if data.ndim > 1:
            length, size, *rest = ops.shape(data)
            content = Flat(ops.reshape(data, (length * size, *rest)), length * size)
            return Lists(Rows.regular(ops, length, size), as_lists(ops, content))
        case Regular(content, size, length):
            return Lists(Rows.regular(ops, length, size), as_lists(ops, content))
        case Lists(rows, content):
            return Lists(rows, as_lists(ops, content))
        case Option(valid, content):
            return Option(valid, as_lists(ops, content))
        case _:
            return node


def broadcast(items: list[Any]) -> list[Any]:
    """The items with flat index arrays (and integers next to them) brought to one shape."""
    arrays = [item for item in items if type(item) is int or isinstance(item, Indices | Ragged)]
    if any(isinstance(item, Ragged) or (isinstance(item, Indices) and item.valid is not None) for item in arrays):
        if len(arrays) > 1:
            raise StructureError(
                "an index array with lists or missing values is the only array or integer of its key (slices and field "
                "names may stand next to it); index one after the other instead: x[...][...]"
            )
        return items
    if len(arrays) == 1:
        return items
    separated = "".join("a" if type(item) is int or isinstance(item, Indices) else "-" for item in items).strip("-")
    if "-" in separated:
        raise StructureError(
            "index arrays (and integers next to them) stand side by side in a key, without a slice, None or Ellipsis "
            "between them; index one after the other instead: x[...][...]"
        )
    shape = common_shape([item.shape for item in arrays if isinstance(item, Indices)])
    ops = next(item.ops for item in arrays if isinstance(item, Indices))
    return [spread(ops, item, shape) if type(item) is int or isinstance(item, Indices) else item for item in items]


def common_shape(shapes: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    """The shape that index arrays have together; sizes that nobody knows yet have to be equal."""
    first = shapes[0]
    if all(is_known(size) for shape in shapes for size in shape):
        try:
            return np.broadcast_shapes(*shapes)
        except ValueError:
            pass
    elif all(len(shape) == len(first) for shape in shapes):
        what = "the index arrays of a key have one shape"
        if not any(differ(a, b, what) for shape in shapes for a, b in zip(shape, first, strict=True)):
            return first
    given = ", ".join(map(str, shapes))
    raise StructureError(f"the index arrays of a key broadcast to one shape; these have {given}")


def spread(ops: Backend, item: Indices | int, shape: tuple[Any, ...]) -> Indices:
    """An index array or an integer repeated to `shape`."""
    size = math.prod(shape)
    if isinstance(item, int):
        return Indices(ops, ops.full((size,), item, np.int64), shape)
    if item.shape == shape:
        return item
    index = ops.broadcast_to(ops.reshape(item.index, item.shape), shape)
    return Indices(ops, ops.reshape(index, (size,)), shape, None, item.extent)
