"""The few places where releases of JAX differ, told by what a release has rather than by its number."""

from __future__ import annotations

import importlib
from contextlib import AbstractContextManager
from typing import Any, cast

import jax

__all__ = ["Tracer", "enable_x64", "x64_enabled"]

Tracer = jax.core.Tracer
_config: Any = jax.config
_x64_module: Any = jax if hasattr(jax, "enable_x64") else importlib.import_module("jax.experimental")


def enable_x64() -> AbstractContextManager[None]:
    """A scope, of this thread alone, in which JAX keeps 64 bits."""
    return cast("AbstractContextManager[None]", _x64_module.enable_x64(True))


def x64_enabled() -> bool:
    """Whether JAX keeps 64 bits here and now, by its global setting or by a scope around us."""
    return bool(_config.jax_enable_x64)
