"""A training run is the same on every backend: comparisons/gradients/train.py, on utterances made here.

`nox -s compare` trains on the recorded ones.
"""

from __future__ import annotations

import runpy
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import ragged

PATH = Path(__file__).parents[1] / "comparisons" / "gradients" / "train.py"
NEEDS = {"jax": "optax", "tensorflow": "keras"}
EPOCHS = 6


@pytest.fixture(scope="module")
def names():
    return runpy.run_path(str(PATH), run_name="ragged_program")


@pytest.fixture(scope="module")
def utterances(names):
    """A hundred of 1 to 20 frames; each speaker has a place of his own."""
    rng = np.random.default_rng(0)
    speakers = rng.integers(0, names["SPEAKERS"], 100)
    places = rng.normal(size=(names["SPEAKERS"], names["CHANNELS"]))
    frames = [places[s] + rng.normal(size=(rng.integers(1, 21), names["CHANNELS"])) for s in speakers]
    return names["as_ragged"](frames, speakers)


@pytest.fixture(scope="module")
def by_hand(names, utterances):
    return names["train"]("numpy", names["first_weights"](), utterances, utterances, EPOCHS)


@pytest.mark.parametrize("backend", ["numba", "jax", "torch", "tensorflow"])
def test_the_loss_curve_is_the_one_of_numpy(names, utterances, by_hand, backend):
    if backend not in ragged.available():
        pytest.skip(f"{backend} is not installed")
    if not find_spec(NEEDS.get(backend, "ragged")):
        pytest.skip(f"train.py takes its optimizer for {backend} from {NEEDS[backend]}, which is not installed")
    run = names["train"](backend, names["first_weights"](), utterances, utterances, EPOCHS)
    assert len(run.losses) == EPOCHS * len(list(ragged.batches(utterances, budget=names["BUDGET"])))
    assert names["apart"](run, by_hand) < 1e-12
    assert run.accuracies == by_hand.accuracies
    assert run.traces == (0 if backend == "torch" else 1)  # of batches of several lengths
    assert backend in names["table"]([by_hand, run])


def test_it_learns(names, utterances, by_hand):
    weights = names["first_weights"]()
    assert by_hand.losses[-1] < 0.7 * by_hand.losses[0]
    assert by_hand.accuracies[-1] > 0.5 > names["accuracy"](weights, utterances)


def test_another_curve_is_told(names, by_hand):
    other = names["Run"]("torch", by_hand.losses * (1 + 1e-6), [], 0.0, 0)
    assert names["apart"](other, by_hand) == pytest.approx(1e-6)


def test_utterances_are_read_as_they_are_written(names):
    found = names["read"]("#about\n@problemName Any\n@data\n1,2,3:4,5,6:2\n7:8:9\n")
    assert found.to_list() == [
        {"frames": [[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]], "speaker": 1},
        {"frames": [[7.0, 8.0]], "speaker": 8},
    ]


def test_the_curves_are_drawn(names, by_hand, tmp_path):
    pytest.importorskip("matplotlib", reason="train.py draws with Matplotlib (extra plots)")
    path = tmp_path / "training.png"
    names["plot"]([by_hand, by_hand], path)
    assert path.read_bytes().startswith(b"\x89PNG")
