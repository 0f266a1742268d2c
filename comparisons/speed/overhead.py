"""Overhead: one operation on five numbers, ragged beside Awkward, in one process and interleaved.

    python comparisons/speed/overhead.py [--backend jax] [--rounds 30]

Prints the median of each in microseconds and their ratio.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import awkward as ak
import numpy as np

import ragged

ROWS = [[1.0, 2.0, 3.0], [], [4.0, 5.0]]

OPERATIONS: dict[str, Callable[[Any, Any, Any, Any, Any], Any]] = {
    "x + 1": lambda lib, x, r, mask, perm: x + 1,
    "x * x": lambda lib, x, r, mask, perm: x * x,
    "np.exp(x)": lambda lib, x, r, mask, perm: np.exp(x),
    "x - row scalar": lambda lib, x, r, mask, perm: x - r,
    "sum(axis=1)": lambda lib, x, r, mask, perm: lib.sum(x, axis=1),
    "sum(axis=0)": lambda lib, x, r, mask, perm: lib.sum(x, axis=0),
    "sum()": lambda lib, x, r, mask, perm: lib.sum(x),
    "max(axis=1)": lambda lib, x, r, mask, perm: lib.max(x, axis=1),
    "mean(axis=1)": lambda lib, x, r, mask, perm: lib.mean(x, axis=1),
    "argmax(axis=1)": lambda lib, x, r, mask, perm: lib.argmax(x, axis=1),
    "softmax(axis=-1)": lambda lib, x, r, mask, perm: lib.softmax(x, axis=-1),
    "sort(axis=1)": lambda lib, x, r, mask, perm: lib.sort(x),
    "x[1]": lambda lib, x, r, mask, perm: x[1],
    "x[0:2]": lambda lib, x, r, mask, perm: x[0:2],
    "x[:, 1:]": lambda lib, x, r, mask, perm: x[:, 1:],
    "x[:, ::-1]": lambda lib, x, r, mask, perm: x[:, ::-1],
    "x[mask]": lambda lib, x, r, mask, perm: x[mask],
    "x[permutation]": lambda lib, x, r, mask, perm: x[perm],
    "num": lambda lib, x, r, mask, perm: lib.num(x),
    "flatten": lambda lib, x, r, mask, perm: lib.flatten(x),
    "local_index": lambda lib, x, r, mask, perm: lib.local_index(x),
    "pad_none": lambda lib, x, r, mask, perm: lib.pad_none(x, 3),
    "mask": lambda lib, x, r, mask, perm: lib.mask(x, mask),
    "where": lambda lib, x, r, mask, perm: lib.where(mask, x, 0),
    "concatenate(axis=1)": lambda lib, x, r, mask, perm: lib.concatenate([x, x], axis=1),
    "combinations": lambda lib, x, r, mask, perm: lib.combinations(x, 2),
    "cartesian": lambda lib, x, r, mask, perm: lib.cartesian([x, x]),
    "zip": lambda lib, x, r, mask, perm: lib.zip({"a": x, "b": x}),
    "ones_like": lambda lib, x, r, mask, perm: lib.ones_like(x),
}


def once(f: Callable[..., Any], arguments: tuple[Any, ...], repeat: int) -> float:
    """Mean microseconds of `repeat` calls in a row."""
    start = time.perf_counter()
    for _ in range(repeat):
        f(*arguments)
    return (time.perf_counter() - start) / repeat * 1e6


def measure(f: Callable[..., Any], ours: tuple[Any, ...], theirs: tuple[Any, ...], rounds: int) -> tuple[float, float]:
    """Medians over interleaved rounds, after a warm-up."""
    once(f, ours, 5), once(f, theirs, 5)
    pairs = [(once(f, ours, 20), once(f, theirs, 20)) for _ in range(rounds)]
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


def main() -> None:
    """Measure every operation and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backend", default="numpy")
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    x, permutation = ragged.Array(ROWS, backend=options.backend), np.array([2, 0, 1])
    ours = (ragged, x, ragged.Array([1.0, 2.0, 3.0], backend=options.backend), x > 2, permutation)
    peer = ak.Array(ROWS)
    theirs = (ak, peer, ak.Array([1.0, 2.0, 3.0]), peer > 2, permutation)
    print(f"{'operation':20} {'ragged us':>10} {'awkward us':>11} {'ratio':>6}")
    for name, f in OPERATIONS.items():
        mine, other = measure(f, ours, theirs, options.rounds)
        print(f"{name:20} {mine:10.1f} {other:11.1f} {mine / other:6.2f}")


if __name__ == "__main__":
    main()
