"""PyTorch as a backend of ragged, differentiated by PyTorch itself. Importing this package does not import PyTorch."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragged_torch._backend import TorchBackend as TorchBackend
    from ragged_torch._collate import collate as collate
    from ragged_torch._leaves import apply as apply
    from ragged_torch._leaves import gradient as gradient
    from ragged_torch._leaves import parameters as parameters
    from ragged_torch._leaves import requires_grad_ as requires_grad_
    from ragged_torch._nested import to_nested as to_nested
    from ragged_torch._packed import to_packed_sequence as to_packed_sequence

FRAMEWORK = ("torch",)

_compiler = "inductor"
"""What compiles the graphs of `ragged.jit`; tests say "eager", which runs them as they were traced, at once."""

__all__ = [
    "FRAMEWORK",
    "TorchBackend",
    "apply",
    "collate",
    "compiled",
    "devices",
    "gradient",
    "parameters",
    "requires_grad_",
    "to_nested",
    "to_packed_sequence",
]

_MODULES = {
    "TorchBackend": "_backend",
    "apply": "_leaves",
    "collate": "_collate",
    "gradient": "_leaves",
    "parameters": "_leaves",
    "requires_grad_": "_leaves",
    "to_nested": "_nested",
    "to_packed_sequence": "_packed",
}


def devices() -> list[str]:
    """The devices that PyTorch finds here, as `use(device=...)` takes them."""
    import torch

    return ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]


def compiled(f: Callable[..., Any]) -> Callable[..., Any]:
    """`f` under `ragged.jit`, for the matrix: as a graph that runs as it was traced (tracing is what can fail, and
    generating code takes seconds), and not without one."""
    from ragged.compilation import jit
    from ragged.errors import UnsupportedError

    run = jit(f, warn_after=None)

    def call(*args: Any) -> Any:
        global _compiler
        before, _compiler = _compiler, "eager"
        try:
            found = run(*args)
        finally:
            _compiler = before
        for _, made in run._programs.values():
            if made.flow.reason is not None:
                raise UnsupportedError(made.flow.reason.partition(": ")[2])
        return found

    return call


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'ragged_torch' has no attribute {name!r}")
    if name == "TorchBackend":
        from ragged_torch import _collate, _pytree

        _pytree.register()
        _collate.register()
    value = globals()[name] = getattr(import_module(f"ragged_torch.{_MODULES[name]}"), name)  # so that this runs once
    return value
