"""Arrays and records as nested structures of TensorFlow: `tf.nest`, tapes, arguments and results of functions."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from ragged._flattening import Pending, Static, flattened
from ragged._growing import places
from ragged._transform import walk
from ragged.array import Array
from ragged.autodiff.trees import tree_map
from ragged.errors import BackendMismatchError, StructureError, UnsupportedError
from ragged.nodes import Flat, Node, Option, Unknown, is_text
from ragged.operands import move
from ragged.registry import get_backend
from ragged.traverse import contents_of
from ragged_tensorflow._compat import is_asked_by_autograph, is_symbolic
from ragged_tensorflow._outline import Outline, Refilled, outlined
from ragged_tensorflow._sizes import Size, tensor_of, within
from ragged_tensorflow._structure import is_unknown
from ragged_tensorflow._xla_checks import at_work

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ragged.backend import Backend

__all__ = ["ArrayType", "as_tensor", "flatten", "held_within", "tracing_type", "unflatten"]

PLUMBING = frozenset(
    {
        *("Case", "Const", "Enter", "Exit", "Identity", "IdentityN", "If", "IteratorGetNext", "Merge", "NextIteration"),
        *("PartitionedCall", "Placeholder", "StatefulPartitionedCall", "StatelessCase", "StatelessIf"),
        *("StatelessWhile", "StopGradient", "Switch", "While"),
    }
)
"""Operations by which TensorFlow passes a tensor on; a structure that another one made is not ours any more."""

CONSTANT = frozenset({"Fill", "OnesLike", "ZerosLike"})
"""Operations that make TensorFlow's derivative of structure by itself, which says nothing."""


def flatten(array: Array) -> tuple[Static, tuple[Any, ...]]:
    """What stays of an array (its type, and known structure), and its tensors: content, then other structure."""
    if (state := at_work()) is not None and array._backend is state.b:
        raise UnsupportedError(
            "tf.nest (tf.cond, tf.while_loop, a tape that watches an array) takes no ragged array of a program of "
            "XLA, whose length is not known; give it dense tensors, use ragged.grad, or leave jit_compile=True out"
        )
    pending = array._pending if array._node is None else None
    if isinstance(pending, Blank):
        return pending.outline, pending.components
    if isinstance(pending, Refilled):
        return pending.outline.holding(pending.values), (*pending.contents, *apart(pending.contents, pending.values))
    if tf.executing_eagerly() and (isinstance(pending, Pending) or not depends(array.layout)):
        leaves, static = flattened(array, lambda leaf: False)
        return static, leaves
    return parts(array)


def unflatten(static: Static, components: Sequence[Any]) -> Array | None:
    """The array with other tensors in it; None where TensorFlow has none for it (no derivative)."""
    b = get_backend("tensorflow")
    if not isinstance(static, Outline):
        if components and kinds(components) == {None}:
            return None
        leaves = [
            nothing(flat.length) if each is None else converted(each)
            for each, flat in zip(components, places(static.skeleton), strict=True)
        ]
        found = Array._lazily(Pending(static, leaves, b, placed), b, static.attrs, static.behavior)
        return without_text(found) if None in kinds(components) else found
    cut = len(components) - len(static.values)
    contents, values = components[:cut], components[cut:]
    values = [None if is_symbolic(new) and new.op.type in CONSTANT else new for new in values]
    for new, old in zip(values, static.values, strict=True):
        same = new is (old.tensor if isinstance(old, Size) else old)
        if is_symbolic(new) and not same and new.op.type not in PLUMBING:
            raise StructureError(
                "a map over a ragged array of a tf.function takes its structure too, not only its numbers; write it "
                "with the operators and functions of ragged"
            )
    if contents and kinds(contents) == {None}:
        blank = kinds(components) == {None} and is_asked_by_autograph()
        return Array._lazily(Blank(static, components), b) if blank else None
    for new, old in zip(contents, places(static.skeleton), strict=True):
        if is_symbolic(new) and new.shape.rank is not None and new.shape.rank > old.data:
            raise StructureError(
                "a ragged array of a tf.function cannot hold more axes than its numbers had; take a Jacobian with "
                "ragged.jacobian, which works in a graph, too"
            )
    own(contents, values)
    refilled = Refilled(static, b, list(map(converted, contents)), values, place)
    found = Array._lazily(refilled, b, static.attrs, static.behavior)
    return without_text(found) if None in kinds(contents) else found


