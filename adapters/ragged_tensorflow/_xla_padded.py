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
from ragged.sizes import clipped
from ragged_tensorflow._dtypes import numpy_dtype
from ragged_tensorflow._xla_checks import WAY_OUT, check, compilation
from ragged_tensorflow._xla_sizes import Bounded, capacity_of, value_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Padded", "count", "data_of", "fitted", "in_graph_of", "lined_up", "mask_of", "padded", "sliced", "zeroed"]


MOST = 1 << 28
"""Entries of one array: more come of two axes whose lengths are not known."""


class Padded:
    """An array whose `shape` has sizes in it; `data`, a tensor, has their capacities."""

    __slots__ = ("_mask", "clean", "data", "narrow", "shape")
    __array_ufunc__ = None  # NumPy leaves its operators to ours
    __hash__ = object.__hash__

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

    def __getitem__(self, key: Any) -> Any:
        keys = key if isinstance(key, tuple) else (key,)
        x: Any = self
        axis = 0
        for each in keys:
            if each is Ellipsis:
                break
            if each is None:
                shape = (*x.shape[:axis], 1, *x.shape[axis:])
                x = padded(tf.expand_dims(data_of(x), axis), shape, getattr(x, "clean", False))
                axis += 1
            elif isinstance(each, slice):
                if each != slice(None):
                    assert axis == 0, "structure is sliced along its first axis"
                    start, stop, step, _ = clipped(each, x.shape[0])
                    x = sliced(x, start, stop, step)
                axis += 1
            else:
                at = value_of(x.shape[axis] + each if isinstance(each, int) and each < 0 else each)
                shape = x.shape[:axis] + x.shape[axis + 1 :]
                x = padded(tf.gather(data_of(x), at, axis=axis), shape, getattr(x, "clean", False))
        return x

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> Any:
        raise UnsupportedError(
            "the length of this dense array is not known while ragged.jit compiles the function, so that TensorFlow's "
            f"own functions cannot take it; use those of ragged, take an array of known length, return it, or {WAY_OUT}"
        )

    def __invert__(self) -> Any:
        return padded(~self.data, self.shape)

    def __neg__(self) -> Any:
        return padded(-self.data, self.shape)

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


CONTENT = {"truediv": "true_divide", "pow": "power"}
FUNCTIONS = {
    **{"add": "add", "sub": "subtract", "mul": "multiply", "floordiv": "floor_divide", "mod": "remainder"},
    **{"lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal", "eq": "equal", "ne": "not_equal"},
    **CONTENT,
}


def _operator(name: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """An operator of structure (of numbers: the function), and its reflection."""
    f = getattr(operator, name if name.startswith("__") else f"__{name}__")

    def run(x: Any, y: Any) -> Any:
        if name in CONTENT or any(map(_is_inexact, (x, y))):
            return compilation().b.apply(FUNCTIONS.get(name, name), x, y)
        datas, shape = lined_up((x, y), [data_of(x), data_of(y)])
        return padded(f(*_of_one_kind(datas)), shape)

    def forward(self: Any, other: Any) -> Any:
        return run(self, other)

    def reflected(self: Any, other: Any) -> Any:
        return run(other, self)

    return forward, reflected


def _of_one_kind(datas: list[Any]) -> list[Any]:
    """Truth values that meet numbers as numbers."""
    is_truth = [isinstance(x, bool | np.bool_) or getattr(x, "dtype", None) == tf.bool for x in datas]
    return (
        datas
        if all(is_truth)
        else [tf.cast(x, tf.int64) if truth else x for x, truth in zip(datas, is_truth, strict=True)]
    )


def _is_inexact(x: Any) -> bool:
    """Whether these are numbers with a fraction."""
    dtype = getattr(x, "dtype", None)
    if isinstance(dtype, tf.DType):
        return bool(dtype.is_floating or dtype.is_complex)
    return isinstance(x, float | complex) or (dtype is not None and dtype.kind in "fc")


for _name in ("add", "sub", "mul", "floordiv", "mod", "and", "or", "xor", "truediv", "pow"):
    _forward, _reflected = _operator(_name)
    setattr(Padded, f"__{_name}__", _forward)
    setattr(Padded, f"__r{_name}__", _reflected)
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(Padded, f"__{_name}__", _operator(_name)[0])
