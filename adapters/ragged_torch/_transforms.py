"""Differentiation by PyTorch itself: by its autograd, or by `torch.func` where a transformation of that is running.

A program is differentiated by tensors of its own, so that transforms nest: by leaves, or by views of tensors that
someone else differentiates by. What nobody else differentiates keeps no graph. Memory that may be NumPy's is copied,
unless the pullback comes at once: one overwritten meanwhile would change the gradient, and PyTorch could not tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.utils.checkpoint import checkpoint as torch_checkpoint

from ragged.errors import UnsupportedError
from ragged_torch._compat import is_transformed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["checkpoint", "jvp", "vjp"]


def vjp(f: Callable[..., Any], primals: Sequence[torch.Tensor]) -> tuple[Any, Any, Callable[..., Any]]:
    """`f(*primals) -> (outputs, aux)`: outputs, aux, and the pullback of a list of cotangents."""
    if is_transformed():
        vjp_of: Any = torch.func.vjp  # declared to return a pair
        outputs, pull, aux = vjp_of(f, *primals, has_aux=True)
        return outputs, aux, lambda cotangents: list(pull(type(outputs)(map(as_cotangent, cotangents, outputs))))
    if torch.is_inference_mode_enabled():
        raise UnsupportedError(
            "nothing can be differentiated under torch.inference_mode(); use torch.no_grad() instead"
        )
    with torch.enable_grad():
        kept = getattr(f, "at_once", False)
        inputs = [own(x if kept or x.requires_grad else x.clone()) for x in primals]
        outputs, aux = f(*inputs)
    leaves = {id(x) for x in inputs if x.is_leaf}
    alone = not (torch.is_grad_enabled() and (len(leaves) < len(inputs) or depends(outputs, leaves)))
    pullback = Pullback(inputs, outputs, alone)
    if alone:
        outputs, aux = type(outputs)(map(constant, outputs)), type(aux)(map(constant, aux))
    return outputs, aux, pullback


def own(x: torch.Tensor) -> torch.Tensor:
    """`x` as a tensor to differentiate by, which no one else has."""
    if x.requires_grad:
        return x.view_as(x)
    leaf = x.detach().requires_grad_()
    leaf.is_ragged_primal = True  # type: ignore[attr-defined]  # its copies are differentiated (`_arrays.copy`)
    return leaf


def constant(x: Any) -> Any:
    """`x` without its graph."""
    return x.detach() if isinstance(x, torch.Tensor) and x.requires_grad else x


def depends(outputs: Sequence[torch.Tensor], leaves: set[int]) -> bool:
    """Whether outputs were also made of tensors, other than these leaves, that someone differentiates by."""
    pending = [y.grad_fn for y in outputs if y.requires_grad]
    seen = set(pending)
    while pending:
        node = pending.pop()
        variable = getattr(node, "variable", None)
        if variable is not None and id(variable) not in leaves:
            return True
        new = {each for each, _ in node.next_functions if each is not None} - seen if node is not None else set()
        seen |= new
        pending += new
    return False


def as_cotangent(g: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """A cotangent in the output's dtype and shape."""
    return g.to(y.dtype).expand(y.shape)


class Pullback:
    """Cotangents of a program's outputs to cotangents of its inputs; `once` frees the graph as it walks it."""

    def __init__(self, inputs: Sequence[torch.Tensor], outputs: Sequence[torch.Tensor], alone: bool) -> None:
        self.inputs, self.outputs, self.alone = inputs, list(outputs), alone

    def __call__(self, cotangents: Sequence[Any]) -> list[Any]:
        """The inputs' cotangents, for one cotangent an output."""
        return self._walk(cotangents, keep=True)

    def once(self, cotangents: Sequence[Any]) -> list[Any]:
        """The same for a pullback that is not called again."""
        return self._walk(cotangents, keep=False)

    def many(self, cotangents: Sequence[Any]) -> list[Any]:
        """The pullback of many cotangents at once, stacked along a new first axis."""
        return list(torch.vmap(lambda *each: tuple(self(each)))(*cotangents))

    def _walk(self, cotangents: Sequence[Any], keep: bool) -> list[Any]:
        pairs = [(y, g) for y, g in zip(self.outputs, cotangents, strict=True) if y.requires_grad]
        outer = torch.is_grad_enabled() and not (self.alone and not any(g.requires_grad for _, g in pairs))
        found: Sequence[Any] = [None] * len(self.inputs)
        if pairs:
            found = torch.autograd.grad(
                [y for y, _ in pairs],
                self.inputs,
                [g.to(y.dtype) for y, g in pairs],
                retain_graph=keep or outer,
                create_graph=outer,
                allow_unused=True,
            )
        return [
            torch.zeros_like(x) if g is None or g._is_zerotensor() else g
            for x, g in zip(self.inputs, found, strict=True)
        ]


def jvp(
    f: Callable[..., Any], primals: Sequence[torch.Tensor], tangents: Sequence[torch.Tensor]
) -> tuple[Any, Any, Any]:
    """Outputs, their tangents, and aux.

    The pullback is linear in the cotangents, so that its own pullback pushes tangents forward. (PyTorch's forward mode
    has one level for the whole process: threads would disturb one another.)
    """
    outputs, aux, pullback = vjp(f, primals)
    zeros = [torch.zeros_like(y) for y in outputs]
    if is_transformed():
        _, _, forward = vjp(lambda *g: (pullback(g), ()), zeros)
        return outputs, forward(tangents), aux
    with torch.enable_grad():
        seeds = [zero.requires_grad_() for zero in zeros]
        found = pullback(seeds)
    alone = pullback.alone and not any(t.requires_grad for t in tangents)  # type: ignore[attr-defined]
    return outputs, Pullback(seeds, found, alone).once(tangents), aux


def checkpoint(f: Callable[..., Any]) -> Callable[..., Any]:
    """`f`, recomputed in the backward pass; as it is under `torch.func`, which has no such thing."""

    def call(*args: Any) -> Any:
        if is_transformed() or not torch.is_grad_enabled():
            return f(*args)
        return torch_checkpoint(f, *args, use_reentrant=False)

    return call
