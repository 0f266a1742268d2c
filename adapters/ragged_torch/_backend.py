"""The protocol on PyTorch: structure and content are tensors on one device, differentiated by PyTorch itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import array_api_compat.torch as xp
import numpy as np
import torch

from ragged._namespace import NUMBERS, kind_of
from ragged.backend import Backend
from ragged.errors import BackendMismatchError, UnsupportedError
from ragged.ufuncs import result_dtypes
from ragged_torch import _functions, _host, _kernels, _orders, _reductions, _segments, _transforms
from ragged_torch._arrays import copy, is_tensor, place, structure, to_numpy
from ragged_torch._compat import is_batched, is_transformed, is_wrapped, tangent_of, traced
from ragged_torch._custom import custom_vjp
from ragged_torch._devices import lasting, on_device
from ragged_torch._dtypes import cast, held, numpy_dtype, signed, unsigned
from ragged_torch._native import from_nested
from ragged_torch._nested import to_jagged
from ragged_torch._packed import PackedSequence, from_packed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged.compilation._program import Plan, Program
    from ragged.rows import Rows, Segments

__all__ = ["TorchBackend"]

CPU = torch.device("cpu")
SMALL = 1 << 14
"""Below this many elements the number of calls counts, not the passes: PyTorch's own functions differentiate faster."""


