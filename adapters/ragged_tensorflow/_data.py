"""Arrays in `tf.data` pipelines: rows go in as TensorFlow's own ragged tensors, batches come out as arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import optree
import tensorflow as tf

import ragged
from ragged.array import Array
from ragged.registry import backend_of_dense

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["arrays", "dataset"]


def dataset(data: Any, batch_size: int | None = None, drop_remainder: bool = False) -> tf.data.Dataset:
    """A dataset of the rows of arrays; with a batch size, of arrays of so many rows.

    A row of an array is what TensorFlow makes of it: a tensor where one ragged axis was, a `tf.RaggedTensor` where
    there were more; an array of records is a dict of its fields. So rows can be shuffled, filtered and mapped, and
    `arrays(rows.ragged_batch(n))` makes arrays of them again.

    Args:
        data: an array, a dense array, or a tree (dict, tuple) of them with one number of rows.
        batch_size: rows in each batch.
        drop_remainder: leave out a last batch that is smaller.

    Raises:
        UnsupportedError: what a `tf.RaggedTensor` cannot hold, such as missing values.

    >>> import ragged, ragged_tensorflow
    >>> x = ragged.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]])
    >>> for batch in ragged_tensorflow.dataset({"x": x, "y": [0, 1, 1]}, batch_size=2):
    ...     print(ragged.sum(batch["x"], axis=1).to_list(), batch["y"].numpy())
    [6.0, 0.0] [0 1]
    [9.0] [1]
    """
    rows = tf.data.Dataset.from_tensor_slices(optree.tree_map(native, data, is_leaf=is_column))
    return rows if batch_size is None else arrays(rows.ragged_batch(batch_size, drop_remainder))


def is_column(x: Any) -> bool:
    """Whether a part of the data is one array (nested lists are)."""
    return isinstance(x, Array | list) or backend_of_dense(x) is not None


def native(x: Any) -> Any:
    """An array as TensorFlow's own, one a field where it holds records."""
    if not isinstance(x, Array):
        x = ragged.Array(x)
    names = ragged.fields(x)
    if names:
        return {name: native(x[name]) for name in names}
    return x.to_backend("tensorflow").to_native()


def arrays(batches: tf.data.Dataset) -> tf.data.Dataset:
    """The dataset with an array in the place of each ragged tensor (but for strings, which stay as they are).

    >>> import ragged, ragged_tensorflow
    >>> rows = ragged_tensorflow.dataset(ragged.Array([[1, 2], [3], [4, 5, 6]]))
    >>> long = rows.filter(lambda row: len(row) > 1)
    >>> next(iter(ragged_tensorflow.arrays(long.ragged_batch(2)))).to_list()
    [[1, 2], [4, 5, 6]]
    """
    return batches.map(lambda *parts: mapped(array, parts if len(parts) > 1 else parts[0]))


def mapped(f: Callable[[Any], Any], tree: Any) -> Any:
    """`f` of the ragged tensors of an element."""
    return tf.nest.map_structure(f, tree)


def array(x: Any) -> Any:
    """A ragged tensor as an array."""
    return ragged.from_native(x) if isinstance(x, tf.RaggedTensor) and x.dtype != tf.string else x
