"""The contracts of the primitives that move values: gathers, slices, shapes, sums over axes, matrix products."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ragged.testing._expect import Checks, expect_array
from ragged.testing._samples import FEW, INF, NAN, OFFSETS, VALUES, dense, dtypes, rows_on

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["shapes"]

CUBE = np.arange(24.0).reshape(2, 3, 4)
"""Three axes of three sizes."""
ROUNDED = 1e-14
"""How far products may be from NumPy's, which adds in another order."""


def gathers(b: Backend) -> None:
    """`take`: repeats, any order, nothing at all, trailing axes."""
    ops = b.home()
    for dtype in dtypes(b, names=("bool", *FEW)):
        for x in (VALUES.astype(dtype), VALUES.astype(dtype).reshape(3, 2)):
            for index in ([2, 0, 2, 1], []):
                at = np.array(index, np.int64)
                expect_array(b, b.take(dense(b, x), ops.asarray(at)), x[at], f"take at {index} of {dtype}")
    at = np.array([1, 1, 0])
    expect_array(b, b.take(dense(b, CUBE), ops.asarray(at)), CUBE[at], "take of matrices")


def slices(b: Backend) -> None:
    """`slice` and `entry`."""
    for x in (VALUES, VALUES.reshape(6, 1), CUBE.reshape(6, 2, 2)):
        for start, stop, step in ((0, 6, 1), (1, 4, 1), (2, 2, 1), (1, 6, 2), (0, 5, 3), (0, 6, 4), (1, 6, 5)):
            found = b.slice(dense(b, x), start, stop, step)
            expect_array(b, found, x[start:stop:step], f"slice {start}:{stop}:{step} of {x.shape}")
    for x in (VALUES, VALUES.reshape(2, 3), CUBE):
        for i in (0, 1, len(x) - 1):
            expect_array(b, b.entry(dense(b, x), i), x[i], f"entry {i} of {x.shape}")


def spreads(b: Backend) -> None:
    """`expand`: each row's entry for each of its elements."""
    lengths = np.diff(OFFSETS)
    for dtype in dtypes(b, names=("bool", *FEW)):
        x = VALUES.astype(dtype)
        expect_array(b, b.expand(dense(b, x), rows_on(b)), np.repeat(x, lengths), f"expand of {dtype}")
    for x in (np.arange(12.0).reshape(6, 2), CUBE.reshape(6, 2, 2)):
        expect_array(b, b.expand(dense(b, x), rows_on(b)), np.repeat(x, lengths, 0), f"expand of {x.shape}")


def running_sums(b: Backend) -> None:
    """`cumulative_sum` keeps the dtype, along axis 0."""
    for dtype in dtypes(b, "iufc"):
        expect_array(b, b.cumulative_sum(dense(b, VALUES.astype(dtype))), VALUES.cumsum(dtype=dtype), f"of {dtype}")
    for x in (VALUES.reshape(3, 2), np.zeros(0), CUBE, np.full(3, 100, np.int8)):
        expect_array(b, b.cumulative_sum(dense(b, x)), x.cumsum(0, dtype=x.dtype), f"cumulative_sum of {x.shape}")


def reshapes(b: Backend) -> None:
    """`reshape` in C order, also to no axes."""
    for dtype in dtypes(b, names=FEW):
        y = dense(b, VALUES.astype(dtype))
        expect_array(b, b.reshape(y, (2, 3)), VALUES.astype(dtype).reshape(2, 3), f"reshape of {dtype}")
        expect_array(b, b.reshape(b.slice(y, 1, 2), ()), VALUES.astype(dtype)[1], f"reshape of {dtype} to no axes")
    for before, after in (((24,), (2, 3, 4)), ((2, 3, 4), (4, 6)), ((2, 3, 4), (3, 2, 4)), ((6, 4), (24,))):
        x = CUBE.reshape(before)
        expect_array(b, b.reshape(dense(b, x), after), x.reshape(after), f"reshape of {before} to {after}")


