"""What is done in a traced program by kernels, and what is made safe for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from ragged.ufuncs import result_dtypes
from ragged_torch import _compile_calls as calls
from ragged_torch import _kernels
from ragged_torch._compat import traced
from ragged_torch._compile_sizes import Size, demand, lowered, shapes
from ragged_torch._devices import on_device
from ragged_torch._dtypes import held, numpy_dtype

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged.rows import Segments

__all__ = [
    "Change",
    "Numbered",
    "check_exponent",
    "elementwise",
    "looped",
    "repeated",
    "rowwise",
    "summed",
    "weak",
    "within",
]

functions: Any = torch


class Change(torch.autograd.Function):
    """Zero, with the slope of its argument."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Any) -> Any:
        return torch.zeros_like(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, *g: Any) -> Any:
        return g[0]

    @staticmethod
    def jvp(ctx: Any, *t: Any) -> Any:
        return t[0]


class Numbered:
    """Segments whose number PyTorch computes with."""

    def __init__(self, rows: Segments) -> None:
        self.offsets, self.nrows = rows.offsets, lowered(rows.nrows)
        self.ids = rows.ids.clamp(0, self.nrows) if traced().doubtful else rows.ids


def within(x: Any, index: Any) -> tuple[Any, Any]:
    """An array and an index that is within it, whatever is wrong: compiled code that finds one outside ends the
    process, if several threads run it."""
    n = x.shape[0]
    if shapes.free_unbacked_symbols(n):  # there may be nothing
        x, n = torch.cat([x, x.new_zeros((1, *x.shape[1:]))]), n + 1
    else:
        demand(n > 0, "no entry to take from")
    return x, index.clamp(0, n - 1)


def summed(x: Any, rows: Any) -> Any:
    """Sum of each contiguous segment."""
    return calls.segment_sum(x, rows.offsets, rows.ids, traced().doubtful)


def repeated(x: Any, rows: Any) -> Any:
    """Each segment's entry for each of its elements."""
    return _kernels.take(x, rows.ids)


def rowwise(x: Any, rows: Any, f: Callable[..., Any], along: str, dtype: Any = None) -> Any:
    """`f(backend, x, rows)` by the eager kernel, as a constant: an entry for each of the rows, or of the elements."""
    doubtful = traced().doubtful

    def run(tensors: Sequence[Any]) -> list[Any]:
        x, offsets, ids = tensors
        return [f(on_device(x.device), x, calls.rows_of(offsets, ids, x if doubtful else None))]

    def like(tensors: Sequence[Any], sizes: Sequence[Any]) -> list[Any]:
        x, offsets, _ = tensors
        return [x.new_empty((offsets.shape[0] - 1 if along == "rows" else x.shape[0], *x.shape[1:]), dtype=dtype)]

    return calls.called(run, like, (x.detach(), rows.offsets, rows.ids))[0]


def looped(x: Any, rows: Any, f: Callable[..., Any], total: Any) -> Any:
    """`f(backend, x, rows)` by eager code, differentiable, of `total` entries."""
    doubtful = traced().doubtful

    def run(tensors: Sequence[Any]) -> list[Any]:
        x, offsets, ids = tensors
        return [f(on_device(x.device), x, calls.rows_of(offsets, ids, x if doubtful else None))]

    def like(tensors: Sequence[Any], sizes: Sequence[Any]) -> list[Any]:
        return [tensors[0].new_empty((sizes[0], *tensors[0].shape[1:]))]

    return calls.differentiable(run, like, (x, rows.offsets, rows.ids), (lowered(total),))[0]


def elementwise(name: str, operands: list[Any], f: Callable[..., Any]) -> Any:
    """A function that NumPy computes, where the program stands."""
    places = [i for i, x in enumerate(operands) if isinstance(x, torch.Tensor)]
    tensors = [operands[i].detach() for i in places]
    kinds = result_dtypes(name, tuple(numpy_dtype(x.dtype) if isinstance(x, torch.Tensor) else x for x in operands))[1]

    def run(tensors: Sequence[Any]) -> list[Any]:
        given = list(operands)
        for i, x in zip(places, tensors, strict=True):
            given[i] = x
        out = f(name, given, tensors[0].device)
        return [functions.atleast_1d(y).clone().view(y.shape) for y in (out if isinstance(out, tuple) else (out,))]

    def like(tensors: Sequence[Any], sizes: Sequence[Any]) -> list[Any]:
        shape = functions.broadcast_shapes(*(x.shape for x in tensors))
        return [tensors[0].new_empty(shape, dtype=held(kind)) for kind in kinds]

    found = calls.called(run, like, tensors)
    return tuple(found) if len(found) > 1 else found[0]


def weak(args: Sequence[Any]) -> tuple[Any, ...]:
    """Sizes as 0-d tensors that promote as Python's integers do."""
    dtypes = [x.dtype for x in args if isinstance(x, torch.Tensor) and x.dtype != torch.bool]
    dtype = dtypes[0] if dtypes else torch.float64 if any(type(x) is float for x in args) else torch.int64
    return tuple(x.tensor(dtype) if type(x) is Size else x for x in args)


def check_exponent(n: Any) -> None:
    """Have the running program refuse negative powers of integers."""
    if isinstance(n, torch.Tensor) and not (n.is_floating_point() or n.is_complex() or n.dtype == torch.bool):
        traced().check(n.detach() < 0, "Integers to negative integer powers are not allowed.")
