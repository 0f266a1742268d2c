"""Nothing writes to its arguments: every primitive, and every operation."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

import ragged
from ragged.rows import Ranges, Rows
from ragged.testing._expect import Checks, expect, expect_array, expect_same
from ragged.testing._operations import OPERATIONS
from ragged.testing._samples import IDS, OFFSETS, VALUES, dense, groups_on, sample

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragged.backend import Backend

__all__ = ["unwritten"]

AT = np.array([5, 0, 3])
ASKED = np.array([True, False, True, False, False, True])


def on_rows(b: Backend, rows: Any) -> dict[str, Callable[[Any], Any]]:
    """The primitives that take segments."""
    ops = b.home()
    return {
        "segment_sum": lambda x: b.segment_sum(x, rows),
        "segment_max": lambda x: b.segment_max(x, rows, -9.0),
        "segment_min": lambda x: b.segment_min(x, rows, 9.0),
        "segment_prod": lambda x: b.segment_prod(x, rows),
        "segment_count": lambda x: ops.segment_count(ops.asarray(ASKED), rows),
        "tied_extremum": lambda x: b.tied_extremum(x, rows, -9.0, True),
    }


def on_contiguous(b: Backend, rows: Rows, index: Any) -> dict[str, Callable[[Any], Any]]:
    """The primitives that take rows, or structure."""
    ranges = Ranges(rows.starts, rows)
    return {
        "segment_argmax": lambda x: b.segment_argmax(x, rows),
        "segment_argsort": lambda x: b.segment_argsort(x, rows, True),
        "expand": lambda x: b.expand(x, rows),
        "take": lambda x: b.take(x, index),
        "take_ranges": lambda x: b.take_ranges(x, ranges),
        "interleave": lambda x: b.interleave([x, x], ranges),
        "repeat": lambda x: rows.ops.repeat(rows.lengths, rows.lengths, 6),
        "row_ids": lambda x: rows.ops.row_ids(rows),
        "row_positions": lambda x: rows.ops.row_positions(rows),
        "offsets_from_lengths": lambda x: rows.ops.offsets_from_lengths(rows.lengths),
        "ranges": lambda x: rows.ops.ranges(rows.starts, rows, -1),
        "searchsorted": lambda x: rows.ops.searchsorted(rows.offsets, index),
    }


def on_content(b: Backend) -> dict[str, Callable[[Any], Any]]:
    """The other primitives."""
    asked = b.home().asarray(ASKED.copy())
    return {
        "asarray": lambda x: b.asarray(x, "float32"),
        "to_numpy": b.to_numpy,
        "as_structure": b.as_structure,
        "stop_gradient": b.stop_gradient,
        "astype": lambda x: b.astype(x, "int64"),
        "slice": lambda x: b.slice(x, 1, 5, 2),
        "entry": lambda x: b.entry(x, 3),
        "concat": lambda x: b.concat([x, x]),
        "where": lambda x: (b.where(asked, x, 0), b.where(asked, 0, x), b.where(asked, x, x)),
        "cumulative_sum": b.cumulative_sum,
        "reshape": lambda x: b.reshape(x, (2, 3)),
        "broadcast_to": lambda x: b.broadcast_to(x, (2, 6)),
        "sum": lambda x: b.sum(x, (0,)),
        "permute_dims": lambda x: b.permute_dims(b.reshape(x, (2, 3)), (1, 0)),
        "matmul": lambda x: b.matmul(x, x),
        "vjp": lambda x: b.vjp(lambda y: ([y], ()), [x])[2]([x]),
        "jvp": lambda x: b.jvp(lambda y: ([y], ()), [x], [x]),
    }


def primitives(b: Backend) -> None:
    """No primitive writes to its arguments, content or structure."""
    ops = b.home()
    rows = Rows(ops, ops.asarray(OFFSETS.copy()))
    index, groups = ops.asarray(AT.copy()), groups_on(b, IDS.copy())
    for calls in (on_content(b), on_contiguous(b, rows, index), on_rows(b, rows), on_rows(b, groups)):
        for name, call in calls.items():
            x = dense(b, VALUES)
            call(x)
            expect_array(b, x, VALUES, f"the argument of {name}, after it,")
            for structure, before in ((rows.offsets, OFFSETS), (index, AT), (groups.ids, IDS)):
                expect_array(ops, structure, before, f"the structure given to {name}, after it,")


def one_operation(operation: Any, b: Backend) -> None:
    """The operation leaves its argument as it was."""
    for name in operation.samples[:1]:
        x, before = sample(name), sample(name)
        operation.program(x)
        expect_same(x, before)


def operations(b: Backend) -> None:
    """No operation writes to the memory of its argument, nor does a derivative."""
    for operation in OPERATIONS:
        if operation.function in b.unsupported or operation.samples == ("dates",):
            continue
        try:
            one_operation(operation, b)
        except AssertionError as error:
            raise AssertionError(f"the argument of {operation.function} {operation.title}: {error}") from None
    given = VALUES.copy()
    x = ragged.from_lengths(b.asarray(given), [3, 0, 3])
    for result in (ragged.add(x, 1), ragged.sort(x), x[:, ::-1], ragged.fill_none(ragged.firsts(x), 5.0)):
        expect(ragged.is_valid(result), "a valid result")
    for f in (ragged.max, ragged.sort, ragged.prod, ragged.softmax, ragged.std):
        ragged.grad(functools.partial(summed, f))(x)
    expect_array(b, b.asarray(given), VALUES, "the memory of the argument after operations on it")


def summed(f: Callable[..., Any], x: Any) -> Any:
    """One number of an operation along the rows."""
    return ragged.sum(f(x, axis=1))


unwritten: Checks = {
    "arguments stay as they are": operations,
    "arguments of primitives stay as they are": primitives,
}
"""Checks by name."""
