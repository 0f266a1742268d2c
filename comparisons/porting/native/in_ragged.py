"""In ragged: the same program runs on NumPy, JAX, PyTorch and TensorFlow."""

from __future__ import annotations

import numpy as np

import ragged


def pooling(x):
    x = x[ragged.num(x) > 0]
    return ragged.sum(ragged.mean(x, axis=1) ** 2 + ragged.max(x, axis=1))


def attention(tokens, query):
    weights = ragged.softmax(tokens @ query, axis=1)
    pooled = ragged.sum(weights[..., np.newaxis] * tokens, axis=1)
    return ragged.sum(pooled**2)


def standardisation(x):
    z = (x - ragged.mean(x, axis=1)) / np.sqrt(ragged.var(x, axis=1) + 1e-5)
    return ragged.sum(z**3)


def distances(points):
    a, b = ragged.unzip(ragged.combinations(points, 2))
    squares = ragged.sum((a - b) ** 2, axis=-1)
    return ragged.sum(np.sqrt(1 + squares) - 1)
