"""Results on their way out of a program of static shapes: which arrays it gives, and how they are trimmed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged._bounded import BoundedSize, value_of
from ragged.array import Array
from ragged.compilation._layouts import Converting
from ragged.registry import get_backend
from ragged.rows import Rows, sealed

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Leaving", "Trimming"]


class Leaving(Converting):
    """What a program gives: `arrays` and `sizes` are its outputs, the rest says what is made of them.

    `entering` has the numbers of what came in: `known` those of sizes, `rows` those of partitions, by id.
    """

    def __init__(self, entering: Any, found: Sequence[Any]) -> None:
        self.entering = entering
        self.arrays: list[Any] = []
        self.sizes: list[Any] = []
        self._sizes: dict[int, int] = {}
        self._rows: dict[int, Any] = {}
        self.kept: list[Any] = []  # what is known by its id lives as long as this
        self.templates = [self.leaf(leaf) for leaf in found]

    def outputs(self) -> tuple[list[Any], list[Any]]:
        """The arrays and sizes that the program gives, handed over: nothing of its trace is kept."""
        found = self.arrays, self.sizes
        self.arrays, self.sizes, self.kept = [], [], []
        del self.entering
        return found

    # ------------------------------------------------------------------ the framework's own

    def is_unknown(self, x: Any) -> bool:
        """Whether an array, a size or rows are the program's, and no constants."""
        raise NotImplementedError

    def output(self, x: Any) -> tuple[Any, tuple[Any, ...]]:
        """What the program gives for an array, and the array's shape."""
        raise NotImplementedError

    # ------------------------------------------------------------------ in the program

    def leaf(self, leaf: Any) -> Any:
        """The template of one result."""
        if isinstance(leaf, Array):
            return Array, self.node(leaf.layout), leaf._attrs, leaf._behavior
        return (None, self.dense(leaf), None, None)

    def size(self, size: Any) -> Any:
        """A size as (where it is found, which one, a shift), or a number."""
        if not isinstance(size, BoundedSize):
            return int(size)
        root = id(size.root)
        if root in self.entering.known:
            return "given", self.entering.known[root], size.shift
        if root not in self._sizes:
            self._sizes[root] = len(self.sizes)
            self.sizes.append(size.root)
            self.kept.append(size)
        return "made", self._sizes[root], size.shift

    def dense(self, x: Any) -> Any:
        """An array as (its number among the outputs, its shape), or a constant."""
        if not self.is_unknown(x):
            return None, x
        data, shape = self.output(value_of(x))
        self.arrays.append(data)
        return len(self.arrays) - 1, tuple(map(self.size, shape))

    def partition(self, rows: Any) -> Any:
        """A partition: one of the arguments', known, or given out."""
        if id(rows) not in self._rows:
            self.kept.append(rows)
            if id(rows) in self.entering.rows:
                found: Any = ("given", self.entering.rows[id(rows)])
            elif not self.is_unknown(rows):
                found = ("known", rows.on(get_backend("numpy")))
            else:
                found = (
                    "made",
                    len(self._rows),
                    self.dense(rows.offsets),
                    self.size(rows.nrows),
                    self.size(rows.total),
                )
            self._rows[id(rows)] = found
        return self._rows[id(rows)]


class Trimming(Converting):
    """The results of one call, of their true sizes; `packed` has the `sizes` and the `rows` that came in."""

    def __init__(self, b: Any, packed: Any, outputs: Sequence[Any], sizes: Any) -> None:
        self.b, self.packed, self.outputs = b, packed, outputs
        self.made = self.on_host(sizes).tolist() if len(sizes) else []
        self.rows: dict[int, Rows] = {}

    def on_host(self, x: Any) -> np.ndarray[Any, Any]:
        """The values of an output."""
        return np.asarray(x)

    def cut(self, x: Any, shape: tuple[int, ...]) -> Any:
        """The first entries of an output, as content."""
        return x if tuple(x.shape) == shape else x[tuple(map(slice, shape))]

    def leaves(self, templates: Sequence[Any]) -> list[Any]:
        """All results."""
        return [
            self.dense(template) if kind is None else Array._of(self.node(template), self.b, attrs, behavior)
            for kind, template, attrs, behavior in templates
        ]

    def size(self, size: Any) -> int:
        """A number."""
        if type(size) is int:
            return size
        where, i, shift = size
        found = self.packed.sizes if where == "given" else self.made
        return int(found[i]) + int(shift)

    def dense(self, template: Any) -> Any:
        """An array for the content."""
        place, shape = template
        return shape if place is None else self.cut(self.outputs[place], tuple(map(self.size, shape)))

    def structure(self, template: Any) -> Any:
        """An array on the host."""
        place, shape = template
        if place is None:
            return shape
        x = self.on_host(self.outputs[place])
        return x[tuple(slice(self.size(size)) for size in shape)]

    def partition(self, template: Any) -> Any:
        """Rows on the host."""
        kind, which, *rest = template
        if kind == "given":
            return self.packed.rows[which]
        if kind == "known":
            return which.on(self.b.home())
        if which not in self.rows:
            offsets, nrows, total = rest
            offsets = sealed(self.structure(offsets).astype(np.int64))
            self.rows[which] = Rows(self.b.home(), offsets, self.size(nrows), self.size(total))
        return self.rows[which]
