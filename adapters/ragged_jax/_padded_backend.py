"""The protocol within a function under `ragged.jit`: arrays of traced length over data of static capacity.

To the core these are arrays whose sizes it does not know, as within a TensorFlow graph; slack stays in here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from ragged._capacity import Capacity
from ragged.errors import UnsupportedError
from ragged.rows import Rows
from ragged.sizes import is_known
from ragged_jax import _kernels, _padded_moves, _padded_operators
from ragged_jax._checks import check, room
from ragged_jax._compat import Tracer
from ragged_jax._dtypes import structural
from ragged_jax._padded import Padded, data_of, fitted, padded
from ragged_jax._padded_content import PaddedContent
from ragged_jax._padded_moves import gather, width_of
from ragged_jax._padded_structure import Structure, is_unknown
from ragged_jax._padded_transforms import checkpoint, custom_vjp, jvp, vjp
from ragged_jax._sizes import Size, capacity_of, value_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged.backend import Backend
    from ragged.rows import Segments

__all__ = ["PaddedBackend"]

FEW = 4
"""Elements a row where nothing is known about them."""
SMALL = 1 << 10
"""So many elements are provided for without counting whether there could be fewer."""


_padded_operators.install()


class PaddedBackend(PaddedContent):
    """JAX while it compiles a function for all arrays of a size class."""

    def __init__(self) -> None:
        super().__init__()
        self._host, self._home = self._home, Structure(self._home, self)

    # ------------------------------------------------------------------ where things are

    def home(self, *arrays: Any) -> Backend:
        return self._home

    def as_structure(self, x: Any) -> Any:
        if type(x) is Padded:
            return Padded(lax.stop_gradient(x.data), x.shape, x.clean)
        fixed = lax.stop_gradient(x) if isinstance(x, Tracer) else x
        return fixed if isinstance(fixed, Tracer) else np.asarray(fixed)

    def joined(self, other: Backend) -> Backend:
        return self

    def hosting(self, other: Backend) -> Backend:
        return self

    def serving(self, x: Any) -> Backend:
        return self

    def tracing(self, leaves: Sequence[Any]) -> bool:
        return True

    def segment_prod(self, x: Any, rows: Segments) -> Any:
        return None

    # ------------------------------------------------------------------ differentiation

    def vjp(self, f: Callable[..., Any], primals: Sequence[Any]) -> tuple[Any, Any, Callable[..., Any]]:
        return vjp(f, [self.asarray(x) for x in primals])

    def jvp(self, f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any, Any]:
        return jvp(f, [self.asarray(x) for x in primals], [self.asarray(x) for x in tangents])

    def checkpoint(self, f: Callable[..., Any]) -> Callable[..., Any]:
        return checkpoint(f)

    def custom_vjp(
        self, f: Callable[..., Any], forward: Callable[..., Any], backward: Callable[..., Any]
    ) -> Callable[..., Any]:
        return custom_vjp(f, forward, backward)

    # ------------------------------------------------------------------ sizes and dtypes

    def bound(self, offsets: Any, upper: Any) -> Any:
        if not is_unknown(offsets):
            return int(np.asarray(offsets)[-1])
        last = offsets[-1] if type(offsets) is Padded else data_of(offsets)[-1]
        said = max(upper.most, 1) if type(upper) is Capacity else None
        source = upper if isinstance(upper, Rows) else None
        if said is None and source is None and upper is not None:
            return Size(last, capacity_of(upper))
        most = room(last, self._estimate(offsets, source), source is not None, said)
        return Size(jnp.minimum(last, most), most)

    def _estimate(self, offsets: Any, source: Rows | None) -> int:
        """How many elements rows may have: as many a row as those that they are taken from, or a few."""
        rows = capacity_of(self.size(offsets)) - 1
        if source is None:
            return FEW * rows
        total, of = capacity_of(source.total), max(capacity_of(source.nrows), 1)
        return rows * total if rows * total <= SMALL else total * max(-(-rows // of), 1)

    # ------------------------------------------------------------------ structure primitives

    def arange(self, n: Any) -> Any:
        if not isinstance(n, Size):
            return super().arange(n)
        return padded(lax.iota(structural(), n.capacity), (n,))

    def repeat(self, x: Any, counts: Any, total: Any) -> Any:
        ends = data_of(self.offsets_from_lengths(counts))[1:]
        ids = _padded_moves.numbered(ends, capacity_of(total))
        return padded(gather(jnp.asarray(data_of(x)), ids, True), (total, *x.shape[1:]))

    def ranges(self, starts: Any, rows: Rows, step: int = 1) -> Any:
        shift = starts - (rows.starts if step == 1 else rows.starts * step)
        shift = fitted(jnp.asarray(data_of(shift)), capacity_of(rows.nrows))
        count = lax.iota(shift.dtype, capacity_of(rows.total)) * step
        return padded(gather(shift, self.ids_of(rows), True) + count, (rows.total,))

    def row_ids(self, rows: Rows) -> Any:
        ends, n, width = rows.offsets[1:], capacity_of(rows.nrows), width_of(rows)
        ends = ends.zeroed(np.iinfo("int32").max) if type(ends) is Padded else data_of(ends)
        if width is not None:
            ids = lax.iota("int32", capacity_of(rows.total)) // width
        else:
            ids = _padded_moves.numbered(fitted(ends, n), capacity_of(rows.total))
        if is_known(rows.total):
            return lax.convert_element_type(ids, structural())
        inside = lax.iota("int32", ids.shape[0]) < value_of(rows.total)
        narrow = jnp.where(inside, ids, n)
        return Padded(lax.convert_element_type(narrow, structural()), (rows.total,), False, narrow)

    def row_positions(self, rows: Rows) -> Any:
        if (width := width_of(rows)) is not None:
            return padded(lax.iota(structural(), capacity_of(rows.total)) % width, (rows.total,))
        starts = fitted(jnp.asarray(data_of(rows.starts)), capacity_of(rows.nrows))
        count = lax.iota(starts.dtype, capacity_of(rows.total))
        return padded(count - gather(starts, self.ids_of(rows), True), (rows.total,))

    def row_longest(self, rows: Rows) -> Any:
        lengths = rows.lengths
        data = lengths.zeroed() if type(lengths) is Padded else data_of(lengths)
        return Size(jnp.max(data, initial=0), capacity_of(rows.total))

    def offsets_from_lengths(self, lengths: Any) -> Any:
        data = lengths.zeroed() if type(lengths) is Padded else jnp.asarray(data_of(lengths))
        data = lax.convert_element_type(data, structural())
        offsets = jnp.concatenate([jnp.zeros(1, data.dtype), jnp.cumsum(data)])
        return padded(offsets, (lengths.shape[0] + 1,))

    def searchsorted(self, x: Any, values: Any, side: str = "left") -> Any:
        data = x.zeroed(np.iinfo(x.dtype).max) if type(x) is Padded else jnp.asarray(x)
        found = jnp.searchsorted(data, jnp.asarray(data_of(values)), side=side)
        return padded(jnp.minimum(found, value_of(x.shape[0])), values.shape)

    def flatnonzero(self, mask: Any, size: Any = None) -> Any:
        data = mask.zeroed(False) if type(mask) is Padded else data_of(mask)
        if size is None:
            size = Size(jnp.sum(data, dtype=structural()), data.shape[0])
        return padded(jnp.flatnonzero(data, size=capacity_of(size), fill_value=data.shape[0]), (size,))

    def segment_argsort(self, x: Any, rows: Rows, descending: bool = False) -> Any:
        ids = self.ids_of(rows)
        data = fitted(lax.stop_gradient(jnp.asarray(data_of(x))), ids.shape[0])
        order = _kernels.argsort(data, ids, descending)
        return padded(lax.convert_element_type(order, structural()), (rows.total,))

    def segment_sort(self, x: Any, rows: Rows, descending: bool = False) -> Any:
        if not is_unknown((x, rows)):
            return super().segment_sort(x, rows, descending)
        return self.take(x, self._home.segment_argsort(x, rows, descending))

    def segment_argmax(self, x: Any, rows: Rows, largest: bool = True) -> Any:
        if not is_unknown((x, rows)):
            return super().segment_argmax(x, rows, largest)
        ids, n = self.ids_of(rows), capacity_of(rows.nrows)
        data = fitted(lax.stop_gradient(jnp.asarray(data_of(x))), ids.shape[0])
        first = _kernels.argextremum(data, ids, n, _kernels.worst(data.dtype, largest), largest)
        return padded(lax.convert_element_type(first, structural()), (rows.nrows,))

    def largest(self, x: Any) -> Any:
        if not is_unknown(x):
            return self._host.largest(np.asarray(x))
        raise UnsupportedError(
            "a size that follows from values is bounded by no size of the arguments; under ragged.jit say it (nrows=, "
            "max_len=), or take this step outside of the compiled function"
        )

    def true(self, x: Any) -> bool:
        return self.known(x) and bool(np.asarray(x))

    def violated(self, bad: Any, what: str) -> bool:
        if not is_unknown(bad):
            return bool(np.any(np.asarray(bad)))
        check(jnp.any(bad.zeroed(False) if type(bad) is Padded else bad), what)
        return False

    def expect_some(self, count: Any, name: str) -> None:
        if is_unknown(count):
            check(value_of(count) < 1, f"{name} of nothing is None, which no compiled program gives")

    def contracted(self, step: Callable[..., Any], x: Any, rows: Rows) -> tuple[Any, Rows]:
        """As many rounds as the longest row could need."""
        if not is_unknown(rows):
            return super().contracted(step, x, rows)
        longest = capacity_of(rows.longest)
        while longest > 1:
            x, rows = step(self, x, rows)
            longest = (longest + 1) // 2
        return x, rows

    def doubled(self, step: Callable[..., Any], x: Any, rows: Rows) -> Any:
        if not is_unknown(rows):
            return super().doubled(step, x, rows)
        n = 1
        while n < capacity_of(rows.longest):
            x = step(self, x, rows, n)
            n *= 2
        return x
