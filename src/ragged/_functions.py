"""The public elementwise functions, one for each entry of the table of `ragged.ufuncs`, made from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged._steps import NODES
from ragged.elementwise import elementwise
from ragged.errors import DTypeError
from ragged.nodes import Flat
from ragged.operands import operand
from ragged.traverse import first_flat
from ragged.ufuncs import table

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragged.ufuncs import Function


def clip(x: Any, /, min: Any = None, max: Any = None) -> Any:
    """The values of `x` with those below `min` or above `max` replaced by it; a bound that is None does not count.

    At a bound the slope is 1. All three broadcast.

    >>> import ragged
    >>> ragged.clip(ragged.Array([[-1.0, 0.5], [], [3.0]]), 0.0, 1.0).to_list()
    [[0.0, 0.5], [], [1.0]]
    """
    if min is None and max is None:
        return elementwise("positive", x)
    if min is None:
        min = _extreme(x, lowest=True)
    if max is None:
        max = _extreme(x, lowest=False)
    return elementwise("clip", x, min, max)


def _extreme(x: Any, lowest: bool) -> Any:
    """A bound that binds nothing, as a Python number, which promotes weakly."""
    node, backend, _ = operand(x)
    flat = first_flat(node) if isinstance(node, NODES) else Flat(node, None)
    values = 0.0 if flat is None else flat.data  # the unknown type counts as float64
    dtype = backend.dtype(values) if backend is not None and hasattr(values, "dtype") else np.asarray(values).dtype
    if dtype.kind in "iu":
        return int(np.iinfo(dtype).min if lowest else np.iinfo(dtype).max)
    if dtype.kind not in "fb":
        raise DTypeError(f"clip of {dtype} needs both bounds")
    return -np.inf if lowest else np.inf


def round(array: Any, decimals: int = 0) -> Any:
    """The nearest number with so many decimals (ties go to even).

    >>> import ragged
    >>> ragged.round(ragged.Array([[0.5, 1.5], [], [2.6]])).to_list()
    [[0.0, 2.0], [], [3.0]]
    """
    if decimals == 0:
        return elementwise("round", array)
    scale = 10.0 ** abs(decimals)
    there, back = ("multiply", "divide") if decimals > 0 else ("divide", "multiply")
    return elementwise(back, elementwise("round", elementwise(there, array, scale)), scale)


def matmul(x1: Any, x2: Any, /) -> Any:
    """The matrix product of regular arrays, by the array API's rules; of each vector and a matrix; or of rows and rows.

    Args:
        x1: a regular array; or lists of vectors of one length `k` (`n * var * k`), however deep; or an array whose last
            two axes are a matrix in each row, of whatever size (`n * var * k`, `n * var * var`).
        x2: a regular array; one matrix `(k, m)` or vector `(k,)` where `x1` has lists of vectors; or as many matrices.

    Raises:
        StructureError: shapes that do not line up.
        UnsupportedError: other ragged operands.

    >>> import ragged
    >>> import numpy as np
    >>> ragged.matmul(np.array([[1, 2], [3, 4]]), np.array([5, 6]))
    array([17, 39])
    >>> points = ragged.from_lengths(np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), [2, 0, 1])
    >>> ragged.matmul(points, np.array([[1, 2], [3, 4]]))
    <Array [[[1, 2], [3, 4]], [], [[4, 6]]] type='3 * var * 2 * float64'>
    >>> ragged.matmul(points, ragged.matrix_transpose(points)).to_list()  # of each row's points with each other
    [[[1.0, 0.0], [0.0, 1.0]], [], [[2.0]]]
    """
    return elementwise("matmul", x1, x2)


def real(array: Any) -> Any:
    """The real parts of complex numbers; other numbers as they are.

    >>> import ragged
    >>> ragged.real(ragged.Array([[1 + 2j], []])).to_list()
    [[1.0], []]
    """
    return elementwise("real", array)


def imag(val: Any) -> Any:
    """The imaginary parts of complex numbers.

    >>> import ragged
    >>> ragged.imag(ragged.Array([[1 + 2j], []])).to_list()
    [[2.0], []]
    """
    return elementwise("imag", val)


BY_HAND = {"clip": clip, "imag": imag, "matmul": matmul, "real": real, "round": round}


def _public(name: str, entry: Function) -> Callable[..., Any]:
    """The function that users call, with a name, a signature, and a docstring whose example runs."""

    def unary(x: Any, /) -> Any:
        return elementwise(name, x)

    def binary(x1: Any, x2: Any, /) -> Any:
        return elementwise(name, x1, x2)

    function: Callable[..., Any] = unary if entry.nin == 1 else binary
    function.__name__ = function.__qualname__ = name
    function.__doc__ = _doc(name, entry)
    return function


def _doc(name: str, entry: Function) -> str:
    lines = [line.strip() for line in (entry.numpy.__doc__ or "").splitlines() if line.strip()]
    is_ufunc = isinstance(entry.numpy, np.ufunc)
    summary = lines[1 if is_ufunc else 0] if len(lines) > 1 else f"The elementwise function {name}."
    given, setup = _example(name, entry)
    result, expected = f"ragged.{name}({given[0]})", f"np.{entry.numpy.__name__}({given[1]})"
    if isinstance(entry.numpy, np.ufunc) and entry.numpy.nout == 2:
        result, expected = f"{result}[0]", f"{expected}[0]"
    return f"""{summary}

    The elementwise function `{name}` of ragged and dense arrays, records' fields and numbers, which broadcast.

    Raises:
        StructureError: operands that do not line up; the message names the first row.
        DTypeError: values that the function has no meaning for.

    >>> import numpy as np
    >>> import ragged
    >>> x = {setup}
    >>> {result}.to_list() == [{expected}.tolist(), [], []]
    True
    """


def _example(name: str, entry: Function) -> tuple[tuple[str, str], str]:
    """The arguments of a docstring's example (ours, and NumPy's for the first row), and what `x` is in it."""
    if name == "isnat":
        return ("x", "x[0].to_numpy()"), 'ragged.unflatten(np.array(["2026-11-22"], "M8[D]"), [1, 0, 0])'
    types = entry.numpy.types if isinstance(entry.numpy, np.ufunc) else ["d->d"]
    of_floats = any(loop[: entry.nin] == "d" * entry.nin for loop in types)
    rows, first = ("[[6, 3], [], []]", "[6, 3]")
    if of_floats:
        rows, first = (f"[[{entry.safe}, {entry.safe * 1.5 if entry.safe >= 1 else entry.safe / 2}], [], []]", "")
        first = rows[1 : rows.index("]") + 1]
    if entry.nin == 1:
        return ("x", f"np.array({first})"), f"ragged.Array({rows})"
    return ("x, 2", f"np.array({first}), 2"), f"ragged.Array({rows})"


names = sorted({*table, *BY_HAND})
for _name in names:
    _function = BY_HAND[_name] if _name in BY_HAND else _public(_name, table[_name])
    _function.__module__ = "ragged"
    globals()[_name] = _function

__all__ = names
