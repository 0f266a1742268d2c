"""Arrays into JAX, and values out of it as structure."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jax import lax

from ragged.errors import UnsupportedError
from ragged.memory import aligned_copy, is_frozen
from ragged_jax._compat import Tracer, is_committed, x64_enabled
from ragged_jax._dtypes import NARROWER, held
from ragged_jax._kernels import identity, recast, reshape

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SMALL", "folded", "is_frequent", "is_traced", "place", "reshaped", "structure"]

SMALL = 64
"""Arrays of at most so many numbers are placed by a kernel, ..."""
WORTH_SHARING = 1 << 20
"""Bytes from which on a new shape is worth waiting for the array."""
OFTEN = 200
"""... which takes as long to compile as some thousand placements, when so many of their shape have come."""

_uses: dict[tuple[Any, ...], int] = {}


def folded(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method that computes at once what is made of concrete values alone, also while JAX traces the program.

    Else `jax.jit` would trace that too, and no structure could be made of it: `x[ragged.num(x) > 1]` depends on no
    traced value.
    """

    @functools.wraps(method)
    def call(*args: Any, **options: Any) -> Any:
        if any(map(is_traced, args)):
            return method(*args, **options)
        with jax.ensure_compile_time_eval():
            return method(*args, **options)

    return call


def is_traced(x: Any) -> bool:
    """Whether JAX is tracing this value (or one of a list)."""
    return isinstance(x, Tracer) or (type(x) in (list, tuple) and any(map(is_traced, x)))


def place(x: Any, dtype: Any = None, device: Any = None) -> Any:
    """`x` as a JAX array, on `device` if one is named. Memory is shared only where nobody can write to it."""
    if isinstance(x, jax.Array):
        if dtype is not None and x.dtype != (dtype := held(dtype)):
            x = recast(x, dtype)
        return x if device is None or _is_on(x, device) else jax.device_put(x, device)
    x = np.asarray(x)
    dtype = held(x.dtype if dtype is None else dtype)
    if x.dtype != dtype or not is_frozen(x):
        x = np.array(x, dtype) if x.size <= SMALL else aligned_copy(x, dtype)  # our own: so it may be shared, too
    if device is None and x.size <= SMALL and (not x.shape or is_frequent(x.shape, x.dtype)):
        return identity(x)  # a compiled function takes an argument in a fifth of the time of `device_put`
    return jax.device_put(x, device)  # shares 64-byte-aligned memory on the CPU, copies otherwise; compiles nothing


def reshaped(x: Any, shape: tuple[Any, ...]) -> Any:
    """The same elements in another shape: on the CPU over the same memory, where XLA would copy it."""
    if isinstance(x, Tracer) or x.nbytes < WORTH_SHARING or (x.dtype in NARROWER and not x64_enabled()):
        return reshape(x, shape)
    device, *others = x.devices()
    if others or device.platform != "cpu":
        return reshape(x, shape)
    shared = jax.device_put(np.asarray(x).reshape(shape), device if is_committed(x) else None)
    return shared if _is_on(shared, device) else reshape(x, shape)


def is_frequent(*kind: Any) -> bool:
    """Whether a kernel for arrays of this kind (shapes and dtype) has paid, or will."""
    _uses[kind] = uses = _uses.get(kind, 0) + 1
    return uses > OFTEN


def _is_on(x: Any, device: Any) -> bool:
    return isinstance(x, Tracer) or x.devices() == {device}


def structure(x: Any) -> Any:
    """The values as NumPy structure, cut off from differentiation.

    Raises:
        UnsupportedError: the values are not known yet, because a transformation is tracing the program.
    """
    if isinstance(x, Tracer):
        x = lax.stop_gradient(x)  # beneath the tracers of jax.grad and its kin there is a concrete value
    if isinstance(x, Tracer):
        raise UnsupportedError(
            f"the structure of the result depends on a traced value ({x.dtype}{list(x.shape)}), but lengths must be "
            "known under jax.jit, vmap and checkpoint; compute the structure outside of the compiled function, or "
            "compile it with ragged.jit, where lengths may depend on values"
        )
    return x if isinstance(x, np.ndarray) else np.asarray(x, x.dtype)
