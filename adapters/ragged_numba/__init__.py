"""Kernels compiled by Numba over NumPy's arrays; the core's tape differentiates them. Importing this package does not
import Numba."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ragged_numba._backend import NumbaBackend as NumbaBackend

FRAMEWORK = ("numba",)

__all__ = ["FRAMEWORK", "NumbaBackend", "compiled_type"]


def compiled_type(x: Any) -> Any:
    """The Numba type of an `Array` or a `Record` that is given to a compiled function."""
    from ragged_numba._boxing import compiled_type

    return compiled_type(x)


def __getattr__(name: str) -> Any:
    if name == "NumbaBackend":
        from ragged_numba._backend import NumbaBackend

        globals()[name] = NumbaBackend  # so that this runs once
        return NumbaBackend
    raise AttributeError(f"module 'ragged_numba' has no attribute {name!r}")
