"""The one table of elementwise functions: NumPy's form, a safe point of the domain, dtypes, and the derivatives."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ragged.autodiff.derivatives import holomorphic, two_results, vjps

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragged.autodiff.derivatives import Rule

__all__ = ["Function", "functions", "result_dtypes", "table"]

SAFE = {"arccosh": 2.0, "arcsin": 0.5, "arccos": 0.5, "arctanh": 0.5}
"""Points inside the domain, with a finite slope, where 1 is none."""

BEYOND_UFUNCS: dict[str, Callable[..., Any]] = {"clip": np.clip, "real": np.real, "imag": np.imag, "round": np.round}
"""Elementwise functions that NumPy has not as ufuncs (`clip` of three arrays)."""


@dataclass(frozen=True, slots=True)
class Function:
    """One elementwise function.

    `safe` is a point inside the domain, put in for values that do not count. `vjps` holds one derivative an
    argument, `(b, g, ans, *args) -> cotangent`, written over the backend `b` so that it differentiates again;
    None in an argument's place means a derivative of zero. A function of two results has `parts` instead: such a
    tuple for each result (`ans` is then the pair). `holomorphic` allows the complex step.
    """

    name: str
    numpy: Callable[..., Any]
    nin: int
    safe: float = 1.0
    vjps: tuple[Rule | None, ...] = ()
    parts: tuple[tuple[Rule | None, ...], ...] = ()
    holomorphic: bool = False


def _entry(name: str, function: Callable[..., Any], nin: int) -> Function:
    rules = vjps.get(name, (None,) * nin)
    return Function(name, function, nin, SAFE.get(name, 1.0), rules, two_results.get(name, ()), name in holomorphic)


table: dict[str, Function] = {}
for _name, _ufunc in sorted(vars(np).items()):  # not dir(): that names submodules, which getattr would load
    if isinstance(_ufunc, np.ufunc) and _ufunc.signature is None:  # matmul and its kin are no elementwise functions
        table[_name] = _entry(_ufunc.__name__, _ufunc, _ufunc.nin)
for _name, _function in BEYOND_UFUNCS.items():
    table[_name] = _entry(_name, _function, 3 if _name == "clip" else 1)

functions: dict[str, Callable[..., Any]] = {name: entry.numpy for name, entry in table.items()}

WEAK: dict[Any, Any] = {int: 0, float: 0.0, complex: 0j}


@lru_cache(maxsize=4096)
def result_dtypes(name: str, args: tuple[Any, ...]) -> tuple[tuple[np.dtype[Any], ...], tuple[np.dtype[Any], ...]]:
    """The dtypes that NumPy computes `name` in and returns, for backends that must not promote by themselves.

    Args:
        name: an elementwise function of the table.
        args: for each argument its dtype, or the type of a Python number (`bool`, `int`, `float`, `complex`), which
            promotes weakly.

    Returns:
        The dtypes to cast the arguments to, and the dtypes of the results.

    Raises:
        TypeError: the function has no loop for these dtypes (NumPy's own error).

    >>> import numpy as np
    >>> result_dtypes("add", (np.dtype("float32"), int))
    ((dtype('float32'), dtype('float32')), (dtype('float32'),))
    """
    function = functions[name]
    kinds = tuple(arg if arg in WEAK else np.dtype(arg) for arg in args)
    for kind in kinds:
        if getattr(kind, "kind", "") == "V":  # bfloat16, beside which NumPy takes Python's floats for its own
            kinds = tuple(kind if each in (int, float) else each for each in kinds)
    if isinstance(function, np.ufunc):
        found = function.resolve_dtypes(kinds + (None,) * function.nout)
        return found[: function.nin], found[function.nin :]
    result = function(*(WEAK[kind] if kind in WEAK else np.empty(0, kind) for kind in kinds)).dtype
    return tuple(result if len(kinds) > 1 or kind in WEAK else kind for kind in kinds), (result,)
