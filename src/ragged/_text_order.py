"""The order of text, as numbers: equal texts have equal ranks, and the ranks are ordered as the texts are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragged.errors import UnsupportedError
from ragged.nodes import Flat, Lists, Regular, rows_of
from ragged.rows import Rows
from ragged.sizes import is_known

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["text_ranks"]

CHUNK = 7
"""Bytes that fit an int64 together, with one more symbol for "the text has ended"."""


def text_ranks(b: Backend, node: Lists | Regular) -> Any:
    """The rank of each text among all, int64 structure; the empty text has rank 0.

    Chunks of bytes are ranked, then pairs of neighbouring ranks, and so on: as many rounds as the longest text has
    halvings, and less work in each (Karp, Miller and Rosenberg, 1972).
    """
    rows, content = rows_of(b, node)
    ops = rows.ops
    assert isinstance(content, Flat)
    if not is_known(rows.total):
        raise UnsupportedError("the order of text is found in as many rounds as it takes; sort it before this program")
    rows, symbols = chunks(ops, rows, ops.astype(b.as_structure(content.data), "int64"))
    symbols = dense_ranks(ops, symbols)
    while rows.longest > 1:
        rows, even, odd = pairs(ops, rows, symbols, 2)
        symbols = dense_ranks(ops, even * (ops.size(symbols) + 1) + odd)
    if not ops.size(symbols):
        return ops.full((rows.nrows,), 0, "int64")
    filled = rows.lengths > 0
    return ops.where(filled, ops.take(symbols, ops.where(filled, rows.starts, 0)), 0)


def pairs(ops: Backend, rows: Rows, symbols: Any, size: int) -> tuple[Rows, *tuple[Any, ...]]:
    """Rows of groups of `size` neighbours, and the symbols of each place in a group; 0 beyond the row's end."""
    grouped = Rows.from_lengths(ops, (rows.lengths + (size - 1)) // size)
    begins = grouped.positions * size
    lengths = ops.take(rows.lengths, grouped.ids)
    starts = ops.take(rows.starts, grouped.ids)
    places = []
    for k in range(size):
        there = begins + k < lengths
        places.append(ops.where(there, ops.take(symbols, ops.where(there, starts + begins + k, 0)), 0))
    return grouped, *places


def chunks(ops: Backend, rows: Rows, codes: Any) -> tuple[Rows, Any]:
    """Rows of chunks, each one number that is ordered as its bytes are."""
    if not ops.size(codes):
        return rows, codes
    grouped, *places = pairs(ops, rows, codes + 1, CHUNK)
    value = places[0]
    for code in places[1:]:
        value = value * 257 + code
    return grouped, value


def dense_ranks(ops: Backend, values: Any) -> Any:
    """1 for the smallest value, 2 for the next one that differs, …"""
    n = ops.size(values)
    if not n:
        return values
    everything = Rows.regular(ops, 1, n)
    order = ops.segment_argsort(values, everything)
    ordered = ops.take(values, order)
    steps = ops.concat([ops.full((1,), 1, "int64"), ops.astype(ordered[1:] != ordered[:-1], "int64")])
    return ops.take(ops.cumulative_sum(steps), ops.segment_argsort(order, everything))
