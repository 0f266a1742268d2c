"""What an operation may be given, and which backend runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged.array import Array
from ragged.array import Record as Entry
from ragged.errors import BackendMismatchError, DTypeError
from ragged.memory import beside, lent
from ragged.nodes import Flat, Lists, Node, Option, Record, Regular, Union
from ragged.registry import backend_of_dense, get_backend, native_node
from ragged.rows import carried

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged.backend import Backend

__all__ = ["at_home", "common_backend", "map_flats", "metadata", "move", "operand", "operands", "single", "wrap"]

NODES = (Flat, Lists, Regular, Record, Option, Union)


def map_flats(node: Any, f: Callable[[Flat], Flat]) -> Any:
    """The layout with every dense node replaced by `f` of it; structure is shared."""
    match node:
        case Flat():
            return f(node)
        case Lists(rows, content, parameters):
            return Lists(rows, map_flats(content, f), parameters)
        case Regular(content, size, length, parameters):
            return Regular(map_flats(content, f), size, length, parameters)
        case Record(fields, contents, length, parameters):
            return Record(fields, tuple(map_flats(c, f) for c in contents), length, parameters)
        case Option(valid, content, parameters):
            return Option(valid, map_flats(content, f), parameters)
        case Union(tags, index, contents, length, parameters):
            return Union(tags, index, tuple(map_flats(c, f) for c in contents), length, parameters)
        case _:
            return node


def move(b: Backend, node: Any, source: Backend | None) -> Any:
    """The node's content as arrays of `b` (NumPy content joins any backend; a tape takes inner arrays as they are), and
    its structure where `b` has it."""
    if source is b or source is None:
        return node
    if source.level and b.base.name != source.base.name:
        raise leaves_the_tape(source, b)
    moved = map_flats(node, lambda flat: Flat(crossed(b, flat.data, source), flat.length, flat.parameters))
    home, before = b.home(), source.home()
    return moved if home is before else at_home(home, moved, before)


def crossed(b: Backend, x: Any, source: Backend) -> Any:
    """A dense array of `source` as one of `b`, over the same memory where both frameworks allow (`ragged.memory`).

    Raises:
        BackendMismatchError: `x` is being differentiated, and its derivative would end there.
    """
    if source.base.name in (b.base.name, "numpy"):
        return b.asarray(x)
    if source.differentiating(x):
        raise BackendMismatchError(
            f"an array that is being differentiated (or traced) by {source.base.name} cannot move to {b.base.name}, "
            f"which knows nothing of its derivative; run the whole program there, under "
            f"ragged.use({b.base.name!r}), or move a constant: ragged.stop_gradient(x)"
        )
    found = beside(b, x, source)
    if found is not None:
        return found
    host = source.to_numpy(x)
    return b.asarray(lent(host) if source.immutable and b.name != "numpy" else host)


def at_home(ops: Backend, node: Any, source: Backend) -> Any:
    """The layout with its structure, which lives on `source`, on another backend (or there already)."""

    def carry(x: Any) -> Any:
        return ops.asarray(x) if ops.owns(x) else carried(ops, x, source)  # it may be on another device

    match node:
        case Lists(rows, content, parameters):
            return Lists(rows.on(ops), at_home(ops, content, source), parameters)
        case Regular(content, size, length, parameters):
            return Regular(at_home(ops, content, source), size, length, parameters)
        case Record(fields, contents, length, parameters):
            return Record(fields, tuple(at_home(ops, each, source) for each in contents), length, parameters)
        case Option(valid, content, parameters):
            return Option(carry(valid), at_home(ops, content, source), parameters)
        case Union(tags, index, contents, length, parameters):
            inner = tuple(at_home(ops, each, source) for each in contents)
            return Union(carry(tags), carry(index), inner, length, parameters)
        case _:
            return node


def leaves_the_tape(one: Backend, other: Backend) -> BackendMismatchError:
    """The error of a value on a tape that meets another framework."""
    tape, other = (one, other) if one.level else (other, one)
    return BackendMismatchError(
        f"a value that is being differentiated on {tape.base.name} meets {other.base.name}, which knows nothing of its "
        f"derivative; run the whole program there, under ragged.use({other.base.name!r}), or move the other array with "
        f"x.to_backend({tape.base.name!r})"
    )


def common_backend(backends: Sequence[Backend | None]) -> Backend:
    """The backend that runs an operation on arrays of these backends: NumPy joins whatever it meets, a tape runs
    what it encloses.

    Raises:
        BackendMismatchError: two different frameworks.
    """
    best: Backend | None = None
    for backend in backends:
        if backend is None or backend is best:
            continue
        if best is None:
            best = backend
        elif (
            best.base.name != backend.base.name
            and (best.level or backend.level)
            and "numpy" not in {each.name for each in (best, backend) if not each.level}
        ):
            raise leaves_the_tape(best, backend)
        elif best.base is backend.base or backend.base.name == "numpy" or best.base.name == "numpy":
            # of two tapes the deeper; of NumPy and another framework, the other framework
            best = max(best, backend, key=lambda each: (each.base.name != "numpy", each.level))
        elif best.base.name == backend.base.name:  # one framework, configured twice
            best = best.joined(backend)
        else:
            raise BackendMismatchError(
                f"arrays of two frameworks in one operation: {best.base.name} and {backend.base.name}; "
                f"move one of them, for example with x.to_backend({best.base.name!r})"
            )
    return get_backend("numpy") if best is None else best


def operand(x: Any) -> tuple[Any, Backend | None, bool]:
    """`x` as a node or a scalar, its backend (None: joins any), and whether it counts as ragged (an `Array`, or
    something that becomes one) rather than dense.

    Scalars (Python numbers, 0-d arrays, None, dates) stay as they are; dense arrays become `Flat`; nested lists,
    strings and Awkward Arrays are built into arrays.
    """
    if type(x) is Array or isinstance(x, Array):
        return x.layout, x._backend, True
    if isinstance(x, bool | int | float | complex) or x is None:
        return x, None, False
    if isinstance(x, np.ndarray) and x.dtype.kind in "biufcmM" and not isinstance(x, np.ma.MaskedArray):
        return (x[()] if x.ndim == 0 else Flat(x, x.shape[0])), get_backend("numpy"), False
    if isinstance(x, np.generic) and x.dtype.kind in "biufcmM":
        return x, None, False
    backend = backend_of_dense(x)
    if backend is not None and (backend.name != "numpy" or backend.level):
        x = backend.content(x)
        return (Flat(x, backend.size(x)) if len(x.shape) else x), backend, False
    native = native_node(x)
    if native is not None:
        from ragged.interchange._stacking import owner_of

        return native, owner_of(native), True
    from ragged.construct import build

    array = build(x)
    if isinstance(array, Array):
        return array.layout, array._backend, True
    if isinstance(array, Entry):
        raise DTypeError("a single record is no operand here; make an array of it: ragged.Array([record])")
    raise DTypeError(f"ragged has no meaning for a {type(x).__name__} here")


def operands(*xs: Any) -> tuple[Backend, list[Any], bool]:
    """The operands as nodes or scalars on one backend, and whether all of them were dense."""
    if len(xs) == 1:
        node, backend, is_ragged = operand(xs[0])
        return backend or get_backend("numpy"), [node], not is_ragged
    parts = [operand(x) for x in xs]
    b = common_backend([backend for _, backend, _ in parts])
    nodes = [move(b, node, backend) if isinstance(node, NODES) else node for node, backend, _ in parts]
    return b, nodes, not any(is_ragged for _, _, is_ragged in parts)


def single(x: Any, number: bool = False) -> tuple[Backend, Node, bool]:
    """One array operand: its backend, its node, and whether it was dense.

    Where a `number` (or a 0-d value) is welcome, it counts as a dense array of it alone; else it is refused.
    """
    if type(x) is Array:
        return x._backend, x.layout, False
    node, backend, is_ragged = operand(x)
    b = backend or get_backend("numpy")
    if not isinstance(node, Node):
        if not number or node is None:
            raise DTypeError(f"this operation takes an array, not the number or value {x!r}")
        node = Flat(b.reshape(b.asarray(node), (1,)), 1)
    return b, node, not is_ragged


def wrap(b: Backend, result: Any, dense: bool = False, *given: Any, attrs: Any = None, behavior: Any = None) -> Any:
    """A node as an `Array` (as a dense value where operands and result are dense); other values as they are.

    The array keeps the attrs and behaviors of what the operation was `given`, unless its own are named.
    """
    if dense and type(result) is Flat:
        return result.data
    if not isinstance(result, Node):
        return result
    kept_attrs, kept_behavior = metadata(given)
    return Array._of(
        result,
        b,
        kept_attrs if attrs is None else dict(attrs),
        kept_behavior if behavior is None else behavior,
    )


def metadata(given: Sequence[Any]) -> tuple[dict[str, Any] | None, dict[Any, Any] | None]:
    """The attrs and behaviors of operands (Awkward's too), merged: the first operand's win."""
    attrs = behavior = None
    for x in reversed(given):
        if type(x) is Entry:
            x = x._array
        found = getattr(x, "_attrs", None)
        if found:
            attrs = {**(attrs or {}), **found}
        found = getattr(x, "_behavior", None)
        if found:
            behavior = {**(behavior or {}), **found}
    return attrs, behavior
