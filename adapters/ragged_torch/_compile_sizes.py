"""Sizes in a program that is being traced: PyTorch's symbolic integers, as the core knows sizes."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.fx.experimental import symbolic_shapes

from ragged.errors import UnsupportedError
from ragged.sizes import SymbolicSize
from ragged_torch._compat import traced

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["NOT_KNOWN", "Departure", "Size", "lowered", "size_of"]

shapes: Any = symbolic_shapes
functions: Any = torch

NOT_KNOWN = (
    "not known while ragged.jit compiles the function: len, iteration, printing, conversions and Python's own `if` "
    "need it now; use operations of ragged (num, where, slices, fill_none), or take this step outside of it"
)


class Departure(UnsupportedError):
    """The arguments at hand go another way than a program for all lengths could: they are computed as they are."""


class Size(SymbolicSize):
    """A size of which the traced program computes with a symbol."""

    __slots__ = ("number", "source")
    __array_ufunc__ = None  # NumPy leaves its operators to ours
    dtype = np.dtype("int64")
    shape = ()
    ndim = 0

    def __init__(self, number: Any, source: Any = None) -> None:
        self.number = number
        self.source = source  # the tensor that it is the value of: PyTorch takes for granted what is demanded of it

    def tensor(self, dtype: torch.dtype = torch.int64) -> torch.Tensor:
        """The number as a 0-d tensor."""
        return torch.full((), self.number, dtype=dtype)

    def expect(self, other: Any, what: str) -> None:
        sources = [x.source for x in (self, other) if type(x) is Size and x.source is not None]
        if sources and self != other:
            given = sources[1] if len(sources) > 1 else lowered(self if self.source is None else other)
            traced().check(sources[0] != given, what)
        demand(self.number == lowered(other), what)

    def at_least(self, least: int, what: str) -> None:
        demand(self.number >= least, what)

    def minimum(self, other: Any) -> Any:
        return size_of(functions.sym_min(self.number, lowered(other)))

    def maximum(self, other: Any) -> Any:
        return size_of(functions.sym_max(self.number, lowered(other)))

    def __eq__(self, other: object) -> bool:
        """Whether the two are known to be equal; arrays compare one by one."""
        if isinstance(other, torch.Tensor):
            same: Any = other == self.number
            return same  # type: ignore[no-any-return]
        if not isinstance(other, int | Size | torch.SymInt):
            return False
        return self is other or bool(shapes.statically_known_true(self.number == lowered(other)))

    def __ne__(self, other: object) -> bool:
        return other != self.number if isinstance(other, torch.Tensor) else not self == other

    def __hash__(self) -> int:
        return hash(Size)  # equality settles the rest

    def __neg__(self) -> Any:
        return size_of(-self.number)

    def _unknown(self) -> Any:
        raise UnsupportedError(f"a size that depends on the arguments is {NOT_KNOWN}")

    __int__ = __index__ = __bool__ = __float__ = _unknown

    def __repr__(self) -> str:
        return "?"

    @classmethod
    def __torch_function__(cls, f: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return f(*lowered(args), **{name: lowered(x) for name, x in (kwargs or {}).items()})


def size_of(number: Any, source: Any = None) -> Any:
    """A number of PyTorch's (the value of a tensor) as a size: an int where it is one."""
    if type(number) is not torch.SymInt:
        return number
    known = number.node.maybe_as_int()
    return Size(number, source) if known is None else known


def lowered(x: Any) -> Any:
    """An argument as PyTorch takes it."""
    kind = type(x)
    if kind is Size:
        return x.number
    if kind is tuple or kind is list:
        return kind(map(lowered, x))
    if kind is slice:
        return slice(lowered(x.start), lowered(x.stop), lowered(x.step))
    return x


def demand(holds: Any, what: str) -> None:
    """Have the program serve only arguments for which something holds of their sizes; what follows from their values is
    checked by the running program.

    Raises:
        Departure: it does not hold for those at hand.
    """
    if isinstance(holds, bool):
        met = holds
    elif shapes.free_unbacked_symbols(holds):
        functions._check(holds)
        met = True
    else:
        met = bool(holds)
    if not met:
        raise Departure(what)


def _computes(f: Callable[..., Any]) -> tuple[Any, Any]:
    """The operator of a size and another one or a number (a size again), or an array, and its reflection."""

    def operate(x: Any, y: Any) -> Any:
        return size_of(f(*(torch.from_numpy(each) if isinstance(each, np.ndarray) else each for each in (x, y))))

    def forward(self: Size, other: Any) -> Any:
        return operate(self.number, lowered(other))

    def reflected(self: Size, other: Any) -> Any:
        return operate(lowered(other), self.number)

    return forward, reflected


def _compares(f: Callable[..., Any]) -> Any:
    """An order of a size and something else, as a tensor."""

    def compare(self: Size, other: Any) -> Any:
        return f(self.tensor(), lowered(other))

    return compare


for _name in ("add", "sub", "mul", "floordiv", "mod"):
    _forward, _reflected = _computes(getattr(operator, _name))
    setattr(Size, f"__{_name}__", _forward)
    setattr(Size, f"__r{_name}__", _reflected)
for _name in ("lt", "le", "gt", "ge"):
    setattr(Size, f"__{_name}__", _compares(getattr(operator, _name)))
