"""What arrays share and how they travel: rows, memory, copies and pickles."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np

import ragged
from ragged.nodes import Lists
from ragged.testing._expect import Checks, expect, expect_same
from ragged.testing._samples import sample

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["layouts"]


def rows_of(x: Any) -> Any:
    """The row partition of an array of lists."""
    node = x.layout
    while not isinstance(node, Lists):
        node = node.content
    return node.rows


def shared_rows(b: Backend) -> None:
    """Arrays that are derived from one another share one row partition."""
    x = sample("rows")
    rows = rows_of(x)
    y = x * 2
    for what, found in (
        ("x * 2", y),
        ("x + y", x + y),
        ("x * sum(x, axis=1)", x * ragged.sum(x, axis=1)),
        ("sin(x)", ragged.sin(x)),
        ("x > 0", x > 0),
        ("where", ragged.where(x > 0, x, y)),
        ("sort", ragged.sort(x)),
        ("softmax", ragged.softmax(x, axis=1)),
        ("local_index", ragged.local_index(x)),
        ("zeros_like", ragged.zeros_like(x)),
        ("mask", ragged.mask(x, x > 0)),
        ("values_astype", ragged.values_astype(x, "float32")),
        ("zip", ragged.zip({"a": x, "b": y})["b"]),
        ("to_backend", x.to_backend(b.name)),
        ("grad", ragged.grad(lambda x: ragged.sum(x * x))(x)),
        ("jvp", ragged.jvp(lambda x: x * x, (x,), (x,))[1]),
    ):
        expect(rows_of(found) is rows, f"{what} to share the row partition of x")


def rows_computed_once(b: Backend) -> None:
    """What follows from a row partition is computed on first use and kept."""
    rows = rows_of(sample("rows"))
    for name in ("ids", "positions", "lengths"):
        expect(getattr(rows, name) is getattr(rows, name), f"rows.{name} to be computed once")
    x = ragged.Array([[{"a": 1.0, "b": 2.0}], [], [{"a": 3.0, "b": 4.0}]])
    part = x[x.a > 1.5]
    expect(rows_of(part["a"]) is rows_of(part["b"]), "fields of records to share the rows of a selection")


def memory(b: Backend, x: Any) -> Any:
    """A dense value, or the numbers of an array of lists, as NumPy sees them."""
    node: Any = x.layout if isinstance(x, ragged.Array) else None
    return np.asarray(b.to_numpy(x if node is None else node.content.data))


def zero_copy(b: Backend) -> None:
    """Memory is shared where the backend says so (`Backend.zero_copy`)."""
    promised, x = b.zero_copy, np.arange(6.0)
    unknown = promised - {"asarray", "to_numpy", "slice", "reshape"}
    expect(not unknown, f"promises that the suite knows, not {sorted(unknown)}")
    if "to_numpy" not in promised:
        return  # then nobody can look
    y = b.asarray(x)
    for promise, what, seen, owner in (
        ("to_numpy", "to_numpy to show the memory of the array", memory(b, y), y),
        ("asarray", "asarray to take over NumPy's memory", memory(b, y), x),
        ("asarray", "from_lengths to take over NumPy's memory", memory(b, ragged.from_lengths(x, [2, 0, 4])), x),
        ("slice", "slice to be a view", memory(b, b.slice(y, 1, 4)), y),
        ("slice", "x[1:] to be a view", memory(b, ragged.from_lengths(y, [2, 0, 4])[1:]), y),
        ("reshape", "reshape to be a view", memory(b, b.reshape(y, (2, 3))), y),
    ):
        shares = np.shares_memory(seen, owner if owner is x else memory(b, owner))
        expect(promise not in promised or shares, what)


def pickles(b: Backend) -> None:
    """Arrays, records and the backend itself come back from a pickle as they were."""
    for name in ("rows", "missing", "deep", "ints"):
        x = sample(name)
        back = pickle.loads(pickle.dumps(x))
        expect_same(back, x)
        expect(ragged.backend(back) == b.name, f"the pickled array on {b.name}, not on {ragged.backend(back)}")
    records = ragged.zip({"a": sample("rows"), "b": sample("rows")})
    back = pickle.loads(pickle.dumps(records))
    expect_same(back, records)
    expect(rows_of(back["a"]) is rows_of(back["b"]), "fields to share their rows after a pickle, too")
    expect(pickle.loads(pickle.dumps(b)) is b, "the backend itself from its pickle")


def copies(b: Backend) -> None:
    """`copy` and `deepcopy` give equal arrays on the same backend, which still differentiate."""
    x = sample("missing")
    for copied in (copy.copy(x), copy.deepcopy(x)):
        expect_same(copied, x)
        expect(ragged.backend(copied) == b.name, f"the copy on {b.name}")
        expect_same(ragged.grad(lambda x: ragged.sum(x * x))(copied), 2 * x)


layouts: Checks = {
    "rows are shared": shared_rows,
    "rows are computed once": rows_computed_once,
    "zero copy": zero_copy,
    "pickle": pickles,
    "copy and deepcopy": copies,
}
"""Checks by name."""