class Blank:
    """An array of which AutoGraph has nothing to say: None in the place of each tensor."""

    def __init__(self, outline: Outline, components: Sequence[Any]) -> None:
        self.outline, self.components = outline, tuple(components)


def kinds(components: Sequence[Any]) -> set[type | None]:
    """The types of components, None for None."""
    return {None if each is None else type(each) for each in components}


def without_text(array: Array) -> Array:
    """An array of derivatives, in which text is missing (its characters are already)."""

    def missing(node: Node, **_: Any) -> Node | None:
        return nothing(node.length) if is_text(node) else None

    return Array._of(walk(array._backend, missing, array.layout, 1), array._backend, array._attrs, array._behavior)


def depends(node: Any) -> bool:
    """Whether content or structure depends on a tensor of a graph."""
    held = [getattr(node, name, None) for name in ("data", "rows", "valid", "tags", "index", "size", "length")]
    return any(map(is_unknown, held)) or any(map(depends, contents_of(node)))


def tensor(x: Any) -> Any:
    """Structure as a tensor."""
    return tensor_of(x) if isinstance(x, Size | int) else tf.convert_to_tensor(x)


def converted(leaf: Any) -> Any:
    """The slices that TensorFlow gives as the derivative of a gather, as a tensor."""
    return tf.convert_to_tensor(leaf) if isinstance(leaf, tf.IndexedSlices) else leaf


def nothing(length: Any) -> Node:
    """Entries without a derivative."""
    return Option(get_backend("tensorflow").home().full((length,), False, "bool"), Unknown(length))


def place(b: Backend, leaf: Any, length: Any, parameters: Any) -> Node:
    """The node of what TensorFlow put in the content's place: None where there is no derivative, a type, or numbers."""
    if leaf is None:
        return nothing(length)
    if isinstance(leaf, tf.TensorSpec):
        return Flat(leaf, length, parameters)
    return Flat(b.asarray(leaf), length, parameters)


def placed(b: Backend, leaf: Any, shape: tuple[Any, ...], length: Any, parameters: Any) -> Node:
    """The same, in the given shape."""
    node = place(b, leaf, length, parameters)
    return Flat(b.reshape(node.data, shape), length, parameters) if type(node) is Flat and b.owns(node.data) else node


class ArrayType(tf.types.experimental.TraceType):  # type: ignore[misc]
    """The type of an array that is an argument or a result of a `tf.function`: its outline, and a spec a tensor.

    Structure is among the tensors, and of arguments that have values it may have any length, so that one trace serves
    all arrays of one type.
    """

    def __init__(self, outline: Static, specs: tuple[Any, ...], everything: bool) -> None:
        self.outline, self.specs, self.everything = outline, specs, everything

    def is_subtype_of(self, other: Any) -> bool:
        return self._alike(other) and all(a.is_subtype_of(b) for a, b in zip(self.specs, other.specs, strict=True))

    def most_specific_common_supertype(self, others: Sequence[Any]) -> ArrayType | None:
        if not all(map(self._alike, others)):
            return None
        columns = zip(*(other.specs for other in others), strict=True) if others else [()] * len(self.specs)
        specs = [own.most_specific_common_supertype(list(rest)) for own, rest in zip(self.specs, columns, strict=True)]
        return None if None in specs else ArrayType(self.outline, tuple(specs), self.everything)

    def placeholder_value(self, placeholder_context: Any) -> Any:
        return unflatten(self.outline, [spec.placeholder_value(placeholder_context) for spec in self.specs])

    def to_tensors(self, value: Any) -> list[Any]:
        components = (parts if self.everything else flatten)(value)[1]
        return list(map(tf.convert_to_tensor, components))

    def from_tensors(self, tensors: Iterator[Any]) -> Any:
        return unflatten(self.outline, [next(tensors) for _ in self.specs])

    def flatten(self) -> list[Any]:
        return list(self.specs)

    def cast(self, value: Any, cast_context: Any) -> Any:
        return value

    def _alike(self, other: Any) -> bool:
        same = isinstance(other, ArrayType) and len(self.specs) == len(other.specs)
        return same and self.everything == other.everything and self.outline == other.outline

    def __eq__(self, other: object) -> bool:
        return self._alike(other) and self.specs == other.specs  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash((self.outline, self.specs))

    def __repr__(self) -> str:
        return f"<type of a ragged array: {self.outline!r}>"


