"""Ragged arrays, written once, that run and differentiate on every array framework."""

import types as _types
import typing as _typing

from ragged import _installation as _installation  # first: may refuse to go on
from ragged._constants import *  # noqa: F403
from ragged._functions import *  # noqa: F403
from ragged._row_matrices import matrix_transpose as matrix_transpose
from ragged._transform import transform as transform
from ragged.array import Array as Array
from ragged.array import Record as Record
from ragged.backend import Backend as Backend
from ragged.closeness import almost_equal as almost_equal
from ragged.closeness import array_equal as array_equal
from ragged.closeness import isclose as isclose
from ragged.combinatorics import argcartesian as argcartesian
from ragged.combinatorics import argcombinations as argcombinations
from ragged.combinatorics import cartesian as cartesian
from ragged.combinatorics import combinations as combinations
from ragged.construct import from_iter as from_iter
from ragged.construct import from_numpy as from_numpy
from ragged.context import current as current
from ragged.context import use as use
from ragged.creation import astype as astype
from ragged.creation import full_like as full_like
from ragged.creation import ones_like as ones_like
from ragged.creation import values_astype as values_astype
from ragged.creation import zeros_like as zeros_like
from ragged.errors import *  # noqa: F403
from ragged.interchange import backend as backend
from ragged.interchange import from_awkward as from_awkward
from ragged.interchange import from_native as from_native
from ragged.interchange import to_awkward as to_awkward
from ragged.interchange import to_backend as to_backend
from ragged.interchange import to_list as to_list
from ragged.interchange import to_native as to_native
from ragged.interchange import to_numpy as to_numpy
from ragged.interchange.arrow import from_arrow as from_arrow
from ragged.interchange.arrow import from_parquet as from_parquet
from ragged.interchange.arrow import to_arrow as to_arrow
from ragged.interchange.arrow import to_parquet as to_parquet
from ragged.interchange.json import from_json as from_json
from ragged.interchange.json import to_json as to_json
from ragged.joining import concat as concat
from ragged.joining import concatenate as concatenate
from ragged.joining import stack as stack
from ragged.missing import drop_none as drop_none
from ragged.missing import fill_none as fill_none
from ragged.missing import firsts as firsts
from ragged.missing import is_none as is_none
from ragged.missing import mask as mask
from ragged.missing import pad_none as pad_none
from ragged.missing import singletons as singletons
from ragged.nans import nan_to_none as nan_to_none
from ragged.nans import nan_to_num as nan_to_num
from ragged.partitions import from_lengths as from_lengths
from ragged.partitions import from_offsets as from_offsets
from ragged.partitions import from_padded as from_padded
from ragged.partitions import from_row_ids as from_row_ids
from ragged.partitions import to_padded as to_padded
from ragged.printing import show as show
from ragged.records import fields as fields
from ragged.records import is_tuple as is_tuple
from ragged.records import parameters as parameters
from ragged.records import with_field as with_field
from ragged.records import with_name as with_name
from ragged.records import with_parameter as with_parameter
from ragged.records import without_field as without_field
from ragged.reducers import all as all
from ragged.reducers import any as any
from ragged.reducers import argmax as argmax
from ragged.reducers import argmin as argmin
from ragged.reducers import count as count
from ragged.reducers import count_nonzero as count_nonzero
from ragged.reducers import max as max
from ragged.reducers import min as min
from ragged.reducers import prod as prod
from ragged.reducers import sum as sum
from ragged.registry import available as available
from ragged.regularity import from_regular as from_regular
from ragged.regularity import to_packed as to_packed
from ragged.regularity import to_regular as to_regular
from ragged.scans import cumulative_prod as cumulative_prod
from ragged.scans import cumulative_sum as cumulative_sum
from ragged.selection import broadcast_arrays as broadcast_arrays
from ragged.selection import where as where
from ragged.softmaxes import softmax as softmax
from ragged.sorting import argsort as argsort
from ragged.sorting import sort as sort
from ragged.statistics import logsumexp as logsumexp
from ragged.statistics import mean as mean
from ragged.statistics import ptp as ptp
from ragged.statistics import std as std
from ragged.statistics import var as var
from ragged.structure import flatten as flatten
from ragged.structure import local_index as local_index
from ragged.structure import num as num
from ragged.structure import ravel as ravel
from ragged.structure import unflatten as unflatten
from ragged.types import type as type
from ragged.validation import is_valid as is_valid
from ragged.validation import validity_error as validity_error
from ragged.zipping import unzip as unzip
from ragged.zipping import zip as zip

if _typing.TYPE_CHECKING:
    from ragged.autodiff.check import check_grads as check_grads
    from ragged.autodiff.custom import custom_vjp as custom_vjp
    from ragged.autodiff.matrices import hessian as hessian
    from ragged.autodiff.matrices import hvp as hvp
    from ragged.autodiff.matrices import jacobian as jacobian
    from ragged.autodiff.transforms import checkpoint as checkpoint
    from ragged.autodiff.transforms import grad as grad
    from ragged.autodiff.transforms import jvp as jvp
    from ragged.autodiff.transforms import stop_gradient as stop_gradient
    from ragged.autodiff.transforms import value_and_grad as value_and_grad
    from ragged.autodiff.transforms import vjp as vjp
    from ragged.batching import batches as batches
    from ragged.comparison import Comparison as Comparison
    from ragged.comparison import compare as compare
    from ragged.compilation import jit as jit
    from ragged.compilation import pad_to as pad_to

# Differentiation and comparison are loaded when they are first asked for: other programs start without them.
_LATER = {
    "autodiff.check": ("check_grads",),
    "autodiff.custom": ("custom_vjp",),
    "autodiff.matrices": ("hessian", "hvp", "jacobian"),
    "autodiff.transforms": ("checkpoint", "grad", "jvp", "stop_gradient", "value_and_grad", "vjp"),
    "batching": ("batches",),
    "comparison": ("Comparison", "compare"),
    "compilation": ("jit", "pad_to"),
}
_MODULES = {name: f"ragged.{module}" for module, names in _LATER.items() for name in names}

# Type checkers take what is imported as itself for public; they cannot read a list that is computed.
if not _typing.TYPE_CHECKING:
    _here = [name for name, value in globals().items() if name[0] != "_" and not isinstance(value, _types.ModuleType)]
    __all__ = sorted([*_here, *_MODULES])


def __getattr__(name: str) -> _typing.Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'ragged' has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(_MODULES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
