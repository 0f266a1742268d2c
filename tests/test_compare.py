"""`compare`: agreement, disagreement, failures, finite differences, JSON, the table."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

import ragged
from ragged._compare_numbers import deviation, measure
from ragged._compare_run import finite_differences, run, source_of
from ragged.comparison import FINITE, Row

ONE = ["numpy"]


def energy(x):
    """Defined at the top of this file, so that a child process finds it."""
    return ragged.sum(ragged.sum(x**2, axis=1) ** 2)


@pytest.fixture
def x():
    return ragged.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]])


def by_name(comparison):
    return {row.backend: row for row in comparison.rows}


def test_every_available_backend_has_a_row_and_they_agree(x):
    comparison = ragged.compare(energy, x)
    rows = by_name(comparison)
    assert list(rows) == [*ragged.available(), FINITE]
    assert comparison.ok
    assert comparison.exit_code == 0
    wanted = [[4 * 14.0 * 1, 4 * 14.0 * 2, 4 * 14.0 * 3], [], [4 * 41.0 * 4, 4 * 41.0 * 5]]
    for name in ragged.available():
        row = rows[name]
        assert (row.status, row.reason) == ("agrees", None)
        assert float(row.value) == 14.0**2 + 41.0**2
        assert ragged.backend(row.gradient) == name
        assert np.allclose(ragged.flatten(row.gradient).to_numpy(), ragged.flatten(ragged.Array(wanted)).to_numpy())
        assert row.value_deviation <= 1e-15
        assert row.gradient_deviation <= 1e-14
        assert 0 < row.seconds <= row.seconds_first
    assert rows[FINITE].status == "agrees"
    assert rows[FINITE].gradient_deviation < 1e-6


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no record of a process's peak memory here")
def test_peak_memory_is_that_of_a_child_process(x):
    row = ragged.compare(energy, x, backends=ONE).rows[0]
    assert 10 * 2**20 < row.peak_memory < 10 * 2**30


def test_a_program_without_a_file_has_no_peak_memory(x):
    assert ragged.compare(lambda x: ragged.sum(x), x, backends=ONE).rows[0].peak_memory is None
    assert source_of(lambda x: x) is None
    assert source_of(np.sum) is None or source_of(np.sum)[1] == "sum"
    assert source_of(energy) == (__file__, "energy")


def test_gradients_by_several_arguments_trees_and_plain_numbers(x):
    def program(scale, tree):
        return ragged.sum(scale * tree["x"] * tree["w"][0]) + tree["bias"]

    tree = {"x": x, "w": [x], "bias": 3.0}
    comparison = ragged.compare(program, 2.0, tree, argnums=(0, 1))
    assert comparison.ok, comparison
    for row in comparison.rows[:-1]:
        by_scale, by_tree = row.gradient
        assert float(by_scale) == 55.0
        assert by_tree["x"].to_list() == [[2.0, 4.0, 6.0], [], [8.0, 10.0]]
        assert float(by_tree["bias"]) == 1.0


def test_missing_values_and_records_compare():
    x = ragged.Array([[{"a": 1.0, "n": 1}, None], [], [{"a": 3.0, "n": 2}]])
    comparison = ragged.compare(lambda x: ragged.sum(x.a**2 * x.n, axis=None), x)
    assert comparison.ok, comparison


def test_narrow_floats_are_held_to_their_own_precision():
    x = ragged.values_astype(ragged.Array([[0.1, 0.2], [0.7]]), np.float32)
    comparison = ragged.compare(lambda x: ragged.sum(np.exp(x)), x)
    assert comparison.ok, comparison


def test_disagreement_is_told(x):
    def program(x):
        return ragged.sum(x * (1.0 if ragged.backend(x) == "numpy" else 1.001))

    rows = ragged.compare(program, x, backends=ONE).rows
    assert rows[0].status == "agrees"
    if "jax" in ragged.available():
        comparison = ragged.compare(program, x)
        row = by_name(comparison)["jax"]
        assert (comparison.ok, comparison.exit_code, row.status) == (False, 1, "disagrees")
        assert row.reason.startswith("unlike numpy: value: 0.001 apart, more than 1e-10; gradient: 0.001 apart")
        assert row.value_deviation == pytest.approx(1e-3, rel=1e-6)
        assert ragged.compare(program, x, rtol=1e-2).rows[1].status == "agrees"


def test_a_wrong_gradient_is_caught_by_finite_differences(x):
    def program(x):
        return ragged.sum(x * ragged.stop_gradient(x))

    comparison = ragged.compare(program, x, backends=ONE)
    row = by_name(comparison)[FINITE]
    assert (comparison.ok, comparison.exit_code, row.status) == (False, 1, "disagrees")
    assert "by the gradient of numpy" in row.reason


def test_finite_differences_find_a_step_that_crosses_no_kink(monkeypatch):
    x = ragged.Array([[5e-5, 2.0], [-1.0]])

    def program(x):
        return ragged.sum(abs(x))

    done = run(program, (x,), 0, "numpy")
    assert finite_differences(program, (x,), 0, done)[3]
    monkeypatch.setattr("ragged._compare_run.STEPS", (1e-3,))
    assert not finite_differences(program, (x,), 0, done)[3]


def test_a_program_that_raises_fails_with_its_reason(x):
    def program(x):
        raise KeyError("nothing here\nsecond line")

    comparison = ragged.compare(program, x, backends=ONE)
    (row,) = comparison.rows
    assert row.status == "failed"
    assert row.reason.startswith("KeyError: 'nothing here\\nsecond line' (test_compare.py:")
    assert (comparison.ok, comparison.exit_code) == (False, 2)


def test_an_output_that_is_no_number_fails(x):
    comparison = ragged.compare(lambda x: x * 2, x, backends=ONE)
    assert comparison.rows[0].status == "failed"
    assert comparison.exit_code == 2


def test_a_backend_that_is_not_there_is_unavailable_and_only_matters_if_asked_for(x):
    comparison = ragged.compare(energy, x, backends=["numpy", "nonesuch"])
    row = by_name(comparison)["nonesuch"]
    assert row.status == "unavailable"
    assert "no backend 'nonesuch'" in row.reason
    assert (comparison.ok, comparison.exit_code) == (False, 2)
    assert ragged.compare(energy, x, backends=["nonesuch"]).exit_code == 2


def test_the_context_stays_as_it_was(x):
    ragged.compare(energy, x, backends=ONE)
    assert ragged.current() is None
    with ragged.use("numpy"):
        ragged.compare(energy, x)
        assert ragged.current() == "numpy"


# ---------------------------------------------------------------------- the numbers


def apart(a, b, **options):
    return deviation(measure(a), measure(b), options.get("rtol"), options.get("atol"))


def test_deviation_of_numbers_and_structure(x):
    assert apart(x, x).relative == 0
    assert apart(x * (1 + 1e-12), x).reason is None
    assert apart(x * (1 + 1e-9), x).reason is not None
    assert apart(x * (1 + 1e-9), x, rtol=1e-8).reason is None
    assert apart(x, ragged.Array([[1.0, 2.0], [3.0], [4.0, 5.0]])).reason == "other offsets"
    assert apart((x, None), (x, x)).reason == "another structure"
    assert "shape" in apart(np.zeros(2), np.zeros(3)).reason
    assert apart(ragged.Array([1.0, None]), ragged.Array([None, 1.0])).reason == "other missing values"


def test_what_hides_behind_missing_values_is_not_compared():
    a = ragged.mask(ragged.Array([1.0, 2.0, np.nan]), np.array([True, True, False]))
    b = ragged.mask(ragged.Array([1.0, 2.0, 7.0]), np.array([True, True, False]))
    assert apart(a, b).reason is None


def test_nan_agrees_with_nan_only():
    assert apart(np.array([1.0, np.nan]), np.array([1.0, np.nan])).reason is None
    assert apart(np.array([1.0, np.nan]), np.array([1.0, 2.0])).reason == "NaN or infinity on one side only"
    assert apart(np.array([np.inf]), np.array([np.inf])).reason is None
    assert apart(np.array([np.inf]), np.array([-np.inf])).reason is not None


def test_zeros_agree_to_the_absolute_tolerance():
    assert apart(np.array([1e-17]), np.array([0.0])).reason is None
    assert apart(np.array([1e-9]), np.array([0.0])).reason is not None
    assert apart(np.array([1e-9]), np.array([0.0]), atol=1e-8).reason is None


# ---------------------------------------------------------------------- reports


def test_json(x, tmp_path):
    comparison = ragged.compare(energy, x, backends=["numpy", "nonesuch"])
    comparison.to_json(tmp_path / "a.json")
    document = json.loads((tmp_path / "a.json").read_text(), parse_constant=pytest.fail)
    assert document["schema"] == "ragged.comparison/1"
    (found,) = document["comparisons"]
    assert (found["program"], found["ok"]) == ("energy", False)
    first, second, last = found["rows"]
    assert first["value"] == 1877.0
    assert first["gradient"] == [[56.0, 112.0, 168.0], [], [656.0, 820.0]]
    assert first["status"] == "agrees"
    assert second["status"] == "unavailable"
    assert second["value"] is None
    assert last["backend"] == FINITE


def test_json_has_words_for_what_is_not_finite(tmp_path):
    comparison = ragged.Comparison("p", (Row("numpy", "disagrees", np.nan, {"a": (1 + 2j, None)}, np.inf),))
    comparison.to_json(tmp_path / "a.json")
    (row,) = json.loads((tmp_path / "a.json").read_text(), parse_constant=pytest.fail)["comparisons"][0]["rows"]
    assert (row["value"], row["gradient"], row["value_deviation"]) == ("nan", {"a": [[1.0, 2.0], None]}, "inf")


def test_the_table_in_text_and_in_colour(x, capsys):
    comparison = ragged.compare(energy, x, backends=["numpy", "nonesuch"])
    text = str(comparison)
    assert text.splitlines()[0] == "energy"
    assert text.splitlines()[1].split()[:2] == ["backend", "value"]
    for part in ("numpy", "1877", "agrees", "nonesuch unavailable: MissingBackendError: no backend 'nonesuch'", FINITE):
        assert part in text
    comparison.print()
    assert "1877" in capsys.readouterr().out


def test_the_table_without_rich(x, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.table", None)
    comparison = ragged.compare(energy, x, backends=ONE)
    comparison.print()
    assert capsys.readouterr().out == str(comparison) + "\n"


def test_one_backend_may_be_named_by_itself_and_none_is_an_error(x):
    assert [row.backend for row in ragged.compare(energy, x, backends="numpy").rows] == ["numpy", FINITE]
    with pytest.raises(ValueError, match="nothing to compare"):
        ragged.compare(energy, x, backends=[])


def test_files_in_the_working_directory_do_not_hide_the_standard_library(tmp_path, monkeypatch, x):
    (tmp_path / "dis.py").write_text("raise RuntimeError('not the one of the standard library')")
    monkeypatch.chdir(tmp_path)
    assert ragged.compare(energy, x, backends=ONE).rows[0].peak_memory > 0
