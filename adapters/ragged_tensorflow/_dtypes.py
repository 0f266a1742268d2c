"""TensorFlow's dtypes by NumPy's names, and casts between them."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import tensorflow as tf

from ragged.errors import UnsupportedError
from ragged.memory import aligned_copy
from ragged_tensorflow._sharing import WORTH_SHARING, adopted

__all__ = ["cast", "constant", "held", "numpy_dtype"]

KINDS = "biufc"


@cache
def held(dtype: Any) -> Any:
    """The TensorFlow dtype of a NumPy one (TensorFlow's own pass).

    Raises:
        UnsupportedError: TensorFlow has no such numbers.
    """
    if isinstance(dtype, tf.DType):
        return dtype
    known = np.dtype(dtype)
    if (known.kind not in KINDS and known.name != "bfloat16") or known.itemsize > (16 if known.kind == "c" else 8):
        raise UnsupportedError(
            f"{known} is not available on tensorflow: TensorFlow has no such numbers; keep them on NumPy "
            "(x.to_backend('numpy')), or convert them to numbers first"
        )
    return tf.as_dtype(known.newbyteorder("="))


@cache
def numpy_dtype(dtype: Any) -> np.dtype[Any]:
    """The NumPy dtype of a TensorFlow one."""
    known: np.dtype[Any] = np.dtype(dtype.as_numpy_dtype)
    return known


def constant(x: Any, dtype: Any) -> Any:
    """A NumPy array or a number as a tensor of a TensorFlow dtype; a copy, unless nobody can write to the array."""
    x = np.asarray(x)
    wanted = numpy_dtype(dtype)
    if x.dtype != wanted:
        x = x.astype(wanted) if x.nbytes < WORTH_SHARING else aligned_copy(x, wanted)
    shared = adopted(x)
    return tf.convert_to_tensor(x, dtype) if shared is None else shared


def cast(x: Any, dtype: Any) -> Any:
    """`x` in a TensorFlow dtype; the real part where that is no complex one."""
    if x.dtype is dtype or x.dtype == dtype:
        return x
    if x.dtype.is_complex and not dtype.is_complex:
        if dtype.is_bool:
            return x != tf.zeros((), x.dtype)
        x = tf.math.real(x)
    return tf.cast(x, dtype)
