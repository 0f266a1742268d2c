"""Threads and coroutines: many at once, on arrays of one shape."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

import ragged
from ragged.context import use
from ragged.testing._expect import Checks, expect, expect_same
from ragged.testing._large import LENGTHS, SIZE, parts
from ragged.testing._samples import dense, rows_on, sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ragged.backend import Backend

__all__ = ["threads"]

THREADS, ROUNDS = 4, 50


def square_sum(x: Any) -> Any:
    """A program of one number."""
    return ragged.sum(x * x)


@contextlib.contextmanager
def hurried() -> Iterator[None]:
    """The interpreter changes threads as often as it can, so that a race is lost."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def at_once(work: Callable[[int], Any]) -> list[Any]:
    """What the work gives in each of the threads, which start together."""
    gate = threading.Barrier(THREADS, timeout=60)

    def run(i: int) -> Any:
        gate.wait()
        return work(i)

    with hurried(), ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


def differentiating(b: Backend) -> None:
    """Programs are differentiated in many threads at once, each under its own context."""

    def work(i: int) -> tuple[Any, Any]:
        before = ragged.current()
        with use(b.name, precision="float64"):
            for _ in range(3):
                x = sample("rows") * (i + 1)
                gradient, nested = ragged.grad(square_sum)(x), ragged.hvp(square_sum, (x,), (x,))
            expect(ragged.current() == b.name, f"{b.name} in use within the thread, not {ragged.current()}")
        expect(ragged.current() == before, "the thread's context restored")
        return gradient, nested

    for i, (gradient, nested) in enumerate(at_once(work)):
        expect_same(gradient, sample("rows") * (i + 1) * 2)
        expect_same(nested, sample("rows") * (i + 1) * 2)


def primitives(b: Backend) -> None:
    """The same primitives in many threads at once, on arrays of one shape and different values."""
    x = (np.arange(SIZE) * 7 % 32).astype(float)
    rows = rows_on(b, np.concatenate([[0], np.cumsum(LENGTHS)]))
    sums = np.array([part.sum() for part in parts(x)])
    largest = np.array([part.max(initial=-1.0) for part in parts(x)])
    order = np.concatenate([part.argsort(kind="stable") for part in parts(x)])
    local = np.arange(SIZE) - np.repeat(np.cumsum(LENGTHS) - LENGTHS, LENGTHS)

    def work(i: int) -> int:
        wrong, scale = 0, float(1 << i)
        with use(b.name, precision="float64"):
            mine = dense(b, x * scale)
            for _ in range(ROUNDS):
                wrong += differ(b, b.segment_sum(mine, rows), sums * scale)
                wrong += differ(b, b.segment_max(mine, rows, -scale), largest * scale)
                wrong += differ(b, b.apply("add", mine, mine), 2 * x * scale)
            found = np.asarray(b.home().to_numpy(b.segment_argsort(mine, rows)))
            wrong += not np.array_equal(found - (np.arange(SIZE) - local), order)
        return wrong

    found = at_once(work)
    expect(not any(found), f"the same results in {THREADS} threads at once as in one, but for {found} of them")


def differ(b: Backend, found: Any, wanted: Any) -> bool:
    """Whether a result is not exactly what is wanted."""
    return not np.array_equal(np.asarray(b.to_numpy(found)), wanted)


def isolation(b: Backend) -> None:
    """A block in one thread is seen by no other."""
    seen: list[str | None] = []
    with use(b.name):
        thread = threading.Thread(target=lambda: seen.append(ragged.current()))
        thread.start()
        thread.join(60)
    outside: list[str | None] = []
    thread = threading.Thread(target=lambda: outside.append(ragged.current()))
    thread.start()
    thread.join(60)
    expect(seen == outside, f"a `with` block to change no other thread's backend from {outside}, not {seen}")


def coroutines(b: Backend) -> None:
    """Coroutines that interleave keep their own backends."""
    seen: list[str | None] = []

    def program(name: str) -> Any:
        @use(name, precision="float64")
        async def run() -> Any:
            seen.append(ragged.current())
            await asyncio.sleep(0)
            gradient = ragged.grad(square_sum)(sample("rows"))
            seen.append(ragged.current())
            return ragged.backend(gradient)

        return run()

    async def both() -> list[Any]:
        return list(await asyncio.gather(program(b.name), program("numpy")))

    found = asyncio.run(both())
    expect(found == [b.name, "numpy"], f"gradients on {b.name} and numpy, not on {found}")
    expect(
        sorted(map(str, seen)) == sorted([b.name, "numpy"] * 2), f"each coroutine to see its own backend, not {seen}"
    )


threads: Checks = {
    "differentiating in threads": differentiating,
    "primitives in threads": primitives,
    "a block is seen by no other thread": isolation,
    "coroutines keep their backends": coroutines,
}
"""Checks by name."""
