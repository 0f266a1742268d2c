"""Programs with a derivative of their own, as a `torch.autograd.Function`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["custom_vjp"]


class Ruled(torch.autograd.Function):
    """Outputs as they are given, with the derivative that a rule makes of the residuals.

    The residuals are inputs, so that what the rule makes of them has derivatives by what they were made of.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(rule: Any, counts: tuple[int, int], *tensors: Any) -> tuple[Any, ...]:
        inputs, outputs = counts
        return tuple(y.view_as(y) for y in tensors[inputs : inputs + outputs])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Any, ...]) -> None:
        ctx.rule, ctx.counts, *tensors = inputs
        residuals = tensors[sum(ctx.counts) :]
        ctx.save_for_backward(*residuals)
        ctx.save_for_forward(*residuals)
        ctx.shapes = [(y.shape, y.dtype, y.device) for y in output]

    @staticmethod
    def backward(ctx: Any, *cotangents: Any) -> tuple[Any, ...]:
        found = ctx.rule(list(ctx.saved_tensors), list(cotangents))
        return (None, None, *found, *[None] * (len(ctx.needs_input_grad) - 2 - len(found)))

    @staticmethod
    def jvp(ctx: Any, rule: Any, counts: Any, *tangents: Any) -> tuple[Any, ...]:
        """The transpose of the pullback, which is linear in the cotangents."""
        residuals = list(ctx.saved_tensors)
        zeros = [torch.zeros(shape, dtype=dtype, device=device) for shape, dtype, device in ctx.shapes]
        vjp: Any = torch.func.vjp
        found, pull = vjp(lambda *g: tuple(ctx.rule(residuals, list(g))), *zeros)
        along = [torch.zeros_like(x) if t is None else t for t, x in zip(tangents, found, strict=False)]
        return tuple(pull(tuple(along)))


def custom_vjp(
    f: Callable[..., Any],
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    differentiating: Callable[..., bool],
) -> Callable[..., Any]:
    """`f(*dense) -> list of dense` with the given derivative."""

    def call(*args: Any) -> Sequence[Any]:
        if not any(map(differentiating, args)):
            return f(*args)  # type: ignore[no-any-return]
        outputs, residuals = forward(*args)
        fixed = [y.detach() for y in outputs]
        return list(Ruled.apply(backward, (len(args), len(fixed)), *args, *fixed, *residuals))  # type: ignore[no-untyped-call]

    return call
