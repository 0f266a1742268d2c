"""Whether arrays are equal or nearly so, and NaN replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged._steps import NODES
from ragged.broadcasting import broadcast
from ragged.creation import _map_values
from ragged.errors import DTypeError, StructureError
from ragged.nodes import (
    Flat,
    Lists,
    Node,
    Option,
    Record,
    Regular,
    Union,
    Unknown,
    compress,
    no_unions,
    option,
    rows_of,
    to_regular_node,
)
from ragged.operands import operands, single, wrap

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["almost_equal", "array_equal", "isclose", "nan_to_none", "nan_to_num"]


def isclose(a: Any, b: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Any:
    """Whether `abs(a - b) <= atol + rtol * abs(b)`, element by element; the arrays broadcast (as `numpy.isclose`).

    Args:
        a: an array or a number.
        b: an array or a number, to which `rtol` is relative.
        rtol: relative tolerance.
        atol: absolute tolerance.
        equal_nan: whether NaN is close to NaN.

    Raises:
        StructureError: arrays that do not line up.

    >>> import ragged
    >>> ragged.isclose(ragged.Array([[1.0, 2.0], [], [3.0]]), ragged.Array([[1.0, 2.1], [], [3.0 + 1e-9]])).to_list()
    [[True, False], [], [True]]
    """
    backend, nodes, dense = operands(a, b)

    def action(backend: Backend, inputs: tuple[Any, ...], valid: Any) -> Any:
        if not all(type(x) is Flat or not isinstance(x, NODES) for x in inputs):
            raise StructureError("isclose is for numbers, not for text")
        x, y = (each.data if type(each) is Flat else each for each in inputs)
        close = _close(backend, x, y, rtol, atol, equal_nan)
        return Flat(close, backend.size(close)) if any(type(each) is Flat for each in inputs) else close

    (result,) = broadcast(backend, nodes, action, name="isclose")
    return wrap(backend, result, dense)


def _close(b: Backend, x: Any, y: Any, rtol: float, atol: float, equal_nan: bool) -> Any:
    """`numpy.isclose`'s formula; nothing here has a derivative."""
    x, y = (b.stop_gradient(each) if hasattr(each, "shape") else each for each in (x, y))
    if hasattr(y, "dtype") and b.dtype(y).kind in "biu":
        y = b.astype(y, np.float64)  # differences of unsigned numbers would wrap
    with np.errstate(invalid="ignore"):
        distance = b.apply("absolute", b.apply("subtract", x, y))
        bound = b.apply("add", atol, b.apply("multiply", rtol, b.apply("absolute", y)))
        close = b.apply("logical_and", b.apply("less_equal", distance, bound), b.apply("isfinite", y))
        close = b.apply("logical_or", close, b.apply("equal", x, y))
    if equal_nan:
        close = b.apply("logical_or", close, b.apply("logical_and", b.apply("isnan", x), b.apply("isnan", y)))
    return close


def array_equal(
    a1: Any,
    a2: Any,
    equal_nan: bool = False,
    dtype_exact: bool = True,
    same_content_types: bool = True,
    check_parameters: bool = True,
    check_regular: bool = True,
) -> bool:
    """Whether two arrays have the same structure, missing values, types and values.

    Args:
        a1: an array.
        a2: an array.
        equal_nan: whether NaN equals NaN.
        dtype_exact: whether dtypes must be equal, or only of one kind (integers, floats, complex).
        same_content_types: whether an option without missing values differs from no option.
        check_parameters: whether parameters (record names, for example) must be equal.
        check_regular: whether lists of a fixed size differ from ragged ones of that size.

    >>> import ragged
    >>> ragged.array_equal(ragged.Array([[1, 2], []]), ragged.Array([[1, 2], []]))
    True
    """
    b, nodes, _ = operands(a1, a2)
    return _Comparer(b, None, equal_nan, dtype_exact, check_parameters, check_regular).same(*_nodes(b, nodes))


