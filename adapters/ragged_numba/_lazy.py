"""`Lazy`: content that a recorded program has not computed yet, with the manners of a NumPy array.

Whatever needs its values (a Python number, NumPy's own functions, an attribute that only an array has) has them
computed then and there; operators and elementwise functions are recorded.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ragged._operators import asked_of_the_type, give_operators
from ragged.errors import RaggedError
from ragged.ufuncs import functions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ragged_numba._domains import Domain

__all__ = ["Lazy", "Unrecordable", "as_now"]

PLAIN = (np.ndarray, np.generic, bool, int, float, complex)


class Unrecordable(RaggedError):
    """A program does something that only makes sense at once: it is then run as it is."""


class Lazy:
    """A value of one recorder: what computes it (`op`, of `args`, which have entries along `source`), or its `value`.

    `domain` is what its axis 0 runs along; None where there is nothing to run along (a number, a total). `alone` makes
    it of the arguments' values where nothing else is to be made: the kernel of the backend beneath.
    """

    __slots__ = (
        "__weakref__",
        "alone",
        "args",
        "domain",
        "dtype",
        "number",
        "op",
        "recorder",
        "runs",
        "shape",
        "source",
        "value",
    )
    __hash__ = None  # type: ignore[assignment]
    __array_priority__ = 800
    _ragged_tape = True

    def __init__(
        self,
        recorder: Any,
        op: Any,
        args: tuple[Any, ...],
        dtype: np.dtype[Any],
        shape: tuple[int, ...],
        domain: Domain | None = None,
        source: Domain | None = None,
        alone: Callable[..., Any] | None = None,
    ) -> None:
        self.recorder = recorder
        self.op = op
        self.args = args
        self.dtype = dtype
        self.shape = shape
        self.domain = domain
        self.source = domain if source is None else source
        self.alone = alone
        self.number = recorder.next_number()
        self.runs = 0
        self.value: Any = None

    def settle(self, value: Any) -> None:
        """The value is known; what it was to be made of is let go."""
        self.value = value
        self.args, self.alone = (), None

    def known(self) -> Any:
        """The value, computed now if it was not."""
        if self.value is None:
            self.recorder.compute([self], "Python, which asks for it")
        return self.value

    @property
    def tape(self) -> Any:
        """The backend that the value is on."""
        return self.recorder

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.known(), name)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.known())

    def __getitem__(self, key: Any) -> Any:
        return self.known()[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        raise Unrecordable("values are assigned to")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.array(self.known(), dtype, copy=copy)

    def __bool__(self) -> bool:
        return bool(self.known())

    def __int__(self) -> int:
        return int(self.known())

    def __float__(self) -> float:
        return float(self.known())

    def __complex__(self) -> complex:
        return complex(self.known())

    def __index__(self) -> int:
        return int(self.known().__index__())

    def __round__(self, digits: int | None = None) -> Any:
        return round(self.known(), digits)

    def __repr__(self) -> str:
        return repr(self.known())

    def __format__(self, spec: str) -> str:
        return format(self.known(), spec)

    @asked_of_the_type
    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__" and not kwargs and functions.get(name := ufunc.__name__) is ufunc:
            return elementwise(name, *inputs)
        if not all(isinstance(x, (Lazy, *PLAIN)) for x in inputs):
            return NotImplemented
        return getattr(ufunc, method)(*map(plain, inputs), **kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if not all(issubclass(kind, Lazy | np.ndarray) for kind in types):
            return NotImplemented
        import optree

        given: Any = (args, kwargs)
        args, kwargs = optree.tree_map(plain, given)
        return func(*args, **kwargs)


def plain(x: Any) -> Any:
    """The value of what is lazy; anything else as it is."""
    return x.known() if type(x) is Lazy else x


def as_now(x: Any) -> Any:
    """A copy of an array that the program may write to before it is read; anything else as it is."""
    return x.copy() if isinstance(x, np.ndarray) and x.ndim and x.flags.writeable else x


def elementwise(name: str, *args: Any) -> Any:
    """The function of lazy and plain values, recorded; other kinds of operand answer for themselves."""
    if not all(type(x) is Lazy or isinstance(x, PLAIN) for x in args):
        return NotImplemented
    recorder = next(x.recorder for x in args if type(x) is Lazy)
    return recorder.matmul(*args) if name == "matmul" else recorder.apply(name, *map(as_now, args))


give_operators(Lazy, elementwise)
