"""Where structure lives while a program is built: on the host what is known, in the program what it computes."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ragged.backend import Backend
from ragged.rows import Groups, Ranges, Rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragged.rows import Segments

__all__ = ["MixedStructure", "unknown_where"]


def unknown_where(traced: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """The test whether an array, a size, or something made of them is known only to the running program; `traced` is
    the framework's own, of one array or size."""

    def is_unknown(x: Any) -> bool:
        kind = type(x)
        if kind is np.ndarray or kind is int or kind is str or x is None:
            return False
        if kind is tuple or kind is list:
            return any(map(is_unknown, x))
        if kind is Rows:
            return is_unknown(x.offsets)
        if kind is Groups:
            return is_unknown(x.ids) or is_unknown(x.nrows)
        if kind is Ranges:
            return is_unknown(x.rows) or is_unknown(x.starts)
        return traced(x)

    return is_unknown


class Functions:
    """The array namespace of structure: NumPy's, and the program's where something is not known yet."""

    def __init__(self, ops: MixedStructure) -> None:
        self._ops = ops

    @cache  # noqa: B019 - it lives as long as the process
    def __getattr__(self, name: str) -> Any:
        ops = self._ops
        known = getattr(ops.host.xp, name)
        unknown = ops.function(name) if callable(known) and not isinstance(known, type) else None
        if unknown is None:
            return known

        def call(*args: Any, **options: Any) -> Any:
            if any(map(ops.is_unknown, args)):
                return unknown(*map(ops.lowered, args), **options)
            return known(*args, **options)

        return call


class MixedStructure(Backend):
    """Two backends as one: each call runs on the host, unless something that it is given is known only to the program.

    So known and symbolic structure meet anywhere, and what is known while a program is built stays out of it.
    """

    def __init__(self, host: Backend, program: Any, is_unknown: Callable[[Any], bool]) -> None:
        self.host, self.program, self.is_unknown = host, program, is_unknown
        self.xp = Functions(self)

    def function(self, name: str) -> Callable[..., Any] | None:
        """The program's function of the array namespace; None where NumPy's serves."""
        raise NotImplementedError

    def lowered(self, x: Any) -> Any:
        """An argument as the program's backend takes it."""
        return x

    def must_agree(self, x: Any, y: Any, what: str) -> None:
        """Have the running program check that two arrays, of which one is unknown, are equal."""
        raise NotImplementedError

    def home(self, *arrays: Any) -> Backend:
        return self

    def as_structure(self, x: Any) -> Any:
        return x

    def to_numpy(self, x: Any) -> np.ndarray[Any, Any]:
        found: np.ndarray[Any, Any] = self.of(x).to_numpy(x)
        return found

    def known(self, x: Any) -> bool:
        return not self.is_unknown(x)

    def true(self, x: Any) -> bool:
        return not self.is_unknown(x) and bool(x)

    def equal(self, x: Any, y: Any) -> bool:
        return x is y or (not self.is_unknown((x, y)) and self.host.equal(x, y))

    def agree(self, x: Any, y: Any, what: str) -> bool:
        if x is y:
            return True
        if not self.is_unknown((x, y)):
            return self.host.equal(x, y)
        self.must_agree(x, y, what)
        return True

    def segment_sum(self, x: Any, rows: Segments) -> Any:
        return self.of(x, rows).segment_sum(x, rows)

    def segment_max(self, x: Any, rows: Segments, identity: Any) -> Any:
        return self.of(x, rows).segment_max(x, rows, identity)

    def segment_argsort(self, x: Any, rows: Rows, descending: bool = False) -> Any:
        return self.of(x, rows).segment_argsort(x, rows, descending)

    def of(self, *given: Any) -> Any:
        """The backend that these arguments need."""
        return self.program if any(map(self.is_unknown, given)) else self.host


def _either(name: str) -> Callable[..., Any]:
    """The method of the backend that the arguments need."""

    def method(self: MixedStructure, *args: Any, **options: Any) -> Any:
        if any(map(self.is_unknown, args)) or any(map(self.is_unknown, options.values())):
            return getattr(self.program, name)(*map(self.lowered, args), **options)
        return getattr(self.host, name)(*args, **options)

    method.__name__ = name
    return method


_METHODS = (
    *("asarray", "size", "shape", "bound", "dtype", "astype", "apply", "take", "slice", "violated"),
    *("segment_min", "segment_argmax", "segment_count", "segment_prod", "concat", "where"),
    *("cumulative_sum", "reshape", "broadcast_to", "sum", "permute_dims", "full", "entry", "expand", "arange"),
    *("repeat", "ranges", "offsets_from_lengths", "searchsorted", "flatnonzero"),
    *("row_ids", "row_lengths", "row_positions", "row_longest", "largest"),
)
for _name in _METHODS:
    setattr(MixedStructure, _name, _either(_name))
