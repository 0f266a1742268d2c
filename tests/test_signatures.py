"""Signatures: Awkward's, parameter by parameter, but for the exceptions listed here with their reasons."""

from __future__ import annotations

import inspect

import awkward as ak
import pytest

import ragged

OPTIONS = "its options are passed on to Awkward by name"
SOURCE = "what is read says what it is; the data has no options of Awkward's builder"
ELEMENTWISE = "elementwise functions keep the operand's attrs and behaviors"
NAMED_AXES = "ragged has no named axes"

EXCEPTIONS = {
    "almost_equal": ({"check_named_axis"}, NAMED_AXES),
    "array_equal": ({"check_named_axis"}, NAMED_AXES),
    "from_arrow": ({"generate_bitmasks", "behavior", "attrs"}, SOURCE),
    "from_iter": ({"allow_record", "behavior", "attrs", "initial", "resize"}, SOURCE),
    "from_numpy": ({"regulararray", "recordarray", "behavior", "primitive_policy", "attrs"}, SOURCE),
    "from_json": ("options", OPTIONS),
    "from_parquet": ("options", OPTIONS),
    "to_arrow": ("options", OPTIONS),
    "to_json": ("options", OPTIONS),
    "to_parquet": ("options", OPTIONS),
    "imag": ({"behavior", "attrs"}, ELEMENTWISE),
    "real": ({"behavior", "attrs"}, ELEMENTWISE),
    "round": ({"out", "behavior", "attrs"}, ELEMENTWISE),
    "type": ({"behavior"}, "type strings come from names and parameters alone"),
    "transform": (
        {"more_arrays", "depth_context", "lateral_context", "allow_records", "broadcast_parameters_rule"}
        | {"left_broadcast", "right_broadcast", "numpy_to_regular", "regular_to_jagged", "return_value"}
        | {"expect_return_value", "behavior", "attrs"},
        "it works on our nodes, of one array",
    ),
}
"""What of Awkward's parameters a function has not, and why ("options": all keywords but those that it names)."""

GROW = ("argcartesian", "argcombinations", "cartesian", "combinations", "unflatten")
OURS = {"to_backend": {"device"}, **{name: {"capacity"} for name in GROW}}
"""Parameters that Awkward has not."""

NAMES = [
    name
    for name in ragged.__all__
    if inspect.isfunction(getattr(ragged, name)) and callable(getattr(ak, name, None)) and hasattr(ak, name)
]
POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def described(function):
    """Name, default and whether it may be given by position, of each parameter."""
    found = inspect.signature(function).parameters.values()
    return [(p.name, p.default, p.kind in POSITIONAL, p.kind is inspect.Parameter.VAR_POSITIONAL) for p in found]


@pytest.mark.parametrize("name", NAMES)
def test_signatures_are_awkwards(name):
    missing, _ = EXCEPTIONS.get(name, (set(), ""))
    ours = [p for p in described(getattr(ragged, name)) if p[0] not in OURS.get(name, ())]
    theirs = [p for p in described(getattr(ak, name)) if p[0] != "highlevel"]
    if missing == "options":
        assert ours.pop()[0] == "options"
        known = {p[0] for p in ours}
        theirs = [p for p in theirs if p[2] or p[0] in known]
    else:
        assert missing <= {p[0] for p in theirs}, "an exception that is none"
        theirs = [p for p in theirs if p[0] not in missing]
    assert ours == theirs


def test_what_is_compared():
    assert {"sum", "sort", "zip", "num", "where", "to_numpy", "is_valid", "softmax"} <= set(NAMES)
    assert EXCEPTIONS.keys() <= set(NAMES)
    assert all("highlevel" not in inspect.signature(getattr(ragged, name)).parameters for name in NAMES)


X = ragged.Array([[1.0, 2.0], [], [3.0]])
RECORDS = ragged.zip({"a": X, "b": X})
CALLS = {
    "argcartesian": ([X, X],),
    "argcombinations": (X, 2),
    "broadcast_arrays": (X, 1),
    "cartesian": ([X, X],),
    "combinations": (X, 2),
    "concatenate": ([X, X],),
    "fill_none": (X, 0),
    "full_like": (X, 1),
    "isclose": (X, X),
    "mask": (X, X > 1),
    "pad_none": (X, 2),
    "singletons": (ragged.Array([1.0, None]),),
    "to_backend": (X, "numpy"),
    "to_regular": (ragged.Array([[1.0], [2.0]]),),
    "from_regular": (ragged.to_regular(ragged.Array([[1.0], [2.0]])),),
    "unflatten": (X, [1, 2]),
    "unzip": (RECORDS,),
    "values_astype": (X, "float32"),
    "where": (X > 1, X, 0),
    "with_field": (RECORDS, X, "c"),
    "with_name": (RECORDS, "point"),
    "with_parameter": (X, "unit", "m"),
    "without_field": (RECORDS, "a"),
    "zip": ([X, X],),
    "corr": (X, X),
    "covar": (X, X),
    "linear_fit": (X, X),
    "moment": (X, 2),
}
LABELLED = [name for name in NAMES if "attrs" in inspect.signature(getattr(ragged, name)).parameters]


@pytest.mark.parametrize("name", LABELLED)
def test_a_result_has_the_attrs_and_behaviors_that_it_is_given(name):
    function = getattr(ragged, name)
    axis = inspect.signature(function).parameters.get("axis")
    along = {"axis": 1} if axis is not None and axis.default is None else {}  # over everything there is no array
    result = function(*CALLS.get(name, (X,)), **along, attrs={"run": 7}, behavior={"*": "b"})
    results = result if isinstance(result, list | tuple) else [result]
    assert all(each.attrs == {"run": 7} and each.behavior == {"*": "b"} for each in results)
