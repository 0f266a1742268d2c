"""Which partition a tensor of offsets or lengths stands for, so that what shares one on either side shares one on both.

PyTorch takes two nested tensors for aligned where they hold the same tensor of offsets; ragged takes two arrays for
aligned, without a look at the values, where they hold the same `Rows`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

from torch.utils.weak import TensorWeakRef, WeakTensorKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from ragged.rows import Rows

__all__ = ["offsets_of", "remember", "rows_from"]

_known: Any = WeakTensorKeyDictionary()
"""For each tensor that rows came from or became: its version then, and the rows (as long as an array holds them) by
what else they depend on."""

_thinned: WeakKeyDictionary[Rows, dict[int, TensorWeakRef]] = WeakKeyDictionary()
"""For rows below regular axes, the offsets that were made of them (as long as a nested tensor holds them)."""


def rows_from(source: torch.Tensor, build: Callable[[], Rows], copies: int = 1) -> Rows:
    """The rows that this tensor stands for, `copies` lists a row: those that arrays have, else what `build` makes."""
    rows = _recalled(source, copies)
    if rows is None:
        rows = build()
        remember(source, rows, copies)
    return rows


def remember(source: torch.Tensor, rows: Rows, copies: int = 1) -> None:
    """Enter what a tensor stands for, until someone writes to it."""
    version, kept = _known.get(source, (None, {}))
    here = _version(source)
    _known[source] = here, {**(kept if version == here else {}), copies: ref(rows)}


def offsets_of(rows: Rows, copies: int, build: Callable[[], torch.Tensor]) -> torch.Tensor:
    """The offsets of every `copies`-th of rows of which so many are equal: one tensor for one partition."""
    known = _thinned.setdefault(rows, {})
    source: torch.Tensor | None = known[copies]() if copies in known else None
    if source is None or _recalled(source, copies) is None:
        source = build()
        known[copies] = TensorWeakRef(source)
        remember(source, rows, copies)
    return source


def _recalled(source: torch.Tensor, copies: int) -> Rows | None:
    version, kept = _known.get(source, (None, {}))
    return kept[copies]() if version == _version(source) and copies in kept else None


def _version(x: torch.Tensor) -> int:
    """A number that changes when the tensor is written to (one made in inference mode counts nothing)."""
    return -1 if x.is_inference() else x._version
