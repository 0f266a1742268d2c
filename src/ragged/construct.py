"""Building arrays."""

from __future__ import annotations

from typing import Any

from ragged.array import Array
from ragged.context import active
from ragged.nodes import Flat
from ragged.operands import move
from ragged.registry import backend_of_dense, get_backend

__all__ = ["build"]


def build(data: Any, *, backend: str | None = None, with_name: str | None = None, check_valid: bool = False) -> Any:
    """An Array from anything that has a ragged form."""
    if isinstance(data, Array):
        source, node = data._backend, data.layout
    elif (owner := backend_of_dense(data)) is not None:
        source, node = owner, Flat(data, owner.size(data))
    else:
        from ragged.interchange.awkward import from_python

        source = get_backend("numpy")
        node = from_python(source, data)
    target = get_backend(backend) if backend is not None else active() or source
    return Array._of(move(target, node, source), target)
