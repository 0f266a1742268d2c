"""Where the structure of a compiled program lives: on the host what is known, in the program what it will compute."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ragged.backend import Backend
from ragged.rows import Groups, Ranges, Rows
from ragged_jax._checks import check
from ragged_jax._compat import Tracer
from ragged_jax._padded import Padded, data_of, lined_up, padded
from ragged_jax._padded_moves import gather
from ragged_jax._sizes import Size, value_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragged.rows import Segments

__all__ = ["Structure", "is_unknown"]


def is_unknown(x: Any) -> bool:
    """Whether an array, a size, or something made of them depends on the arguments of the program."""
    kind = type(x)
    if kind is np.ndarray or kind is int or kind is str or x is None:
        return False
    if kind is Padded or kind is Size:
        return True
    if kind is tuple or kind is list:
        return any(map(is_unknown, x))
    if kind is Rows:
        return is_unknown(x.offsets)
    if kind is Groups:
        return is_unknown(x.ids) or is_unknown(x.nrows)
    if kind is Ranges:
        return is_unknown(x.rows) or is_unknown(x.starts)
    return isinstance(x, Tracer)


def _elementwise(f: Callable[..., Any]) -> Callable[..., Any]:
    def run(*args: Any) -> Any:
        datas, shape = lined_up(args, list(map(data_of, args)))
        return padded(f(*datas), shape)

    return run


def _reduction(f: Callable[..., Any], neutral: Callable[[Any], Any]) -> Callable[..., Any]:
    def run(x: Any) -> Any:
        return f(x.zeroed(neutral(x.dtype)) if type(x) is Padded else data_of(x))

    return run


def _flip(x: Any) -> Any:
    if type(x) is not Padded:
        return jnp.flip(x)
    at = value_of(x.shape[0]) - 1 - jnp.arange(x.data.shape[0])
    return padded(gather(x.data, at), x.shape)


def _stack(arrays: Any, axis: int = 0) -> Any:
    datas, shape = lined_up(arrays, list(map(data_of, arrays)))
    return padded(jnp.stack(datas, axis), (*shape[:axis], len(datas), *shape[axis:]))


def _zero(dtype: Any) -> Any:
    return np.zeros((), dtype)[()]


UNKNOWN: dict[str, Callable[..., Any]] = {
    **{name: _elementwise(getattr(jnp, name)) for name in ("minimum", "maximum", "where", "abs")},
    "any": _reduction(jnp.any, _zero),
    "all": _reduction(jnp.all, lambda dtype: True),
    "sum": _reduction(jnp.sum, _zero),
    "max": _reduction(jnp.max, lambda dtype: np.iinfo(dtype).min),
    "min": _reduction(jnp.min, lambda dtype: np.iinfo(dtype).max),
    "flip": _flip,
    "stack": _stack,
}
"""The functions of structure that depends on arguments."""


class Functions:
    """The array namespace of structure: NumPy's, and JAX's where something depends on an argument."""

    def __init__(self, known: Any) -> None:
        self._known = known

    @cache  # noqa: B019 - it lives as long as the process
    def __getattr__(self, name: str) -> Any:
        known = getattr(self._known, name)
        if not callable(known) or isinstance(known, type) or name not in UNKNOWN:
            return known
        unknown = UNKNOWN[name]

        def call(*args: Any, **options: Any) -> Any:
            return (unknown if any(map(is_unknown, args)) else known)(*args, **options)

        return call


class Structure(Backend):
    """Two backends as one: each call runs on NumPy, unless something that it is given depends on an argument.

    So known and traced structure meet anywhere, and what is known while a program is compiled stays out of it.
    """

    name = "jax"

    def __init__(self, host: Backend, program: Any) -> None:
        self.host, self.program = host, program
        self.xp = Functions(host.xp)

    def home(self, *arrays: Any) -> Backend:
        return self

    def owns(self, x: Any) -> bool:
        return isinstance(x, np.ndarray | np.generic | jax.Array | Padded)

    def as_structure(self, x: Any) -> Any:
        return x

    def to_numpy(self, x: Any) -> np.ndarray[Any, Any]:
        return self.program.to_numpy(x) if is_unknown(x) else self.host.to_numpy(x)

    def known(self, x: Any) -> bool:
        return not is_unknown(x)

    def true(self, x: Any) -> bool:
        return not is_unknown(x) and bool(x)

    def equal(self, x: Any, y: Any) -> bool:
        return x is y or (not is_unknown((x, y)) and self.host.equal(x, y))

    def agree(self, x: Any, y: Any, what: str) -> bool:
        if x is y:
            return True
        if not is_unknown((x, y)):
            return self.host.equal(x, y)
        n, m = (each.shape[0] for each in (x, y))
        check(value_of(n) != value_of(m), what)
        different = x != y
        check(jnp.any(different.zeroed(False) if type(different) is Padded else different), what)
        return True

    def segment_sum(self, x: Any, rows: Segments) -> Any:
        return self._of(x, rows).segment_sum(x, rows)

    def segment_max(self, x: Any, rows: Segments, identity: Any) -> Any:
        return self._of(x, rows).segment_max(x, rows, identity)

    def segment_argsort(self, x: Any, rows: Any, descending: bool = False) -> Any:
        return self._of(x, rows).segment_argsort(x, rows, descending)

    def _of(self, *given: Any) -> Any:
        return self.program if any(map(is_unknown, given)) else self.host


def _either(name: str) -> Callable[..., Any]:
    """The method of the backend that the arguments need."""

    def method(self: Structure, *args: Any, **options: Any) -> Any:
        unknown = any(map(is_unknown, args)) or any(map(is_unknown, options.values()))
        return getattr(self.program if unknown else self.host, name)(*args, **options)

    method.__name__ = name
    return method


_METHODS = (
    *("asarray", "size", "shape", "bound", "dtype", "astype", "apply", "take", "slice", "violated"),
    *("segment_min", "segment_argmax", "segment_count", "segment_prod", "concat", "where"),
    *("cumulative_sum", "reshape", "broadcast_to", "sum", "permute_dims", "full", "entry", "expand", "arange"),
    *("repeat", "ranges", "offsets_from_lengths", "searchsorted", "flatnonzero"),
    *("row_ids", "row_lengths", "row_positions", "row_longest", "largest"),
)
for _name in _METHODS:
    setattr(Structure, _name, _either(_name))
