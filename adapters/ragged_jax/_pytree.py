"""Arrays and records as JAX pytrees: the content arrays are the children, the structure is static."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from ragged._flattening import Pending, Static, flattened, plain
from ragged.array import Array, Record
from ragged.errors import StructureError
from ragged.nodes import Flat, Node, Option, Unknown
from ragged.operands import common_backend
from ragged.registry import backend_of_dense
from ragged_jax._compat import Tracer, is_batched
from ragged_jax._padded import Padded

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ragged.backend import Backend

__all__ = ["register"]


def _flatten(array: Array) -> tuple[tuple[Any, ...], Static]:
    return flattened(array, is_batched)


def _unflatten(static: Static, leaves: Iterable[Any]) -> Array:
    leaves = tuple(leaves)
    backend = _backend_of(leaves, static.backend)
    pending = Pending(static, leaves, backend, _place)
    if any(isinstance(leaf, Tracer | Padded) for leaf in leaves):
        with suppress(StructureError):  # now: in a loop or branch that asks first, it would be lost after that
            pending.made = pending() if pending.grows() else None
    return Array._lazily(pending, backend, static.attrs, static.behavior)


def _place(b: Backend, leaf: Any, shape: tuple[int, ...], length: int, parameters: Any) -> Node:
    """The node of what JAX put in the content's place."""
    if leaf.dtype == jax.dtypes.float0:  # JAX's "no derivative": None, as in ragged's own gradients
        return Option(np.zeros(length, bool), Unknown(length))
    if isinstance(leaf, jax.ShapeDtypeStruct):  # what jax.eval_shape gives: a type without values
        return Flat(type(leaf)(shape, leaf.dtype), length, parameters)
    return plain(b, leaf, shape, length, parameters)


def _backend_of(leaves: Sequence[Any], before: Backend) -> Backend:
    """Where content now is: what JAX gave back is JAX's, with the options that the array had."""
    found = [_backend_of_leaf(leaf, before) for leaf in leaves]
    return before if not found or None in found else common_backend(found)


def _backend_of_leaf(leaf: Any, before: Backend) -> Backend | None:
    if isinstance(leaf, Array):
        return leaf._backend
    if isinstance(leaf, jax.Array) and before.name == "jax":
        return before
    return backend_of_dense(leaf)


def _flatten_record(record: Record) -> tuple[tuple[Array], None]:
    return (record._array,), None


def _unflatten_record(static: None, children: Iterable[Any]) -> Record:
    record = object.__new__(Record)
    (record._array,) = children
    return record


def _flatten_padded(x: Padded) -> tuple[tuple[Any], tuple[Any, ...]]:
    if x.before is not None:
        return (x.data,), x.before
    return (x.zeroed() if isinstance(x.data, jax.Array) else x.data,), x.shape  # the leaves are anybody's


def _unflatten_padded(shape: tuple[Any, ...], children: Iterable[Any]) -> Padded:
    (data,) = children
    return Padded.moved(data, shape)


def register() -> None:
    """Make `ragged.Array`, `ragged.Record` and what they hold under `ragged.jit` pytrees (once a process)."""
    jax.tree_util.register_pytree_node(Array, _flatten, _unflatten)
    jax.tree_util.register_pytree_node(Record, _flatten_record, _unflatten_record)
    jax.tree_util.register_pytree_node(Padded, _flatten_padded, _unflatten_padded)
