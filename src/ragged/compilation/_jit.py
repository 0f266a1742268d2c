"""`ragged.jit` itself."""

from __future__ import annotations

import functools
import inspect
import threading
import warnings
from types import MethodType
from typing import TYPE_CHECKING, Any

from ragged._opaque import opaque
from ragged.compilation._buckets import chooser
from ragged.compilation._call import Call, refuse_unhashable
from ragged.compilation._program import Fixed, Leaf, Options, Plan, Program
from ragged.compilation._report import Trace, changes, explanation, trace_of
from ragged.context import runs
from ragged.errors import DTypeError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Compiled", "jit"]


LATER = (inspect.isgeneratorfunction, inspect.isasyncgenfunction, inspect.iscoroutinefunction)


class Compiled:
    """A function that is compiled where it runs: what `ragged.jit` gives."""

    def __init__(
        self,
        f: Callable[..., Any],
        static_argnums: tuple[int, ...],
        buckets: Any,
        options: Options,
        warn_after: int | None,
    ) -> None:
        functools.update_wrapper(self, f)
        self._f = f
        self._name = getattr(f, "__name__", type(f).__name__)
        self._names = positional_names(f)
        self._static = static_argnums
        self._capacity = chooser(buckets)
        self._options = options
        self._warn_after = warn_after
        self._programs: dict[Any, tuple[Program, Callable[[list[Any]], list[Any]]]] = {}
        self._traces: tuple[Trace, ...] = ()
        self._lock = threading.RLock()  # one thread compiles; the others find what it has made

    @property
    def traces(self) -> tuple[Trace, ...]:
        """What has been compiled so far, in order."""
        return self._traces

    @opaque
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        call = Call(self._tree(args, kwargs), self._options.jit_compile)
        if call.template is None or call.b.tracing(call.leaves):
            return self._f(*args, **kwargs)
        key = call.key(self._capacity)
        try:
            made = self._programs.get(key)
        except TypeError:
            refuse_unhashable(call, self._names)
            raise
        program, run = made or self._compile(call, key)
        before = program.runs
        found = run(call.leaves)
        if program.runs > before > 0:  # the framework compiled it anew for a reason of its own
            self._record(trace_of(call, key, self._names))
        return program.finish(found)

    def explain(self, *args: Any, **kwargs: Any) -> str:
        """What a call with these arguments would do: where it runs, what is compiled or used again, what is padded."""
        call = Call(self._tree(args, kwargs), self._options.jit_compile)
        where = f"{self._name} on {call.b.base.name}"
        if call.template is None and call.b.base.compiles is None:
            return f"{where}: runs as it is, nothing is compiled on this backend"
        if call.template is None or call.b.tracing(call.leaves):
            return f"{where}: becomes part of the program that is being compiled or differentiated"
        key = self._key(call)
        made = self._programs.get(key)
        notes = getattr(made[1], "explain", None) if made else None
        lines = notes(call.leaves) if notes else []
        if self._options.jit_compile and call.b.base.compiles_padded is None:
            lines = [*lines, "jit_compile=True changes nothing on this backend"]
        return explanation(self._name, call, trace_of(call, key, self._names), self._traces, lines)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __reduce__(self) -> str:
        """By name, as functions are."""
        return str(self.__dict__["__qualname__"])

    def __repr__(self) -> str:
        return f"<ragged.jit of {self._name}, {len(self._traces)} compiled>"

    def _tree(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with static ones closed."""
        if not self._static:
            return args, kwargs
        places = {n + len(args) if n < 0 else n for n in self._static}
        names = {self._names[n] for n in places if n < len(self._names)}
        return (
            tuple(Fixed(x) if i in places else x for i, x in enumerate(args)),
            {name: Fixed(x) if name in names else x for name, x in kwargs.items()},
        )

    def _key(self, call: Call) -> Any:
        key = call.key(self._capacity)
        try:
            hash(key)
        except TypeError:
            refuse_unhashable(call, self._names)
            raise
        return key

    def _compile(self, call: Call, key: Any) -> tuple[Program, Callable[[list[Any]], list[Any]]]:
        with self._lock:
            if key in self._programs:
                return self._programs[key]
            program = Program(self._f, call.template)
            plan = Plan(self._name, self._options, call.capacities, self._donated(call))
            made = program, call.b.base.compile(program, plan)
            self._record(trace_of(call, key, self._names))
            self._programs[key] = made
            return made

    def _donated(self, call: Call) -> tuple[int, ...]:
        """The numbers of the leaves of the arguments that are given away."""
        if not self._options.donate:
            return ()
        chosen = {n + len(call.tree[0]) if n < 0 else n for n in self._options.donate}
        pairs = zip(call.paths(), call.template.places, strict=True)
        return tuple(p.index for path, p in pairs if isinstance(p, Leaf) and path[0] == 0 and path[1] in chosen)

    def _record(self, new: Trace) -> None:
        """Enter a trace, and warn when there are too many."""
        before, self._traces = self._traces, (*self._traces, new)
        if self._warn_after is not None and len(before) >= self._warn_after:
            warnings.warn(
                f"{self._name} has been compiled {len(self._traces)} times; now because {changes(new, before)}. "
                "Compiling takes far longer than running: pass what changes as an array or a float, give arrays of "
                "fewer size classes (ragged.jit(buckets=...)), or raise warn_after if that is how it is meant",
                UserWarning,
                stacklevel=4,
            )


def require_function(f: Any) -> None:
    """Refuse what gives no results when it is called.

    Raises:
        DTypeError: no function, or one that goes on later (a generator, a coroutine), or a class.
    """
    if not callable(f) or isinstance(f, type):
        raise DTypeError(f"ragged.jit compiles a function, not {f!r:.80}")
    called = runs(f)
    if any(is_later(called) for is_later in LATER):
        raise DTypeError(f"ragged.jit cannot compile {f!r:.80}, which goes on after its call; compile what it calls")


def positional_names(f: Callable[..., Any]) -> Sequence[str]:
    """The names of the positional parameters, as far as they can be known."""
    try:
        parameters = inspect.signature(f).parameters.values()
    except (ValueError, TypeError):
        return ()
    return [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def numbers(given: int | Sequence[int], what: str) -> tuple[int, ...]:
    """Argument numbers as a tuple.

    Raises:
        DTypeError: something else was given.
    """
    found = (given,) if isinstance(given, int) else tuple(given)
    if not all(type(n) is int for n in found):
        raise DTypeError(f"{what} is the number of a positional argument or a tuple of them, not {given!r}")
    return found


def count(given: Any, what: str) -> int | None:
    """A number that is not negative, or None.

    Raises:
        DTypeError: something else was given.
    """
    if given is not None and (type(given) is not int or given < 0):
        raise DTypeError(f"{what} is a number, 0 or more, or None, not {given!r}")
    return given


def jit(
    f: Callable[..., Any] | None = None,
    *,
    static_argnums: int | Sequence[int] = (),
    buckets: Callable[[int], int] | Sequence[int] | None = None,
    capacity: int | None = None,
    donate_argnums: int | Sequence[int] = (),
    check: bool = True,
    warn_after: int | None = 8,
    jit_compile: bool = False,
) -> Any:
    """`f`, compiled where its arguments are (or on the backend in use); also a decorator, with or without options.

    Arguments and results are trees (dicts, tuples, lists, …) of arrays, records, dense arrays and numbers. Arrays and
    floats are data. Everything else (ints, flags, text, functions, objects) is part of the compiled program, which is
    compiled again for another value. On a backend that compiles nothing the function runs as it is; `explain` says
    which. What it gives has `traces` (what was compiled) and `explain(*args)` (what a call would do).

    Args:
        f: the function; it should depend on its arguments alone, as it is run when it is compiled, not at each call.
        static_argnums: positional arguments that are part of the program with everything in them; they have a hash.
        buckets: where compiled code has a fixed size, the capacity that a size is padded to: a function of the size, or
            an ascending list of sizes. By default eight sizes a doubling, so that less than an eighth is padding.
        capacity: where compiled code has a fixed size, the number of elements that what grows (combinations, products)
            may have; by default it is estimated.
        donate_argnums: positional arguments that are not used afterwards, whose memory results may take.
        check: raise the errors that eager code would raise, after the call; False saves the time.
        warn_after: warn when more is compiled than this; None never does.
        jit_compile: on TensorFlow, compile with XLA, at a capacity (as JAX always does). Elsewhere it changes nothing.

    Raises:
        DTypeError: an argument that is part of the program has no hash; options of another type; what is no function.

    >>> import ragged
    >>> @ragged.jit
    ... def loss(x, scale):
    ...     return ragged.sum(ragged.sum(x, axis=1) ** 2) * scale
    >>> x = ragged.Array([[1.0, 2.0], [], [3.0]])
    >>> loss(x, 0.5)
    np.float64(9.0)
    >>> print(loss.explain(x, 0.5))
    loss on numpy: runs as it is, nothing is compiled on this backend
    """
    options = Options(count(capacity, "capacity"), numbers(donate_argnums, "donate_argnums"), check, bool(jit_compile))
    static = numbers(static_argnums, "static_argnums")
    count(warn_after, "warn_after")
    chooser(buckets)  # what is wrong with it is said here, not when the function is called

    def compiled(f: Callable[..., Any]) -> Compiled:
        require_function(f)
        return Compiled(f, static, buckets, options, warn_after)

    return compiled if f is None else compiled(f)