def almost_equal(
    left: Any,
    right: Any,
    *,
    rtol: float = 1e-5,
    atol: float = 1e-8,
    dtype_exact: bool = True,
    check_parameters: bool = True,
    check_regular: bool = True,
) -> bool:
    """Whether two arrays have the same structure and types, and values that are close (see `isclose`).

    Args:
        left: an array.
        right: an array, to which `rtol` is relative.
        rtol: relative tolerance.
        atol: absolute tolerance.
        dtype_exact: whether dtypes must be equal, or only of one kind (integers, floats, complex).
        check_parameters: whether parameters (record names, for example) must be equal.
        check_regular: whether lists of a fixed size differ from ragged ones of that size.

    >>> import ragged
    >>> ragged.almost_equal(ragged.Array([[1.0], []]), ragged.Array([[1.0 + 1e-9], []]))
    True
    """
    b, nodes, _ = operands(left, right)
    return _Comparer(b, (rtol, atol), False, dtype_exact, check_parameters, check_regular).same(*_nodes(b, nodes))


def _nodes(b: Backend, nodes: list[Any]) -> list[Node]:
    return [x if isinstance(x, NODES) else Flat(b.reshape(b.asarray(x), (1,)), 1) for x in nodes]


class _Comparer:
    """One comparison of two layouts, node by node."""

    def __init__(
        self,
        b: Backend,
        tolerance: tuple[float, float] | None,
        equal_nan: bool,
        dtype_exact: bool,
        check_parameters: bool,
        check_regular: bool,
    ) -> None:
        self.b, self.tolerance, self.equal_nan = b, tolerance, equal_nan
        self.dtype_exact, self.check_parameters, self.check_regular = dtype_exact, check_parameters, check_regular

    def same(self, x: Node, y: Node) -> bool:
        """Whether two nodes are the same."""
        if isinstance(x, Union) or isinstance(y, Union):
            raise no_unions(x if isinstance(x, Union) else y)  # type: ignore[arg-type]
        if x.length != y.length or (self.check_parameters and _said(x) != _said(y)):
            return False
        if type(x) is Flat and type(y) is Flat and len(x.data.shape) == len(y.data.shape):
            return self.same_numbers(x.data, y.data)
        x, y = (to_regular_node(self.b, z) if type(z) is Flat and len(z.data.shape) > 1 else z for z in (x, y))
        if isinstance(x, Lists | Regular) and isinstance(y, Lists | Regular):
            return self.same_lists(x, y)
        if isinstance(x, Option) and isinstance(y, Option):
            if not self.b.home(x.valid).equal(x.valid, y.valid):
                return False
            return self.same(compress(self.b, x.content, x.valid), compress(self.b, y.content, y.valid))
        if isinstance(x, Record) and isinstance(y, Record):
            if (x.fields is None) != (y.fields is None) or set(x.names) != set(y.names):
                return False
            return all(self.same(x.content(name), y.content(name)) for name in x.names)
        return isinstance(x, Unknown) and isinstance(y, Unknown)

    def same_lists(self, x: Lists | Regular, y: Lists | Regular) -> bool:
        """Whether lists are equal in length and content."""
        if type(x) is not type(y) and self.check_regular:
            return False
        if isinstance(x, Regular) and isinstance(y, Regular) and x.size != y.size:
            return False
        rows, content = rows_of(self.b, x)
        other_rows, other_content = rows_of(self.b, y)
        return rows.same(other_rows) and self.same(content, other_content)

    def same_numbers(self, x: Any, y: Any) -> bool:
        """Whether dense values are equal, or close."""
        b = self.b
        kinds = b.dtype(x), b.dtype(y)
        exact = self.dtype_exact or kinds[0].kind in "bmM" or kinds[1].kind in "bmM"
        if (kinds[0] != kinds[1]) if exact else _family(kinds[0]) != _family(kinds[1]):
            return False
        if tuple(x.shape) != tuple(y.shape):
            return False
        if self.tolerance is not None and kinds[0].kind not in "mM":
            close = _close(b, x, y, *self.tolerance, self.equal_nan)
        else:
            close = b.apply("equal", b.stop_gradient(x), b.stop_gradient(y))
            if self.equal_nan and kinds[0].kind in "fc":
                close = b.apply("logical_or", close, b.apply("logical_and", b.apply("isnan", x), b.apply("isnan", y)))
        agree = b.as_structure(close)
        return b.home(agree).true(agree.all())


