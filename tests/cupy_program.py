"""Runs a program, and the processes that it starts, with the stand-in in CuPy's place:
`python cupy_program.py program argument …`."""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

TESTS = str(Path(__file__).parent)
MODULE = """
import importlib, sys
sys.modules["cupy"] = importlib.import_module("cupy_on_host")
"""


if __name__ == "__main__":
    sys.argv = sys.argv[1:]
    with TemporaryDirectory() as folder:
        Path(folder, "cupy.py").write_text(MODULE)
        paths = [folder, TESTS]
        os.environ["PYTHONPATH"] = os.pathsep.join([*paths, os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
        sys.path[:0] = paths
        import cupy  # noqa: F401

        runpy.run_path(sys.argv[0], run_name="__main__")
