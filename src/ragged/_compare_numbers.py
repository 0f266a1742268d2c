"""The numbers and the structure in a tree of results, and how far two of them are apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import optree

from ragged.array import Array
from ragged.nodes import Flat, Lists, Option, is_text, take
from ragged.registry import backend_of_dense
from ragged.traverse import contents_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ragged.backend import Backend
    from ragged.nodes import Node


@dataclass(frozen=True, slots=True)
class Leaf:
    """One array of a result: numbers, or structure that has to be equal."""

    kind: str
    data: np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Deviation:
    """The largest relative difference, and in words what is wrong where it is beyond tolerance."""

    relative: float
    reason: str | None = None


def is_array(x: Any) -> bool:
    """Whether `x` is a ragged array, which a tree holds as one leaf."""
    return isinstance(x, Array)


def leaves(tree: Any) -> list[Any]:
    """The arrays, numbers and None of a tree."""
    return optree.tree_leaves(tree, is_leaf=is_array, none_is_leaf=True)


def measure(tree: Any) -> list[Leaf]:
    """All numbers and structure of a tree of results, on NumPy."""
    found: list[Leaf] = []
    for leaf in leaves(tree):
        if isinstance(leaf, Array):
            found.extend(of_node(leaf._backend, leaf.layout))
        elif leaf is None:
            found.append(Leaf("none", np.zeros(0)))
        else:
            owner = backend_of_dense(leaf)
            found.append(Leaf("numbers", np.asarray(leaf) if owner is None else owner.to_numpy(leaf)))
    return found


def of_node(b: Backend, node: Node) -> Iterator[Leaf]:
    """The leaves of one layout; what hides behind missing values is left out."""
    match node:
        case Flat(data):
            yield Leaf("numbers", b.to_numpy(data))
        case Option(valid, content):
            ops = b.home(valid)
            yield Leaf("missing values", ops.to_numpy(valid))
            yield from of_node(b, take(b, content, ops.flatnonzero(valid)))
        case Lists(rows, content) if not is_text(node):
            yield Leaf("offsets", rows.ops.to_numpy(rows.offsets))
            yield from of_node(b, content)
        case _ if not is_text(node):
            for content in contents_of(node):
                yield from of_node(b, content)


def deviation(actual: list[Leaf], expected: list[Leaf], rtol: float | None, atol: float | None) -> Deviation:
    """How far the numbers of `actual` are from those of `expected`."""
    if [leaf.kind for leaf in actual] != [leaf.kind for leaf in expected]:
        return Deviation(np.inf, "another structure")
    worst = Deviation(0.0)
    for ours, theirs in zip(actual, expected, strict=True):
        if ours.data.shape != theirs.data.shape:
            return Deviation(np.inf, f"{ours.kind} of shape {ours.data.shape}, not {theirs.data.shape}")
        if ours.kind == "numbers":
            found = of_numbers(ours.data, theirs.data, rtol, atol)
            worst = max(worst, found, key=lambda each: (each.reason is not None, each.relative))
        elif not np.array_equal(ours.data, theirs.data):
            return Deviation(np.inf, f"other {ours.kind}")
    return worst


def of_numbers(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any], rtol: float | None, atol: float | None) -> Deviation:
    """The largest difference of two arrays of one shape, relative to the largest number of the second."""
    if x.dtype.kind not in "biufc" or not x.size:
        return Deviation(0.0)
    narrow = min(bits(x), bits(y)) < 64
    rtol = (1e-4 if narrow else 1e-10) if rtol is None else rtol
    atol = (1e-7 if narrow else 1e-14) if atol is None else atol
    x, y = (z.astype(np.result_type(z, np.float64)) for z in (x, y))
    alike = (x == y) | (np.isnan(x) & np.isnan(y))
    with np.errstate(invalid="ignore"):
        difference = np.where(alike, 0.0, np.abs(x - y))
    if not np.isfinite(difference).all():
        return Deviation(np.inf, "NaN or infinity on one side only")
    largest = float(np.max(np.abs(y), where=np.isfinite(y), initial=0.0))
    apart = float(difference.max())
    relative = apart / largest if largest else apart
    if apart <= atol + rtol * largest:
        return Deviation(relative)
    return Deviation(relative, f"{relative:.2g} apart, more than {rtol:.2g}")


def bits(x: np.ndarray[Any, Any]) -> int:
    """Bits of a float, of each part of a complex number; 64 for anything exact."""
    return 64 if x.dtype.kind not in "fc" else int(np.finfo(x.dtype).bits)
