"""Ragged arrays, written once, that run and differentiate on every array framework."""

from ragged.array import Array, Record
from ragged.backend import Backend
from ragged.comparison import Comparison, compare
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
from ragged.interchange import backend, from_native, to_awkward, to_backend, to_list, to_native, to_numpy
from ragged.missing import mask
from ragged.printing import show
from ragged.records import fields, with_field, zip
from ragged.reducers import all, any, argmax, argmin, count, count_nonzero, max, min, prod, sum
from ragged.registry import available
from ragged.structure import flatten, local_index, num, ravel, unflatten
from ragged.types import type

__all__ = [
    "Array",
    "AxisError",
    "Backend",
    "BackendMismatchError",
    "Comparison",
    "DTypeError",
    "FieldError",
    "MissingBackendError",
    "OutOfRangeError",
    "RaggedError",
    "Record",
    "StructureError",
    "UnsupportedError",
    "all",
    "any",
    "argmax",
    "argmin",
    "available",
    "backend",
    "compare",
    "count",
    "count_nonzero",
    "current",
    "fields",
    "flatten",
    "from_native",
    "local_index",
    "mask",
    "max",
    "min",
    "num",
    "prod",
    "ravel",
    "show",
    "sum",
    "to_awkward",
    "to_backend",
    "to_list",
    "to_native",
    "to_numpy",
    "type",
    "unflatten",
    "use",
    "with_field",
    "zip",
]