def _said(node: Node) -> dict[str, Any]:
    return {key: value for key, value in (node.parameters or {}).items() if value is not None}


def _family(dtype: np.dtype[Any]) -> str:
    return "i" if dtype.kind == "u" else dtype.kind


def nan_to_num(
    array: Any,
    copy: bool = True,
    nan: Any = 0.0,
    posinf: Any = None,
    neginf: Any = None,
) -> Any:
    """The array with NaN and infinities replaced by finite numbers; nothing flows back through what was replaced.

    Args:
        array: an array or a number.
        copy: for NumPy's signature; arrays are immutable.
        nan: what replaces NaN.
        posinf: what replaces infinity; by default the largest number of the dtype.
        neginf: what replaces minus infinity; by default the lowest number of the dtype.

    >>> import ragged
    >>> ragged.nan_to_num(ragged.Array([[float("nan"), 1.0], [], [float("inf")]]), posinf=9.0).to_list()
    [[0.0, 1.0], [], [9.0]]
    """
    given = [None if x is None else x for x in (nan, posinf, neginf)]
    b, nodes, dense = operands(array, *(x for x in given if x is not None))
    present = iter(nodes[1:])
    places = [None if x is None else next(present) for x in given]

    def action(b: Backend, inputs: tuple[Any, ...], valid: Any) -> Any:
        values = [each.data if type(each) is Flat else each for each in inputs]
        rest = iter(values[1:])
        replaced = _finite(b, values[0], *(None if place is None else next(rest) for place in places))
        return Flat(replaced, b.size(replaced)) if type(inputs[0]) is Flat else replaced

    (result,) = broadcast(b, nodes, action, name="nan_to_num")
    return wrap(b, result, dense)


def _finite(b: Backend, x: Any, nan: Any, posinf: Any, neginf: Any) -> Any:
    dtype = b.dtype(x) if hasattr(x, "dtype") else np.asarray(x).dtype
    if dtype.kind in "biu":
        return x
    if dtype.kind != "f":
        raise DTypeError(f"nan_to_num is for real numbers, not {dtype}; take ragged.real and ragged.imag")
    x = b.asarray(x)
    limits = np.finfo(dtype)
    still = b.stop_gradient(x)
    for found, value, fallback in (
        (b.apply("isnan", still), nan, 0.0),
        (b.apply("equal", still, np.inf), posinf, limits.max),
        (b.apply("equal", still, -np.inf), neginf, limits.min),
    ):
        x = b.where(found, b.astype(b.asarray(fallback if value is None else value), dtype), x)
    return x


def nan_to_none(array: Any) -> Any:
    """The array with None in the place of each NaN.

    >>> import ragged
    >>> ragged.nan_to_none(ragged.Array([[float("nan"), 1.0], []])).to_list()
    [[None, 1.0], []]
    """
    b, node, _ = single(array)

    def missing(flat: Flat) -> Node:
        if b.dtype(flat.data).kind != "f":
            return flat
        opened: Any = flat
        sizes = []
        while len(opened.data.shape) > 1:
            regular_node = to_regular_node(b, opened)
            sizes.append((regular_node.size, regular_node.length))
            opened = regular_node.content
        found: Node = option(b, ~b.as_structure(b.apply("isnan", b.stop_gradient(opened.data))), opened)
        for size, length in reversed(sizes):
            found = Regular(found, size, length)
        return found

    return wrap(b, _joined_options(b, _map_values(b, node, missing, None)))


def _joined_options(b: Backend, node: Any) -> Any:
    """An option directly around an option made one."""
    match node:
        case Option(valid, content, parameters):
            return option(b, valid, _joined_options(b, content), parameters)
        case Lists(rows, content, parameters):
            return Lists(rows, _joined_options(b, content), parameters)
        case Regular(content, size, length, parameters):
            return Regular(_joined_options(b, content), size, length, parameters)
        case Record(fields, contents, length, parameters):
            return Record(fields, tuple(_joined_options(b, c) for c in contents), length, parameters)
    return node
