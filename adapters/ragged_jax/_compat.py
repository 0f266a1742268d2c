"""The few places where releases of JAX differ, told by what a release has rather than by its number."""

from __future__ import annotations

import importlib
from contextlib import AbstractContextManager
from typing import Any, cast

import jax

__all__ = ["Tracer", "enable_x64", "is_batched", "is_committed", "is_reversed", "trace_of", "weak_kind", "x64_enabled"]

Tracer = jax.core.Tracer
_config: Any = jax.config
_x64_module: Any = jax if hasattr(jax, "enable_x64") else importlib.import_module("jax.experimental")


def enable_x64() -> AbstractContextManager[None]:
    """A scope, of this thread alone, in which JAX keeps 64 bits."""
    return cast("AbstractContextManager[None]", _x64_module.enable_x64(True))


def x64_enabled() -> bool:
    """Whether JAX keeps 64 bits here and now, by its global setting or by a scope around us."""
    return bool(_config.jax_enable_x64)


def is_batched(x: Any) -> bool:
    """Whether `jax.vmap` maps over `x`: it has one more axis than it shows."""
    return type(x).__name__ == "BatchTracer"  # the class itself is in no public module of every release


def is_committed(x: Any) -> bool:
    """Whether an array was put on its device by name, so that JAX refuses to move it to another's."""
    return bool(getattr(x, "committed", True))


def is_reversed(x: Any) -> bool:
    """Whether the innermost transformation of `x` records a program that it will transpose (grad, vjp, linearize)."""
    kind = type(x).__name__
    return kind == "LinearizeTracer" or (kind == "JVPTracer" and type(x.tangent).__name__ == "JaxprTracer")


def weak_kind(x: Any) -> type | None:
    """Of a Python number that JAX traces, what it was: it gives no dtype to what it meets."""
    if not isinstance(x, Tracer) or x.ndim or not getattr(x.aval, "weak_type", False):
        return None
    return {"f": float, "c": complex}.get(x.dtype.kind)


def trace_of(x: Any) -> Any:
    """What a tracer belongs to: the program or transformation at work when it was made; None of other values."""
    return getattr(x, "_trace", None)
