"""Kernels that stay what they are in a compiled program: PyTorch calls them, on real tensors, where they stand in it.

Sums of segments are one operator, of which a compiler for few elements makes a loop of its own, and a call of a kernel
where they are many; most others are calls of Python functions by their number.
"""

from __future__ import annotations

from contextvars import ContextVar
from functools import reduce
from itertools import count
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import numpy as np
import torch

from ragged_torch._compat import traced

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Kernel", "at_hand", "called", "differentiable", "kernel_sum", "segment_sum", "segment_sum_in_place"]

dispatch: Any = torch._C
AUTOCAST: Any = reduce(
    lambda keys, name: keys.add(getattr(dispatch.DispatchKey, name)),
    (name for name in dir(dispatch.DispatchKey) if name.startswith("Autocast")),
    dispatch.DispatchKeySet(dispatch.DispatchKey.Undefined),
)

library: Any = torch.library.Library(  # type: ignore[no-untyped-call]
    "ragged", "DEF"
)
library.define("segment_sum(Tensor x, Tensor offsets, Tensor ids, bool doubtful) -> Tensor")
library.define("kernel_sum(Tensor x, Tensor offsets, Tensor ids, bool doubtful) -> Tensor")
library.define("nonzero(Tensor mask) -> Tensor")
library.define("row_ids(Tensor offsets, SymInt total) -> Tensor")
library.define("call(int number, Tensor[] tensors, SymInt[] sizes) -> Tensor[]")

at_hand: ContextVar[dict[tuple[int, int], Any]] = ContextVar("ragged_torch_rows", default={})  # noqa: B039
"""The rows of the arguments of the graph that runs, by where their offsets are."""

numbers = count()
kernels: WeakValueDictionary[int, Kernel] = WeakValueDictionary()


class Kernel:
    """A function of real tensors: `f(tensors) -> list of tensors`, of which `like(tensors, sizes)` has the shapes."""

    def __init__(self, f: Callable[..., Any], like: Callable[..., Any]) -> None:
        self.f, self.like, self.number = f, like, next(numbers)
        kernels[self.number] = self


def call(number: int, tensors: Sequence[torch.Tensor], sizes: Sequence[int]) -> list[torch.Tensor]:
    """The kernel's results. It may differentiate, although compiled code runs where nothing records."""
    with dispatch._ForceDispatchKeyGuard(dispatch._dispatch_tls_local_include_set(), AUTOCAST):
        return list(kernels[number].f(tensors))


def like(number: int, tensors: Sequence[torch.Tensor], sizes: Sequence[int]) -> list[torch.Tensor]:
    """Their shapes."""
    return list(kernels[number].like(tensors, sizes))


def sums(x: torch.Tensor, offsets: torch.Tensor, ids: torch.Tensor, doubtful: bool) -> Any:
    """Sums of contiguous segments, by the kernel of eager code; `ids` may be offsets, where nobody has any."""
    from ragged_torch._devices import on_device

    return on_device(x.device).segment_sum(x, rows_of(offsets, ids, x if doubtful else None))


def rows_of(offsets: torch.Tensor, ids: torch.Tensor, doubtful: torch.Tensor | None) -> Any:
    """Rows of eager code over structure that is there already; those of an argument with all that they keep.

    Raises:
        IndexError: they are none of as many elements as there are, of which there was doubt.
    """
    from ragged.rows import Rows
    from ragged_torch._devices import on_device

    found = at_hand.get().get((offsets.data_ptr(), offsets.shape[0]))
    if found is not None:
        return found
    if doubtful is not None and not (
        doubtful.shape[0] == int(offsets[-1]) and not int(offsets[0]) and bool((torch.diff(offsets) >= 0).all())
    ):
        raise IndexError("offsets that are none")
    rows = Rows(on_device(offsets.device), offsets, offsets.shape[0] - 1)
    if ids is not offsets:
        rows._ids = ids
    return rows


def nonzero(mask: torch.Tensor) -> torch.Tensor:
    """Where a mask is true. (PyTorch's own begins its threads, however few there are.)"""
    from ragged_torch._devices import on_device

    found: torch.Tensor = on_device(mask.device).flatnonzero(mask)
    return found


def nonzero_like(mask: torch.Tensor) -> torch.Tensor:
    """As many as there will be."""
    context: Any = torch.library.get_ctx()
    return mask.new_empty((context.new_dynamic_size(),), dtype=torch.int64)


def row_ids(offsets: torch.Tensor, total: int) -> torch.Tensor:
    """The row of each element.

    Raises:
        IndexError: the rows have another number of elements.
    """
    lengths = torch.diff(offsets)
    if offsets.device.type != "cpu":
        return torch.repeat_interleave(lengths, output_size=total)
    found = np.repeat(np.arange(len(lengths)), lengths.numpy())
    if len(found) != total:
        raise IndexError(f"rows of {len(found)} elements, not {total}")
    return torch.from_numpy(found)


