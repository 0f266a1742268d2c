"""In plain JAX: the values of all rows in one array, and for each value the number of its row (a segment id)."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.ops import segment_max, segment_sum


def pooling(values, ids, nrows):
    lengths = segment_sum(jnp.ones_like(values), ids, nrows)
    means = segment_sum(values, ids, nrows) / jnp.maximum(lengths, 1)
    largest = jnp.where(lengths > 0, segment_max(values, ids, nrows), 0)  # an empty row's is -inf
    return jnp.sum(means**2 + largest)


def attention(values, query, ids, nrows):
    scores = values @ query
    largest = jax.lax.stop_gradient(segment_max(scores, ids, nrows))
    exp = jnp.exp(scores - largest[ids])
    weights = exp / segment_sum(exp, ids, nrows)[ids]
    pooled = segment_sum(weights[:, None] * values, ids, nrows)
    return jnp.sum(pooled**2)


def standardisation(values, ids, nrows):
    lengths = jnp.maximum(segment_sum(jnp.ones_like(values), ids, nrows), 1)
    centred = values - (segment_sum(values, ids, nrows) / lengths)[ids]
    variances = segment_sum(centred**2, ids, nrows) / lengths
    z = centred / jnp.sqrt(variances + 1e-5)[ids]
    return jnp.sum(z**3)


def distances(values, left, right):
    """`left` and `right` number both ends of every pair; NumPy makes them, as JAX cannot compile their length."""
    squares = jnp.sum((values[left] - values[right]) ** 2, axis=-1)
    return jnp.sum(jnp.sqrt(1 + squares) - 1)
