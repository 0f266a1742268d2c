"""What `ragged.jit` gains on JAX or PyTorch a batch of 1,000 elements: compiled functions beside the same run eagerly.

    python comparisons/speed/compiled.py [--backend jax] [--elements 1000] [--rows "softmax,sum axis 1"]

The rows of the speed tables, on the same batch at each call and on batches of other lengths (of one size class, which
take turns). Both wait for their results, and are interleaved.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import cycle
from typing import Any

import numpy as np
from programs import ROWS, Data
from run import split_rows
from timing import interleaved, seconds

import ragged

MANY = 1 << 20
BATCHES = 64
"""Batches of other lengths; JAX has met them all when eager code is timed, which with new ones compiles more."""


def batches(elements: int, count: int) -> list[Data]:
    """Arrays of `elements` numbers in a fifth as many rows, each cut otherwise."""
    random = np.random.default_rng(0)
    nrows = max(elements // 5, 1)
    found = []
    for _ in range(count):
        lengths = np.bincount(random.integers(0, nrows, elements), minlength=nrows)
        x = ragged.from_lengths(random.normal(size=elements), lengths)
        scalars = ragged.Array(random.normal(size=nrows))
        found.append(Data(x, scalars, random.permutation(nrows), lambda f, x: ragged.grad(f)(x)))
    return found


def waited(result: Any) -> Any:
    """A result that is there: JAX hands out promises."""
    if ragged.current() == "jax":
        import jax

        jax.block_until_ready(result)
    return result


def runner(run: Callable[[Data], Any], data: Sequence[Data]) -> Callable[[int], float]:
    """What times calls on the batches in turn."""
    turn = cycle(data)
    return lambda repeat: seconds(lambda: waited(run(next(turn))), repeat)


def ratios(row: str, data: Sequence[Data], budget: float) -> list[float]:
    """Median microseconds of a compiled call and how many times as long eager code takes: on one batch, on many."""
    run = ROWS[row].run
    same = data[0].permutation  # else it would be another constant for each batch
    compiled = ragged.jit(
        lambda x, scalars: run(ragged, Data(x, scalars, same, lambda f, x: ragged.grad(f)(x))), warn_after=None
    )
    found = []
    for chosen in (data[:1], data):
        runners = {
            "compiled": runner(lambda d: compiled(d.x, d.row_scalars), chosen),
            "eager": runner(lambda d: run(ragged, replace(d, permutation=same)), chosen),
        }
        for each in runners.values():
            each(len(chosen))  # all lengths once
        times, failed = interleaved(runners, budget, (5, 60))
        assert not failed, failed
        pairs = zip(times["compiled"], times["eager"], strict=True)
        found += [1e6 * statistics.median(times["compiled"]), statistics.median(e / c for c, e in pairs)]
    return found


def main() -> None:
    """Measure every row and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backend", default="jax")
    parser.add_argument("--elements", type=int, default=1000)
    parser.add_argument("--rows", help="some of the speed tables' rows")
    parser.add_argument("--seconds", type=float, default=1.0, help="for each row on each kind of batch")
    options = parser.parse_args()
    rows = split_rows(options.rows) if options.rows else list(ROWS)
    print(f"{'':24}{'one batch':>12}{'eager ÷':>9}{'others':>12}{'eager ÷':>9}")
    with ragged.use(options.backend, precision="float64"):
        data = batches(options.elements, BATCHES if options.elements < MANY else 2)
        for row in rows:
            same, gain, other, gain_of_others = ratios(row, data, options.seconds)
            print(f"{row:24}{same:9.0f} µs{gain:9.1f}{other:9.0f} µs{gain_of_others:9.1f}", flush=True)


if __name__ == "__main__":
    main()
