"""Calibrate a jet energy scale and a cut on real top-pair events, by gradient.

Input: 200 simulated top-quark-pair events of the CMS experiment (open data, NanoAOD format) with 1,504 jets. The file
comes with the source distribution of coffea on PyPI; it is fetched once, with pip, into a cache folder.

Shows: ragged records, combinations of three jets per event, a softmax within events, and one gradient through all of it
by two plain numbers, the energy scale and the cut:

    jets ── scale ── soft cut ── all trijets of an event ── soft choice of one ── its mass ── smooth histogram ── loss

A hadronically decaying top quark makes three jets. The three with the largest summed transverse momentum are the
classical candidate ("M3"). Hard cuts and a hard choice have no useful slope, so both are soft here: a jet passes the
cut with a probability, and a trijet is chosen with a probability. The loss is the distance of the mass histogram
from a peak at the top quark's mass.

    ragged compare comparisons/gradients/ttbar.py
    python comparisons/gradients/ttbar.py
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np

import ragged

SOURCE = "coffea==2026.9.0"
MEMBER = "tests/samples/nano_tt_v12.root"
SHA256 = "bc9afdac1e5e1bf820f79e4f8d4942c893ed2accfcb2e49bb63b69727b59af3b"

TOP_MASS = 172.5  # GeV
MASSES = np.arange(60.0, 400.0, 10.0)  # centres of the histogram's bins, GeV
BANDWIDTH = 15.0  # GeV, of each event's kernel in the histogram
CUT_WIDTH = 3.0  # GeV over which the cut on the transverse momentum opens
CHOICE_WIDTH = 10.0  # GeV of summed transverse momentum that make a trijet e times likelier

argnums = (0, 1)


def program(scale, cut, jets):
    """How far the histogram of top masses is from a peak at the top quark's mass."""
    mass, weight = top_candidates(scale, cut, jets)
    histogram = smooth_histogram(mass, weight)
    peak = np.exp(-0.5 * ((MASSES - TOP_MASS) / (1.5 * BANDWIDTH)) ** 2)
    return ragged.sum((histogram - peak / np.sum(peak)) ** 2)


def top_candidates(scale, cut, jets):
    """For each event the mass of its top candidate, and the probability that the candidate's jets pass the cut."""
    pt = scale * jets.pt
    jets = ragged.zip(
        {
            "px": pt * np.cos(jets.phi),
            "py": pt * np.sin(jets.phi),
            "pz": pt * np.sinh(jets.eta),
            "energy": np.hypot(pt * np.cosh(jets.eta), scale * jets.mass),
            "passes": 1.0 / (1.0 + np.exp((cut - pt) / CUT_WIDTH)),
        }
    )
    a, b, c = ragged.unzip(ragged.combinations(jets, 3))

    px, py, pz = a.px + b.px + c.px, a.py + b.py + c.py, a.pz + b.pz + c.pz
    energy = a.energy + b.energy + c.energy
    mass = np.sqrt(energy**2 - px**2 - py**2 - pz**2)
    passes = a.passes * b.passes * c.passes

    chosen = ragged.softmax(np.hypot(px, py) / CHOICE_WIDTH + np.log(passes), axis=1)
    return ragged.sum(chosen * mass, axis=1), ragged.sum(chosen * passes, axis=1)


def smooth_histogram(values, weights):
    """The density of weighted values in the bins: a Gaussian kernel for each value."""
    kernels = np.exp(-0.5 * ((values[:, np.newaxis] - MASSES) / BANDWIDTH) ** 2)
    bins = ragged.sum(weights[:, np.newaxis] * kernels, axis=0)
    return bins / ragged.sum(bins)


def inputs():
    jets = ragged.from_parquet(parquet())
    assert (len(jets), ragged.sum(ragged.num(jets.pt))) == (200, 1504)
    return 1.0, 30.0, ragged.values_astype(jets, np.float64)


def cache() -> Path:
    """The folder that keeps the data: RAGGED_CACHE, else the user's own cache."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(os.environ.get("RAGGED_CACHE") or Path(base) / "ragged")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def parquet() -> Path:
    """The jets as a Parquet file, made from the ROOT file once."""
    path = cache() / f"ttbar-{SHA256[:12]}.parquet"
    if not path.exists():
        import awkward as ak
        import uproot

        with uproot.open(root_file()) as file:
            events = file["Events"].arrays(["Jet_pt", "Jet_eta", "Jet_phi", "Jet_mass"])
        jets = ak.zip({name: events[f"Jet_{name}"] for name in ("pt", "eta", "phi", "mass")})
        ak.to_parquet(jets, path)
    return path


def root_file() -> Path:
    """The events as CMS publishes them, fetched once and verified."""
    path = cache() / Path(MEMBER).name
    if not path.exists():
        print(f"fetching {path.name} (30 MB, once) into {path.parent}", file=sys.stderr)
        with tempfile.TemporaryDirectory() as folder:
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
            subprocess.run([*pip, "--no-binary", "coffea", "--dest", folder, SOURCE], check=True)
            (archive,) = Path(folder).glob("*.tar.gz")
            with tarfile.open(archive) as tar:
                (member,) = (name for name in tar.getnames() if name.endswith(MEMBER))
                content = tar.extractfile(member).read()
        verify(content)
        partial = path.with_suffix(".part")
        partial.write_bytes(content)
        partial.replace(path)
    verify(path.read_bytes())
    return path


def verify(content: bytes) -> None:
    """Refuse anything but the file that this program was written for."""
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        raise ValueError(
            f"{Path(MEMBER).name} has sha256 {found}, not {SHA256}: delete it from {cache()} and try again"
        )


if __name__ == "__main__":
    arguments = inputs()
    loss, (by_scale, by_cut) = ragged.value_and_grad(program, argnums=(0, 1))(*arguments)
    print(f"loss {loss:.6g}; slope by the energy scale {by_scale:.6g}, by the cut {by_cut:.6g} per GeV")
    print(ragged.compare(program, *arguments, argnums=argnums))
