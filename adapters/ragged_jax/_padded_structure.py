"""Where the structure of a compiled program lives: on the host what is known, in the program what it will compute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ragged._mixed_structure import MixedStructure, unknown_where
from ragged_jax._checks import check
from ragged_jax._compat import Tracer
from ragged_jax._padded import Padded, data_of, is_as_old, lined_up, padded
from ragged_jax._padded_moves import gather
from ragged_jax._sizes import Size, value_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragged.backend import Backend

__all__ = ["Structure", "is_unknown"]


is_unknown = unknown_where(lambda x: isinstance(x, Padded | Size | Tracer))


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


class Structure(MixedStructure):
    """NumPy's backend, and the padded one for what depends on an argument of the program."""

    name = "jax"

    def __init__(self, host: Backend, program: Any) -> None:
        super().__init__(host, program, is_unknown)

    def function(self, name: str) -> Callable[..., Any] | None:
        return UNKNOWN.get(name)

    def owns(self, x: Any) -> bool:
        return isinstance(x, np.ndarray | np.generic | jax.Array | Padded)

    def lasts(self, x: Any, source: Any) -> bool:
        return is_as_old(x, source)

    def must_agree(self, x: Any, y: Any, what: str) -> None:
        n, m = (each.shape[0] for each in (x, y))
        check(value_of(n) != value_of(m), what)
        different = x != y
        check(jnp.any(different.zeroed(False) if type(different) is Padded else different), what)
