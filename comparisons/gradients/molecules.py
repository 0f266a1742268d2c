"""Forces on the atoms of 162 molecules, as minus the gradient of an energy by ragged positions.

Input: the molecules of the G2 set (Curtiss et al., J. Chem. Phys. 94, 7221 (1991) and 106, 1063 (1997)), which come
with the package ase; between one and fourteen atoms each.

Shows: every pair of atoms within a molecule from one call, an energy over all of them, and forces with the shape of the
positions, molecule by molecule, from one gradient; they equal the forces derived by hand. Single atoms have no
pairs and no force.

    ragged compare comparisons/gradients/molecules.py
    python comparisons/gradients/molecules.py
"""

from __future__ import annotations

import numpy as np

import ragged

DEPTH = 4.0  # eV, of the potential between two atoms
STEEPNESS = 1.8  # 1/Å


def program(positions, radii):
    """The energy of all molecules: a Morse potential between every two atoms of one molecule.

    Each pair is at rest at the sum of its covalent radii: V(r) = D (1 - exp(-a (r - r0)))² - D.
    """
    (ri, rj), (si, sj) = pairs(positions), pairs(radii)
    r = np.sqrt(ragged.sum((ri - rj) ** 2, axis=-1))
    stretch = 1.0 - np.exp(-STEEPNESS * (r - (si + sj)))
    return ragged.sum(DEPTH * stretch**2 - DEPTH)


def pairs(x):
    """The first and the second of every two entries of a list."""
    return ragged.unzip(ragged.combinations(x, 2))


def forces(positions, radii):
    """The force on every atom, eV/Å."""
    return -ragged.grad(program)(positions, radii)


def inputs():
    """Positions, `162 * var * 3 * float64` in Å, and covalent radii, `162 * var * float64`."""
    from ase.collections import g2
    from ase.data import covalent_radii

    molecules = list(g2)
    assert len(molecules) == 162
    atoms_in = [len(molecule) for molecule in molecules]
    positions = np.concatenate([molecule.positions for molecule in molecules])
    radii = np.concatenate([covalent_radii[molecule.numbers] for molecule in molecules])
    return ragged.from_lengths(positions, atoms_in), ragged.from_lengths(radii, atoms_in)


def analytic_forces(positions, radii):
    """The same forces by hand, one molecule after the other in plain NumPy: -V'(r) times the direction of each pair."""
    for x, s in zip(positions, radii, strict=True):
        apart = x[:, np.newaxis] - x
        r = np.sqrt(np.sum(apart**2, axis=-1)) + np.eye(len(x))
        decay = np.exp(-STEEPNESS * (r - (s[:, np.newaxis] + s)))
        slope = 2.0 * DEPTH * STEEPNESS * (1.0 - decay) * decay * (1.0 - np.eye(len(x)))
        yield -np.sum((slope / r)[:, :, np.newaxis] * apart, axis=1)


def check(positions, radii):
    """The gradient's forces are the analytic ones, and no molecule pulls itself away."""
    found = [np.asarray(f) for f in ragged.to_backend(forces(positions, radii), "numpy")]
    wanted = list(analytic_forces(map(np.asarray, positions), map(np.asarray, radii)))
    assert len(found) == len(wanted)
    for ours, theirs in zip(found, wanted, strict=True):
        assert ours.shape == theirs.shape
        assert np.allclose(ours, theirs, rtol=1e-10, atol=1e-10)
        assert np.allclose(np.sum(ours, axis=0), 0.0, atol=1e-9)


if __name__ == "__main__":
    arguments = inputs()
    check(*arguments)
    forces(*arguments).show(type=True)
    print(ragged.compare(program, *arguments))
