"""Equal partitions made one object, so that later alignment checks are identity checks."""

from __future__ import annotations

from ragged.nodes import Lists, Node, Option, Record, Regular
from ragged.rows import Rows

__all__ = ["Pool", "share_rows", "shared"]

Pool = dict[tuple[int, int], list[Rows]]


def shared(pool: Pool, rows: Rows) -> Rows:
    """Equal partitions as one object, so that later alignment checks are identity checks."""
    known = pool.setdefault((rows.nrows, rows.total), [])
    for other in known:
        if other.same(rows):
            return other
    known.append(rows)
    return rows


def share_rows(node: Node, pool: Pool) -> Node:
    """The layout with equal partitions as one object throughout."""
    match node:
        case Lists(rows, content, parameters):
            return Lists(shared(pool, rows), share_rows(content, pool), parameters)
        case Record(fields, contents, length, parameters):
            return Record(fields, tuple(share_rows(content, pool) for content in contents), length, parameters)
        case Regular(content, size, length, parameters):
            return Regular(share_rows(content, pool), size, length, parameters)
        case Option(valid, content, parameters):
            return Option(valid, share_rows(content, pool), parameters)
        case _:
            return node
