"""What holds for the package as a whole: what importing it loads, what is public and documented, what is packaged."""

from __future__ import annotations

import ast
import inspect
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import requires
from pathlib import Path

import pytest

import ragged
from ragged.registry import entry_points

ROOT = Path(__file__).parents[1]
FRAMEWORKS = ("jax", "jaxlib", "torch", "tensorflow", "numba", "cupy")


def loaded_by(program: str, names: tuple[str, ...]) -> set[str]:
    """Which of the modules a program loads in a fresh process."""
    code = f"{program}\nimport sys\nprint(*[name for name in {names!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


# ---------------------------------------------------------------------- imports


def test_importing_loads_no_framework_and_not_awkward():
    heavy = (*FRAMEWORKS, "awkward", "pyarrow", "pandas", "rich", "typer", "matplotlib", "subprocess", "asyncio")
    before = loaded_by("import numpy", heavy)
    assert loaded_by("import ragged", heavy) - before == set()


def test_a_numpy_program_loads_no_framework():
    program = """
import numpy as np, ragged
x = ragged.from_lengths(np.arange(5.0), [3, 0, 2])
y = ragged.from_offsets(np.arange(5.0), [0, 3, 3, 5])
loss = lambda x: ragged.sum(ragged.sum(np.square(x * y)[:, ::-1], axis=1))
gradient = ragged.grad(loss)(x)
assert np.asarray(ragged.num(gradient)).tolist() == [3, 0, 2]
ragged.available()
"""
    assert loaded_by(program, (*FRAMEWORKS, "awkward", "pyarrow", "pandas")) == set()


def test_differentiation_is_loaded_when_it_is_asked_for():
    later = ("ragged.autodiff.transforms", "ragged.autodiff.tape", "ragged.comparison")
    assert loaded_by("import ragged; ragged.sum([[1], []])", later) == set()
    assert "ragged.autodiff.transforms" in loaded_by("import ragged; ragged.grad", later)
    assert set(ragged.__all__) <= set(dir(ragged))
    with pytest.raises(AttributeError, match="module 'ragged' has no attribute 'gradd'"):
        ragged.gradd  # noqa: B018


def test_naming_the_backends_loads_none():
    assert loaded_by("import ragged; ragged.available()", FRAMEWORKS) == set()


def test_the_core_imports_no_framework_at_the_top_of_any_module():
    """Read from the source: `import` statements outside functions, in the core."""
    for path in sorted((ROOT / "src").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in top_level(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            roots = {name.partition(".")[0] for name in names}
            assert not roots & {*FRAMEWORKS, "awkward", "pyarrow", "pandas"}, f"{path.name} imports {roots}"


def test_the_core_names_no_framework_module_at_all():
    """Only adapters import a framework, functions included."""
    for path in sorted((ROOT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
                assert not {name.partition(".")[0] for name in names} & set(FRAMEWORKS), f"{path.name}: {names}"


def top_level(tree: ast.Module):
    """Import statements that run when the module is loaded (those for type checkers do not)."""
    waiting = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and "TYPE_CHECKING" not in ast.dump(node.test):
            waiting += [*node.body, *node.orelse]
        elif isinstance(node, ast.Try | ast.With):
            waiting += node.body


def test_another_library_in_the_same_folder_is_refused(tmp_path):
    shutil.copytree(ROOT / "src" / "ragged", tmp_path / "ragged")
    (tmp_path / "ragged" / "_spec_array_object.py").touch()
    done = subprocess.run([sys.executable, "-c", "import ragged"], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1
    assert "ImportError: two libraries are installed under the name 'ragged'" in done.stderr


# ---------------------------------------------------------------------- names


def test_the_public_names_are_those_of_the_api():
    """The list is computed from what is imported: nothing may slip in, or get lost."""
    assert ragged.__all__ == sorted({*API, *ragged._functions.__all__, *NAMESPACE})
    for name in ragged.__all__:
        assert hasattr(ragged, name), name


API = """
    Array Record Backend from_offsets from_lengths from_row_ids from_padded to_padded from_native to_native to_backend
    backend available use current
    grad value_and_grad vjp jvp jacobian hessian hvp stop_gradient checkpoint custom_vjp check_grads
    jit batches pad_to
    compare Comparison
    RaggedError StructureError AxisError OutOfRangeError FieldError DTypeError BackendMismatchError UnsupportedError
    MissingBackendError
    sum prod min max any all count count_nonzero argmin argmax mean var std ptp softmax logsumexp
    cumulative_sum cumulative_prod matrix_transpose
    num flatten ravel unflatten concat concatenate stack zip unzip with_field without_field where mask is_none fill_none
    drop_none pad_none firsts singletons local_index broadcast_arrays sort argsort cartesian argcartesian combinations
    argcombinations zeros_like ones_like full_like astype values_astype isclose almost_equal array_equal nan_to_num
    nan_to_none to_regular from_regular to_packed transform
    fields is_tuple parameters with_name with_parameter type is_valid validity_error show
    from_iter from_numpy from_awkward from_json from_arrow from_parquet
    to_list to_numpy to_awkward to_json to_arrow to_parquet
""".split()

NAMESPACE = """
    bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 complex64 complex128 finfo iinfo isdtype
    e pi inf nan newaxis
""".split()


@pytest.mark.parametrize("name", sorted(ragged.__all__))
def test_every_public_name_is_documented(name):
    value = getattr(ragged, name)
    if callable(value):
        assert inspect.getdoc(value), f"ragged.{name} has no docstring"


@pytest.mark.parametrize("kind", [ragged.Array, ragged.Record], ids=lambda kind: kind.__name__)
def test_every_public_method_is_documented(kind):
    for name, value in vars(kind).items():
        if not name.startswith("_") and (callable(value) or isinstance(value, property)):
            assert inspect.getdoc(value), f"{kind.__name__}.{name} has no docstring"


def test_every_module_says_what_it_is():
    for folder in ("src", "adapters", "comparisons", "tests"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if path.name != "__init__.py" or path.stat().st_size:
                assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path


def test_each_section_of_the_differences_names_the_tests_that_show_them():
    _, *sections = re.split(r"(?m)^## ", (ROOT / "docs" / "differences.md").read_text(encoding="utf-8"))
    assert len({section.partition("\n")[0] for section in sections}) == len(sections) > 5
    for section in sections:
        named = re.fullmatch(r".*\n\((.*)\)", section.strip(), re.DOTALL)
        assert named, f"no tests at the end of {section.splitlines()[0]!r}"
        assert all((ROOT / name.strip(" `")).exists() for name in named[1].split(","))


# ---------------------------------------------------------------------- packaging


def test_the_adapters_are_the_entry_points():
    folders = {path.name for path in (ROOT / "adapters").iterdir() if (path / "__init__.py").exists()}
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["ragged.backends"]
    assert {target.partition(":")[0] for target in declared.values()} == folders
    assert {f"ragged_{name}" for name in declared} == folders
    assert set(declared) <= set(entry_points())


def test_the_package_is_typed_and_its_extras_are_there():
    assert (Path(ragged.__file__).parent / "py.typed").exists()
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(declared) == {"jax", "torch", "tensorflow", "numba", "cupy", "arrow", "plots", "cli", "all"}
    required = [line for line in requires("ragged-diff") if "extra ==" not in line]
    assert {line.partition(">")[0] for line in required} == {"numpy", "array-api-compat", "awkward", "optree"}


def test_every_constraint_is_one_version():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = [line for line in lines if line and not line.startswith("#")]
    assert all(line.count("==") == 1 for line in pinned)
    assert len({line.partition("==")[0].lower() for line in pinned}) == len(pinned)
