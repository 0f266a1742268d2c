"""The contracts of what comes in and goes out: `asarray`, `to_numpy`, `astype`, `owns`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged.testing._expect import Checks, expect, expect_array
from ragged.testing._samples import NAN, VALUES, dense, dtypes

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["conversions"]


class Shaped:
    """Something that has a shape and a dtype, and is no array."""

    shape, dtype, ndim = (6,), VALUES.dtype, 1


def round_trip(b: Backend) -> None:
    """To the backend and back."""
    for dtype in dtypes(b):
        for x in (VALUES.astype(dtype), np.zeros((0, 2), dtype), VALUES.astype(dtype).reshape(2, 3)):
            expect_array(b, dense(b, x), x, f"asarray of {x.shape} {dtype}")
            expect(b.asarray(dense(b, x)) is not None, "asarray to take the backend's own arrays")
    for number in (2.5, True, 3):
        expect_array(b, b.asarray(number), np.asarray(number), f"asarray of the number {number}")
    expect_array(b, b.asarray(VALUES.copy(), "float32"), VALUES.astype("float32"), "asarray with a dtype")
    others = [1.0, None, "a", [1.0], Shaped(), *([] if b.over_numpy else [VALUES])]
    expect(not any(map(b.owns, others)), "owns to be false of numbers, None, text, lists and what only has a shape")
    expect(b.size(dense(b, np.zeros((3, 2)))) == 3, "size to be the length of axis 0")


def layouts_of_memory() -> dict[str, Any]:
    """NumPy arrays whose memory is not simply one number after another."""
    x = VALUES.copy()
    matrix = x.reshape(2, 3)
    sealed = x.copy()
    sealed.flags.writeable = False
    return {
        "reversed": x[::-1],
        "every second": x[::2],
        "the reversed rows of a matrix": matrix[::-1],
        "the reversed columns of a matrix": matrix[:, ::-1],
        "a transposed matrix": matrix.T,
        "a matrix in Fortran order": np.asfortranarray(matrix),
        "one column": matrix[:, 1],
        "a repeated row": np.broadcast_to(x, (2, 6)),
        "read-only": sealed,
        "big-endian floats": x.astype(">f8"),
        "big-endian integers": x.astype(">i4"),
        "floats that are not aligned": np.frombuffer(b"x" + x.tobytes(), np.float64, offset=1),
    }


def other_layouts(b: Backend) -> None:
    """`asarray` takes the values, however they lie in NumPy's memory."""
    for what, x in layouts_of_memory().items():
        wanted = np.array(x, x.dtype.newbyteorder("="), order="C")
        found = b.astype(b.asarray(x), wanted.dtype)  # NumPy's own backend keeps the order of bytes
        expect_array(b, found, wanted, f"asarray of an array that is {what}")


def views_to_numpy(b: Backend) -> None:
    """`to_numpy` of what was cut out of an array."""
    x = np.arange(12.0)
    for start, stop, step in ((1, 5, 1), (0, 12, 2), (1, 12, 5)):
        expect_array(
            b, b.slice(dense(b, x), start, stop, step), x[start:stop:step], f"to_numpy of {start}:{stop}:{step}"
        )
    turned = b.permute_dims(dense(b, x.reshape(3, 4)), (1, 0))
    expect_array(b, turned, x.reshape(3, 4).T, "to_numpy of a transposed matrix")


def casts(b: Backend) -> None:
    """Casts to every dtype; none where it is there already."""
    for source in dtypes(b, names=("bool", "int8", "int64", "float32", "float64")):
        x = dense(b, VALUES.astype(source))
        expect(b.astype(x, source) is x or b.to_numpy(b.astype(x, source)).dtype == source, f"{source} kept")
        for target in dtypes(b, names=("bool", "uint8", "int64", "float32", "complex128")):
            wanted = VALUES.astype(source).astype(target)
            expect_array(b, b.astype(x, target), wanted, f"astype({source} to {target})")


def casts_that_lose(b: Backend) -> None:
    """Floats lose what is behind the point, integers their upper bits; what is not zero is true."""
    fractions, wide = np.array([2.7, -2.7, 0.5, -0.5, 0.0, 1.5]), np.array([300, -1, 128, 2**53 + 1, 0, -129])
    for x, targets in (
        (fractions, ("int8", "int64", "bool", "float32", "complex128")),
        (fractions.astype("float32"), ("int64", "bool", "float64")),
        (wide, ("int8", "uint8", "int32", "float32", "float64", "bool")),
        (np.array([0.0, -0.0, NAN, 1e-30, 0.0, 1.0]), ("bool",)),
    ):
        for target in dtypes(b, names=targets):
            expect_array(b, b.astype(dense(b, x), target), x.astype(target), f"astype({x.tolist()} to {target})")


conversions: Checks = {
    "asarray and to_numpy": round_trip,
    "asarray of any memory": other_layouts,
    "to_numpy of views": views_to_numpy,
    "astype": casts,
    "astype to less": casts_that_lose,
}
"""Contracts by name."""
