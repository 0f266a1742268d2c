"""Python's operators on arrays with slack: arithmetic, comparisons, and what stands in brackets."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from ragged.errors import UnsupportedError
from ragged.sizes import clipped
from ragged_jax._checks import compilation
from ragged_jax._padded import NOT_JAX, Padded, data_of, lined_up, padded, sliced
from ragged_jax._sizes import Size, value_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__: list[str] = []


def selected(x: Any, key: Any) -> Any:
    """What `x[key]` gives: slices, entries (within the array, as JAX has it), new axes, an array of positions."""
    keys = key if isinstance(key, tuple) else (key,)
    axis = 0
    for i, each in enumerate(keys):
        if each is Ellipsis:
            axis = x.ndim - sum(later is not None for later in keys[i + 1 :])
        elif each is None:
            shape = (*x.shape[:axis], 1, *x.shape[axis:])
            x = padded(jnp.expand_dims(data_of(x), axis), shape, getattr(x, "clean", False))
            axis += 1
        elif isinstance(each, slice):
            x = x if each == slice(None) else sliced_along(x, each, axis)
            axis += 1
        elif getattr(each, "ndim", 0):
            if len(keys) > 1 or each.ndim > 1 or np.dtype(each.dtype).kind not in "iu":
                raise UnsupportedError(NOT_JAX)
            return compilation().b.take(x, inside(each, x.shape[0]))
        else:
            x = entry_along(x, each, axis)
    return x


def sliced_along(x: Any, key: slice, axis: int) -> Any:
    """A slice along one axis."""
    n = x.shape[axis]
    if not isinstance(n, Size):
        data = data_of(x)[(slice(None),) * axis + (key,)]
        return padded(data, (*x.shape[:axis], data.shape[axis], *x.shape[axis + 1 :]), getattr(x, "clean", False))
    if axis:
        order = (axis, *(each for each in range(x.ndim) if each != axis))
        back = tuple(np.argsort(order).tolist())
        b = compilation().b
        return b.permute_dims(sliced_along(b.permute_dims(x, order), key, 0), back)
    if key.step is not None and value_of(key.step) < 0:
        if (key.start, key.stop) != (None, None):
            raise UnsupportedError(f"backwards from somewhere within; {NOT_JAX}")
        return sliced_along(compilation().b.home().xp.flip(x), slice(None, None, -key.step), 0)
    start, stop, step, _ = clipped(key, n)
    return sliced(x, start, stop, step)


def entry_along(x: Any, i: Any, axis: int) -> Any:
    """One entry of an axis."""
    n = x.shape[axis]
    at = value_of(n + i if isinstance(i, int) and i < 0 else i)
    if isinstance(n, Size) and not (type(i) is int and i in (0, -1)):
        at = inside(at, n)
    found = lax.dynamic_index_in_dim(data_of(x), at, axis, keepdims=False)
    return padded(found, x.shape[:axis] + x.shape[axis + 1 :], getattr(x, "clean", False))


def inside(at: Any, n: Any) -> Any:
    """Positions that are counted from the end where they are negative, none of them beyond the array."""
    at, n = jnp.asarray(data_of(at)), value_of(n)
    return jnp.clip(jnp.where(at < 0, at + n, at), 0, jnp.maximum(n - 1, 0))


CONTENT = {"truediv": "true_divide", "pow": "power"}
FUNCTIONS = {
    **{"sub": "subtract", "mul": "multiply", "floordiv": "floor_divide", "mod": "remainder"},
    **{"lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal", "eq": "equal", "ne": "not_equal"},
    **CONTENT,
}


def _operator(name: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """An operator of structure (of numbers: the function), and its reflection."""
    f = getattr(operator, name if name.startswith("__") else f"__{name}__")

    def run(x: Any, y: Any) -> Any:
        if name in CONTENT or any(getattr(each, "dtype", np.dtype(int)).kind in "fc" for each in (x, y)):
            return compilation().b.apply(FUNCTIONS.get(name, name), x, y)
        datas, shape = lined_up((x, y), [data_of(x), data_of(y)])
        return padded(f(*datas), shape)

    def forward(self: Any, other: Any) -> Any:
        return run(self, other)

    def reflected(self: Any, other: Any) -> Any:
        return run(other, self)

    return forward, reflected


def install() -> None:
    """Give arrays with slack their operators."""
    for name in ("add", "sub", "mul", "floordiv", "mod", "and", "or", "xor", "truediv", "pow"):
        forward, reflected = _operator(name)
        setattr(Padded, f"__{name}__", forward)
        setattr(Padded, f"__r{name}__", reflected)
    for name in ("lt", "le", "gt", "ge", "eq", "ne"):
        setattr(Padded, f"__{name}__", _operator(name)[0])
    methods = {
        "getitem": selected,
        "matmul": lambda x, y: compilation().b.matmul(x, y),
        "rmatmul": lambda x, y: compilation().b.matmul(y, x),
        "invert": lambda x: padded(~x.data, x.shape),
        "neg": lambda x: padded(-x.data, x.shape),
    }
    for name, method in methods.items():
        setattr(Padded, f"__{name}__", method)
