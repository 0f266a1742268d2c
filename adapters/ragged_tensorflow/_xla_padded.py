"""Arrays with slack, for XLA: data of a static capacity, of which a number of entries counts that the program knows.

What lies in the slack is never seen. It is zero where `clean` says so, else anything, NaN too; who combines entries
asks for `zeroed()`, which costs a choice that XLA fuses, and none where the slack is clean.
"""

from __future__ import annotations

import math
import operator
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from ragged.errors import UnsupportedError
from ragged_tensorflow._dtypes import numpy_dtype
from ragged_tensorflow._xla_checks import WAY_OUT, check, compilation
from ragged_tensorflow._xla_sizes import NOT_KNOWN, Bounded, capacity_of, value_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "NOT_DENSE",
    "Padded",
    "count",
    "covers",
    "data_of",
    "expect_equal",
    "fitted",
    "in_graph_of",
    "lined_up",
    "mask_of",
    "padded",
    "sliced",
    "zeroed",
]


NOT_DENSE = (
    "the length of this dense array is not known while ragged.jit compiles the function, so that TensorFlow's own "
    f"functions cannot take it; use those of ragged, take an array of known length, return it, or {WAY_OUT}"
)
MOST = 1 << 28
"""Entries of one array: more come of two axes whose lengths are not known."""


class Padded:
    """An array whose `shape` has sizes in it; `data`, a tensor, has their capacities."""

    __slots__ = ("_mask", "clean", "data", "narrow", "shape")
    __array_ufunc__ = None  # NumPy leaves its operators to ours
    __hash__ = object.__hash__
    __iter__ = __contains__ = None

    def __init__(self, data: Any, shape: tuple[Any, ...], clean: bool = False, narrow: Any = None) -> None:
        self.data, self.shape, self.clean, self.narrow = data, shape, clean, narrow
        self._mask: Any = None

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
        """As TensorFlow's."""
        return self.data.dtype

    @property
    def mask(self) -> Any:
        """Which entries count, in as few axes as tell it, to broadcast with the data."""
        if self._mask is None:
            with in_graph_of(self.data):
                self._mask = mask_of(self.shape, tuple(self.data.shape))
        return self._mask

    def zeroed(self, value: Any = 0) -> Any:
        """The data with one value in the slack."""
        if self.clean and type(value) is int and value == 0:
            return self.data
        return tf.where(self.mask, self.data, tf.cast(value, self.data.dtype))

    if TYPE_CHECKING:  # this one and the operators are those of `_xla_operators`

        def __getitem__(self, key: Any) -> Any: ...

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"no {name!r} here: {NOT_DENSE}")

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> Any:
        raise UnsupportedError(NOT_DENSE)

    def __array__(self, *args: Any, **options: Any) -> Any:
        raise UnsupportedError(NOT_DENSE)

    def __bool__(self) -> bool:
        raise UnsupportedError(f"the truth of an array is {NOT_KNOWN}")

    def __repr__(self) -> str:
        return f"Padded({self.dtype.name}{list(self.shape)})"


def in_graph_of(x: Any) -> Any:
    """The scope of the graph that a tensor is of: what is kept is made there, not in the branch that asks first."""
    return x.graph.as_default()


def count(n: int) -> Any:
    """0 … n - 1."""
    return tf.range(n, dtype=tf.int64)


def mask_of(shape: tuple[Any, ...], capacities: tuple[int, ...]) -> Any:
    """Which entries of data of these capacities count, in as few axes as tell it."""
    masks = [
        tf.reshape(
            tf.range(capacities[axis]) < tf.cast(size.value, tf.int32),  # in 32 bits, which are compared twice as fast
            [-1 if each == axis else 1 for each in range(len(shape))],
        )
        for axis, size in enumerate(shape)
        if isinstance(size, Bounded)
    ]
    return reduce(operator.and_, masks)


def padded(data: Any, shape: tuple[Any, ...], clean: bool = False) -> Any:
    """The array; without any slack the data itself.

    Raises:
        UnsupportedError: it is larger than anybody wants.
    """
    if not any(isinstance(size, Bounded) for size in shape):
        return data
    if math.prod(data.shape) > MOST:
        raise UnsupportedError(
            f"an array with axes of at most {' and '.join(map(str, data.shape))} entries is too large; under "
            f"ragged.jit say how long lists may be (to_padded(x, max_len=...)), or {WAY_OUT}"
        )
    x = Padded(data, shape, clean)
    if not clean and compilation().plant:
        x.data = tf.where(x.mask, data, planted(data.dtype))
    return x


