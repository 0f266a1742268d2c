"""The row partition: where lists begin, and what follows from it, computed once and shared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ragged.memory import beside
from ragged.sizes import is_known

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["Groups", "Ranges", "Rows", "Segments", "carried", "frozen", "joined", "never_empty", "owned", "sealed"]


def frozen(x: Any) -> Any:
    """Structure that nobody writes to, as results share it: of a NumPy array a read-only view, else `x` itself."""
    if type(x) is np.ndarray and x.flags.writeable:
        x = x.view()
        x.flags.writeable = False
    return x


def sealed(x: Any) -> Any:
    """New structure, which results share: NumPy's made read-only itself, so that a framework may share it, too."""
    if type(x) is np.ndarray:
        x.flags.writeable = False
    return x


def never_empty(ops: Backend, x: Any) -> Any:
    """Structure that an index of 0 is within, whatever its length turns out to be."""
    return x if is_known(ops.size(x)) else ops.concat([x, ops.full((1,), 0, ops.dtype(x))])


def owned(ops: Backend, x: Any) -> Any:
    """Structure of `ops` that a caller gave: a copy where the caller could still write to it."""
    if isinstance(x, np.ndarray):
        return sealed(x.copy()) if x.flags.writeable else x
    return x if ops.immutable else ops.duplicate(x)


def carried(ops: Backend, x: Any, source: Backend) -> Any:
    """Structure of `source` on another backend, between two frameworks through NumPy's memory or on their GPU."""
    if source.name in (ops.name, "numpy"):
        return ops.asarray(x)
    found = beside(ops, x, source)
    return ops.asarray(source.to_numpy(x)) if found is None else found


def joined(b: Backend, x: Any, source: Backend) -> tuple[Backend, Any]:
    """Structure that came with an array of `source`, for one of `b`: the backend that it lives on, and itself there."""
    ops = b.home(x)
    if ops.owns(x) or source.dtype(x).kind not in "biuf":  # what is no number is refused where it is checked
        return ops, x
    return ops, carried(ops, x, source)


class Segments(Protocol):
    """What a segment reduction needs: for each element its segment; how many segments there are."""

    @property
    def ids(self) -> Any:
        """int64 array, one id an element; an id equal to `nrows` marks slack, which is dropped."""

    @property
    def nrows(self) -> Any:
        """Number of segments."""

    @property
    def offsets(self) -> Any:
        """int64 array of `nrows + 1` boundaries where segments are contiguous, else None."""


class Groups:
    """Segments in no particular order (columns of a ragged array, repeated indices)."""

    __slots__ = ("ids", "nrows")

    offsets = None

    def __init__(self, ids: Any, nrows: Any) -> None:
        self.ids = ids
        self.nrows = nrows


