"""Differentiation within a compiled program: JAX's own, of the data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from ragged_jax import _transforms
from ragged_jax._checks import compilation, gathered_checks
from ragged_jax._padded import Padded, data_of, fitted, padded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["checkpoint", "custom_vjp", "jvp", "vjp"]


class Unwrapped:
    """`f` of dense values as a function of data, which gives data; remembers the shapes of what it gave."""

    def __init__(self, f: Callable[..., Any], primals: Sequence[Any]) -> None:
        self.f, self.primals = f, primals
        self.outputs: list[Any] = []
        self.aux: Any = None

    def arguments(self, datas: Sequence[Any]) -> list[Any]:
        """The primals with other data."""
        return [like(x, data) for x, data in zip(self.primals, datas, strict=True)]

    def __call__(self, *datas: Any) -> tuple[list[Any], tuple[list[Any], list[Any]]]:
        with gathered_checks(datas) as checks:
            outputs, aux = self.f(*self.arguments(datas))
            flags = [(jnp.asarray(check.bad), jnp.asarray(check.needed)) for check in checks]
            self.checks = checks
        self.outputs, self.aux = list(map(bare, outputs)), list(map(bare, aux))
        return [data_of(x) for x in outputs], ([data_of(x) for x in aux], flags)

    def results(self, outputs: Sequence[Any], handed: Any) -> tuple[list[Any], list[Any]]:
        """What `f` gave, with the data that came out of the transformation."""
        aux, flags = handed
        for (bad, needed), check in zip(flags, self.checks, strict=True):
            compilation().add(check._replace(bad=bad, needed=needed))
        return [like(x, y) for x, y in zip(self.outputs, outputs, strict=True)], [
            like(x, y) for x, y in zip(self.aux, aux, strict=True)
        ]


def bare(x: Any) -> Any:
    """An array without its data."""
    return Padded(None, x.shape, x.clean) if type(x) is Padded else None


def like(x: Any, data: Any) -> Any:
    """Data in the shape of another array; its slack is taken for dirty."""
    return Padded(data, x.shape) if type(x) is Padded else data


def fits(g: Any, data: Any, leading: int = 0) -> Any:
    """The data of a cotangent or tangent as JAX wants it: the capacities of what it belongs to, nothing in the slack;
    with so many axes more in front."""
    g = g.zeroed() if type(g) is Padded else data_of(g)
    for axis, size in enumerate(data.shape):
        g = fitted(g, size, axis + leading)
    return g


def vjp(f: Callable[..., Any], primals: Sequence[Any]) -> tuple[Any, Any, Callable[..., Any]]:
    """As `Backend.vjp`."""
    program = Unwrapped(f, primals)
    outputs, handed, pull = _transforms.vjp(program, [data_of(x) for x in primals])
    values, aux = program.results(outputs, handed)

    def pullback(cotangents: Sequence[Any]) -> list[Any]:
        found = pull([fits(g, y) for g, y in zip(cotangents, outputs, strict=True)])
        return [like(x, g) for x, g in zip(primals, found, strict=True)]

    def many(cotangents: Sequence[Any]) -> list[Any]:
        count = cotangents[0].shape[0]
        stacked = [fits(g, y, 1) for g, y in zip(cotangents, outputs, strict=True)]
        found = pull.many(stacked)  # type: ignore[attr-defined]
        return [padded(g, (count, *x.shape)) for x, g in zip(primals, found, strict=True)]

    pullback.many = many  # type: ignore[attr-defined]
    return values, aux, pullback


def jvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any, Any]:
    """As `Backend.jvp`."""
    program = Unwrapped(f, primals)
    datas = [data_of(x) for x in primals]
    outputs, changes, handed = _transforms.jvp(program, datas, list(map(fits, tangents, datas)))
    values, aux = program.results(outputs, handed)
    return values, [like(x, t) for x, t in zip(values, changes, strict=True)], aux


def checkpoint(f: Callable[..., Any]) -> Callable[..., Any]:
    """As `Backend.checkpoint`: the numbers come out of JAX's, what is made of structure alone out of a second walk, as
    no structure leaves a checkpoint."""

    def call(*primals: Any) -> Any:
        state = compilation()
        places, equal = state.places, set(state.equal)
        program = Unwrapped(f, primals)
        outputs, _ = jax.checkpoint(program)(*[data_of(x) for x in primals])
        state.places, state.equal = places, equal  # the same room is made again, and checked
        shells, aux = f(*primals)
        return [like(x, y) for x, y in zip(shells, outputs, strict=True)], aux

    return call


def custom_vjp(f: Callable[..., Any], forward: Callable[..., Any], backward: Callable[..., Any]) -> Callable[..., Any]:
    """As `Backend.custom_vjp`."""

    def call(*primals: Any) -> Any:
        shapes: list[Any] = []

        def inner(*datas: Any) -> Any:
            outputs = f(*[like(x, d) for x, d in zip(primals, datas, strict=True)])
            shapes[:] = map(bare, outputs)
            return [data_of(y) for y in outputs]

        def ahead(*datas: Any) -> Any:
            outputs, residuals = forward(*[like(x, d) for x, d in zip(primals, datas, strict=True)])
            shapes[:] = map(bare, outputs)
            kept, tree = jax.tree_util.tree_flatten(residuals, is_leaf=lambda x: type(x) is Padded)
            ahead.kept = (list(map(bare, kept)), tree)  # type: ignore[attr-defined]
            return [data_of(y) for y in outputs], [data_of(x) for x in kept]

        def back(datas: Any, cotangents: Any) -> Any:
            shells, tree = ahead.kept  # type: ignore[attr-defined]
            residuals = tree.unflatten([like(x, d) for x, d in zip(shells, datas, strict=True)])
            found = backward(residuals, [like(x, g) for x, g in zip(shapes, cotangents, strict=True)])
            return [fits(g, data_of(x)) for x, g in zip(primals, found, strict=True)]

        outputs = _transforms.custom_vjp(inner, ahead, back)(*[data_of(x) for x in primals])
        return [like(x, y) for x, y in zip(shapes, outputs, strict=True)]

    return call
