"""Elementwise functions in JAX: one compiled kernel a function and dtypes, casts included.

Most functions go by NumPy's name in jax.numpy; `_forms` has the others.
"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ragged.errors import UnsupportedError
from ragged.ufuncs import result_dtypes, table
from ragged_jax._compat import Tracer, weak_kind
from ragged_jax._dtypes import cast, held
from ragged_jax._forms import FORMS

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["call", "deciding"]

LONGEST_PRODUCT = 16
"""Constant exponents up to here are multiplied out; each has a kernel of its own."""

UNSUPPORTED = {
    **{
        entry.name: "JAX has no such function"
        for entry in table.values()
        if entry.name not in FORMS and not hasattr(jnp, entry.name)
    },
    **dict.fromkeys(("isnat", "datetime64", "timedelta64"), "JAX has no dates"),
}
"""What the adapter declares not to have, each with the reason."""


@cache
def form(name: str) -> Callable[..., Any]:
    """The function `name` on JAX arrays.

    Raises:
        UnsupportedError: JAX has no such function.
    """
    if name in FORMS:
        return FORMS[name]
    if name in UNSUPPORTED:
        raise UnsupportedError(f"{name} is not available on JAX: {UNSUPPORTED[name]}; go on with x.to_backend('numpy')")
    return getattr(jnp, name)  # type: ignore[no-any-return]


@cache
def kernel(name: str, dtypes: tuple[Any, ...], results: tuple[Any, ...], masked: bool, n: Any = None) -> Any:
    """The compiled function: cast the arguments, compute, cast the results.

    With `masked` a last argument tells which entries of axis 0 count: the table's safe point goes in for the
    others, and zero comes out (both, or the derivative of the branch not taken would leak NaN). `n` is a constant
    exponent.
    """
    f = form(name) if n is None else partial(lax.integer_pow, y=n)
    safe = table[name].safe

    def run(*args: Any) -> Any:
        valid: Any = args[-1] if masked else None
        operands = [cast(x, d) for x, d in zip(args, dtypes, strict=False)]
        if masked:
            valid = valid.reshape(valid.shape + (1,) * (max(x.ndim for x in operands) - 1))
            operands = [jnp.where(valid, x, jnp.asarray(safe, x.dtype)) for x in operands]
        out = f(*operands)
        outs = [cast(y, d) for y, d in zip(as_tuple(out), results, strict=True)]
        if masked:
            outs = [jnp.where(valid, y, jnp.zeros((), y.dtype)) for y in outs]
        return tuple(outs) if len(outs) > 1 else outs[0]

    run.__name__ = name
    return jax.jit(run)


def as_tuple(x: Any) -> tuple[Any, ...]:
    """The results of a function of one or of several."""
    return tuple(x) if isinstance(x, tuple | list) else (x,)


NUMBERS = {bool: np.dtype(bool), int: int, float: float, complex: complex}


def call(name: str, args: tuple[Any, ...], valid: Any = None) -> Any:
    """`name` of arrays, NumPy values and Python numbers, with NumPy's result dtypes."""
    name = table[name].name  # one kernel for all aliases
    form(name)  # a function that JAX has not is refused before its dtypes are
    kinds = tuple([NUMBERS.get(type(x)) or weak_kind(x) or np.dtype(x.dtype) for x in args])
    dtypes, results = result_dtypes(name, kinds)
    dtypes, results = tuple(map(held, dtypes)), tuple(map(held, results))
    n = None
    if name in ("power", "float_power"):
        n = exponent(args, dtypes)
        if n is not None:
            args, dtypes = args[:1], dtypes[:1]
    run = kernel(name, dtypes, results, valid is not None, n)
    args = tuple([x if isinstance(x, jax.Array) else np.asarray(x, d) for x, d in zip(args, dtypes, strict=True)])
    return run(*args) if valid is None else run(*args, valid)


def deciding(x: Any) -> Any:
    """What decides the dtype of a choice: an array's own, a Python number as itself (also while JAX traces it)."""
    weak = weak_kind(x)
    return weak(0) if weak else x if type(x) in NUMBERS else x.dtype


def exponent(args: tuple[Any, ...], dtypes: tuple[Any, ...]) -> int | None:
    """A Python exponent that stands for a few products, or None."""
    n = args[1]
    is_number = type(n) in (int, float)
    if dtypes[1].kind in "iu" and not isinstance(n, Tracer) and np.any(np.asarray(n) < 0):
        raise ValueError("Integers to negative integer powers are not allowed.")  # NumPy's words
    return int(n) if is_number and abs(n) <= LONGEST_PRODUCT and n == int(n) else None
