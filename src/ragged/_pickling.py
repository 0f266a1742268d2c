"""How arrays travel in pickles and copies: content as NumPy's, whatever the backend.

A framework's own pickles may be narrowed (JAX's, where it unpickles at 32 bits), or bound to a device.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from ragged.array import Array
from ragged.interchange import on_numpy
from ragged.nodes import Flat
from ragged.operands import map_flats, move
from ragged.registry import get_backend

if TYPE_CHECKING:
    from ragged.backend import Backend
    from ragged.nodes import Node

__all__ = ["copied", "reduced"]


def reduced(array: Array) -> tuple[Any, ...]:
    """What `pickle` makes the array of again."""
    b = array._backend
    node = on_numpy(b, array.layout)
    kept = {key: value for key, value in (array._attrs or {}).items() if not str(key).startswith("@")}
    return restored, (node, b, kept or None, array._behavior)


def restored(node: Node, backend: Backend, attrs: Any, behavior: Any) -> Array:
    """The array on its backend."""
    return Array._of(move(backend, node, get_backend("numpy")), backend, attrs, behavior)


def copied(array: Array, memo: Any) -> Array:
    """The array with content of its own (`Backend.duplicate`)."""
    b = array._backend

    def own(flat: Flat) -> Flat:
        return Flat(b.duplicate(flat.data), flat.length, flat.parameters)

    attrs = deepcopy(dict(array._attrs or {}), memo)
    return Array._of(map_flats(array.layout, own), b, attrs, array._behavior)
