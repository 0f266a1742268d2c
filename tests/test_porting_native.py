"""comparisons/porting/native: the same losses by hand in each framework and in ragged; the page shows what runs."""

from __future__ import annotations

import inspect
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import ragged

FOLDER = Path(__file__).parents[1] / "comparisons" / "porting" / "native"
PROGRAM = """
import json, compare
print(json.dumps(compare.measured({backends})))
"""


@pytest.mark.parametrize("framework", ["jax", "torch", "tensorflow"])
def test_by_hand_and_in_ragged_the_gradients_agree(framework):
    """In a process of its own: plain JAX computes with 64 bits only if the whole process does."""
    pytest.importorskip(framework)
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    code = PROGRAM.format(backends=["numpy", framework])
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=FOLDER, env=quiet, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    table = json.loads(done.stdout.splitlines()[-1])
    assert table.keys() == {"pooling", "attention", "standardisation", "distances"}
    for loss, cells in table.items():
        assert len(cells) == 2, cells
        assert max(cells.values()) < 1e-10, (loss, cells)


@pytest.fixture
def names(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    yield runpy.run_path(str(FOLDER / "compare.py"), run_name="compare")
    for module in ("in_ragged", "in_jax", "in_torch", "in_tensorflow"):
        sys.modules.pop(module, None)


def test_a_difference_is_found(names):
    (value, gradients), (other, _) = (
        names["with_ragged"]("numpy", "pooling"),
        names["with_ragged"]("numpy", "attention"),
    )
    assert names["apart"]((value, gradients), (value, gradients)) == 0
    assert names["apart"]((value, [gradients[0] * 1.01]), (value, gradients)) == pytest.approx(0.01)
    assert names["apart"]((other, gradients), (value, gradients)) > 0.01


def test_the_inputs_have_rows_of_none_and_of_one(names):
    for loss in names["LOSSES"]:
        values, offsets, _ = names["inputs"](loss)
        lengths = ragged.num(ragged.from_offsets(values, offsets)).to_list()
        assert {0, 1, 9} <= set(lengths)


def test_the_page_shows_the_code_that_runs(names):
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    import in_ragged

    for loss in names["LOSSES"]:
        assert inspect.getsource(getattr(in_ragged, loss)).strip() in page
        for framework in ("jax", "torch", "tensorflow"):
            source = (FOLDER / f"in_{framework}.py").read_text(encoding="utf-8")
            begin = source.index(f"def {loss}(")
            assert source[begin:].partition("\n\n\n")[0].strip() in page
