"""One loop over blocks of rows: which values it makes, and where it keeps them meanwhile.

The blocks are so small that what stands between the inputs and the results stays in a core's cache. Elementwise
functions are NumPy's own vector loops, written over buffers that are used again; what goes along rows is compiled.
"""

from __future__ import annotations

import math
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from ragged_numba._domains import bounds_of, found
from ragged_numba._fused_steps import Buffer, Step, doing, loading
from ragged_numba._lazy import Lazy
from ragged_numba._ops import AlongRows, Total, Whole
from ragged_numpy._memory import empty

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged_numba._domains import Domain

__all__ = ["Pass"]

BLOCK = 1 << 15
"""Elements of a block, at most: several buffers of it fit the cache next to a core."""
LONG = 1 << 20
"""Elements of a single row from which on its block is a long one."""
BYTES = np.dtype(np.uint8)


class Pass:
    """A loop that makes `wanted` (by `id`): results in full, and totals. All of it has one root domain.

    `nodes` are all values that it makes on the way, in the order of the program.
    """

    def __init__(self, nodes: Sequence[Lazy], wanted: set[int]) -> None:
        self.nodes = nodes
        self.wanted = wanted
        domains = [each for node in nodes for each in (node.domain, node.source) if each is not None]
        bounds = bounds_of(domains, BLOCK)
        self.blocks = next(iter(bounds.values())).shape[0] - 1
        lengths = {key: np.diff(each) for key, each in bounds.items()}
        long = np.any([each > LONG for each in lengths.values()], axis=0)
        self.long = frozenset(np.flatnonzero(long).tolist())
        self.widest = {
            key: (int(each[~long].max(initial=0)), int(each[long].max(initial=0))) for key, each in lengths.items()
        }
        self.bounds: dict[int, list[int]] = {key: each.tolist() for key, each in bounds.items()}
        self.count = 0
        self.registers: dict[int, int] = {}
        self.given: dict[tuple[int, int], int] = {}
        self.constants: list[tuple[int, Any]] = []
        self.loads: list[tuple[int, Any, list[int]]] = []
        self.steps: list[Step] = []
        self.results: list[tuple[Lazy, Any]] = []
        self.sizes: list[tuple[int, int]] = []
        self.free: list[int] = []
        self.spare: list[list[Callable[[int], None]]] = []
        self.lock = Lock()
        self.spare_long: list[list[Callable[[int], None]]] = []
        self.lay_out()

    # ------------------------------------------------------------------ what is done

    def lay_out(self) -> None:
        """Write the steps, and give each value its memory."""
        last = {id(x): node.number for node in self.nodes for x in node.args}
        held: dict[int, int] = {}
        for node in self.nodes:
            sources = tuple(self.source(node, x) for x in node.args)
            ending = {id(x): x for x in node.args if id(x) in held and last[id(x)] == node.number}
            place = self.place(node, ending, held)
            self.steps.append(self.step(node, sources, place))
            for key in ending:
                if key in held:
                    self.free.append(held.pop(key))

    def source(self, node: Lazy, x: Any) -> int:
        """The register of an argument, with what fills it: an earlier step, a slice of an array, or a constant."""
        if id(x) in self.registers:
            return self.registers[id(x)]
        assert node.source is not None
        domain = found(node.source)
        register = self.given.setdefault((id(x), id(domain)), self.count)
        if register == self.count:
            self.count += 1
            value = x.value if type(x) in (Lazy, Whole) else x
            if isinstance(value, np.ndarray) and not (type(x) is Whole or (type(x) is Lazy and x.domain is None)):
                self.loads.append((register, value, self.bounds[id(domain)]))
            else:
                self.constants.append((register, value))
        return register

    def place(self, node: Lazy, ending: dict[int, Lazy], held: dict[int, int]) -> Any:
        """Where a value goes: into its result, over an argument that ends here, or into a buffer."""
        if isinstance(node.op, Total):
            parts: list[Any] = [None] * self.blocks
            self.results.append((node, parts))
            return parts
        if id(node) in self.wanted:
            result = empty(node.shape, node.dtype)
            self.results.append((node, result))
            return result
        trailing = node.shape[1:]
        if getattr(node.op, "over", False):
            for key, x in ending.items():
                if x.dtype == node.dtype and x.shape == node.shape:
                    held[id(node)] = held.pop(key)
                    return Buffer(held[id(node)], node.dtype, trailing)
        assert node.domain is not None
        entry = math.prod(trailing) * node.dtype.itemsize
        usual, long = self.widest[id(found(node.domain))]
        held[id(node)] = self.buffer(usual * entry, long * entry)
        return Buffer(held[id(node)], node.dtype, trailing)

    def buffer(self, usual: int, long: int) -> int:
        """A piece of at least that size in usual and in long blocks: the largest free one, which grows, or another."""
        if not self.free:
            self.free.append(len(self.sizes))
            self.sizes.append((0, 0))
        number = max(self.free, key=lambda each: self.sizes[each])
        self.free.remove(number)
        before = self.sizes[number]
        self.sizes[number] = max(before[0], usual), max(before[1], long)
        return number

    def step(self, node: Lazy, sources: tuple[int, ...], place: Any) -> Step:
        """The step of a value."""
        register = self.registers[id(node)] = self.count
        self.count += 1
        op = node.op
        if isinstance(op, Total):
            return Step(op.of_block, sources, register, [], place)
        bounds = self.along(node.domain)
        if not isinstance(op, AlongRows):
            return Step(op.run, sources, register, bounds, place)
        rows, elements = (node.domain, node.source) if op.reduces else (node.source, node.domain)
        return Step(op.run, sources, register, bounds, place, op.rows.offsets, self.along(rows), self.along(elements))

    def along(self, domain: Domain | None) -> list[int]:
        """Where the blocks begin and end in a domain."""
        assert domain is not None
        return self.bounds[id(found(domain))]

    # ------------------------------------------------------------------ doing it

    def work(self, first: int, last: int) -> None:
        """All steps of some of the blocks; of long ones, which need much memory, by one thread at a time."""
        steps = self.spare.pop() if self.spare else self.worker(False)
        with np.errstate(all="ignore"):  # as in compiled code
            for turn in range(first, last):
                if turn in self.long:
                    self.work_long(turn)
                    continue
                for step in steps:
                    step(turn)
        self.spare.append(steps)

    def work_long(self, turn: int) -> None:
        """All steps of a long block."""
        with self.lock:
            if not self.spare_long:
                self.spare_long.append(self.worker(True))
            for step in self.spare_long[0]:
                step(turn)

    def worker(self, is_long: bool) -> list[Callable[[int], None]]:
        """What one thread works with at a time: the loads and the steps, over its own registers and memory."""
        memory = [empty((size[is_long],), BYTES) for size in self.sizes]
        registers: list[Any] = [None] * self.count
        for register, value in self.constants:
            registers[register] = value
        loads = [loading(register, array, bounds, registers) for register, array, bounds in self.loads]
        return loads + [doing(step, registers, memory) for step in self.steps]

    def finish(self) -> None:
        """Hand the results over, when all blocks are done."""
        for node, result in self.results:
            node.settle(node.op.together(result) if isinstance(node.op, Total) else result)
