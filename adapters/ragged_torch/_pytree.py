"""Arrays and records as PyTorch pytrees: floating and complex content is a leaf, all the rest is context.

`torch.func` takes trees of tensors that it can differentiate by; integers, booleans and structure are none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.utils import _pytree

from ragged._flattening import Pending, Static, flattened
from ragged.array import Array, Record
from ragged.nodes import Flat, Node
from ragged.operands import common_backend, move
from ragged.registry import backend_of_dense, get_backend
from ragged_torch._compat import is_batched

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ragged.backend import Backend

__all__ = ["register"]


def _flatten(array: Array) -> tuple[list[Any], Static]:
    if array._backend is get_backend("numpy"):  # PyTorch transforms tensors only
        b = get_backend("torch")
        array = Array._of(move(b, array.layout, array._backend), b, array._attrs, array._behavior)
    leaves, static = flattened(array, _is_batched, _is_leaf)
    return list(leaves), static


def _is_batched(x: Any) -> bool:
    return isinstance(x, torch.Tensor) and is_batched(x)


def _is_leaf(x: Any) -> bool:
    return not isinstance(x, torch.Tensor) or x.is_floating_point() or x.is_complex()


def _unflatten(leaves: Iterable[Any], static: Any) -> Array:
    leaves = tuple(leaves)
    backend = _backend_of(leaves, static.backend)
    return Array._lazily(Pending(static, leaves, backend, _place), backend, static.attrs, static.behavior)


def _place(b: Backend, leaf: Any, shape: tuple[int, ...], length: int, parameters: Any) -> Node:
    """The node of a tensor; the very same one where it has its shape, as `torch.func` marks tensors in place."""
    return Flat(leaf if leaf.shape == shape else leaf.reshape(shape), length, parameters)


def _backend_of(leaves: Sequence[Any], before: Backend) -> Backend:
    """Where content now is; placeholders (`tree_map` gives anything) leave it where it was."""
    found = [leaf._backend if isinstance(leaf, Array) else backend_of_dense(leaf) for leaf in leaves]
    return before if not found or None in found else common_backend(found)


def _with_keys(array: Array) -> tuple[list[tuple[Any, Any]], Static]:
    leaves, static = _flatten(array)
    return [(_pytree.SequenceKey(i), leaf) for i, leaf in enumerate(leaves)], static


def _flatten_record(record: Record) -> tuple[list[Array], None]:
    return [record._array], None


def _unflatten_record(children: Iterable[Any], context: Any) -> Record:
    record = object.__new__(Record)
    (record._array,) = children
    return record


def _record_with_keys(record: Record) -> tuple[list[tuple[Any, Any]], None]:
    return [(_pytree.SequenceKey(0), record._array)], None


def register() -> None:
    """Make `ragged.Array` and `ragged.Record` pytrees (once a process)."""
    _pytree.register_pytree_node(
        Array, _flatten, _unflatten, serialized_type_name="ragged.Array", flatten_with_keys_fn=_with_keys
    )
    _pytree.register_pytree_node(
        Record,
        _flatten_record,
        _unflatten_record,
        serialized_type_name="ragged.Record",
        flatten_with_keys_fn=_record_with_keys,
    )
