"""Arrays as JAX pytrees: plain JAX transformations of ragged programs, beside the library's own."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import ragged
from ragged.testing._expect import same_values

jax = pytest.importorskip("jax")
jnp = pytest.importorskip("jax.numpy")


@pytest.fixture(autouse=True)
def _wide():
    with jax.experimental.enable_x64() if hasattr(jax.experimental, "enable_x64") else jax.enable_x64(True):
        yield


def array(data, **options):
    with ragged.use("jax", precision="float64"):
        return ragged.Array(data, **options)


def x():
    return array([[1.0, 2.0, 3.0], [], [4.0, 5.0]])


def cubes(x):
    return ragged.sum(x * x * x)


CUBED = [[3.0, 12.0, 27.0], [], [48.0, 75.0]]


def test_the_guides_example():
    def f(x):
        return ragged.sum(x[::-1], axis=0)

    tangent, cotangent = array([[0.0, 0, 0], [], [0, 1]]), array([5.0, 7.0, 3.0])
    value, moved = jax.jvp(f, (x(),), (tangent,))
    assert value.to_list() == [5, 7, 3]
    assert moved.to_list() == [0, 1, 0]
    value, pullback = jax.vjp(f, x())
    assert value.to_list() == [5, 7, 3]
    assert pullback(cotangent)[0].to_list() == [[5, 7, 3], [], [5, 7]]
    assert ragged.jvp(f, (x(),), (tangent,))[1].to_list() == [0, 1, 0]
    assert ragged.vjp(f, x())[1](cotangent)[0].to_list() == [[5, 7, 3], [], [5, 7]]


@pytest.mark.parametrize("where", ["jax", "numpy"])
def test_plain_transforms_take_ragged_arguments(where):
    x = ragged.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]])
    if where == "jax":
        x = array(x)
    value, slope = jax.value_and_grad(cubes)(x)
    assert float(value) == 225
    for found in (slope, jax.grad(cubes)(x), jax.grad(jax.checkpoint(cubes))(x), jax.jit(jax.grad(cubes))(x)):
        assert found.to_list() == CUBED
        assert found.typestr == "3 * var * float64"
        assert ragged.backend(found) == "jax"
    assert float(jax.jvp(cubes, (x,), (x,))[1]) == 675
    assert float(jax.linearize(cubes, x)[1](x)) == 675
    assert jax.vjp(lambda x: x * 2, x)[1](array([[1.0, 0, 0], [], [0, 1]]))[0].to_list() == [[2, 0, 0], [], [0, 2]]


def test_jax_knows_arrays_made_after_it_was_imported():
    program = """
