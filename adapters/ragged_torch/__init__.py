"""PyTorch as a backend of ragged, differentiated by PyTorch itself. Importing this package does not import PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ragged_torch._backend import TorchBackend as TorchBackend

FRAMEWORK = ("torch",)

__all__ = ["FRAMEWORK", "TorchBackend"]


def __getattr__(name: str) -> Any:
    if name == "TorchBackend":
        from ragged_torch._backend import TorchBackend

        globals()[name] = TorchBackend  # so that this runs once
        return TorchBackend
    raise AttributeError(name)
