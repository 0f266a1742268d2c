"""What is done to content, the numbers: the half of the protocol that derivatives are taken through."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from ragged import _namespace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from ragged.backend import Backend
    from ragged.rows import Ranges, Rows, Segments

__all__ = ["Content"]


class Content(ABC):
    """The primitives on content, by default over an array API namespace; `Backend` adds those on structure."""

    name: ClassVar[str]
    xp: Any
    """Array API namespace for content; the defaults below are written over it."""
    level: int = 0  # depth of differentiation tapes; the deepest backend of an operation runs it

    @property
    @abstractmethod
    def base(self) -> Backend:
        """The framework's own backend beneath any tapes."""

    @cached_property
    def unsupported(self) -> Mapping[str, str]:
        """What the framework cannot do, elementwise functions and dtypes by NumPy's name, each with the reason."""
        return self.base.unsupported if self.level else _namespace.missing_functions(self)

    @abstractmethod
    def owns(self, x: Any) -> bool:
        """Whether `x` is a dense array (tracers included) of this backend."""

    def asarray(self, x: Any, dtype: Any = None) -> Any:
        """Content from a NumPy array, a number or an array of this backend; shared where it can be."""
        return _namespace.asarray(self, x, dtype)

    def lasts(self, x: Any, source: Any) -> bool:
        """Whether structure computed of `source` may be kept with it: not what a loop or branch that is traced does."""
        return True

    # ------------------------------------------------------------------ sizes and dtypes

    def size(self, x: Any) -> Any:
        """Length of axis 0."""
        return x.shape[0]

    def shape(self, x: Any) -> tuple[Any, ...]:
        """The sizes of all axes."""
        return x.shape  # type: ignore[no-any-return]

    def bound(self, offsets: Any, upper: Any) -> Any:
        """The last offset, as a size. Compilers of static sizes need to know what it cannot exceed: `upper`, a size, or
        the `Rows` that rows were taken from, where it stands for as many elements a row as those have on average, or
        what the caller said (`Capacity`), which the running program checks. Others ignore it."""
        return int(offsets[-1])

    def dtype(self, x: Any) -> np.dtype[Any]:
        """The NumPy dtype of an array of this backend."""
        return _namespace.dtype_of(x)

    def astype(self, x: Any, dtype: Any) -> Any:
        """`x` cast to a NumPy dtype; `x` itself where it has it already."""
        return self.xp.astype(x, _namespace.dtype_in(self, dtype), copy=False)

    # ------------------------------------------------------------------ differentiable primitives

    def apply(self, name: str, *args: Any, valid: Any = None) -> Any:
        """The elementwise function `name` (see `ragged.ufuncs`) of arrays that broadcast as NumPy's do.

        Python scalars promote weakly. `valid` (bool structure, along axis 0) marks places whose result is used:
        other places may hold anything and must disturb neither values nor gradients.
        Functions with two results return a tuple.
        """
        return _namespace.apply(self, name, args, valid)

    def apply_over(self, spare: Any, name: str, *args: Any) -> Any:
        """`apply(name, *args)`, whose result may be written over `spare`: an array of the caller's own (which may be
        one of the arguments) that is not used again."""
        return self.apply(name, *args)

    def take(self, x: Any, index: Any) -> Any:
        """`x[index]` along axis 0; `index` is int64 structure, in range."""
        return self.xp.take(x, self.asarray(index), axis=0)

    def take_ranges(self, x: Any, ranges: Ranges) -> Any:
        """The elements of `x` where `ranges` says (structure, in range)."""
        return self.take(x, ranges.index)

    def interleave(self, arrays: Sequence[Any], ranges: Ranges) -> Any:
        """`take_ranges` of arrays of one dtype put one after another."""
        return self.take_ranges(self.concat(arrays), ranges)

    def slice(self, x: Any, start: Any, stop: Any, step: int = 1) -> Any:
        """`x[start:stop:step]` along axis 0 (bounds already clipped; step positive), a view where possible."""
        return x[start:stop:step, ...]

    @abstractmethod
    def segment_sum(self, x: Any, rows: Segments) -> Any:
        """Sum of each segment along axis 0, in `x`'s own dtype; 0 where a segment is empty."""

    @abstractmethod
    def segment_max(self, x: Any, rows: Segments, identity: Any) -> Any:
        """Maximum of each segment along axis 0 (NaN wins); `identity` where a segment is empty. No gradient."""

    def concat(self, arrays: Sequence[Any]) -> Any:
        """Arrays of one dtype joined along axis 0."""
        return self.xp.concat(list(arrays))

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        """Elementwise choice; `condition` is structure or content, `x` and `y` arrays of one dtype or scalars."""
        return _namespace.where(self, condition, x, y)

    def cumulative_sum(self, x: Any) -> Any:
        """Running sum along axis 0, in `x`'s own dtype."""
        return self.xp.cumulative_sum(x, axis=0, dtype=x.dtype)

    def reshape(self, x: Any, shape: tuple[Any, ...]) -> Any:
        """The same elements in another shape."""
        return self.xp.reshape(x, shape)

    def broadcast_to(self, x: Any, shape: tuple[Any, ...]) -> Any:
        """`x` repeated to `shape` by NumPy's rule."""
        return self.xp.broadcast_to(x, shape)

    def sum(self, x: Any, axes: tuple[int, ...]) -> Any:
        """Sum over regular axes, in `x`'s own dtype; the axes are removed."""
        return self.xp.sum(x, axis=axes, dtype=x.dtype)

    def permute_dims(self, x: Any, axes: tuple[int, ...]) -> Any:
        """Axes in another order."""
        return self.xp.permute_dims(x, axes)

    def matmul(self, x: Any, y: Any) -> Any:
        """Matrix product, by the array API's rules."""
        return self.xp.matmul(x, y)

    def full(self, shape: tuple[Any, ...], value: Any, dtype: Any) -> Any:
        """A new array filled with one value."""
        return self.xp.full(shape, value, dtype=_namespace.dtype_in(self, dtype))

    def entry(self, x: Any, i: int) -> Any:
        """`x[i]` for a position in range: one axis less, the framework's own 0-d value of a 1-d array."""
        return self.reshape(self.slice(x, i, i + 1), self.shape(x)[1:])

    def expand(self, x: Any, rows: Rows) -> Any:
        """Each row's entry of `x` repeated for each of the row's elements."""
        return self.take(x, rows.ids)
