"""The page of a comparison: complete in itself, everything escaped, and which side the numeric derivatives confirm."""

from __future__ import annotations

import json
import re
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

import ragged
from ragged._compare_evidence import Evidence, conclusion, evidence, judged
from ragged._compare_run import Run
from ragged._progress import progress
from ragged.comparison import FINITE, Comparison, Row, compare_checked, write_html
from ragged.report import fragment, page
from ragged.report._pieces import deviations, pieces
from ragged.report._plot import deviation_plot, gradient_plot

EMPTY = {"meta", "link", "br", "circle", "line", "img", "input"}


class Structure(HTMLParser):
    """Reads a page as a browser would; fails on tags that are not closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes = [], [], []
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in EMPTY:
            assert self.open.pop() == tag


def words(text):
    """What a reader sees."""
    without = re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", without).split())


@pytest.fixture
def x():
    return ragged.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]])


def wrong_on(name):
    """A program whose gradient is a tenth too large on one backend."""

    @ragged.custom_vjp
    def square(x):
        return x * x

    square.defvjp(lambda x: (x * x, x), lambda x, g: ((2.2 if ragged.backend(x) == name else 2.0) * x * g,))
    return lambda x: ragged.sum(square(x[:1])) + ragged.sum(ragged.sin(x))


def run_of(gradient, backend, value=1.0):
    return Run(backend, value, gradient, 0.1, 0.1)


# ---------------------------------------------------------------------- who is right


@pytest.mark.skipif("jax" not in ragged.available(), reason="needs a second backend")
@pytest.mark.parametrize(("wrong", "right"), [("jax", "numpy"), ("numpy", "jax")])
def test_the_page_says_which_side_the_numeric_derivatives_confirm(x, wrong, right):
    comparison = ragged.compare(wrong_on(wrong), x, backends=["numpy", "jax"])
    sentence = f"The numeric derivatives confirm {right}: the gradient of {wrong} is wrong."
    assert comparison.exit_code == 1
    assert sentence in comparison.verdict
    assert sentence in str(comparison)
    shown = page([comparison])
    Structure(shown)
    assert sentence in words(shown)
    assert shown.count('<tr class="differs">') + shown.count("<tr class=differs>") == 1  # only the first row differs
    assert [each.confirms for each in comparison.evidence[1:]] == [(right,), (right,)]


def test_the_complex_step_tells_gradients_apart_that_differ_by_little(x):
    def program(x):
        return ragged.sum(ragged.exp(x))

    right = ragged.grad(program)(x)
    by_step, *by_differences = evidence(program, (x,), 0, run_of(right * (1 + 1e-12), "numpy"), run_of(right, "other"))
    assert by_step.method == "complex step on numpy"
    assert by_step.confirms == ("other",)
    assert by_differences[0].reason == "cannot tell them apart"
    assert "the gradient of numpy is wrong" in conclusion([by_step])


def test_a_gradient_of_nan_is_not_confirmed(x):
    def program(x):
        return ragged.sum(x**3)

    right = ragged.grad(program)(x)
    wrong = ragged.where(x == 2, np.nan, right)
    found = evidence(program, (x,), 0, run_of(wrong, "numpy"), run_of(right, "numpy2"))
    assert found[0].confirms == ("numpy2",)
    assert found[1].confirms == ("numpy2",)


def test_why_there_is_no_complex_step(x):
    def program(x):
        return ragged.sum(ragged.max(x, axis=1))

    right = ragged.grad(program)(x)
    found = evidence(program, (x,), 0, run_of(right, "numpy"), run_of(2 * right, "other"))
    assert found[0].slope is None
    assert "no analytic continuation" in found[0].reason
    assert found[1].confirms == ("numpy",)


def test_gradients_of_another_structure_have_no_common_slope(x):
    def program(x):
        return ragged.sum(x)

    assert evidence(program, (x,), 0, run_of(x, "numpy"), run_of(x[:2], "other")) == ()


@pytest.mark.skipif("jax" not in ragged.available(), reason="needs a second backend")
def test_another_function_is_not_another_derivative(x):
    def program(x):
        return ragged.sum(ragged.exp(x)) * (1.0 if ragged.backend(x) == "numpy" else 1.001)

    comparison = ragged.compare(program, x, backends=["numpy", "jax"])
    assert "Each gradient is the slope of its own backend's values" in comparison.verdict


def test_what_a_numeric_slope_confirms():
    slopes = {"a": 1.0, "b": 2.0}
    assert judged("m", slopes, (1.01, 1e-3)).confirms == ("a",)
    assert judged("m", slopes, (1.5, 1e-3)).reason == "confirms neither"
    assert judged("m", slopes, (1.0, 0.5)).reason == "cannot tell them apart"
    assert judged("m", {"a": np.nan, "b": 2.0}, (2.0, 0.0)).confirms == ("b",)
    assert judged("m", slopes, "no").reason == "no"
    assert conclusion([judged("m", slopes, (1.5, 1e-3))]) == "The numeric derivatives confirm neither a nor b."
    assert str(Evidence("m", slopes, reason="no")) == "m: no"


# ---------------------------------------------------------------------- the page


def test_the_page_is_complete_in_itself(x, tmp_path):
    comparison = ragged.compare(lambda x: ragged.sum(x**2), x)
    comparison.to_html(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    read = Structure(text)
    assert text.startswith("<!DOCTYPE html>")
    assert not {"script", "link", "img", "iframe"} & set(read.tags)
    assert all(value.startswith("#") for name, value in read.attributes if name in ("href", "src"))
    assert not re.search(r"url\(|@import|https?:", text)
    assert "prefers-color-scheme:dark" in text
    shown = words(text)
    for part in (
        *ragged.available(),
        FINITE,
        "55",
        "norm 14.8324",
        "5 numbers",
        "4, 6",
        "empty",
        "Versions",
        np.__version__,
    ):
        assert part in shown


def test_several_programs_on_one_page(x, tmp_path):
    comparisons = [ragged.compare(lambda x: ragged.sum(x**2), x, backends=["numpy"]) for _ in range(2)]
    write_html(comparisons, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert text.count("<section") == 2
    assert text.count('href="#program-') == 2
    assert "2 programs" in words(text)


def test_what_a_user_gave_is_escaped(x):
    evil = "<script>alert('&')</script>"

    def program(x):
        raise ValueError(evil)

    failed = ragged.compare(program, x, backends=["numpy"])
    tree = {evil: x}
    ran = ragged.compare(lambda tree: ragged.sum(tree[evil]), tree, backends=["numpy"])
    odd = Comparison(evil, (*failed.rows, *ran.rows), arguments=(evil,), versions={evil: evil})
    for text in (page([odd, odd]), fragment(odd), page([ran])):
        read = Structure(text)
        assert "script" not in read.tags
        assert "&lt;script&gt;" in text


def test_a_traceback_is_on_the_page(x):
    def helper(x):
        raise KeyError("nothing here")

    text = page([ragged.compare(lambda x: helper(x), x, backends=["numpy"])])
    assert "<details>" in text
    assert "in helper" in text
    assert "_compare_run.py" not in text


def test_a_notebook_shows_the_same(x):
    comparison = ragged.compare(lambda x: ragged.sum(x**2), x, backends=["numpy"])
    text = comparison._repr_html_()
    Structure(text)
    assert "<html" not in text
    assert comparison.verdict in words(text)


def test_large_gradients_are_shown_in_part():
    x = ragged.from_lengths(np.arange(30_000.0), np.full(3_000, 10))
    comparison = ragged.compare(lambda x: ragged.sum(x**2), x, backends=["numpy"])
    text = page([comparison])
    assert "3,000 rows, 30,000 numbers" in words(text)
    assert "Shown: the first 6 rows." in words(text)
    assert len(text) < 200_000


def test_backends_without_results_and_finite_differences_that_fail():
    rows = (Row("numpy", "unavailable", reason="<no>"), Row(FINITE, "failed", reason="no"))
    text = page([Comparison("p", rows)])
    Structure(text)
    assert "No backend could run the program." in words(text)


# ---------------------------------------------------------------------- gradients taken apart


def test_pieces_of_trees_records_and_missing_values(backend):
    x = ragged.Array([[{"a": 1.0, "b": 2.0}, None], [], [{"a": 3.0, "b": 4.0}]])
    found = pieces(({"w": x, "n": None}, np.array([[1.0, 2.0], [3.0, 4.0]]), 5.0), ("t", "m", "s"), single=False)
    assert [(p.name, p.rows, p.ids.tolist(), p.values.tolist()) for p in found] == [
        ("t['w'].a", 3, [0, 2], [1.0, 3.0]),
        ("t['w'].b", 3, [0, 2], [2.0, 4.0]),
        ("m", 2, [0, 0, 1, 1], [1.0, 2.0, 3.0, 4.0]),
        ("s", 1, [0], [5.0]),
    ]
    assert found[0].row(1).size == 0
    assert found[2].row(1).tolist() == [3.0, 4.0]


def test_deviations_by_row():
    x, y, z = ([[1.0, 2.0], [], [4.0]], [[1.0, 2.0], [], [5.0]], [[np.nan, 2.0], [], [4.0]])
    (first,), (second,), (third,) = (pieces(ragged.Array(v), ("x",), single=True) for v in (x, y, z))
    assert deviations(second, first).tolist() == [0.0, 0.0, 0.25]
    assert deviations(third, first).tolist() == [np.inf, 0.0, 0.0]
    assert deviations(third, third).tolist() == [0.0, 0.0, 0.0]


def test_plots_of_what_is_not_finite_and_of_much():
    odd = np.array([np.nan, np.inf, 1.0])
    for text in (
        gradient_plot("<x>", [(0, np.arange(3.0), odd)], 3),
        deviation_plot("<x>", [(1, np.array([np.inf, 0.0, 1e-12]))], 1e-10, 3),
        gradient_plot("x", [(0, np.arange(10_000.0), np.arange(10_000.0))], 10_000),
    ):
        Structure(text)
        assert "nan" not in text
        assert "inf" not in text
        assert len(text) < 60_000
    assert "2 numbers are not finite" in gradient_plot("x", [(0, np.arange(3.0), odd)], 3)
    assert gradient_plot("x", [(0, np.arange(1.0), np.array([np.nan]))], 1) == ""


@pytest.mark.parametrize(
    ("statuses", "verdict"),
    [
        ({"a": "agrees"}, "a ran."),
        ({"a": "agrees", "b": "agrees", "c": "agrees"}, "a, b and c agree."),
        ({"a": "agrees", "b": "disagrees"}, "b and a disagree."),
        ({"a": "agrees", "b": "agrees", "c": "disagrees"}, "a and b agree; c disagrees."),
        ({"a": "agrees", "b": "failed"}, "a ran. The program failed on b."),
        ({"a": "agrees", "b": "unavailable"}, "a ran. b was asked for and cannot run."),
        ({"a": "failed"}, "No backend could run the program."),
        ({"a": "agrees", FINITE: "disagrees"}, "a ran. Finite differences do not confirm the gradient."),
        ({"a": "agrees", FINITE: "failed"}, "a ran. There are no finite differences to check the gradient with."),
    ],
)
def test_the_verdict_in_words(statuses, verdict):
    rows = tuple(Row(name, status, reason="r") for name, status in statuses.items())
    assert Comparison("p", rows, named=frozenset({"b"})).verdict == verdict


def test_json_has_the_evidence_too(tmp_path):
    found = judged("complex step on numpy", {"a": np.nan, "b": 2.0}, (2.0, 0.0))
    Comparison("p", (Row("a", "agrees"),), evidence=(found,), versions={"numpy": "2"}).to_json(tmp_path / "a.json")
    (read,) = json.loads((tmp_path / "a.json").read_text(), parse_constant=pytest.fail)["comparisons"]
    assert read["versions"] == {"numpy": "2"}
    (each,) = read["evidence"]
    assert (each["method"], each["slopes"], each["confirms"]) == (found.method, {"a": "nan", "b": 2.0}, ["b"])


def test_progress_is_told_step_by_step(monkeypatch, capsys):
    told = []
    comparison = compare_checked(
        lambda x: ragged.sum(x), (ragged.Array([[1.0], []]),), backends=["numpy"], tell=told.append
    )
    assert comparison.ok
    assert told == ["numpy", "numpy: peak memory", FINITE]
    for absent in (False, True):
        if absent:
            monkeypatch.setitem(sys.modules, "rich.progress", None)
        with progress(2) as tell:
            tell("[one]")
            tell("two")
    assert capsys.readouterr().out == ""
