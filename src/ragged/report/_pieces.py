"""Gradients taken apart for the page: the arrays of numbers in them, and the row that each number is in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import optree

from ragged._compare_numbers import bits, is_array
from ragged.array import Array
from ragged.interchange import to_backend
from ragged.nodes import Flat, Lists, Option, Record, Regular, is_text, take
from ragged.registry import backend_of_dense, get_backend

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ragged.nodes import Node

__all__ = ["Piece", "deviations", "pieces", "tolerance"]


@dataclass(frozen=True, slots=True)
class Piece:
    """One array of numbers in a gradient; `ids` tells for each number its row (`rows` of them, ascending)."""

    name: str
    rows: int
    ids: np.ndarray[Any, Any]
    values: np.ndarray[Any, Any]

    def row(self, i: int) -> np.ndarray[Any, Any]:
        """The numbers of one row."""
        low, high = np.searchsorted(self.ids, [i, i + 1])
        found: np.ndarray[Any, Any] = self.values[low:high]
        return found


def pieces(gradient: Any, arguments: Sequence[str], single: bool) -> list[Piece]:
    """All arrays of floats in a gradient; `single` where it is by one argument alone, not by a tuple of them."""
    tree = (gradient,) if single else tuple(gradient)
    found = []
    for i, by in enumerate(tree):
        name = arguments[i] if i < len(arguments) else f"argument {i}"
        paths, leaves, _ = optree.tree_flatten_with_path(by, is_leaf=is_array, none_is_leaf=True)
        for path, leaf in zip(paths, leaves, strict=True):
            whole = name + "".join(f"[{key!r}]" for key in path)
            found += [piece for piece in of_leaf(leaf, whole) if piece.values.dtype.kind in "fc"]
    return found


def of_leaf(leaf: Any, name: str) -> Iterator[Piece]:
    """The arrays of one leaf of a gradient's tree."""
    if isinstance(leaf, Array):
        node = to_backend(leaf, "numpy").layout
        return of_node(node, np.arange(node.length), name, int(node.length))
    if leaf is None:
        return iter(())
    owner = backend_of_dense(leaf)
    values = np.asarray(leaf if owner is None else owner.to_numpy(leaf))
    rows = values.shape[0] if values.ndim else 1
    return iter([Piece(name, rows, np.repeat(np.arange(rows), values[:1].size if values.ndim else 1), values.ravel())])


def of_node(node: Node, ids: np.ndarray[Any, Any], name: str, rows: int) -> Iterator[Piece]:
    """The arrays of a layout whose entries lie in these rows; what hides behind missing values is left out."""
    b = get_backend("numpy")
    match node:
        case Flat(data):
            values = np.asarray(data)
            yield Piece(name, rows, np.repeat(ids, int(np.prod(values.shape[1:]))), values.ravel())
        case Lists(partition, content) if not is_text(node):
            yield from of_node(content, ids[partition.ops.to_numpy(partition.ids)], name, rows)
        case Regular(content, size) if not is_text(node):
            yield from of_node(content, np.repeat(ids, size), name, rows)
        case Option(valid, content):
            kept = np.flatnonzero(b.home(valid).to_numpy(valid))
            yield from of_node(take(b, content, kept), ids[kept], name, rows)
        case Record(_, contents):
            for field, content in zip(node.names, contents, strict=True):
                yield from of_node(content, ids, f"{name}.{field}", rows)


def deviations(piece: Piece, reference: Piece) -> np.ndarray[Any, Any]:
    """For each row how far it is from the reference's, relative to the largest number of all; infinite where one
    side only is finite."""
    x, y = (z.astype(np.result_type(z, np.float64)) for z in (piece.values, reference.values))
    with np.errstate(invalid="ignore", over="ignore"):
        difference = np.where((x == y) | (np.isnan(x) & np.isnan(y)), 0.0, np.abs(x - y))
    largest = float(np.abs(y[np.isfinite(y)]).max(initial=0.0)) or 1.0
    worst = np.zeros(piece.rows)
    np.maximum.at(worst, piece.ids, np.where(np.isfinite(difference), difference / largest, np.inf))
    return worst


def tolerance(piece: Piece, reference: Piece, rtol: float | None, atol: float | None) -> float:
    """Deviations up to here are no difference: the rule of `ragged.compare`, relative to the largest number."""
    narrow = min(bits(piece.values), bits(reference.values)) < 64
    rtol = (1e-4 if narrow else 1e-10) if rtol is None else rtol
    atol = (1e-7 if narrow else 1e-14) if atol is None else atol
    sizes = np.abs(reference.values[np.isfinite(reference.values)])
    return rtol + atol / (float(sizes.max(initial=0.0)) or 1.0)
