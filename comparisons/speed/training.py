"""How fast a training loop under `ragged.jit` is, beside the same one in plain JAX on padded and masked arrays.

    python comparisons/speed/training.py

The classifier, its loss and its optimizer are those of comparisons/gradients/train.py, in double precision; every loop
takes the same batches of 64 rows, from the data on the host to new weights, and all losses are the same to 1e-9. By
hand, the data are padded to the longest row once; a batch is taken as it is, or cut to its own longest row, rounded
up to one of eight sizes a doubling. Times are of whole epochs, interleaved; nothing is compiled in them.
"""

from __future__ import annotations

import argparse
import functools
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from timing import interleaved, seconds, summary

import ragged

NAMES = runpy.run_path(str(Path(__file__).parents[1] / "gradients" / "train.py"), run_name="training")
ROWS = 64  # in a batch
ORDERS = 4  # of the batches, which take turns: each is an epoch
PEERS = ("padded to the longest of all", "padded to the longest of the batch")

Batch = tuple[Any, Any, Any]
Epoch = Callable[[int], np.ndarray]
"""The losses of one epoch, in an order of that number."""


# ---------------------------------------------------------------------- by hand


def padded_loss(weights: Any, batch: Batch) -> Any:
    """`program` of train.py on a block of frames, of which each row has its own number."""
    frames, lengths, speakers = batch
    mask = (jnp.arange(frames.shape[1]) < lengths[:, None])[:, :, None]
    for layer in weights["frame"]:
        frames = jnp.tanh(frames @ layer["matrix"] + layer["bias"])
    n = lengths[:, None]
    mean = jnp.sum(jnp.where(mask, frames, 0.0), axis=1) / n
    deviation = jnp.sqrt(jnp.sum(jnp.where(mask, frames - mean[:, None], 0.0) ** 2, axis=1) / n)
    hidden, last = weights["utterance"]
    both = jnp.tanh(jnp.concatenate([mean, deviation], axis=1) @ hidden["matrix"] + hidden["bias"])
    found = jax.nn.log_softmax(both @ last["matrix"] + last["bias"])
    return -jnp.mean(jnp.take_along_axis(found, speakers[:, None], axis=1))


def padded_batches(data: Batch, order: int, is_cut: bool) -> Iterator[Batch]:
    """Batches of the order that `ragged.batches` has."""
    frames, lengths, speakers = data
    permutation = np.random.default_rng(order).permutation(len(lengths))
    for start in range(0, len(lengths) - ROWS + 1, ROWS):
        index = permutation[start : start + ROWS]
        longest = size_class(int(lengths[index].max())) if is_cut else frames.shape[1]
        yield frames[index, :longest], lengths[index], speakers[index]


def size_class(n: int) -> int:
    """The least of eight sizes a doubling that is not below `n`."""
    step = 1 << max((n - 1).bit_length() - 4, 0)
    return -(-n // step) * step


# ---------------------------------------------------------------------- the loop


def updates(loss: Callable[[Any, Any], Any], slopes: Any) -> tuple[Any, Callable[..., Any]]:
    """The optimizer, and its step for a loss that `slopes` differentiates."""
    optimizer = optax.sgd(NAMES["RATE"], momentum=NAMES["MOMENTUM"])

    def update(weights: Any, state: Any, batch: Any) -> Any:
        value, slope = slopes(loss)(weights, batch)
        change, state = optimizer.update(slope, state)
        return optax.apply_updates(weights, change), state, value

    return optimizer, update


def epochs(batches: Callable[[int], Iterator[Any]], optimizer: Any, update: Callable[..., Any]) -> Epoch:
    """Epochs from the first weights."""
    first = jax.tree.map(jnp.asarray, NAMES["first_weights"]())

    def epoch(order: int) -> np.ndarray:
        weights, state, losses = first, optimizer.init(first), []
        for batch in batches(order):
            weights, state, value = update(weights, state, batch)
            losses.append(value)
        return np.array(losses)  # waits for all of them

    return epoch


def loops(utterances: Any) -> dict[str, Epoch]:
    """The loops by name."""
    optimizer, update = updates(NAMES["program"], ragged.value_and_grad)
    of_ragged = functools.partial(ragged.batches, utterances, size=ROWS, shuffle=True, drop_last=True)
    found = {"ragged": epochs(lambda order: of_ragged(seed=order), optimizer, ragged.jit(update, warn_after=None))}
    frames, mask = ragged.to_padded(utterances.frames)
    data = np.asarray(frames), np.asarray(mask.sum(axis=1)), np.asarray(utterances.speaker)
    for is_cut, peer in enumerate(PEERS):
        optimizer, update = updates(padded_loss, jax.value_and_grad)
        batches = functools.partial(padded_batches, data, is_cut=bool(is_cut))
        found[peer] = epochs(batches, optimizer, jax.jit(update))
    return found


# ---------------------------------------------------------------------- input


def rows_of(lengths: np.ndarray) -> Any:
    """Noise about a place for each speaker, in rows of these lengths."""
    rng = np.random.default_rng(0)
    speakers = rng.integers(0, NAMES["SPEAKERS"], len(lengths))
    places = rng.normal(size=(NAMES["SPEAKERS"], NAMES["CHANNELS"]))
    frames = np.repeat(places[speakers], lengths, axis=0) + rng.normal(size=(lengths.sum(), NAMES["CHANNELS"]))
    return ragged.zip({"frames": ragged.from_lengths(frames, lengths), "speaker": speakers}, depth_limit=1)


def cases() -> Iterator[tuple[str, Any]]:
    """What is trained on."""
    rng = np.random.default_rng(1)
    yield "utterances of train.py", NAMES["data"]()[0]
    yield "rows of 7 to 29", rows_of(rng.integers(7, 30, 1024))
    yield "rows of 100 each", rows_of(np.full(1024, 100))
    yield "uneven rows (lognormal)", rows_of(np.clip(rng.lognormal(2.5, 1.0, 512), 2, 400).astype(int))


def measure(utterances: Any, budget: float) -> dict[str, list[float]]:
    """Seconds of an epoch in each loop, round by round."""
    found = loops(utterances)
    for order in range(ORDERS):
        losses = {name: epoch(order) for name, epoch in found.items()}
        for name, each in losses.items():
            np.testing.assert_allclose(each, losses["ragged"], rtol=1e-9, err_msg=name)

    def runner(epoch: Epoch) -> Callable[[int], float]:
        def run(repeat: int) -> float:
            return seconds(lambda: [epoch(order) for order in range(ORDERS)], repeat) / ORDERS

        return run

    times, failed = interleaved({name: runner(epoch) for name, epoch in found.items()}, budget, (5, 60))
    assert not failed, failed
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="for each input")
    options = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    print(
        f"{'input':26}{'rows':>6}{'longest':>9}{'mean':>7}{'ms/batch':>10}" + "".join(f"{'/ ' + p:>38}" for p in PEERS)
    )
    for name, utterances in cases():
        lengths = np.asarray(ragged.num(utterances.frames))
        with ragged.use("jax", precision="float64"):
            found = summary(measure(utterances, options.seconds), "ragged", PEERS)
        milliseconds = 1e3 * found["median"] / (len(lengths) // ROWS)
        ratios = "".join(f"{found['ratio'][peer]:38.2f}" for peer in PEERS)
        print(f"{name:26}{len(lengths):6}{lengths.max():9}{lengths.mean():7.1f}{milliseconds:10.2f}{ratios}")


if __name__ == "__main__":
    main()
