"""Arguments on their way into a graph, results on their way out of it, and what is noted in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from ragged.array import Array
from ragged.compilation import _layouts as layouts
from ragged.nodes import Flat, Lists, Option, Record, Regular, Union
from ragged.rows import Rows
from ragged_torch._compile_sizes import Size

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Entering", "Given", "Leaving", "Returning", "Trace"]

KEPT = "offsets", "lengths", "ids", "positions", "longest"
"""What rows keep: known before the call, and so no work of the program."""


class Trace:
    """What is noted while one graph is made: the backend, kernels to be kept, and checks."""

    def __init__(self, b: Any, checking: bool) -> None:
        self.b, self.checking = b, checking
        self.kept: list[Any] = []
        self.flags: list[torch.Tensor] = []
        self.texts: list[str] = []
        self.constants: list[torch.Tensor] = []  # made in the trace, of what NumPy or Python has
        self.doubtful = False  # from here on: what is checked may be wrong, and compiled code must outlive it

    def check(self, bad: torch.Tensor, what: str) -> None:
        """Have the program report a boolean tensor of which anything is true."""
        self.doubtful = True
        if self.checking:
            self.flags.append(torch.any(bad.detach()))
            self.texts.append(what)


class Given:
    """The leaves of one call, apart: sizes, tensors, and rows."""

    __slots__ = ("leaves", "rows", "sizes", "tensors")

    def __init__(self, leaves: Sequence[Any]) -> None:
        self.leaves = leaves
        self.sizes: list[int] = []
        self.tensors: list[torch.Tensor] = []
        self.rows: dict[int, Rows] = {}
        for leaf in leaves:
            if type(leaf) is Array:
                self.sizes.append(leaf.layout.length)
                self.node(leaf.layout)
            else:
                if leaf.ndim and leaf.shape[0] != 1:
                    self.sizes.append(leaf.shape[0])
                self.tensors.append(leaf)

    def node(self, node: Any) -> None:
        """What is in a layout."""
        kind = type(node)
        if kind is Flat:
            self.tensors.append(node.data)
        elif kind is Lists:
            rows = node.rows
            if id(rows) not in self.rows:
                self.rows[id(rows)] = rows
                self.sizes.append(rows.total)
            self.node(node.content)
        elif kind is Regular:
            self.node(node.content)
        elif kind is Option:
            self.tensors.append(node.valid)
            self.node(node.content)
        elif kind is Record:
            for content in node.contents:
                self.node(content)
        elif kind is Union:
            self.tensors += [node.tags, node.index]
            for content in node.contents:
                self.sizes.append(content.length)
                self.node(content)


class Entering(layouts.Entering):
    """The leaves of a call again, with other sizes, tensors and structure in the order of `Given`.

    `size(n)` gives the next size, `dense(x, length)` the next tensor, `kept(name, rows, nrows, total)` what rows keep.
    """

    def __init__(
        self,
        b: Any,
        leaves: Sequence[Any],
        size: Callable[[int], Any],
        dense: Callable[[torch.Tensor, Any], torch.Tensor],
        kept: Callable[..., Any],
    ) -> None:
        self.b, self.next_size, self.next_dense, self.kept = b, size, dense, kept
        self.made: dict[int, Rows] = {}
        self.leaves = [self.leaf(leaf) for leaf in leaves]

    def leaf(self, leaf: Any) -> Any:
        """One leaf."""
        if type(leaf) is Array:
            node = leaf.layout
            return Array._of(self.node(node, self.size(node.length)), self.b, leaf._attrs, leaf._behavior)
        if leaf.ndim and leaf.shape[0] != 1:
            return self.dense(leaf, self.size(leaf.shape[0]))
        return self.dense(leaf, None)

    def size(self, size: int) -> Any:
        return self.next_size(size)

    def dense(self, x: Any, length: Any) -> Any:
        return self.next_dense(x, length)

    def partition(self, rows: Rows, length: Any) -> Rows:
        if id(rows) not in self.made:
            total = self.size(rows.total)
            offsets, *kept = (self.kept(name, rows, length, total) for name in KEPT)
            self.made[id(rows)] = made = Rows(self.b, offsets, length, total)
            made._lengths, made._ids, made._positions, made._longest = kept
        return self.made[id(rows)]


class Leaving(layouts.Converting):
    """What a program gives: `outputs` are those of the graph, `templates` say what is made of them."""

    def __init__(self, entering: Entering, tensors: Sequence[Any], found: Sequence[Any]) -> None:
        self.given = {id(x): i for i, x in enumerate(tensors)}
        self.rows: dict[int, Any] = {id(rows): ("given", i) for i, rows in enumerate(entering.made.values())}
        self.outputs: list[Any] = []
        self.kept: list[Any] = [tensors, entering]  # what is known by its id lives as long as this
        self.templates = [self.leaf(leaf) for leaf in found]

    def leaf(self, leaf: Any) -> Any:
        """The template of one result."""
        if isinstance(leaf, Array):
            return self.node(leaf.layout), leaf._attrs, leaf._behavior
        return self.dense(leaf)

    def output(self, x: Any) -> Any:
        """The number of an output of the graph."""
        self.outputs.append(x)
        return "made", len(self.outputs) - 1

    def size(self, size: Any) -> Any:
        """A size."""
        return self.output(size.number) if isinstance(size, Size) else ("known", size)

    def dense(self, x: Any) -> Any:
        """A tensor."""
        if id(x) in self.given:
            return "given", self.given[id(x)]
        return self.output(x.tensor() if isinstance(x, Size) else x)

    def partition(self, rows: Rows) -> Any:
        """Rows: one of the arguments', or given out."""
        if id(rows) not in self.rows:
            self.kept.append(rows)
            parts = self.dense(rows.offsets), self.size(rows.nrows), self.size(rows.total)
            self.rows[id(rows)] = ("made", (id(rows), *parts))
        return self.rows[id(rows)]


class Returning(layouts.Converting):
    """The results of one call."""

    def __init__(self, b: Any, given: Given, outputs: Sequence[Any]) -> None:
        self.b, self.given, self.outputs = b, given, outputs
        self.rows: dict[int, Rows] = {}

    def leaf(self, template: Any) -> Any:
        """One result."""
        if type(template[0]) is str:
            return self.value(template)
        node, attrs, behavior = template
        return Array._of(self.node(node), self.b, attrs, behavior)

    def dense(self, template: Any) -> Any:
        return self.value(template)

    def size(self, template: Any) -> Any:
        return self.value(template)

    def value(self, template: Any) -> Any:
        """A tensor or a size."""
        kind, which = template
        if kind == "made":
            return self.outputs[which]
        return self.given.tensors[which] if kind == "given" else which

    def partition(self, template: Any) -> Any:
        """Rows."""
        kind, which = template
        if kind == "given":
            return list(self.given.rows.values())[which]
        number, *parts = which
        if number not in self.rows:
            self.rows[number] = Rows(self.b.home(), *map(self.value, parts))
        return self.rows[number]
