"""How many CUDA devices a program would see, asked of the driver's library without starting CUDA in this process: what
is forked from a process in which CUDA runs cannot use it any more."""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache

__all__ = ["visible"]


def visible() -> int:
    """The number of devices that the driver has and `CUDA_VISIBLE_DEVICES` leaves."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is None:
        return present()
    named = chosen.split(",")[0].strip()
    return 0 if named in ("", "-1", "NoDevFiles") else present()


@cache
def present() -> int:
    """The number of devices that the driver has; 0 where there is no driver."""
    names = ("nvml.dll",) if sys.platform == "win32" else ("libnvidia-ml.so.1", "libnvidia-ml.so")
    for name in names:
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        count = ctypes.c_uint(0)
        if library.nvmlInit_v2() == 0:
            found = library.nvmlDeviceGetCount_v2(ctypes.byref(count))
            library.nvmlShutdown()
            return count.value if found == 0 else 0
    return 0
