"""Jets from particles by a compiled loop, and the gradient through it, by a derivative of its own.

Input: 60 toy events with about 30 particles each, made here from a fixed seed: two sprays of particles back to back,
of a known mass, and soft ones everywhere.

Shows: ragged records as arguments of a function compiled by Numba, a loop that no array operation replaces, and
`ragged.custom_vjp`, by which the gradient goes through it on every backend:

    particles ── calibration ── jets (a compiled loop) ── mass of the two hardest ── loss

Jets are made by sequential recombination (anti-kt: Cacciari, Salam and Soyez, JHEP 04 (2008) 063): of all pairs and all
single particles the one with the smallest distance is next; a pair becomes one (pt is added, directions are averaged by
pt), a single one is a jet. The forward loop writes down what became of what; the backward loop reads that from
the end, so it costs no search. Which two are merged is piecewise constant: its derivative is zero.

    ragged compare comparisons/gradients/clustering.py
    python comparisons/gradients/clustering.py
"""

from __future__ import annotations

import math

import numba
import numpy as np

import ragged

RADIUS = 0.4  # of a jet
MASS = 91.2  # GeV, of what decays into the two sprays

argnums = (0, 1, 2)


def program(scale, tilt, particles):
    """How far the mass of the two hardest jets is from the one that the events were made with."""
    calibrated = scale * particles.pt * ragged.exp(tilt * particles.eta)
    jets = cluster(ragged.zip({"pt": calibrated, "eta": particles.eta, "phi": particles.phi}))
    jets = jets[ragged.argsort(jets.pt, axis=1, ascending=False)]
    jets = jets[ragged.num(jets.pt) >= 2]
    return ragged.mean(ragged.log(mass(jets[:, 0], jets[:, 1]) / MASS) ** 2)


def mass(a, b):
    """Of two without a mass of their own."""
    return ragged.sqrt(2.0 * a.pt * b.pt * (ragged.cosh(a.eta - b.eta) - ragged.cos(a.phi - b.phi)))


# ---------------------------------------------------------------------- the loops, one event after the other


@numba.njit
def turn(angle):
    """The same direction, from -π to π."""
    return angle - 2.0 * math.pi * np.round(angle / (2.0 * math.pi))


@numba.njit
def closest(pt, eta, phi, alive, n):
    """The pair with the smallest distance; the second is -1 where a single one is nearer to the beam."""
    best, first, second = np.inf, -1, -1
    for i in range(n):
        if not alive[i]:
            continue
        if pt[i] ** -2.0 < best:
            best, first, second = pt[i] ** -2.0, i, -1
        for j in range(i):
            if alive[j]:
                apart = (eta[i] - eta[j]) ** 2 + turn(phi[i] - phi[j]) ** 2
                distance = min(pt[i] ** -2.0, pt[j] ** -2.0) * apart / RADIUS**2
                if distance < best:
                    best, first, second = distance, i, j
    return first, second


@numba.njit
def recombine(particles):
    """For each event as many steps as it has particles: which two were merged (the second is -1: which one is a jet),
    and what came of it."""
    total = 0
    for event in particles:
        total += len(event)
    first, second, made = np.empty(total, np.int64), np.empty(total, np.int64), np.empty((total, 3))
    begin = 0
    for event in particles:
        n = len(event)
        pt, eta, phi, alive = np.empty(2 * n), np.empty(2 * n), np.empty(2 * n), np.zeros(2 * n, np.bool_)
        for i, particle in enumerate(event):
            pt[i], eta[i], phi[i], alive[i] = particle.pt, particle.eta, particle.phi, True
        for step in range(n):
            i, j = closest(pt, eta, phi, alive, n + step)
            new = n + step  # where the merged one stands
            pt[new], eta[new], phi[new] = pt[i], eta[i], phi[i]
            if j >= 0:
                share = pt[j] / (pt[i] + pt[j])
                pt[new] = pt[i] + pt[j]
                eta[new] = eta[i] + share * (eta[j] - eta[i])
                phi[new] = phi[i] + share * turn(phi[j] - phi[i])
                alive[j] = False
            alive[i], alive[new] = False, j >= 0
            first[begin + step], second[begin + step] = i, j
            made[begin + step] = pt[new], eta[new], phi[new]
        begin += n
    return first, second, made


