"""Kernels that Numba compiles, one form a dtype, when it is first asked for; kept on disk from then on."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit, types
from numba.core import event

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Kernel", "is_plain", "kernel"]

log = logging.getLogger("ragged.numba")
KERNELS: set[Any] = set()
NOWHERE = "it is kept nowhere, for no folder can be written to: NUMBA_CACHE_DIR names one"

READ = {"i": types.int64, "m": types.boolean}
WRITTEN = {"I": types.int64, "M": types.boolean}
SCALARS = {"n": types.int64, "b": types.boolean}
SUMS = {"float32": types.float64, "uint8": types.int64}
"""What sums of a dtype are taken in; the results of small integers (counts) are that, too."""


def array_of(dtype: Any, is_read: bool) -> Any:
    """The type of an array; of one that is only read, it may be sealed."""
    return types.Array(dtype, 1, "C", readonly=is_read)


def argument(letter: str, dtype: np.dtype[Any]) -> Any:
    """The type that a letter of a kernel's form stands for: arrays of integers that are read (i) or written (I), of
    booleans (m, M), of the content's dtype (x, X), of what its sums are taken in (W) and given in (S); integers (n),
    booleans (b) and numbers of the content's dtype (v)."""
    content = getattr(types, dtype.name)
    if letter in SCALARS:
        return SCALARS[letter]
    if letter == "v":
        return content
    if letter in READ or letter == "x":
        return array_of(READ.get(letter, content), True)
    sums = SUMS.get(dtype.name, content)
    return array_of({"X": content, "W": sums, "S": sums if dtype.kind == "u" else content, **WRITTEN}[letter], False)


class Kernel:
    """A function of arrays and its compiled forms, which other threads run while Python goes on."""

    def __init__(self, function: Callable[..., None], form: str) -> None:
        self.function = function
        self.form = form
        self.compiled: dict[np.dtype[Any], Any] = {}
        self.lock = Lock()
        KERNELS.add(function)

    def __getitem__(self, dtype: np.dtype[Any]) -> Any:
        """The form for content of that dtype."""
        found = self.compiled.get(dtype)
        return self.compile(dtype) if found is None else found

    def compile(self, dtype: np.dtype[Any]) -> Any:
        """The same, from the disk or made now. (Read-only arrays and others share a form if it is the only one.)"""
        with self.lock:
            if dtype not in self.compiled:
                dispatcher = dispatcher_of(self.function)
                with suppress(OSError):  # compiled it is by then, and only not kept
                    dispatcher.compile(tuple(argument(letter, dtype) for letter in self.form))
                dispatcher.disable_compile()
                self.compiled[dtype] = dispatcher
            return self.compiled[dtype]


def dispatcher_of(function: Callable[..., None]) -> Any:
    """The function for Numba to compile, kept on the disk where a folder can be written to."""
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:  # there is none
        return njit(nogil=True)(function)


def kernel(form: str) -> Callable[[Callable[..., None]], Kernel]:
    """Makes a kernel of a function, whose arguments the letters of `form` tell (see `argument`)."""
    return lambda function: Kernel(function, form)


def is_plain(*arrays: Any) -> bool:
    """Whether arrays are one number after another in memory, as kernels need them."""
    for x in arrays:
        flags = x.flags
        if not (flags.c_contiguous and flags.aligned):
            return False
    return True


class Announced(event.Listener):  # type: ignore[misc]
    """Says what is compiled: to the log, and where somebody watches a terminal in one line."""

    def on_start(self, event: Any) -> None:
        dispatcher = event.data["dispatcher"]
        if dispatcher.py_func not in KERNELS:  # another library's, or a part of ours
            return
        dtypes = sorted({str(each.dtype) for each in event.data["args"] if isinstance(each, types.Array)})
        later = "the next process finds it on the disk" if dispatcher.stats.cache_path else NOWHERE
        text = f"compiling {dispatcher.py_func.__name__} for {', '.join(dtypes)}; {later}"
        log.info(text)
        if sys.stderr is not None and sys.stderr.isatty():
            print(f"ragged: {text}", file=sys.stderr)

    def on_end(self, event: Any) -> None:
        pass


event.register("numba:compile", Announced())
