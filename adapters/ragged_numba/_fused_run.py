"""What is recorded, computed: in as few loops as totals allow, each over the blocks by all threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged_numba._domains import root_of
from ragged_numba._fused_pass import Pass
from ragged_numba._lazy import Lazy
from ragged_numba._ops import Late, Total, Whole
from ragged_numba._threads import share

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["compute"]

AGAIN = 2
"""How often a value is computed again, for it costs less than to keep it, before it is kept."""


def compute(targets: Iterable[Lazy]) -> list[list[Lazy]]:
    """Give the targets their values.

    Returns:
        What each of the loops that it took has made.
    """
    targets = [x for x in targets if x.value is None]
    pending = below(targets, lambda x: True)
    stages = staged(pending)
    asked = {id(x) for x in targets}
    loops: list[list[Lazy]] = []
    for stage in range(max(stages.values(), default=-1) + 1):
        now = [x for x in pending if stages[id(x)] == stage]
        wanted = [x for x in now if isinstance(x.op, Total) or (id(x) in asked and x.domain is not None)]
        groups: dict[int, list[Lazy]] = {}
        for x in wanted:
            domain = x.source if x.domain is None else x.domain
            assert domain is not None
            groups.setdefault(id(root_of(domain)), []).append(x)
        for group in groups.values():
            loops.append(run(group))
        for x in now:
            if isinstance(x.op, Late):
                with np.errstate(all="ignore"):
                    x.settle(x.op.run(*(arg.value if type(arg) is Lazy else arg for arg in x.args)))
    return loops


def below(targets: Sequence[Lazy], is_within: Callable[[Lazy], bool]) -> list[Lazy]:
    """The targets and what they are made of that has no value yet, in the order of the program."""
    found: dict[int, Lazy] = {}
    stack = list(targets)
    while stack:
        x = stack.pop()
        if id(x) not in found:
            found[id(x)] = x
            stack += [arg for arg in x.args if type(arg) is Lazy and arg.value is None and is_within(arg)]
    return sorted(found.values(), key=lambda x: x.number)


def staged(pending: Sequence[Lazy]) -> dict[int, int]:
    """For each value how many loops have to be over before: one more than a total that it is made of."""
    stages: dict[int, int] = {}
    for x in pending:
        stage = 0
        for arg in x.args:
            if type(arg) is Lazy and arg.value is None:
                waits = arg.domain is None and not isinstance(x.op, Late)
                stage = max(stage, stages[id(arg)] + waits)
        stages[id(x)] = stage
    return stages


def run(wanted: Sequence[Lazy]) -> list[Lazy]:
    """One loop that makes the wanted values."""
    nodes = below(wanted, lambda x: x.domain is not None)
    results = {id(x) for x in wanted}
    for node in nodes:
        for arg in node.args:
            if type(arg) is Lazy and arg.runs >= AGAIN and arg.runs > node.runs and arg.value is None:
                results.add(id(arg))
    if len(nodes) == 1 and nodes[0].alone is not None:
        with np.errstate(all="ignore"):
            nodes[0].settle(nodes[0].alone(*map(known, nodes[0].args)))
        return nodes
    loop = Pass(nodes, results)
    share(loop.work, loop.blocks)
    loop.finish()
    for node in nodes:
        node.runs += 1
    return nodes


def known(x: Any) -> Any:
    """The value of an argument."""
    return x.value if type(x) in (Lazy, Whole) else x
