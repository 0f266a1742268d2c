"""One traced graph: how it is made, for which sizes it holds, and how PyTorch's compiler is given it."""

from __future__ import annotations

import math
from itertools import count
from typing import TYPE_CHECKING, Any

import torch
import torch.fx
from torch._dynamo.source import ConstantSource
from torch._guards import TracingContext, tracing
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental import _config as shape_config
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.experimental.symbolic_shapes import DimDynamic, ShapeEnv
from torch.fx.passes.runtime_assert import insert_deferred_runtime_asserts
from torch.utils._sympy.printers import PythonPrinter

import ragged_torch
from ragged_torch import _compile_calls as calls
from ragged_torch._compile_ambient import Reading, WithoutBackward, draws, noting_modes, refuse_gradients
from ragged_torch._compile_sizes import lowered
from ragged_torch._compile_trace import KEPT, Entering

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged_torch._compile_ambient import Ambient
    from ragged_torch._compile_trace import Given, Trace

__all__ = ["Graph", "Placeholders"]

oblivious: Any = shape_config

SMALL = 1 << 15
"""Programs of fewer elements run in one thread: others would take longer to begin than it takes to end."""
FEW = 10007, 10009
"""What stands for no entry and for one while a graph is made, which so is that of many."""


class Placeholders:
    """Fake tensors with symbolic sizes in the places of the arguments of one call: sizes, tensors, structure."""

    def __init__(self, b: Any, given: Given, more: Sequence[torch.Tensor]) -> None:
        self.env = ShapeEnv(duck_shape=False, specialize_zero_one=False)
        self.mode = FakeTensorMode(shape_env=self.env, allow_non_fake_inputs=True)
        self.sizes: list[Any] = []
        self.names: list[str] = []
        self.longest: list[str] = []
        self.tensors: list[Any] = []
        self.structure: list[Any] = []
        self.device = b.device
        self.numbers = count()
        Entering(b, given.leaves, self.size, self.dense, self.kept)
        self.ones: list[str] = []
        for x in more:
            self.tensors.append(self.empty([self.stretching(n, axis) for axis, n in enumerate(x.shape)], x.dtype))

    def stretching(self, n: int, axis: int) -> Any:
        """A symbol for a size of a cotangent; an axis of one entry, beyond the first, is that of its output."""
        found = self.symbol(n)
        if n != 1 or axis == 0:
            return found
        self.ones.append(self.names[-1])
        return 1

    def symbol(self, value: int) -> Any:
        """A symbol for a size."""
        hint = FEW[value] if value < 2 else value
        source = ConstantSource(f"n{next(self.numbers)}")
        symbol = self.env.create_symbol(hint, source, dynamic_dim=DimDynamic.DYNAMIC, constraint_dim=None)
        found = self.env.create_symintnode(symbol, hint=hint, source=source)
        self.sizes.append(found)
        self.names.append(str(symbol))
        return found

    size = symbol

    def empty(self, shape: Sequence[Any], dtype: torch.dtype) -> Any:
        """A fake tensor."""
        with self.mode:
            return torch.empty(tuple(map(lowered, shape)), dtype=dtype, device=self.device)

    def dense(self, x: torch.Tensor, length: Any) -> Any:
        """The next tensor; only its first axis may be of any length."""
        shape = tuple(x.shape) if length is None else (length, *x.shape[1:])
        self.tensors.append(self.empty(shape, x.dtype))
        return self.tensors[-1]

    def kept(self, name: str, rows: Any, nrows: Any, total: Any) -> Any:
        """What rows keep."""
        if name == "longest":
            found = self.symbol(rows.longest)
            self.sizes.pop()
            self.longest.append(self.names.pop())
        else:
            length = {"offsets": lowered(nrows) + 1, "lengths": nrows}.get(name, total)
            found = self.empty((length,), torch.int64)
        self.structure.append(found)
        return found


