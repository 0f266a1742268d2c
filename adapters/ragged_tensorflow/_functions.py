"""Elementwise functions in TensorFlow: NumPy's result dtypes, NumPy's values, the library's derivatives.

The derivatives of functions without a kink are TensorFlow's own. All others come from the core's table, through
`tf.custom_gradient`: its rules are written over the protocol, so they differentiate again, and TensorFlow makes the
forward mode of the reverse one.
"""

from __future__ import annotations

from functools import lru_cache, reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from ragged.autodiff.derivatives import uses
from ragged.autodiff.pullback import by_apply
from ragged.autodiff.tape import Tape
from ragged.errors import UnsupportedError
from ragged.ufuncs import result_dtypes, table
from ragged_tensorflow._compat import is_recorded
from ragged_tensorflow._dtypes import cast, constant, held, numpy_dtype
from ragged_tensorflow._forms import FORMS
from ragged_tensorflow._index import segments_within
from ragged_tensorflow._sizes import within

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragged.backend import Backend
    from ragged.rows import Segments

__all__ = ["UNSUPPORTED", "call", "choose", "matmul", "with_adjoint"]

LONGEST_PRODUCT = 16
"""Constant exponents up to here are multiplied out."""

NATIVE = {
    *("add", "conjugate", "cos", "deg2rad", "degrees", "divide", "exp", "imag", "log", "multiply", "negative"),
    *("positive", "rad2deg", "radians", "real", "sin", "sqrt", "square", "subtract", "tanh"),
}
"""Functions whose derivatives in TensorFlow are the library's, to all orders."""

UNSUPPORTED = {
    **{
        entry.name: "TensorFlow has no such function"
        for entry in table.values()
        if entry.name not in FORMS and entry.name != "isnat"
    },
    **dict.fromkeys(("isnat", "datetime64", "timedelta64"), "TensorFlow has no dates"),
}
"""What the adapter declares not to have, each with the reason."""

NUMBERS = {bool: np.dtype(bool), int: int, float: float, complex: complex}
POWERS = ("power", "float_power")
BY_BITS = ("bitwise", "invert", "equal", "not_equal", "logical", "gcd")


def call(b: Backend, name: str, args: tuple[Any, ...], valid: Any = None) -> Any:
    """`name` of tensors, NumPy values and Python numbers, with NumPy's result dtypes.

    Raises:
        UnsupportedError: TensorFlow has no such function.
    """
    name, dtypes, wanted, results = planned(name, tuple([NUMBERS.get(type(x)) or x.dtype for x in args]))
    n = exponent(args, dtypes) if name in POWERS else None
    operands = [operand(x, dtype) for x, dtype in zip(args, wanted, strict=True)]
    recorded = is_recorded(
        [x for x, dtype in zip(operands, wanted, strict=True) if dtype.is_floating or dtype.is_complex]
    )
    if valid is not None and recorded:
        valid = upright(valid, max(x.shape.rank for x in operands))
        operands = [tf.where(valid, x, cast(tf.constant(table[name].safe, tf.float64), x.dtype)) for x in operands]
    out = computed(b, name, operands, n, recorded)
    outs = [cast(y, dtype) for y, dtype in zip(out if isinstance(out, tuple) else (out,), results, strict=True)]
    if valid is not None and recorded:
        outs = [tf.where(valid, y, tf.zeros((), y.dtype)) for y in outs]
    return tuple(outs) if len(outs) > 1 else outs[0]


@lru_cache(maxsize=4096)
def planned(name: str, kinds: tuple[Any, ...]) -> tuple[str, tuple[Any, ...], tuple[Any, ...], tuple[Any, ...]]:
    """The function's own name, NumPy's dtypes of its operands, TensorFlow's, and those of its results.

    Raises:
        UnsupportedError: TensorFlow has no such function.
    """
    name = table[name].name
    if name in UNSUPPORTED:
        reason = UNSUPPORTED[name]
        raise UnsupportedError(f"{name} is not available on tensorflow: {reason}; go on with x.to_backend('numpy')")
    dtypes, results = result_dtypes(name, tuple(numpy_dtype(k) if isinstance(k, tf.DType) else k for k in kinds))
    wanted: tuple[Any, ...] = dtypes
    if name.startswith("logical"):  # of numbers: whether they are nonzero
        wanted = (np.dtype(bool),) * len(kinds)
    elif not name.startswith(BY_BITS):  # of booleans TensorFlow has no arithmetic and no order
        wanted = tuple([np.dtype("uint8") if dtype.kind == "b" else dtype for dtype in dtypes])
    return name, dtypes, tuple(map(held, wanted)), tuple(map(held, results))


def computed(b: Backend, name: str, operands: list[Any], n: int | None, recorded: bool) -> Any:
    """The function itself, with its derivative where one may be asked for."""
    if n is not None and (n >= -1 or not recorded):  # of a product's reciprocal TensorFlow's slope at 0 is NaN
        return product(operands[0], n)
    if not recorded or (name in NATIVE and not (name == "divide" and operands[0].dtype.is_complex)):
        return FORMS[name](*operands)
    return ruled(b, name, operands)


