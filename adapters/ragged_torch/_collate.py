"""Batches of samples as ragged arrays, for `torch.utils.data.DataLoader`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from multiprocessing.reduction import ForkingPickler
from typing import Any

import numpy as np
import torch
from torch.utils.data import default_collate

from ragged.array import Array, Record
from ragged.errors import DTypeError, StructureError
from ragged.nodes import Flat, Lists
from ragged.registry import get_backend
from ragged.rows import Rows
from ragged_torch._backend import TorchBackend
from ragged_torch._native import backend_of

__all__ = ["collate", "register"]


def collate(samples: Sequence[Any]) -> Any:
    """A batch of samples, for `DataLoader(dataset, batch_size=..., collate_fn=ragged_torch.collate)`.

    Tensors, NumPy arrays, lists and ragged arrays become one ragged `Array` on PyTorch, a row a sample, however long
    each is; records become an array of them; numbers and 0-d tensors a tensor; dicts and tuples a dict or tuple of
    batches, and strings a list of them.

    Raises:
        StructureError: samples that do not go together.

    >>> import ragged_torch, torch
    >>> samples = [(torch.tensor([1.0, 2.0]), 0), (torch.tensor([3.0]), 1)]
    >>> ragged_torch.collate(samples)
    (<Array [[1, 2], [3]] type='2 * var * float32' backend='torch'>, tensor([0, 1]))
    """
    if len(samples) == 0:
        raise StructureError("there is no sample to make a batch of")
    first = samples[0]
    kinds = {kind_of(sample) for sample in samples}
    if len(kinds) > 1:
        raise StructureError(f"the samples of a batch are of one kind, not of several: {', '.join(sorted(kinds))}")
    match kinds.pop():
        case "dicts":
            if any(sample.keys() != first.keys() for sample in samples):
                raise StructureError(f"the samples of a batch have the same keys, here {list(first)}")
            return {key: collate([sample[key] for sample in samples]) for key in first}
        case "tuples":
            if any(len(sample) != len(first) for sample in samples):
                raise StructureError(f"the samples of a batch have the same number of fields, here {len(first)}")
            fields = [collate(field) for field in zip(*samples, strict=True)]
            return type(first)(*fields) if hasattr(first, "_fields") else tuple(fields)
        case "rows" | "records":
            return joined(samples)
        case "texts":
            return list(samples)
        case "numbers":
            return numbers(samples)
    raise StructureError(
        f"a batch is made of tensors, arrays, lists, numbers, strings, and dicts and tuples of them, not of "
        f"{type(first).__name__} objects"
    )


def kind_of(sample: Any) -> str:
    """How a sample goes into a batch."""
    match sample:
        case Mapping():
            return "dicts"
        case tuple():
            return "tuples"
        case str() | bytes():
            return "texts"
        case Array() | list():
            return "rows"
        case Record():
            return "records"
        case torch.Tensor() | np.ndarray() | np.generic():
            return "rows" if sample.ndim else "numbers"
        case bool() | int() | float() | complex():
            return "numbers"
    return type(sample).__name__


def numbers(samples: Sequence[Any]) -> Any:
    """Numbers and 0-d tensors as a tensor.

    Raises:
        DTypeError: a number that PyTorch cannot hold.
        StructureError: tensors that do not go together.
    """
    is_one_type = len(set(map(type, samples))) == 1
    try:
        return default_collate(list(samples) if is_one_type else [torch.as_tensor(each) for each in samples])
    except (ValueError, TypeError, OverflowError) as error:
        raise DTypeError(f"the numbers of the batch cannot become a tensor: {error}") from error
    except RuntimeError as error:
        overflows = "overflow" in str(error).lower()
        kind = DTypeError if overflows else StructureError
        raise kind(f"the numbers of the batch cannot become a tensor: {error}") from error


def tensors(samples: Sequence[Any]) -> list[Any]:
    """The samples, NumPy's arrays of numbers among them as tensors (all at once where they can be), which keep their
    dtype and the sizes of their trailing axes."""
    b = get_backend("torch")
    if not all(is_numeric(sample) for sample in samples):
        return [b.asarray(sample) if is_numeric(sample) else sample for sample in samples]
    if len({(sample.dtype, sample.shape[1:]) for sample in samples}) > 1:
        return [b.asarray(sample) for sample in samples]
    return list(torch.split(b.asarray(np.concatenate(samples)), [sample.shape[0] for sample in samples]))


def is_numeric(sample: Any) -> bool:
    """Whether this is a NumPy array of numbers and nothing else."""
    is_plain = isinstance(sample, np.ndarray) and not isinstance(sample, np.ma.MaskedArray)
    return is_plain and sample.dtype.kind in "biufc"


def joined(samples: Sequence[Any]) -> Array:
    """The samples as the rows of one array."""
    if any(isinstance(sample, np.ndarray) for sample in samples):
        samples = tensors(samples)
    if not all(type(sample) is torch.Tensor for sample in samples) or len({likeness(each) for each in samples}) > 1:
        return Array(list(samples), backend="torch")
    content = torch.cat(list(samples))
    b = backend_of(content)
    ops, total = b.home(content), content.shape[0]
    lengths = ops.asarray(np.array([sample.shape[0] for sample in samples], np.int64))
    return Array._of(Lists(Rows.from_lengths(ops, lengths, total), Flat(content, total)), b)


def likeness(x: torch.Tensor) -> tuple[Any, ...]:
    """What tensors have in common that can be joined as they are."""
    return x.dtype, x.device, x.layout, x.is_nested, None if x.is_nested else x.shape[1:]


def reduced(array: Array) -> tuple[Any, ...]:
    """How an array goes to another process: its tensors as PyTorch's own do, in memory that both share."""
    if not isinstance(array._backend, TorchBackend):
        return array.__reduce__()
    kept = {key: value for key, value in (array._attrs or {}).items() if not str(key).startswith("@")}
    return Array._of, (array.layout, array._backend, kept or None, array._behavior)


def register() -> None:
    """Let arrays go through the queues of `multiprocessing`, from the workers of a `DataLoader` for one."""
    ForkingPickler.register(Array, reduced)