def broadcasts(b: Backend) -> None:
    """`broadcast_to`: new axes in front, and axes of one entry."""
    for dtype in dtypes(b, names=FEW):
        x = VALUES.astype(dtype)
        expect_array(b, b.broadcast_to(dense(b, x), (2, 6)), np.broadcast_to(x, (2, 6)), f"broadcast_to of {dtype}")
    for x, shape in ((VALUES[:, None], (6, 2)), (VALUES[None, :], (2, 6)), (VALUES[None, :, None], (2, 6, 3))):
        expect_array(
            b, b.broadcast_to(dense(b, x), shape), np.broadcast_to(x, shape), f"{x.shape} broadcast to {shape}"
        )


def permutations(b: Backend) -> None:
    """`permute_dims`: axis i of the result is axis `axes[i]`."""
    for dtype in dtypes(b, names=FEW):
        x = VALUES.astype(dtype).reshape(2, 3)
        expect_array(b, b.permute_dims(dense(b, x), (1, 0)), x.T, f"permute_dims of {dtype}")
    for axes in ((1, 2, 0), (2, 0, 1), (0, 2, 1)):
        expect_array(b, b.permute_dims(dense(b, CUBE), axes), CUBE.transpose(axes), f"permute_dims by {axes}")


def sums(b: Backend) -> None:
    """`sum` over any axes keeps the dtype."""
    for dtype in dtypes(b, names=(*FEW, "uint8")):
        x = VALUES.astype(dtype).reshape(2, 3)
        for axes in ((0,), (1,), (0, 1)):
            expect_array(b, b.sum(dense(b, x), axes), x.sum(axes, dtype=dtype), f"sum of {dtype} over axes {axes}")
    for axes in ((0,), (1,), (2,), (0, 2), (1, 2)):
        expect_array(b, b.sum(dense(b, CUBE), axes), CUBE.sum(axes), f"sum over axes {axes}")
    full = np.full((2, 3), 100, np.int8)
    expect_array(b, b.sum(dense(b, full), (1,)), full.sum(1, dtype=np.int8), "a sum of int8 that wraps")


def products(b: Backend) -> None:
    """`matmul` of matrices, vectors and stacks of both."""
    m, v, stack = VALUES.reshape(2, 3), VALUES[:3], CUBE[:, :2, :3]
    for x, y in (
        (m, m.T),
        (m, v),
        (v, m.T),
        (v, v),
        (stack, np.swapaxes(stack, 1, 2)),
        (stack, m.T),
        (m, np.swapaxes(stack, 1, 2)),
        (stack, v),
    ):
        found = b.matmul(dense(b, x), dense(b, y))
        expect_array(b, found, np.matmul(x, y), f"matmul of {x.shape} and {y.shape}", ROUNDED)
    for dtype in dtypes(b, names=("float32", "complex128")):
        x = m.astype(dtype)
        expect_array(b, b.matmul(dense(b, x), dense(b, x.T)), x @ x.T, f"matmul of {dtype}", ROUNDED)


def joins(b: Backend) -> None:
    """`concat` along axis 0, of matrices, too."""
    for dtype in dtypes(b, names=("bool", *FEW)):
        x = VALUES.astype(dtype)
        y = dense(b, x)
        expect_array(b, b.concat([y, dense(b, x[:0]), y]), np.concatenate([x, x]), f"concat of {dtype}")
    square = VALUES[:4].reshape(2, 2)
    for x in (square, CUBE):
        expect_array(b, b.concat([dense(b, x), dense(b, -x)]), np.concatenate([x, -x]), f"concat of {x.shape}")


def fills(b: Backend) -> None:
    """`full` of every dtype and of the numbers that are none."""
    for dtype in dtypes(b):
        one = dtype.type(1).item()
        expect_array(b, b.full((2, 3), one, dtype), np.full((2, 3), one, dtype), f"full of {dtype}")
    for value in (NAN, INF, -0.5):
        expect_array(b, b.full((6,), value, "float64"), np.full(6, value), f"full of {value}")
    expect_array(b, b.full((), 0, "int64"), np.zeros((), np.int64), "full without axes")
    expect_array(b, b.full((0, 2), 1, "float64"), np.zeros((0, 2)), "full of nothing")


shapes: Checks = {
    "take": gathers,
    "slice and entry": slices,
    "expand": spreads,
    "cumulative_sum": running_sums,
    "reshape": reshapes,
    "broadcast_to": broadcasts,
    "permute_dims": permutations,
    "sum": sums,
    "matmul": products,
    "concat": joins,
    "full": fills,
}
"""Contracts by name."""
