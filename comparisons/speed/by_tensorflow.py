"""The peers in TensorFlow: by hand over the values and row numbers (`tf.math.segment_sum`), and its ragged tensors.

The structure is made once, outside what is measured, as in `handwritten.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf
from handwritten import written
from inputs import Case
from programs import COLUMNS

__all__ = ["by_hand", "ragged_tensor", "told"]

Call = Callable[[], Any]
Form = Callable[..., Any]


def by_hand(case: Case, row: str) -> Call | None:
    """The row in plain TensorFlow, or None where it is not written."""
    found = written(case, row, forms, tf.constant)
    if found is None:
        return None
    _, form, arguments = found
    x = tf.constant(case.values)
    return lambda: form(x, *arguments)


def told(run: Call | None) -> Call | None:
    """The same, where TensorFlow's own errors come as Python's."""

    def call() -> Any:
        try:
            return run()
        except tf.errors.OpError as error:
            raise RuntimeError(error.message.rpartition("}} ")[2]) from error  # in front stands which node it was

    return run and call


def elementwise() -> dict[str, Form]:
    """Functions of each number."""

    def pad(x: Any, index: Any, mask: Any) -> Any:
        return tf.where(mask, tf.gather(x, index), tf.zeros([], x.dtype))

    return {
        "square": lambda x: x * x + 1,
        "exp": tf.exp,
        "shift": lambda x, r, ids: x - tf.gather(r, ids),
        "pad": pad,
        "take twice": lambda x, index: tf.gather(tf.concat([x, x], 0), index),
    }


def reductions(nrows: int, longest: int) -> dict[str, Form]:
    """One number a row, a column or in all."""

    def sums(x: Any, ids: Any) -> Any:
        return tf.math.unsorted_segment_sum(x, ids, nrows)

    def maxima(x: Any, ids: Any) -> Any:
        return tf.math.unsorted_segment_max(x, ids, nrows)

    def pick(x: Any, ids: Any) -> Any:
        last = x.shape[0] - 1
        place = tf.where(x == tf.gather(maxima(x, ids), ids), tf.range(last + 1), last)
        return tf.gather(x, tf.minimum(tf.math.unsorted_segment_min(place, ids, nrows), last))

    def positive(x: Any) -> Any:
        return tf.where(x > 0, x, tf.zeros([], x.dtype))

    return {
        "sum": tf.reduce_sum,
        "sums": sums,
        "max": maxima,
        "mean": lambda x, ids, lengths: sums(x, ids) / lengths,
        "pick": pick,
        "columns": lambda x, positions: tf.math.unsorted_segment_sum(x, positions, longest),
        "tail": lambda x, ids, places: sums(tf.where(places > 0, x, tf.zeros([], x.dtype)), ids),
        "positive": lambda x, ids: sums(positive(x), ids),
        "take, sum": lambda x, index, ids: sums(tf.gather(x, index), ids),
        "pairs": lambda x, left, right, ids: sums(tf.gather(x, left) * tf.gather(x, right), ids),
    }


def sort(x: Any, ids: Any) -> Any:
    """Sorted by value, then by row; what comes of equal keys keeps its order."""
    order = tf.argsort(x)
    return tf.gather(x, tf.gather(order, tf.argsort(tf.gather(ids, order), stable=True)))


def composed(sums: Form, maxima: Form) -> dict[str, Form]:
    """Softmax, sort and the gradients."""

    def softmax(x: Any, ids: Any) -> Any:
        weights = tf.exp(x - tf.gather(maxima(tf.stop_gradient(x), ids), ids))
        return weights / tf.gather(sums(weights, ids), ids)

    return {
        "sort": sort,
        "softmax": softmax,
        "squares": gradient(lambda x, ids: tf.reduce_sum(sums(tf.exp(x), ids) ** 2)),
        "attention": gradient(lambda x, ids: tf.reduce_sum(sums(softmax(x, ids) * x, ids) ** 2)),
    }


def gradient(loss: Form) -> Form:
    """The gradient by the first argument."""

    def by_tape(x: Any, *others: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = loss(x, *others)
        return tape.gradient(value, x)

    return by_tape


def forms(nrows: int, longest: int) -> dict[str, Form]:
    """All of them by name, for so many rows of at most such a length."""
    reduced = reductions(nrows, longest)
    return {**elementwise(), **reduced, **composed(reduced["sums"], reduced["max"])}


def ragged_tensor(case: Case, row: str) -> Call | None:
    """The row with TensorFlow's ragged tensors, or None where they have no such operation."""
    if row not in RAGGED:
        return None
    x = tf.RaggedTensor.from_row_splits(tf.constant(case.values), tf.constant(case.offsets), validate=False)
    scalars, order = tf.constant(case.row_scalars)[:, None], tf.constant(case.permutation)
    form = RAGGED[row]
    return lambda: form(x, scalars, order)


def pooled_softmax(x: Any) -> Any:
    """A pool of each list, weighted by the softmax of its values."""
    return tf.reduce_sum(tf.reduce_sum(tf.nn.softmax(x, axis=1) * x, axis=1) ** 2)


def of_values(loss: Form) -> Form:
    """The gradient by the values of a ragged tensor."""

    def by_tape(x: Any, r: Any, order: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x.values)
            value = loss(x)
        return tape.gradient(value, x.values)

    return by_tape


RAGGED: dict[str, Form] = {
    "x*x+1": lambda x, r, order: x * x + 1,
    "exp": lambda x, r, order: tf.exp(x),
    "x - row scalar": lambda x, r, order: x - r,
    "sum axis 1": lambda x, r, order: tf.reduce_sum(x, axis=1),
    "max axis 1": lambda x, r, order: tf.reduce_max(x, axis=1),
    "mean axis 1": lambda x, r, order: tf.reduce_mean(x, axis=1),
    "argmax-pick": lambda x, r, order: tf.gather(x, tf.argmax(x, axis=1)[:, None], batch_dims=1),
    "sum axis 0": lambda x, r, order: tf.reduce_sum(x, axis=0),
    "sum": lambda x, r, order: tf.reduce_sum(x),
    "x[:, 1:], sum": lambda x, r, order: tf.reduce_sum(x[:, 1:], axis=1),
    "x[:, ::-1], sum": lambda x, r, order: tf.reduce_sum(tf.reverse(x, [1]), axis=1),
    "x[x > 0], sum": lambda x, r, order: tf.reduce_sum(tf.ragged.boolean_mask(x, x > 0), axis=1),
    "x[perm], sum": lambda x, r, order: tf.reduce_sum(tf.gather(x, order), axis=1),
    "sort": lambda x, r, order: tf.sort(x, axis=1),
    "softmax": lambda x, r, order: tf.nn.softmax(x, axis=1),
    "pad and fill": lambda x, r, order: x.to_tensor(shape=[None, COLUMNS]),
    "concatenate axis 1": lambda x, r, order: tf.concat([x, x], axis=1),
    "gradient of squares": of_values(lambda x: tf.reduce_sum(tf.reduce_sum(tf.exp(x), axis=1) ** 2)),
    "gradient of attention": of_values(pooled_softmax),
}
