"""The peers without a ragged library: NumPy on the flat content, and jitted JAX over segment ids.

Their structure (ids, indices, masks) is made once, outside what is measured, as one would write it by hand for one
input; the compiled functions take it as arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from inputs import Case
from programs import COLUMNS

__all__ = ["flat_numpy", "jitted_jax", "written"]

Call = Callable[[], Any]


def flat_numpy(case: Case) -> dict[str, Call]:
    """NumPy on the content, for the rows that need no structure (or only a repeat)."""
    x, r, lengths = case.values, case.row_scalars, case.lengths
    return {
        "x*x+1": lambda: x * x + 1,
        "exp": lambda: np.exp(x),
        "x - row scalar": lambda: x - np.repeat(r, lengths),
        "sum": lambda: np.sum(x),
    }


def jitted_jax(case: Case, row: str) -> Call | None:
    """The row in JAX by hand, or None where it is not written."""
    import jax

    found = written(case, row, forms, lambda a: jax.numpy.asarray(a, None if a.dtype.kind in "fb" else np.int32))
    if found is None:
        return None
    jitted, arguments, x = jax.jit(found[1]), found[2], jax.numpy.asarray(case.values)
    return lambda: jitted(x, *arguments)


def written(
    case: Case, row: str, forms: Callable[[int, int], dict[str, Call]], array: Callable[[Any], Any]
) -> tuple[str, Call, tuple[Any, ...]] | None:
    """A row in a framework: the name of its form, the form, and the structure that it takes after the values, as the
    framework's arrays; None where it is not written. `forms(nrows, longest)` are those of the framework."""
    if row not in STRUCTURE:
        return None
    name, structure = STRUCTURE[row]
    form = forms(case.nrows, int(case.lengths.max()))[name]
    return name, form, tuple(map(array, structure(case)))


def ids(case: Case) -> tuple[Any, ...]:
    """The row of each element."""
    return (case.ids,)


def reversed_rows(case: Case) -> tuple[Any, ...]:
    """Where each element of the reversed rows comes from, and its row."""
    return case.offsets[case.ids] + case.offsets[case.ids + 1] - 1 - np.arange(case.elements), case.ids


def permuted_rows(case: Case) -> tuple[Any, ...]:
    """Where each element of the permuted rows comes from, and its row."""
    lengths = case.lengths[case.permutation]
    starts = np.cumsum(lengths) - lengths
    shift = np.repeat(case.offsets[:-1][case.permutation] - starts, lengths)
    return np.arange(case.elements) + shift, np.repeat(np.arange(case.nrows), lengths)


def pairs(case: Case) -> tuple[Any, ...]:
    """Both elements of each pair, and its row."""
    later = np.repeat(case.offsets[1:], case.lengths) - np.arange(case.elements) - 1
    left = np.repeat(np.arange(case.elements), later)
    right = left + 1 + np.arange(len(left)) - np.repeat(np.cumsum(later) - later, later)
    return left, right, case.ids[left]


def padding(case: Case) -> tuple[Any, ...]:
    """Which element stands in each column of the rectangle, and whether one does."""
    columns = np.arange(COLUMNS)[None, :]
    mask = columns < case.lengths[:, None]
    return np.where(mask, case.offsets[:-1, None] + columns, 0), mask


def doubled(case: Case) -> tuple[Any, ...]:
    """Where the elements of each row joined with itself come from, in the content written twice."""
    lengths = np.repeat(case.lengths, 2)
    starts = np.cumsum(lengths) - lengths
    source = np.stack([case.offsets[:-1], case.offsets[:-1] + case.elements], 1).ravel()
    return (np.arange(2 * case.elements) + np.repeat(source - starts, lengths),)


