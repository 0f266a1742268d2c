"""In plain PyTorch: the values of all rows in one tensor, and for each value the number of its row."""

from __future__ import annotations

import torch


def row_sums(values, ids, nrows):
    return values.new_zeros((nrows, *values.shape[1:])).index_add(0, ids, values)


def row_maxima(values, ids, nrows):
    return values.new_full((nrows,), -torch.inf).scatter_reduce(0, ids, values, "amax")


def pooling(values, ids, nrows):
    lengths = torch.bincount(ids, minlength=nrows)
    means = row_sums(values, ids, nrows) / lengths.clamp(min=1)
    largest = row_maxima(values, ids, nrows)[lengths > 0]  # an empty row's is -inf
    return torch.sum(means**2) + torch.sum(largest)


def attention(values, query, ids, nrows):
    scores = values @ query
    largest = row_maxima(scores.detach(), ids, nrows)
    exp = torch.exp(scores - largest[ids])
    weights = exp / row_sums(exp, ids, nrows)[ids]
    pooled = row_sums(weights[:, None] * values, ids, nrows)
    return torch.sum(pooled**2)


def standardisation(values, ids, nrows):
    lengths = torch.bincount(ids, minlength=nrows).clamp(min=1)
    centred = values - (row_sums(values, ids, nrows) / lengths)[ids]
    variances = row_sums(centred**2, ids, nrows) / lengths
    z = centred / torch.sqrt(variances + 1e-5)[ids]
    return torch.sum(z**3)


def distances(values, ids, nrows):
    lengths = torch.bincount(ids, minlength=nrows)
    place = torch.arange(len(values))
    later = torch.cumsum(lengths, 0)[ids] - place - 1  # how many of its row come after each
    left = torch.repeat_interleave(place, later)
    first = torch.cumsum(later, 0) - later  # the place of each one's first pair
    right = left + 1 + torch.arange(len(left)) - first[left]
    squares = torch.sum((values[left] - values[right]) ** 2, dim=-1)
    return torch.sum(torch.sqrt(1 + squares) - 1)
