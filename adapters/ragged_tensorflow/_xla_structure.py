"""Where the structure of a program of XLA lives: on the host what is known, in the program what it will compute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from ragged._mixed_structure import MixedStructure, unknown_where
from ragged.rows import Rows
from ragged_tensorflow._compat import is_symbolic
from ragged_tensorflow._xla_checks import check
from ragged_tensorflow._xla_moves import gather
from ragged_tensorflow._xla_padded import Padded, count, data_of, in_graph_of, lined_up, padded, zeroed
from ragged_tensorflow._xla_sizes import Bounded, value_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragged.backend import Backend

__all__ = ["PaddedStructure", "is_unknown"]

is_unknown = unknown_where(lambda x: isinstance(x, Padded | Bounded) or is_symbolic(x))


def _elementwise(f: Callable[..., Any]) -> Callable[..., Any]:
    def run(*args: Any) -> Any:
        datas, shape = lined_up(args, list(map(data_of, args)))
        return padded(f(*datas), shape)

    return run


def _reduction(f: Callable[..., Any], neutral: Callable[[Any], Any]) -> Callable[..., Any]:
    def run(x: Any) -> Any:
        return f(zeroed(x, neutral(x.dtype)))

    return run


def _flip(x: Any) -> Any:
    if type(x) is not Padded:
        return tf.reverse(x, [0])
    return padded(gather(x.data, value_of(x.shape[0]) - 1 - count(x.data.shape[0])), x.shape)


def _stack(arrays: Any, axis: int = 0) -> Any:
    datas, shape = lined_up(arrays, list(map(data_of, arrays)))
    return padded(tf.stack(datas, axis), (*shape[:axis], len(datas), *shape[axis:]))


UNKNOWN: dict[str, Callable[..., Any]] = {
    **{name: _elementwise(getattr(tf, name)) for name in ("minimum", "maximum", "where", "abs")},
    "any": _reduction(tf.reduce_any, lambda dtype: False),
    "all": _reduction(tf.reduce_all, lambda dtype: True),
    "sum": _reduction(tf.reduce_sum, lambda dtype: 0),
    "max": _reduction(tf.reduce_max, lambda dtype: dtype.min),
    "min": _reduction(tf.reduce_min, lambda dtype: dtype.max),
    "flip": _flip,
    "stack": _stack,
}
"""The functions of structure that depends on arguments."""


class PaddedStructure(MixedStructure):
    """NumPy's backend, and the padded one for what depends on an argument of the program."""

    name = "tensorflow"

    def __init__(self, host: Backend, program: Any) -> None:
        super().__init__(host, program, is_unknown)

    def function(self, name: str) -> Callable[..., Any] | None:
        return UNKNOWN.get(name)

    def owns(self, x: Any) -> bool:
        return isinstance(x, np.ndarray | np.generic | tf.Tensor | Padded)

    def must_agree(self, x: Any, y: Any, what: str) -> None:
        n, m = (each.shape[0] for each in (x, y))
        if isinstance(n, Bounded) or isinstance(m, Bounded) or n != m:
            check(tf.not_equal(tf.cast(value_of(n), tf.int64), tf.cast(value_of(m), tf.int64)), what)
        different = x != y
        check(tf.reduce_any(zeroed(different, False)), what)


def _where_rows_are(name: str) -> Callable[..., Any]:
    """The method of what rows keep: made in the graph of the rows, not in the branch or loop that asks first."""

    def method(self: PaddedStructure, rows: Rows) -> Any:
        if not is_unknown(rows.offsets):
            return getattr(self.host, name)(rows)
        with in_graph_of(data_of(rows.offsets)):
            return getattr(self.program, name)(rows)

    method.__name__ = name
    return method


for _name in ("row_ids", "row_lengths", "row_positions", "row_longest"):
    setattr(PaddedStructure, _name, _where_rows_are(_name))
