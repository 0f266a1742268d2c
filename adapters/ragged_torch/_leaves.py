"""The content of an array as modules, optimizers and `backward()` see it: tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from ragged.array import Array
from ragged.autodiff.trees import split
from ragged.errors import BackendMismatchError, StructureError, UnsupportedError
from ragged.nodes import Flat, Lists, Node, Regular, is_text, regular
from ragged.operands import metadata, single
from ragged_torch._native import on_torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragged.backend import Backend

__all__ = ["apply", "gradient", "parameters", "requires_grad_"]


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


def apply(f: Callable[[torch.Tensor], torch.Tensor], x: Any) -> Array:
    """What a module (or a function of a tensor) makes of an array's elements, in the same rows.

    Args:
        f: it is given one tensor of all elements, of shape (elements, ...), and keeps the first axis: `nn.Linear`,
            `nn.LayerNorm`, `nn.Dropout`, `nn.Embedding`, a network of them.
        x: an array of numbers, or of vectors or tensors of one shape, in lists however deep.

    Raises:
        StructureError: `f` gave another number of elements.
        UnsupportedError: missing values, records or text.

    >>> import ragged, ragged_torch, torch
    >>> x = ragged.Array([torch.ones(2, 3), torch.ones(0, 3)])
    >>> ragged_torch.apply(torch.nn.Linear(3, 5), x).typestr
    '2 * var * 5 * float32'
    """
    b, node = on_torch(x)
    return Array._of(_applied(b, f, node), b, *metadata((x,)))


def _applied(b: Backend, f: Callable[[torch.Tensor], torch.Tensor], node: Any) -> Node:
    match node:
        case Lists(rows, content) if not is_text(node):
            return Lists(rows, _applied(b, f, content))
        case Regular(content, size, length) if not is_text(node):
            return regular(b, _applied(b, f, content), size, length)
        case Flat(data, length):
            result = f(data)
            if result.shape[:1] != data.shape[:1]:
                raise StructureError(
                    f"the function made a tensor of shape {tuple(result.shape)} of one of shape {tuple(data.shape)}; "
                    "it must keep the first axis, which counts the elements"
                )
            return Flat(result, length)
    what = (
        "text" if is_text(node) else {"Option": "missing values", "Record": "records"}.get(type(node).__name__, "this")
    )
    raise UnsupportedError(
        f"a module takes tensors, not {what}: take one field, or use ragged.fill_none or ragged.drop_none first"
    )


def _split(x: Array) -> tuple[Any, list[torch.Tensor]]:
    b, _, _ = single(x)
    if b.base.name != "torch":
        raise BackendMismatchError(
            f"the content of this array is on {b.base.name}, where PyTorch keeps no gradient; use "
            "x.to_backend('torch'), or ragged.grad, which runs on every backend"
        )
    skeleton, tensors, _ = split(b, x)
    return skeleton, tensors
