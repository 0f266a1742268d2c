"""Ragged arrays, written once, that run and differentiate on every array framework."""

from ragged import _installation as _installation  # first: may refuse to go on
from ragged.array import Array, Record
from ragged.autodiff.custom import custom_vjp
from ragged.autodiff.matrices import hessian, hvp, jacobian
from ragged.autodiff.transforms import checkpoint, grad, jvp, stop_gradient, value_and_grad, vjp
from ragged.backend import Backend
from ragged.comparison import Comparison, compare
from ragged.construct import from_iter, from_numpy
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
from ragged.interchange.arrow import from_arrow, from_parquet, to_arrow, to_parquet
from ragged.joining import concat, concatenate, stack
from ragged.missing import drop_none, fill_none, firsts, is_none, mask, pad_none, singletons
from ragged.partitions import from_lengths, from_offsets, from_padded, from_row_ids, to_padded
from ragged.printing import show
from ragged.records import fields, is_tuple, parameters, with_field, with_name, with_parameter, without_field
from ragged.reducers import all, any, argmax, argmin, count, count_nonzero, max, min, prod, sum
from ragged.registry import available
from ragged.selection import broadcast_arrays, where
from ragged.statistics import logsumexp, mean, ptp, softmax, std, var
from ragged.structure import flatten, local_index, num, ravel, unflatten
from ragged.types import type
from ragged.validation import is_valid, validity_error
from ragged.zipping import unzip, zip

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
    "broadcast_arrays",
    "checkpoint",
    "compare",
    "concat",
    "concatenate",
    "count",
    "count_nonzero",
    "current",
    "custom_vjp",
    "drop_none",
    "fields",
    "fill_none",
    "firsts",
    "flatten",
    "from_arrow",
    "from_iter",
    "from_lengths",
    "from_native",
    "from_numpy",
    "from_offsets",
    "from_padded",
    "from_parquet",
    "from_row_ids",
    "grad",
    "hessian",
    "hvp",
    "is_none",
    "is_tuple",
    "is_valid",
    "jacobian",
    "jvp",
    "local_index",
    "logsumexp",
    "mask",
    "max",
    "mean",
    "min",
    "num",
    "pad_none",
    "parameters",
    "prod",
    "ptp",
    "ravel",
    "show",
    "singletons",
    "softmax",
    "stack",
    "std",
    "stop_gradient",
    "sum",
    "to_arrow",
    "to_awkward",
    "to_backend",
    "to_list",
    "to_native",
    "to_numpy",
    "to_padded",
    "to_parquet",
    "type",
    "unflatten",
    "unzip",
    "use",
    "validity_error",
    "value_and_grad",
    "var",
    "vjp",
    "where",
    "with_field",
    "with_name",
    "with_parameter",
    "without_field",
    "zip",
]
