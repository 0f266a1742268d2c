"""One backend a device, and structure that outlives what it was made in."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._python_dispatch import _disable_current_modes

from ragged.errors import UnsupportedError
from ragged.registry import get_backend
from ragged_torch._compat import traced, unwrapped

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragged.rows import Rows
    from ragged_torch._backend import TorchBackend

__all__ = ["lasting", "on_device"]


def lasting(f: Callable[..., Any], rows: Rows) -> Any:
    """Structure that is kept beyond the transformation, or the inference mode, that asks for it first."""
    with torch.inference_mode(False):
        if traced() is None:
            return unwrapped(f(rows))
        with _disable_current_modes():  # what is known is not what is traced
            return unwrapped(f(rows))


def on_device(device: Any, chosen: bool = False) -> TorchBackend:
    """The one backend of a device (and the one for those who choose it).

    Raises:
        UnsupportedError: PyTorch knows or finds no such device.
    """
    return _on_device(device if isinstance(device, torch.device) else named_device(device), chosen)


def named_device(device: Any) -> torch.device:
    """The device that a name stands for ("cuda" for the current one of its kind)."""
    try:
        return torch.empty(0, device={"gpu": "cuda"}.get(device, device)).device
    except (RuntimeError, AssertionError, TypeError) as error:
        raise UnsupportedError(f"PyTorch finds no device {device!r} here: {error}") from None


@cache
def _on_device(device: torch.device, chosen: bool) -> TorchBackend:
    if device.type == "cpu" and not chosen:
        plain: Any = get_backend("torch")
        return plain  # type: ignore[no-any-return]
    from ragged_torch._backend import TorchBackend

    backend = TorchBackend()
    backend.device, backend.chosen = device, chosen
    return backend
