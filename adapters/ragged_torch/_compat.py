"""What PyTorch tells of its transformations in private modules only."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

import torch
from torch.autograd import forward_ad

_functorch: Any = torch._C._functorch
_forward_ad: Any = forward_ad

__all__ = [
    "is_batched",
    "is_batched_by_autograd",
    "is_dual",
    "is_transformed",
    "is_wrapped",
    "tangent_of",
    "traced",
    "tracing",
    "unwrapped",
]

is_wrapped = _functorch.is_functorch_wrapped_tensor
_is_batched, _inner, _level = _functorch.is_batchedtensor, _functorch.get_unwrapped, _functorch.maybe_current_level


_trace: ContextVar[Any] = ContextVar("ragged_torch_trace", default=None)
tracing = _trace.set
traced = _trace.get
"""The trace at work, of which `ragged.jit` makes a graph; None elsewhere."""


def is_batched_by_autograd(x: Any) -> bool:
    """Whether `torch.autograd.grad(is_grads_batched=True)` maps over `x`, which is another machinery than `vmap`."""
    return bool(_functorch.is_legacy_batchedtensor(x))


def is_transformed() -> bool:
    """Whether a transformation of `torch.func` is running."""
    return _level() is not None


def is_batched(x: Any) -> bool:
    """Whether `torch.vmap` maps over `x` at any level: it has one more axis than it shows."""
    while is_wrapped(x):
        if _is_batched(x):
            return True
        x = _inner(x)
    return False


def unwrapped(x: Any) -> Any:
    """The plain tensor beneath the wrappers of `torch.func`."""
    while is_wrapped(x):
        x = _inner(x)
    return x


def is_dual() -> bool:
    """Whether forward-mode differentiation is going on."""
    return bool(_forward_ad._current_level >= 0)


def tangent_of(x: Any) -> Any:
    """The tangent of a dual tensor of forward-mode differentiation, or None."""
    return _forward_ad.unpack_dual(x).tangent if _forward_ad._current_level >= 0 else None
