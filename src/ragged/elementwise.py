"""Elementwise functions of ragged, dense and scalar operands: `elementwise(name, *args)` is behind every operator."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ragged._matrices import matrix_product
from ragged._segments import along
from ragged._steps import NODES
from ragged._text import equal_text
from ragged.array import Array
from ragged.array import Record as RecordValue
from ragged.broadcasting import broadcast, intersect_parameters
from ragged.errors import DTypeError, StructureError, UnsupportedError
from ragged.nodes import Flat, Lists, Record, is_text
from ragged.operands import metadata, operands, wrap
from ragged.ufuncs import functions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged.backend import Backend
    from ragged.nodes import Node

__all__ = ["array_ufunc", "elementwise"]

SCALARS = frozenset({bool, int, float, complex, np.float64, np.float32, np.int64, np.int32, np.bool_})
MATRIX = frozenset({"matmul", "vecdot", "matvec", "vecmat"})
NOT_SIMPLE = MATRIX | {"divmod", "modf", "frexp"}  # two results, or not elementwise


def elementwise(name: str, *args: Any) -> Any:
    """The elementwise function `name` (see `ragged.ufuncs`) of the operands, which broadcast as Awkward's do.

    Args:
        name: NumPy's or the array API's name.
        *args: arrays (ragged, dense, Awkward, nested lists), numbers, and text for `equal` and `not_equal`.

    Raises:
        StructureError: operands that do not line up, or records.
        DTypeError: values that the function has no meaning for.

    >>> import ragged
    >>> elementwise("add", ragged.Array([[1, 2], [], [3]]), ragged.Array([10, 20, 30])).to_list()
    [[11, 12], [], [33]]
    """
    x = args[0]
    if type(x) is Array and name not in NOT_SIMPLE:
        b = x._backend
        node = None
        if len(args) == 1:
            node = _map(b, name, x.layout, ())
        elif len(args) == 2:
            y = args[1]
            if type(y) in SCALARS:
                node = _map(b, name, x.layout, (y,))
            elif type(y) is Array and y._backend is b:
                node = _zip(b, name, x.layout, y.layout)
        if node is not None:
            return _array(node, b, args)
    elif type(x) in SCALARS and len(args) == 2 and type(args[1]) is Array and name not in NOT_SIMPLE:
        y = args[1]
        node = _map(y._backend, name, y.layout, (x,), True)
        if node is not None:
            return _array(node, y._backend, args)
    if name in MATRIX:
        return matrix_product(name, *args)
    return _broadcasting(name, lambda b, values, valid: _apply(b, name, values, valid), args)


def _array(node: Node, b: Backend, args: tuple[Any, ...]) -> Array:
    """The result as an array with the operands' attrs and behaviors."""
    return Array._of(node, b, *metadata(args))


def _apply(b: Backend, name: str, values: tuple[Any, ...], valid: Any = None, spare: Any = None) -> Any:
    try:
        return b.apply(name, *values, valid=valid) if spare is None else b.apply_over(spare, name, *values)
    except TypeError as error:
        kinds = ", ".join(str(getattr(x, "dtype", type(x).__name__)) for x in values)
        raise DTypeError(f"{name} has no meaning for {kinds}: {error}") from error


def _map(b: Backend, name: str, node: Node, scalars: tuple[Any, ...], last: bool = False) -> Node | None:
    """The function of each number (before or after the scalars), where the layout is nothing but lists of numbers."""
    if type(node) is Lists and node.parameters is None:
        content = _map(b, name, node.content, scalars, last)
        return None if content is None else Lists(node.rows, content)
    if type(node) is Flat and node.parameters is None:
        return Flat(_apply(b, name, (*scalars, node.data) if last else (node.data, *scalars)), node.length)
    return None


def _zip(b: Backend, name: str, x: Node, y: Node) -> Node | None:
    """The function of numbers pairwise, where both layouts share their rows (or one has a number a row); else None."""
    if x.parameters is not None or y.parameters is not None:
        return None
    if type(x) is Lists:
        rows = x.rows
        if type(y) is Lists and y.rows is rows:
            content = _zip(b, name, x.content, y.content)
            return None if content is None else Lists(rows, content)
        if type(y) is Flat and _simple(x.content) and len(y.data.shape) == 1 and y.length == rows.nrows != 1:
            data = b.fused(with_row, x.content.data, rows, y.data, name, False)  # type: ignore[union-attr]
            return Lists(rows, Flat(data, x.content.length))
    elif type(x) is Flat:
        if type(y) is Flat and type(x.length) is type(y.length) and x.data.shape == y.data.shape:
            data = _apply(b, name, (x.data, y.data))
            return Flat(data, x.length if x.length == y.length else b.size(data))
        if type(y) is Lists and _simple(y.content) and len(x.data.shape) == 1 and x.length == y.rows.nrows != 1:
            data = b.fused(with_row, y.content.data, y.rows, x.data, name, True)  # type: ignore[union-attr]
            return Lists(y.rows, Flat(data, y.content.length))
    return None


def signs(name: str, first: bool) -> tuple[int, int] | None:
    """How a sum or a difference follows the numbers and their row's, which may come first; None of other functions."""
    return {"add": (1, 1), "subtract": (-1, 1) if first else (1, -1)}.get(name)


@along("elements", "rows")
def with_row(b: Backend, x: Any, rows: Any, r: Any, name: str, first: bool) -> Any:
    """The function of each number and its row's entry of `r`, which may come first."""
    r = b.expand(r, rows)
    return _apply(b, name, (r, x) if first else (x, r), None, r)


with_row.signs = signs


def _simple(node: Node) -> bool:
    return type(node) is Flat and node.parameters is None and len(node.data.shape) == 1


