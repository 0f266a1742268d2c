"""The conformance suite finds what is wrong with a compiler: one planted fault a test."""

from __future__ import annotations

import pytest

import ragged
import ragged.testing

strict = pytest.importorskip("ragged_strict", reason="the plugin is not there: pip install ./tests/plugin")
Strict = strict.StrictBackend


def faithful(self, program, plan):
    """What a compiler should do: the program's results for each call, of one compilation."""

    def run(leaves):
        before = program.runs
        found = program(leaves)
        program.runs = before or 1
        return found

    return run


def of_the_first_call(self, program, plan):
    """The first arguments are constants of what is compiled."""
    kept = []

    def run(leaves):
        if not kept:
            kept.append(program(leaves))
        return kept[0]

    return run


def each_time(self, program, plan):
    """Compiled at each call."""
    return program


def in_another_order(self, program, plan):
    """The results change places."""
    return lambda leaves: faithful(self, program, plan)(leaves)[::-1]


def unchecked(self, program, plan):
    """What goes wrong is passed over in silence."""

    def run(leaves):
        try:
            return faithful(self, program, plan)(leaves)
        except ragged.StructureError:
            return program([leaves[0], leaves[0]])

    return run


FAULTS = {
    "old values": (of_the_first_call, "jit: values"),
    "old gradients": (of_the_first_call, "jit: gradients"),
    "compiled at each call": (each_time, "jit: one compilation for many arrays"),
    "results in another order": (in_another_order, "jit: trees"),
    "an error passed over": (unchecked, "jit: rows that do not line up"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_reported_by_name(name, monkeypatch):
    compiler, title = FAULTS[name]
    ragged.testing.check_backend("strict", matching=title)  # where nothing is compiled
    monkeypatch.setattr(Strict, "compiles", "for the test")
    monkeypatch.setattr(Strict, "compile", faithful)
    ragged.testing.check_backend("strict", matching=title)
    monkeypatch.setattr(Strict, "compile", compiler)
    with pytest.raises(AssertionError, match=title):
        ragged.testing.check_backend("strict", matching=title)
