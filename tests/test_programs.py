"""The programs of comparisons/gradients: the same value and gradient on every backend, and by finite differences.

On small inputs made here, and on their own ones where those need no network: what a skip needs is written in its
reason. `nox -s compare` runs all of them on their own inputs.
"""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

import ragged
from ragged.comparison import compare_checked

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "comparisons" / "gradients"
PROGRAMS = sorted(path.stem for path in FOLDER.glob("*.py"))


@cache
def load(name):
    return runpy.run_path(str(FOLDER / f"{name}.py"), run_name="ragged_program")


def atoms():
    """Two molecules of three and two atoms, a single atom, and none."""
    positions = np.random.default_rng(0).normal(size=(6, 3)) * 1.5
    lengths = [3, 0, 1, 2]
    return ragged.from_lengths(positions, lengths), ragged.from_lengths(np.linspace(0.3, 0.8, 6), lengths)


def jets():
    """Three events, of which two have three jets or more."""
    rng = np.random.default_rng(1)
    one = {
        "pt": 60.0 + 20.0 * rng.random(9),
        "eta": rng.normal(size=9),
        "phi": 3.0 * rng.random(9),
        "mass": np.full(9, 8.0),
    }
    return 1.0, 55.0, ragged.from_lengths(ragged.zip(one), [4, 3, 2])


def graphs():
    """The first graphs of the atlas: no node, no edge, isolated nodes first and last, triangles."""
    import networkx

    atlas = networkx.graph_atlas_g()[:30]
    names = load("graphs")
    triangles = np.array([sum(networkx.triangles(graph).values()) // 3 for graph in atlas], float)
    assert triangles.any()
    return names["first_weights"](), names["as_ragged"](atlas), triangles


def few_events():
    """Eight events; without Numba there is no compiled loop."""
    pytest.importorskip("numba", reason="clustering.py compiles its loops with Numba")
    names = load("clustering")
    return *names["inputs"]()[:2], names["toy_events"](8)


def utterances():
    """Three of three speakers, one of them a single frame, and the first weights."""
    names = load("train")
    frames = np.random.default_rng(2).normal(size=(9, names["CHANNELS"]))
    return names["first_weights"](), names["as_ragged"](np.split(frames, [5, 6]), [0, 8, 3])


def upstream():
    """Its own inputs: they are small."""
    return load("upstream")["inputs"]()


SMALL = {
    "clustering": few_events,
    "graphs": graphs,
    "molecules": atoms,
    "reverse_sum": lambda: load("reverse_sum")["inputs"](),
    "train": utterances,
    "ttbar": jets,
    "upstream": upstream,
}


def compare(name, arguments, backends=None):
    names = load(name)
    return compare_checked(
        names["program"],
        arguments,
        names.get("argnums", 0),
        backends,
        names.get("rtol"),
        None,
        name,
        names.get("check"),
    )


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    """Memory is measured in a child; the tests of `compare` do that."""
    monkeypatch.setenv("RAGGED_COMPARE_CHILD", "1")


def test_no_program_is_left_out():
    assert sorted(SMALL) == PROGRAMS
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in PROGRAMS if f"(comparisons/gradients/{name}.py)" not in readme] == []


@pytest.mark.parametrize("name", PROGRAMS)
def test_backends_and_finite_differences_agree_on_small_input(name):
    # upstream.py is one program of many: JAX compiles for long, and its own script runs it there below
    backends = ["numpy"] if name == "upstream" else None
    comparison = compare(name, SMALL[name](), backends)
    assert comparison.ok, comparison
    expected = [*(backends or ragged.available()), "finite differences"]
    assert [row.backend for row in comparison.rows if row.status == "agrees"] == expected


@pytest.mark.parametrize("name", sorted({*PROGRAMS} - {"upstream"}))
def test_its_own_input(name):
    """On NumPy; the comparison session takes the other backends."""
    if name == "clustering":
        pytest.importorskip("numba", reason="clustering.py compiles its loops with Numba")
    names = load(name)
    if name == "molecules":
        pytest.importorskip("ase", reason="molecules.py reads its molecules from ase (dependency group comparisons)")
    if name == "train":
        wheel = names["cache"]() / names["WHEEL"]
        if not wheel.exists():
            pytest.skip(f"train.py fetches its utterances once, over the network; {wheel} is not there yet")
    if name == "ttbar":
        events = names["cache"]() / f"ttbar-{names['SHA256'][:12]}.parquet"
        if not events.exists():
            pytest.skip(f"ttbar.py fetches its events once, over the network; {events} is not there yet")
    comparison = compare(name, names["inputs"](), ["numpy"])
    assert comparison.ok, comparison


def test_training_makes_the_graph_network_better():
    names = load("graphs")
    weights, data, triangles = graphs()
    trained, losses = names["train"](weights, data, triangles, steps=25)
    assert losses[-1] < 0.5 * losses[0]
    assert float(names["program"](trained, data, triangles)) < losses[0]


def test_a_graph_may_have_its_nodes_in_any_order():
    import networkx

    names = load("graphs")
    graph = networkx.lollipop_graph(4, 3)
    order = dict(enumerate([3, 0, 6, 1, 5, 2, 4]))
    both = names["as_ragged"]([graph, networkx.relabel_nodes(graph, order)])
    one, other = names["predict"](names["first_weights"](), both)
    assert one == pytest.approx(other, rel=1e-12)


@pytest.mark.skipif("jax" not in ragged.available(), reason="Awkward's side of upstream.py needs jax")
def test_what_awkward_gives_is_what_was_recorded(tmp_path):
    """In a process of its own: Awkward changes JAX's settings."""
    page = tmp_path / "upstream.md"
    command = [sys.executable, str(FOLDER / "upstream.py"), "--page", str(page)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ours is right in all" in done.stdout
    recorded = (ROOT / "docs" / "upstream.md").read_text(encoding="utf-8")
    made_with = dict(re.findall(r"(awkward|jax|numpy) ([0-9.]+\d)", recorded))
    if {name: version(name) for name in made_with} != made_with:
        pytest.skip(f"ours is right; what Awkward gives is recorded for {made_with} only")
    assert "now it is" not in done.stdout, done.stdout
    assert page.read_text(encoding="utf-8") == recorded


def test_a_derivative_is_judged_by_the_numeric_one():
    verdict = load("upstream")["verdict"]
    wanted = [[1.0, 2.0], []]
    assert verdict([[1.0, 2.0 + 1e-9], []], wanted) == "right"
    assert verdict([[1.0, 2.1], []], wanted) == "wrong"
    assert verdict([[1.0], [2.0]], wanted) == "wrong"
    assert verdict([[1.0, float("nan")], []], wanted) == "NaN"
    assert verdict("TypeError: no", wanted) == "refused"
    assert verdict(wanted, "StructureError: no") == "accepted"
    assert verdict("ValueError: no", "StructureError: no") == "right"


def test_a_wrong_gradient_of_ours_is_found(monkeypatch):
    names = load("upstream")
    case = names["Case"]("stopped", lambda lib, x: x * ragged.stop_gradient(x), [[1.0, 2.0]], "right")
    wanted, way = names["numeric"](case)
    assert way == "differences"
    assert names["verdict"](names["ours"](case, "numpy"), wanted) == "wrong"
    result = names["Result"](case, wanted, way, {"numpy": names["ours"](case, "numpy")}, wanted)
    assert not result.agrees
    assert "numpy: [[1, 2]]" in result.cells()