import jax, ragged
x = ragged.Array([[1.0, 2.0], []])
assert ragged.backend(x) == "numpy"
assert jax.grad(lambda x: (x * x)[0, 1])(x).to_list() == [[0, 4], []]
"""
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("transform", ["jacfwd", "jacrev"])
def test_a_jacobian_has_the_type_of_y_times_x(transform):
    found = getattr(jax, transform)(lambda x: x * x)(x())
    assert found.typestr == "3 * var * 3 * var * float64"
    assert found.to_list()[2][1] == [[0, 0, 0], [], [0, 10]]
    dense = getattr(jax, transform)(lambda x: x * jnp.ones(3))(x())
    assert dense.typestr == "3 * var * 3 * var * float64"
    by_dense = getattr(jax, transform)(lambda t: x() * t[0] + t[1])(jnp.ones(2))
    assert by_dense.typestr == "3 * var * 2 * float64"
    assert by_dense.to_list()[2] == [[4, 1], [5, 1]]
    by_number = getattr(jax, transform)(lambda t: x() * t)(2.0)
    assert by_number.to_list() == x().to_list()


def test_hessian():
    found = jax.hessian(cubes)(x())
    assert found.typestr == "3 * var * 3 * var * float64"
    assert found.to_list()[0][1] == [[0, 12, 0], [], [0, 0]]
    assert found.to_list() == ragged.hessian(cubes)(x()).to_list()


def test_jacobians_of_missing_values_records_and_dense_axes():
    data = array([[1.0, None], [], [3.0]])
    found = jax.jacrev(lambda x: x * 2)(data)
    assert found.typestr == "3 * var * option[3 * var * ?float64]"
    records = ragged.zip({"a": x(), "b": array(np.arange(6.0).reshape(3, 2))}, depth_limit=1)
    found = jax.jacfwd(lambda r: ragged.sum(r.a) + ragged.sum(r.b * r.b))(records)
    assert found.typestr == "3 * {a: var * float64, b: 2 * float64}"
    assert found.b.to_list() == [[0, 2], [4, 6], [8, 10]]


def test_equal_axes_that_cannot_be_told_apart_are_refused():
    jacobian = jax.jacrev(lambda t: x() * t[0] + t[1])(jnp.ones(5))
    with pytest.raises(ragged.StructureError, match=r"\(5, 5\).*take this Jacobian with ragged.jacobian"):
        jacobian.to_list()


def test_trees_of_arrays_records_and_numbers():
    tree = {"x": ragged.zip({"a": x(), "b": x() * 2}), "t": 2.0, "more": (x(), [array([1.0, 2.0])])}

    def program(tree):
        return (
            ragged.sum(tree["x"].a * tree["t"])
            + tree["x"][0, 0].b
            + ragged.sum(tree["more"][0]) * tree["more"][1][0][1]
        )

    found = jax.grad(program)(tree)
    assert found["t"] == 15
    assert found["x"].a.to_list() == [[2, 2, 2], [], [2, 2]]
    assert found["x"].b.to_list() == [[1, 0, 0], [], [0, 0]]
    assert found["more"][0].to_list() == [[2, 2, 2], [], [2, 2]]
    assert found["more"][1][0].to_list() == [0, 15]
    record = tree["x"][2, 1]
    assert isinstance(record, ragged.Record)
    slope = jax.grad(lambda r: r.a * r.b)(record)
    assert isinstance(slope, ragged.Record)
    assert slope.to_list() == {"a": 10, "b": 5}


def test_integer_fields_raise_jaxs_own_error():
    records = ragged.zip({"a": x(), "n": array([[1, 2, 3], [], [4, 5]])})
    with pytest.raises(TypeError, match="grad requires real- or complex-valued inputs"):
        jax.grad(lambda r: ragged.sum(r.a))(records)
    found = jax.grad(lambda r: ragged.sum(r.a * r.n), allow_int=True)(records)
    assert found.a.to_list() == [[1, 2, 3], [], [4, 5]]
    assert found.n.typestr == "3 * var * ?unknown"


def test_vmap_over_dense_arguments():
    scales = jnp.arange(4.0)
    assert jax.vmap(lambda t: ragged.sum(x() * t))(scales).tolist() == [0, 15, 30, 45]
    found = jax.vmap(lambda t: x() * t)(scales)
    assert found.typestr == "4 * 3 * var * float64"
    assert found[2].to_list() == (x() * 2).to_list()
    square = jax.vmap(lambda t: x() * t)(jnp.arange(5.0))  # as many as there are elements
    assert square.typestr == "5 * 3 * var * float64"
    assert square[2].to_list() == (x() * 2).to_list()
    twice = jax.vmap(jax.vmap(lambda s, t: x() * s + t, (None, 0)), (0, None))(scales, jnp.ones(2))
    assert twice.typestr == "4 * 2 * 3 * var * float64"
    assert twice[3, 1].to_list() == (x() * 3 + 1).to_list()
    slopes = jax.vmap(jax.grad(lambda t: ragged.sum(ragged.exp(x() * t))))(scales)
    assert slopes[0] == 15


def test_mapping_over_an_array_is_refused():
    with pytest.raises(ragged.StructureError, match="take its elements, not its rows"):
        jax.vmap(lambda x: x * 2)(x())
    with pytest.raises(ragged.StructureError, match="take its elements, not its rows"):
        jax.lax.scan(lambda total, x: (total + ragged.sum(x), None), 0.0, x())
    with pytest.raises(ragged.StructureError, match="in the place of 5 entries"):
        jax.tree.map(lambda v: v[:2], x()).to_list()
    with pytest.raises(ragged.StructureError, match="holds a tuple"):
        jax.tree.map(lambda v: v.shape, x(), is_leaf=lambda v: not isinstance(v, ragged.Array)).to_list()


def test_tree_map_and_equality_of_structure():
    structure = jax.tree.structure
    assert jax.tree.map(lambda a, b: a + 2 * b, x(), x()).to_list() == (x() * 3).to_list()
    assert structure(x()) == structure(x() * 2) == structure(ragged.Array(x().to_list()))
    assert hash(structure(x())) == hash(structure(x() + 1))
    others = ([[1.0, 2.0], [3.0], [4.0, 5.0]], [[1.0, 2.0, None], [], [4.0, 5.0]], [1.0, 2.0, 3.0, 4.0, 5.0])
    for other in others:
        assert structure(x()) != structure(array(other))
    with pytest.raises(ValueError, match="structure"):
        jax.tree.map(lambda a, b: a + b, x(), array(others[0]))
    with pytest.raises(TypeError):
        jax.jvp(cubes, (x(),), (array(others[0]),))
    leaves, treedef = jax.tree.flatten(jax.tree.map(lambda v: "kept", x()))
    assert leaves == ["kept"]
    assert jax.tree.unflatten(treedef, [jnp.ones(5)]).to_list() == [[1, 1, 1], [], [1, 1]]


def test_jit_of_programs_whose_structure_is_known():
    traced = []

    @jax.jit
    def program(x, t):
        traced.append(1)
        y = x[ragged.num(x) > 0]  # depends on x's structure alone
        return y[:, ::-1] * t, ragged.sum(ragged.sum(y, axis=1)[ragged.num(y) > 2])

    for scale in (1.0, 2.0):
        y, total = program(x() * scale, scale)
        assert y.to_list() == [[v * scale**2 for v in row] for row in ([3, 2, 1], [5, 4])]
        assert float(total) == 6 * scale
    assert len(traced) == 1
    assert program(array([[1.0], [2.0]]), 1.0)[0].to_list() == [[1], [2]]
    assert len(traced) == 2


@pytest.mark.parametrize(
    "program",
    [
        lambda x: x[x > 2],
        lambda x: x[ragged.argsort(x, axis=1)],
        lambda x: ragged.num(x[x > 2]),
        lambda x: ragged.drop_none(ragged.mask(x, x > 2)),
    ],
)
def test_jit_of_structure_that_depends_on_values_names_the_way_out(program):
    program(x())
    with pytest.raises(ragged.UnsupportedError, match=r"ragged\.jit"):
        jax.jit(program)(x())


@pytest.mark.parametrize("transform", [jax.jit, lambda f: jax.grad(lambda x: ragged.sum(f(x)))])
@pytest.mark.parametrize("leaves", [lambda x: ragged.from_iter(x.to_list()), ragged.to_numpy, ragged.to_json])
def test_values_that_leave_a_traced_program_name_the_way_out(leaves, transform):
    with pytest.raises(ragged.UnsupportedError, match=r"not known while it traces.*ragged\.stop_gradient"):
        transform(leaves)(x())


@pytest.mark.parametrize("ascending", [True, False])
def test_order_under_jit_is_that_of_known_values(ascending):
    """Lengths do not depend on the values' order: NaN, signed zeros and ties stand where they stand without jit."""
    data = array([[3.0, 1.0, np.nan, 2.0], [], [5.0, 4.0, 5.0, -0.0, 0.0], [1.0]])
    for program in (
        lambda x: ragged.sort(x, axis=1, ascending=ascending),
        lambda x: ragged.argsort(x, axis=1, ascending=ascending),
        lambda x: (ragged.argmax if ascending else ragged.argmin)(x, axis=1),
        lambda x: (ragged.argmax if ascending else ragged.argmin)(x, axis=1, keepdims=True, mask_identity=False),
    ):
        known, traced = program(data), jax.jit(program)(data)
        assert str(traced.to_list()) == str(known.to_list())
        assert traced.type == known.type

    def weighed(x):
        return ragged.sum(ragged.sort(x, axis=1, ascending=ascending) * array([[1.0, 2.0, 3.0], [], [10.0, 20.0]]))

    assert jax.jit(jax.grad(weighed))(x()).to_list() == jax.grad(weighed)(x()).to_list()


