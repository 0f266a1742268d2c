"""repr, show, the notebook page, and layouts."""

from __future__ import annotations

import io
import math

import awkward as ak
import numpy as np
import pytest

import ragged

DATA = {
    "numbers": [[1.0, 2.0, 3.0], [], [4.0, 5.0]],
    "records": [[{"x": 1, "y": [1, None]}], [], [{"x": 2, "y": []}]],
    "strings": ["one", None, "two"],
    "tuples": [(1, "a"), (2, "b")],
    "nothing": [],
    "missing": [None, [None, 1.5]],
    "long": [list(range(i % 7)) for i in range(300)],
    "wide": [{f"field{i}": i for i in range(30)}] * 3,
    "quotes": ["it's", 'a "b"', "\n\\"],
}


@pytest.mark.parametrize("name", DATA)
def test_equals_awkwards_on_numpy(name):
    ours, theirs = ragged.Array(DATA[name]), ak.Array(DATA[name])
    assert repr(ours) == repr(theirs)
    assert ours.show(stream=None) == theirs.show(stream=None)
    if name != "wide":  # Awkward cuts a long type after 80 characters
        assert ours.show(type=True, stream=None) == theirs.show(type=True, stream=None)
    assert ours.show(5, 40, stream=None) == theirs.show(5, 40, stream=None)
    assert ours.show(stream=None, precision=1) == theirs.show(stream=None, precision=1)


def test_another_backend_is_named():
    pytest.importorskip("jax")
    with ragged.use("jax", precision="float64"):
        x = ragged.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]])
    assert repr(x) == "<Array [[1, 2, 3], [], [4, 5]] type='3 * var * float64' backend='jax'>"
    assert x.show(stream=None) == "[[1, 2, 3],\n [],\n [4, 5]]"
    assert "backend: jax" in x.show(backend=True, stream=None)
    assert "backend: jax" in x._repr_html_()


def test_a_broken_layout_is_no_tracer():
    # as a mistake of ours would make it: bytes that are marked as a string, with missing ones among them
    text = ragged.Array(["bc"])
    holed = ragged.mask(ragged.Array(np.array([98, 99], np.uint8)), [True, False])
    node = type(text.layout)(text.layout.rows, holed.layout, text.layout.parameters)
    broken = ragged.Array._of(node, text._backend)
    assert repr(broken) == "<Array [...] invalid type='1 * string'>"


@pytest.mark.parametrize("name", DATA)
def test_reprs_fit_the_line_on_every_backend(name, backend):
    x = ragged.Array(DATA[name])
    assert len(repr(x)) <= 82
    assert repr(x).startswith("<Array [")


def test_show_writes_to_standard_output_or_a_stream(capsys):
    x = ragged.Array([[1, 2], []])
    assert x.show() is None
    assert capsys.readouterr().out == "[[1, 2],\n []]\n"
    out = io.StringIO()
    ragged.show(x, stream=out)
    assert out.getvalue() == "[[1, 2],\n []]\n"


def test_show_tells_types_sizes_and_backends():
    x = ragged.Array([[1, 2], []])
    assert x.show(all=True, stream=None).splitlines()[:3] == ["type: 2 * var * int64", "nbytes: 40", "backend: numpy"]


def test_a_long_type_is_shown_whole():
    text = ragged.Array(DATA["wide"]).show(type=True, stream=None)
    assert "field29: int64" in text


def test_records_print_as_awkwards():
    data = [{"x": 1.5, "y": [1, 2]}]
    ours, theirs = ragged.Array(data)[0], ak.Array(data)[0]
    assert repr(ours) == repr(theirs)
    assert ours.show(stream=None) == theirs.show(stream=None)
    assert ours.show(type=True, stream=None) == theirs.show(type=True, stream=None)
    assert repr(ragged.Array([(1, "a")])[0]) == repr(ak.Array([(1, "a")])[0])


def test_the_notebook_page_is_escaped():
    x = ragged.Array([["<b>"], []])
    page = x._repr_html_()
    assert "&lt;b&gt;" in page and "<b>" not in page
    assert "2 * var * string" in page
    assert "type: {" in ragged.Record({"x": 1})._repr_html_()


