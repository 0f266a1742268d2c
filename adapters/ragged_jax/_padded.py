"""Arrays with slack: data of a static capacity, of which a traced number of entries counts.

What lies in the slack is never seen. It is zero where `clean` says so, else anything, NaN too; who combines entries
asks for `zeroed()`, which costs a choice that XLA fuses, and none where the slack is clean.
"""

from __future__ import annotations

import math
import operator
from functools import reduce
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ragged.errors import StructureError, UnsupportedError
from ragged_jax._checks import compilation, expect
from ragged_jax._compat import Tracer, trace_of
from ragged_jax._sizes import NOT_KNOWN, Size, capacity_of, value_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "Padded",
    "data_of",
    "fitted",
    "integers",
    "is_as_old",
    "is_padded",
    "lined_up",
    "mask_of",
    "padded",
    "sliced",
    "upright",
]


NOT_JAX = (
    "the length of this dense array is not known while ragged.jit compiles the function, so that JAX's own functions "
    "cannot take it; use those of ragged, take an array of known length, or return it"
)
MOST = 1 << 28
"""Entries of one array: more come of two axes whose lengths are not known."""


class Padded:
    """An array whose `shape` has sizes in it; `data` has their capacities."""

    __slots__ = ("_mask", "before", "clean", "data", "narrow", "shape")
    __array_ufunc__ = None  # NumPy leaves its operators to ours
    __hash__ = object.__hash__
    __iter__ = __contains__ = None

    def __init__(self, data: Any, shape: tuple[Any, ...], clean: bool = False, narrow: Any = None) -> None:
        self.data, self.shape, self.clean, self.narrow = data, shape, clean, narrow
        self._mask: Any = None
        self.before: Any = None

    @classmethod
    def moved(cls, data: Any, before: tuple[Any, ...]) -> Padded:
        """What a transformation of JAX put in the place of an array of the shape `before`: with more axes in front or
        behind, or no array at all. Without a `shape` where nothing tells which axes are new."""
        x = cls(data, before)
        now = getattr(data, "shape", None)
        if now is None or len(now) == len(before):
            return x
        n, capacities = len(now) - len(before), tuple(map(capacity_of, before))
        leads, trails = n > 0 and now[n:] == capacities, n > 0 and now[: len(capacities)] == capacities
        if leads != trails:
            x.shape = (*now[:n], *before) if leads else (*before, *now[len(before) :])
        else:
            del x.shape
        x.before = before
        return x

    if TYPE_CHECKING:  # this one and the operators are those of `_padded_operators`

        def __getitem__(self, key: Any) -> Any: ...

    def __getattr__(self, name: str) -> Any:
        if name != "shape":
            raise AttributeError(f"no {name!r} here: {NOT_JAX}")
        raise StructureError(
            f"content of shape {list(self.data.shape)} in the place of {list(self.before)} entries. JAX's vmap, scan "
            "and tree_map over a ragged array take its elements, not its rows: map over dense arguments, or write the "
            "program over the whole array; take a Jacobian with ragged.jacobian"
        )

    _ragged_tape = True  # what a backend is found by

    @property
    def tape(self) -> Any:
        """The backend."""
        return compilation().b

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def dtype(self) -> Any:
        """As NumPy's."""
        return self.data.dtype

    @property
    def mask(self) -> Any:
        """Which entries count, in as few axes as tell it, to broadcast with the data."""
        if self._mask is not None:
            return self._mask
        mask = mask_of(self.shape, self.data.shape)
        if all(is_as_old(mask, size) for size in self.shape if isinstance(size, Size)):
            self._mask = mask
        return mask

    def zeroed(self, value: Any = 0) -> Any:
        """The data with one value in the slack."""
        if self.clean and type(value) is int and value == 0:
            return self.data
        return jnp.where(self.mask, self.data, jnp.asarray(value, self.data.dtype))

    def __array__(self, *args: Any, **options: Any) -> Any:
        raise UnsupportedError(NOT_JAX)

    def __bool__(self) -> bool:
        raise UnsupportedError(f"the truth of an array is {NOT_KNOWN}")

    def __repr__(self) -> str:
        return f"Padded({self.dtype}{list(self.shape)})"


def mask_of(shape: tuple[Any, ...], capacities: tuple[int, ...]) -> Any:
    """Which entries of data of these capacities count, in as few axes as tell it."""
    masks = [
        upright(lax.iota("int32", capacities[axis]) < value_of(size), axis, len(shape))
        for axis, size in enumerate(shape)
        if isinstance(size, Size)
    ]
    return reduce(operator.and_, masks)


def upright(mask: Any, axis: int, ndim: int) -> Any:
    """A 1-d array along an axis of several."""
    return mask.reshape(tuple(-1 if each == axis else 1 for each in range(ndim)))


