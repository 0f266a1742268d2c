"""The protocol within a function under `ragged.jit`: tensors of symbolic sizes, of which one graph is made.

Structure is in tensors, too. To the core it is what nobody knows before the program runs, as within a TensorFlow graph.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import array_api_compat.torch as xp
import numpy as np
import torch

from ragged._capacity import Capacity
from ragged.errors import UnsupportedError
from ragged.rows import Rows
from ragged_torch import _kernels, _segments
from ragged_torch._backend import TorchBackend
from ragged_torch._compat import is_wrapped, traced
from ragged_torch._compile_kernels import (
    Change,
    Numbered,
    check_exponent,
    looped,
    repeated,
    rowwise,
    summed,
    weak,
    within,
)
from ragged_torch._compile_sizes import NOT_KNOWN, Size, lowered, size_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged.backend import Backend
    from ragged.rows import Segments

__all__ = ["TracedBackend"]

functions: Any = torch
slope: Any = Change


class Namespace:
    """The array API namespace, which takes sizes."""

    @cache  # noqa: B019 - it lives as long as the process
    def __getattr__(self, name: str) -> Any:
        found = getattr(xp, name)
        if not callable(found) or isinstance(found, type | torch.dtype):
            return found

        def call(*args: Any, **options: Any) -> Any:
            given = [x.tensor() if type(x) is Size else lowered(x) for x in args]
            if name in ("minimum", "maximum"):
                given = [torch.full((), x, dtype=torch.int64) if isinstance(x, int) else x for x in given]
            return found(*given, **options)

        return call


class TracedBackend(TorchBackend):
    """PyTorch while it traces a function for arrays of all lengths; one for each trace."""

    xp: Any = Namespace()
    compiles: Any = None

    def __init__(self, device: torch.device) -> None:
        self.device = device

    # ------------------------------------------------------------------ where things are

    def home(self, *arrays: Any) -> Backend:
        return self

    def joined(self, other: Backend) -> Backend:
        return self

    def hosting(self, other: Backend) -> Backend:
        return self

    def serving(self, x: Any) -> Backend:
        return self

    def configured(self, device: Any = None, precision: str | None = None) -> Backend:
        return self

    def tracing(self, leaves: Sequence[Any]) -> bool:
        return True

    def known(self, x: Any) -> bool:
        return not isinstance(x, torch.Tensor | Size)

    def true(self, x: Any) -> bool:
        return self.known(x) and bool(x)

    def equal(self, x: Any, y: Any) -> bool:
        return x is y

    def violated(self, bad: Any, what: str) -> bool:
        if self.known(bad):
            return bool(np.any(bad))
        traced().check(bad, what)
        return False

    def expect_some(self, count: Any, name: str) -> None:
        trace = traced()
        if trace.checking and not self.known(count):
            trace.flags.append(torch.any(count < 1))
            trace.texts.append(f"{name} of nothing is None, which no graph gives")

    def agree(self, x: Any, y: Any, what: str) -> bool:
        if x is not y:
            self.size_checked(x, y, what)
            traced().check(x != y, what)
        return True

    def size_checked(self, x: Any, y: Any, what: str) -> None:
        """Have two arrays be of one length."""
        n, m = self.size(x), self.size(y)
        if n != m:
            (n if isinstance(n, Size) else m).expect(m if isinstance(n, Size) else n, what)

    def to_numpy(self, x: Any) -> np.ndarray[Any, Any]:
        raise UnsupportedError(f"a value that depends on the arguments is {NOT_KNOWN}")

    def duplicate(self, x: Any) -> Any:
        return x

    def asarray(self, x: Any, dtype: Any = None) -> Any:
        return super().asarray(x.tensor() if type(x) is Size else x, dtype)

    def dtype(self, x: Any) -> np.dtype[Any]:
        return x.dtype if type(x) is Size else super().dtype(x)

    # ------------------------------------------------------------------ sizes

    def size(self, x: Any) -> Any:
        return size_of(x.shape[0])

    def shape(self, x: Any) -> tuple[Any, ...]:
        return tuple(map(size_of, x.shape))

    def bound(self, offsets: Any, upper: Any) -> Any:
        size = self._number(offsets[-1])
        if type(upper) is Capacity:
            upper.hold(size)
        return size

    def largest(self, x: Any) -> Any:
        return self._number(torch.cat([x, x.new_zeros(1)]).max())

    def _number(self, x: Any) -> Any:
        """A size that the running program computes."""
        size = x.item()
        functions._check(size >= 0)
        return size_of(size, x)

    # ------------------------------------------------------------------ content

    def apply(self, name: str, *args: Any, valid: Any = None) -> Any:
        if any(type(x) is Size for x in args):
            args = weak(args)
        if name in ("power", "float_power"):
            check_exponent(args[1])
        return super().apply(name, *args, valid=valid)

    def apply_over(self, spare: Any, name: str, *args: Any) -> Any:
        return self.apply(name, *args)

    def take(self, x: Any, index: Any) -> Any:
        if traced().doubtful:
            x, index = within(x, index)
        return super().take(x, index)

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        return super().where(condition, *(z.tensor() if type(z) is Size else z for z in (x, y)))

    def segment_sum(self, x: Any, rows: Segments) -> Any:
        if x.dtype == torch.bool:
            return self.segment_sum(x.to(torch.int32), rows) != 0
        if rows.offsets is None:
            return _kernels.segment_sum(x, Numbered(rows))
        if type(rows.nrows) is int and rows.nrows == 1:
            return torch.sum(x, 0, keepdim=True, dtype=x.dtype)
        return _segments.Linear.apply(x, rows, summed, repeated)

    def expand(self, x: Any, rows: Rows) -> Any:
        if type(rows.nrows) is int and rows.nrows == 1:
            return x.expand(lowered(rows.total), *x.shape[1:])
        return _segments.Linear.apply(x, rows, repeated, summed)

    def fused(self, f: Callable[..., Any], x: Any, rows: Segments, *options: Any, tangent: Any = None) -> Any:
        return f(self, x, rows, *options)

    def tied_extremum(self, x: Any, rows: Segments, identity: Any, largest: bool) -> Any:
        if rows.offsets is None or x.is_complex():
            return None
        extremum = self.segment_max if largest else self.segment_min
        fixed = x.detach()
        found = extremum(fixed, rows, identity)
        if not self.differentiating(x):
            return found
        ties = (fixed == repeated(found, rows)) | torch.isnan(fixed)
        share = 1 / self.segment_sum(ties.to(x.dtype), rows).clamp(min=1)
        change = torch.where(ties, slope.apply(x), 0)
        return found + self.segment_sum(change, rows) * share

    def segment_max(self, x: Any, rows: Segments, identity: Any) -> Any:
        return self._extremum(x, rows, identity, "segment_max")

    def segment_min(self, x: Any, rows: Segments, identity: Any) -> Any:
        return self._extremum(x, rows, identity, "segment_min")

    def _extremum(self, x: Any, rows: Segments, identity: Any, name: str) -> Any:
        if rows.offsets is None and not x.is_complex():
            identity = np.asarray(identity).item()
            return _kernels.segment_extremum(x.detach(), Numbered(rows), identity, name == "segment_max")
        return rowwise(x, rows, lambda b, x, rows: getattr(b, name)(x, rows, identity), "rows")

    def segment_prod(self, x: Any, rows: Segments) -> Any:
        if rows.offsets is None or not x.is_floating_point():
            return None
        return rowwise(x, rows, lambda b, x, rows: b.segment_prod(x, rows), "rows")

    # ------------------------------------------------------------------ structure

    def repeat(self, x: Any, counts: Any, total: Any) -> Any:
        ids = torch.ops.ragged.row_ids(self.offsets_from_lengths(counts), lowered(total))
        return _kernels.take(x, ids)

    def offsets_from_lengths(self, lengths: Any) -> Any:
        if traced().doubtful:
            lengths = lengths.clamp(min=0)
        return torch.cat([lengths.new_zeros(1, dtype=torch.int64), torch.cumsum(lengths, 0, dtype=torch.int64)])

    def flatnonzero(self, mask: Any, size: Any = None) -> Any:
        found = torch.ops.ragged.nonzero(mask)
        if size is not None:
            functions._check(found.shape[0] == lowered(size))
        return found

    def row_lengths(self, rows: Rows) -> Any:
        return rows.offsets[1:] - rows.offsets[:-1]

    def row_ids(self, rows: Rows) -> Any:
        if type(rows.nrows) is int and rows.nrows == 1:
            return rows.offsets.new_zeros(lowered(rows.total))
        return torch.ops.ragged.row_ids(rows.offsets, lowered(rows.total))

    def row_positions(self, rows: Rows) -> Any:
        return self.arange(rows.total) - torch.index_select(rows.starts, 0, rows.ids)

    def ranges(self, starts: Any, rows: Rows, step: int = 1) -> Any:
        shift = starts - rows.starts * step
        return torch.index_select(shift, 0, rows.ids) + self.arange(rows.total) * step

    def segment_argsort(self, x: Any, rows: Rows, descending: bool = False) -> Any:
        return rowwise(x, rows, lambda b, x, rows: b.segment_argsort(x, rows, descending), "elements", torch.int64)

    def segment_sort(self, x: Any, rows: Rows, descending: bool = False) -> Any:
        if self.differentiating(x) or is_wrapped(x):
            return self.take(x, self.segment_argsort(x, rows, descending))
        return rowwise(x, rows, lambda b, x, rows: b.segment_sort(x, rows, descending), "elements")

    def segment_argmax(self, x: Any, rows: Rows, largest: bool = True) -> Any:
        return rowwise(x, rows, lambda b, x, rows: b.segment_argmax(x, rows, largest), "rows", torch.int64)

    def contracted(self, step: Callable[..., Any], x: Any, rows: Rows) -> tuple[Any, Rows]:
        left = Rows.from_lengths(self, (rows.lengths > 0).to(torch.int64))
        return looped(x, rows, lambda b, x, rows: b.contracted(step, x, rows)[0], left.total), left

    def doubled(self, step: Callable[..., Any], x: Any, rows: Rows) -> Any:
        return looped(x, rows, lambda b, x, rows: b.doubled(step, x, rows), rows.total)


def _lowering(name: str) -> Callable[..., Any]:
    """The method of eager code, given numbers of PyTorch's for sizes."""
    method = getattr(TorchBackend, name)

    def call(self: TracedBackend, *args: Any, **options: Any) -> Any:
        return method(self, *map(lowered, args), **options)

    call.__name__ = name
    return call


for _name in ("arange", "full", "reshape", "broadcast_to", "slice"):
    setattr(TracedBackend, _name, _lowering(_name))