def test_inside_a_gradient_nothing_fails(backend):
    seen = []

    def loss(x):
        seen.extend([repr(x), x.show(stream=None), x._repr_html_(), repr(x.layout), str(x.type)])
        return ragged.sum(x * x)

    ragged.grad(loss)(ragged.Array([[1.0, 2.0], []]))
    if backend in ("tensorflow", "torch"):  # whose values are there, also while they are recorded
        assert seen[0].startswith("<Array [[1, 2], []] type='2 * var * float64'")
    else:
        assert seen[0].startswith("<Array [...] tracer type='2 * var * float64'")
        assert "tracer" in seen[1] and "tracer" in seen[2]
    assert seen[4] == "2 * var * float64"


def test_records_inside_a_gradient(backend):
    seen = []

    def loss(x):
        seen.append(repr(x[0]))
        return ragged.sum(x["a"])

    ragged.grad(loss)(ragged.Array([{"a": 1.0}, {"a": 2.0}]))
    what = "{a: 1}" if backend in ("tensorflow", "torch") else "[...] tracer"
    assert seen[0].startswith(f"<Record {what} type='{{a: float64}}'")


def test_large_arrays_convert_no_more_than_is_seen(backend, monkeypatch):
    x = ragged.from_lengths(np.arange(500_000.0), np.full(100_000, 5))
    converted = []
    if backend != "numpy":
        kind = type(x._backend)
        original = kind.to_numpy
        monkeypatch.setattr(
            kind, "to_numpy", lambda self, data: converted.append(math.prod(data.shape)) or original(self, data)
        )
    assert repr(x).startswith("<Array [[0, 1, 2, 3, 4], ")
    assert x.show(stream=None, precision=6).splitlines()[-1].strip() == "[499995, 499996, 499997, 499998, 499999]]"
    assert sum(converted) <= 2 * 2 * 80 * 5


def test_layouts_print_as_trees():
    x = ragged.Array([[{"x": 1, "y": ["a", None]}], [], [{"x": 2, "y": []}]])
    assert repr(x.layout) == "\n".join(
        [
            "Lists(length=3, offsets=[0 1 1 2])",
            "    Record(length=2, fields=['x', 'y'])",
            "        x: Flat(length=2, dtype=int64, data=[1 2])",
            "        y: Lists(length=2, offsets=[0 2 2])",
            "            Option(length=2, valid=[ True False])",
            "                Lists(length=2, offsets=[0 1 1], parameters={'__array__': 'string'})",
            "                    Flat(length=1, dtype=uint8, data=[97])",
        ]
    )
    assert "of shape (2, 3)" in repr(ragged.Array(np.ones((2, 3))).layout)
    assert "..." in repr(ragged.Array(np.arange(1000)).layout)


TYPES = [
    "2 * var * ?float64",
    "2 * option[var * int32]",
    "3 * string",
    "3 * ?bytes",
    "2 * {x: int64, y: var * bool}",
    "2 * (int64, string)",
    "2 * Point[x: float32]",
    "2 * var * 3 * complex128",
    "2 * datetime64[s]",
    "2 * ?unknown",
    "2 * var * ?{x: int64}",
    "1 * categorical[type=string]",
    '2 * [var * int64, parameters={"unit": "cm"}]',
    "0 * {}",
    "0 * ()",
]


@pytest.mark.parametrize("text", TYPES)
def test_type_strings(text):
    kind = ak.types.from_datashape(text)
    form = ak.forms.from_type(kind.content)
    array = ak.Array(
        form.length_one_array(highlevel=False)[:0] if text.startswith("0") else form.length_one_array(highlevel=False)
    )
    assert str(array.type.content) == text.split(" * ", 1)[1]
    x = ragged.Array(array)
    assert x.typestr.split(" * ", 1)[1] == text.split(" * ", 1)[1]
    assert x.type == array.type


def test_type_of_anything(backend):
    assert str(ragged.type(ragged.Array([[1, None], []]))) == "2 * var * ?int64"
    assert str(ragged.type([[1.5], []])) == "2 * var * float64"
    assert str(ragged.type(np.ones((2, 3), np.float32))) == "2 * 3 * float32"
    assert str(ragged.type(ragged.Record({"x": 1}))) == "{x: int64}"
    assert str(ragged.type(1.5)) == str(ak.type(1.5))
    assert str(ragged.type(np.int32(1))) == str(ak.type(np.int32(1)))


def test_types_touch_no_data():
    x = ragged.Array(np.broadcast_to(np.float64(1), (10**12,)))
    assert x.typestr == "1000000000000 * float64"