class Graph:
    """What is traced of `outputs(sizes, tensors, structure) -> list of tensors and sizes`, and what compiles it."""

    def __init__(self, given: Placeholders, trace: Trace, outputs: Callable[..., list[Any]], ambient: Ambient) -> None:
        self.given, self.trace, self.ambient = given, trace, ambient
        self.counts = len(given.sizes), len(given.tensors)
        self.compiled: dict[bool, Callable[..., Any]] = {}
        self.note: str | None = None

        def flat(*arguments: Any) -> list[Any]:
            n, m = self.counts
            found = outputs(arguments[:n], arguments[n : n + m], arguments[n + m :])
            return [*found, torch.stack(trace.flags).any()] if trace.flags else found

        def reading(*arguments: Any) -> list[Any]:
            with WithoutBackward(), Reading(given.tensors):
                return flat(*arguments)

        fakes = [*given.sizes, *given.tensors, *given.structure]
        with given.mode, oblivious.patch(backed_size_oblivious=True), noting_modes() as self.modes:
            self.module = make_fx(reading, tracing_mode="real", _allow_non_fake_inputs=True)(*fakes)
        self.texts, self.checks = tuple(dict.fromkeys(trace.texts)), bool(trace.flags)
        trace.flags.clear()
        self.captured = self.lift({id(x) for x in trace.constants})
        refuse_gradients(self.captured)
        self.draws = draws(self.module)
        self.wanted = self.prune()
        self.spared: set[tuple[int, str]] = set()  # what rows keep that is not asked for where elements are many
        self.holds_of_sizes = self.guards()

    def holds(self, sizes: Sequence[int], rows: Sequence[Any], ambient: Ambient) -> bool:
        """Whether the graph serves arguments of these sizes and rows, where this holds."""
        return (
            ambient == self.ambient
            and all(module.training is mode for module, mode in self.modes.items())
            and self.holds_of_sizes(sizes, rows)
        )

    def lift(self, constants: set[int]) -> list[torch.Tensor]:
        """Make arguments of the tensors that the function closes over, whose values at each call then count."""
        graph = self.module.graph
        found: dict[int, tuple[torch.Tensor, Any]] = {}
        last = next(node for node in reversed(graph.nodes) if node.op == "placeholder")
        for node in [node for node in graph.nodes if node.op == "get_attr"]:
            x = getattr(self.module, node.target)
            if not isinstance(x, torch.Tensor) or id(x) in constants:
                continue
            if id(x) not in found:
                with graph.inserting_after(last):
                    last = graph.placeholder(f"captured_{len(found)}")
                last.meta["val"] = self.given.mode.from_tensor(x.detach(), static_shapes=True)
                found[id(x)] = x, last
            node.replace_all_uses_with(found[id(x)][1])
            graph.erase_node(node)
        return [x for x, _ in found.values()]

    def prune(self) -> list[tuple[int, str]]:
        """Drop what rows keep and the program does not ask for: what stays, as (number of the rows, name)."""
        graph, wanted = self.module.graph, []
        graph.eliminate_dead_code()
        places = [node for node in graph.nodes if node.op == "placeholder"]
        for i, node in enumerate(places[sum(self.counts) : len(places) - len(self.captured)]):
            if node.users:
                wanted.append((i // len(KEPT), KEPT[i % len(KEPT)]))
            else:
                graph.erase_node(node)
        self.module.recompile()
        return wanted

    def guards(self) -> Callable[[Sequence[int], Sequence[Any]], bool]:
        """Whether the graph serves arguments of these sizes and rows."""
        given, printer = self.given, PythonPrinter()
        self.conditions = list(dict.fromkeys(printer.doprint(guard.expr) for guard in given.env.guards))
        self.conditions += [f"{name} == 1" for name in given.ones]
        if not self.conditions:
            return lambda sizes, rows: True
        text = " and ".join(f"({each})" for each in self.conditions)
        asked = [i for i, name in enumerate(given.longest) if name in text]
        names = ", ".join([*given.names, *(given.longest[i] for i in asked)])
        found: Any = eval(f"lambda {names}: {text}", {"math": math})  # printed by PyTorch
        return lambda sizes, rows: found(*sizes, *(rows[i].longest for i in asked))

    def arguments(self, many: bool, sizes: Sequence[int], tensors: Any, rows: Sequence[Any]) -> list[Any]:
        """The arguments of one call."""
        spared = self.spared if many else ()
        kept = (rows[i].offsets if (i, name) in spared else getattr(rows[i], name) for i, name in self.wanted)
        return [*sizes, *map(plain, tensors), *kept, *map(plain, self.captured)]

    def run(self, sizes: Sequence[int], tensors: Sequence[torch.Tensor], rows: Sequence[Any]) -> tuple[list[Any], bool]:
        """The outputs, and whether a check failed."""
        many = sum(sizes) >= SMALL
        call = self.compiled.get(many) or self.compile(many)
        token = calls.at_hand.set({(each.offsets.data_ptr(), each.offsets.shape[0]): each for each in rows})
        try:
            with torch.no_grad():
                found = list(call(*self.arguments(many, sizes, tensors, rows)))
        finally:
            calls.at_hand.reset(token)
        return found, self.checks and bool(found.pop())

    def compile(self, many: bool) -> Callable[..., Any]:
        """The graph as PyTorch's compiler makes it, for many elements or few."""
        call = self.compiled[many] = compilers[ragged_torch._compiler](self, many)
        return call


def plain(x: torch.Tensor) -> torch.Tensor:
    """A tensor as a graph takes it: without a derivative, entry behind entry."""
    x = x.detach() if x.requires_grad else x
    if x.dtype.is_complex:
        x = x.resolve_conj()
    return x if x.is_contiguous() else x.contiguous()


def interpreted(graph: Graph, many: bool) -> Callable[..., Any]:
    """The graph as it is."""
    insert_deferred_runtime_asserts(graph.module, graph.given.env, "ragged", export=True)
    graph.module.recompile()
    return graph.module.forward  # which prints nothing when a call fails, and is left to eager code


def without_ids(graph: Graph) -> torch.fx.GraphModule:
    """The graph for many elements, whose sums need no row numbers: none that nobody else asks for."""
    copy = torch.fx.Graph()
    copy.output(copy.graph_copy(graph.module.graph, {}))
    for node in copy.nodes:
        if node.target is SUM and all(user.target is SUM for user in node.args[2].users):
            node.args = (*node.args[:2], node.args[1], node.args[3])
    copy.eliminate_dead_code()
    places = [node for node in copy.nodes if node.op == "placeholder"][sum(graph.counts) :]
    graph.spared = {each for node, each in zip(places, graph.wanted, strict=False) if not node.users}
    return torch.fx.GraphModule(graph.module, copy)


def induced(graph: Graph, many: bool) -> Callable[..., Any]:
    """Machine code, by PyTorch's inductor."""
    from torch._inductor import config
    from torch._inductor.compile_fx import compile_fx
    from torch._inductor.decomposition import select_decomp_table
    from torch._inductor.exc import InductorError, InvalidCxxCompiler

    table = dict(select_decomp_table())
    if many:
        module, threads, table[SUM] = without_ids(graph), {}, calls.kernel_sum
        table.pop(torch.ops.aten.index_add.default, None)  # PyTorch's own adds faster than many threads one by one
    else:
        module, threads, table[SUM] = graph.module, {"cpp.threads": 1}, calls.segment_sum_in_place
    fakes = [node.meta["val"] for node in module.graph.nodes if node.op == "placeholder"]
    try:
        with tracing(TracingContext(graph.given.mode)), config.patch(threads):
            found: Any = compile_fx(module, fakes, decompositions=table)
    except (InvalidCxxCompiler, InductorError) as error:
        graph.note = f"the graph runs as it was traced, uncompiled: {str(error).strip().partition(chr(10))[0]}"
        return interpreted(graph, many)
    return found  # type: ignore[no-any-return]


SUM: Any = torch.ops.ragged.segment_sum.default
compilers = {"inductor": induced, "eager": interpreted}