@pytest.mark.parametrize("reduce", [ragged.max, ragged.min, ragged.ptp])
@pytest.mark.parametrize("axis", [0, 1, None])
def test_extrema_under_jit_share_ties(reduce, axis):
    tied = array([[2.0, 5.0, 5.0], [5.0, 1.0, 1.0], [1.0, 7.0]])

    def program(x):
        found = reduce(x, axis=axis) ** 2 * 3
        return found if axis is None else ragged.sum(found)

    assert float(jax.jit(program)(tied)) == float(program(tied))
    for found in (jax.jit(jax.grad(program))(tied), jax.grad(jax.jit(program))(tied)):
        assert found.to_list() == ragged.grad(program)(ragged.Array(tied.to_list())).to_list()
    if axis == 1 and reduce is ragged.max:
        assert jax.jit(jax.hessian(program))(tied).to_list() == jax.hessian(program)(tied).to_list()


def test_structure_from_values_under_differentiation():
    def program(x):
        kept = x[x > 1.5]
        order = ragged.argsort(kept, axis=1, ascending=False)
        return ragged.sum(ragged.firsts(kept[order]) ** 2)

    expected = [[0, 0, 6], [], [0, 10]]
    assert jax.grad(program)(x()).to_list() == expected
    assert jax.jvp(program, (x(),), (x(),))[1] == 68
    assert jax.vjp(program, x())[1](jnp.ones(()))[0].to_list() == expected
    assert jax.jacfwd(program)(x()).to_list() == expected
    assert jax.hessian(program)(x())[0, 2].to_list() == [[0, 0, 2], [], [0, 0]]


