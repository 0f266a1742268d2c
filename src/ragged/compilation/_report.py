"""What `ragged.jit` tells of itself: its traces, an explanation of a call, a warning when it compiles too often."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ragged.array import Array
from ragged.compilation._call import path_name
from ragged.compilation._forms import sizes_of
from ragged.compilation._program import Leaf

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragged.compilation._call import Call

__all__ = ["Trace", "changes", "described", "explanation", "trace_of"]


@dataclass(frozen=True, slots=True)
class Trace:
    """Something that was compiled: on which backend, and for which arguments (name and description)."""

    backend: str
    arguments: tuple[tuple[str, str], ...]
    key: Any = field(repr=False, compare=False, default=None)

    def __str__(self) -> str:
        return f"{self.backend}: {', '.join(f'{name}: {kind}' for name, kind in self.arguments)}"

    __repr__ = __str__


def described(form: tuple[Any, ...]) -> str:
    """The type of one entry of a layout of this form, as type strings have it."""
    kind, parameters, *rest = form
    if parameters and "__array__" in parameters and kind in ("Lists", "Regular"):
        return "bytes" if "bytestring" in parameters else "string"
    match kind:
        case "Flat":
            dtype, sizes = rest
            return f"{''.join(f'{size} * ' for size in sizes)}{dtype}"
        case "Lists":
            return f"var * {described(rest[1])}"
        case "Regular":
            return f"{rest[0]} * {described(rest[1])}"
        case "Option":
            inner = described(rest[0])
            return f"option[{inner}]" if " * " in inner.partition("{")[0] else f"?{inner}"
        case "Record":
            names, *contents = rest
            kinds = map(described, contents)
            if names is None:
                return f"({', '.join(kinds)})"
            return f"{{{', '.join(f'{name}: {kind}' for name, kind in zip(names, kinds, strict=True))}}}"
        case "Union":
            return f"union[{', '.join(map(described, rest))}]"
    return "unknown"


def counted(n: int, what: str) -> str:
    """`3 rows`, `1 row`."""
    return f"{n} {what}{'' if n == 1 else 's'}"


def kind_of(form: tuple[Any, ...], capacities: Sequence[int]) -> str:
    """One leaf as its trace shows it."""
    if form[0] == "Array":
        single = form[-1]
        sizes = sizes_named(capacities)[1:] if single else sizes_named(capacities)
        within = f", up to {' of '.join(sizes)}" if sizes else ""
        return f"{1 if single else 'rows'} * {described(form[1])}{within}"
    if form[0] == "dense":
        shape = "".join(f"{'rows' if size is None else size} * " for size in form[2])
        return f"{shape}{form[1]}"
    return str(form[0])


def sizes_named(sizes: Sequence[int]) -> list[str]:
    """The sizes of an array in words."""
    return [counted(n, "element" if i else "row") for i, n in enumerate(sizes)]


def trace_of(call: Call, key: Any, names: Sequence[str]) -> Trace:
    """The trace of a call that is compiled now."""
    arguments = []
    data = iter(zip(call.forms, call.capacities or [()] * len(call.forms), strict=True))
    for path, place in zip(call.paths(), call.template.places, strict=True):
        kind = kind_of(*next(data)) if isinstance(place, Leaf) else repr(place.value)
        arguments.append((path_name(path, names), kind))
    return Trace(call.b.base.name, tuple(arguments), key)


def changes(new: Trace, others: Sequence[Trace]) -> str:
    """What sets a trace apart from the one before it that is most like it."""

    def differing(other: Trace) -> list[tuple[str, str, str]]:
        before, now = dict(other.arguments), dict(new.arguments)
        return [
            (name, before.get(name, "absent"), now.get(name, "absent"))
            for name in dict.fromkeys([*before, *now])
            if before.get(name) != now.get(name)
        ]

    same = [differing(each) for each in others if each.backend == new.backend]
    if not same:
        return f"it runs on {new.backend} now"
    found = min(reversed(same), key=len)
    if not found:
        return "the arguments look the same, but rows that were shared between them are not, or the other way round"
    return "; ".join(f"{name} was {before}, and is {now} now" for name, before, now in found)


def explanation(name: str, call: Call, new: Trace, traces: Sequence[Trace], notes: Sequence[str]) -> str:
    """What a call of these arguments would do, line by line."""
    lines = [f"{name} on {call.b.base.name}: {call.compiles}"]
    arrays = [leaf for leaf in call.leaves if isinstance(leaf, Array)]
    lines += [f"  {argument}: {kind}" for argument, kind in new.arguments]
    if call.static:
        sizes = [sizes_of(leaf.layout) for leaf in arrays]
        kept = [each for each in call.capacities if each]
        used, held = sum(map(sum, sizes)), sum(map(sum, kept))
        lines.append(f"  padded: {used} rows and elements, {held} with padding")
    numbers = [i + 1 for i, each in enumerate(traces) if each.key == new.key]
    if numbers:
        lines.append(f"runs what is compiled: trace {numbers[0]} of {len(traces)}")
    else:
        lines.append(f"would be compiled: none of the {counted(len(traces), 'trace')} so far serves these arguments")
    return "\n".join([*lines, *(f"  {note}" for note in notes)])