def segments(nrows: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Sum and maximum by sorted segment ids."""
    import jax

    def sums(x: Any, ids: Any) -> Any:
        return jax.ops.segment_sum(x, ids, nrows, indices_are_sorted=True)

    def maxima(x: Any, ids: Any) -> Any:
        return jax.ops.segment_max(x, ids, nrows, indices_are_sorted=True)

    return sums, maxima


def elementwise() -> dict[str, Callable[..., Any]]:
    """Functions of each number."""
    import jax.numpy as jnp

    return {
        "square": lambda x: x * x + 1,
        "exp": jnp.exp,
        "shift": lambda x, r, ids: x - r[ids],
        "pad": lambda x, index, mask: jnp.where(mask, x[index], 0),
        "take twice": lambda x, index: jnp.concatenate([x, x])[index],
    }


def reductions(nrows: int, longest: int) -> dict[str, Callable[..., Any]]:
    """One number a row, a column or in all."""
    import jax
    import jax.numpy as jnp

    sums, maxima = segments(nrows)

    def pick(x: Any, ids: Any) -> Any:
        place = jnp.where(x == maxima(x, ids)[ids], jnp.arange(x.size, dtype=ids.dtype), x.size - 1)
        return x[jnp.minimum(jax.ops.segment_min(place, ids, nrows, indices_are_sorted=True), x.size - 1)]

    return {
        "sum": lambda x: jnp.sum(x),
        "sums": sums,
        "max": maxima,
        "mean": lambda x, ids, lengths: sums(x, ids) / lengths,
        "pick": pick,
        "columns": lambda x, positions: jax.ops.segment_sum(x, positions, longest),
        "tail": lambda x, ids, positions: sums(jnp.where(positions > 0, x, 0), ids),
        "positive": lambda x, ids: sums(jnp.where(x > 0, x, 0), ids),
        "take, sum": lambda x, index, ids: sums(x[index], ids),
        "pairs": lambda x, left, right, ids: sums(x[left] * x[right], ids),
    }


def composed(nrows: int) -> dict[str, Callable[..., Any]]:
    """Softmax, sort and the gradients."""
    import jax
    import jax.numpy as jnp

    sums, maxima = segments(nrows)

    def softmax(x: Any, ids: Any) -> Any:
        weights = jnp.exp(x - jax.lax.stop_gradient(maxima(x, ids))[ids])
        return weights / sums(weights, ids)[ids]

    return {
        "sort": lambda x, ids: jax.lax.sort((ids, x), num_keys=2)[1],
        "softmax": softmax,
        "squares": jax.grad(lambda x, ids: jnp.sum(sums(jnp.exp(x), ids) ** 2)),
        "attention": jax.grad(lambda x, ids: jnp.sum(sums(softmax(x, ids) * x, ids) ** 2)),
    }


def forms(nrows: int, longest: int) -> dict[str, Callable[..., Any]]:
    """All of them by name, for so many rows of at most such a length."""
    return {**elementwise(), **reductions(nrows, longest), **composed(nrows)}


STRUCTURE: dict[str, tuple[str, Callable[[Case], tuple[Any, ...]]]] = {
    "x*x+1": ("square", lambda case: ()),
    "exp": ("exp", lambda case: ()),
    "x - row scalar": ("shift", lambda case: (case.row_scalars, case.ids)),
    "sum axis 1": ("sums", ids),
    "max axis 1": ("max", ids),
    "mean axis 1": ("mean", lambda case: (case.ids, case.lengths.astype(case.values.dtype))),
    "argmax-pick": ("pick", ids),
    "sum axis 0": ("columns", lambda case: (case.positions,)),
    "sum": ("sum", lambda case: ()),
    "x[:, 1:], sum": ("tail", lambda case: (case.ids, case.positions)),
    "x[:, ::-1], sum": ("take, sum", reversed_rows),
    "x[x > 0], sum": ("positive", ids),
    "x[perm], sum": ("take, sum", permuted_rows),
    "sort": ("sort", ids),
    "softmax": ("softmax", ids),
    "pairs product": ("pairs", pairs),
    "pad and fill": ("pad", padding),
    "concatenate axis 1": ("take twice", doubled),
    "gradient of squares": ("squares", ids),
    "gradient of attention": ("attention", ids),
}
