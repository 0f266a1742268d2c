"""The errors of ragged: each is a `RaggedError` and also the built-in that users would catch."""

from __future__ import annotations

__all__ = [
    "AxisError",
    "BackendMismatchError",
    "DTypeError",
    "FieldError",
    "MissingBackendError",
    "OutOfRangeError",
    "RaggedError",
    "StructureError",
    "UnsupportedError",
]


class RaggedError(Exception):
    """Base class of every error that ragged raises on purpose."""


class StructureError(RaggedError, ValueError):
    """Rows that do not line up, malformed offsets, or data that has no ragged form."""


class AxisError(RaggedError, ValueError, IndexError):
    """No such axis."""


class OutOfRangeError(RaggedError, IndexError):
    """An index beyond its list; the message names the row."""


class FieldError(RaggedError, IndexError):
    """No such field of a record."""


class DTypeError(RaggedError, TypeError):
    """A dtype or a kind of value that the operation has no meaning for."""


class BackendMismatchError(RaggedError, TypeError):
    """Arrays of two frameworks in one operation."""


class UnsupportedError(RaggedError, NotImplementedError):
    """Something a backend (or this version) cannot do; the message names the way out."""


class MissingBackendError(RaggedError, ImportError):
    """A backend whose framework is not installed, or that nobody provides."""
