"""The public transforms, over `Backend.vjp` and `Backend.jvp`."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from ragged._opaque import opaque
from ragged.array import Array, Record
from ragged.autodiff.alignment import align
from ragged.autodiff.pullback import deepest
from ragged.autodiff.requirements import require_floats, require_scalar
from ragged.autodiff.trees import Skeleton, backend_for, split, tree_map
from ragged.context import _context
from ragged.errors import DTypeError, StructureError
from ragged.nodes import Flat
from ragged.operands import map_flats
from ragged.registry import backend_of_dense

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged.backend import Backend

__all__ = ["checkpoint", "grad", "jvp", "stop_gradient", "value_and_grad", "vjp"]


class Program:
    """A user's function of trees as a function of the dense values that it is differentiated by.

    Called with those values it returns `(dense outputs, all other dense results)`, as `Backend.vjp` wants; what remains
    of the results (`out`, `aux`) is kept from the latest call. `at_once` promises that it is pulled back before anyone
    can write to the inputs, which then need no copy.
    """

    def __init__(
        self, f: Callable[..., Any], b: Backend, primals: Any, call: Callable[..., Any], has_aux: bool
    ) -> None:
        self.f = f
        self.b = b
        self.under = b  # the program runs here, or on the deepest tape over it that its values are on
        self.call, self.has_aux, self.at_once = call, has_aux, False
        self.primals, self.values, self.rest = split(b, primals)
        self.aux: Skeleton | None = None

    def __call__(self, *values: Any) -> tuple[list[Any], list[Any]]:
        run = deepest(self.under, values)
        token = _context.set(run)
        try:
            result = self.call(self.f, self.primals.fill(run, values, self.rest))
            if self.has_aux and not (isinstance(result, tuple) and len(result) == 2):
                raise DTypeError(
                    f"has_aux=True wants the pair (output, aux), but the function gave a {type(result).__name__}"
                )
            out, aux = result if self.has_aux else (result, None)
            self.out, outputs, rest = split(run, out)
            if aux is None:
                self.aux, self.cuts = None, (len(rest), len(rest))
                return outputs, rest
            self.aux, aux_smooth, aux_rest = split(run, aux)
        finally:
            _context.reset(token)
        self.cuts = len(rest), len(rest) + len(aux_smooth)
        return outputs, [*rest, *aux_smooth, *aux_rest]

    def results(self, outputs: Sequence[Any], others: Sequence[Any]) -> tuple[Any, Any]:
        """The output and aux of the latest call, with plain values in them."""
        first, second = self.cuts
        value = self.out.fill(self.b, outputs, others[:first])
        return value, self.aux and self.aux.fill(self.b, others[first:second], others[second:])


def constants(b: Backend, tree: Any) -> Any:
    """A tree moved to `b`."""
    skeleton, smooth, rest = split(b, tree)
    return skeleton.fill(b, smooth, rest)


def by_arguments(
    f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], argnums: tuple[int, ...], has_aux: bool
) -> Program:
    """The program of some of the positional arguments; the others are constants."""
    places = tuple(n + len(args) if n < 0 else n for n in argnums)
    for n in places:
        if not 0 <= n < len(args):
            raise DTypeError(f"argnums={n}, but the function was given {len(args)} positional arguments")
    if len(set(places)) < len(places):
        raise StructureError(f"argnums={tuple(argnums)} names an argument twice; of {len(args)} each has one gradient")
    b = backend_for(args, kwargs) if kwargs else backend_for(args)
    fixed = [None if i in places else constants(b, x) for i, x in enumerate(args)]
    keywords = constants(b, kwargs) if kwargs else kwargs

    def call(f: Callable[..., Any], chosen: tuple[Any, ...]) -> Any:
        given = list(fixed)
        for n, x in zip(places, chosen, strict=True):
            given[n] = x
        return f(*given, **keywords)

    program = Program(f, b, tuple(args[n] for n in places), call, has_aux)
    if len(places) > 1 or not program.values:
        require_floats(b, [args[n] for n in places], places)
    return program


def value_and_grad(
    f: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that returns `(f(*args), gradient)`; with `has_aux`, `((output, aux), gradient)`.

    Args:
        f: a program whose output is one real number (0-d, or an Array of one).
        argnums: which positional arguments to differentiate by; a tuple gives a tuple of gradients.
        has_aux: `f` returns a pair, of which only the first is differentiated.

    Raises:
        DTypeError: the output is not one real number, or an argument has no floats (both are TypeErrors).

    >>> import ragged
    >>> ragged.value_and_grad(lambda x: x * x)(3.0)
    (np.float64(9.0), np.float64(6.0))
    """
    several = isinstance(argnums, tuple | list)
    numbers = tuple(argnums) if isinstance(argnums, tuple | list) else (argnums,)

    @opaque
    @functools.wraps(f)
    def differentiated(*args: Any, **kwargs: Any) -> Any:
        program = by_arguments(f, args, kwargs, numbers, has_aux)
        b, program.at_once = program.b, True
        outputs, others, pullback = b.vjp(program, program.values)
        slot = require_scalar(program.out)
        once = getattr(pullback, "once", pullback)
        gradients = once([b.full(slot.shape, 1, slot.dtype)])
        value, aux = program.results(outputs, others)
        found = program.primals.gradient(b, gradients)
        return ((value, aux) if has_aux else value), (found if several else found[0])

    return differentiated


