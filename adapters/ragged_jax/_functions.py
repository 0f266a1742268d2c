"""Elementwise functions in JAX: one compiled kernel a function and dtypes, casts included.

JAX has most functions under NumPy's names. Where its derivative at a kink is not the library's (see the table in
`ragged.ufuncs`), or its value is not NumPy's, a form of our own stands here, made of where, sign and gathers, so
that it differentiates in every mode and to every order.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ragged.errors import UnsupportedError
from ragged.ufuncs import table
from ragged_jax._dtypes import held

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["call"]

RENAMED = {"divide": "true_divide", "conjugate": "conj"}
UNSUPPORTED = {
    "isnat": "JAX has no dates",
    "spacing": "JAX has no spacing; take np.spacing of the values",
}


def _is_float(x: Any) -> bool:
    return bool(jnp.issubdtype(x.dtype, jnp.inexact))


def _absolute(x: Any) -> Any:
    return x * jnp.sign(x) if jnp.issubdtype(x.dtype, jnp.floating) else jnp.abs(x)


def _fmax(x: Any, y: Any) -> Any:
    return jnp.where(jnp.isnan(x), y, jnp.where(jnp.isnan(y), x, jnp.maximum(x, y)))


def _fmin(x: Any, y: Any) -> Any:
    return jnp.where(jnp.isnan(x), y, jnp.where(jnp.isnan(y), x, jnp.minimum(x, y)))


def _clip(x: Any, low: Any, high: Any) -> Any:
    return jnp.where((x < low) | (low != low), low, jnp.where((x > high) | (high != high), high, x))


def _by_zero(f: Callable[..., Any]) -> Callable[..., Any]:
    """Integer division as NumPy defines it: by zero it is 0."""

    def form(x: Any, y: Any) -> Any:
        if _is_float(x):
            return f(x, y)
        zero = y == 0
        return jax.tree.map(lambda z: jnp.where(zero, 0, z), f(x, jnp.where(zero, 1, y)))

    return form


FORMS: dict[str, Callable[..., Any]] = {
    "absolute": _absolute,
    "abs": _absolute,
    "fabs": _absolute,
    "fmax": _fmax,
    "fmin": _fmin,
    "clip": _clip,
    "floor_divide": _by_zero(jnp.floor_divide),
    "remainder": _by_zero(jnp.remainder),
    "mod": _by_zero(jnp.remainder),
    "fmod": _by_zero(jnp.fmod),
    "divmod": _by_zero(jnp.divmod),
}


@cache
def form(name: str) -> Callable[..., Any]:
    """The function `name` on JAX arrays.

    Raises:
        UnsupportedError: JAX has no such function.
    """
    if name in FORMS:
        return FORMS[name]
    found = getattr(jnp, RENAMED.get(name, name), None)
    if name in UNSUPPORTED or found is None:
        raise UnsupportedError(f"{name} is not available on JAX: {UNSUPPORTED.get(name, 'JAX has no such function')}")
    return found  # type: ignore[no-any-return]


@cache
def resolve(name: str, kinds: tuple[Any, ...]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Dtypes of the arguments and of the results, by NumPy's promotion."""
    function = table[name].numpy
    if isinstance(function, np.ufunc):
        found = function.resolve_dtypes((*kinds, *[None] * function.nout))
        return found[: function.nin], found[function.nin :]
    common = np.result_type(*(kind if isinstance(kind, np.dtype) else kind() for kind in kinds))
    return (common,) * len(kinds), (common,)


@cache
def kernel(name: str, dtypes: tuple[Any, ...], results: tuple[Any, ...], masked: bool) -> Callable[..., Any]:
    """The compiled function: cast the arguments, compute, cast the results.

    With `masked` a last argument tells which entries of axis 0 count: the table's safe point goes in for the
    others, and zero comes out (both, or the derivative of the branch not taken would leak NaN).
    """
    f, safe = form(name), table[name].safe

    def run(*args: Any) -> Any:
        valid = None
        if masked:
            *args, valid = args  # type: ignore[assignment]
        cast = [lax.convert_element_type(jnp.asarray(x), d) for x, d in zip(args, dtypes, strict=True)]
        if valid is not None:
            valid = valid.reshape(valid.shape + (1,) * (max(x.ndim for x in cast) - 1))
            cast = [jnp.where(valid, x, jnp.asarray(safe, x.dtype)) for x in cast]
        out = f(*cast)
        outs = out if isinstance(out, tuple | list) else (out,)
        outs = tuple(lax.convert_element_type(y, d) for y, d in zip(outs, results, strict=True))
        if valid is not None:
            outs = tuple(jnp.where(valid, y, jnp.zeros((), y.dtype)) for y in outs)
        return outs if len(outs) > 1 else outs[0]

    run.__name__ = name
    return jax.jit(run, inline=True)


def _kind(x: Any) -> Any:
    if type(x) in (int, float, complex):
        return type(x)
    return np.dtype(bool) if type(x) is bool else np.dtype(x.dtype)


def call(name: str, args: tuple[Any, ...], valid: Any = None) -> Any:
    """`name` of arrays, NumPy values and Python numbers, with NumPy's result dtypes."""
    kinds = tuple(map(_kind, args))
    dtypes, results = resolve(name, kinds)
    run = kernel(name, tuple(map(held, dtypes)), tuple(map(held, results)), valid is not None)
    args = tuple(
        np.asarray(x, dtype) if type(kind) is type else x for x, kind, dtype in zip(args, kinds, dtypes, strict=True)
    )
    return run(*args) if valid is None else run(*args, valid)
