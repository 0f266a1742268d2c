"""Functions that tools which rewrite Python source leave as they are."""

from __future__ import annotations

from typing import TypeVar

__all__ = ["opaque"]

F = TypeVar("F")


def opaque(f: F) -> F:
    """`f`, run as it is written where `tf.function` rewrites the program around it: TensorFlow's AutoGraph asks for
    this attribute. It would rewrite the whole library, function by function, for seconds, and gain nothing."""
    f.autograph_info__ = None  # type: ignore[attr-defined]
    return f
