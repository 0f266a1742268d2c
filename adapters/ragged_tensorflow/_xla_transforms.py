"""Differentiation within a program of XLA: TensorFlow's own, of the data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from ragged_tensorflow import _transforms
from ragged_tensorflow._xla_padded import Padded, data_of, fitted, padded, zeroed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["custom_vjp", "jvp", "vjp"]


def like(x: Any, data: Any) -> Any:
    """Data in the shape of another array; its slack is taken for dirty."""
    return Padded(data, x.shape) if type(x) is Padded else data


def fits(g: Any, data: Any, leading: int = 0) -> Any:
    """The data of a cotangent or tangent of the capacities of what it belongs to, nothing in the slack; with so many
    axes more in front."""
    g = zeroed(g)
    for axis, size in enumerate(data.shape):
        g = fitted(g, size, axis + leading)
    return g


class Unwrapped:
    """`f` of dense values as a function of data, which gives data; remembers what it gave."""

    def __init__(self, f: Callable[..., Any], primals: Sequence[Any]) -> None:
        self.f, self.primals = f, primals
        self.outputs: list[Any] = []

    def __call__(self, *datas: Any) -> tuple[list[Any], Any]:
        self.outputs, aux = self.f(*map(like, self.primals, datas))
        return list(map(data_of, self.outputs)), aux


def vjp(f: Callable[..., Any], primals: Sequence[Any]) -> tuple[Any, Any, Callable[..., Any]]:
    """As `Backend.vjp`."""
    program = Unwrapped(f, primals)
    datas, aux, pull = _transforms.vjp(program, list(map(data_of, primals)))

    def pullback(cotangents: Sequence[Any]) -> list[Any]:
        return list(map(like, primals, pull(list(map(fits, cotangents, datas)))))

    def many(cotangents: Sequence[Any]) -> list[Any]:
        stacked = [fits(g, y, 1) for g, y in zip(cotangents, datas, strict=True)]
        found = pull.mapped(stacked)  # type: ignore[attr-defined]
        return [padded(g, (cotangents[0].shape[0], *x.shape)) for x, g in zip(primals, found, strict=True)]

    pullback.many = many  # type: ignore[attr-defined]
    return program.outputs, aux, pullback


def jvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any, Any]:
    """As `Backend.jvp`."""
    program = Unwrapped(f, primals)
    datas = list(map(data_of, primals))
    _, moved, aux = _transforms.jvp(program, datas, list(map(fits, tangents, datas)))
    return program.outputs, list(map(like, program.outputs, moved)), aux


def custom_vjp(f: Callable[..., Any], forward: Callable[..., Any], backward: Callable[..., Any]) -> Callable[..., Any]:
    """As `Backend.custom_vjp`."""

    def call(*primals: Any) -> Any:
        shapes: list[Any] = []

        @tf.custom_gradient  # type: ignore[untyped-decorator]
        def ruled(*datas: Any) -> Any:
            shapes[:], residuals = forward(*map(like, primals, datas))

            def pull(*cotangents: Any) -> list[Any]:
                found = backward(residuals, list(map(like, shapes, cotangents)))
                return list(map(fits, found, datas))

            return list(map(data_of, shapes)), pull

        return list(map(like, shapes, ruled(*map(data_of, primals))))

    return call
