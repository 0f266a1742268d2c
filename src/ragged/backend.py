"""The protocol between the core and a framework: few primitives, each one pass over the content.

The core keeps two kinds of arrays apart. *Content* (the numbers) lives on the backend itself and is what gradients flow
through. *Structure* (offsets, row ids, masks, indices; int64 or bool) lives on `home(...)`, which is the NumPy backend
for NumPy, Numba and eager JAX. A structure computation calls the same methods, on the structure's backend.
A framework with an array API namespace needs `name`, `xp`, `owns` and three segment kernels (docs/adding-a-backend.md).
Contracts that the core keeps, because frameworks differ: ids and indices are in range (an id equal to `nrows` marks
slack and is dropped); sizes are explicit; the identity of an empty segment comes from the core.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from ragged import _namespace
from ragged.primitives import Content

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged.compilation._program import Plan, Program
    from ragged.rows import Rows, Segments

__all__ = ["Backend"]


class Backend(Content):
    """One framework, seen through the primitives that every ragged operation is written over."""

    promotes: bool = False  # operators of two arrays promote as NumPy's do; else derivatives go by `apply`
    immutable: bool = False  # nobody ever writes to its arrays: other frameworks may hold their memory
    compiles: str | None = None  # what `ragged.jit` makes of a function ("one tf.function"); None: it runs as is
    static_sizes: bool = False  # what is compiled holds for arrays up to a size: `jit` compiles once a size class
    compiles_padded: str | None = None  # the same with `jit_compile=True`, once a size class, where that is a choice
    traces_floats: bool = False  # Python floats are data of what is compiled; else they are part of the program
    over_numpy: bool = False  # its dense arrays are NumPy's own, and count as NumPy's until an `Array` holds them
    zero_copy: frozenset[str] = frozenset()
    """What shares memory: "asarray" (of NumPy), "to_numpy", "slice", "reshape"; the conformance suite looks."""

    @property
    def base(self) -> Backend:
        """The framework's own backend beneath any tapes."""
        return self

    # ------------------------------------------------------------------ where things are

    def home(self, *arrays: Any) -> Backend:
        """The backend that structure made of these arrays lives on; by default NumPy."""
        return _namespace.host()

    def content(self, x: Any) -> Any:
        """A dense value of this framework, of which content is to be made: `x`, or what a variable holds now."""
        return x

    def serving(self, x: Any) -> Backend:
        """The configuration of this backend for a dense array of its own (JAX: 64 bits for an array of 64 bits)."""
        return self

    def hosting(self, other: Backend) -> Backend:
        """The configuration that takes what is on another one of this framework, while this one is in use (PyTorch:
        the other, unless a device was named)."""
        return self

    def joined(self, other: Backend) -> Backend:
        """The configuration that runs an operation on arrays of two configurations of this framework."""
        return max(self, other, key=lambda each: each.level)

    def to_numpy(self, x: Any) -> np.ndarray[Any, Any]:
        """The values as a NumPy array, shared where the framework allows."""
        return np.from_dlpack(x)

    def as_structure(self, x: Any) -> Any:
        """Content values turned into structure (on `home(x)`), cut off from differentiation."""
        return self.to_numpy(x)

    def differentiating(self, x: Any) -> bool:
        """Whether a derivative may be taken through `x`; only then kinks need their composed form."""
        return False

    def known(self, x: Any) -> bool:
        """Whether the values of `x` are there now, so that structure can be made of them (not while JAX traces)."""
        return True

    def stop_gradient(self, x: Any) -> Any:
        """`x` as a constant."""
        return x

    def duplicate(self, x: Any) -> Any:
        """The same values in memory of their own; what is being differentiated or traced is its own only copy."""
        if self.level or self.differentiating(x) or not self.known(x):
            return x
        return self.asarray(np.array(self.to_numpy(x)))

    # ------------------------------------------------------------------ structure primitives

    def arange(self, n: Any) -> Any:
        """0 … n-1 as int64."""
        return self.xp.arange(n, dtype=self.xp.int64)

    def repeat(self, x: Any, counts: Any, total: Any) -> Any:
        """Each `x[i]` repeated `counts[i]` times; `total` is the length of the result."""
        return self.xp.repeat(x, self.asarray(counts), axis=0)

    def ranges(self, starts: Any, rows: Rows, step: int = 1) -> Any:
        """For each of `rows`, as many numbers as it has elements, from its entry of `starts` on in steps of `step`."""
        return _namespace.ranges(self, starts, rows, step)

    def offsets_from_lengths(self, lengths: Any) -> Any:
        """0 and the running sum of the lengths, int64."""
        return self.xp.cumulative_sum(lengths, include_initial=True, dtype=self.xp.int64)

    def searchsorted(self, x: Any, values: Any, side: str = "left") -> Any:
        """Where each of `values` belongs in the sorted `x`, int64."""
        return self.xp.searchsorted(x, values, side=side)

    def flatnonzero(self, mask: Any, size: Any = None) -> Any:
        """Indices where the 1-d mask is true, ascending, int64; `size` is their static number where one is needed."""
        return self.xp.nonzero(mask)[0]

    @abstractmethod
    def segment_argsort(self, x: Any, rows: Rows, descending: bool = False) -> Any:
        """Stable order of each contiguous segment, as int64 positions in `x` (structure). NaN sorts last
        ascending and first descending."""

    def row_lengths(self, rows: Rows) -> Any:
        """The number of elements of each row, int64 (`Rows.lengths` keeps it)."""
        return rows.offsets[1:] - rows.offsets[:-1]

    def segment_sort(self, x: Any, rows: Rows, descending: bool = False) -> Any:
        """The values of each contiguous segment in the order of `segment_argsort`."""
        return self.take(x, self.segment_argsort(x, rows, descending))

    def row_longest(self, rows: Rows) -> Any:
        """The length of the longest row, 0 if there is none (`Rows.longest` keeps it)."""
        return self.largest(rows.lengths)

    def row_ids(self, rows: Rows) -> Any:
        """For each element the number of its row, int64 (`Rows.ids` keeps it)."""
        return self.repeat(self.arange(rows.nrows), rows.lengths, rows.total)

    def row_positions(self, rows: Rows) -> Any:
        """For each element its position within its row, int64 (`Rows.positions` keeps it)."""
        return self.arange(rows.total) - self.repeat(rows.starts, rows.lengths, rows.total)

    def largest(self, x: Any) -> Any:
        """The largest of non-negative integers as a size; 0 if there are none."""
        return int(x.max()) if x.shape[0] else 0

    def extremes(self, x: Any) -> tuple[Any, Any]:
        """The least and the largest of some integers (at least one), 0-d or as ints."""
        return self.xp.min(x), self.xp.max(x)

    def equal(self, x: Any, y: Any) -> bool:
        """Whether two structure arrays are equal in shape and value."""
        return x is y or (x.shape == y.shape and bool((x == y).all()))

    def true(self, x: Any) -> bool:
        """The truth of a 0-d boolean; False where it is not known while a framework compiles."""
        return bool(x)

    def expect_some(self, count: Any, name: str) -> None:
        """Have the program check that there is something to reduce: it has no None, which eager code gives."""

    def violated(self, bad: Any, what: str) -> bool:
        """Whether any entry of boolean structure is true, which is an error. Where nobody knows while a framework
        compiles the answer is no, and the running program checks it, if it can: `what` is its error's text."""
        return self.true(self.xp.any(bad))

    def agree(self, x: Any, y: Any, what: str) -> bool:
        """Whether two structure arrays are equal, as they should be; what is not known is checked as in `violated`."""
        return self.equal(x, y)

    def segment_min(self, x: Any, rows: Segments, identity: Any) -> Any:
        """Minimum of each segment (NaN wins); `identity` where a segment is empty. No gradient."""
        return _namespace.segment_min(self, x, rows, identity)

    def segment_argmax(self, x: Any, rows: Rows, largest: bool = True) -> Any:
        """Where in `x` each contiguous segment has its first maximum (or minimum; NaN wins); anything if empty."""
        from ragged._segments import first_tied

        return first_tied(self, x, rows, largest)

    def segment_count(self, mask: Any, rows: Segments) -> Any:
        """How many entries of each segment the boolean structure `mask` marks, int64."""
        return self.segment_sum(self.astype(mask, np.int64), rows)

    def tied_extremum(self, x: Any, rows: Segments, identity: Any, largest: bool) -> Any:
        """`segment_max` (or min) with a derivative, which ties share; None: the core then composes it."""
        return None

    def segment_prod(self, x: Any, rows: Segments) -> Any:
        """Product of each segment in `x`'s own dtype, 1 where empty; None: the core then multiplies pairwise."""
        return None

    def segment_scan(self, x: Any, rows: Rows, multiply: bool = False) -> Any:
        """Running sums (or products) within each contiguous segment, in `x`'s own dtype, of what nobody differentiates;
        None: the core then composes them."""
        return None

    def segment_pairs(self, x: Any, rows: Rows, step: int) -> Any:
        """The first and the second entry of all pairs within each segment (`step` 1: of two places, 0: or of one
        twice), in order, and the pairs' rows, of what nobody differentiates; None: the core then makes them."""
        return None

    def contracted(self, step: Callable[..., Any], x: Any, rows: Rows) -> tuple[Any, Rows]:
        """`x, rows = step(backend, x, rows)` until no row has more than one element."""
        while rows.longest > 1:
            x, rows = step(self, x, rows)
        return x, rows

    def doubled(self, step: Callable[..., Any], x: Any, rows: Rows) -> Any:
        """`x = step(backend, x, rows, n)` for n = 1, 2, 4, …, while it is less than the longest row."""
        n = 1
        while n < rows.longest:
            x = step(self, x, rows, n)
            n *= 2
        return x

    def fused(self, f: Callable[..., Any], x: Any, rows: Segments, *options: Any, tangent: Any = None) -> Any:
        """`f(backend, x, rows, *options)`, in which no structure is made of values: one kernel where the framework
        compiles, blocks of rows in turn on NumPy. Its attribute `along` tells what it has entries for (rows, if
        there is none). `tangent(backend, y, dx, rows)` is its derivative, for a framework that takes one."""
        return f(self, x, rows, *options)

    # ------------------------------------------------------------------ differentiation and devices

    def vjp(self, f: Callable[..., Any], primals: Sequence[Any]) -> tuple[Any, Any, Callable[..., Any]]:
        """`f(*primals) -> (list of dense outputs, aux)`; returns outputs, aux and the pullback, which maps a list of
        cotangents to a list of them. By default the core's tape. A pullback may have two attributes: `once`, the same
        for the last call (it frees memory), and `many`, the same for cotangents stacked along a new first axis."""
        from ragged.autodiff.taped import tape_vjp

        return tape_vjp(self, f, primals)

    def jvp(self, f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any, Any]:
        """Outputs, their tangents, and aux, of `f` as in `vjp`."""
        from ragged.autodiff.taped import tape_jvp

        return tape_jvp(self, f, primals, tangents)

    def checkpoint(self, f: Callable[..., Any]) -> Callable[..., Any]:
        """`f` (as in `vjp`), recomputed instead of remembered when it is differentiated; `f` where nothing is."""
        return f

    def custom_vjp(
        self, f: Callable[..., Any], forward: Callable[..., Any], backward: Callable[..., Any]
    ) -> Callable[..., Any]:
        """`f(*dense) -> list of dense` with a derivative of its own: `forward(*dense) -> (outputs, residuals)`,
        `backward(residuals, cotangents) -> cotangents`, all lists. `f` itself where nothing is differentiated."""
        return f

    def within(self, args: Any) -> Any:
        """A tree of arguments as the program that is being built (a branch, say) and its derivative know it."""
        return args

    # ------------------------------------------------------------------ compilation (ragged.jit)

    def tracing(self, leaves: Sequence[Any]) -> bool:
        """Whether a compiler is at work on these arguments already: a function under `jit` is then simply run."""
        return False

    def takes(self, x: Any) -> bool:
        """Whether what `compile` gives takes an Array or a dense value of another backend as it is."""
        return False

    def compile(self, program: Program, plan: Plan) -> Callable[[list[Any]], list[Any]]:
        """The compiled form of `program`, where `compiles` says that there is one.

        It is called with the leaves of one call: Arrays and dense values of this backend (or what it `takes`), 0-d
        ones included, and Python floats and complex numbers if it `traces_floats`. It calls `program(leaves)` with the
        framework's tracers in their places, and gives leaves such as that gave. It serves all leaves of one form
        (types, shared rows, shapes of dense values, but for a first axis longer than 1), and with `static_sizes` those
        up to `plan.capacities`, to which it pads them, unseen. What eager code would raise for these arguments is
        raised, at the latest after the call. `explain(leaves)`, if it has one, gives lines: what was fused, padded.
        """
        raise _namespace.no_compiler(self)

    def from_native(self, x: Any) -> Any:
        """The layout of the framework's own ragged array; None where `x` is no such."""
        return None

    def to_native(self, node: Any) -> Any:
        """The framework's own ragged array of a layout, where it has such a type."""
        raise _namespace.no_native(self)

    def configured(self, device: Any = None, precision: str | None = None) -> Backend:
        """This backend with the options of one `use(...)` or `to_backend(...)` call."""
        _namespace.check_options(self, device, precision)
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        from ragged.registry import get_backend

        return get_backend, (self.name,)

    def __repr__(self) -> str:
        return f"<ragged backend {self.name}>"
