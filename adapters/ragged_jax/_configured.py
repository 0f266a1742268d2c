"""JAX with the options of one `use(...)`: 64 bits within ragged's own calls, a device."""

from __future__ import annotations

import functools
from functools import cache
from types import FunctionType
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ragged.errors import UnsupportedError
from ragged.registry import get_backend
from ragged.rows import Groups
from ragged_jax._backend import JaxBackend
from ragged_jax._compat import Tracer, enable_x64, is_reversed, x64_enabled
from ragged_jax._dtypes import NARROWER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged.rows import Ranges, Rows, Segments

__all__ = ["WideJaxBackend", "configure"]


NARROWED = frozenset(NARROWER.values())


class WideJaxBackend(JaxBackend):
    """JAX whose every call runs inside a scope of 64 bits; no setting of the process changes."""

    precision = "float64"

    def vjp(self, f: Callable[..., Any], primals: Sequence[Any]) -> tuple[Any, Any, Callable[..., Any]]:
        with enable_x64():
            outputs, aux, pullback = super().vjp(f, primals)
        wide = scoped(pullback)
        wide.many = scoped(pullback.many)  # type: ignore[attr-defined]
        return outputs, aux, wide

    def take(self, x: Any, index: Any) -> Any:
        return self._gather(_take, lambda: Groups(index, x.shape[0]), x, index)

    def take_ranges(self, x: Any, ranges: Ranges) -> Any:
        return self._gather(_take_ranges, lambda: Groups(ranges.index, x.shape[0]), x, ranges)

    def interleave(self, arrays: Sequence[Any], ranges: Ranges) -> Any:
        if x64_enabled() or not any(map(is_reversed, arrays)):
            return _interleave(self, arrays, ranges)
        return self.take_ranges(self.concat(arrays), ranges)

    def segment_sort(self, x: Any, rows: Rows, descending: bool = False) -> Any:
        if isinstance(x, Tracer):
            return self.take(x, self.segment_argsort(x, rows, descending))
        return _segment_sort(self, x, rows, descending)

    def expand(self, x: Any, rows: Rows) -> Any:
        return self._gather(_expand, lambda: rows, x, rows)

    def slice(self, x: Any, start: Any, stop: Any, step: int = 1) -> Any:
        return self._gather(_slice, lambda: Groups(np.arange(start, stop, step), x.shape[0]), x, start, stop, step)

    def fused(self, f: Callable[..., Any], x: Any, rows: Segments, *options: Any, tangent: Any = None) -> Any:
        if x64_enabled() or not any(map(is_reversed, (x, *options))):
            return _fused(self, f, x, rows, *options, tangent=tangent)
        return f(self, x, rows, *options)  # step by step, for the sake of the gathers' own transposes

    def _gather(self, gather: Callable[..., Any], segments: Callable[[], Any], x: Any, *where: Any) -> Any:
        """A gather, which plain `jax.grad` at 32 bits would transpose at 32 bits: there it brings its own transpose."""
        if x64_enabled() or not is_reversed(x):
            return gather(self, x, *where)
        own = jax.custom_vjp(lambda x: gather(self, x, *where))
        own.defvjp(lambda x: (gather(self, x, *where), None), lambda _, g: (self.segment_sum(g, segments()),))
        return own(x)

    def checkpoint(self, f: Callable[..., Any]) -> Callable[..., Any]:
        return scoped(super().checkpoint(f))

    def custom_vjp(
        self, f: Callable[..., Any], forward: Callable[..., Any], backward: Callable[..., Any]
    ) -> Callable[..., Any]:
        return scoped(super().custom_vjp(f, forward, backward))


def scoped(f: Callable[..., Any]) -> Callable[..., Any]:
    """`f`, run with 64 bits."""

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        if not x64_enabled():
            args = tuple(map(settled, args))
        with enable_x64():
            return f(*args, **kwargs)

    return call


def settled(x: Any) -> Any:
    """`x` as a value that means the same within the scope.

    Beneath a tracer of 32 bits there may still be the Python float or the 64-bit NumPy array that was passed in.
    """
    if isinstance(x, Tracer) and x.dtype in NARROWED:
        return jnp.array(x, copy=True)
    return x


_take, _take_ranges = scoped(JaxBackend.take), scoped(JaxBackend.take_ranges)
_expand, _slice = scoped(JaxBackend.expand), scoped(JaxBackend.slice)
_interleave, _segment_sort = scoped(JaxBackend.interleave), scoped(JaxBackend.segment_sort)
_fused = scoped(JaxBackend.fused)

# The rest of the protocol, method by method: what neither computes nor converts needs no scope.
UNSCOPED = {
    *vars(WideJaxBackend),
    *("compile", "configured", "differentiating", "dtype", "home", "hosting", "joined", "owns", "serving", "shape"),
    *("size", "takes", "tracing"),
}
for _name, _method in [(name, getattr(JaxBackend, name)) for name in dir(JaxBackend)]:
    if isinstance(_method, FunctionType) and not _name.startswith("_") and _name not in UNSCOPED:
        setattr(WideJaxBackend, _name, scoped(_method))


@cache
def configure(device: Any, precision: str | None) -> JaxBackend:
    """The one backend with these options.

    Raises:
        UnsupportedError: an unknown precision, or a device that JAX does not find here.
    """
    if precision not in (None, "float64"):
        raise UnsupportedError(f"precision={precision!r} is not known to JAX; say 'float64' or leave it out")
    if device is None and precision is None:
        plain: Any = get_backend("jax")
        return plain  # type: ignore[no-any-return]
    backend = JaxBackend() if precision is None else WideJaxBackend()
    backend.device = None if device is None else find_device(device)
    backend.options = (device, precision)
    return backend


def find_device(device: Any) -> Any:
    """The JAX device that `device` names: one of JAX's own, "cpu", "gpu", "gpu:1"."""
    if isinstance(device, jax.Device):
        return device
    platform, _, number = str(device).partition(":")
    try:
        return jax.devices(platform)[int(number or 0)]
    except (RuntimeError, IndexError, ValueError):
        here = ", ".join(f"{each.platform}:{each.id}" for each in jax.devices())
        raise UnsupportedError(f"JAX finds no device {device!r} here; it has {here}") from None
