"""Text against text: equality of whole strings, compared as bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged.nodes import Flat, Lists, Regular, rows_of
from ragged.rows import Rows

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["equal_text"]


def equal_text(b: Backend, x: Lists | Regular | str | bytes, y: Lists | Regular | str | bytes) -> Flat:
    """Whether each string of `x` is that of `y` (one of them may be a single string), as booleans."""
    if isinstance(x, str | bytes):
        x, y = y, x
    assert not isinstance(x, str | bytes)
    rows, characters = _characters(b, x)
    ops = rows.ops
    if isinstance(y, str | bytes):
        code = y.encode("utf-8", "surrogateescape") if isinstance(y, str) else y
        alike = rows.lengths == len(code)
        compared, at = rows.select(rows.starts - rows.starts, ops.where(alike, rows.lengths, 0))
        other = ops.take(ops.asarray(np.frombuffer(code + b"\0", np.uint8)), compared.positions)
    else:
        other_rows, other_characters = _characters(b, y)
        alike = rows.lengths == other_rows.lengths
        lengths = ops.where(alike, rows.lengths, 0)
        compared, at = rows.select(lengths - lengths, lengths)
        other = ops.take(other_characters, other_rows.select(lengths - lengths, lengths)[1])
    differing = ops.segment_count(ops.take(characters, at) != other, compared)
    return Flat(b.asarray(alike & (differing == 0)), rows.nrows)


def _characters(b: Backend, x: Lists | Regular) -> tuple[Rows, Any]:
    """The rows of a text node, and its bytes as structure."""
    rows, content = rows_of(b, x)
    assert isinstance(content, Flat)
    return rows, b.as_structure(content.data)