def parts(array: Array) -> tuple[Outline, tuple[Any, ...]]:
    """The outline of an array, and its tensors, all structure among them."""
    outline, contents, values = outlined(array)
    return outline, (*contents, *apart(contents, [tensor(x) for x in values]))


def apart(contents: Sequence[Any], values: Sequence[Any]) -> list[Any]:
    """The structure of these contents in tensors of its own, the same ones each time.

    To a tape, structure that a target and a source share would be a target that is its own source, with a derivative.
    """
    content = next(filter(is_symbolic, contents), None)
    return [x if content is None or not is_symbolic(x) else copied(x, content) for x in values]


def own(contents: Sequence[Any], values: Sequence[Any]) -> None:
    """Note that the inputs of a function or a loop are no copies, but the structure of these contents itself."""
    content = next(filter(is_symbolic, contents), None)
    for x in values:
        if content is not None and is_symbolic(x) and x.op.type == "Placeholder":
            x.__dict__.setdefault("_ragged_copies", {})[id(content)] = x


def copied(x: Any, content: Any) -> Any:
    """The copy of structure `x` for the array of this content."""
    copies = x.__dict__.setdefault("_ragged_copies", {})
    if id(content) not in copies:
        with x.graph.as_default():  # which may be outside of the branch or loop that asks first
            copy = tf.identity(x)
        copies[id(content)] = copy.__dict__.setdefault("_ragged_copies", {})[id(content)] = copy
    return copies[id(content)]


def held_within(tree: Any) -> Any:
    """The tree, in which the arrays and tensors of other graphs are this one's."""

    def held(leaf: Any) -> Any:
        if not isinstance(leaf, Array):
            return within(leaf)
        outline, components = flatten(leaf)
        found = [within(x) for x in components]
        if leaf._backend.name != "tensorflow" or all(map(operator.is_, found, components)):
            return leaf
        return unflatten(outline, found)

    return tree_map(held, tree)


def tracing_type(array: Array) -> ArrayType:
    """The type by which `tf.function` chooses a trace, or makes one.

    Raises:
        BackendMismatchError: an array on another framework.
    """
    b = get_backend("tensorflow")
    if array._backend.name not in ("numpy", "tensorflow") or array._backend.level:
        raise BackendMismatchError(
            f"tf.function takes arrays on TensorFlow or NumPy, not on {array._backend.name}; move it with "
            "x.to_backend('tensorflow')"
        )
    if array._backend.name == "numpy":
        array = Array._of(move(b, array.layout, array._backend), b, array._attrs, array._behavior)
    outline, components = flatten(array)
    everything = tf.executing_eagerly() and not any(map(is_symbolic, components))
    if everything:
        outline, components = parts(array)
    return ArrayType(outline, tuple(spec_of(x, everything) for x in components), everything)


def spec_of(x: Any, relaxed: bool) -> tf.TensorSpec:
    """The spec of a tensor; `relaxed`: of any length."""
    shape = x.shape[1:] if relaxed and x.shape.rank else x.shape
    return tf.TensorSpec([None, *shape] if relaxed and x.shape.rank else shape, x.dtype)


def as_tensor(array: Array, dtype: Any) -> Any:
    """A dense array as a tensor, its gradient kept.

    Raises:
        TypeError: a ragged one; TensorFlow then leaves an operator to it.
    """
    node = array.layout
    if not isinstance(node, Flat):
        raise TypeError(
            "a ragged array is no dense tensor: x.to_native() gives a tf.RaggedTensor, ragged.to_padded a dense tensor "
            "and its mask"
        )
    is_tensor = hasattr(node.data, "__tf_tensor__")  # or says why it is none
    x = tf.convert_to_tensor(node.data) if is_tensor else get_backend("tensorflow").asarray(node.data)
    return x if dtype is None or x.dtype == dtype else tf.cast(x, dtype)
