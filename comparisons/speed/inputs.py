"""What is measured on: seeded ragged arrays of one shape and size, as plain NumPy that every library is built from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

__all__ = ["SHAPES", "Case"]

Numbers: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"
SEED = 20261122


def fifth(n: int, random: np.random.Generator) -> Numbers:
    """Elements thrown at random into a fifth as many rows: Poisson lengths, one row in 150 empty."""
    nrows = max(1, n // 5)
    return np.bincount(random.integers(0, nrows, n), minlength=nrows)


def ones(n: int, random: np.random.Generator) -> Numbers:
    """Rows of one element."""
    return np.ones(n, np.int64)


def thousands(n: int, random: np.random.Generator) -> Numbers:
    """Rows of a thousand elements."""
    size = min(n, 1000)
    return np.full(n // size, size)


def unequal(n: int, random: np.random.Generator) -> Numbers:
    """One row of half the elements among as many rows as there are elements, of none or one each."""
    lengths = np.zeros(n + 1, np.int64)
    lengths[1 + random.permutation(n)[: n - n // 2]] = 1
    lengths[n // 2] = n - (lengths.sum() - lengths[n // 2])
    return lengths


SHAPES = {"fifth": fifth, "ones": ones, "thousands": thousands, "unequal": unequal}


@dataclass(frozen=True, eq=False)
class Case:
    """One input: `values` cut by `offsets`, a number and a place in a permutation for each row."""

    shape: str
    values: Numbers
    offsets: Numbers
    row_scalars: Numbers
    permutation: Numbers

    @classmethod
    def make(cls, shape: str, elements: int, dtype: str = "float64") -> Case:
        """The case of that shape and size, the same at every run."""
        random = np.random.default_rng(SEED)
        lengths = SHAPES[shape](elements, random)
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        nrows = len(lengths)
        values, scalars = (random.normal(size=n).astype(dtype) for n in (int(offsets[-1]), nrows))
        return cls(shape, values, offsets, scalars, random.permutation(nrows))

    @property
    def elements(self) -> int:
        """Number of values."""
        return len(self.values)

    @property
    def nrows(self) -> int:
        """Number of rows."""
        return len(self.offsets) - 1

    @cached_property
    def lengths(self) -> Numbers:
        """Length of each row."""
        return np.diff(self.offsets)

    @cached_property
    def ids(self) -> Numbers:
        """The row of each element."""
        return np.repeat(np.arange(self.nrows), self.lengths)

    @cached_property
    def positions(self) -> Numbers:
        """The place of each element in its row."""
        places: Numbers = np.arange(self.elements) - np.repeat(self.offsets[:-1], self.lengths)
        return places
