"""Which dtypes JAX holds, and the one warning where it holds fewer bits than it was given."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from ragged.errors import UnsupportedError
from ragged_jax._compat import x64_enabled

__all__ = ["cast", "held", "structural"]

NARROWER = {
    np.dtype(wide): np.dtype(narrow) for wide, narrow in {"f8": "f4", "i8": "i4", "u8": "u4", "c16": "c8"}.items()
}
_warned: set[str] = set()


def held(dtype: Any) -> np.dtype[Any]:
    """The dtype that JAX has for `dtype` here: itself, or the narrower one (with a warning) where x64 is off.

    Raises:
        UnsupportedError: JAX has no such kind of numbers.
    """
    known = _known(dtype)
    if known not in NARROWER or x64_enabled():
        return known
    _warn(known)
    return NARROWER[known]


def cast(x: Any, dtype: Any) -> Any:
    """`x` in a dtype that JAX holds.

    A boolean goes by way of an integer: XLA makes a choice of boolean times float, in which False times NaN is 0.
    """
    if dtype.kind == "b":
        return x if x.dtype.kind == "b" else x != 0
    if x.dtype.kind == "b" and dtype.kind != "b":
        x = lax.convert_element_type(x, np.int8)
    return lax.convert_element_type(x, dtype)


@cache
def _known(dtype: Any) -> np.dtype[Any]:
    known: np.dtype[Any] = np.dtype(dtype)
    is_number = known.kind == "b" or jnp.issubdtype(known, np.number)  # ml_dtypes' bfloat16 is a number to jnp only
    is_number = is_number and known.kind != "m"  # to NumPy a duration is an integer
    if not is_number or known.itemsize > (16 if known.kind == "c" else 8):
        raise UnsupportedError(f"JAX has no {known} arrays; keep them on NumPy, or convert them to numbers first")
    return known if known.isnative else known.newbyteorder("=")


def _warn(dtype: np.dtype[Any]) -> None:
    """Once a process and kind of number: what is lost, and how to keep it."""
    if dtype.kind in _warned:
        return
    _warned.add(dtype.kind)
    warnings.warn(
        f"JAX holds {dtype} as {NARROWER[dtype]} while its 64-bit mode is off; "
        'ragged.use("jax", precision="float64") keeps 64 bits within ragged',
        UserWarning,
        stacklevel=2,
    )


def structural() -> np.dtype[Any]:
    """The dtype of structure within a program: as many bits as JAX has here for integers."""
    return np.dtype(np.int64 if x64_enabled() else np.int32)
