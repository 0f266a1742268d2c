"""Arrays as nodes of PyTorch's trees: `torch.func` takes and gives them."""

from __future__ import annotations

import pytest

import ragged

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch.utils import _pytree as pytree  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")  # forward mode

DATA = [[1.0, 2.0, 3.0], [], [4.0, 5.0]]


@pytest.fixture
def x():
    return ragged.Array(DATA, backend="torch")


def cubes(x):
    return ragged.sum(x**3)


# ---------------------------------------------------------------------- the tree itself


def test_floats_are_leaves_and_the_rest_is_context():
    records = ragged.Array([{"a": [1.0, 2.0], "n": 1, "s": "x", "z": [1j]}], backend="torch")
    leaves, spec = pytree.tree_flatten(records)
    assert [leaf.dtype for leaf in leaves] == [torch.float64, torch.complex128]
    back = pytree.tree_unflatten(leaves, spec)
    assert back.to_list() == records.to_list()
    assert back.layout.contents[0].rows is records.layout.contents[0].rows
    assert back.a.layout.content.data is leaves[0]


def test_missing_values_and_unions_come_back():
    for data in ([[1.0, None], None, []], [None, [[1.0], []]], [[], []]):
        x = ragged.Array(data, backend="torch")
        assert pytree.tree_map(lambda t: t, x).to_list() == data


def test_context_is_compared_by_identity_then_by_value(x):
    def spec(x):
        return pytree.tree_structure(x)

    assert spec(x) == spec(x * 2)
    assert spec(x) == spec(ragged.Array(DATA, backend="torch"))
    assert hash(spec(x)) == hash(spec(x * 2))
    assert spec(x) != spec(ragged.Array([[1.0, 2.0], [3.0], [4.0, 5.0]], backend="torch"))
    ints = [ragged.Array([{"x": 1.0, "n": n}], backend="torch") for n in (1, 1, 2)]
    assert spec(ints[0]) == spec(ints[1])
    assert spec(ints[0]) != spec(ints[2])
    options = [ragged.Array([1.0, each], backend="torch") for each in (None, None)]
    assert spec(options[0]) == spec(options[1])
    assert spec(options[0]) != spec(ragged.Array([None, 1.0], backend="torch"))


def test_records_are_nodes():
    record = ragged.Array([{"a": [1.0, 2.0]}], backend="torch")[0]
    assert pytree.tree_map(lambda t: 2 * t, record).to_list() == {"a": [2, 4]}


def test_unflatten_takes_anything(x):
    spec = pytree.tree_structure(x)
    placeholder = pytree.tree_unflatten([object()], spec)
    with pytest.raises(ragged.StructureError, match="holds a object"):
        len(placeholder)
    with pytest.raises(ragged.StructureError, match="content of shape"):
        len(pytree.tree_unflatten([torch.zeros(3)], spec))
    assert pytree.tree_leaves(pytree.tree_unflatten([None], spec)) == [None]


def test_paths_and_keys(x):
    (path, leaf), *_ = pytree.tree_flatten_with_path({"x": x})[0]
    assert leaf is x.layout.content.data
    assert pytree.keystr(path) == "['x'][0]"


def test_moved_leaves_take_their_structure_along(x):
    on_meta = pytree.tree_map(lambda t: t.to("meta"), x)
    assert on_meta.layout.rows.offsets.device.type == "meta"
    missing = ragged.Array([1.0, None], backend="torch").to("meta").layout
    assert missing.valid.device.type == missing.content.data.device.type == "meta"


# ---------------------------------------------------------------------- torch.func


def test_grad(x):
    assert torch.func.grad(cubes)(x).to_list() == [[3, 12, 27], [], [48, 75]]
    gradient, value = torch.func.grad_and_value(cubes)(x)
    assert float(value) == 225
    assert gradient.layout.rows is x.layout.rows


def test_trees_of_arrays(x):
    tree = {"a": (x, torch.tensor(2.0)), "b": [x + 1]}
    gradient = torch.func.grad(lambda tree: ragged.sum(tree["a"][0] * tree["b"][0]) * tree["a"][1])(tree)
    assert gradient["a"][0].to_list() == [[4, 6, 8], [], [10, 12]]
    assert gradient["b"][0].to_list() == [[2, 4, 6], [], [8, 10]]
    assert float(gradient["a"][1]) == 70


def test_arrays_of_numpy_join():
    x = ragged.Array(DATA)
    gradient = torch.func.grad(cubes)(x)
    assert ragged.backend(gradient) == "torch"
    assert gradient.to_list() == [[3, 12, 27], [], [48, 75]]
    assert ragged.to_list(x * 2 + gradient) == [[5, 16, 33], [], [56, 85]]


