"""The command line: exit codes, program files, messages."""

from __future__ import annotations

import json
import subprocess
import sys
from textwrap import dedent

import pytest

import ragged
from ragged.cli import UsageError, compare_file

GOOD = """
import ragged
from beside import FACTOR

def program(x, factor):
    return factor * ragged.sum(x ** 2)

def inputs():
    return ragged.Array([[1.0, 2.0], [], [3.0]]), FACTOR
"""


@pytest.fixture
def write(tmp_path):
    """Writes a program file; beside it lies a module that it may import."""
    (tmp_path / "beside.py").write_text("FACTOR = 2.0\n")

    def write(text, name="job.py"):
        (tmp_path / name).write_text(dedent(text))
        return str(tmp_path / name)

    yield write
    sys.modules.pop("beside", None)


def test_agreement_is_exit_code_0(write, ragged_command, capsys, tmp_path):
    path = write(GOOD)
    before = list(sys.path)
    assert ragged_command("compare", path, path, "--backends", "numpy", "--json", str(tmp_path / "out.json")) == 0
    assert sys.path == before
    assert capsys.readouterr().out.count("agrees") == 4
    document = json.loads((tmp_path / "out.json").read_text())
    assert [each["program"] for each in document["comparisons"]] == ["job", "job"]
    assert document["comparisons"][0]["rows"][0]["gradient"] == [[4.0, 8.0], [], [12.0]]


def test_one_page_for_all_files(write, ragged_command, tmp_path):
    first, second = write(GOOD), write(GOOD, "other.py")
    assert ragged_command("compare", first, second, "--backends", "numpy", "--html", str(tmp_path / "page.html")) == 0
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "2 programs" in text
    for part in ("job", "other", "by <code>x</code>", "numpy ran. Finite differences confirm the gradient."):
        assert part in text


def test_verbose_prints_the_traceback(write, ragged_command, capsys):
    path = write(
        "def helper(x):\n    return x / 0\ndef program(x):\n    return helper(1)\ndef inputs():\n    return 1.0,\n"
    )
    assert ragged_command("compare", path, "--backends", "numpy") == 2
    assert "Traceback" not in capsys.readouterr().out
    assert ragged_command("compare", path, "--backends", "numpy", "--verbose") == 2
    out = capsys.readouterr().out
    assert "Traceback (most recent call last)" in out
    assert "in helper" in out
    assert "ZeroDivisionError" in out


def test_every_backend_by_default(write):
    assert [row.backend for row in compare_file(write(GOOD)).rows][:-1] == list(ragged.available())


def test_argnums_and_rtol_of_the_file_are_used(write):
    path = write(GOOD + "\nargnums = (0, 1)\nrtol = 1e-3\n")
    comparison = compare_file(path, ["numpy"])
    assert comparison.ok
    assert float(comparison.rows[0].gradient[1]) == 14.0


def test_disagreement_is_exit_code_1(write, ragged_command):
    path = write(GOOD.replace("x ** 2", "x * ragged.stop_gradient(x)"))
    assert ragged_command("compare", path, "--backends", "numpy") == 1


def test_a_check_that_does_not_hold_is_a_failure(write, ragged_command, capsys):
    path = write(GOOD + "\ndef check(x, factor):\n    assert factor == 3, factor\n")
    assert ragged_command("compare", path, "--backends", "numpy") == 2
    assert "AssertionError" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = (", "cannot load job.py: SyntaxError"),
        ("import a_module_that_nobody_has", "cannot load job.py: ModuleNotFoundError: No module named"),
        ("program = 1", "job.py has no function program and no function inputs"),
        ("def program(x): ...\ndef inputs(): return 1", r"inputs\(\) of job.py returned a int, not a tuple"),
        ("def program(x): ...\ndef inputs(): raise ValueError('no data')", "cannot load job.py: ValueError: no data"),
    ],
)
def test_a_file_that_is_no_program(write, ragged_command, capsys, text, message):
    path = write(text)
    with pytest.raises(UsageError, match=message):
        compare_file(path)
    assert ragged_command("compare", path) == 2
    assert capsys.readouterr().err.startswith("ragged compare: ")


def test_wrong_usage_is_exit_code_2(write, ragged_command, capsys):
    path = write(GOOD)
    assert ragged_command("compare", path + ".absent") == 2
    assert "FileNotFoundError" in capsys.readouterr().err
    assert ragged_command("compare", path, "--html", path + ".absent/page.html") == 2
    assert "cannot write" in capsys.readouterr().err
    assert ragged_command("compare", path, "--backends", ",") == 2
    assert ragged_command("compare", path, "--backends", "nonesuch") == 2
    assert ragged_command("compare") == 2
    assert ragged_command("compare", path, "--nonesuch") == 2


def test_without_typer_one_line_tells_what_to_install(ragged_command, capsys, monkeypatch):
    for name in ("typer", "rich"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, name, None)
            assert ragged_command("compare", "x.py") == 2
        message = capsys.readouterr().err
        assert message.count("\n") == 1
        assert "pip install 'ragged-diff[cli]'" in message


def test_the_installed_command(write):
    done = subprocess.run(
        [sys.executable, "-c", "from ragged.cli import main; main()", "compare", write(GOOD), "--backends", "numpy"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "28" in done.stdout