def ruled(b: Backend, name: str, operands: list[Any]) -> Any:
    """The function with the derivatives of the core's table."""
    entry = table[name]
    parts = entry.parts or (entry.vjps,)
    followed = [is_recorded((x,)) for x in operands]
    if not any(map(any, parts)):
        return FORMS[name](*map(tf.stop_gradient, operands))
    mixed = any(x.dtype.is_complex for x in operands)  # a rule may then multiply real and complex numbers
    run_rule = (lambda rule, *values: by_apply(rule, Tape(b), *values[1:])) if mixed else call_rule
    result: list[Any] = []

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def run(*args: Any) -> Any:
        def pull(*cotangents: Any) -> list[Any]:
            return [slope(i, x, cotangents) if followed[i] else None for i, x in enumerate(args)]

        def slope(i: int, x: Any, cotangents: tuple[Any, ...]) -> Any:
            terms = [
                fit(run_rule(rule, b, g, answer(rule), *args), x)
                for g, rules in zip(cotangents, parts, strict=True)
                if (rule := rules[i]) is not None
            ]
            return reduce(tf.add, terms) if terms else None  # not 0, which times an infinite slope is NaN

        def answer(rule: Callable[..., Any]) -> Any:
            if not uses(rule)[0]:
                return None
            # An accumulator asks while the function is being recorded; only its outer ones see what is computed here.
            return result[0] if result else ruled(b, name, list(args))

        return FORMS[name](*map(tf.stop_gradient, args)), pull

    result.append(run(*map(within, operands)))
    return result[0]


def with_adjoint(b: Backend, f: Any, adjoint: Any, x: Any, rows: Segments, options: tuple[Any, ...]) -> Any:
    """`f(b, x, rows, *options)`, whose derivative is `adjoint` (see `ragged._moments`), instead of step by step."""
    result: list[Any] = []
    rows = segments_within(rows)

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def run(x: Any) -> Any:
        def pull(g: Any) -> Any:
            answer = None
            if uses(adjoint)[0]:
                answer = result[0] if result else with_adjoint(b, f, adjoint, x, rows, options)  # as in `ruled`
            return cast(adjoint(b, g, answer, x, rows, *options), x.dtype)

        return f(b, tf.stop_gradient(x), rows, *options), pull

    result.append(run(within(x)))
    return result[0]


def call_rule(rule: Callable[..., Any], *values: Any) -> Any:
    """A rule of numbers of one dtype."""
    return rule(*values)


def fit(g: Any, x: Any) -> Any:
    """A cotangent in the shape and dtype of its operand: broadcast axes are summed."""
    g = cast(g, x.dtype)
    if g.shape.is_fully_defined() and g.shape == x.shape:
        return g
    shape = tf.shape(x)
    axes, _ = tf.raw_ops.BroadcastGradientArgs(s0=shape, s1=tf.shape(g))
    return tf.broadcast_to(tf.reshape(tf.reduce_sum(g, axes), tf.raw_ops.BroadcastArgs(s0=shape, s1=shape)), shape)


def product(x: Any, n: int) -> Any:
    """x multiplied with itself, n times; its reciprocal where n is negative."""
    if n < 0:
        return 1 / product(x, -n)
    if n == 0:
        return tf.ones_like(x)
    if n % 2:
        return x if n == 1 else x * product(x, n - 1)
    return tf.square(product(x, n // 2))


def exponent(args: tuple[Any, ...], dtypes: tuple[Any, ...]) -> int | None:
    """A Python exponent that stands for a few products, or None.

    Raises:
        ValueError: an integer to a negative power (NumPy's words).
    """
    n = args[1]
    if dtypes[1].kind in "iu" and not (isinstance(n, tf.Tensor) and tf.is_symbolic_tensor(n)):
        if np.any(np.asarray(n) < 0):
            raise ValueError("Integers to negative integer powers are not allowed.")
        return None
    is_number = type(n) in (int, float)
    return int(n) if is_number and abs(n) <= LONGEST_PRODUCT and n == int(n) else None


def operand(x: Any, dtype: Any) -> Any:
    """A tensor of the dtype."""
    if isinstance(x, tf.Variable):
        x = tf.convert_to_tensor(x)
    if not isinstance(x, tf.Tensor):
        is_plain = type(x) in (int, float) and dtype.is_floating
        return tf.constant(float(x), dtype) if is_plain else constant(x, dtype)
    if dtype.is_bool and x.dtype != dtype:
        return x != tf.zeros((), x.dtype)
    return cast(x, dtype)


def dtype_of(x: Any) -> Any:
    """The NumPy dtype of a tensor or a NumPy value."""
    dtype = x.dtype
    return numpy_dtype(dtype) if isinstance(dtype, tf.DType) else dtype


def upright(valid: Any, ndim: int) -> Any:
    """A mask of axis 0 with the trailing axes of what it masks."""
    valid = tf.convert_to_tensor(valid)
    return valid[(..., *(tf.newaxis,) * (ndim - 1))] if ndim > 1 else valid


def choose(condition: Any, x: Any, y: Any) -> Any:
    """Elementwise choice in one dtype, which tensors decide before Python numbers."""
    kinds = [z if type(z) in NUMBERS else dtype_of(z) for z in (x, y)]
    dtype = held(np.result_type(*kinds))
    return tf.where(condition, operand(x, dtype), operand(y, dtype))


def matmul(x: Any, y: Any) -> Any:
    """Matrix product of tensors of one dtype, vectors as the array API has them.

    Raises:
        ValueError: the shapes do not line up.
    """
    rows, columns = x.shape.rank > 1, y.shape.rank > 1
    inner, outer = x.shape[-1], y.shape[-2 if columns else -1]
    if None not in (inner, outer) and inner != outer:
        raise ValueError(f"{inner} columns times {outer} rows")
    product = tf.matmul(x if rows else x[tf.newaxis, :], y if columns else y[:, tf.newaxis])
    if not columns:
        product = tf.squeeze(product, -1)
    return product if rows else tf.squeeze(product, -1 if not columns else -2)
