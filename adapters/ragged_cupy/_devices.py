"""One backend a device, the current device while one of its methods runs, and what to say when memory is out."""

from __future__ import annotations

import functools
from functools import cache
from types import FunctionType
from typing import TYPE_CHECKING, Any

import cupy

from ragged.errors import RaggedError, UnsupportedError
from ragged.registry import get_backend

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragged_cupy._backend import CupyBackend

__all__ = ["DeviceMemoryError", "guarded", "on_device"]


class DeviceMemoryError(RaggedError, MemoryError):
    """A device has not enough memory for what an operation makes."""


LIGHT = frozenset(
    "base configured content differentiating dtype hosting home joined known owns serving shape size".split()  # noqa: SIM905
)
"""What neither computes nor allocates."""


def guarded(kind: type[Any]) -> type[Any]:
    """The class with every method that computes run on its instance's device, and told of where memory is out."""
    for name in dir(kind):
        method = getattr(kind, name)
        if isinstance(method, FunctionType) and not name.startswith("_") and name not in LIGHT:
            setattr(kind, name, guard(method))
    return kind


def guard(method: Callable[..., Any]) -> Callable[..., Any]:
    """The method, run on its instance's device."""

    @functools.wraps(method)
    def call(self: Any, *args: Any, **options: Any) -> Any:
        try:
            if self.alone:
                return method(self, *args, **options)
            with cupy.cuda.Device(self.device):
                return method(self, *args, **options)
        except cupy.cuda.memory.OutOfMemoryError as error:
            raise exhausted(method.__name__, args, self.device, error) from None

    return call


def exhausted(name: str, args: tuple[Any, ...], device: int, error: Exception) -> DeviceMemoryError:
    """The error of an operation that found no memory, with the sizes of what it was given."""
    given = ", ".join(f"{x.dtype}{list(x.shape)}" for x in args if isinstance(x, cupy.ndarray))
    with cupy.cuda.Device(device):
        free, total = cupy.cuda.runtime.memGetInfo()
    return DeviceMemoryError(
        f"{name} of {given or 'nothing'} finds no memory on cuda:{device} ({free} of {total} bytes are free): {error}; "
        "take fewer rows at a time, or let go of arrays that are not needed (CuPy keeps what is freed: "
        "cupy.get_default_memory_pool().free_all_blocks()), or compute on the host: x.to_backend('numpy')"
    )


def number_of(device: Any) -> int:
    """The device that is named: a number, "cuda", "gpu", "cuda:1", or CuPy's own.

    Raises:
        UnsupportedError: CuPy finds no such device.
    """
    count = cupy.cuda.runtime.getDeviceCount()
    if isinstance(device, cupy.cuda.Device):
        return int(device.id)
    kind, _, number = ("cuda", "", str(device)) if isinstance(device, int) else str(device).partition(":")
    if kind in ("cuda", "gpu") and not number:
        return int(cupy.cuda.runtime.getDevice())
    if kind not in ("cuda", "gpu") or not number.isdecimal() or int(number) >= count:
        raise UnsupportedError(
            f"CuPy finds no device {device!r} here; it has {', '.join(f'cuda:{i}' for i in range(count))}"
        )
    return int(number)


def on_device(device: Any = None, chosen: bool = False) -> CupyBackend:
    """The one backend of a device (and the one for those who choose it); of the current one if none is named."""
    return _on_device(number_of("cuda" if device is None else device), chosen)


@cache
def _on_device(number: int, chosen: bool) -> CupyBackend:
    if number == 0 and not chosen:
        plain: Any = get_backend("cupy")
        return plain  # type: ignore[no-any-return]
    from ragged_cupy._backend import CupyBackend

    return CupyBackend(number, chosen)
