"""NumPy's functions of a dense value on a tape (NEP 18): the usual ones; the rest says what to call instead."""

from __future__ import annotations

from typing import Any

import numpy as np

from ragged.errors import UnsupportedError

__all__ = ["EXTREME", "numpy_function", "reduce_sum"]


def tape_of(*xs: Any) -> Any:
    """The deepest tape among the values."""
    return max((x.tape for x in xs if hasattr(type(x), "_ragged_tape")), key=lambda tape: tape.level)


def reduce_sum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The sum over the given axes, by default all."""
    given = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    axes = tuple(sorted(i % x.ndim for i in given))
    total = x.tape.sum(x, axes)
    return x.tape.reshape(total, tuple(1 if i in axes else n for i, n in enumerate(x.shape))) if keepdims else total


def concatenate(arrays: Any, axis: int | None = 0) -> Any:
    """Arrays joined along an axis."""
    tape = tape_of(*arrays)
    if axis is None:
        return tape.concat([tape.reshape(x, (-1,)) for x in arrays])
    order = list(range(np.ndim(arrays[0])))
    order[0], order[axis] = order[axis], order[0]
    joined = tape.concat([tape.permute_dims(tape.asarray(x), tuple(order)) for x in arrays] if axis else list(arrays))
    return tape.permute_dims(joined, tuple(order)) if axis else joined


def stack(arrays: Any, axis: int = 0) -> Any:
    """Arrays joined along a new axis."""
    return concatenate([expand_dims(x, axis) for x in arrays], axis)


def expand_dims(x: Any, axis: int) -> Any:
    """A new axis of length 1."""
    shape = list(np.shape(x))
    shape.insert(axis % (len(shape) + 1), 1)
    return x.reshape(tuple(shape))


def where(condition: Any, x: Any, y: Any) -> Any:
    """Elementwise choice by broadcasting."""
    return tape_of(condition, x, y).where(condition, x, y)


def dot(x: Any, y: Any) -> Any:
    """The matrix product; the product with a number."""
    return x @ y if np.ndim(x) and np.ndim(y) else x * y


def broadcast_to(x: Any, shape: Any) -> Any:
    """`x` repeated to a shape."""
    return x.tape.broadcast_to(x, (shape,) if isinstance(shape, int) else tuple(shape))


def cumsum(x: Any, axis: int | None = None) -> Any:
    """The running sum along an axis, by default over all elements."""
    if axis is None:
        return x.tape.cumulative_sum(x.ravel())
    order = list(range(x.ndim))
    order[0], order[axis] = order[axis], order[0]
    return x.tape.cumulative_sum(x.transpose(order)).transpose(order)


def outer(x: Any, y: Any) -> Any:
    """All products of two vectors' elements."""
    return x.reshape((-1, 1)) * y.reshape((1, -1))


def squeeze(x: Any) -> Any:
    """Without its axes of length 1."""
    return x.reshape(tuple(n for n in x.shape if n != 1))


IMPLEMENTED: dict[str, Any] = {
    "broadcast_to": broadcast_to,
    "concatenate": concatenate,
    "conj": lambda x: x.conj(),
    "cumsum": cumsum,
    "dot": dot,
    "expand_dims": expand_dims,
    "imag": lambda x: x.imag,
    "mean": lambda x, axis=None, keepdims=False: x.mean(axis, keepdims),
    "ndim": lambda x: x.ndim,
    "outer": outer,
    "permute_dims": lambda x, axes: x.transpose(axes),
    "ravel": lambda x: x.ravel(),
    "real": lambda x: x.real,
    "reshape": lambda x, shape: x.reshape(shape),
    "shape": lambda x: x.shape,
    "size": lambda x: x.size,
    "squeeze": squeeze,
    "stack": stack,
    "sum": reduce_sum,
    "transpose": lambda x, axes=None: x.transpose(*(axes or ())),
    "where": where,
}

RENAMED = {"amax": "max", "amin": "min"}
EXTREME = {"max", "min", "argmax", "argmin"}
"""Reducers that give None for an empty list, which a dense axis of some length has none of."""


def numpy_function(func: Any, args: Any, kwargs: Any) -> Any:
    """`func(*args, **kwargs)` with boxes among the arguments.

    Raises:
        UnsupportedError: there is no such function for a value on a tape.
    """
    import ragged

    name = RENAMED.get(func.__name__, func.__name__)
    own = IMPLEMENTED.get(name) or (getattr(ragged, name, None) if name in vars(ragged)["__all__"] else None)
    if own is None or not func.__module__ == "numpy":
        raise UnsupportedError(
            f"{func.__module__}.{name} has no form for a value that is being differentiated; "
            "write it with operators, indexing, @ and the functions of ragged"
        )
    if name in EXTREME:
        kwargs = {"mask_identity": False, **kwargs}
    return own(*args, **kwargs)
