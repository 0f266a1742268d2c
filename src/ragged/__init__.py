"""Ragged arrays, written once, that run and differentiate on every array framework."""

from ragged.array import Array, Record
from ragged.backend import Backend
from ragged.context import current, use
from ragged.registry import available

__all__ = ["Array", "Backend", "Record", "available", "current", "use"]