def test_a_cotangent_of_other_rows_is_refused_by_its_rows(x):
    _, pullback = torch.func.vjp(lambda x: x * 2, x)
    other = ragged.Array([[1.0], [2.0, 3.0, 4.0], [5.0]], backend="torch")
    with pytest.raises(RuntimeError, match=r"cotangents: .*lengths 1, 3, 1 .*lengths 3, 0, 2 "):
        pullback(other)


def test_vjp_and_jvp(x):
    value, pullback = torch.func.vjp(lambda x: x * x, x)
    assert value.to_list() == [[1, 4, 9], [], [16, 25]]
    assert pullback(ragged.ones_like(x))[0].to_list() == [[2, 4, 6], [], [8, 10]]
    value, tangent = torch.func.jvp(lambda x: ragged.sum(x * x, axis=1), (x,), (ragged.ones_like(x),))
    assert tangent.tolist() == [12, 0, 18]


@pytest.mark.parametrize("jacobian", [torch.func.jacrev, torch.func.jacfwd])
@pytest.mark.parametrize(
    ("f", "kind"),
    [
        (lambda x: ragged.sum(x**2), "3 * var * float64"),
        (lambda x: ragged.sum(x**2, axis=1), "3 * 3 * var * float64"),
        (lambda x: x**2, "3 * var * 3 * var * float64"),
        (lambda x: x[:, :1] * ragged.sum(x), "3 * var * 3 * var * float64"),
    ],
)
def test_jacobians(jacobian, f, kind, x):
    found = jacobian(f)(x)
    expected = ragged.jacobian(f)(x)
    assert found.typestr == expected.typestr == kind
    assert found.to_list() == expected.to_list()


def test_jacobian_by_a_dense_argument(x):
    w = torch.tensor([2.0, 3.0], dtype=torch.float64)
    found = torch.func.jacrev(lambda w: x * w[0] + w[1] ** 2)(w)
    assert found.to_list() == ragged.jacobian(lambda w: x * w[0] + w[1] ** 2)(w).to_list()
    assert found[0].to_list() == [[1, 6], [2, 6], [3, 6]]


def test_hessian(x):
    found = torch.func.hessian(cubes)(x)
    assert found.typestr == "3 * var * 3 * var * float64"
    assert found.to_list() == ragged.hessian(cubes)(x).to_list()
    assert found[2, 1].to_list() == [[0, 0, 0], [], [0, 30]]


def test_vmap_over_dense_arguments(x):
    w = torch.tensor([1.0, 2.0], dtype=torch.float64)
    out = torch.vmap(lambda w: ragged.softmax(x * w, axis=1))(w)
    assert out.typestr == "2 * 3 * var * float64"
    for i in range(2):
        assert ragged.to_list(ragged.isclose(out[i], ragged.softmax(x * w[i], axis=1))) == [[True] * 3, [], [True] * 2]
    gradients = torch.vmap(torch.func.grad(lambda w: ragged.sum(x**2) * w**2))(w)
    assert gradients.tolist() == [110, 220]


def test_vmap_over_the_array_itself_is_refused(x):
    with pytest.raises((ragged.RaggedError, ValueError), match=r"rows|content"):
        torch.vmap(lambda x: ragged.sum(x))(x)


def test_missing_values_have_a_gradient_of_nothing():
    x = ragged.Array([[1.0, None], None, [2.0]], backend="torch")
    assert torch.func.grad(lambda x: ragged.sum(x * x))(x).to_list() == [[2, None], None, [4]]


def test_transforms_leave_nothing_behind(x):
    """Structure computed while a transform runs is used after it."""
    torch.func.grad(lambda x: ragged.sum(ragged.sum(x, axis=1) ** 2))(x)
    assert ragged.sum(x, axis=1).tolist() == [6, 0, 9]
    assert torch.func.grad(lambda x: ragged.sum(ragged.max(x, axis=1) ** 2))(x).to_list() == [[0, 0, 6], [], [0, 10]]
    assert ragged.num(x).tolist() == [3, 0, 2]


def test_ragged_transforms_within_torchs(x):
    inner = ragged.grad(cubes)
    assert torch.func.grad(lambda x: ragged.sum(inner(x)))(x).to_list() == [[6, 12, 18], [], [24, 30]]
    assert ragged.grad(lambda x: ragged.sum(torch.func.grad(cubes)(x)))(x).to_list() == [[6, 12, 18], [], [24, 30]]
