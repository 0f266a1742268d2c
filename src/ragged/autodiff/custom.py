"""`custom_vjp`: a program with a derivative of its own."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from ragged._opaque import opaque
from ragged.autodiff.alignment import align
from ragged.autodiff.pullback import deepest
from ragged.autodiff.trees import owner, split, tree_flatten
from ragged.errors import DTypeError, RaggedError
from ragged.operands import common_backend

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged.autodiff.trees import Skeleton
    from ragged.backend import Backend

__all__ = ["custom_vjp"]


@opaque
class custom_vjp:
    """A function whose derivative you give yourself, as in JAX: `f = custom_vjp(f); f.defvjp(fwd, bwd)`.

    `fwd(*args)` returns `(output, residuals)`; `bwd(residuals, cotangent)` returns a tuple, for each argument its
    cotangent, or None for zero. Gradients of real functions of complex numbers point along steepest ascent.

    Raises:
        RaggedError: (when called) `defvjp` was not.

    >>> import ragged
    >>> clipped = ragged.custom_vjp(lambda x: x * x)
    >>> clipped.defvjp(lambda x: (x * x, x), lambda x, g: (ragged.minimum(2 * x * g, 1.0),))
    >>> ragged.grad(lambda x: ragged.sum(clipped(x)))(ragged.Array([[0.25], [3.0]]))
    <Array [[0.5], [1]] type='2 * var * float64'>
    """

    def __init__(self, f: Callable[..., Any]) -> None:
        functools.update_wrapper(self, f)
        self.f = f
        self.fwd: Callable[..., Any] | None = None
        self.bwd: Callable[..., Any] | None = None

    def defvjp(self, fwd: Callable[..., Any], bwd: Callable[..., Any]) -> None:
        """Set the function's forward pass (output and residuals) and its backward pass."""
        self.fwd = fwd
        self.bwd = bwd

    def __call__(self, *args: Any) -> Any:
        """The function's value, differentiable by the given rule."""
        if self.fwd is None or self.bwd is None:
            raise RaggedError(
                f"{getattr(self.f, '__name__', 'this function')} has no derivative yet: call its defvjp(fwd, bwd)"
            )
        b = common_backend([owner(leaf) for leaf in tree_flatten(args)[0]])
        dense = DenseRule(b, self.f, self.fwd, self.bwd, b.within(args))
        outputs = b.custom_vjp(dense.call, dense.forward, dense.backward)(*dense.smooth)
        return dense.out.fill(b, outputs, dense.out_rest)


class DenseRule:
    """A custom rule in terms of the dense values in its arguments, output and residuals."""

    def __init__(self, b: Backend, f: Any, fwd: Any, bwd: Any, args: tuple[Any, ...]) -> None:
        self.b = b
        self.f, self.fwd, self.bwd = f, fwd, bwd
        self.args, self.smooth, self.rest = split(b, args)
        self.singles: list[tuple[Skeleton, int]] = []
        for arg in args:
            skeleton, smooth, _ = split(b, arg)
            self.singles.append((skeleton, len(smooth)))
        self.kept: Any = None

    def inputs(self, values: Sequence[Any]) -> tuple[Backend, Any]:
        """The arguments around other dense values, and the backend that those are on."""
        run = deepest(self.b.base, [*values, *self.rest])
        return run, self.args.fill(run, values, self.rest)

    def call(self, *values: Any) -> list[Any]:
        """The output's differentiable values."""
        run, args = self.inputs(values)
        self.out, outputs, self.out_rest = split(run, self.f(*args))
        return outputs

    def forward(self, *values: Any) -> tuple[list[Any], list[Any]]:
        """The same, and the residuals' differentiable values."""
        run, args = self.inputs(values)
        result = self.fwd(*args)
        if not (isinstance(result, tuple) and len(result) == 2):
            raise DTypeError(
                f"the forward pass of a custom_vjp returns (output, residuals), not a {type(result).__name__}"
            )
        self.out, outputs, self.out_rest = split(run, result[0])
        self.kept, residuals, self.kept_rest = split(run, result[1])
        return outputs, residuals

    def backward(self, residuals: Sequence[Any], cotangents: Sequence[Any]) -> list[Any]:
        """The arguments' cotangents."""
        run = deepest(self.b.base, [*residuals, *cotangents])
        given = self.bwd(self.kept.fill(run, residuals, self.kept_rest), self.out.gradient(run, cotangents))
        if not isinstance(given, tuple) or len(given) != len(self.singles):
            raise DTypeError(f"the backward pass of a custom_vjp returns a tuple of {len(self.singles)} cotangents")
        results: list[Any] = []
        for (skeleton, n), cotangent in zip(self.singles, given, strict=True):
            if cotangent is None or not n:
                results += [run.full(slot.shape, 0, slot.dtype) for slot in skeleton.slots() if slot.smooth]
            else:
                results += align(run, skeleton, cotangent, "cotangent")[1]
        return results
