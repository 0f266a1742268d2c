"""`use`: which backend constructors build on and transforms run on."""

from __future__ import annotations

import functools
import inspect
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from ragged._opaque import opaque
from ragged.errors import MissingBackendError, RaggedError
from ragged.registry import absence, available, entry_points, get_backend

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Token

    from ragged.backend import Backend

__all__ = ["active", "backend_called", "current", "use"]

_context: ContextVar[Backend | None] = ContextVar("ragged_backend", default=None)
_default: list[Backend | None] = [None]


def active() -> Backend | None:
    """The backend in use here: this context's, else the process default, else None."""
    return _context.get() or _default[0]


def backend_called(name: str) -> Backend:
    """The backend of that name, with the options of the one in use if that is it."""
    here = active()
    return here.base if here is not None and here.base.name == name else get_backend(name)


def current() -> str | None:
    """Name of the active backend, or None.

    >>> import ragged
    >>> with ragged.use("numpy"):
    ...     ragged.current()
    'numpy'
    """
    backend = active()
    return None if backend is None else backend.name


def choose(names: tuple[str, ...], device: Any, precision: str | None) -> Backend:
    """The first of the names that is available, configured."""
    if not names:
        raise TypeError("use() takes the name of at least one backend")
    if len(names) == 1:
        return get_backend(names[0]).configured(device, precision)
    for name in names:
        if name not in entry_points():  # a typing error, not a wish
            raise MissingBackendError(absence(name))
    here = available()
    for name in names:
        if name in here:
            return get_backend(name).configured(device, precision)
    raise MissingBackendError(f"none of {', '.join(names)} is installed: pip install 'ragged-diff[{names[0]}]'")


def runs(f: Any) -> Any:
    """The function that a call of `f` runs: its `__call__` where it is an object that has one."""
    while isinstance(f, functools.partial):
        f = f.func
    return f if inspect.isroutine(f) else type(f).__call__


class use:
    """Choose the backend that constructors build on and transforms run on.

    `use("jax")` acts at once; `with use("jax"):` also undoes it; `@use("jax")` scopes one function (coroutines and
    objects to call too; generator functions and classes are refused). Of several names the first that is available is
    used. A bare statement on the main thread also sets the default for threads and contexts that have chosen nothing
    themselves.

    Args:
        *names: backend names, in order of preference.
        device: a device of that framework, as it names them ("cpu", "gpu", "cuda").
        precision: "float64" lets JAX keep 64 bits within ragged's own calls.

    Raises:
        MissingBackendError: none of the names is available; the message says what to install.

    >>> import ragged
    >>> with ragged.use("numpy"):
    ...     ragged.backend(ragged.Array([[1.0], []]))
    'numpy'
    """

    def __init__(self, *names: str, device: Any = None, precision: str | None = None) -> None:
        self._backend = choose(names, device, precision)
        self._before = (_context.get(), _default[0])
        self._default_set = threading.current_thread() is threading.main_thread()
        self._tokens: list[Token[Backend | None]] = []
        _context.set(self._backend)
        if self._default_set:
            _default[0] = self._backend

    def _undo_statement(self) -> None:
        """Take back what the bare statement did: `with` and the decorator act on the context alone."""
        if self._default_set:
            self._default_set = False
            if _default[0] is self._backend:
                _default[0] = self._before[1]
        if _context.get() is self._backend and not self._tokens:
            _context.set(self._before[0])

    def __enter__(self) -> use:
        self._undo_statement()
        self._tokens.append(_context.set(self._backend))
        return self

    def __exit__(self, *exc: object) -> None:
        _context.reset(self._tokens.pop())

    def __call__(self, f: Callable[..., Any]) -> Callable[..., Any]:
        """`f`, run under this backend; the context outside stays as it was."""
        self._undo_statement()
        if isinstance(f, type):
            raise RaggedError(f"use() cannot scope the class {f.__name__}: decorate its methods")
        called = runs(f)
        if inspect.isgeneratorfunction(called) or inspect.isasyncgenfunction(called):
            name = getattr(f, "__name__", type(f).__name__)
            raise RaggedError(f"use() cannot scope the generator function {name}: put `with use(...)` inside it")
        backend = self._backend
        if inspect.iscoroutinefunction(called):

            @functools.wraps(f)
            async def scoped_async(*args: Any, **kwargs: Any) -> Any:
                token = _context.set(backend)
                try:
                    return await f(*args, **kwargs)
                finally:
                    _context.reset(token)

            return scoped_async

        @opaque
        @functools.wraps(f)
        def scoped(*args: Any, **kwargs: Any) -> Any:
            token = _context.set(backend)
            try:
                return f(*args, **kwargs)
            finally:
                _context.reset(token)

        return scoped

    def __repr__(self) -> str:
        return f"use({self._backend.name!r})"