def is_padded(x: Any) -> bool:
    """Whether an array has slack."""
    return type(x) is Padded


def padded(data: Any, shape: tuple[Any, ...], clean: bool = False) -> Any:
    """The array; without any slack the data itself."""
    if not any(isinstance(size, Size) for size in shape):
        return data
    if math.prod(data.shape) > MOST:
        raise UnsupportedError(
            f"an array with axes of at most {' and '.join(map(str, data.shape))} entries is too large; under "
            "ragged.jit say how long lists may be (to_padded(x, max_len=...)), or take this step outside of it"
        )
    x = Padded(data, shape, clean)
    if not clean and compilation().plant:
        x.data = jnp.where(x.mask, data, planted(data.dtype))
    return x


def planted(dtype: Any) -> Any:
    """What a test puts in slack."""
    kind = np.dtype(dtype).kind
    worst = {"b": True, "i": np.iinfo("int32").min + 5, "u": 200, "f": np.nan, "c": np.nan}.get(kind, np.nan)
    return jnp.asarray(worst, dtype)


def data_of(x: Any) -> Any:
    """The data of an array with or without slack; a size as a number."""
    return x.data if type(x) is Padded else value_of(x)


def is_as_old(x: Any, source: Any) -> bool:
    """Whether an array or size was computed where `source` was, and not within a loop or a branch around it."""
    inner, outer = (each.root if isinstance(each, Size) else data_of(each) for each in (x, source))
    return not isinstance(inner, Tracer) or trace_of(inner) is trace_of(outer)


def fitted(data: Any, capacity: int, axis: int = 0) -> Any:
    """The data cut, or with zeros behind, to a capacity."""
    have = data.shape[axis]
    if have == capacity:
        return data
    if have > capacity:
        return lax.slice_in_dim(data, 0, capacity, axis=axis)
    widths = [(0, 0, 0)] * data.ndim
    widths[axis] = (0, capacity - have, 0)
    return lax.pad(data, jnp.zeros((), data.dtype), widths)


def expect_equal(size: Any, other: Any) -> None:
    """Have the program check, once, that two sizes are equal."""
    if size is other or size == other:
        return
    state, pair = compilation(), frozenset((size, other))
    what = "arrays of different lengths do not line up"
    if pair not in state.equal and expect(size, other, what):
        state.equal.add(pair)


def lined_up(args: Sequence[Any], datas: Sequence[Any]) -> tuple[list[Any], tuple[Any, ...]]:
    """Data of arrays that broadcast, brought to the same capacities, and the shape that they have together."""
    shapes = [tuple(getattr(x, "shape", ())) for x in args]
    ndim = max(map(len, shapes))
    datas = list(datas)
    result: list[Any] = []
    for axis in range(-ndim, 0):
        sizes = [shape[axis] if len(shape) >= -axis else 1 for shape in shapes]
        several = [size for size in sizes if isinstance(size, Size) or size != 1]
        known = [size for size in several if not isinstance(size, Size)]
        size = known[0] if known else min(several, key=capacity_of) if several else 1
        result.append(size)
        for other in several:
            expect_equal(size, other)
        for i, each in enumerate(sizes):
            if isinstance(each, Size) or each != 1:
                datas[i] = fitted(datas[i], capacity_of(size), axis + datas[i].ndim)
    return datas, tuple(result)


def covers(x: Any, shape: tuple[Any, ...]) -> bool:
    """Whether the slack of a result is slack of this operand, too."""
    if type(x) is not Padded:
        return False
    own = (1,) * (len(shape) - x.ndim) + x.shape
    return all(isinstance(mine, Size) or not isinstance(size, Size) for mine, size in zip(own, shape, strict=True))


def sliced(x: Any, start: Any, stop: Any, step: int = 1) -> Any:
    """Entries `start:stop:step` of axis 0, for bounds within it (a positive step)."""
    n, data, rest = x.shape[0], data_of(x), x.shape[1:]
    clean = getattr(x, "clean", True)
    span = stop - start
    if start == 0 and step == 1 and span == n:
        return x
    count = span if step == 1 else (span + (step - 1)) // step
    capacity = min(capacity_of(span), data.shape[0])
    if isinstance(start, Size):
        data = fitted(data, data.shape[0] + capacity)
        data = lax.dynamic_slice_in_dim(data, value_of(start), capacity)
    else:
        data = fitted(data[start:], capacity)
    data = fitted(data[::step] if step != 1 else data, capacity_of(count))
    cut = stop == n  # the slack of the result is all of what the array's was
    return padded(data, (count, *rest), clean and bool(cut) and not isinstance(start, Size))


def integers(x: Any) -> Any:
    """Traced or host integers as JAX's."""
    return x if isinstance(x, jax.Array) else jnp.asarray(x)
