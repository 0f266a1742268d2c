"""Which versions of what are installed, read from package metadata: nothing is imported."""

from __future__ import annotations

import platform
import re
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING

from ragged.registry import adapter, entry_points

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["OURS", "extras", "requirements", "version", "versions"]

OURS = "ragged-diff"


def version(distribution: str) -> str | None:
    """The installed version of a distribution, or None."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


@cache
def requirements() -> dict[str, tuple[str, ...]]:
    """Names of the distributions that we need, by extra; those always needed under ""."""
    found: dict[str, tuple[str, ...]] = {}
    try:
        lines = metadata.requires(OURS) or []
    except metadata.PackageNotFoundError:  # a source tree on the path, never installed
        lines = []
    for line in lines:
        name = re.match(r"[A-Za-z0-9._-]+", line)
        extra = re.search(r"extra\s*==\s*['\"]([^'\"]+)['\"]", line)
        if name is not None and name[0] != OURS:
            key = extra[1] if extra else ""
            found[key] = (*found.get(key, ()), name[0])
    return found


def extras() -> dict[str, tuple[str, ...]]:
    """The extras that bring something, each with its distributions."""
    return {name: needed for name, needed in requirements().items() if name not in ("", "all")}


def versions(backends: Iterable[str]) -> dict[str, str]:
    """Python's version, ours, and those of what we need, for these backends too."""
    names = [OURS, *requirements().get("", ())]
    for backend in backends:
        if backend in entry_points():
            names += [*requirements().get(backend, ()), *getattr(adapter(backend), "FRAMEWORK", ())]
    found = {"Python": platform.python_version()}
    for name in names:
        known = version(name)
        if known is not None:
            found[name.lower()] = known
    return found
