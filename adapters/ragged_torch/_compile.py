"""`ragged.jit` under PyTorch: one graph for arrays of all lengths, which PyTorch's compiler makes fast.

The function itself runs once, over tensors of symbolic sizes (`make_fx`), so that Dynamo has nothing of it to follow.
What the graph gives is differentiated by other graphs, of the same function and its derivative.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import torch

from ragged.compilation._program import Template
from ragged.errors import RaggedError, UnsupportedError
from ragged_torch._compat import is_dual, is_transformed, is_wrapped, tangent_of, traced
from ragged_torch._compile_ambient import DRAWS, ambient_on, at_work
from ragged_torch._compile_backend import TracedBackend
from ragged_torch._compile_cotangents import fitted, followed_of, smooth_places
from ragged_torch._compile_graph import Graph, Placeholders
from ragged_torch._compile_sizes import Departure, size_of
from ragged_torch._compile_trace import Entering, Given, Leaving, Returning, Trace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragged.compilation._program import Plan, Program
    from ragged_torch._compile_ambient import Ambient

__all__ = ["Compiled", "is_inner"]

FAILURES = (
    RaggedError,
    RuntimeError,
    AssertionError,
    TypeError,
    ValueError,
    LookupError,
    AttributeError,
    ArithmeticError,
)
"""What a program raises that no graph can be made of, and a graph that does not fit its arguments."""
MOST = 8
"""Attempts to make a graph of one program; what fits none of them runs as it is."""


def is_inner(leaves: Sequence[Any]) -> bool:
    """Whether a transformation or another compiler is at work on these leaves: the function becomes part of that."""
    if traced() is not None or torch.compiler.is_compiling():
        return True
    if not (is_transformed() or is_dual()):
        return False
    return any(is_wrapped(x) or tangent_of(x) is not None for x in Given(leaves).tensors)


class Flow:
    """A function of tensors, of which graphs are made: the program itself, or a derivative of such a function.

    A derivative is by the tensors `wanted` of `source`, and by some that its program closes over; outputs of `source`
    that are `smooth` have cotangents.
    """

    def __init__(
        self,
        compiled: Compiled,
        source: Flow | None = None,
        wanted: tuple[int, ...] = (),
        captured: Sequence[torch.Tensor] = (),
        smooth: tuple[int, ...] = (),
        ambient: Ambient | None = None,
    ) -> None:
        self.compiled, self.source = compiled, source
        self.fixed = ambient  # of a derivative: what held where the function was called
        self.wanted, self.captured, self.smooth = wanted, captured, smooth
        self.graphs: list[Graph] = []
        self.tried = 0
        self.reason: str | None = None
        self.derivatives: dict[Any, Flow] = {}

    @property
    def ambient(self) -> Ambient:
        """What holds besides the arguments."""
        return ambient_on(self.compiled.b.device) if self.fixed is None else self.fixed

    def derivative(
        self, wanted: tuple[int, ...], captured: Sequence[torch.Tensor], smooth: tuple[int, ...], ambient: Ambient
    ) -> Flow:
        """The pullback."""
        key = wanted, tuple(map(id, captured)), smooth, ambient
        if key not in self.derivatives:
            self.derivatives[key] = Flow(self.compiled, self, wanted, captured, smooth, ambient)
        return self.derivatives[key]

    def serving(self, given: Given, more: Sequence[torch.Tensor]) -> Graph | None:
        """The graph for these arguments, made now if there is none; None where they run as they are."""
        sizes, rows = given.sizes + [n for x in more for n in x.shape], list(given.rows.values())
        ambient = self.ambient
        for graph in self.graphs:
            if graph.holds(sizes, rows, ambient):
                return graph
        if self.reason is not None or self.tried >= MOST or (self.graphs and min(sizes) < 2):
            return None
        with self.compiled.lock:  # one thread traces
            self.tried += 1
            graph = self.trace(given, more, ambient)
            self.graphs.append(graph)
        return graph if graph.holds(sizes, rows, ambient) else None

    def trace(self, given: Given, more: Sequence[torch.Tensor], ambient: Ambient) -> Graph:
        """A graph made of these arguments."""
        trace = Trace(TracedBackend(self.compiled.b.device), self.compiled.plan.options.check)
        with at_work(trace, ambient):
            places = Placeholders(trace.b, given, more)
            return Graph(places, trace, lambda *arguments: self.outputs(trace, given, *arguments), ambient)

    def outputs(
        self, trace: Trace, given: Given, sizes: Any, tensors: Any, structure: Any, outer: bool = False
    ) -> list[Any]:
        """What the function gives for traced arguments; `outer`: to be differentiated again."""
        if self.source is None:
            return self.compiled.traced(trace, given, sizes, tensors, structure, counting=not outer)
        inputs = list(tensors[: len(tensors) - len(self.smooth)])
        cotangents = tensors[len(inputs) :]
        with torch.enable_grad():
            for i in self.wanted:
                x = inputs[i]
                inputs[i] = x.view_as(x) if x.requires_grad else x.detach().requires_grad_()
            found = self.source.outputs(trace, given, sizes, inputs, structure, True)
            pairs = [(found[j], fitted(g, found[j])) for j, g in zip(self.smooth, cotangents, strict=True)]
            pairs = [(y, g) for y, g in pairs if y.requires_grad]
            by = [*(inputs[i] for i in self.wanted), *self.captured]
            slopes: Sequence[Any] = [None] * len(by)
            if pairs:
                ys, gs = zip(*pairs, strict=True)
                slopes = torch.autograd.grad(ys, by, gs, create_graph=outer, allow_unused=True)
        return [torch.zeros_like(x) if g is None else g for x, g in zip(by, slopes, strict=True)]

    def apply(self, given: Given, tensors: Sequence[torch.Tensor]) -> list[Any]:
        """The function's outputs, which PyTorch can differentiate.

        Raises:
            UnsupportedError: no graph can be made for these arguments.
        """
        if is_transformed():
            return list(self.followed(given, None, tensors, ()))
        graph = self.serving(given, tensors[len(given.tensors) :])
        if graph is None:
            raise UnsupportedError(
                f"{self.compiled.plan.name}: this derivative of a compiled function cannot be compiled "
                f"({self.reason or 'for these lengths'}); compile the derivative, ragged.jit(ragged.grad(f)), or leave "
                "ragged.jit out"
            )
        outputs, _ = self.execute(graph, given, tensors)
        captured = followed_of(graph.captured)
        if captured or (torch.is_grad_enabled() and any(x.requires_grad for x in tensors)):
            return list(self.followed(given, outputs, tensors, captured))
        return outputs

    def execute(self, graph: Graph, given: Given, tensors: Sequence[torch.Tensor]) -> tuple[list[Any], bool]:
        """One run of a graph."""
        more = tensors[len(given.tensors) :]
        return graph.run(given.sizes + [n for x in more for n in x.shape], tensors, list(given.rows.values()))

    def followed(
        self, given: Given, outputs: list[Any] | None, tensors: Sequence[torch.Tensor], captured: Sequence[torch.Tensor]
    ) -> Sequence[Any]:
        """Outputs (of a run that was, or of a new one) that know what they were made of."""
        found: Any = Step.apply(self, given, outputs, len(tensors), *tensors, *captured)  # type: ignore[no-untyped-call]
        return found  # type: ignore[no-any-return]


class Step(torch.autograd.Function):
    """A run of a graph, whose derivative is a run of another graph. What is no tensor is given out as it is."""

    @staticmethod
    def forward(flow: Flow, given: Given, outputs: Any, count: int, *tensors: Any) -> tuple[Any, ...]:
        return tuple(flow.apply(given, [x.detach() for x in tensors[:count]]) if outputs is None else outputs)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Any, ...]) -> None:
        ctx.flow, ctx.given, _, ctx.count, *tensors = inputs
        ctx.ambient = ctx.flow.ambient
        ctx.save_for_backward(*tensors[: ctx.count])
        ctx.captured = tensors[ctx.count :]
        ctx.smooth = smooth_places(output)
        ctx.mark_non_differentiable(
            *(y for j, y in enumerate(output) if isinstance(y, torch.Tensor) and j not in ctx.smooth)
        )

    @staticmethod
    def backward(ctx: Any, *cotangents: Any) -> tuple[Any, ...]:
        tensors = ctx.saved_tensors
        needed = ctx.needs_input_grad[4:]
        wanted = tuple(i for i in range(len(tensors)) if needed[i])
        captured = [x for x, need in zip(ctx.captured, needed[len(tensors) :], strict=True) if need]
        flow = ctx.flow.derivative(wanted, captured, ctx.smooth, ctx.ambient)
        found = iter(flow.apply(ctx.given, [*tensors, *(cotangents[j] for j in ctx.smooth)]))
        return (*[None] * 4, *[next(found) if need else None for need in needed])

    @staticmethod
    def vmap(info: Any, dims: Any, flow: Any, given: Any, outputs: Any, count: int, *tensors: Any) -> Any:
        """One run for each: what is compiled has its shapes."""
        places = dims[4:]
        runs = [
            flow.apply(given, [x if dim is None else x.select(dim, i) for x, dim in zip(tensors, places, strict=True)])
            for i in range(info.batch_size)
        ]
        return tuple(map(torch.stack, zip(*runs, strict=True))), (0,) * len(runs[0])


class Compiled:
    """What `Backend.compile` gives."""

    def __init__(self, b: Any, program: Program, plan: Plan) -> None:
        self.b, self.program, self.plan = b, program, plan
        self.flow = Flow(self)
        self.lock = threading.RLock()
        self.leaving: Leaving | None = None
        self.left: str | None = None  # why the latest call that no graph served was left to eager code
        self.templates: dict[int, tuple[Any, Any]] = {}  # of each graph those of its leaves, and that of its results

    def __call__(self, leaves: Sequence[Any]) -> list[Any]:
        given = Given(leaves)
        try:
            graph = self.graph(given)
            found = None if graph is None else self.run(graph, given)
        except FAILURES as error:
            results = self.eagerly(leaves)  # raises what eager code does
            text = f"{type(error).__name__}: {error}".partition("\n")[0]
            if self.flow.graphs or isinstance(error, Departure):
                self.left = text
            else:
                self.flow.reason = text
            return results
        return self.eagerly(leaves) if found is None else found

    def graph(self, given: Given) -> Graph | None:
        """The graph that serves a call."""
        if 0 in given.sizes:
            return None  # a slice of one entry has one in the graph
        graph = self.flow.serving(given, ())
        if graph is not None and id(graph) not in self.templates:
            assert self.leaving is not None
            self.templates[id(graph)] = self.leaving.templates, self.program.results
            self.leaving = None
        return graph

    def run(self, graph: Graph, given: Given) -> list[Any] | None:
        """The leaves of the results; None where eager code has to find them."""
        captured = followed_of(graph.captured)
        differentiated = bool(captured) or (torch.is_grad_enabled() and any(x.requires_grad for x in given.tensors))
        if differentiated and graph.draws:
            self.left = DRAWS
            return None
        outputs, failed = self.flow.execute(graph, given, given.tensors)
        if failed:
            return None
        if differentiated:
            wanted = tuple(i for i, x in enumerate(given.tensors) if x.requires_grad)
            smooth = smooth_places(outputs)
            if smooth:
                flow = self.flow.derivative(wanted, captured, smooth, graph.ambient)
                if flow.serving(given, [outputs[j] for j in smooth]) is None:
                    return None
                outputs = list(self.flow.followed(given, outputs, given.tensors, captured))
        templates, self.program.results = self.templates[id(graph)]
        returning = Returning(self.b, given, outputs)
        return list(map(returning.leaf, templates))

    def eagerly(self, leaves: Sequence[Any]) -> list[Any]:
        """The leaves of what the function gives as it is."""
        self.program.results, found = Template.of(self.program.eagerly(leaves))
        return found

    def traced(self, trace: Trace, given: Given, sizes: Any, tensors: Any, structure: Any, counting: bool) -> list[Any]:
        """The program's outputs for traced arguments."""
        sizes, inner, structure = map(iter, (sizes, tensors, structure))
        entering = Entering(
            trace.b,
            given.leaves,
            lambda n: size_of(next(sizes)),
            lambda x, length: next(inner),
            lambda name, *_: size_of(next(structure)),
        )
        results, found = Template.of(self.program.eagerly(entering.leaves))
        leaving = Leaving(entering, tensors, found)
        if counting:
            self.program.results, self.leaving = results, leaving
            self.program.runs += 1
        return leaving.outputs

    def explain(self, leaves: Sequence[Any]) -> list[str]:
        """What is compiled, and what not."""
        if self.flow.reason is not None:
            return [f"runs as it is: {self.flow.reason}"]
        lines = [f"checked after each call: {text}" for graph in self.flow.graphs for text in graph.texts]
        notes = [graph.note for graph in self.flow.graphs if graph.note]
        if self.left is not None:
            notes.append(f"a call ran as it is: {self.left}")
        return list(dict.fromkeys([*notes, *lines]))
