"""`ragged.jit`: a program compiled once, for every batch of its size class.

The core knows what is compiled (a function of a flat list of leaves, `Program`) and when (`Compiled` keeps what it
has made, by the types of the arguments); how is the backend's affair (`Backend.compile`). A backend that does not
compile runs the function as it is, and `explain` says so.
"""

from ragged.compilation._jit import Compiled, jit
from ragged.compilation._padding import pad_to

__all__ = ["Compiled", "jit", "pad_to"]
