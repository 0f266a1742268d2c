"""Arrays into PyTorch, and values out of it as structure."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ragged.errors import UnsupportedError
from ragged_torch._compat import is_batched, is_transformed, is_wrapped, traced, unwrapped
from ragged_torch._dtypes import BFLOAT16, cast, held

__all__ = ["copy", "is_tensor", "place", "structure", "to_numpy"]


def is_tensor(x: Any) -> bool:
    """Whether `x` is a dense tensor: neither nested nor sparse."""
    return isinstance(x, torch.Tensor) and x.layout == torch.strided and not x.is_nested


def place(x: Any, dtype: Any, device: torch.device) -> torch.Tensor:
    """`x` as a tensor on the device. NumPy's memory is shared where it may be written to, which PyTorch allows."""
    if isinstance(x, torch.Tensor):
        if x.device != device:
            x = x.to(device)
        return x if dtype is None else cast(x, held(dtype))
    x = np.asarray(x)
    wanted = held(x.dtype if dtype is None else dtype)
    if BFLOAT16 is not None and x.dtype == BFLOAT16:
        return cast(place(x.view(np.int16), None, device).view(torch.bfloat16), wanted)
    if not x.dtype.isnative or x.dtype.kind not in "biufc":
        x = x.astype(x.dtype.newbyteorder("="))
    if not x.flags.writeable or any(stride < 0 or stride % x.itemsize for stride in x.strides):
        x = np.array(x)  # our own
    try:
        found = unwrapped(torch.from_numpy(x))  # a constant: torch.func wraps what is made while it runs
    except TypeError:  # a dtype wider than PyTorch's, which `dtype` makes narrower
        found = torch.from_numpy(x.astype(dtype))
    if (trace := traced()) is not None:
        trace.constants.append(found)
    return cast(found if device.type == "cpu" else found.to(device), wanted)


def copy(x: torch.Tensor) -> torch.Tensor:
    """The same values in memory of their own, a user's leaf as a leaf; what is being differentiated is its own copy."""
    if is_wrapped(x) or not x.is_leaf or hasattr(x, "is_ragged_primal"):
        return x
    found: torch.Tensor = unwrapped(x.detach().clone())
    return found.requires_grad_() if x.requires_grad else found  # refused within torch.func, also where it is False


def structure(x: torch.Tensor) -> torch.Tensor:
    """The values as structure, cut off from differentiation.

    Raises:
        UnsupportedError: they are many at once, because `torch.vmap` maps over them.
    """
    if is_batched(x):
        raise UnsupportedError(
            f"the structure of the result depends on a tensor that torch.vmap maps over ({x.dtype}{list(x.shape)}); "
            "lengths must be the same for all of the batch: make the batch a ragged axis, or loop over it"
        )
    plain: torch.Tensor = unwrapped(x)
    return plain.detach()


def to_numpy(x: torch.Tensor) -> np.ndarray[Any, Any]:
    """The values as a NumPy array, which shares the memory of a tensor on the CPU."""
    if is_wrapped(x):
        x = structure(x)
    x = unwrapped(x.detach())  # torch.func wraps what is made while it runs
    if x._is_zerotensor():  # which autograd gives for a derivative that is 0, and which has no memory
        x = x.clone()
    if x.device.type != "cpu":
        x = x.cpu()
    if x.dtype == torch.bfloat16 and BFLOAT16 is not None:
        return shared(x.view(torch.int16)).view(BFLOAT16)
    return shared(x.resolve_conj().resolve_neg())


def shared(x: torch.Tensor) -> np.ndarray[Any, Any]:
    """The tensor's own memory. (What `numpy()` makes of it first, torch.func wraps.)"""
    return np.from_dlpack(unwrapped(x)) if is_transformed() else x.numpy()
