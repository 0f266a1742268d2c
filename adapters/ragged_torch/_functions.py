"""Elementwise functions in PyTorch, in the dtypes that NumPy computes them in.

Most functions go by NumPy's name in torch; `_forms` has the others. What torch has not for integers and booleans, NumPy
does on the host: it has no derivative.
"""

from __future__ import annotations

import operator
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from ragged._namespace import NUMBERS
from ragged.errors import UnsupportedError
from ragged.ufuncs import functions, result_dtypes, table
from ragged_torch._arrays import place, to_numpy
from ragged_torch._compat import is_batched_by_autograd, is_transformed, traced
from ragged_torch._dtypes import LAME, cast, held, numpy_dtype
from ragged_torch._forms import FORMS

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["UNSUPPORTED", "call"]

UNSUPPORTED = dict.fromkeys(("isnat", "datetime64", "timedelta64"), "PyTorch has no dates")
"""What the adapter declares not to have, each with the reason."""

HOST = frozenset({"bitwise_count", "gcd", "lcm", "spacing"})
FLAT = frozenset({"ceil", "floor", "rint", "round", "trunc", "spacing", "floor_divide"})
"""Functions whose derivative is 0."""

OPERATORS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "equal": operator.eq,
    "not_equal": operator.ne,
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
    "power": FORMS["power"],
    "float_power": FORMS["power"],
}
"""Functions whose second operand may stay a Python number."""


class Plan(NamedTuple):
    """How a function of some dtypes is computed."""

    function: Callable[..., Any]
    dtypes: tuple[torch.dtype, ...]
    results: tuple[torch.dtype, ...]
    scalars: bool  # whether the second operand may be a number
    host: bool  # whether NumPy computes it


def form(name: str) -> Callable[..., Any]:
    """The function `name` on tensors.

    Raises:
        UnsupportedError: PyTorch has no such function.
    """
    if name in UNSUPPORTED:
        raise UnsupportedError(
            f"{name} is not available on PyTorch: {UNSUPPORTED[name]}; go on with x.to_backend('numpy')"
        )
    return OPERATORS.get(name) or FORMS.get(name) or getattr(torch, name, None) or functions[name]


@cache
def planned(name: str, kinds: tuple[Any, ...]) -> Plan:
    """The plan for arguments of these kinds (NumPy dtypes, or types of Python numbers)."""
    function = form(name)
    given, results = result_dtypes(name, kinds)
    dtypes = tuple(map(held, given))
    host = name in HOST or any(dtype in LAME for dtype in dtypes)
    host = host or (name == "reciprocal" and given[0].kind in "iub")
    return Plan(function, dtypes, tuple(map(held, results)), name in OPERATORS, host)


def call(name: str, args: tuple[Any, ...], device: torch.device, valid: Any = None) -> Any:
    """`name` of tensors, NumPy values and Python numbers, with NumPy's result dtypes.

    Where `valid` is false the table's safe point goes in and zero comes out: both, or the derivative of what does not
    count would leak NaN.
    """
    entry = table[name]
    name = entry.name
    plan = planned(name, tuple([kind_of(x) for x in args]))
    if name in ("power", "float_power") and traced() is None:
        check_exponent(plan, args[1])
    operands = [operand(x, plan, i, device) for i, x in enumerate(args)]
    if valid is None:
        return finished(plan, computed(name, plan, operands, device))
    ndim = max(x.ndim for x in operands if isinstance(x, torch.Tensor))
    valid = valid.reshape(valid.shape + (1,) * (ndim - 1))
    moved = [torch.where(valid, x, safe(entry.safe, x.dtype)) if isinstance(x, torch.Tensor) else x for x in operands]
    out = finished(plan, computed(name, plan, moved, device))
    if isinstance(out, tuple):
        return tuple(torch.where(valid, y, safe(0, y.dtype)) for y in out)
    return torch.where(valid, out, safe(0, out.dtype))


OVER = {
    "add": torch.add,
    "subtract": torch.sub,
    "multiply": torch.mul,
    "divide": torch.div,
    "exp": torch.exp,
}
"""Functions that can write their result over an operand."""