class Rows:
    """Contiguous segments: `offsets` (int64, starts at 0, non-decreasing) and what follows from it.

    `ops` is the backend that the offsets live on. `total` is the number of elements (the static
    capacity where a compiler needs one); `upper` (see `Backend.bound`) is what it cannot exceed. Everything else is
    computed on first use and kept.
    """

    __slots__ = (
        "__weakref__",
        "_elsewhere",
        "_hash",
        "_ids",
        "_lengths",
        "_longest",
        "_positions",
        "nrows",
        "offsets",
        "ops",
        "total",
    )

    def __init__(self, ops: Backend, offsets: Any, nrows: Any = None, total: Any = None, upper: Any = None) -> None:
        self.ops = ops
        self.offsets = frozen(offsets)
        self.nrows = ops.size(offsets) - 1 if nrows is None else nrows
        self.total = ops.bound(offsets, upper) if total is None else total
        self._lengths: Any = None
        self._ids: Any = None
        self._positions: Any = None
        self._longest: Any = None
        self._hash: int | None = None
        self._elsewhere: Rows | None = None

    @classmethod
    def from_lengths(cls, ops: Backend, lengths: Any, total: Any = None, upper: Any = None) -> Rows:
        """Rows of the given lengths (int64, non-negative)."""
        rows = cls(ops, ops.offsets_from_lengths(lengths), ops.size(lengths), total, upper)
        rows._lengths = frozen(lengths)
        return rows

    @classmethod
    def regular(cls, ops: Backend, nrows: Any, size: Any) -> Rows:
        """`nrows` rows of `size` elements each."""
        rows = cls(ops, ops.arange(nrows + 1) * size, nrows, nrows * size)
        rows._longest = size if not is_known(nrows) or nrows else 0
        return rows

    @property
    def starts(self) -> Any:
        """Offset of each row's first element."""
        return self.offsets[:-1]

    @property
    def lengths(self) -> Any:
        """Number of elements of each row, int64."""
        if self._lengths is None:
            return self._kept("_lengths", sealed(self.ops.row_lengths(self)))
        return self._lengths

    @property
    def ids(self) -> Any:
        """For each element the number of its row, int64."""
        if self._ids is None:
            return self._kept("_ids", sealed(self.ops.row_ids(self)))
        return self._ids

    @property
    def positions(self) -> Any:
        """For each element its position within its row, int64."""
        if self._positions is None:
            return self._kept("_positions", sealed(self.ops.row_positions(self)))
        return self._positions

    @property
    def longest(self) -> Any:
        """Length of the longest row (0 where there is none)."""
        if self._longest is None:
            return self._kept("_longest", self.ops.row_longest(self))
        return self._longest

    def _kept(self, name: str, found: Any) -> Any:
        if self.ops.lasts(found, self.offsets):
            setattr(self, name, found)
        return found

    def on(self, ops: Backend) -> Rows:
        """The same partition on another backend: the same object whenever it is asked for."""
        if self.ops is ops:
            return self
        if self._elsewhere is None or self._elsewhere.ops is not ops:
            self._elsewhere = Rows(ops, carried(ops, self.offsets, self.ops), self.nrows, self.total)
        return self._elsewhere

    @property
    def width(self) -> int | None:
        """The length of all rows, where it is known already to be one; None where nobody has looked, too."""
        if self._longest is None or not is_known(self.total) or self._longest * self.nrows != self.total:
            return None
        width: int = self._longest
        return width

    def same(self, other: Rows) -> bool:
        """Whether the two partitions are equal: by identity, then by value."""
        return self is other or (
            self.ops is other.ops
            and self.nrows == other.nrows
            and self.total == other.total
            and self.ops.equal(self.offsets, other.offsets)
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rows) and self.same(other)

    def __hash__(self) -> int:
        # Cheap on purpose: equality settles the rest, and static structure is hashed at every call.
        if self._hash is None:
            self._hash = hash((self.nrows, self.total))
        return self._hash

    def take(self, index: Any, valid: Any = None) -> tuple[Rows, Ranges]:
        """The rows at `index` (empty ones where `valid` is given and false), and where their elements lie in this
        partition's content."""
        ops = self.ops
        lengths = ops.take(self.lengths, index)
        rows = Rows.from_lengths(ops, lengths if valid is None else ops.where(valid, lengths, 0), upper=self)
        return rows, Ranges(ops.take(self.starts, index), rows)

    def slice(self, start: Any, stop: Any) -> tuple[Rows, Any, Any]:
        """Rows `start:stop` (0 <= start <= stop <= nrows), and the range of their elements."""
        offsets = self.ops.slice(self.offsets, start, stop + 1)
        low = self.ops.bound(offsets[:1], self.total)
        high = self.ops.bound(offsets, self.total)
        is_first = is_known(low) and not low
        return Rows(self.ops, offsets if is_first else offsets - low, stop - start, high - low), low, high

    def select(self, low: Any, high: Any) -> tuple[Rows, Any]:
        """In each row the elements `low:high` (arrays, one bound a row, already clipped; `low <= high`)."""
        ops = self.ops
        rows = Rows.from_lengths(ops, high - low, upper=self.total)
        return rows, ops.ranges(self.starts + low, rows)

    def flatten(self, inner: Rows) -> Rows:
        """Two levels made one: this partition's rows over `inner`'s elements."""
        return Rows(self.ops, self.ops.take(inner.offsets, self.offsets), self.nrows, inner.total)

    def __reduce__(self) -> tuple[Any, ...]:
        return Rows, (self.ops, self.offsets, self.nrows, self.total)

    def __repr__(self) -> str:
        return f"Rows(nrows={self.nrows}, total={self.total})"


class Ranges:
    """Positions that run on within each of `rows`: `starts[i]`, `starts[i] + step`, …; none beyond `last`, if given.

    A framework that compiles makes them where it gathers; `index` is the array of them all, for everybody else.
    """

    __slots__ = ("_index", "last", "rows", "starts", "step")

    def __init__(self, starts: Any, rows: Rows, step: int = 1, last: Any = None) -> None:
        self.starts = starts
        self.rows = rows
        self.step = step
        self.last = last
        self._index: Any = None

    @property
    def index(self) -> Any:
        """The positions as int64 structure."""
        if self._index is None:
            ops, width = self.rows.ops, self.rows.width
            if width is None:
                index = ops.ranges(self.starts, self.rows, self.step)
            else:
                within = ops.arange(width) if self.step == 1 else ops.arange(width) * self.step
                index = ops.reshape(self.starts[:, None] + within[None, :], (self.rows.total,))
            self._index = sealed(index if self.last is None else ops.xp.minimum(index, self.last))
        return self._index
