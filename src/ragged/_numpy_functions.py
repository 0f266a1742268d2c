"""NumPy's functions of ragged arrays (NEP 18): those of ragged by the same name, under NumPy's own signatures."""

from __future__ import annotations

import functools
import inspect
import math
from typing import TYPE_CHECKING, Any

import ragged
from ragged.array import Array
from ragged.errors import StructureError, UnsupportedError
from ragged.nodes import Flat, Lists, Option, Regular, is_text
from ragged.operands import single
from ragged.traverse import depth_range

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragged.nodes import Node

__all__ = ["array_function"]


def shape(a: Any) -> tuple[int, ...]:
    """The lengths of all axes (records and text count as values)."""
    _, node, _ = single(a)
    return (int(node.length), *_inner_shape(node, a))


def _inner_shape(node: Node, a: Any) -> tuple[int, ...]:
    match node:
        case Flat(data):
            return tuple(data.shape[1:])
        case Option(_, content):
            return _inner_shape(content, a)
        case Regular(content, size) if not is_text(node):
            return (size, *_inner_shape(content, a))
        case Lists() if not is_text(node):
            raise StructureError(
                f"an array of type {a.typestr} has no shape: its lists differ in length; ragged.num(x, axis) gives "
                "their lengths, ragged.count(x) the number of values, to_regular and to_padded make lists of one length"
            )
        case _:
            return ()


def size(a: Any, axis: int | None = None) -> int:
    """The number of values, or the length of one axis, where all lists have one length."""
    if axis == 0:
        return len(a)
    lengths = shape(a)
    return math.prod(lengths) if axis is None else lengths[axis]


def mean(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False) -> Any:
    """Means (NumPy's second argument is the axis, Awkward's the weight)."""
    plain("mean", dtype, out)
    return ragged.mean(a, axis=axis, keepdims=keepdims)


def var(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0, keepdims: bool = False) -> Any:
    """Variances."""
    plain("var", dtype, out)
    return ragged.var(a, axis=axis, ddof=ddof, keepdims=keepdims)


def std(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0, keepdims: bool = False) -> Any:
    """Standard deviations."""
    plain("std", dtype, out)
    return ragged.std(a, axis=axis, ddof=ddof, keepdims=keepdims)


def plain(name: str, dtype: Any, out: Any) -> None:
    """Refuse what an immutable array, and a dtype that the values settle, leave no room for."""
    if dtype is not None or out is not None:
        raise UnsupportedError(
            f"np.{name} of ragged arrays takes neither dtype nor out; convert first: ragged.values_astype(x, dtype)"
        )


def clip(a: Any, a_min: Any = None, a_max: Any = None, out: Any = None, *, min: Any = None, max: Any = None) -> Any:
    """The values within bounds."""
    plain("clip", None, out)
    return ragged.clip(a, a_min if min is None else min, a_max if max is None else max)


def sort(a: Any, axis: int = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    """Sorted lists; the order is stable, whatever kind is asked for."""
    return ragged.sort(a, axis)


def argsort(a: Any, axis: int = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    """The stable order of each list."""
    return ragged.argsort(a, axis)


def allclose(a: Any, b: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Whether all values are close."""
    return bool(ragged.all(ragged.isclose(a, b, rtol, atol, equal_nan)))


def copy(a: Any, order: str = "K", subok: bool = False) -> Any:
    """The array itself, which nobody changes, with attrs of its own."""
    return Array._of(a.layout, a._backend, dict(a.attrs) or None, a.behavior)


OWN: dict[str, Callable[..., Any]] = {
    "allclose": allclose,
    "amax": ragged.max,
    "amin": ragged.min,
    "argsort": argsort,
    "around": ragged.round,
    "array_repr": lambda arr, *_, **__: repr(arr),
    "array_str": lambda a, *_, **__: str(a),
    "clip": clip,
    "copy": copy,
    "cumprod": lambda a, axis=None, dtype=None: ragged.cumulative_prod(a, axis=axis, dtype=dtype),
    "cumsum": lambda a, axis=None, dtype=None: ragged.cumulative_sum(a, axis=axis, dtype=dtype),
    "full_like": lambda a, fill_value, dtype=None: ragged.full_like(a, fill_value, dtype=dtype),
    "mean": mean,
    "ndim": lambda a: depth_range(single(a)[1])[1],
    "nonzero": ragged.where,
    "ones_like": lambda a, dtype=None: ragged.ones_like(a, dtype=dtype),
    "shape": shape,
    "size": size,
    "sort": sort,
    "std": std,
    "var": var,
    "zeros_like": lambda a, dtype=None: ragged.zeros_like(a, dtype=dtype),
}

OF_ALL_VALUES = {"average", "bincount", "histogram", "median", "nanmedian", "percentile", "quantile", "unique"}
"""What NumPy computes of all values together, in whatever shape."""


WAYS_OUT = {
    "dtype": "convert first: ragged.values_astype(x, dtype)",
    "initial": "combine the result with it afterwards",
    "order": "the values lie in the order of the lists",
    "out": "every result is a new array",
    "where": "hide values first: ragged.mask(x, condition)",
}


@functools.cache
def _parameters(function: Callable[..., Any]) -> tuple[dict[str, inspect.Parameter], int, bool]:
    """A function's parameters, how many may be given by position, and whether it takes any name."""
    found = inspect.signature(function).parameters
    kinds = [p.kind for p in found.values()]
    positional = sum(
        kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD) for kind in kinds
    )
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        positional = 2**31
    return dict(found), positional, inspect.Parameter.VAR_KEYWORD in kinds


def _taken(func: Any, forward: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The arguments that `forward` has; those of NumPy's that it has not are left out where they are the default.

    Raises:
        UnsupportedError: such an argument with a value that matters.
    """
    known, positional, any_name = _parameters(forward)
    if len(args) <= positional and (any_name or kwargs.keys() <= known.keys()):
        return args, kwargs
    numpys, _, _ = _parameters(func)
    extra = dict(zip(list(numpys)[positional:], args[positional:], strict=False)) | kwargs
    kept = {}
    for key, value in extra.items():
        if key in known:
            kept[key] = value
        elif key not in numpys:
            raise TypeError(f"np.{func.__name__}() got an unexpected keyword argument {key!r}")
        elif not (value is None or value is numpys[key].default or (key == "where" and value is True)):
            way = WAYS_OUT.get(key, "leave it out")
            raise UnsupportedError(f"np.{func.__name__} of ragged arrays takes no {key}; {way}")
    return args[:positional], kept


def array_function(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A NumPy function of at least one `Array` (NEP 18): the function of that name in `ragged`.

    Raises:
        UnsupportedError: ragged has no such function; the message names the way out.
        StructureError: the shape or size of an array whose lists differ in length.
    """
    name = func.__name__
    if func.__module__ == "numpy":
        forward = OWN.get(name) or (getattr(ragged, name, None) if name in vars(ragged)["__all__"] else None)
        if callable(forward):
            args, kwargs = _taken(func, forward, args, kwargs)
            return forward(*args, **kwargs)
    way_out = (
        "call it on ragged.flatten(x, axis=None).to_numpy(), the values of all lists together"
        if name in OF_ALL_VALUES
        else "where all lists have one length, call it on x.to_numpy()"
    )
    raise UnsupportedError(f"{func.__module__}.{name} is not for ragged arrays; {way_out}")
