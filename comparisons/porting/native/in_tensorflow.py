"""In TensorFlow with its own ragged tensors (`tf.RaggedTensor`)."""

from __future__ import annotations

import tensorflow as tf


def pooling(x):
    x = tf.ragged.boolean_mask(x, x.row_lengths() > 0)
    return tf.reduce_sum(tf.reduce_mean(x, axis=1) ** 2 + tf.reduce_max(x, axis=1))


def attention(tokens, query):
    scores = tf.ragged.map_flat_values(tf.linalg.matvec, tokens, query)
    weights = tf.nn.softmax(scores, axis=1)
    pooled = tf.reduce_sum(tf.expand_dims(weights, -1) * tokens, axis=1)
    return tf.reduce_sum(pooled**2)


def standardisation(x):
    centred = x - tf.reduce_mean(x, axis=1, keepdims=True)
    variances = tf.reduce_mean(centred**2, axis=1, keepdims=True)
    z = centred / tf.sqrt(variances + 1e-5)
    return tf.reduce_sum(z**3)


def distances(points):
    """There are no combinations: every pair twice, and every point with itself, which is at distance 0."""
    apart = tf.expand_dims(points, 1) - tf.expand_dims(points, 2)
    squares = tf.reduce_sum(apart**2, axis=-1)
    return tf.reduce_sum(tf.sqrt(1 + squares) - 1) / 2
