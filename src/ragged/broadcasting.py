"""Broadcasting: operands of any structure are planned against each other, then one pass goes over their content."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ragged._alignment import Planner
from ragged._steps import (
    NODES,
    Late,
    Leaf,
    ListStep,
    OptionStep,
    RecordStep,
    RegularStep,
    Step,
    absent,
)
from ragged.nodes import Flat, Lists, Record, Regular, option, regular, take

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ragged.backend import Backend

__all__ = ["broadcast", "intersect_parameters"]

Rule: TypeAlias = Literal["intersect", "one_to_one", "all_or_nothing", "none"]
RULES = ("intersect", "one_to_one", "all_or_nothing", "none")


def broadcast(
    b: Backend,
    nodes: Sequence[Any],
    action: Callable[..., Any],
    *,
    name: str = "broadcast",
    left_broadcast: bool = True,
    right_broadcast: bool = True,
    broadcast_parameters_rule: Rule = "intersect",
    allow_records: bool = True,
    stop: Callable[[Sequence[Any], int], bool] | None = None,
    dense_leaves: bool = True,
    push_missing: int | None = None,
) -> tuple[Any, ...]:
    """The action's results, each in the structure that the operands have together.

    Awkward's rules: ragged axes line up from the left (a shallower operand is repeated into each list); where all
    axes are regular they line up from the right, as NumPy's; regular axes of size 1, and arrays of length 1, stretch;
    a fixed-size axis meets a ragged one if the lengths agree; records go field by field; what is missing in any
    operand is missing in the result. Structure is shared with the inputs, never copied.

    Args:
        b: the backend of the operands.
        nodes: nodes, or scalars (0-d arrays included), which join every group of leaves as they are.
        action: `action(b, inputs, valid)`, called once a group of leaves with one entry an operand: a `Flat` node of
            the group's length (its trailing axes broadcast by NumPy's rule), a text node, or a scalar. `valid` is None
            or the boolean structure (along axis 0) of the entries that count. It returns a node or a tuple of nodes.
        name: the operation's name in messages.
        left_broadcast: whether a shallower operand is repeated into the lists of a ragged one.
        right_broadcast: whether regular operands of different depth line up from the right.
        broadcast_parameters_rule: "intersect" what the operands have in common; "one_to_one": each result keeps its
            operand's; "all_or_nothing": if all are equal; "none".
        allow_records: False refuses records.
        stop: `stop(nodes, depth)` (1 is the outermost axis) makes a group of leaves of what is reached there.
        dense_leaves: False opens the trailing axes of dense operands, so that `stop` sees them.
        push_missing: the position of an operand whose structure rules: the missing values of others inside its lists
            are missing elements, not missing lists (`where`).

    Raises:
        StructureError: operands that do not line up; the message names the first row that disagrees, and both lengths.
        ValueError: no such rule for parameters.

    >>> import ragged
    >>> from ragged.broadcasting import broadcast
    >>> x, y = ragged.Array([[1, 2], [], [3]]), ragged.Array([10, 20, 30])
    >>> add = lambda b, inputs, valid: type(inputs[0])(b.apply("add", *(f.data for f in inputs)), inputs[0].length)
    >>> broadcast(x._backend, [x.layout, y.layout], add)[0].content.data.tolist()
    [11, 12, 33]
    """
    if broadcast_parameters_rule not in RULES:
        raise ValueError(f"broadcast_parameters_rule is {broadcast_parameters_rule!r}; say {', '.join(RULES)}")
    if not any(isinstance(x, NODES) for x in nodes):
        return _as_tuple(action(b, tuple(nodes), None))
    planner = Planner(
        b,
        name,
        stop,
        left=left_broadcast,
        right=right_broadcast,
        records=allow_records,
        dense_leaves=dense_leaves,
        push=push_missing,
    )
    return _run(b, planner.plan(nodes), action, broadcast_parameters_rule)


def _as_tuple(result: Any) -> tuple[Any, ...]:
    return result if isinstance(result, tuple) else (result,)


def _run(b: Backend, step: Step, action: Callable[..., Any], rule: Rule) -> tuple[Any, ...]:
    """One pass over content: gather the leaves, act, and put the structure around the results."""
    match step:
        case Leaf(inputs, valid, ndim):
            return _as_tuple(action(b, tuple(_ready(b, x, ndim) for x in inputs), valid))
        case ListStep(rows, below, given):
            results = _run(b, below, action, rule)
            return tuple(Lists(rows, x, p) for x, p in zip(results, parameters(given, len(results), rule), strict=True))
        case RegularStep(size, length, below, given):
            results = _run(b, below, action, rule)
            return tuple(
                regular(b, x, size, length, p)
                for x, p in zip(results, parameters(given, len(results), rule), strict=True)
            )
        case OptionStep(valid, below, given):
            results = _run(b, below, action, rule)
            return tuple(
                option(b, valid, x, p) for x, p in zip(results, parameters(given, len(results), rule), strict=True)
            )
        case RecordStep(fields, length, branches, given):
            columns = [_run(b, branch, action, rule) for branch in branches]
            n_results = len(columns[0]) if columns else 1
            return tuple(
                Record(fields, tuple(column[i] for column in columns), length, p)
                for i, p in enumerate(parameters(given, n_results, rule))
            )
    raise TypeError(f"not a step: {type(step).__name__}")


def _ready(b: Backend, x: Any, ndim: int) -> Any:
    """A leaf's operand with its entries gathered and its trailing axes lined up."""
    if type(x) is Late:
        node = x.node
        if type(node) is Flat and x.rows is not None:
            x = Flat(b.expand(node.data, x.rows), x.rows.total, node.parameters)
        else:
            x = take(b, node, x.index)
    if type(x) is Regular and type(x.content) is Flat:  # an axis of length 1 that the plan put in
        x = regular(b, x.content, x.size, x.length, x.parameters)
    if ndim and type(x) is Flat and len(x.data.shape) < ndim:
        n, *rest = b.shape(x.data)
        x = Flat(b.reshape(x.data, (n, *(1,) * (ndim - 1 - len(rest)), *rest)), x.length, x.parameters)
    return x


def parameters(given: Sequence[Any], n_results: int, rule: Rule) -> Sequence[Mapping[str, Any] | None]:
    """The parameters of each result, from those of the operands that have a node there."""
    if rule == "one_to_one" and len(given) == n_results:
        return [None if each is absent else each for each in given]
    present = [each for each in given if each is not absent]
    if rule == "none" or not any(present):
        common = None
    elif rule == "all_or_nothing":
        common = present[0] if all((each or {}) == (present[0] or {}) for each in present) else None
    else:
        common = intersect_parameters(present)
    return [common] * n_results


def intersect_parameters(given: Sequence[Mapping[str, Any] | None]) -> Mapping[str, Any] | None:
    """The entries that all have; None if there are none."""
    first, *rest = given
    if not first or not all(rest):
        return None
    common = {
        key: value
        for key, value in first.items()
        if value is not None and all(other is not None and other.get(key) == value for other in rest)
    }
    return common or None
