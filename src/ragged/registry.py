"""Which backends there are: found by entry point, imported only when they are used."""

from __future__ import annotations

import importlib
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

from ragged.errors import MissingBackendError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint
    from types import ModuleType

    from ragged.backend import Backend

__all__ = ["attend", "available", "backend_of_dense", "get_backend", "native_node"]

ORDER = ("numpy", "numba", "jax", "torch", "tensorflow", "cupy")
GROUP = "ragged.backends"


@cache
def entry_points() -> dict[str, EntryPoint]:
    """The registered backends by name, ours first and in order."""
    from importlib.metadata import entry_points as installed

    found = {point.name: point for point in installed(group=GROUP)}
    names = [name for name in ORDER if name in found] + sorted(found.keys() - set(ORDER))
    return {name: found[name] for name in names}


@cache
def adapter(name: str) -> ModuleType:
    """The adapter's package, which imports no framework until its backend is asked for."""
    return importlib.import_module(entry_points()[name].module)


def installed(name: str) -> bool:
    """Whether the framework behind a registered backend is there, told without importing it."""
    package = adapter(name)
    is_available = getattr(package, "is_available", None)
    if is_available is not None:
        return bool(is_available())
    from importlib.util import find_spec

    return all(find_spec(root) is not None for root in getattr(package, "FRAMEWORK", ())[:1])


def available() -> tuple[str, ...]:
    """Names of the backends whose framework is installed; imports none of them.

    >>> import ragged
    >>> ragged.available()[0]
    'numpy'
    """
    return tuple(name for name in entry_points() if installed(name))


@cache
def get_backend(name: str) -> Backend:
    """The backend of that name.

    Raises:
        MissingBackendError: nobody provides it, or its framework is not installed.
    """
    if name == "numpy":  # the reference backend needs no discovery
        from ragged_numpy import NumpyBackend

        return NumpyBackend()
    if name not in entry_points():
        raise MissingBackendError(absence(name))
    if not installed(name):
        told = getattr(adapter(name), "absence", None)
        raise MissingBackendError(
            f"the {name} backend needs its framework: pip install 'ragged-diff[{name}]'" if told is None else told()
        )
    backend: Backend = entry_points()[name].load()()
    return backend


def absence(name: str) -> str:
    """What to say of a name that no adapter is registered under."""
    return f"no backend {name!r}; there are {', '.join(entry_points())}"


_attended: set[str] = set()


def attend() -> None:
    """Load the backends of the frameworks that the program has imported, so that their own transformations know an
    `Array` (`jax.grad(f)(x)` of an `x` on NumPy)."""
    for name in ORDER[1:]:
        if name in sys.modules and name not in _attended:
            _attended.add(name)
            if name in entry_points() and installed(name):
                get_backend(name)


@cache
def backend_of_type(kind: type) -> Backend | None:
    """The backend that owns dense arrays of this type, found by the module the type comes from."""
    roots = {base.__module__.partition(".")[0] for base in kind.__mro__} - {"builtins"}
    for name in entry_points():
        frameworks = getattr(adapter(name), "FRAMEWORK", ())
        if frameworks and roots & set(frameworks) and frameworks[0] in sys.modules:
            return get_backend(name)
    return None


def backend_of_dense(x: Any) -> Backend | None:
    """The backend that owns the dense array `x` (tracers included), or None if `x` is no array of any."""
    tape = getattr(type(x), "_ragged_tape", None)
    if tape is not None:
        return x.tape  # type: ignore[no-any-return]
    kind: type = type(x)
    backend = backend_of_type(kind)
    return backend.serving(x) if backend is not None and backend.owns(x) else None


def native_node(x: Any) -> Any:
    """The layout of a framework's own ragged array (a nested or ragged tensor), or None if `x` is no such."""
    kind: type = type(x)
    backend = backend_of_type(kind)
    return None if backend is None else backend.from_native(x)
