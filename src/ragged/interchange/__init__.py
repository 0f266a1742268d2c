"""To and from other libraries."""

from __future__ import annotations

from typing import Any

from ragged.array import Array
from ragged.nodes import Flat
from ragged.operands import map_flats

__all__ = ["to_awkward", "to_list"]


def to_awkward(x: Array) -> Any:
    """The same array as an `awkward.Array`, sharing NumPy buffers."""
    import awkward as ak

    from ragged.interchange.awkward import to_layout

    b = x._backend
    return ak.Array(to_layout(map_flats(x.layout, lambda f: Flat(b.to_numpy(f.data), f.length, f.parameters))))


def to_list(x: Array) -> Any:
    """Nested Python lists."""
    return to_awkward(x).to_list()
