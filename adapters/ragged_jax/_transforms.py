"""Differentiation by JAX itself, under the library's conventions.

The gradient of a real function of complex numbers points along steepest ascent; JAX's is its conjugate. Cotangents are
conjugated on the way in and out, which turns one into the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ragged_jax._arrays import place

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["custom_vjp", "jvp", "vjp"]


def vjp(f: Callable[..., Any], primals: Sequence[Any]) -> tuple[Any, Any, Callable[..., Any]]:
    """`f(*primals) -> (outputs, aux)`: outputs, aux, and the pullback of a list of cotangents."""
    outputs, pull, aux = jax.vjp(f, *map(place, primals), has_aux=True)

    def pullback(cotangents: Sequence[Any]) -> list[Any]:
        seeds = type(outputs)(map(_seed, cotangents, outputs))
        return [_conj(cotangent) for cotangent in pull(seeds)]

    def many(cotangents: Sequence[Any]) -> list[Any]:
        """The pullback of many cotangents at once, stacked along a new first axis."""
        seeds = type(outputs)(_conj(place(g, y.dtype)) for g, y in zip(cotangents, outputs, strict=True))
        return [_conj(cotangent) for cotangent in jax.vmap(pull)(seeds)]

    pullback.many = many  # type: ignore[attr-defined]
    return outputs, aux, pullback


def jvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any, Any]:
    """Outputs, their tangents, and aux."""
    primals = [place(x) for x in primals]
    tangents = [place(t, x.dtype) for t, x in zip(tangents, primals, strict=True)]
    outputs, moved, aux = jax.jvp(f, primals, tangents, has_aux=True)
    return outputs, type(outputs)(map(_without_float0, moved, outputs)), aux


def custom_vjp(f: Callable[..., Any], forward: Callable[..., Any], backward: Callable[..., Any]) -> Callable[..., Any]:
    """`f(*dense) -> list of dense` with the given derivative."""
    ruled = jax.custom_vjp(f)

    def pull(residuals: Any, cotangents: Any) -> tuple[Any, ...]:
        return tuple(_conj(x) for x in backward(residuals, [_conj(g) for g in cotangents]))

    ruled.defvjp(forward, pull)
    return ruled


def _conj(x: Any) -> Any:
    return jnp.conj(x) if jnp.issubdtype(x.dtype, jnp.complexfloating) else x


def _seed(cotangent: Any, output: Any) -> Any:
    """A cotangent as JAX wants it: the output's dtype, and no numbers at all for ints and booleans."""
    if not jnp.issubdtype(output.dtype, jnp.inexact):
        return np.zeros(output.shape, jax.dtypes.float0)
    return _conj(place(cotangent, output.dtype))


def _without_float0(tangent: Any, output: Any) -> Any:
    return jnp.zeros_like(output) if tangent.dtype == jax.dtypes.float0 else tangent
