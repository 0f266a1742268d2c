"""What `ragged.jit` gives is what the function gives as it is, whether the backend compiles or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import ragged
from ragged.testing._expect import Checks, expect, expect_same, raises
from ragged.testing._samples import sample

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["compiled"]


def softened(x: Any) -> Any:
    """A program that broadcasts, reduces, filters and orders."""
    y = ragged.softmax(x - ragged.fill_none(ragged.max(x, axis=1), 0.0), axis=1)
    return ragged.sort(y[y > 0.1], axis=1), ragged.sum(y * x, axis=1), ragged.flatten(x[:, ::-1])


def loss(x: Any) -> Any:
    """A program of one number."""
    return sum(ragged.sum(part * part) for part in softened(x))


def batches() -> list[Any]:
    """Arrays of different rows, which no compiler of static sizes has to tell apart."""
    lengths = [3, 0, 2, 1], [0, 1, 0, 5], [2, 2, 1, 1]
    return [ragged.from_lengths(np.linspace(-1.5, 1.25, 6) * (i + 1), each) for i, each in enumerate(lengths)]


def values(b: Backend) -> None:
    """Values and types, for arrays of different rows."""
    run = ragged.jit(softened)
    for x in batches():
        expect_same(run(x), softened(x), 1e-10)


def gradients(b: Backend) -> None:
    """Gradients of compiled functions, and compiled gradients."""
    for make in (lambda f: ragged.jit(ragged.grad(f)), lambda f: ragged.grad(ragged.jit(f))):
        run = make(loss)
        for x in batches()[:2]:
            expect_same(run(x), ragged.grad(loss)(x), 1e-9)


def once(b: Backend) -> None:
    """Arrays of different rows are served by one compilation, which `traces` shows."""
    run = ragged.jit(softened)
    for x in batches():
        run(x)
    wanted = 0 if b.compiles is None else 1
    expect(len(run.traces) == wanted, f"{wanted} compilations, not {len(run.traces)}: {run.traces}")


def trees(b: Backend) -> None:
    """Records, missing values, text, dense values and constants go in and come out."""

    def program(batch: Any, w: Any, how: str) -> Any:
        return {"same": batch, "product": batch["x"] * w, "how": how}

    given = {"x": sample("rows"), "missing": sample("missing"), "text": ragged.Array(["one", "", "three"])}
    w = b.asarray(np.float64(2.5))
    found, wanted = ragged.jit(program)(given, w, "so"), program(given, w, "so")
    for name, x in given.items():
        expect_same(found["same"][name], x)
    expect_same(found["product"], wanted["product"])
    expect(found["how"] == "so", f"'so', not {found['how']!r}")


def misaligned(b: Backend) -> None:
    """Rows that do not line up raise the eager error, and the next call goes on."""
    x, y = ragged.from_lengths(np.arange(3.0), [1, 2]), ragged.from_lengths(np.arange(3.0), [2, 1])
    run = ragged.jit(ragged.add)
    with raises(ragged.StructureError, "row 0", "1", "2"):
        run(x, y)
    expect_same(run(y, y), ragged.add(y, y))


compiled: Checks = {
    "values": values,
    "gradients": gradients,
    "one compilation for many arrays": once,
    "trees": trees,
    "rows that do not line up": misaligned,
}
"""Checks of `ragged.jit` by name."""
