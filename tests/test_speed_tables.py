"""The speed and memory tables: every row runs and agrees; JSON and page have their form. No time is asserted."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import ragged

SPEED = Path(__file__).parents[1] / "comparisons" / "speed"
ROWS = "exp,sum axis 1,x[:, 1:], sum,gradient of squares"


def run(*command: str) -> str:
    """What a script of the tables prints."""
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False, cwd=SPEED)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def speed_json(tmp_path_factory):
    path = tmp_path_factory.mktemp("speed") / "speed.json"
    libraries = "ragged-numpy,awkward-numpy,numpy-flat"
    run("run.py", "--quick", "--rows", ROWS, "--sizes", "5,50", "--libraries", libraries, "--out", str(path))
    return path


def test_a_run_keeps_all_else_and_asks_each_framework_in_its_own_process(tmp_path):
    pytest.importorskip("torch")
    path = tmp_path / "speed.json"
    small = ("--quick", "--rows", "exp", "--sizes", "5", "--shapes", "fifth", "--out", str(path))
    run("run.py", *small, "--libraries", "ragged-numpy,numpy-flat")
    before = json.loads(path.read_text())
    run("run.py", *small, "--libraries", "numpy-flat,torch-handwritten")
    after = json.loads(path.read_text())
    assert [e["library"] for e in after["results"]] == ["ragged-numpy", "numpy-flat", "torch-handwritten"]
    assert after["results"][0] == before["results"][0]
    assert after["results"][1]["median"] != before["results"][1]["median"]
    assert before["machine"]["threads"].keys() == {"numpy", "numba", "awkward"}
    assert after["machine"]["threads"].keys() == {"numpy", "numba", "awkward", "torch"}


@pytest.fixture(scope="module")
def memory_json(tmp_path_factory):
    path = tmp_path_factory.mktemp("memory") / "memory.json"
    run("memory.py", "--elements", "20000", "--shapes", "fifth", "--out", str(path))
    return path


def test_speed_json(speed_json):
    report = json.loads(speed_json.read_text())
    assert report["schema"] == 1
    assert {"python", "ragged", "awkward", "jax", "numpy"} <= report["versions"].keys()
    assert {"cpu", "cores", "threads", "environment"} <= report["machine"].keys()
    assert report["date"].startswith("20")
    entries = report["results"]
    assert {e["row"] for e in entries} == {"exp", "sum axis 1", "x[:, 1:], sum", "gradient of squares"}
    assert {(e["shape"], e["elements"]) for e in entries} == {
        ("fifth", 5),
        ("fifth", 50),
        ("ones", 1000),
        ("thousands", 1000),
        ("unequal", 1000),
    }
    for entry in entries:
        assert entry["median"] > 0 and entry["spread"] >= 0 and entry["rounds"] == 3
        assert all(math.isfinite(x) and x > 0 for x in entry["ratio"].values())
    peers = {e["row"]: set(e["ratio"]) for e in entries if e["library"] == "ragged-numpy"}
    assert peers["exp"] == {"awkward-numpy", "numpy-flat"}
    assert peers["sum axis 1"] == {"awkward-numpy"}
    assert peers["gradient of squares"] == set()


def test_memory_json(memory_json):
    report = json.loads(memory_json.read_text())
    assert report["schema"] == 2
    found = {(e["row"], e["library"]): e for e in report["results"]}
    exp = found["exp", "ragged-numpy"]
    assert exp["result"] == pytest.approx(1, abs=0.1)
    assert exp["temporaries"] <= 0.1
    assert exp["structure"] <= 0.1
    assert found["gradient of exp", "ragged-numpy"]["result"] == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("row", ["x*x+1", "exp", "x - row scalar", "sum axis 1", "max axis 1", "mean axis 1", "sum"])
def test_no_temporary_of_an_operation_exceeds_the_content(memory_json, row):
    (entry,) = (
        e for e in json.loads(memory_json.read_text())["results"] if (e["row"], e["library"]) == (row, "ragged-numpy")
    )
    assert entry["temporaries"] <= 1.1


def test_the_page_is_made_from_the_json(speed_json, memory_json, tmp_path):
    pytest.importorskip("matplotlib")
    page = tmp_path / "speed.md"
    marker = "<!-- tables: made by comparisons/speed/report.py -->"
    page.write_text(f"Before.\n{marker}\nold\n<!-- end of tables -->\nAfter.\n")
    narrow = tmp_path / "float32.json"
    report = json.loads(speed_json.read_text())
    report["settings"]["dtype"] = "float32"
    narrow.write_text(json.dumps(report))
    files = ("--speed", str(speed_json), "--float32", str(narrow), "--memory", str(memory_json))
    run("report.py", *files, "--page", str(page))
    text = page.read_text()
    assert text.startswith("Before.\n") and text.endswith("\nAfter.\n") and "\nold\n" not in text
    assert "### 50 elements, 10 rows: a fifth as many rows" in text
    assert "### 50 elements, 10 rows: a fifth as many rows, float32" in text
    assert text.count("| `exp` |") == 11  # a table a case, twice, and one of memory
    assert "PyTorch by hand" not in text  # nothing of it was measured
    assert (tmp_path / "speed" / "ratios.svg").stat().st_size > 1000
    assert (tmp_path / "speed" / "sizes.png").stat().st_size > 1000


def test_the_committed_page_belongs_to_the_committed_json():
    report = json.loads((SPEED / "results" / "speed.json").read_text())
    page = (SPEED.parents[1] / "docs" / "speed.md").read_text()
    assert f"Measured {report['date'][:10]}" in page
    for row in {e["row"] for e in report["results"]}:
        assert f"| `{row}` |" in page


# ---------------------------------------------------------------------- every library computes the same


@pytest.fixture(scope="module")
def speed_modules():
    sys.path.insert(0, str(SPEED))
    try:
        import handwritten
        import inputs
        import libraries
        import programs

        yield inputs, programs, libraries, handwritten
    finally:
        sys.path.remove(str(SPEED))
        for name in ("by_tensorflow", "by_torch", "handwritten", "inputs", "libraries", "programs"):
            sys.modules.pop(name, None)


def numbers(x):
    """All numbers of a result, NaN where one is missing or never was."""
    if isinstance(x, ragged.Array):
        x = ragged.to_awkward(x)
    if hasattr(x, "flat_values"):  # tf.ragged
        x = x.flat_values
    if type(x).__module__.startswith("torch"):
        x = x.values() if x.is_nested else x
    elif hasattr(x, "layout"):
        import awkward as ak

        x = ak.fill_none(ak.drop_none(ak.flatten(x, axis=None)) if x.ndim > 1 else x, np.nan)
    return np.asarray(x, float).ravel()


def rows():
    text = (SPEED / "programs.py").read_text()
    block = text[text.index("ROWS: dict") :]
    return [line.split('"')[1] for line in block.splitlines() if line.startswith('    "')]


LEFT_OUT = {"numpy-flat", "torch-nested", "tensorflow-ragged"}  # they have not every row
REFUSED = {("torch-nested", "sort"), ("tensorflow-ragged", "sort"), ("tensorflow-ragged", "argmax-pick")}


@pytest.mark.parametrize("row", rows())
@pytest.mark.parametrize(
    "library",
    [
        *("awkward-numpy", "numpy-flat", "jax-handwritten", "torch-handwritten", "torch-nested"),
        *("tensorflow-handwritten", "tensorflow-ragged"),
    ],
)
def test_the_peers_compute_the_same(speed_modules, row, library):
    """Awkward on JAX is left out: it would turn on 64 bits for all tests; `libraries.call` does so for plain JAX."""
    inputs, programs, libraries, handwritten = speed_modules
    pytest.importorskip(library.partition("-")[0])
    case = inputs.Case.make("fifth", 40, "float32")
    call = handwritten.jitted_jax(case, row) if library == "jax-handwritten" else libraries.call(library, case, row)
    if call is None:
        assert library in LEFT_OUT or (library, programs.ROWS[row].kind) == ("awkward-numpy", "gradient")
        return
    if (library, row) in REFUSED:
        with pytest.raises((NotImplementedError, ValueError)):
            call()
        return
    ours = numbers(libraries.shared_program("ragged-numpy", case, row)())
    theirs = numbers(call())
    assert ours.shape == theirs.shape
    defined = np.isfinite(ours)
    assert defined.any()
    np.testing.assert_allclose(theirs[defined], ours[defined], rtol=2e-5, atol=1e-5)
