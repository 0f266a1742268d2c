"""Where the structure of TensorFlow arrays lives: on the host what is known, in tensors what a graph will compute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from ragged._mixed_structure import MixedStructure, unknown_where
from ragged.rows import Rows
from ragged_tensorflow._compat import is_symbolic
from ragged_tensorflow._sizes import Size, check

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragged.backend import Backend

__all__ = ["Structure", "is_unknown"]


is_unknown = unknown_where(lambda x: type(x) is Size or is_symbolic(x))


class Structure(MixedStructure):
    """NumPy's backend, and TensorFlow's for what depends on a tensor of a graph."""

    name = "tensorflow"

    def __init__(self, host: Backend, graph: Backend) -> None:
        super().__init__(host, graph, is_unknown)

    def function(self, name: str) -> Callable[..., Any]:
        found: Callable[..., Any] = getattr(self.program.xp, name)
        return found

    def lowered(self, x: Any) -> Any:
        return x.tensor if type(x) is Size else x

    def owns(self, x: Any) -> bool:
        return isinstance(x, np.ndarray | np.generic | tf.Tensor)

    def violated(self, bad: Any, what: str) -> bool:
        if is_unknown(bad):
            check(tf.logical_not(tf.reduce_any(bad)), what)
            return False
        return bool(np.any(bad))

    def must_agree(self, x: Any, y: Any, what: str) -> None:
        same = tf.equal(tf.shape(x), tf.shape(y))
        check(tf.reduce_all(same), what)
        check(tf.reduce_all(tf.equal(x, y)), what, tf.convert_to_tensor(x), tf.convert_to_tensor(y))

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, ()


def _restored() -> Backend:
    from ragged.registry import get_backend

    return get_backend("tensorflow").home()


def _where_rows_are(name: str) -> Callable[..., Any]:
    """The method of what rows keep: made in the graph of the rows, not in the branch or loop that asks first."""

    def method(self: Structure, x: Any) -> Any:
        array = x.offsets if type(x) is Rows else x
        if not is_unknown(array):
            return getattr(self.host, name)(x)
        with array.graph.as_default():
            return getattr(self.program, name)(x)

    method.__name__ = name
    return method


for _name in ("row_ids", "row_lengths", "row_positions", "row_longest", "largest"):
    setattr(Structure, _name, _where_rows_are(_name))
