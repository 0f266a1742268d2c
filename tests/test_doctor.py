"""`ragged doctor`: the state of the installation, and the support matrix that is made by running the checks."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

import ragged
from ragged import _doctor, _installed, _matrix
from ragged._matrix import ASPECTS, Cell, by_function, fill, markdown, of_function
from ragged.registry import ORDER, entry_points
from ragged.testing._operations import Operation

PAGE = Path(__file__).parents[1] / "docs" / "support.md"
REQUIRES = [
    "numpy>=2.0",
    "optree",
    'jax>=0.5; extra == "jax"',
    "absent-thing>=1; extra == 'plots'",
    "x; extra == 'cupy'",
]


@pytest.fixture
def requires(monkeypatch):
    """Our own metadata, of a known content."""
    monkeypatch.setattr(metadata, "requires", lambda name: REQUIRES)
    _installed.requirements.cache_clear()
    yield
    _installed.requirements.cache_clear()


def committed():
    """The committed table: heads, and cells by operation."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    heads, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return heads, {row[0].strip("`"): row[1:] for row in rows}


# ---------------------------------------------------------------------- the installation


def test_doctor_tells_what_is_there_and_how_to_get_the_rest(ragged_command, capsys, requires, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda program: None)
    assert ragged_command("doctor") == 0
    out = capsys.readouterr().out
    assert f"numpy             {np.__version__}" in out or np.__version__ in out
    for name in _doctor.backends():
        assert name in out
    assert "missing absent-thing" in out
    assert "pip install 'ragged-diff[plots]'" in out
    assert "needs a CUDA device" in out
    assert "Python" in out


def test_doctor_tells_precision_and_devices(backend):
    line = dict(zip(_doctor.BACKENDS, _doctor.backend_line(backend), strict=True))
    assert line["state"] == "ready"
    assert line["devices"]
    assert "64" in line["precision"]
    if backend == "jax":
        assert line["precision"].startswith("32 bits")


def test_a_backend_without_its_framework(monkeypatch):
    monkeypatch.setattr(_doctor, "available", lambda: ())
    assert _doctor.backend_line("jax")[1] == "framework missing"


def test_a_backend_that_does_not_start(monkeypatch):
    def broken(name):
        raise RuntimeError("no driver\nmore")

    monkeypatch.setattr(_doctor, "devices", broken)
    assert _doctor.backend_line("numpy")[1] == "does not start: RuntimeError: no driver"


def test_a_gpu_that_jax_does_not_see(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda program: "/usr/bin/nvidia-smi")
    monkeypatch.setattr(_doctor, "available", lambda: ("numpy", "jax"))
    monkeypatch.setattr(_doctor, "devices", lambda name: ["cpu:0"])
    assert "jax[cuda12]" in _doctor.advice()[0]
    monkeypatch.setattr(_doctor, "devices", lambda name: ["cuda:0"])
    assert _doctor.advice() == []


def test_requirements_by_extra(requires):
    assert _installed.requirements()[""] == ("numpy", "optree")
    assert _installed.extras() == {"jax": ("jax",), "plots": ("absent-thing",), "cupy": ("x",)}
    assert _installed.versions(["numpy"])["numpy"] == np.__version__


# ---------------------------------------------------------------------- the matrix


@pytest.fixture(scope="module")
def numpy_table():
    return fill(["numpy"])


def test_the_committed_table_has_the_rows_and_columns_of_the_code():
    heads, rows = committed()
    backends = [name for name in ORDER if name in entry_points()]
    assert heads == ["operation", *(f"{name} {aspect}" for name in backends for aspect in ASPECTS)], (
        "run: ragged doctor --matrix --markdown > docs/support.md"
    )
    assert list(rows) == list(by_function())
    assert {cell for row in rows.values() for cell in row} <= {"yes", "no", "in part", "not run", "–"}


def test_the_committed_table_says_of_numpy_what_the_checks_say(numpy_table):
    heads, rows = committed()
    for aspect in ASPECTS:
        column = heads.index(f"numpy {aspect}") - 1
        assert {f: cells["numpy", aspect].text for f, cells in numpy_table.items()} == {
            f: row[column] for f, row in rows.items()
        }


FRAMEWORKS = [name for name in _matrix.ours() if name != "numpy" and name in ragged.available()]


def made_without(name):
    """Whether the committed table was made where there was no such backend."""
    heads, rows = committed()
    return rows["exp"][heads.index(f"{name} value") - 1] == "not run"


def test_a_backend_that_is_not_here_has_cells_not_run(monkeypatch):
    monkeypatch.setattr(_matrix, "available", lambda: ("numpy",))
    cells = fill(["cupy"])["exp"]
    assert {cell.text for cell in cells.values()} == {"not run"}
    assert _matrix.steps(["cupy"]) == 0


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_the_committed_table_says_of_frameworks_what_they_declare(name):
    """What is declared is refused, and all else passes the conformance suite: so the suite's own tests say."""
    if made_without(name):
        pytest.skip(f"the committed table was made without {name}")
    heads, rows = committed()
    declared = ragged.registry.get_backend(name).unsupported
    for function, operations in by_function().items():
        dates = all(operation.samples == ("dates",) for operation in operations)
        missing = function in declared or (dates and "datetime64" in declared)
        smooth = any(operation.smooth for operation in operations)
        value, gradient = (rows[function][heads.index(f"{name} {aspect}") - 1] for aspect in ("value", "gradient"))
        assert (function, value) == (function, "no" if missing else "yes")
        assert (function, gradient) == (function, "–" if not smooth else "no" if missing else "yes")


@pytest.mark.parametrize("function", ["exp", "sum", "unflatten", "from_iter", "to_list"])
@pytest.mark.parametrize("name", FRAMEWORKS)
def test_the_committed_table_says_what_compiles(name, function, recwarn):
    if made_without(name):
        pytest.skip(f"the committed table was made without {name}")
    heads, rows = committed()
    cell = rows[function][heads.index(f"{name} jit") - 1]
    assert _matrix.of_jit(name, by_function()[function]).text == cell


def test_numpy_supports_every_value_and_every_gradient(numpy_table):
    wrong = {
        (function, aspect, cell.reason)
        for function, cells in numpy_table.items()
        for (_, aspect), cell in cells.items()
        if aspect in ("value", "gradient") and cell.text == "no"
    }
    assert wrong == set()


def test_the_matrix_covers_the_public_functions():
    shown = set(by_function())
    for name in "sum mean softmax sort combinations getitem where concatenate exp add to_padded".split():
        assert name in shown


def test_a_cell_is_yes_only_where_the_check_passes(monkeypatch):
    b = ragged.registry.get_backend("numpy")
    operation = Operation("sum", "", lambda x: ragged.sum(x, axis=1), ("rows",))
    assert of_function("numpy", [operation], None)[0] == Cell("yes")
    monkeypatch.setattr(type(b), "segment_sum", lambda self, x, rows: x[:0])
    value = of_function("numpy", [operation], None)[0]
    assert value.text == "no"
    assert value.reason


def test_a_gpu_cell_is_not_run_without_one(monkeypatch):
    operation = by_function()["exp"][0]
    monkeypatch.setattr(_matrix.adapter("numpy"), "devices", lambda: ["cpu:0"], raising=False)
    assert _matrix.of_gpu("numpy", [operation], None).text == "not run"


@pytest.mark.skipif("jax" not in ragged.available(), reason="needs a framework that compiles")
def test_compiled_operations(recwarn):
    table = by_function()
    assert _matrix.of_jit("jax", table["exp"]) == Cell("yes")
    assert _matrix.of_jit("jax", table["fields"]).text == "–"
    listed = Operation("from_iter", "of lists", lambda x: ragged.from_iter(x.to_list()), ("rows",))
    refused = _matrix.of_jit("jax", [listed])
    assert refused.text == "no"
    assert "jit" in refused.reason
    part = _matrix.of_jit("jax", [listed, *table["exp"]])
    assert part.text == "in part"
    assert part.reason.startswith("not of lists: ")
    assert _matrix.of_jit("numpy", table["exp"]).text == "no"


def test_what_a_backend_declares_not_to_have_is_a_reason(monkeypatch):
    b = ragged.registry.get_backend("numpy")
    monkeypatch.setattr(b, "unsupported", {"exp": "no exponentials here"}, raising=False)
    cells = of_function("numpy", by_function()["exp"], None)
    assert [cell.text for cell in cells] == ["no"] * 4
    text = markdown({"exp": {("numpy", a): c for a, c in zip(ASPECTS, cells, strict=True)}}, ["numpy"], {"numpy": "2"})
    assert "no exponentials here" in text
    assert "With numpy 2." in text


def test_the_matrix_command(ragged_command, capsys, monkeypatch):
    few = {name: operations for name, operations in by_function().items() if name in ("exp", "num")}
    monkeypatch.setattr(_matrix, "by_function", lambda: few)
    assert ragged_command("doctor", "--matrix", "--backends", "numpy") == 0
    assert "numpy gradient" in capsys.readouterr().out
    assert ragged_command("doctor", "--matrix", "--markdown", "--backends", "numpy") == 0
    assert "| `exp` | yes | yes | no | no |" in capsys.readouterr().out
    assert ragged_command("doctor", "--matrix", "--backends", "nonesuch") == 2
    assert "no backend 'nonesuch'" in capsys.readouterr().err