def grad(f: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function that returns the gradient of `f`, in the argument's own shape.

    Ragged in, ragged out; record in, record out; None where the input is missing, and in fields that have no derivative
    (integers, booleans, text). With `has_aux` it returns `(gradient, aux)`. Arguments as in `value_and_grad`.

    Raises:
        DTypeError: the output is not one real number, or an argument has no floats (both are TypeErrors).

    >>> import ragged
    >>> x = ragged.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]])
    >>> ragged.grad(lambda x: ragged.sum(x * x))(x)
    <Array [[2, 4, 6], [], [8, 10]] type='3 * var * float64'>
    """
    both = value_and_grad(f, argnums, has_aux)

    @opaque
    @functools.wraps(f)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, found = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return gradient


def vjp(f: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """`(f(*primals), pullback)`; with `has_aux`, `(output, pullback, aux)`.

    The pullback takes a cotangent with the structure of the output and returns a tuple, one cotangent for each primal.
    It may be called again.

    Raises:
        DTypeError: a primal has no floats.
        StructureError: (from the pullback) the cotangent does not line up with the output; the message names the row.

    >>> import ragged
    >>> x = ragged.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]])
    >>> value, pullback = ragged.vjp(lambda x: 2 * x, x)
    >>> pullback([[1.0, 0.0, 0.0], [], [0.0, 1.0]])[0]
    <Array [[2, 0, 0], [], [0, 2]] type='3 * var * float64'>
    """
    program = by_arguments(f, primals, {}, tuple(range(len(primals))), has_aux)
    b = program.b
    outputs, others, pull = b.vjp(program, program.values)
    value, aux = program.results(outputs, others)
    out = program.out

    @opaque
    def pullback(cotangent: Any) -> tuple[Any, ...]:
        on, values = align(b, out, cotangent, "cotangent")
        found: tuple[Any, ...] = program.primals.gradient(on, pull(values))
        return found

    return (value, pullback, aux) if has_aux else (value, pullback)


def jvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """`(f(*primals), tangent of the output)` along the given tangents of the primals.

    Raises:
        DTypeError: a primal has no floats.
        StructureError: a tangent does not line up with its primal; the message names the row.

    >>> import ragged
    >>> x = ragged.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]])
    >>> value, tangent = ragged.jvp(lambda x: x * x, (x,), ([[0.0, 1.0, 0.0], [], [0.0, 1.0]],))
    >>> tangent
    <Array [[0, 4, 0], [], [0, 10]] type='3 * var * float64'>
    """
    primals = tuple(primals)
    if len(primals) != len(tangents):
        raise DTypeError(f"jvp wants one tangent for each primal: {len(primals)} primals, {len(tangents)} tangents")
    program = by_arguments(f, primals, {}, tuple(range(len(primals))), False)
    on, values = align(program.b, program.primals, tuple(tangents), "tangent")
    outputs, out_tangents, others = on.jvp(program, program.values, values)
    return program.results(outputs, others)[0], program.out.gradient(program.b, out_tangents)


def stop_gradient(x: Any) -> Any:
    """`x` (any tree of arrays) as a constant for differentiation.

    >>> import ragged
    >>> ragged.grad(lambda x: x * ragged.stop_gradient(x))(3.0)
    np.float64(3.0)
    """

    def stop(leaf: Any) -> Any:
        if isinstance(leaf, Record):
            return Record(stop(leaf._array))
        if isinstance(leaf, Array):
            b = leaf._backend
            node = map_flats(leaf.layout, lambda flat: Flat(b.stop_gradient(flat.data), flat.length, flat.parameters))
            return Array._of(node, b.base, leaf._attrs, leaf._behavior)
        own = backend_of_dense(leaf)
        return leaf if own is None else own.stop_gradient(leaf)

    return tree_map(stop, x)


def checkpoint(f: Callable[..., Any]) -> Callable[..., Any]:
    """`f`, recomputed instead of remembered when it is differentiated, where the framework has it.

    Raises:
        UnsupportedError: (when called) the backend has no checkpoint.
    """

    @opaque
    @functools.wraps(f)
    def recomputed(*args: Any, **kwargs: Any) -> Any:
        b = backend_for(args, kwargs)
        program = Program(lambda pair: f(*pair[0], **pair[1]), b, (args, kwargs), lambda f, pair: f(pair), False)
        outputs, others = b.checkpoint(program)(*program.values)
        program.under = b.base  # it may run again, on other tapes than the one it ran on now
        return program.results(outputs, others)[0]

    return recomputed
