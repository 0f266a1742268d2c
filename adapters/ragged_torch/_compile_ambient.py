"""What a graph depends on besides its arguments, and what no graph may do: change what it does not give."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch._subclasses.fake_tensor import FakeTensor
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from ragged.context import _context
from ragged.errors import UnsupportedError
from ragged_torch._compat import _trace, traced

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "DRAWS",
    "Ambient",
    "Reading",
    "WithoutBackward",
    "ambient_on",
    "at_work",
    "draws",
    "noting_modes",
    "refuse_gradients",
]

Ambient = tuple[torch.dtype, tuple[tuple[str, torch.dtype | None], ...]]
"""The default dtype, and that of autocast on each kind of device."""

NORMS = "aten::native_batch_norm", "aten::cudnn_batch_norm", "aten::miopen_batch_norm"
"""Write their running statistics, and do not say so."""
DRAWS = (
    "the graph of its derivative would draw other random numbers; compile the derivative, "
    "ragged.jit(ragged.value_and_grad(f))"
)
WRITES = "writes to a tensor that the function is given or closes over"


def ambient_on(device: torch.device) -> Ambient:
    """What holds where a function is called."""
    return torch.get_default_dtype(), tuple(
        (kind, torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else None)
        for kind in dict.fromkeys(("cpu", device.type))
    )


@contextmanager
def at_work(trace: Any, ambient: Ambient) -> Iterator[None]:
    """The scope of one trace, with autocast as it was where the function was called, of which a derivative may be."""
    token, before = _trace.set(trace), _context.set(trace.b)
    try:
        with ExitStack() as scopes:
            scopes.enter_context(torch.inference_mode(False))
            for kind, dtype in ambient[1]:
                scopes.enter_context(torch.autocast(kind, dtype=dtype, enabled=dtype is not None))
            yield
    finally:
        _context.reset(before)
        _trace.reset(token)


@contextmanager
def noting_modes() -> Iterator[dict[torch.nn.Module, bool]]:
    """Whether each module that the function calls is in training."""
    modes: dict[torch.nn.Module, bool] = {}
    trace = traced()

    def note(module: torch.nn.Module, arguments: Any) -> None:
        if traced() is trace:
            modes[module] = module.training

    handle = register_module_forward_pre_hook(note)
    try:
        yield modes
    finally:
        handle.remove()


functions: Any = TorchFunctionMode
dispatches: Any = TorchDispatchMode


class WithoutBackward(functions):  # type: ignore[misc]
    """The scope in which the function calls no `backward`: an optimizer would keep what it finds then."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.Tensor.backward:
            raise UnsupportedError(f"backward {WRITES}")
        return func(*args, **(kwargs or {}))


class Reading(dispatches):  # type: ignore[misc]
    """The scope in which nothing is written to but what the function made: a graph would write once more for each
    derivative of it, and tracing would, too."""

    def __init__(self, tensors: Sequence[Any]) -> None:
        super().__init__()
        self.given = {x.untyped_storage()._cdata for x in tensors}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        for x in written(func, args, kwargs or {}):
            if not isinstance(x, FakeTensor) or x.untyped_storage()._cdata in self.given:
                raise UnsupportedError(f"{func} {WRITES}")
        return func(*args, **(kwargs or {}))


def written(func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> list[Any]:
    """The tensors that an operator writes to."""
    schema = func._schema
    if schema.name in NORMS:
        return [x for x in args[3:5] if isinstance(x, torch.Tensor)] if args[5] else []
    if not schema.is_mutable:
        return []
    places = [(i, each.name) for i, each in enumerate(schema.arguments) if each.alias_info and each.alias_info.is_write]
    found = [args[i] if i < len(args) else kwargs.get(name) for i, name in places]
    lists = [each if isinstance(each, list | tuple) else [each] for each in found]
    return [x for each in lists for x in each if isinstance(x, torch.Tensor)]


def refuse_gradients(captured: Sequence[torch.Tensor]) -> None:
    """Refuse a function that calls `backward` unseen, and take back what that has left in tensors of its closure.

    Raises:
        UnsupportedError: it does.
    """
    left = [x for x in captured if x.is_leaf and isinstance(x.grad, FakeTensor)]
    for x in left:
        x.grad = None
    if left:
        raise UnsupportedError(f"backward {WRITES}")


def draws(module: torch.fx.GraphModule) -> bool:
    """Whether a graph draws random numbers, which would be others in a graph of its derivative."""
    seeded = torch.Tag.nondeterministic_seeded
    return any(seeded in getattr(node.target, "tags", ()) for node in module.graph.nodes)
