"""The form of an argument: what compiled code depends on, apart from sizes; and the sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged.nodes import Flat, Lists, Node, Option, Record, Regular, Union

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ragged.backend import Backend

__all__ = ["Former", "sizes_of"]


class Former:
    """One walk over all arguments of a call, which tells lists that share their rows."""

    def __init__(self, b: Backend) -> None:
        self.b = b
        self.seen: dict[int, int] = {}

    def rows(self, rows: Any) -> int:
        """The number of a partition: lists lined up by identity have the same one."""
        return self.seen.setdefault(id(rows), len(self.seen))

    def dtype(self, x: Any) -> np.dtype[Any]:
        """That of a dense array, which may still be where the compiler takes it from."""
        dtype = x.dtype
        return dtype if isinstance(dtype, np.dtype) else self.b.dtype(x)

    def form(self, node: Any) -> tuple[Any, ...]:
        """What two layouts have in common that one compiled program can serve."""
        own = (type(node).__name__, None if node.parameters is None else repr(sorted(node.parameters.items())))
        match node:
            case Flat(data):
                return *own, self.dtype(data), tuple(self.b.shape(data)[1:])
            case Lists(rows, content):
                return *own, self.rows(rows), self.form(content)
            case Regular(content, size):
                return *own, size, self.form(content)
            case Record(fields, contents):
                return *own, fields, *map(self.form, contents)
            case Option(_, content):
                return *own, self.form(content)
            case Union(_, _, contents):
                return *own, *map(self.form, contents)
            case _:
                return own


def lengths(node: Node) -> Iterator[Any]:
    """The lengths below a node that its own does not determine, outermost first."""
    match node:
        case Lists(rows, content):
            yield rows.total
            yield from lengths(content)
        case Regular(content) | Option(_, content):
            yield from lengths(content)
        case Record(_, contents):
            for content in contents:
                yield from lengths(content)
        case Union(_, _, contents):
            for content in contents:
                yield content.length
                yield from lengths(content)


def sizes_of(node: Node, capacity: Callable[[int], int] = int) -> tuple[int, ...]:
    """The number of rows, then the number of elements of each ragged axis below (of all fields, and of each part of a
    union), as capacities."""
    return tuple(capacity(int(size)) for size in (node.length, *lengths(node)))
