"""The one table of operations with sample arguments: what the conformance suite runs on every backend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import ragged
from ragged.testing._samples import FLOATS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["OPERATIONS", "Operation", "doubled", "operations"]

COLUMN, WEIGHTS = 0.5 - np.arange(6.0), np.arange(6.0).reshape(3, 2) - 2


doubled: Any = ragged.custom_vjp(lambda x: 2 * x)
doubled.defvjp(lambda x: (2 * x, (x,)), lambda residuals, g: (5 * g * residuals[0],))
"""Its derivative is 5 x, which no framework finds by itself."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A program of one array that shows one public function at work.

    `function` is its public name ("getitem" for slices); `samples` names the arrays that it is run on
    (`ragged.testing._samples`); `smooth` tells whether it has a derivative.
    """

    function: str
    title: str
    program: Callable[[Any], Any]
    samples: tuple[str, ...] = FLOATS
    smooth: bool = True


def reducing(name: str, axis: int | None, power: int = 2) -> Callable[[Any], Any]:
    """A reducer along an axis (squared, so that it has curvature)."""
    function = getattr(ragged, name)
    return lambda x: function(x, axis=axis) ** power if power != 1 else function(x, axis=axis)


def columns(x: Any) -> Any:
    """Each list as a matrix of one column."""
    return ragged.fill_none(x, 0.5)[:, :, np.newaxis]


def pairs_of_lists(x: Any) -> Any:
    """Each list beside another of its length: one level more."""
    return ragged.concatenate([x[:, np.newaxis], 0.3 - x[:, np.newaxis]], axis=1)


def several(x: Any) -> Any:
    """The lists with more than one number."""
    return x[ragged.num(ragged.drop_none(x)) > 1]


VARIANTS: dict[str, dict[str, Callable[[Any], Any]]] = {
    "sum": {"kept": lambda x: ragged.sum(x, axis=-1, keepdims=True) * x},
    "prod": {"across lists": lambda x: ragged.prod(pairs_of_lists(x), axis=1)},
    "max": {"across lists": lambda x: ragged.max(pairs_of_lists(x), axis=1) ** 2},
    "mean": {"weighted": lambda x: ragged.mean(x, weight=x * x + 1, axis=-1)},
    "var": {"ddof=1": lambda x: ragged.var(several(x), axis=-1, ddof=1)},
}
"""What else reducers can do."""

SMOOTH: dict[str, dict[str, Callable[[Any], Any]]] = {
    "getitem": {
        "reversed rows": lambda x: x[:, ::-1] * x,
        "one list": lambda x: x[0] * 2,
        "outer range": lambda x: x[1:] ** 2,
        "backward steps": lambda x: x[::-2, ::-2] ** 3,
        "range": lambda x: x[:, 1:] ** 2,
        "neighbours": lambda x: x[:, 1:] * x[:, :-1],
        "ragged mask": lambda x: x[x > 0.5] ** 2,
        "flat mask": lambda x: x[ragged.num(x) > 1] ** 2,
        "rows by number": lambda x: x[[0, 0, 2, 0]] ** 2,
        "new axis": lambda x: x[:, np.newaxis] ** 2,
        "best of the row": lambda x: x[ragged.argmax(x, axis=-1, keepdims=True)] ** 2,
        "order as an index": lambda x: x[ragged.argsort(x)] * ragged.local_index(x),
        "missing index": lambda x: x[[0, None, 2]] ** 2,
    },
    "where": {
        "of arrays": lambda x: ragged.where(x > 1, x * x, ragged.sin(x)),
        "of a masked logarithm": lambda x: ragged.where(x > 0, ragged.log(ragged.mask(x, x > 0)), 3 * x),
    },
    "broadcast_arrays": {"with a row's sum": lambda x: ragged.broadcast_arrays(ragged.sum(x, axis=-1), x)[0] * x},
    "values_astype": {"float64": lambda x: ragged.values_astype(x, "float64") ** 2},
    "nan_to_num": {"": lambda x: ragged.nan_to_num(x) ** 2},
    "full_like": {"": lambda x: ragged.full_like(x, 2.0) * x + ragged.zeros_like(x) + ragged.ones_like(x) * x},
    **{
        name: {f"axis={axis}": reducing(name, axis) for axis in (None, 0, -1)} | VARIANTS.get(name, {})
        for name in ("sum", "prod", "max", "min", "mean", "var", "std", "ptp", "logsumexp")
    },
    "cumulative_sum": {
        "": lambda x: ragged.cumulative_sum(x, axis=-1) ** 2,
        "with 0": lambda x: ragged.cumulative_sum(x, axis=-1, include_initial=True) ** 2,
    },
    "cumulative_prod": {"": lambda x: ragged.cumulative_prod(x, axis=-1) ** 2},
    "softmax": {"": lambda x: ragged.softmax(x, axis=-1) ** 2},
    "flatten": {"": lambda x: ragged.flatten(x) ** 2, "axis=None": lambda x: ragged.flatten(x, axis=None) ** 2},
    "ravel": {"": lambda x: ragged.ravel(x) ** 2},
    "unflatten": {"": lambda x: ragged.sum(ragged.unflatten(ragged.flatten(x), ragged.num(x)), axis=-1) ** 2},
    "concatenate": {
        "axis=0": lambda x: ragged.concatenate([x, x * 2]) ** 2,
        "axis=1": lambda x: ragged.concatenate([x, x[:, ::-1] * 2], axis=1) ** 2,
    },
    "zip": {"": lambda x: ragged.zip({"a": x, "b": x * x}).a * ragged.zip({"a": x, "b": x * x}).b},
    "with_field": {"": lambda x: ragged.with_field(ragged.zip({"a": x}), x**3, "b").b},
    "astype": {"float64": lambda x: ragged.astype(x, "float64") ** 2},
    "concat": {"": lambda x: ragged.concat([x, x * 2]) ** 2},
    "stack": {"": lambda x: ragged.stack([whole(x), whole(x) * 2]) ** 2},
    "nan_to_none": {"": lambda x: ragged.nan_to_none(x) ** 2},
    "to_regular": {"": lambda x: ragged.to_regular(ragged.unflatten(ragged.flatten(x)[:4], [2, 2])) ** 2},
    "from_regular": {"": lambda x: ragged.from_regular(ragged.to_padded(ragged.fill_none(x, 0.5))[0]) ** 2},
    "from_lengths": {"": lambda x: ragged.square(ragged.from_lengths(whole(x), [2, 0, 4]))},
    "from_offsets": {"": lambda x: ragged.square(ragged.from_offsets(whole(x), [0, 2, 2, 6]))},
    "from_row_ids": {"": lambda x: ragged.square(ragged.from_row_ids(whole(x), [0, 0, 2, 2, 3, 3]))},
    "from_padded": {"": lambda x: ragged.square(ragged.from_padded(*ragged.to_padded(ragged.fill_none(x, 0.5))))},
    "unzip": {"product": lambda x: product(ragged.unzip(ragged.zip({"a": x, "b": x * x})))},
    "without_field": {"what is left": lambda x: ragged.without_field(ragged.zip({"a": x, "b": x**3}), "a").b},
    "with_name": {"a field": lambda x: ragged.with_name(ragged.zip({"a": x}), "Point").a ** 2},
    "with_parameter": {"squared": lambda x: ragged.with_parameter(x, "unit", "m") ** 2},
    "fill_none": {"of padded": lambda x: ragged.fill_none(ragged.pad_none(x, 4), 1.5) ** 2},
    "pad_none": {"clipped": lambda x: ragged.pad_none(x, 2, clip=True) ** 2},
    "drop_none": {"": lambda x: ragged.drop_none(ragged.mask(x, x > 0.5)) ** 2},
    "mask": {"": lambda x: ragged.sqrt(ragged.mask(x, x > 0.1))},
    "firsts": {"": lambda x: ragged.firsts(x) ** 2},
    "singletons": {"": lambda x: ragged.singletons(ragged.firsts(x)) ** 2},
    "sort": {
        "": lambda x: ragged.sort(x) * ragged.local_index(x),
        "descending": lambda x: ragged.sort(x, ascending=False) * ragged.local_index(x),
        "across lists": lambda x: ragged.sort(pairs_of_lists(x), axis=1)[:, :1] ** 2,
    },
    "cartesian": {"": lambda x: product(ragged.cartesian([x, x * 2]))},
    "combinations": {
        "of two": lambda x: product(ragged.combinations(x, 2)),
        "of three": lambda x: product(ragged.combinations(x, 3, replacement=True)),
    },
    "to_packed": {"": lambda x: ragged.to_packed(x) ** 2},
    "to_padded": {"": lambda x: ragged.to_padded(ragged.fill_none(x, 0.5) if "?" in str(x.type) else x)[0] ** 2},
    "stop_gradient": {"": lambda x: ragged.stop_gradient(x) * x},
    "matmul": {
        "": lambda x: ragged.matmul(ragged.to_padded(ragged.fill_none(x, 0.5))[0], WEIGHTS) ** 2,
        "row by row": lambda x: ragged.matmul(columns(x), ragged.matrix_transpose(columns(x))) ** 2,
    },
    "matrix_transpose": {"": lambda x: ragged.matrix_transpose(columns(x)) ** 2},
    "custom_vjp": {"": lambda x: doubled(x) * x},
    "checkpoint": {"": lambda x: ragged.checkpoint(lambda y: ragged.exp(y / 4) * y)(x)},
    "clip": {"": lambda x: ragged.clip(x, 0.0, 1.0) * x, "by arrays": lambda x: ragged.clip(x, -x, 2 * x)},
    "add": {
        "polynomial": lambda x: x * x * 3 - x / 2 + 1,
        "a row's number": lambda x: x * ragged.sum(x, axis=-1),
        "a column": lambda x: x + COLUMN[:4],
        "integers": lambda x: ragged.local_index(x) * x + 2,
    },
}
"""Programs that can be differentiated: by function, then by what they show."""

PLAIN: dict[str, dict[str, Callable[[Any], Any]]] = {
    **{name: {"axis=1": reducing(name, 1, power=1)} for name in ("all", "any", "count")},
    "count_nonzero": {"axis=0": lambda x: ragged.count_nonzero(x, axis=0)},
    "argmax": {"axis=1": lambda x: ragged.argmax(x, axis=1), "axis=0": lambda x: ragged.argmax(x, axis=0)},
    "argmin": {"axis=1": lambda x: ragged.argmin(x, axis=1), "axis=None": lambda x: ragged.argmin(x, axis=None)},
    "argsort": {"": ragged.argsort, "descending": lambda x: ragged.argsort(x, ascending=False)},
    "num": {"": ragged.num, "axis=0": lambda x: ragged.num(x, axis=0)},
    "local_index": {"": ragged.local_index},
    "is_none": {"axis=1": lambda x: ragged.is_none(x, axis=1)},
    "isclose": {"": lambda x: ragged.isclose(x, x * (1 + 1e-9))},
    "array_equal": {"": lambda x: ragged.array_equal(x, x * 1)},
    "almost_equal": {"": lambda x: ragged.almost_equal(x, x * (1 + 1e-9))},
    "argcartesian": {"": lambda x: ragged.argcartesian([x, x])},
    "argcombinations": {"": lambda x: ragged.argcombinations(x, 2)},
    "unzip": {"": lambda x: ragged.unzip(ragged.zip({"a": x, "b": x}))},
    "without_field": {"": lambda x: ragged.without_field(ragged.zip({"a": x, "b": x}), "a")},
    "with_name": {"": lambda x: ragged.with_name(ragged.zip({"a": x}), "Point")},
    "with_parameter": {"": lambda x: ragged.with_parameter(x, "unit", "m")},
    "fields": {"": lambda x: ragged.fields(ragged.zip({"a": x, "b": x}))},
    "is_tuple": {"": lambda x: ragged.is_tuple(ragged.zip((x, x)))},
    "parameters": {"": lambda x: ragged.parameters(ragged.with_parameter(x, "unit", "m"))},
    "zeros_like": {"": ragged.zeros_like},
    "ones_like": {"": ragged.ones_like},
    "from_iter": {"": lambda x: ragged.from_iter(x.to_list())},
    "from_numpy": {"": lambda x: ragged.from_numpy(COLUMN)},
    "to_list": {"": ragged.to_list},
    "to_numpy": {"": lambda x: ragged.to_numpy(ragged.num(x))},
    "to_backend": {"": lambda x: ragged.to_backend(x, "numpy")},
    "to_json": {"": ragged.to_json},
    "type": {"": lambda x: str(ragged.type(x))},
    "is_valid": {"": ragged.is_valid},
    "validity_error": {"": ragged.validity_error},
}
"""Programs whose results are counts, indices, structure, or no arrays at all."""

KINDS = ("ints", "bools", "single", "deep", "nothing")
"""More samples for the reducers, whose dtypes follow rules of their own."""
BY_KIND = ("sum", "prod", "max", "min", "any", "all", "mean", "argmax", "sort", "count", "num", "flatten")


def whole(x: Any) -> Any:
    """All elements, 0.5 for missing ones."""
    return ragged.ravel(ragged.fill_none(x, 0.5))


def product(pairs: Any) -> Any:
    """The product of the fields of tuples."""
    first, *others = ragged.unzip(pairs)
    for other in others:
        first = first * other
    return first


def operations() -> Iterator[Operation]:
    """The whole table: the programs above, the reducers by kind of number, and one entry for every ufunc."""
    from ragged.testing._ufuncs import elementwise

    for function, programs in SMOOTH.items():
        for title, program in programs.items():
            yield Operation(function, title, program)
    for function, programs in PLAIN.items():
        for title, program in programs.items():
            yield Operation(function, title, program, smooth=False)
    for function in BY_KIND:
        plain = function in ("num", "flatten", "sort")
        program = getattr(ragged, function) if plain else reducing(function, -1, power=1)
        yield Operation(function, "by kind", program, KINDS, smooth=False)
    yield from elementwise()


OPERATIONS: tuple[Operation, ...] = tuple(operations())
"""All operations."""
