"""Whether arrays are equal, or nearly so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged._steps import NODES
from ragged.broadcasting import broadcast
from ragged.errors import StructureError, UnsupportedError
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
    rows_of,
    to_regular_node,
)
from ragged.operands import operands, wrap

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["almost_equal", "array_equal", "isclose"]


def isclose(
    a: Any,
    b: Any,
    rtol: float = 1e-05,
    atol: float = 1e-08,
    equal_nan: bool = False,
    *,
    behavior: Any = None,
    attrs: Any = None,
) -> Any:
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
    return wrap(backend, result, dense, a, b, attrs=attrs, behavior=behavior)


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
        same_content_types: taken for Awkward's sake, which has several layouts of one type; here each type has one.
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
        ops = b.home(agree)
        if not ops.known(agree):
            raise UnsupportedError(
                "whether arrays are equal is not known before the program runs; compare them outside, or stay with "
                "ragged.isclose and ragged.all"
            )
        return ops.true(ops.xp.all(agree))


def _said(node: Node) -> dict[str, Any]:
    return {key: value for key, value in (node.parameters or {}).items() if value is not None}


def _family(dtype: np.dtype[Any]) -> str:
    return "i" if dtype.kind == "u" else dtype.kind
