"""Runs a program with the stand-in in CuPy's place: `python cupy_program.py program argument …`."""

from __future__ import annotations

import importlib
import runpy
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.modules["cupy"] = importlib.import_module("cupy_on_host")


if __name__ == "__main__":
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")
