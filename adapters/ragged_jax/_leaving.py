"""Results on their way out of a compiled program, as JAX gives and cuts them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ragged.compilation._results import Leaving, Trimming
from ragged_jax._arrays import is_frequent
from ragged_jax._compat import Tracer, is_committed
from ragged_jax._padded import Padded
from ragged_jax._padded_structure import is_unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragged_jax._entering import Packed

__all__ = ["Results", "on_host"]


class Results(Leaving):
    """What a program gives, in JAX's arrays."""

    def is_unknown(self, x: Any) -> bool:
        return is_unknown(x)

    def output(self, x: Any) -> tuple[Any, tuple[Any, ...]]:
        return x.data if type(x) is Padded else x, x.shape

    def trimmed(self, b: Any, packed: Packed, outputs: Sequence[Any], sizes: Any) -> list[Any]:
        """The results of one call, of their true sizes."""
        return Trimmed(b, packed, outputs, sizes).leaves(self.templates)


class Trimmed(Trimming):
    """The results of one call."""

    def on_host(self, x: Any) -> np.ndarray[Any, Any]:
        return on_host(x)

    def cut(self, x: Any, shape: tuple[int, ...]) -> Any:
        return cut(x, shape)


def on_host(x: Any) -> np.ndarray[Any, Any]:
    """The values of an output, which is concrete beneath a derivative, too."""
    return np.asarray(lax.stop_gradient(x) if isinstance(x, Tracer) else x)


COPIED = 1 << 16
"""Bytes up to which a copy is made in less time than the same memory is shared."""


def cut(x: Any, shape: tuple[int, ...]) -> Any:
    """The first entries of an output: on the CPU over the same memory, as XLA would compile a copy for each length;
    of few entries that copy, once a length has come often."""
    if x.shape == shape:
        return x
    if isinstance(x, Tracer):
        return lax.slice(x, (0,) * x.ndim, shape)
    device, *others = x.devices()
    if others or device.platform != "cpu":
        return lax.slice(x, (0,) * x.ndim, shape)
    is_small = x.nbytes <= COPIED
    if is_small and is_frequent(x.shape, x.dtype, shape):
        return first(x, shape)
    view = np.asarray(x)[tuple(map(slice, shape))]
    committed = is_committed(x)
    return jnp.asarray(view) if is_small and not committed else jax.device_put(view, device if committed else None)


@partial(jax.jit, static_argnums=1)
def first(x: Any, shape: tuple[int, ...]) -> Any:
    """The first entries."""
    return lax.slice(x, (0,) * x.ndim, shape)
