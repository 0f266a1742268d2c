"""The content of an array as PyTorch's optimizers and `backward()` see it: tensors that have gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from ragged.autodiff.trees import split
from ragged.errors import BackendMismatchError
from ragged.operands import single

if TYPE_CHECKING:
    from ragged.array import Array

__all__ = ["gradient", "parameters", "requires_grad_"]


def parameters(x: Array) -> list[torch.Tensor]:
    """The floating and complex content of an array, for an optimizer.

    >>> import ragged, ragged_torch
    >>> x = ragged.Array([{"p": [1.0, 2.0], "n": 1}], backend="torch")
    >>> ragged_torch.parameters(x)
    [tensor([1., 2.], dtype=torch.float64)]
    """
    return _split(x)[1]


def requires_grad_(x: Array, requires_grad: bool = True) -> Array:
    """The array itself, whose floating and complex content now records what is computed from it, for `backward()`.

    >>> import ragged, ragged_torch
    >>> x = ragged_torch.requires_grad_(ragged.Array([[1.0, 2.0], []], backend="torch"))
    >>> ragged.sum(x * x).backward()
    >>> ragged_torch.gradient(x)
    <Array [[2, 4], []] type='2 * var * float64' backend='torch'>
    """
    for tensor in parameters(x):
        tensor.requires_grad_(requires_grad)
    return x


def gradient(x: Array) -> Array | None:
    """What `backward()` left in the content of an array, as an array of the same structure.

    As in the gradients of `ragged.grad`, what is missing stays missing, and fields without a derivative hold None.
    Content that no `backward()` has reached has a gradient of zeros; if it has reached none of it, there is none: None.
    """
    skeleton, tensors = _split(x)
    if all(tensor.grad is None for tensor in tensors):
        return None
    found = [torch.zeros_like(tensor) if tensor.grad is None else tensor.grad for tensor in tensors]
    result: Array = skeleton.gradient(x._backend, found)
    return result


def _split(x: Array) -> tuple[Any, list[torch.Tensor]]:
    b, _, _ = single(x)
    if b.base.name != "torch":
        raise BackendMismatchError(
            f"the content of this array is on {b.base.name}, where PyTorch keeps no gradient; use "
            "x.to_backend('torch'), or ragged.grad, which runs on every backend"
        )
    skeleton, tensors, _ = split(b, x)
    return skeleton, tensors
