"""The peers in PyTorch: by hand over the values and row numbers (`index_add`), and its nested tensors.

The structure is made once, outside what is measured, as in `handwritten.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from handwritten import written
from inputs import Case
from programs import COLUMNS

__all__ = ["by_hand", "nested"]

Call = Callable[[], Any]
Form = Callable[..., Any]


def by_hand(case: Case, row: str) -> Call | None:
    """The row in plain PyTorch, or None where it is not written."""
    found = written(case, row, forms, torch.as_tensor)
    if found is None:
        return None
    name, form, arguments = found
    x = torch.tensor(case.values, requires_grad=name in GRADIENTS)
    return lambda: form(x, *arguments)


def elementwise() -> dict[str, Form]:
    """Functions of each number."""
    return {
        "square": lambda x: x * x + 1,
        "exp": torch.exp,
        "shift": lambda x, r, ids: x - r[ids],
        "pad": lambda x, index, mask: torch.where(mask, x[index], 0),
        "take twice": lambda x, index: torch.cat([x, x])[index],
    }


def reductions(nrows: int, longest: int) -> dict[str, Form]:
    """One number a row, a column or in all."""

    def sums(x: Any, ids: Any) -> Any:
        return x.new_zeros(nrows).index_add(0, ids, x)

    def maxima(x: Any, ids: Any) -> Any:
        return x.new_full((nrows,), -torch.inf).scatter_reduce(0, ids, x, "amax")

    def pick(x: Any, ids: Any) -> Any:
        last = x.shape[0] - 1
        place = torch.where(x == maxima(x, ids)[ids], torch.arange(last + 1), last)
        return x[place.new_full((nrows,), last).scatter_reduce(0, ids, place, "amin")]

    return {
        "sum": torch.sum,
        "sums": sums,
        "max": maxima,
        "mean": lambda x, ids, lengths: sums(x, ids) / lengths,
        "pick": pick,
        "columns": lambda x, positions: x.new_zeros(longest).index_add(0, positions, x),
        "tail": lambda x, ids, positions: sums(torch.where(positions > 0, x, 0), ids),
        "positive": lambda x, ids: sums(torch.where(x > 0, x, 0), ids),
        "take, sum": lambda x, index, ids: sums(x[index], ids),
        "pairs": lambda x, left, right, ids: sums(x[left] * x[right], ids),
    }


def sort(x: Any, ids: Any) -> Any:
    """Sorted by value, then by row; what comes of equal keys keeps its order."""
    values, order = torch.sort(x)
    return values[torch.sort(ids[order], stable=True).indices]


def composed(sums: Form, maxima: Form) -> dict[str, Form]:
    """Softmax, sort and the gradients."""

    def softmax(x: Any, ids: Any) -> Any:
        weights = torch.exp(x - maxima(x.detach(), ids)[ids])
        return weights / sums(weights, ids)[ids]

    def squares(x: Any, ids: Any) -> Any:
        return torch.autograd.grad(torch.sum(sums(torch.exp(x), ids) ** 2), x)[0]

    def attention(x: Any, ids: Any) -> Any:
        return torch.autograd.grad(torch.sum(sums(softmax(x, ids) * x, ids) ** 2), x)[0]

    return {"sort": sort, "softmax": softmax, "squares": squares, "attention": attention}


GRADIENTS = ("squares", "attention")


def forms(nrows: int, longest: int) -> dict[str, Form]:
    """All of them by name, for so many rows of at most such a length."""
    reduced = reductions(nrows, longest)
    return {**elementwise(), **reduced, **composed(reduced["sums"], reduced["max"])}


def nested(case: Case, row: str) -> Call | None:
    """The row with PyTorch's nested tensors (jagged layout), or None where they have no such operation."""
    if row not in NESTED:
        return None
    values, offsets = torch.tensor(case.values), torch.tensor(case.offsets)
    lengths = {"min_seqlen": int(case.lengths.min()), "max_seqlen": int(case.lengths.max())}
    x = torch.nested.nested_tensor_from_jagged(values, offsets, **lengths)
    scalars = torch.tensor(case.row_scalars)[:, None]
    form = NESTED[row]
    return lambda: form(x, scalars)


NESTED: dict[str, Form] = {
    "x*x+1": lambda x, r: x * x + 1,
    "exp": lambda x, r: torch.exp(x),
    "x - row scalar": lambda x, r: x - r,
    "sum axis 1": lambda x, r: torch.sum(x, dim=1),
    "max axis 1": lambda x, r: torch.amax(x, dim=1),
    "mean axis 1": lambda x, r: torch.mean(x, dim=1),
    "sum": lambda x, r: torch.sum(x),
    "softmax": lambda x, r: torch.softmax(x, dim=1),
    "sort": lambda x, r: torch.sort(x, dim=1).values,
    "pad and fill": lambda x, r: x.to_padded_tensor(0.0)[:, :COLUMNS],
}
"""Its gradients are left out: that of softmax is wrong."""
