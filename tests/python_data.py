"""Nested Python data of every kind that becomes an array."""

from __future__ import annotations

import datetime

import numpy as np

PYTHON = {
    "lists": [[1.0, 2.0], [], [3.0]],
    "ints": [[1, 2], []],
    "booleans": [True, False],
    "complex": [1 + 2j, 3],
    "missing": [[1, None], None, []],
    "records": [{"x": 1, "y": [1.5]}, {"x": 2, "y": []}],
    "records with missing fields": [{"x": 1}, {"x": 2, "y": "a"}],
    "tuples": [(1, "a"), (2, "b")],
    "strings": [["one", ""], ["äöü"]],
    "bytes": [b"one", b""],
    "dates": [np.datetime64("2020-01-01", "s"), np.datetime64("2021-01-01", "s")],
    "datetimes": [datetime.datetime(2020, 1, 1), None],
    "nothing": [],
    "empty lists": [[], []],
    "nested empties": [[[]], []],
    "only None": [None, None],
    "NaN": [[float("nan")], [float("inf")]],
    "a tuple of lists": ([1, 2], [3]),
    "NumPy rows": [np.array([1, 2]), np.array([], int)],
    "columns": {"x": [1, 2], "y": [[1.5], []]},
}
