"""CuPy as a backend of ragged: arrays on a CUDA device, which the core's tape differentiates. Importing this package
does not import CuPy."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ragged_cupy._backend import CupyBackend as CupyBackend
    from ragged_cupy._devices import DeviceMemoryError as DeviceMemoryError

FRAMEWORK = ("cupy",)

__all__ = ["FRAMEWORK", "CupyBackend", "DeviceMemoryError", "absence", "devices", "is_available"]


def is_available() -> bool:
    """Whether CuPy is installed and has a device; told without importing it, and without starting CUDA."""
    if "cupy" in sys.modules:
        return bool(sys.modules["cupy"].is_available())
    if find_spec("cupy") is None:
        return False
    from ragged_cupy._visible import visible

    return visible() > 0


def absence() -> str:
    """Why the backend cannot be had, and the way out."""
    if "cupy" in sys.modules or find_spec("cupy") is not None:
        return (
            "the cupy backend needs a CUDA device, and finds none here: is the driver running, and the device visible?"
        )
    return "the cupy backend needs its framework: pip install 'ragged-diff[cupy]'"


def devices() -> list[str]:
    """The devices that CuPy finds here, as `use(device=...)` takes them."""
    import cupy

    return [f"cuda:{i}" for i in range(cupy.cuda.runtime.getDeviceCount())] if cupy.is_available() else []


def __getattr__(name: str) -> Any:
    if name not in ("CupyBackend", "DeviceMemoryError"):
        raise AttributeError(f"module 'ragged_cupy' has no attribute {name!r}")
    from ragged_cupy._backend import CupyBackend
    from ragged_cupy._devices import DeviceMemoryError

    globals().update(CupyBackend=CupyBackend, DeviceMemoryError=DeviceMemoryError)  # so that this runs once
    return globals()[name]