def _broadcasting(name: str, run: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """The general case: any operands, broadcast; `run(b, values, valid)` computes dense values."""
    texts = {}
    for i, x in enumerate(args):
        if x is None:
            raise DTypeError(f"{name}: None is no operand; missing values stand in arrays, as in ragged.Array([None])")
        if isinstance(x, RecordValue):
            raise DTypeError(f"{name} has no meaning for a record; take its fields: x['name']")
        if isinstance(x, str | bytes):
            texts[i] = x
    b, nodes, dense = operands(*(_number(x) for i, x in enumerate(args) if i not in texts))
    for i, text in texts.items():
        nodes.insert(i, text)
    if not any(isinstance(x, NODES) for x in nodes):
        return run(b, tuple(nodes), None)

    def action(b: Backend, inputs: tuple[Any, ...], valid: Any) -> Any:
        arrays = [x for x in inputs if type(x) is Flat]
        if texts or len(arrays) < sum(isinstance(x, NODES) for x in inputs):
            return _of_text(b, name, inputs)
        result = run(b, tuple(x.data if type(x) is Flat else x for x in inputs), valid)
        kept = intersect_parameters([x.parameters for x in arrays])
        if isinstance(result, tuple):
            return tuple(Flat(each, b.size(each), kept) for each in result)
        return Flat(result, b.size(result), kept)

    results = broadcast(b, nodes, action, name=name, allow_records=False, stop=partial(_refuse_records, name))
    wrapped = tuple(wrap(b, result, True) if dense else _array(result, b, args) for result in results)
    return wrapped[0] if len(wrapped) == 1 else wrapped


def _number(x: Any) -> Any:
    """Python's dates and durations as NumPy's."""
    if isinstance(x, timedelta):
        return np.timedelta64(x)
    return np.datetime64(x) if isinstance(x, date) else x


def _refuse_records(name: str, nodes: Sequence[Any], depth: int) -> bool:
    """Raise where records (or lists with a name) are reached: only their fields are numbers."""
    arrays = [x for x in nodes if isinstance(x, NODES)]
    given = [x.parameters or {} for x in arrays]
    names = [str(each.get("__record__") or each.get("__list__") or "") for each in given]
    if all(names):
        raise DTypeError(f"{name} has no meaning for {' and '.join(names)}; take the fields: x['name']")
    if any(type(x) is Record for x in arrays):
        raise StructureError(f"{name} has no meaning for records; take their fields: x['name']")
    return False


def _of_text(b: Backend, name: str, inputs: tuple[Any, ...]) -> Flat:
    """`==` and `!=` of text; nothing else has a meaning for it."""
    texts = [isinstance(x, str | bytes) or (isinstance(x, NODES) and is_text(x)) for x in inputs]
    if name in ("equal", "not_equal") and all(texts):
        result = equal_text(b, *inputs)
        return result if name == "equal" else Flat(b.apply("logical_not", result.data), result.length)
    if all(is_text(x) for x in inputs if isinstance(x, NODES)):
        raise DTypeError(f"{name} has no meaning for text; text is compared with text, by == and !=")
    raise StructureError(f"{name}: text and numbers do not go together")


def array_ufunc(ufunc: Any, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A NumPy ufunc of at least one `Array` (NEP 13).

    Raises:
        DTypeError: a method such as `np.add.reduce`, or `out=`: arrays are immutable.
        UnsupportedError: `where=`, or a ufunc that the operands' backend does not have.
    """
    name = ufunc.__name__
    if method != "__call__":
        raise DTypeError(f"np.{name}.{method} is not for ragged arrays; see ragged.sum, prod, max, min, any and all")
    if kwargs.pop("out", None) is not None:
        raise DTypeError(f"np.{name}(…, out=…): ragged arrays are immutable; use the result")
    if kwargs.pop("where", True) is not True:
        raise UnsupportedError(f"np.{name}(…, where=…): use ragged.where or ragged.mask on the result")
    dtype = kwargs.pop("dtype", None)
    kwargs = {key: value for key, value in kwargs.items() if key not in ("order", "subok")}
    if name in MATRIX:
        return elementwise(name, *inputs)
    if functions.get(name) is ufunc and not kwargs:
        return elementwise(name, *inputs) if dtype is None else _in_dtype(ufunc, dtype, inputs)

    def run(b: Backend, values: tuple[Any, ...], valid: Any) -> Any:
        if not b.over_numpy or b.level:
            raise UnsupportedError(f"the {b.name} backend has no {name}; write it with functions that ragged has")
        with np.errstate(all="ignore" if valid is not None else None):
            result = ufunc(*values, **kwargs if dtype is None else {**kwargs, "dtype": dtype})
        if any(each.dtype == object for each in (result if isinstance(result, tuple) else (result,))):
            raise DTypeError(f"{name} makes Python objects, not numbers")
        return result

    return _broadcasting(name, run, inputs)


def _in_dtype(ufunc: Any, dtype: Any, inputs: tuple[Any, ...]) -> Any:
    """A ufunc computed in a given dtype: operands are cast to what its loop for that dtype takes."""

    def run(b: Backend, values: tuple[Any, ...], valid: Any) -> Any:
        kinds = [
            b.dtype(x) if hasattr(x, "dtype") else type(x) if type(x) is not bool else np.dtype(bool) for x in values
        ]
        signature = (None,) * ufunc.nin + (np.dtype(dtype),) * ufunc.nout
        taken = ufunc.resolve_dtypes((*kinds, *(None,) * ufunc.nout), signature=signature)
        values = tuple(b.astype(b.asarray(x), kind) for x, kind in zip(values, taken, strict=False))
        return _apply(b, ufunc.__name__, values, valid)

    return _broadcasting(ufunc.__name__, run, inputs)
