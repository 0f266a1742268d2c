"""The conformance suite: what every backend of ragged, ours or a third party's, has to show.

    @pytest.mark.parametrize(("title", "check"), ragged.testing.checks("strict"))
    def test_conformance(title, check):
        check()

It needs nothing but ragged itself; `check_backend` runs everything at once.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from ragged.context import active, use

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["check_backend", "checks"]


def checks(name: str, *, device: Any = None) -> list[tuple[str, Callable[[], None]]]:
    """All checks of a backend as pairs of an id and a function of nothing, which raises where the backend is wrong.

    Args:
        name: of the backend, as in `ragged.use`.
        device: a device of it, as in `ragged.use`; by default its own choice.

    Raises:
        MissingBackendError: no such backend, or its framework is not installed.

    >>> import ragged.testing
    >>> found = dict(ragged.testing.checks("numpy"))
    >>> found["protocol: segment_sum"]()
    """
    from ragged.registry import get_backend
    from ragged.testing import (
        _compiled,
        _conduct,
        _conversions,
        _elementwise,
        _gradients,
        _kinks,
        _large,
        _layouts,
        _literals,
        _protocol,
        _segments,
        _shapes,
        _threads,
        _unwritten,
        _values,
    )

    b = get_backend(name)
    foreign = {f"with {other}": functools.partial(_conduct.foreign, other) for other in _conduct.others(b)}
    groups = {
        "protocol": _conversions.conversions | _shapes.shapes | _protocol.protocol | _segments.segments | _large.large,
        "ufuncs": _elementwise.ufuncs,
        "literals": _literals.literals,
        "values": _values.values,
        **_gradients.groups(b),
        "conventions": _kinks.kinks,
        "arrays": _layouts.layouts | _unwritten.unwritten,
        "jit": _compiled.compiled,
        "errors": _conduct.errors | foreign,
        "unsupported": _conduct.refusals(b),
        "conduct": _conduct.conduct | _threads.threads,
    }
    return [
        (f"{group}: {title}", functools.partial(run, name, check, device))
        for group, found in groups.items()
        for title, check in found.items()
    ]


def run(name: str, check: Callable[[Any], None], device: Any = None) -> None:
    """One check with the backend in use."""
    with use(name, device=device, precision="float64"):
        check(active())


def check_backend(name: str, *, matching: str = "", device: Any = None) -> None:
    """Nothing, if the backend passes every check; it runs all of them before it tells.

    Args:
        name: of the backend, as in `ragged.use`.
        matching: only the checks whose id has this in it.
        device: a device of the backend, as in `ragged.use`.

    Raises:
        AssertionError: some checks failed; the message names each, and what it expected. Or no check matches.
        MissingBackendError: no such backend, or its framework is not installed.

    >>> import ragged.testing
    >>> ragged.testing.check_backend("numpy", matching="protocol")
    """
    failed = []
    chosen = [(title, check) for title, check in checks(name, device=device) if matching in title]
    if not chosen:
        raise AssertionError(f"no check of the {name} backend has {matching!r} in its id")
    for title, check in chosen:
        try:
            check()
        except Exception as error:  # whatever a foreign backend raises is a finding
            reason = str(error) if isinstance(error, AssertionError) else f"raised {type(error).__name__}: {error}"
            failed.append(f"- {title}: {reason}")
    if failed:
        listed = "\n".join(failed)
        raise AssertionError(f"the {name} backend fails {len(failed)} of {len(chosen)} checks:\n{listed}")
