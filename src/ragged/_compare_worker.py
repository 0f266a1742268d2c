"""The child process of a comparison: computes value and gradient once and tells its peak memory.

Reads a pickled job from standard input: the program's file and name, the backend, argnums and the arguments.
"""

from __future__ import annotations

import json
import os
import pickle
import runpy
import sys


def peak() -> int | None:
    """The most memory in bytes that this process held; None where the system does not tell."""
    try:
        # Linux: ru_maxrss would include the parent's memory, which the process held between fork and exec.
        with open("/proc/self/status", encoding="ascii", errors="replace") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        import resource
    except ImportError:
        return None
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else largest * 1024


def main() -> None:
    """Do the one job."""
    from ragged._compare_run import run

    path, name, backend, argnums, args = pickle.load(sys.stdin.buffer)
    sys.path.insert(0, os.path.dirname(path))
    program = runpy.run_path(path, run_name="ragged_program")[name]
    done = run(program, args, argnums, backend)
    if done.failure is not None:
        raise SystemExit(done.failure)
    print(json.dumps({"peak": peak()}))


if __name__ == "__main__":
    main()