class TorchBackend(Backend):
    """Tensors on one device. Structure lives there, too."""

    name = "torch"
    xp = xp
    unsupported = _functions.UNSUPPORTED
    zero_copy = frozenset({"asarray", "to_numpy", "slice", "reshape"})
    device: torch.device = CPU
    compiles: str | None = "one graph, compiled by PyTorch, for arrays of all lengths"
    chosen: bool = False  # by `use(device=...)` or `to_backend(device=...)`; else tensors stay where they are

    # ------------------------------------------------------------------ where things are

    def home(self, *arrays: Any) -> Backend:
        return on_device(self.device) if self.chosen else self

    def owns(self, x: Any) -> bool:
        return is_tensor(x)

    def serving(self, x: Any) -> Backend:
        trace = traced()
        if trace is not None:
            return trace.b  # type: ignore[no-any-return]
        return self if x.device == self.device else on_device(x.device)

    def joined(self, other: Backend) -> Backend:
        trace = traced()
        if trace is not None:  # what is being compiled takes constants in
            return trace.b  # type: ignore[no-any-return]
        if isinstance(other, TorchBackend) and other.device != self.device:
            raise BackendMismatchError(
                f"tensors on two devices in one operation: {self.device} and {other.device}; "
                f"move one of them, for example with x.to_backend('torch', device={str(self.device)!r})"
            )
        return super().joined(other)

    def configured(self, device: Any = None, precision: str | None = None) -> Backend:
        if precision not in (None, "float64"):
            raise UnsupportedError(f"precision={precision!r} is not known to PyTorch; say 'float64' or leave it out")
        return on_device(torch.get_default_device()) if device is None else on_device(device, True)

    def hosting(self, other: Backend) -> Backend:
        return self if self.chosen else other

    def __reduce__(self) -> tuple[Any, ...]:
        return on_device, (str(self.device), self.chosen)

    def asarray(self, x: Any, dtype: Any = None) -> Any:
        return place(x, dtype, self.device)

    def to_numpy(self, x: Any) -> np.ndarray[Any, Any]:
        return to_numpy(x)

    def as_structure(self, x: Any) -> Any:
        return structure(x)

    def differentiating(self, x: Any) -> bool:
        return (x.requires_grad and torch.is_grad_enabled()) or is_wrapped(x) or tangent_of(x) is not None

    def known(self, x: Any) -> bool:
        return not is_batched(x)

    def stop_gradient(self, x: Any) -> Any:
        return x.detach()

    def duplicate(self, x: Any) -> Any:
        return copy(x)

    # ------------------------------------------------------------------ differentiation

    def vjp(self, f: Callable[..., Any], primals: Sequence[Any]) -> tuple[Any, Any, Callable[..., Any]]:
        return _transforms.vjp(f, [self.asarray(x) for x in primals])

    def jvp(self, f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any, Any]:
        return _transforms.jvp(f, [self.asarray(x) for x in primals], [self.asarray(t) for t in tangents])

    def checkpoint(self, f: Callable[..., Any]) -> Callable[..., Any]:
        return _transforms.checkpoint(f)

    def from_native(self, x: Any) -> Any:
        if isinstance(x, PackedSequence):
            return from_packed(x)
        return from_nested(x) if isinstance(x, torch.Tensor) else None

    def to_native(self, node: Any) -> Any:
        return to_jagged(self, node)

    def custom_vjp(
        self, f: Callable[..., Any], forward: Callable[..., Any], backward: Callable[..., Any]
    ) -> Callable[..., Any]:
        return custom_vjp(f, forward, backward, self.differentiating)

    def tracing(self, leaves: Sequence[Any]) -> bool:
        from ragged_torch._compile import is_inner

        return is_inner(leaves)

    def compile(self, program: Program, plan: Plan) -> Callable[[list[Any]], list[Any]]:
        from ragged_torch._compile import Compiled

        return Compiled(self, program, plan)

    # ------------------------------------------------------------------ sizes and dtypes

    def dtype(self, x: Any) -> np.dtype[Any]:
        return numpy_dtype(x.dtype) if isinstance(x, torch.Tensor) else np.asarray(x).dtype

    def astype(self, x: Any, dtype: Any) -> Any:
        return cast(x, held(dtype)) if isinstance(x, torch.Tensor) else self.asarray(x, dtype)

    # ------------------------------------------------------------------ differentiable primitives

    def apply(self, name: str, *args: Any, valid: Any = None) -> Any:
        if valid is not None and not any(isinstance(x, torch.Tensor) and self.differentiating(x) for x in args):
            valid = None  # nothing is differentiated: what comes out of places that do not count is never seen
        return _functions.call(name, args, self.device, valid)

    def apply_over(self, spare: Any, name: str, *args: Any) -> Any:
        return _functions.over(spare, name, args) if self._plain(spare) else self.apply(name, *args)

    def _plain(self, x: Any) -> bool:
        """Whether `x` is many numbers that no one differentiates."""
        return x.is_floating_point() and x.numel() >= SMALL and not self.differentiating(x)

    def take(self, x: Any, index: Any) -> Any:
        return _kernels.take(x, index)

    def slice(self, x: Any, start: Any, stop: Any, step: int = 1) -> Any:
        return x[start:stop:step]

    def entry(self, x: Any, i: int) -> Any:
        return x[i]

    def segment_sum(self, x: Any, rows: Segments) -> Any:
        return _reductions.total(x, rows, x.shape[0] >= SMALL, self.differentiating(x))

    def tied_extremum(self, x: Any, rows: Segments, identity: Any, largest: bool) -> Any:
        if rows.offsets is None or x.is_complex():
            return None
        return _segments.extremum(x, rows, "max" if largest else "min")  # type: ignore[arg-type]

    def segment_prod(self, x: Any, rows: Segments) -> Any:
        contiguous = rows.offsets is not None and x.is_floating_point()
        return _segments.reduced(x, rows, "prod") if contiguous else None  # type: ignore[arg-type]

    def fused(self, f: Callable[..., Any], x: Any, rows: Segments, *options: Any, tangent: Any = None) -> Any:
        if tangent is None or rows.offsets is None or x.shape[0] < SMALL or not self.differentiating(x):
            return f(self, x, rows, *options)
        return _segments.fused(self, f, tangent, x, rows)  # type: ignore[arg-type]

    def expand(self, x: Any, rows: Rows) -> Any:
        if rows.total >= SMALL and (x.is_floating_point() or x.is_complex()) and self.differentiating(x):
            return _segments.expand(x, rows)
        return _segments.repeated(x, rows)

    def segment_max(self, x: Any, rows: Segments, identity: Any) -> Any:
        return _reductions.extremum(x.detach(), rows, identity, True)

    def segment_min(self, x: Any, rows: Segments, identity: Any) -> Any:
        return _reductions.extremum(x.detach(), rows, identity, False)

    def concat(self, arrays: Sequence[Any]) -> Any:
        return torch.cat(list(arrays))

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        kinds = tuple(NUMBERS.get(type(z)) or self.dtype(z) for z in (x, y))
        dtype = result_dtypes("add", kinds)[1][0]  # NumPy's promotion, and of bfloat16, too
        scalars = kind_of(dtype) in "fc"
        x, y = (z if scalars and type(z) in NUMBERS else self.asarray(z, dtype) for z in (x, y))
        return cast(torch.where(self.asarray(condition), x, y), held(dtype))

    def cumulative_sum(self, x: Any) -> Any:
        return unsigned(torch.cumsum(signed(x), 0, dtype=signed(x).dtype), x.dtype)

    def reshape(self, x: Any, shape: tuple[Any, ...]) -> Any:
        return x.reshape(shape)

    def broadcast_to(self, x: Any, shape: tuple[Any, ...]) -> Any:
        return x.broadcast_to(shape)

    def sum(self, x: Any, axes: tuple[int, ...]) -> Any:
        if not axes:
            return x
        return unsigned(torch.sum(signed(x), dim=axes, dtype=signed(x).dtype), x.dtype)

    def permute_dims(self, x: Any, axes: tuple[int, ...]) -> Any:
        return x.permute(axes)

    def matmul(self, x: Any, y: Any) -> Any:
        dtype = np.result_type(self.dtype(x), self.dtype(y))
        try:
            return torch.matmul(self.astype(x, dtype), self.astype(y, dtype))
        except RuntimeError as error:
            raise ValueError(str(error)) from None

    def full(self, shape: tuple[Any, ...], value: Any, dtype: Any) -> Any:
        kind = held(dtype)
        if isinstance(value, torch.Tensor):
            return cast(value, kind).broadcast_to(shape)
        if not isinstance(value, int | float | complex):
            value = np.asarray(value).item()
        return torch.full(tuple(shape), value, dtype=kind, device=self.device)

    # ------------------------------------------------------------------ structure primitives

    def arange(self, n: Any) -> Any:
        return torch.arange(n, dtype=torch.int64, device=self.device)

    def repeat(self, x: Any, counts: Any, total: Any) -> Any:
        return _kernels.repeat(x, counts, total)

    def offsets_from_lengths(self, lengths: Any) -> Any:
        return torch.nn.functional.pad(torch.cumsum(lengths, 0, dtype=torch.int64), (1, 0))

    def searchsorted(self, x: Any, values: Any, side: str = "left") -> Any:
        return torch.searchsorted(x.contiguous(), values.contiguous(), right=side == "right")

    def flatnonzero(self, mask: Any, size: Any = None) -> Any:
        if mask.device.type == "cpu" and not is_transformed():  # NumPy takes a tenth of the time
            return torch.from_numpy(np.flatnonzero(mask.numpy()))
        return torch.nonzero(mask).view(-1)

    def segment_argsort(self, x: Any, rows: Rows, descending: bool = False) -> Any:
        if x.is_complex():
            return self.asarray(_host.NUMPY.segment_argsort(to_numpy(x), _host.on_host(rows), descending))
        return _orders.argsort(structure(x) if self.known(x) else x.detach(), rows, descending)

    def segment_sort(self, x: Any, rows: Rows, descending: bool = False) -> Any:
        if x.ndim == 1 and self._plain(x):
            return _orders.sort(x, rows, descending)
        return super().segment_sort(x, rows, descending)

    def segment_argmax(self, x: Any, rows: Rows, largest: bool = True) -> Any:
        if x.is_complex() or not self.known(x):
            return super().segment_argmax(x, rows, largest)
        return _orders.argextremum(structure(x), rows, largest)

    @property
    def _passes(self) -> Any:
        """Who makes structure of many elements."""
        return _host if self.device.type == "cpu" and not torch.compiler.is_compiling() else _kernels

    def row_lengths(self, rows: Rows) -> Any:
        return lasting(super().row_lengths, rows)

    def row_ids(self, rows: Rows) -> Any:
        return lasting(self._passes.row_ids if rows.total >= SMALL else super().row_ids, rows)

    def row_positions(self, rows: Rows) -> Any:
        return lasting(self._passes.row_positions if rows.total >= SMALL else super().row_positions, rows)

    def ranges(self, starts: Any, rows: Rows, step: int = 1) -> Any:
        many = rows.total >= SMALL and not is_wrapped(starts)
        return self._passes.ranges(starts, rows, step) if many else super().ranges(starts, rows, step)

    def equal(self, x: Any, y: Any) -> bool:
        return x is y or (x.shape == y.shape and torch.equal(x, y))
