"""The project's jobs, each in its own environment with the tested versions: `nox -s tests`, `nox -s compare`, …"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import nox

ROOT = Path(__file__).parent
PYPROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
CONSTRAINTS = ("-c", str(ROOT / "constraints.txt"))
EVERYTHING = ".[arrow,cli,jax,numba,tensorflow,torch]"
"""PyTorch for Linux comes with gigabytes of libraries for CUDA; without a GPU, PyTorch's own index has it without them:
`PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu nox`."""

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "virtualenv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "types", "tests", "build", "compare"]


def group(name: str) -> tuple[str, ...]:
    """Requirements of one dependency group of pyproject.toml."""
    return nox.project.dependency_groups(PYPROJECT, name)


def install(session: nox.Session, *requirements: str) -> None:
    """Install under the tested versions."""
    session.env["TF_CPP_MIN_LOG_LEVEL"] = "2"  # TensorFlow greets on stderr, otherwise
    session.install(*CONSTRAINTS, *requirements)


@nox.session
def tests(session: nox.Session) -> None:
    """The tests, and every example of the docstrings and the README."""
    install(session, *group("tests"), "-e", EVERYTHING, "-e", "./tests/plugin")
    session.env["OMP_NUM_THREADS"] = "1"  # PyTorch's threads would wait for those of the other test processes
    session.run("pytest", *(session.posargs or ("-q", "-n", "auto", "--maxprocesses", "4")))


@nox.session
def gpu(session: nox.Session) -> None:
    """What needs a CUDA device: each test skips with its reason where there is none. CuPy is that for CUDA 12."""
    install(session, *group("tests"), "-e", ".[cupy,jax,torch]")
    session.run("pytest", *(session.posargs or ("-q", "-m", "gpu", "tests/test_gpu.py")))


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff: rules and format."""
    install(session, *group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Mypy, strict, on the core and the adapters."""
    install(session, *group("types"), "-e", ".[arrow,cli,jax,torch]")  # TensorFlow brings no types
    session.run("mypy")


@nox.session
def compare(session: nox.Session) -> None:
    """The main job on real input: every program of comparisons/gradients on every backend that there is."""
    install(session, *group("comparisons"), "-e", EVERYTHING)
    programs = session.posargs or sorted(str(path) for path in (ROOT / "comparisons" / "gradients").glob("*.py"))
    session.run("ragged", "compare", *programs, "--backends", "numpy,numba,jax,torch,tensorflow")
    if not session.posargs:
        session.run("python", str(ROOT / "comparisons" / "gradients" / "upstream.py"))
        curves = Path(session.create_tmp()) / "training.png"
        session.run("python", str(ROOT / "comparisons" / "gradients" / "train.py"), "--plot", str(curves))
        session.run("python", str(ROOT / "comparisons" / "porting" / "native" / "compare.py"))


SMOKE = """
import numpy as np, ragged
assert "numpy" in ragged.available(), ragged.available()
x = ragged.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]])
gradient = ragged.grad(lambda x: ragged.sum(ragged.sum(x ** 2, axis=1)))(x)
assert gradient.to_list() == [[2.0, 4.0, 6.0], [], [8.0, 10.0]], gradient
print("ragged", ragged.__file__, "works")
"""


@nox.session
def build(session: nox.Session) -> None:
    """Wheel and sdist, each installed into a clean environment outside the checkout, and used there."""
    install(session, "build")
    with TemporaryDirectory() as folder:
        session.run("python", "-m", "build", "--outdir", folder, str(ROOT))
        for built in sorted(Path(folder).glob("ragged_diff-*")):
            place = Path(folder) / f"environment-{built.suffix[1:]}"
            session.run("python", "-m", "venv", str(place))
            programs = place / ("Scripts" if sys.platform == "win32" else "bin")
            python = str(programs / "python")
            requirement = f"ragged-diff[cli] @ {built.as_uri()}"
            session.run(python, "-m", "pip", "install", "-q", *CONSTRAINTS, requirement, external=True)
            with session.chdir(place):
                session.run(python, "-W", "error", "-c", SMOKE, external=True)
                session.run(str(programs / "ragged"), "--help", external=True, silent=True)
