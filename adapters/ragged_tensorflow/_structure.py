"""Where the structure of TensorFlow arrays lives: on the host what is known, in tensors what a graph will compute."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from ragged.backend import Backend
from ragged.rows import Groups, Rows
from ragged_tensorflow._compat import is_symbolic
from ragged_tensorflow._sizes import Size, check

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragged.rows import Segments

__all__ = ["Structure", "is_unknown"]


def is_unknown(x: Any) -> bool:
    """Whether a structure array, a size, or something made of them depends on a tensor of a graph."""
    kind = type(x)
    if kind is np.ndarray or kind is int or kind is str or x is None:
        return False
    if kind is tuple or kind is list:
        return any(map(is_unknown, x))
    if kind is Rows:
        return is_unknown(x.offsets)
    if kind is Groups:
        return is_unknown(x.ids) or is_unknown(x.nrows)
    return kind is Size or is_symbolic(x)


class Functions:
    """The array namespace of structure: NumPy's, and TensorFlow's where something depends on a tensor of a graph."""

    def __init__(self, known: Any, unknown: Any) -> None:
        self._known, self._unknown = known, unknown

    @cache  # noqa: B019 - it lives as long as the process
    def __getattr__(self, name: str) -> Any:
        known = getattr(self._known, name)
        if not callable(known) or isinstance(known, type):
            return known
        unknown = getattr(self._unknown, name)

        def call(*args: Any, **options: Any) -> Any:
            if any(map(is_unknown, args)):
                return unknown(*(x.tensor if type(x) is Size else x for x in args), **options)
            return known(*args, **options)

        return call


class Structure(Backend):
    """Two backends as one: each call runs on NumPy, unless something that it is given depends on a tensor of a graph.

    So known and symbolic structure meet anywhere, and what is known while a graph is built stays out of it.
    """

    name = "tensorflow"

    def __init__(self, host: Backend, graph: Backend) -> None:
        self.host, self.graph = host, graph
        self.xp = Functions(host.xp, graph.xp)

    def home(self, *arrays: Any) -> Backend:
        return self

    def owns(self, x: Any) -> bool:
        return isinstance(x, np.ndarray | np.generic | tf.Tensor)

    def as_structure(self, x: Any) -> Any:
        return x

    def to_numpy(self, x: Any) -> np.ndarray[Any, Any]:
        return self.graph.to_numpy(x) if is_unknown(x) else self.host.to_numpy(x)

    def known(self, x: Any) -> bool:
        return not is_unknown(x)

    def true(self, x: Any) -> bool:
        return not is_unknown(x) and bool(x)

    def equal(self, x: Any, y: Any) -> bool:
        return x is y or (not is_unknown((x, y)) and self.host.equal(x, y))

    def violated(self, bad: Any, what: str) -> bool:
        if is_unknown(bad):
            check(tf.logical_not(tf.reduce_any(bad)), what)
            return False
        return bool(np.any(bad))

    def agree(self, x: Any, y: Any, what: str) -> bool:
        if x is y:
            return True
        if not is_unknown((x, y)):
            return self.host.equal(x, y)
        same = tf.equal(tf.shape(x), tf.shape(y))
        check(tf.reduce_all(same), what)
        check(tf.reduce_all(tf.equal(x, y)), what, tf.convert_to_tensor(x), tf.convert_to_tensor(y))
        return True

    def segment_sum(self, x: Any, rows: Segments) -> Any:
        return self._of(x, rows).segment_sum(x, rows)

    def segment_max(self, x: Any, rows: Segments, identity: Any) -> Any:
        return self._of(x, rows).segment_max(x, rows, identity)

    def segment_argsort(self, x: Any, rows: Rows, descending: bool = False) -> Any:
        return self._of(x, rows).segment_argsort(x, rows, descending)

    def _of(self, *given: Any) -> Backend:
        return self.graph if any(map(is_unknown, given)) else self.host

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, ()


def _restored() -> Backend:
    from ragged.registry import get_backend

    return get_backend("tensorflow").home()


def _either(name: str) -> Callable[..., Any]:
    """The method of the backend that the arguments need."""

    def method(self: Structure, *args: Any, **options: Any) -> Any:
        if any(map(is_unknown, args)) or any(map(is_unknown, options.values())):
            given = [x.tensor if type(x) is Size else x for x in args]
            return getattr(self.graph, name)(*given, **options)
        return getattr(self.host, name)(*args, **options)

    method.__name__ = name
    return method


def _where_rows_are(name: str) -> Callable[..., Any]:
    """The method of what rows keep: made in the graph of the rows, not in the branch or loop that asks first."""

    def method(self: Structure, x: Any) -> Any:
        array = x.offsets if type(x) is Rows else x
        if not is_unknown(array):
            return getattr(self.host, name)(x)
        with array.graph.as_default():
            return getattr(self.graph, name)(x)

    method.__name__ = name
    return method


_METHODS = (
    *("asarray", "size", "shape", "bound", "dtype", "astype", "apply", "take", "slice"),
    *("segment_min", "segment_argmax", "segment_count", "segment_prod", "concat", "where"),
    *(
        "cumulative_sum",
        "reshape",
        "broadcast_to",
        "sum",
        "permute_dims",
        "full",
        "entry",
        "expand",
        "arange",
        "repeat",
    ),
    *("ranges", "offsets_from_lengths", "searchsorted", "flatnonzero"),
)
_OF_ROWS = ("row_ids", "row_lengths", "row_positions", "largest")
for _name in _METHODS:
    setattr(Structure, _name, _either(_name))
for _name in _OF_ROWS:
    setattr(Structure, _name, _where_rows_are(_name))