def row_ids_like(offsets: torch.Tensor, total: Any) -> torch.Tensor:
    """Their shape."""
    return offsets.new_empty((total,))


def sums_like(x: torch.Tensor, offsets: torch.Tensor, ids: torch.Tensor, doubtful: bool) -> torch.Tensor:
    """Their shape."""
    return x.new_empty((offsets.shape[0] - 1, *x.shape[1:]))


def segment_sum_in_place(x: torch.Tensor, offsets: torch.Tensor, ids: torch.Tensor, doubtful: bool) -> Any:
    """The same made of one addition for each element: of floats, for which compilers have one."""
    if not x.is_floating_point():
        return kernel_sum(x, offsets, ids, doubtful)
    return torch.index_add(x.new_zeros((offsets.shape[0] - 1, *x.shape[1:])), 0, ids, x)


segment_sum: Any = torch.ops.ragged.segment_sum
kernel_sum: Any = torch.ops.ragged.kernel_sum
library.impl("segment_sum", sums, "CompositeExplicitAutograd")
library.impl("kernel_sum", sums, "CompositeExplicitAutograd")
library.impl("nonzero", nonzero, "CompositeExplicitAutograd")
library.impl("row_ids", row_ids, "CompositeExplicitAutograd")
library.impl("call", call, "CompositeExplicitAutograd")
torch.library.register_fake("ragged::segment_sum", sums_like, lib=library)
torch.library.register_fake("ragged::kernel_sum", sums_like, lib=library)
torch.library.register_fake("ragged::nonzero", nonzero_like, lib=library)
torch.library.register_fake("ragged::row_ids", row_ids_like, lib=library)
torch.library.register_fake("ragged::call", like, lib=library)


def called(f: Callable[..., Any], like: Callable[..., Any], tensors: Sequence[Any], sizes: Sequence[Any] = ()) -> Any:
    """`f(tensors)` in the program that is being traced."""
    kernel = Kernel(f, like)
    traced().kept.append(kernel)
    return torch.ops.ragged.call(kernel.number, list(tensors), list(sizes))


def differentiable(
    f: Callable[..., Any], like: Callable[..., Any], tensors: Sequence[Any], sizes: Sequence[Any] = ()
) -> list[torch.Tensor]:
    """The same, with all derivatives, which PyTorch takes of `f` where the program stands."""
    found: Any = Called.apply(f, like, sizes, *tensors)  # type: ignore[no-untyped-call]
    return list(found)


class Called(torch.autograd.Function):
    """A call whose derivative is a call again."""

    @staticmethod
    def forward(ctx: Any, f: Any, like: Any, sizes: Any, *tensors: Any) -> tuple[Any, ...]:
        ctx.f = f
        ctx.save_for_backward(*tensors)
        return tuple(called(f, like, tensors, sizes))

    @staticmethod
    def backward(ctx: Any, *cotangents: Any) -> tuple[Any, ...]:
        tensors = ctx.saved_tensors
        wanted = [i for i, x in enumerate(tensors) if ctx.needs_input_grad[i + 3]]
        pull = Pull(ctx.f, len(tensors), wanted)
        grads = iter(differentiable(pull, pull.like, (*tensors, *cotangents)))
        return (None, None, None, *[next(grads) if i in wanted else None for i in range(len(tensors))])


class Pull:
    """The pullback of a function of tensors, as such a function."""

    def __init__(self, f: Callable[..., Any], count: int, wanted: Sequence[int]) -> None:
        self.f, self.count, self.wanted = f, count, wanted

    def like(self, tensors: Sequence[Any], sizes: Sequence[Any]) -> list[Any]:
        """Shapes as those of what is differentiated by."""
        return [torch.empty_like(tensors[i]) for i in self.wanted]

    def __call__(self, tensors: Sequence[Any]) -> list[Any]:
        outer = torch.is_grad_enabled() and any(x.requires_grad for x in tensors)
        with torch.enable_grad():
            inputs = list(tensors[: self.count])
            for i in self.wanted:
                inputs[i] = inputs[i].view_as(inputs[i]) if inputs[i].requires_grad else leaf(inputs[i])
            pairs = [(y, g) for y, g in zip(self.f(inputs), tensors[self.count :], strict=True) if y.requires_grad]
            sources = [inputs[i] for i in self.wanted]
            grads: Sequence[Any] = [None] * len(sources)
            if pairs:
                outputs, cotangents = zip(*pairs, strict=True)
                grads = torch.autograd.grad(outputs, sources, cotangents, create_graph=outer, allow_unused=True)
        return [torch.zeros_like(x) if g is None else g for x, g in zip(sources, grads, strict=True)]


def leaf(x: torch.Tensor) -> torch.Tensor:
    """`x` as a tensor to differentiate by."""
    return x.detach().requires_grad_()
