"""PyTorch's functions of ragged arrays: elementwise ones by ragged, or on all elements; for others the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ragged
from ragged.array import Array
from ragged.elementwise import elementwise
from ragged.errors import UnsupportedError
from ragged.ufuncs import table
from ragged_torch._leaves import apply

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["torch_function"]

NAMES = {
    **{"abs": "absolute", "asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2", "neg": "negative"},
    **{"asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh", "sub": "subtract", "mul": "multiply"},
    **{"div": "true_divide", "pow": "power", "fix": "trunc", "eq": "equal", "ne": "not_equal", "lt": "less"},
    **{
        "le": "less_equal",
        "gt": "greater",
        "ge": "greater_equal",
        "conj": "conjugate",
        "sgn": "sign",
        "bitwise_not": "invert",
    },
}
"""Elementwise functions that NumPy calls otherwise."""
POINTWISE = frozenset(
    (
        *("celu", "digamma", "dropout", "elu", "erf", "erfc", "erfinv", "expit", "frac", "gelu", "hardsigmoid"),
        *("hardswish", "hardtanh", "leaky_relu", "lgamma", "log_ndtr", "logit", "log_sigmoid", "mish", "ndtr", "relu"),
        *("relu6", "rsqrt", "selu", "sigmoid", "silu", "sinc", "softplus", "softsign", "tanhshrink"),
    )
)
"""Functions of each number that NumPy has not."""
WAYS_OUT = {
    **dict.fromkeys(("amax", "max"), "ragged.max(x, axis=…)"),
    **dict.fromkeys(("amin", "min"), "ragged.min(x, axis=…)"),
    **dict.fromkeys(("cat", "concat", "concatenate"), "ragged.concatenate([x, y], axis=…)"),
    "equal": "ragged.array_equal(x, y)",
    "cumsum": "ragged.cumulative_sum(x, axis=…)",
    "cumprod": "ragged.cumulative_prod(x, axis=…)",
    "backward": "ragged.grad, or ragged_torch.requires_grad_ and ragged_torch.gradient",
    "grad": "ragged.grad, or ragged_torch.requires_grad_ and ragged_torch.gradient",
    "log_softmax": "x - ragged.logsumexp(x, axis=…)",
}
ANY = (
    "ragged_torch.apply(f, x), which runs f (a module, too) on the tensor of all elements; x.to_native(), the tensor "
    "of an array without ragged axes; ragged.flatten(x, axis=None).to_native(), that of all elements"
)


def torch_function(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A function of PyTorch's of at least one array.

    Raises:
        UnsupportedError: it is no function of each number; the message names the way out.
    """
    if getattr(func, "__qualname__", "").startswith("Tensor"):  # an operator, which is then asked of the array
        return NotImplemented
    name = func.__name__.removeprefix("special_")
    if name == "clamp" and len(args) == 1:
        name, args, kwargs = "clip", (*args, kwargs.get("min"), kwargs.get("max")), {}
    if name in ("clamp", "clip", "where"):
        return (ragged.where if name == "where" else ragged.clip)(*args, **kwargs)
    found = NAMES.get(name, name)
    entry = None if name in WAYS_OUT else table.get(found)
    if entry is not None and entry.nin == len(args) and not kwargs:
        return elementwise(found, *args)
    x, *options = args or (None,)
    if name in POINTWISE and isinstance(x, Array) and not any(isinstance(y, Array) for y in options):
        return apply(lambda data: func(data, *options, **kwargs), x)
    given = f" with {', '.join(kwargs)}" if kwargs and entry is not None else ""
    way = WAYS_OUT.get(name) or (f"ragged.{name}" if name in ragged.__all__ else ANY)
    raise UnsupportedError(f"torch.{name}{given} is for tensors, not for ragged arrays; use {way}")
