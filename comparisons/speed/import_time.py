"""How much longer `import ragged` takes than `import numpy`, at best.

    python comparisons/speed/import_time.py

Exit code 1 beyond 100 ms.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

LIMIT = 0.100
RUNS = 15
PROGRAM = "import time, numpy; begin = time.perf_counter(); import ragged; print(time.perf_counter() - begin)"


def seconds(compiled: str) -> float:
    """The time in one fresh process, beyond NumPy's own; `compiled` is a folder for the compiled modules."""
    env = {**os.environ, "PYTHONPYCACHEPREFIX": compiled, "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, env=env)
    return float(done.stdout)


def main() -> int:
    with tempfile.TemporaryDirectory() as compiled:  # as an installed library is
        best = min(seconds(compiled) for _ in range(RUNS))
    print(f"import ragged: {best * 1e3:.0f} ms beyond import numpy (at most {LIMIT * 1e3:.0f} ms)")
    return int(best > LIMIT)


if __name__ == "__main__":
    raise SystemExit(main())