def over(spare: torch.Tensor, name: str, args: tuple[Any, ...]) -> Any:
    """The function of floats, written over `spare` where that has the result's shape and dtype."""
    function: Any = OVER.get(table[name].name)
    same = all(isinstance(x, torch.Tensor) and x.shape == spare.shape and x.dtype == spare.dtype for x in args)
    if (
        function is None
        or not same
        or is_transformed()
        or any(x.requires_grad or is_batched_by_autograd(x) for x in (spare, *args))
    ):
        return call(name, args, spare.device)
    return function(*args, out=spare)


def kind_of(x: Any) -> Any:
    """A Python number's type, or a NumPy dtype."""
    if isinstance(x, torch.Tensor):
        return numpy_dtype(x.dtype)
    return NUMBERS.get(type(x)) or np.asarray(x).dtype


def safe(value: float, dtype: torch.dtype) -> Any:
    """A number of the dtype's own kind, which keeps it."""
    if dtype == torch.bool:
        return value > 0.5
    return value if dtype.is_floating_point or dtype.is_complex else int(value)


def operand(x: Any, plan: Plan, i: int, device: torch.device) -> Any:
    """An argument as the tensor, or the number, that the function takes."""
    dtype = plan.dtypes[i]
    if isinstance(x, torch.Tensor):
        return cast(x, dtype)
    if i and plan.scalars and type(x) in (float, int):
        if dtype.is_floating_point or dtype == torch.int64:
            return x
        return np.asarray(x, numpy_dtype(dtype)).item()  # NumPy's error, where the number does not fit
    if type(x) in NUMBERS:
        x = np.asarray(x, numpy_dtype(dtype))
    return place(x, numpy_dtype(dtype), device)


def computed(name: str, plan: Plan, operands: list[Any], device: torch.device) -> Any:
    """The function, by torch where it has a kernel for the dtypes."""
    if plan.host:
        return on_host(name, operands, device)
    try:
        return plan.function(*operands)
    except RuntimeError:
        dtype = plan.dtypes[0]
        if dtype == torch.float16 and not all(x.dtype == torch.float32 for x in tensors(operands)):
            wide = [x.to(torch.float32) if isinstance(x, torch.Tensor) and x.dtype == dtype else x for x in operands]
            return computed(name, plan, wide, device)
        if name in FLAT or not any(d.is_floating_point or d.is_complex for d in plan.results):
            return on_host(name, operands, device)
        if all(not (x.dtype.is_floating_point or x.dtype.is_complex) for x in tensors(operands)):
            return on_host(name, operands, device)
        raise


def tensors(xs: list[Any]) -> list[torch.Tensor]:
    """Those of the values that are tensors."""
    return [x for x in xs if isinstance(x, torch.Tensor)]


def on_host(name: str, operands: list[Any], device: torch.device) -> Any:
    """The function, by NumPy."""
    if traced() is not None:
        from ragged_torch._compile_kernels import elementwise

        return elementwise(name, operands, on_host)
    with np.errstate(all="ignore"):  # torch warns of nothing either
        out = functions[name](*[to_numpy(x) if isinstance(x, torch.Tensor) else x for x in operands])
    if isinstance(out, tuple):
        return tuple(place(y, None, device) for y in out)
    return place(out, None, device)


def finished(plan: Plan, out: Any) -> Any:
    """Results in their dtypes."""
    if isinstance(out, torch.Tensor):
        return cast(out, plan.results[0])
    return tuple(cast(y, dtype) for y, dtype in zip(out, plan.results, strict=True))


def check_exponent(plan: Plan, n: Any) -> None:
    """Refuse negative powers of integers, as NumPy does."""
    dtype = plan.dtypes[1]
    if dtype.is_floating_point or dtype.is_complex:
        return
    negative = (n < 0).any() if isinstance(n, torch.Tensor) else np.any(np.asarray(n) < 0)
    if bool(negative):
        raise ValueError("Integers to negative integer powers are not allowed.")  # NumPy's words
