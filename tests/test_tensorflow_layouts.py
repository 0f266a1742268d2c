"""Arrays of every layout as arguments, operands and results of a `tf.function`."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ragged
from agreement import assert_same, outcome
from layouts import arrays

if importlib.util.find_spec("tensorflow") is None:
    pytest.skip("tensorflow is not installed", allow_module_level=True)
tf = pytest.importorskip("tensorflow")

DTYPES = st.sampled_from([np.dtype(name) for name in ("bool", "int64", "float32", "float64")])
PROGRAMS = (
    lambda x: x,
    lambda x: x[::-1],
    lambda x: x[1:],
    lambda x: x[:, 1:],
    lambda x: x[ragged.local_index(x, axis=0) % 2 == 0],
    lambda x: ragged.concatenate([x, x]),
    lambda x: ragged.pad_none(x, 3, axis=0, clip=True),
    ragged.is_none,
    ragged.num,
    ragged.flatten,
)


@settings(max_examples=30)
@given(arrays(dtypes=DTYPES))
def test_every_layout(data):
    x = ragged.Array(data)
    wanted = [(program, outcome(program, x)[0]) for program in PROGRAMS]
    wanted = [(program, result) for program, result in wanted if result is not None]
    run = tf.function(lambda x: [program(x) for program, _ in wanted], autograph=False)
    for mine, (_, theirs) in zip(run(x.to_backend("tensorflow")), wanted, strict=True):
        assert_same(mine, theirs)


def test_a_record():
    x = ragged.Array([{"a": 1.5, "b": [1.0, 2.0]}, {"a": 2.5, "b": []}], backend="tensorflow")
    found = tf.function(lambda record: {"twice": record["b"] * 2, "record": record})(x[0])
    assert found["twice"].to_list() == [2.0, 4.0]
    assert isinstance(found["record"], ragged.Record)
    assert found["record"].to_list() == {"a": 1.5, "b": [1.0, 2.0]}


def test_a_tree_of_arguments():
    x = ragged.Array([[1.0, 2.0], []], backend="tensorflow")
    run = tf.function(lambda tree, *, scale: {name: each * scale for name, each in tree.items()})
    found = run({"a": x, "b": x[:, :1]}, scale=2.0)
    assert found["a"].to_list() == [[2.0, 4.0], []]
    assert found["b"].to_list() == [[2.0], []]
