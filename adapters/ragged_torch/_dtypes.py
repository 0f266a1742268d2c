"""PyTorch's dtypes and NumPy's, and casts between them as NumPy casts."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ragged.errors import UnsupportedError

__all__ = ["BFLOAT16", "LAME", "cast", "held", "numpy_dtype", "signed", "unsigned"]

NAMES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
)
TO_NUMPY: dict[torch.dtype, np.dtype[Any]] = {getattr(torch, name): np.dtype(name) for name in NAMES}
TO_TORCH: dict[np.dtype[Any], torch.dtype] = {ours: theirs for theirs, ours in TO_NUMPY.items()}

BFLOAT16: np.dtype[Any] | None = None
"""The dtype that NumPy lacks, where the package that has it is installed (it comes with JAX and with TensorFlow)."""
try:
    import ml_dtypes
except ImportError:
    pass
else:
    BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
    TO_NUMPY[torch.bfloat16] = BFLOAT16
    TO_TORCH[BFLOAT16] = torch.bfloat16

LAME: dict[torch.dtype, torch.dtype] = {
    torch.uint16: torch.int16,
    torch.uint32: torch.int32,
    torch.uint64: torch.int64,
}
"""Dtypes that PyTorch stores but hardly computes with, each with the signed one of its width."""


def held(dtype: Any) -> torch.dtype:
    """The torch dtype of a NumPy one.

    Raises:
        UnsupportedError: there is none.
    """
    known: np.dtype[Any] = np.dtype(dtype)
    found = TO_TORCH.get(known) or TO_TORCH.get(known.newbyteorder("="))
    if found is None:
        raise UnsupportedError(
            f"PyTorch has no {known} arrays; keep them on NumPy (x.to_backend('numpy')), or convert them first"
        )
    return found


def numpy_dtype(dtype: torch.dtype) -> np.dtype[Any]:
    """The NumPy dtype of a torch one.

    Raises:
        UnsupportedError: there is none (bfloat16 without ml_dtypes, quantized numbers).
    """
    try:
        return TO_NUMPY[dtype]
    except KeyError:
        install = ", or install ml_dtypes" if dtype == torch.bfloat16 else ""
        raise UnsupportedError(
            f"NumPy has no {dtype}; convert the tensor first, for example with x.float(){install}"
        ) from None


def cast(x: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """`x` in another dtype; of complex numbers the real part, without a warning."""
    if x.dtype == dtype:
        return x
    if x.dtype.is_complex and not dtype.is_complex and dtype != torch.bool:
        x = x.real
    return x.to(dtype)


def signed(x: torch.Tensor) -> torch.Tensor:
    """The same bits as a dtype that PyTorch moves and adds."""
    return x.view(LAME[x.dtype]) if x.dtype in LAME else x


def unsigned(x: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """The way back from `signed`."""
    return x.view(dtype) if x.dtype != dtype else x
