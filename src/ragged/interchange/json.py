"""JSON text and files, through Awkward's parser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragged.errors import StructureError

if TYPE_CHECKING:
    from ragged.array import Array

__all__ = ["from_json", "to_json"]


def from_json(source: Any, **options: Any) -> Array:
    """An Array of a JSON document.

    Args:
        source: text or bytes, a `pathlib.Path`, or an open file.
        **options: as `awkward.from_json` takes them (`line_delimited=`, `schema=`, `nan_string=` …).

    Raises:
        StructureError: text that is no JSON, or a document that is not a list.

    >>> import ragged
    >>> ragged.from_json("[[1, 2], [], [3]]")
    <Array [[1, 2], [], [3]] type='3 * var * int64'>
    """
    import awkward as ak

    from ragged.array import Array

    try:
        return Array(ak.from_json(source, **options))
    except ValueError as error:
        if isinstance(error, StructureError):
            raise
        raise StructureError(f"the JSON cannot be read: {str(error).strip().splitlines()[0]}") from error


def to_json(array: Any, file: Any = None, **options: Any) -> str | bytes | None:
    """The values as JSON text, or written to a file.

    Args:
        array: an array.
        file: a path or an open file; without it the text is returned.
        **options: as `awkward.to_json` takes them (`line_delimited=`, `num_indent_spaces=`, `nan_string=` …).

    >>> import ragged
    >>> ragged.to_json(ragged.Array([[1, None], []]))
    '[[1,null],[]]'
    """
    import awkward as ak

    from ragged.interchange import to_awkward

    text: str | bytes | None = ak.to_json(to_awkward(array), file, **options)
    return text
