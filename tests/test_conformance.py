"""Every backend that is installed passes the conformance suite: ours, and the third party's of tests/plugin."""

from __future__ import annotations

import re
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest

import ragged
import ragged.testing
from ragged.registry import get_backend
from ragged.testing._operations import OPERATIONS
from ragged_numpy import NumpyBackend

ROOT = Path(__file__).parents[1]
PLUGIN = ROOT / "tests" / "plugin"


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(check, id=f"{name}-{title}")
        for name in ragged.available()
        for title, check in ragged.testing.checks(name)
    ],
)
def test_conformance(check):
    check()


def test_the_plugin_is_installed():
    names = {point.name for point in entry_points(group="ragged.backends")}
    assert "strict" in names, "the third party's backend is not there: pip install ./tests/plugin (nox -s tests does)"


def blocks(language):
    """The code blocks of the page that shows how a backend is made."""
    page = (ROOT / "docs" / "adding-a-backend.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.M | re.S)


def test_the_page_shows_the_plugin_word_for_word():
    code = (PLUGIN / "ragged_strict.py").read_text(encoding="utf-8")
    assert blocks("python")[0] == code
    assert blocks("toml")[0] == (PLUGIN / "pyproject.toml").read_text(encoding="utf-8")
    assert len(code.splitlines()) < 150


def test_a_backend_needs_few_methods():
    assert len(ragged.Backend.__abstractmethods__) <= 20


def test_all_that_failed_is_listed(monkeypatch):
    def planted(*args):
        raise RuntimeError("planted")

    monkeypatch.setattr(NumpyBackend, "segment_max", planted)
    with pytest.raises(AssertionError, match=r"the numpy backend fails \d checks? of \d+|fails \d+ of \d+") as caught:
        ragged.testing.check_backend("numpy", matching="protocol")
    assert "- protocol: segment_max and segment_min: raised RuntimeError: planted" in str(caught.value)
    assert "- protocol: segment_max and segment_min drop slack: raised" in str(caught.value)


def test_what_matches_nothing_is_no_success():
    with pytest.raises(AssertionError, match="no check of the numpy backend has 'nonesuch' in its id"):
        ragged.testing.check_backend("numpy", matching="nonesuch")


def test_an_unknown_backend():
    with pytest.raises(ragged.MissingBackendError, match="no backend 'nobody'"):
        ragged.testing.check_backend("nobody")


def test_ids_are_unique_and_told_by_group():
    ids = [title for title, _ in ragged.testing.checks("numpy")]
    assert len(set(ids)) == len(ids)
    groups = {title.partition(":")[0] for title in ids}
    assert groups == set(
        "protocol ufuncs literals values gradients kinks check_grads conventions arrays jit errors conduct".split()
    )


def test_unsigned_minima_need_no_inversion(monkeypatch):
    strict = type(get_backend("strict"))
    original = strict.apply

    def without_inversion(self, name, *args, **options):
        assert name != "invert" or self.dtype(args[0]).kind != "u"
        return original(self, name, *args, **options)

    monkeypatch.setattr(strict, "apply", without_inversion)
    ragged.testing.check_backend("strict", matching="protocol: segment_max and segment_min")


NO_OPERATIONS = """
    Array Backend Comparison Record available backend check_grads compare current use grad value_and_grad vjp jvp
    jacobian hessian hvp finfo iinfo isdtype bool show transform from_native to_native from_arrow to_arrow from_parquet
    to_parquet from_awkward to_awkward from_json jit batches pad_to
    complex64 complex128 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64
""".split()
"""Public names that are no operation on an array, or that other libraries take part in (their tests are elsewhere)."""


def test_every_public_operation_is_in_the_table():
    shown = {operation.function for operation in OPERATIONS}
    same = {getattr(ragged, name) for name in shown if hasattr(ragged, name)}
    canonical = {ragged.ufuncs.table[name].name for name in shown if name in ragged.ufuncs.table}
    missing = []
    for name in ragged.__all__:
        value = getattr(ragged, name)
        is_error = isinstance(value, type) and issubclass(value, Exception)
        known = name in shown or name in NO_OPERATIONS or is_error or not callable(value) or value in same
        entry = ragged.ufuncs.table.get(name)
        if not known and (entry is None or entry.name not in canonical):
            missing.append(name)
    assert not missing


def test_the_core_passes_no_index_out_of_range(monkeypatch):
    take, segment_sum = NumpyBackend.take, NumpyBackend.segment_sum

    def checked_take(self, x, index):
        assert len(index) == 0 or (np.min(index) >= 0 and np.max(index) < len(x)), (index, len(x))
        return take(self, x, index)

    def checked_sum(self, x, rows):
        ids = rows.ids
        assert len(ids) == 0 or (np.min(ids) >= 0 and np.max(ids) <= rows.nrows), (ids, rows.nrows)
        return segment_sum(self, x, rows)

    monkeypatch.setattr(NumpyBackend, "take", checked_take)
    monkeypatch.setattr(NumpyBackend, "segment_sum", checked_sum)
    ragged.testing.check_backend("numpy", matching="values")
    ragged.testing.check_backend("numpy", matching="kinks")
