"""`tf.RaggedTensor` as a layout and back: content is the same tensor, and rows remember the splits they came from.

A partition into rows of one length is a regular axis; over dense values it is an axis of these. Text is told by its
bytes, which are known in eager mode alone.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from ragged.errors import UnsupportedError
from ragged.nodes import Flat, Lists, Node, Option, Record, Regular, Union, is_text, regular
from ragged.rows import Rows
from ragged_tensorflow._compat import is_symbolic
from ragged_tensorflow._sizes import NOT_KNOWN, Size, tensor_of

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["from_native", "splits_of", "to_native"]

_rows: weakref.WeakValueDictionary[int, Rows] = weakref.WeakValueDictionary()
_splits: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
"""For rows the splits they were made of, or were made into; so the same splits give the same rows."""


def from_native(b: Backend, x: Any) -> Node | None:
    """The layout of a ragged tensor, or of a tensor of strings; None of anything else."""
    if isinstance(x, tf.RaggedTensor):
        return ragged_node(b, x)
    if isinstance(x, tf.Tensor) and x.dtype == tf.string and x.shape.rank != 0:
        return dense_node(b, x)
    return None


def ragged_node(b: Backend, x: Any) -> Node:
    """One level of a ragged tensor after another."""
    values = x.values
    content = ragged_node(b, values) if isinstance(values, tf.RaggedTensor) else dense_node(b, values)
    size = x.uniform_row_length
    if size is None:
        return Lists(rows_from(b, x.row_splits), content)
    n = x.nrows(tf.int64)
    return regular(b, content, size_from(size), size_from(n))


def size_from(x: Any) -> Any:
    """A 0-d tensor as a size."""
    x = tf.cast(x, tf.int64)
    return Size(x) if is_symbolic(x) else int(x)


def rows_from(b: Backend, splits: Any) -> Rows:
    """The rows of row splits: the same ones each time."""
    found = _rows.get(id(splits))
    if found is None:
        ops = b.home()
        found = Rows(ops, ops.astype(b.as_structure(splits), "int64"))
        if is_symbolic(splits) and found.offsets.graph is not splits.graph:  # made within a branch or a loop
            return found
        _rows[id(splits)], _splits[found] = found, splits
    return found


def dense_node(b: Backend, x: Any) -> Node:
    """Values without a ragged axis."""
    if x.dtype == tf.string:
        return text_node(b, x)
    return Flat(x, b.size(x))


def text_node(b: Backend, x: Any) -> Node:
    """Strings as text, in lists of fixed sizes where the tensor has several axes.

    Raises:
        UnsupportedError: strings of a graph.
    """
    if is_symbolic(x):
        raise UnsupportedError(f"the text of a tensor of this tf.function is {NOT_KNOWN}; its length is no axis")
    flat = tf.reshape(x, [-1])
    lengths = tf.strings.length(flat)
    joined = np.frombuffer(tf.strings.reduce_join(flat).numpy(), np.uint8)
    rows = Rows.from_lengths(b.home(), np.asarray(lengths).astype(np.int64))
    characters = Flat(b.asarray(joined), rows.total, {"__array__": "char"})
    node: Node = Lists(rows, characters, {"__array__": "string"})
    for axis in range(x.shape.rank - 1, 0, -1):
        node = regular(b, node, x.shape[axis], int(np.prod(x.shape[:axis])))
    return node


def to_native(b: Backend, node: Node) -> Any:
    """The ragged tensor of a layout: its ragged axes, and regular ones around them.

    Raises:
        UnsupportedError: what no ragged tensor can hold, with a way out.
    """
    match node:
        case Flat(data):
            return data
        case Lists() if is_text(node):
            return strings(b, node)
        case Lists(rows, content):
            return tf.RaggedTensor.from_row_splits(to_native(b, content), splits_of(rows), validate=False)
        case Regular(content, size, length):
            return of_one_size(to_native(b, content), size, length)
    raise UnsupportedError(f"a tf.RaggedTensor holds {obstacle(node)}")


def obstacle(node: Any) -> str:
    """What stands in the way, and the way out."""
    match node:
        case Option():
            return "no missing values; fill them (ragged.fill_none) or leave them out (ragged.drop_none)"
        case Record():
            return f"no records (fields {list(node.names)}); take the fields one by one: x['name'].to_native()"
        case Union():
            return "no mixed types; take their parts by type first"
        case _:
            return (
                "values of one type, and these have none; give them one with ragged.values_astype(x, 'float64', "
                "including_unknown=True)"
            )


def of_one_size(values: Any, size: Any, length: Any) -> Any:
    """Values in lists of one size: a regular axis of a dense tensor, or a uniform partition of a ragged one."""
    if isinstance(values, tf.Tensor):
        shape = tf.concat([tf.stack([tensor_of(length), tensor_of(size)]), tf.shape(values, tf.int64)[1:]], 0)
        return tf.reshape(values, shape)
    dtype = values.row_splits.dtype
    size, length = (tf.cast(tensor_of(each), dtype) for each in (size, length))
    return tf.RaggedTensor.from_uniform_row_length(values, size, length, validate=False)


def splits_of(rows: Rows) -> Any:
    """The row splits of rows: those they came from, or int64 ones."""
    found = _splits.get(rows)
    if found is None:
        found = tf.convert_to_tensor(rows.offsets)
        if isinstance(rows.offsets, np.ndarray) and is_symbolic(found):
            return found  # a constant of this graph
        _rows[id(found)], _splits[rows] = rows, found
    return found


def strings(b: Backend, node: Any) -> Any:
    """Text as a tensor of strings."""
    rows, content = node.rows, node.content
    letters = tf.gather(tf.constant([bytes([code]) for code in range(256)]), tf.cast(content.data, tf.int32))
    ids = tf.convert_to_tensor(rows.ids)
    return tf.strings.unsorted_segment_join(letters, ids, tf.cast(tensor_of(rows.nrows), tf.int32))
