"""What goes wrong inside `tf.function`: checks when the program runs, and errors that name the way out."""

from __future__ import annotations

import importlib.util

import pytest

import ragged
from agreement import assert_same

if importlib.util.find_spec("tensorflow") is None:
    pytest.skip("tensorflow is not installed", allow_module_level=True)
tf = pytest.importorskip("tensorflow")

X = [[1.5, -2.0, 0.5], [], [0.25, 4.0], [3.0]]


WRONG = {
    "rows of other lengths": (lambda x, y: x + y, [[1.0, 2.0], [3.0]], [[10.0], [20.0, 30.0]], "add: rows"),
    "another number of rows": (lambda x, y: x * y, [[1.0], [3.0]], [[10.0], [], []], "arrays of different lengths"),
    "a mask of other rows": (lambda x, y: x[y > 0], [[1.0, 2.0], [3.0]], [[10.0], [20.0, 30.0]], "does not line up"),
    "an entry beyond a row": (lambda x, y: x[:, 1], [[1.0, 2.0], [3.0]], [[1.0]], "out of range of its list"),
    "an entry beyond the array": (lambda x, y: x[2], [[1.0], [3.0]], [[1.0]], "index 2 is out of range"),
    "rows beyond the array": (lambda x, y: x[ragged.num(y)], [[1.0], [3.0]], [[1.0, 2.0, 3.0]], "out of range"),
    "counts that do not fit": (
        lambda x, y: ragged.unflatten(ragged.flatten(x), ragged.num(y)),
        [[1.0], [3.0]],
        [[1.0, 2.0, 3.0]],
        "counts do not sum",
    ),
    "lists of several lengths": (lambda x, y: ragged.to_regular(x), [[1.0], []], [[1.0]], "not of one length"),
    "lengths that do not add up": (
        lambda x, y: ragged.from_lengths(ragged.flatten(x), ragged.num(y)),
        [[1.0], [3.0]],
        [[1.0]],
        "do not add up",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_line_up_stops_the_program(name):
    program, x, y, message = WRONG[name]
    x, y = (ragged.Array(each, backend="tensorflow") for each in (x, y))
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        tf.function(program)(x, y)
    with pytest.raises((ValueError, IndexError)):
        program(x, y)


UNKNOWN = {
    "to_list": lambda x: x.to_list(),
    "len": lambda x: len(x),
    "iteration": lambda x: [row for row in x],
    "to_numpy": lambda x: x.to_numpy(),
    "to_awkward": ragged.to_awkward,
    "truth": lambda x: 1 if x[0] else 2,
    "equality": lambda x: ragged.array_equal(x, x),
    "one entry that may be missing": lambda x: ragged.max(x, axis=1)[0],
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_needs_values_now_says_how_to_go_on(name):
    x = ragged.Array(X, backend="tensorflow")
    with pytest.raises(ragged.UnsupportedError, match="not known before the program runs"):
        tf.function(UNKNOWN[name])(x)


def test_printing_while_a_graph_is_built():
    seen = []
    tf.function(lambda x: seen.append(repr(x)))(ragged.Array(X, backend="tensorflow"))
    assert seen == ["<Array [...] tracer type='## * var * float64' backend='tensorflow'>"]


def test_an_index_that_is_a_tensor():
    @tf.function
    def row(x, i):
        return x[tf.reshape(i, (1,))]

    x = ragged.Array(X)
    for i in (0, 3, -1):
        assert_same(row(x.to_backend("tensorflow"), tf.constant(i)), x[[i]])
    with pytest.raises(ragged.UnsupportedError, match="index array"):
        tf.function(lambda x, i: x[i])(x.to_backend("tensorflow"), tf.constant(1))
