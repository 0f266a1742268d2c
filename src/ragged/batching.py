"""Batches of rows: by their number, by their elements, in any order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged.array import Array, Record
from ragged.autodiff.trees import tree_flatten
from ragged.errors import DTypeError, StructureError
from ragged.nodes import Lists, Node, Option, Regular, is_text
from ragged.nodes import Record as RecordNode
from ragged.registry import backend_of_dense

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["batches"]


def batches(
    x: Any,
    *,
    size: int | None = None,
    budget: int | None = None,
    shuffle: bool = False,
    seed: Any = 0,
    drop_last: bool = False,
    by_length: bool = False,
) -> Iterator[Any]:
    """The rows of `x` in batches, each of the type of `x`.

    Args:
        x: an array, or a tree (dict, tuple, …) of arrays and dense arrays of one length, which are cut alike.
        size: the number of rows of a batch; the last may have fewer.
        budget: the most elements that a batch may have along any of its ragged axes (of all fields and arrays; without
            any ragged axis, rows count). With both, a batch ends where the first of the two is reached.
        shuffle: take the rows in a random order, the same one for a seed, on every backend.
        seed: of the order, as `numpy.random.default_rng` takes it; another one for each epoch gives another order.
        drop_last: leave out the last batch where the rows ran out before it was full.
        by_length: put rows of like length together; `shuffle` then mixes equal rows, and the batches.

    Raises:
        StructureError: arrays of different lengths, or a row with more elements than `budget`.
        DTypeError: neither `size` nor `budget`, or something that is no array.

    >>> import ragged
    >>> x = ragged.Array([[1, 2], [], [3], [4, 5, 6]])
    >>> for batch in ragged.batches(x, size=3):
    ...     print(batch)
    <Array [[1, 2], [], [3]] type='3 * var * int64'>
    <Array [[4, 5, 6]] type='1 * var * int64'>
    >>> [batch.to_list() for batch in ragged.batches(x, budget=3, by_length=True)]
    [[[], [3], [1, 2]], [[4, 5, 6]]]
    """
    if size is None and budget is None:
        raise DTypeError("batches takes the number of rows of a batch (size=...), of elements (budget=...), or both")
    for name, limit in (("size", size), ("budget", budget)):
        if limit is not None and (not isinstance(limit, int | np.integer) or limit < 1):
            raise DTypeError(f"{name} is a positive integer, not {limit!r}")
    leaves, treedef = tree_flatten(x)
    n = common_length(leaves)
    counts = counted(leaves, n) if by_length or budget is not None else np.zeros((0, n), np.int64)
    rng = np.random.default_rng(seed)
    order = rng.permutation(n) if shuffle else None
    if by_length:
        lengths = counts.sum(axis=0)
        order = (
            np.argsort(lengths, kind="stable") if order is None else order[np.argsort(lengths[order], kind="stable")]
        )
    cuts = cut(counts if order is None else counts[:, order], n, size, budget, order)
    if drop_last and cuts and not is_full(counts if order is None else counts[:, order], *cuts[-1], size, budget):
        cuts.pop()
    if shuffle and by_length:
        cuts = [cuts[i] for i in rng.permutation(len(cuts))]
    return (treedef.unflatten([taken(leaf, order, *part) for leaf in leaves]) for part in cuts)


def common_length(leaves: Sequence[Any]) -> int:
    """The number of rows that all leaves have."""
    lengths = []
    for leaf in leaves:
        if isinstance(leaf, Array):
            lengths.append(len(leaf))
        elif isinstance(leaf, Record) or backend_of_dense(leaf) is None or not leaf.shape:
            raise DTypeError(f"batches are taken of arrays, not of {leaf!r:.80}; make it one: ragged.Array(...)")
        else:
            lengths.append(int(leaf.shape[0]))
    if not lengths:
        raise DTypeError("batches are taken of arrays, and there is none")
    if len(set(lengths)) > 1:
        raise StructureError(f"arrays of {' and '.join(map(str, lengths))} rows cannot be cut alike")
    return lengths[0]


def counted(leaves: Sequence[Any], n: int) -> np.ndarray[Any, Any]:
    """For each ragged axis of the leaves (text counts as a value) how many elements each row has along it."""
    found: list[Any] = []
    for leaf in leaves:
        if isinstance(leaf, Array):
            counts_below(leaf.layout, np.arange(n + 1), found)
    return np.stack(found) if found else np.ones((1, n), np.int64)


def counts_below(node: Node, edges: Any, found: list[Any]) -> None:
    """Enter the elements of each row along the ragged axes below a node; row `i` has its entries `edges[i:i + 2]`."""
    match node:
        case Lists(rows, content) if not is_text(node):
            edges = rows.ops.to_numpy(rows.offsets)[edges]
            found.append(np.diff(edges))
            counts_below(content, edges, found)
        case Regular(content, size) if not is_text(node):
            counts_below(content, edges * size, found)
        case Option(_, content):
            counts_below(content, edges, found)
        case RecordNode(_, contents):
            for content in contents:
                counts_below(content, edges, found)


def cut(counts: Any, n: int, size: int | None, budget: int | None, order: Any) -> list[tuple[int, int]]:
    """Where batches start and stop: each takes as many rows as `size` and `budget` allow.

    Raises:
        StructureError: a row that alone has more elements than `budget`.
    """
    if budget is not None and n and counts.max() > budget:
        i = int(np.argmax(counts.max(axis=0)))
        row = i if order is None else int(order[i])
        raise StructureError(f"row {row} has {counts[:, i].max()} elements, more than the budget of {budget}")
    totals = np.concatenate([np.zeros((len(counts), 1), np.int64), np.cumsum(counts, axis=1)], axis=1)
    cuts: list[tuple[int, int]] = []
    start = 0
    while start < n:
        stop = n if size is None else min(start + size, n)
        if budget is not None:
            stop = min(stop, *(int(np.searchsorted(t, t[start] + budget, "right")) - 1 for t in totals))
        cuts.append((start, stop))
        start = stop
    return cuts


def is_full(counts: Any, start: int, stop: int, size: int | None, budget: int | None) -> bool:
    """Whether a batch has reached one of its limits."""
    return stop - start == size or (budget is not None and bool((counts[:, start:stop].sum(axis=1) == budget).any()))


def taken(x: Any, order: Any, start: int, stop: int) -> Any:
    """The rows of one batch."""
    if isinstance(x, Array):
        return x[start:stop] if order is None else x[order[start:stop]]
    b = backend_of_dense(x)
    assert b is not None
    if order is None:
        return b.slice(x, start, stop)
    index: np.ndarray[Any, Any] = order[start:stop]
    return b.take(x, b.home(x).asarray(index))
