"""Python's operators, from one table, and the protocols of NumPy's and PyTorch's functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Operators", "asked_of_the_type", "give_operators"]

BINARY = {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "true_divide",
    "floordiv": "floor_divide",
    "mod": "remainder",
    "divmod": "divmod",
    "pow": "power",
    "matmul": "matmul",
    "lshift": "left_shift",
    "rshift": "right_shift",
    "and": "bitwise_and",
    "or": "bitwise_or",
    "xor": "bitwise_xor",
}
COMPARISONS = {
    "lt": "less",
    "le": "less_equal",
    "gt": "greater",
    "ge": "greater_equal",
    "eq": "equal",
    "ne": "not_equal",
}
UNARY = {"neg": "negative", "pos": "positive", "abs": "absolute", "invert": "invert"}


class asked_of_the_type:
    """An `__array_ufunc__` that is None when an instance is asked for it.

    NumPy asks the type. Awkward, and whatever has its operators from `numpy.lib.mixins`, asks the instance, and leaves
    an operator to an operand that says None: so `awkward + ragged` arrives at ours.
    """

    def __init__(self, method: Any) -> None:
        self._method = method

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self._method if instance is None else None


class Operators:
    """Mixin: every operator is the elementwise function of its NumPy name."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]
    __array_priority__ = 1000

    @property
    def mT(self) -> Any:
        """The array with its last two axes exchanged (`ragged.matrix_transpose`)."""
        import ragged

        return ragged.matrix_transpose(self)

    @asked_of_the_type
    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        from ragged.elementwise import array_ufunc

        return array_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        from ragged._numpy_functions import array_function

        return array_function(func, args, kwargs)

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        from ragged_torch._overrides import torch_function

        return torch_function(func, args, kwargs or {})

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        import ragged

        return ragged


def _forward(name: str) -> Any:
    def operator(self: Any, other: Any) -> Any:
        from ragged.elementwise import elementwise

        return elementwise(name, self, other)

    return operator


def _reflected(name: str) -> Any:
    def operator(self: Any, other: Any) -> Any:
        from ragged.elementwise import elementwise

        return elementwise(name, other, self)

    return operator


def _unary(name: str) -> Any:
    def operator(self: Any) -> Any:
        from ragged.elementwise import elementwise

        return elementwise(name, self)

    return operator


def _power(name: str) -> Any:
    """`x ** y`, which Python gives a third argument in `pow(x, y, modulo)`."""
    plain = _forward(name)

    def operator(self: Any, other: Any, modulo: Any = None) -> Any:
        return plain(self, other) if modulo is None else NotImplemented

    return operator


for _symbol, _name in BINARY.items():
    setattr(Operators, f"__{_symbol}__", _power(_name) if _symbol == "pow" else _forward(_name))
    setattr(Operators, f"__r{_symbol}__", _reflected(_name))
for _symbol, _name in COMPARISONS.items():
    setattr(Operators, f"__{_symbol}__", _forward(_name))
for _symbol, _name in UNARY.items():
    setattr(Operators, f"__{_symbol}__", _unary(_name))


def give_operators(kind: type, elementwise: Callable[..., Any]) -> None:
    """Python's operators for a kind of dense value, each `elementwise(name of the function, *operands)`."""

    def forward(name: str) -> Callable[[Any, Any], Any]:
        return lambda self, other: elementwise(name, self, other)

    def reflected(name: str) -> Callable[[Any, Any], Any]:
        return lambda self, other: elementwise(name, other, self)

    def unary(name: str) -> Callable[[Any], Any]:
        return lambda self: elementwise(name, self)

    for symbol, name in (BINARY | COMPARISONS).items():
        setattr(kind, f"__{symbol}__", forward(name))
    for symbol, name in BINARY.items():
        setattr(kind, f"__r{symbol}__", reflected(name))
    for symbol, name in UNARY.items():
        setattr(kind, f"__{symbol}__", unary(name))
