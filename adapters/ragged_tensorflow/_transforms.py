"""Differentiation by TensorFlow itself, whose gradients of complex numbers follow the library's convention already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from ragged_tensorflow._compat import is_recorded, is_symbolic
from ragged_tensorflow._dtypes import cast, constant
from ragged_tensorflow._kernels import with_nothing
from ragged_tensorflow._sizes import within

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["checkpoint", "custom_vjp", "jvp", "vjp"]

ZERO = tf.UnconnectedGradients.ZERO


class Pullback:
    """Cotangents of a program's outputs to cotangents of its inputs; `once` lets go of the recording."""

    def __init__(self, tape: Any, outputs: Sequence[Any], inputs: Sequence[Any]) -> None:
        self.tape, self.outputs, self.inputs = tape, list(outputs), list(inputs)

    def __call__(self, cotangents: Sequence[Any]) -> list[Any]:
        """The inputs' cotangents, for one cotangent an output."""
        if not self.outputs:
            return [tf.zeros_like(x) for x in self.inputs]
        seeds = [typed(g, y) for g, y in zip(cotangents, self.outputs, strict=True)]
        found = self.tape.gradient(self.outputs, self.inputs, seeds, ZERO)
        return [tf.convert_to_tensor(g) for g in found]

    @property
    def many(self) -> Callable[..., Any] | None:
        """The same for cotangents stacked along a first axis, whose length only the running program may know."""
        return None if tf.executing_eagerly() else self.mapped

    def mapped(self, stacked: Sequence[Any]) -> list[Any]:
        """The pullback as a loop of the graph, with one turn too many: without any no result's shape is known."""
        seeds = [with_nothing(x) for x in stacked]
        kinds = [tf.TensorSpec(x.shape, x.dtype) for x in self.inputs]
        return [x[:-1] for x in tf.map_fn(self, seeds, fn_output_signature=kinds)]

    def once(self, cotangents: Sequence[Any]) -> list[Any]:
        """The same for a pullback that is not called again."""
        found = self(cotangents)
        self.tape = None
        return found


def vjp(f: Callable[..., Any], primals: Sequence[Any]) -> tuple[Any, Any, Callable[..., Any]]:
    """`f(*primals) -> (outputs, aux)`: outputs, aux, and the pullback of a list of cotangents."""
    inputs = [tf.identity(x) for x in primals]  # a tape knows tensors by identity, and one may be given twice
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        tape.watch(inputs)
        outputs, aux = f(*inputs)
    return outputs, aux, Pullback(tape, outputs, inputs)


def jvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any, Any]:
    """Outputs, their tangents, and aux."""
    if not tf.executing_eagerly():
        return jvp_in_graph(f, primals, tangents)
    watched: list[Any] = []
    moved: list[Any] = []
    for x, tangent in zip(primals, tangents, strict=True):
        watched += parts(tf.identity(x))
        moved += parts(typed(tangent, x))
    with tf.autodiff.ForwardAccumulator(watched, moved) as accumulator:
        real = iter(watched)
        inputs = [tf.complex(next(real), next(real)) if x.dtype.is_complex else next(real) for x in primals]
        outputs, aux = f(*inputs)
    return outputs, [accumulator.jvp(y, ZERO) for y in outputs], aux


def jvp_in_graph(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any, Any]:
    """The same by the reverse mode, twice: in a graph an accumulator passes by what has a derivative of its own."""
    inputs = [tf.identity(x) for x in primals]
    with tf.GradientTape(watch_accessed_variables=False) as first:
        first.watch(inputs)
        outputs, aux = f(*inputs)
    if not outputs:
        return outputs, [], aux
    seeds = [tf.zeros_like(y) for y in outputs]
    with tf.GradientTape(watch_accessed_variables=False) as second:
        second.watch(seeds)
        found = first.gradient(list(outputs), inputs, seeds, ZERO)
    moved = [typed(tangent, x) for x, tangent in zip(inputs, tangents, strict=True)]
    return outputs, second.gradient(found, seeds, moved, ZERO), aux


def parts(x: Any) -> list[Any]:
    """What an accumulator watches: it takes real numbers only."""
    return [tf.math.real(x), tf.math.imag(x)] if x.dtype.is_complex else [x]


class AskedAtOnce(Exception):
    """An accumulator wants the derivative of what is still being recorded."""


def checkpoint(f: Callable[..., Any]) -> Callable[..., Any]:
    """`f`, recomputed instead of remembered when it is differentiated.

    Where it also depends on followed tensors that are no arguments, and within graphs, where nobody knows, it is simply
    remembered: recomputing it would cut those off. So it is for an accumulator, which asks for the derivative at once.
    """

    def call(*args: Any) -> tuple[Any, Any]:
        if not is_recorded(args) or any(map(is_symbolic, args)):
            return f(*args)  # type: ignore[no-any-return]
        outputs, others = f(*map(tf.stop_gradient, args))
        if not outputs or is_recorded([*outputs, *others]):
            return f(*args)  # type: ignore[no-any-return]

        @tf.custom_gradient  # type: ignore[untyped-decorator]
        def run(*args: Any) -> Any:
            def pull(*cotangents: Any) -> list[Any]:
                if not returned:
                    raise AskedAtOnce
                return vjp(f, args)[2](cotangents)  # type: ignore[no-any-return]

            return outputs, pull

        returned: list[Any] = []
        try:
            returned += run(*args)
        except AskedAtOnce:
            return f(*args)  # type: ignore[no-any-return]
        return returned, others

    return call


def custom_vjp(f: Callable[..., Any], forward: Callable[..., Any], backward: Callable[..., Any]) -> Callable[..., Any]:
    """`f(*dense) -> list of dense` with the given derivative."""

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def ruled(*args: Any) -> Any:
        outputs, residuals = forward(*args)

        def pull(*cotangents: Any) -> list[Any]:
            return list(backward(residuals, cotangents))

        return outputs, pull

    return lambda *args: list(ruled(*map(within, args)))


def typed(g: Any, x: Any) -> Any:
    """A (co)tangent in the dtype of its value."""
    return cast(g, x.dtype) if isinstance(g, tf.Tensor) else constant(g, x.dtype)
