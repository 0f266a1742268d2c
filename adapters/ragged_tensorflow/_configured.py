"""TensorFlow on the device of one `use(...)`: ragged's own calls run in its scope; nothing of the process changes."""

from __future__ import annotations

import functools
from functools import cache
from types import FunctionType
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from ragged.errors import UnsupportedError
from ragged.registry import get_backend
from ragged_tensorflow._backend import TensorFlowBackend

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["PlacedBackend", "configure"]


class PlacedPullback:
    """A pullback that runs on a device."""

    def __init__(self, device: str, pullback: Any) -> None:
        self.device, self.pullback = device, pullback

    def __call__(self, cotangents: Sequence[Any]) -> Any:
        """The inputs' cotangents."""
        with tf.device(self.device):
            return self.pullback(cotangents)

    def once(self, cotangents: Sequence[Any]) -> Any:
        """The same for a pullback that is not called again."""
        with tf.device(self.device):
            return self.pullback.once(cotangents)


class PlacedBackend(TensorFlowBackend):
    """TensorFlow whose every call runs on one device. Structure stays where it always is."""

    def __init__(self, device: str) -> None:
        plain: Any = get_backend("tensorflow")
        self._home = plain.home()
        self.device = device

    def vjp(self, f: Callable[..., Any], primals: Sequence[Any]) -> tuple[Any, Any, Callable[..., Any]]:
        with tf.device(self.device):
            outputs, aux, pullback = super().vjp(f, primals)
        return outputs, aux, PlacedPullback(self.device, pullback)

    def content(self, x: Any) -> Any:
        x = super().content(x)
        if not isinstance(x, tf.Tensor) or tf.is_symbolic_tensor(x) or x.device.endswith(self.device):
            return x
        with tf.device(self.device):
            return tf.identity(x)


def scoped(f: Callable[..., Any]) -> Callable[..., Any]:
    """`f`, run on the backend's device."""

    @functools.wraps(f)
    def call(self: PlacedBackend, *args: Any, **kwargs: Any) -> Any:
        with tf.device(self.device):
            return f(self, *args, **kwargs)

    return call


# The rest of the protocol, method by method: what neither computes nor converts needs no scope.
UNSCOPED = {
    *vars(PlacedBackend),
    "configured",
    "differentiating",
    "home",
    "hosting",
    "joined",
    "known",
    "owns",
    "serving",
    "size",
}
for _name, _method in [(name, getattr(TensorFlowBackend, name)) for name in dir(TensorFlowBackend)]:
    if isinstance(_method, FunctionType) and not _name.startswith("_") and _name not in UNSCOPED:
        setattr(PlacedBackend, _name, scoped(_method))


def configure(device: Any, precision: str | None) -> TensorFlowBackend:
    """The one backend on a device. TensorFlow keeps 64 bits whatever the precision.

    Raises:
        UnsupportedError: an unknown precision, or a device that TensorFlow does not find here.
    """
    if precision not in (None, "float64"):
        raise UnsupportedError(f"precision={precision!r} is not known to TensorFlow; say 'float64' or leave it out")
    return placed(None if device is None else find_device(str(device)))


@cache
def placed(device: str | None) -> TensorFlowBackend:
    """The backend on a device; where there is no other device, the plain one."""
    plain: Any = get_backend("tensorflow")
    if device is None or [each.name for each in tf.config.list_logical_devices()] == [device]:
        return plain  # type: ignore[no-any-return]
    return PlacedBackend(device)


def find_device(name: str) -> str:
    """TensorFlow's name of the device that `name` stands for: "cpu", "gpu", "cuda", "gpu:1"."""
    kind, _, number = name.lower().removeprefix("/device:").replace("cuda", "gpu").partition(":")
    here: list[str] = [each.name for each in tf.config.list_logical_devices()]
    found = [each for each in here if each.lower() == f"/device:{kind}:{number or 0}"]
    if not found:
        names = ", ".join(each.removeprefix("/device:").lower() for each in here)
        raise UnsupportedError(f"TensorFlow finds no device {name!r} here; it has {names}")
    return found[0]
