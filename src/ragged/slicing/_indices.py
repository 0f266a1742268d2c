"""The arrays of a key: flat positions, and indices with lists of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ragged.nodes import Flat, Lists, Option
from ragged.operands import at_home, map_flats

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["Indices", "Ragged"]


@dataclass(frozen=True, slots=True)
class Indices:
    """Flat positions: `index` (1-d int64 structure of `ops`), in the key an array of `shape`.

    `valid` marks those that are not missing; `extent` is the length that the axis must
    have, where they come from a mask.
    """

    ops: Backend
    index: Any
    shape: tuple[int, ...]
    valid: Any = None
    extent: Any = None

    def on(self, home: Backend) -> Indices:
        """The same positions where the array's structure is, which NumPy's join."""
        if self.ops is home or self.ops.name != "numpy":
            return self
        valid = None if self.valid is None else home.asarray(self.valid)
        return Indices(home, home.asarray(self.index), self.shape, valid, self.extent)


@dataclass(frozen=True, slots=True)
class Ragged:
    """An index with lists of its own: Lists and Options over one flat array of booleans or int64,
    all structure of `ops`."""

    ops: Backend
    node: Lists | Option

    def on(self, home: Backend) -> Ragged:
        """The same index where the array's structure is, which NumPy's joins."""
        if self.ops is home or self.ops.name != "numpy":
            return self
        node = map_flats(self.node, lambda flat: Flat(home.asarray(flat.data), flat.length))
        return Ragged(home, at_home(home, node, self.ops))