@numba.njit
def recombine_backwards(particles, history, cotangents):
    """The particles' cotangents from those of the jets: every step's in turn, the last step first."""
    total = 0
    for event in particles:
        total += len(event)
    result = np.empty((total, 3))
    begin = 0
    for e, event in enumerate(particles):
        n, steps, jet = len(event), history[e], len(cotangents[e])
        values, g = np.empty((2 * n, 3)), np.zeros((2 * n, 3))
        for i in range(n):
            values[i] = event[i].pt, event[i].eta, event[i].phi
            values[n + i] = steps[i].pt, steps[i].eta, steps[i].phi
        for step in range(n - 1, -1, -1):
            i, j, new = steps[step].first, steps[step].second, n + step
            if j < 0:
                jet -= 1
                given = cotangents[e][jet]
                g[i] += np.array([given.pt, given.eta, given.phi])
                continue
            share = values[j, 0] / values[new, 0]
            apart = g[new, 1] * (values[j, 1] - values[i, 1]) + g[new, 2] * turn(values[j, 2] - values[i, 2])
            g[i] += g[new] * np.array([1.0, 1.0 - share, 1.0 - share])
            g[j] += g[new] * np.array([1.0, share, share])
            g[i, 0] -= share * apart / values[new, 0]
            g[j, 0] += (1.0 - share) * apart / values[new, 0]
        result[begin : begin + n] = g[:n]
        begin += n
    return result


# ---------------------------------------------------------------------- the same as an operation with a derivative


@ragged.use("numba")
def forward(particles):
    """The jets of each event, and what the way back needs: the particles, and what became of them."""
    here = on_numba(particles)
    first, second, made = recombine(here)
    history = records(made, here, first=first, second=second)
    jets = history[history.second < 0][["pt", "eta", "phi"]]
    there = ragged.backend(particles)
    return jets.to_backend(there), (particles, history.to_backend(there))


@ragged.use("numba")
def backward(residuals, cotangent):
    """The particles' cotangents."""
    particles, history, cotangents = map(on_numba, (*residuals, cotangent))
    found = records(recombine_backwards(particles, history, cotangents), particles)
    return (found.to_backend(ragged.backend(cotangent)),)


def on_numba(x):
    """The values where compiled code reads them, cut off from the framework's own differentiation."""
    return ragged.stop_gradient(x).to_backend("numba")


def records(columns, like, **more):
    """One record for each of the particles, in their events."""
    pt, eta, phi = columns.T
    return ragged.from_lengths(ragged.zip({"pt": pt, "eta": eta, "phi": phi, **more}), ragged.num(like.pt))


@ragged.custom_vjp
def cluster(particles):
    """The jets of each event: `n * var * {pt, eta, phi}` from the same type."""
    return forward(particles)[0]


cluster.defvjp(forward, backward)


# ---------------------------------------------------------------------- input


def inputs():
    """A scale that is off by 10 %, a tilt, and the particles."""
    return 0.9, 0.02, toy_events(60)


def toy_events(n, seed=5):
    """Particles of `n` events, `n * var * {pt, eta, phi}`."""
    rng = np.random.default_rng(seed)
    events = []
    for _ in range(n):
        eta, phi = rng.normal(scale=0.7), rng.uniform(-np.pi, np.pi)
        parts = [spray(rng, 0.5 * MASS, eta, phi), spray(rng, 0.5 * MASS, -eta, phi + np.pi)]
        soft = int(rng.poisson(8))
        soft_pt = rng.exponential(0.5, soft) + 0.1
        parts.append(np.stack([soft_pt, rng.normal(size=soft), rng.uniform(-3.1, 3.1, soft)], axis=1))
        events.append(np.concatenate(parts))
    pt, eta, phi = np.concatenate(events).T
    return ragged.from_lengths(ragged.zip({"pt": pt, "eta": eta, "phi": phi}), [len(event) for event in events])


def spray(rng, energy, eta, phi):
    """About ten particles around a direction, with an energy in all."""
    n = 2 + int(rng.poisson(9))
    pt = rng.dirichlet(np.full(n, 0.7)) * energy / np.cosh(eta) + 0.05
    phis = phi + rng.normal(scale=0.08, size=n)
    return np.stack([pt, eta + rng.normal(scale=0.08, size=n), (phis + np.pi) % (2 * np.pi) - np.pi], 1)


def check(scale, tilt, particles):
    """All pt is in the jets, which stand apart; the derivative is right."""
    jets = cluster(particles)
    assert ragged.all(ragged.isclose(ragged.sum(jets.pt, axis=1), ragged.sum(particles.pt, axis=1)))
    a, b = ragged.unzip(ragged.combinations(jets, 2))
    assert ragged.all((a.eta - b.eta) ** 2 + (2 * ragged.arcsin(ragged.sin((a.phi - b.phi) / 2))) ** 2 >= RADIUS**2)
    ragged.check_grads(lambda particles: program(scale, tilt, particles), particles, order=1, modes=("reverse",))


if __name__ == "__main__":
    arguments = inputs()
    check(*arguments)
    loss, slopes = ragged.value_and_grad(program, argnums=argnums)(*arguments)
    print(f"loss {loss:.6g}; slope by the scale {slopes[0]:.6g}, by the tilt {slopes[1]:.6g}, by the particles:")
    slopes[2].show(type=True)
    print(ragged.compare(program, *arguments, argnums=argnums))
