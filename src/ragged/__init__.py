"""Ragged arrays, written once, that run and differentiate on every array framework."""

from ragged.array import Array, Record
from ragged.backend import Backend
from ragged.context import current, use
from ragged.errors import (
    AxisError,
    BackendMismatchError,
    DTypeError,
    FieldError,
    MissingBackendError,
    OutOfRangeError,
    RaggedError,
    StructureError,
    UnsupportedError,
)
from ragged.registry import available

__all__ = [
    "Array",
    "AxisError",
    "Backend",
    "BackendMismatchError",
    "DTypeError",
    "FieldError",
    "MissingBackendError",
    "OutOfRangeError",
    "RaggedError",
    "Record",
    "StructureError",
    "UnsupportedError",
    "available",
    "current",
    "use",
]