def planted(dtype: Any) -> Any:
    """What a test puts in slack."""
    kind = numpy_dtype(dtype).kind
    worst = {"b": True, "i": -100 if dtype.size == 1 else -30000, "u": 200}.get(kind, np.nan)
    return tf.cast(tf.constant(worst), dtype)


def data_of(x: Any) -> Any:
    """The data of an array with or without slack, as a tensor; a size as a number, and other numbers as they are."""
    if type(x) is Padded:
        return x.data
    return tf.convert_to_tensor(x) if isinstance(x, np.ndarray) else value_of(x)


def zeroed(x: Any, value: Any = 0) -> Any:
    """The data of an array with one value in its slack, if it has any."""
    return x.zeroed(value) if type(x) is Padded else tf.convert_to_tensor(value_of(x))


def fitted(data: Any, capacity: int, axis: int = 0) -> Any:
    """The data cut, or with zeros behind, to a capacity."""
    have, ndim = data.shape[axis], len(data.shape)
    if have == capacity:
        return data
    if have > capacity:
        return data[(*(slice(None),) * axis, slice(0, capacity))]
    return tf.pad(data, [[0, capacity - have if each == axis else 0] for each in range(ndim)])


def expect_equal(size: Any, other: Any) -> None:
    """Have the program check, once, that two sizes are equal."""
    if size is other or size == other:
        return
    state, pair = compilation(), frozenset((size, other))
    if pair not in state.equal:
        state.equal.add(pair)
        roots = [each.root for each in pair if isinstance(each, Bounded)]
        with in_graph_of(next((root for root in roots if root.graph is not state.graph), roots[0])):
            bad = value_of(size) != value_of(other)
        check(bad, "arrays of different lengths do not line up")


def lined_up(args: Sequence[Any], datas: Sequence[Any]) -> tuple[list[Any], tuple[Any, ...]]:
    """Data of arrays that broadcast, brought to the same capacities, and the shape that they have together."""
    shapes = [tuple(getattr(x, "shape", ())) for x in args]
    ndim = max(map(len, shapes))
    datas = list(datas)
    result: list[Any] = []
    for axis in range(-ndim, 0):
        sizes = [shape[axis] if len(shape) >= -axis else 1 for shape in shapes]
        several = [size for size in sizes if isinstance(size, Bounded) or size != 1]
        known = [size for size in several if not isinstance(size, Bounded)]
        size = known[0] if known else min(several, key=capacity_of) if several else 1
        result.append(size)
        for other in several:
            expect_equal(size, other)
        for i, each in enumerate(sizes):
            if isinstance(each, Bounded) or each != 1:
                datas[i] = fitted(datas[i], capacity_of(size), axis + len(datas[i].shape))
    return datas, tuple(result)


def covers(x: Any, shape: tuple[Any, ...]) -> bool:
    """Whether the slack of a result is slack of this operand, too."""
    if type(x) is not Padded:
        return False
    own = (1,) * (len(shape) - x.ndim) + x.shape
    return all(
        isinstance(mine, Bounded) or not isinstance(size, Bounded) for mine, size in zip(own, shape, strict=True)
    )


def sliced(x: Any, start: Any, stop: Any, step: int = 1) -> Any:
    """Entries `start:stop:step` of axis 0, for bounds within it (a positive step)."""
    n, data, rest = x.shape[0], data_of(x), tuple(x.shape[1:])
    clean = getattr(x, "clean", True)
    span = stop - start
    if start == 0 and step == 1 and span == n:
        return x
    size = span if step == 1 else (span + (step - 1)) // step
    capacity = min(capacity_of(span), data.shape[0])
    if isinstance(start, Bounded):
        data = fitted(data, data.shape[0] + capacity)
        first = tf.clip_by_value(start.value, 0, data.shape[0] - capacity)  # what is beyond is checked elsewhere
        begin = tf.stack([first, *[tf.zeros((), tf.int64)] * len(rest)])
        data = tf.slice(data, begin, [capacity, *data.shape[1:]])
    else:
        data = fitted(data[start:], capacity)
    data = fitted(data[::step] if step != 1 else data, capacity_of(size))
    cut = stop == n  # the slack of the result is all of what the array's was
    return padded(data, (size, *rest), clean and bool(cut) and not isinstance(start, Bounded))