@pytest.mark.parametrize("where", ["jax", "numpy"])
def test_a_tracer_joins_a_ragged_array(where):
    data = ragged.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]])
    if where == "jax":
        data = array(data)

    def program(t):
        y = data + t[:, np.newaxis] * 2 if t.ndim else data * t
        return ragged.sum(ragged.sum(y, axis=1) * ragged.num(data))

    assert jax.grad(program)(jnp.ones(3)).tolist() == [18, 0, 8]
    assert float(jax.grad(program)(3.0)) == 36
    assert float(jax.jit(program)(3.0)) == 108
    assert ragged.backend(jax.eval_shape(lambda t: data * t, 1.0)) == "jax"


def test_complex_gradients_follow_each_librarys_convention():
    z = array([[1 + 2j, 3j], []])

    def program(z):
        return ragged.sum(ragged.abs(z) ** 2)

    assert ragged.grad(program)(z).to_list() == [[2 + 4j, 6j], []]
    assert np.allclose(jax.grad(program)(z).layout.content.data, [2 - 4j, -6j])
    _, pullback = ragged.vjp(lambda z: z * (1 + 1j), z)
    assert pullback(z * 0 + 1)[0].to_list() == [[1 - 1j, 1 - 1j], []]
    assert ragged.jvp(lambda z: z * (1 + 1j), (z,), (z * 0 + 1,))[1].to_list() == [[1 + 1j, 1 + 1j], []]


def test_checkpoint():
    assert ragged.grad(ragged.checkpoint(cubes))(x()).to_list() == CUBED
    assert jax.grad(lambda x: cubes(ragged.checkpoint(lambda x: x * 1)(x)))(x()).to_list() == CUBED


def test_traced_structure_names_the_way_out():
    with pytest.raises(
        ragged.UnsupportedError, match=r"outside of the compiled function, or compile it with ragged\.jit"
    ):
        jax.jit(lambda x: x[x > 1])(x())


@pytest.mark.parametrize("name", ["max", "min", "sum", "prod"])
def test_integers_stay_integers_under_jit(name):
    with ragged.use("jax", precision="float64"):
        x = ragged.Array([[3, 1], [2], []])

        def program(x):
            return getattr(ragged, name)(x, axis=1)

        compiled = jax.jit(program)(x)
        assert str(compiled.type) == str(program(x).type)
        assert compiled.to_list() == program(x).to_list()


def test_without_compilation_kernels_run_as_they_are():
    programs = (
        lambda x: ragged.softmax(ragged.sort(x, axis=1), axis=1),
        lambda x: ragged.var(x, axis=1, ddof=1),
        ragged.grad(lambda x: ragged.sum(ragged.softmax(x, axis=1) ** 2)),
        ragged.jit(lambda x: x[x > 2]),
    )
    wanted = [program(x()).to_list() for program in programs]
    with jax.disable_jit():
        found = [program(x()).to_list() for program in programs]
    for one, other in zip(found, wanted, strict=True):
        assert same_values(one, other, 1e-12, 1e-12)


def test_arrays_that_a_map_gave_are_the_same_after_a_loop():
    def program(x, w):
        y = jax.vmap(lambda w: x * w)(w)
        total = jax.lax.scan(lambda c, w: (c + ragged.sum(y) * w, None), 0.0, w)[0]
        return total + ragged.sum(y)

    w = jnp.asarray([0.5, 2.0])
    assert float(jax.jit(program)(x(), w)) == float(program(x(), w)) == 131.25
