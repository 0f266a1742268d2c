"""The public transforms, on every backend."""

from __future__ import annotations

import subprocess
import sys
import threading
import warnings

import awkward as ak
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ragged
from agreement import assert_same
from layouts import SETTINGS, arrays
from ragged.errors import BackendMismatchError, DTypeError, RaggedError, StructureError

X = [[1.0, 2.0, 3.0], [], [4.0, 5.0]]
RECORDS = [
    {"x": [1.0, 2.0], "n": 3, "flag": True, "name": "one", "y": None},
    {"x": [], "n": 4, "flag": False, "name": "", "y": 2.5},
]


def on(name):
    """The array with 64 bits on a backend, with none in use."""
    with ragged.use(name, precision="float64"):
        return ragged.Array(X)


def cube(x):
    return ragged.sum(x * x * x)


class TestGrad:
    def test_ragged_in_ragged_out(self, backend):
        found = ragged.grad(cube)(ragged.Array(X))
        assert_same(found, ak.Array([[3.0, 12.0, 27.0], [], [48.0, 75.0]]))
        assert ragged.backend(found) == backend

    def test_record_in_record_out(self, backend):
        found = ragged.grad(lambda r: ragged.sum(r["x"] * r["x"]))(ragged.Array(RECORDS))
        assert str(found.type) == "2 * {x: var * float64, n: ?unknown, flag: ?unknown, name: ?unknown, y: ?float64}"
        assert found.to_list() == [
            {"x": [2.0, 4.0], "n": None, "flag": None, "name": None, "y": None},
            {"x": [], "n": None, "flag": None, "name": None, "y": 0.0},
        ]

    def test_trees_and_numbers(self, backend):
        tree = {"x": ragged.Array(X), "pair": (2.0, np.array([1.0, 1.0, 2.0])), "n": 3, "none": None, "s": "text"}
        value, found = ragged.value_and_grad(lambda t: ragged.sum(t["x"] * t["pair"][0] * t["pair"][1] * t["n"]))(tree)
        assert float(value) == 3 * 2 * (6 + 18)
        assert_same(found["x"], ak.Array([[6.0] * 3, [], [12.0] * 2]))
        assert float(found["pair"][0]) == 3 * (6 + 18)
        assert ragged.to_numpy(found["pair"][1]).tolist() == [36.0, 0.0, 54.0]
        assert found["n"] is None and found["none"] is None and found["s"] is None

    def test_missing_values_have_none(self, backend):
        found = ragged.grad(lambda x: ragged.sum(ragged.sum(x * x, axis=1)))(ragged.Array([[1.0, None], None, [3.0]]))
        assert_same(found, ak.Array([[2.0, None], None, [6.0]]))

    def test_argnums(self, backend):
        def f(x, y, z):
            return ragged.sum(x * y) * z

        x = ragged.Array(X)
        assert_same(ragged.grad(f, 1)(x, x, 2.0), ak.Array([[2.0, 4.0, 6.0], [], [8.0, 10.0]]))
        first, third = ragged.grad(f, (0, -1))(x, x, 2.0)
        assert_same(first, ak.Array([[2.0, 4.0, 6.0], [], [8.0, 10.0]]))
        assert float(third) == 55.0
        for twice in ((0, 0), (0, -2)):
            with pytest.raises(ValueError, match="names an argument twice"):
                ragged.grad(lambda x, y: x * y, argnums=twice)(2.0, 3.0)
        with pytest.raises(TypeError, match="argnums=3"):
            ragged.grad(f, 3)(x, x, 2.0)

    def test_keyword_arguments_are_constants(self, backend):
        assert float(ragged.grad(lambda x, *, y: x * y)(2.0, y=5.0)) == 5.0

    def test_aux(self, backend):
        def f(x):
            others = {"count": 3, "rows": ragged.num(x), "text": "as it is", "type": ragged.type(x)}
            return ragged.sum(x * x), {"doubled": 2 * x, **others}

        found, aux = ragged.grad(f, has_aux=True)(ragged.Array(X))
        assert_same(found, ak.Array([[2.0, 4.0, 6.0], [], [8.0, 10.0]]))
        assert_same(aux["doubled"], ak.Array([[2.0, 4.0, 6.0], [], [8.0, 10.0]]))
        assert aux["rows"].to_list() == [3, 0, 2] and aux["text"] == "as it is"
        assert str(aux["type"]) == "3 * var * float64"
        (value, aux), _ = ragged.value_and_grad(f, has_aux=True)(ragged.Array(X))
        assert float(value) == 55.0 and aux["doubled"].to_list()[0] == [2.0, 4.0, 6.0]
        with pytest.raises(TypeError, match="pair"):
            ragged.grad(cube, has_aux=True)(ragged.Array(X))

    def test_an_array_of_one_number_is_a_scalar(self, backend):
        value, found = ragged.value_and_grad(lambda x: ragged.Array([2.0]) * x[0, 1:2])(ragged.Array(X))
        assert_same(value, ak.Array([4.0]))
        assert_same(found, ak.Array([[0.0, 2.0, 0.0], [], [0.0, 0.0]]))

    @pytest.mark.parametrize(
        "f, message",
        [
            (lambda x: x, "ragged Array of 3 entries"),
            (lambda x: ragged.sum(x, axis=1), "one number"),
            (lambda x: (cube(x), cube(x)), "a tree of 2 values"),
            (lambda x: {"loss": cube(x)}, "a tree"),
            (lambda x: None, "a tree of 0 values"),
            (lambda x: "text", "str"),
            (lambda x: ragged.count(x), "int64"),
            (lambda x: ragged.multiply(cube(x), 1j), "complex128"),
            (lambda x: ragged.flatten(x), "one number"),
        ],
    )
    def test_other_outputs_are_refused(self, f, message, backend):
        with pytest.raises(TypeError, match=message):
            ragged.grad(f)(ragged.Array(X))

    @pytest.mark.parametrize("x", [[[1, 2], []], [True], "text", 3, [[], []], {"n": 1}])
    def test_arguments_without_floats_are_refused(self, x, backend):
        x = ragged.Array(x) if isinstance(x, list) else x
        with pytest.raises(TypeError, match="argument 0 holds no floating-point numbers"):
            ragged.grad(lambda x: 1.0)(x)

    def test_constant_programs_have_zero_gradients(self, backend):
        assert_same(ragged.grad(lambda x: 2.0)(ragged.Array(X)), ak.Array([[0.0] * 3, [], [0.0] * 2]))

    def test_higher_orders(self, backend):
        f = lambda x: x**5  # noqa: E731
        for expected in (5 * 2.0**4, 20 * 2.0**3, 60 * 2.0**2):
            f = ragged.grad(f)
            np.testing.assert_allclose(float(f(2.0)), expected)

    def test_nested_programs_may_use_each_others_values(self, backend):
        # d/dx [x * d/dy (x y²) at y = x] = d/dx [2 x³]
        found = ragged.grad(lambda x: x * ragged.grad(lambda y: x * y * y)(x))(3.0)
        np.testing.assert_allclose(float(found), 54.0)
        # the inner program's argument is a constant: no perturbation leaks from one level to the other
        found = ragged.grad(lambda x: x * ragged.grad(lambda y: x + y)(1.0))(1.0)
        np.testing.assert_allclose(float(found), 1.0)
        found = ragged.grad(lambda x: ragged.sum(ragged.grad(lambda y: ragged.sum(x * y * y))(ragged.Array(X))))(
            ragged.Array(X)
        )
        assert_same(found, ak.Array([[2.0, 4.0, 6.0], [], [8.0, 10.0]]))

    def test_complex_numbers_point_along_steepest_ascent(self, backend):
        z = ragged.Array([[1.0 + 2.0j], [], [3.0 - 1.0j]])
        found = ragged.grad(lambda z: ragged.sum(ragged.real(z * ragged.conj(z))))(z)
        assert_same(found, ak.Array([[2.0 + 4.0j], [], [6.0 - 2.0j]]))
        assert_same(ragged.grad(lambda z: ragged.sum(ragged.imag(z)))(z), ak.Array([[1j], [], [1j]]))

    def test_views_have_no_entries_for_what_they_hide(self, backend):
        x = ragged.Array(X)[1:]
        assert_same(ragged.grad(cube)(x), ak.Array([[], [48.0, 75.0]]))
        masked = ragged.mask(ragged.Array(X), ragged.Array([[True, False, True], [], [False, True]]))
        assert_same(ragged.grad(cube)(masked), ak.Array([[3.0, None, 27.0], [], [None, 75.0]]))

    def test_the_branch_not_taken_leaks_no_nan(self, backend):
        def f(x):
            c = x > 1.5
            return ragged.sum(ragged.where(c, ragged.fill_none(ragged.log(ragged.mask(x, c) - 1.5), 0.0), x))

        x = ragged.Array([[1.0, 2.0], [], [0.0]])
        assert_same(ragged.grad(f)(x), ak.Array([[1.0, 2.0], [], [1.0]]))
        assert_same(ragged.hvp(f, (x,), (x,)), ak.Array([[0.0, -8.0], [], [0.0]]))

    def test_awkward_and_numpy_arguments(self, backend):
        assert_same(ragged.grad(cube)(ak.Array(X)), ak.Array([[3.0, 12.0, 27.0], [], [48.0, 75.0]]))
        found = ragged.grad(lambda x: ragged.sum(x * x))(np.array([1.0, 2.0]))
        assert not isinstance(found, ragged.Array) and ragged.to_numpy(found).tolist() == [2.0, 4.0]


class TestWhereTransformsRun:
    def test_where_the_arguments_are(self):
        for name in ragged.available():
            assert ragged.backend(ragged.grad(cube)(on(name))) == name

    def test_in_the_context(self, backend):
        x = ragged.Array(X, backend="numpy")
        seen = []

        def f(x):
            seen.append((ragged.current(), ragged.backend(x), ragged.backend(ragged.Array([1.0]))))
            return cube(x)

        found = ragged.grad(f)(x)
        assert ragged.backend(found) == backend and set(seen) == {(backend,) * 3}
        assert ragged.current() == backend

    def test_the_program_runs_with_its_backend_active(self):
        for name in ragged.available():
            seen = []
            ragged.grad(lambda x, seen=seen: seen.append(ragged.current()) or cube(x))(on(name))
            assert set(seen) == {name} and ragged.current() is None

    def test_constants_that_a_program_builds_outlive_it(self):
        made = []

        def f(x):
            if not made:
                made.append(ragged.Array([[2.0, 2.0, 2.0], [], [2.0, 2.0]]))
            return ragged.sum(x * made[0])

        for _ in range(2):
            assert_same(ragged.grad(f)(ragged.Array(X)), ak.Array([[2.0] * 3, [], [2.0] * 2]))

    def test_the_context_is_restored_after_an_error(self, backend):
        def broken(x):
            raise KeyError("mine")

        with pytest.raises(KeyError):
            ragged.grad(broken)(2.0)
        assert ragged.current() == backend

    def test_a_pullback_keeps_its_backend(self):
        for name in ragged.available():
            with ragged.use(name, precision="float64"):
                _, pullback = ragged.vjp(lambda x: x * 2.0, ragged.Array([[1.0], []]))
            assert ragged.backend(pullback([[1.0], []])[0]) == name


class TestVjpAndJvp:
    def test_the_guides_program(self, backend):
        x, tangent = ragged.Array(X), ragged.Array([[0.0, 0.0, 0.0], [], [0.0, 1.0]])

        def reverse_sum(x):
            return ragged.sum(x[::-1], axis=0)

        value, moved = ragged.jvp(reverse_sum, (x,), (tangent,))
        assert_same(value, ak.Array([5.0, 7.0, 3.0]))
        assert_same(moved, ak.Array([0.0, 1.0, 0.0]))
        value, pullback = ragged.vjp(reverse_sum, x)
        (found,) = pullback([5.0, 7.0, 3.0])
        assert_same(found, ak.Array([[5.0, 7.0, 3.0], [], [5.0, 7.0]]))
        assert_same(pullback(value)[0], ak.Array([[5.0, 7.0, 3.0], [], [5.0, 7.0]]))  # it may be called again

    def test_several_primals_and_aux(self, backend):
        value, pullback, aux = ragged.vjp(lambda x, s: (x * s, "aux"), ragged.Array(X), 2.0, has_aux=True)
        assert_same(value, ak.Array([[2.0, 4.0, 6.0], [], [8.0, 10.0]]))
        assert aux == "aux"
        x, s = pullback(ragged.ones_like(value))
        assert_same(x, ak.Array([[2.0] * 3, [], [2.0] * 2]))
        assert float(s) == 15.0

    def test_trees(self, backend):
        def f(t):
            return {"sum": ragged.sum(t["x"], axis=1), "pair": (t["s"] * t["x"], 7)}

        primal = {"x": ragged.Array(X), "s": 2.0}
        value, tangent = ragged.jvp(f, (primal,), ({"x": X, "s": 1.0},))
        assert_same(tangent["sum"], ak.Array([6.0, 0.0, 9.0]))
        assert_same(tangent["pair"][0], ak.Array([[3.0, 6.0, 9.0], [], [12.0, 15.0]]))
        assert tangent["pair"][1] is None and value["pair"][1] == 7
        _, pullback = ragged.vjp(f, primal)
        (found,) = pullback({"sum": [1.0, 1.0, 1.0], "pair": (X, None)})
        assert_same(found["x"], ak.Array([[3.0, 5.0, 7.0], [], [9.0, 11.0]]))
        assert float(found["s"]) == 55.0

    @pytest.mark.parametrize(
        "cotangent, message",
        [
            ([[1.0, 2.0, 3.0], [4.0], [5.0]], "row 1 has 1 elements, the value's has 0"),
            ([[1.0, 2.0, 3.0], []], "has 2 entries, its value has 3"),
            ([1.0, 2.0, 3.0], "Flat where the value has lists"),
            (1.0, "has to be an array"),
            (np.ones((3, 2)), "row 0 has 2 elements, the value's has 3"),
            ({"a": [1.0]}, "Record where the value has lists"),
            (None, "has to be an array"),
            ([[1j, 2.0, 3.0], [], [4.0, 5.0]], "complex"),
        ],
    )
    def test_cotangents_and_tangents_have_to_line_up(self, cotangent, message, backend):
        x = ragged.Array(X)
        if isinstance(cotangent, list):
            cotangent = ragged.Array(cotangent)
        _, pullback = ragged.vjp(lambda x: 2 * x, x)
        with pytest.raises((StructureError, DTypeError), match=message):
            pullback(cotangent)
        with pytest.raises((StructureError, DTypeError), match=message.replace("value has lists", "value has lists")):
            ragged.jvp(lambda x: 2 * x, (x,), (cotangent,))

    def test_missing_rows_in_tangents(self, backend):
        x = ragged.Array([[1.0, 2.0], None, [None, 3.0]])
        _, tangent = ragged.jvp(lambda x: x * x, (x,), (x,))
        assert_same(tangent, ak.Array([[2.0, 8.0], None, [None, 18.0]]))
        _, pullback = ragged.vjp(lambda x: x * x, x)
        assert_same(pullback([[1.0, 1.0], [], [5.0, 1.0]])[0], ak.Array([[2.0, 4.0], None, [None, 6.0]]))
        assert_same(pullback([None, None, [None, 1.0]])[0], ak.Array([[0.0, 0.0], None, [None, 6.0]]))
        with pytest.raises(StructureError, match="row 1"):  # of those that are there
            pullback([[1.0, 1.0], [], [5.0]])

    def test_what_is_missing_in_a_cotangent_is_zero(self, backend):
        _, pullback = ragged.vjp(lambda x: 2 * x, ragged.Array(X))
        hidden = ragged.mask(ragged.Array([[7.0, 8.0, 9.0], [], [1.0, 1.0]]), ragged.Array([False, True, True]))
        assert_same(pullback(hidden)[0], ak.Array([[0.0] * 3, [], [2.0] * 2]))
        assert_same(pullback([None, None, [None, 1.0]])[0], ak.Array([[0.0] * 3, [], [0.0, 2.0]]))
        assert_same(pullback([None, None, None])[0], ak.Array([[0.0] * 3, [], [0.0] * 2]))
        with pytest.raises(StructureError, match="2 entries"):
            pullback([None, None])
        _, pullback = ragged.vjp(lambda x: 2 * x, ragged.Array(np.ones((2, 2))))
        assert np.asarray(pullback([None, [1.0, 3.0]])[0]).tolist() == [[0.0, 0.0], [2.0, 6.0]]
        with pytest.raises(StructureError, match="row 1 has 1 elements"):
            pullback([[1.0, 2.0], [3.0]])

    def test_hidden_lists_are_not_part_of_a_tangent(self, backend):
        x = ragged.mask(ragged.Array(X), ragged.Array([False, True, True]))
        _, tangent = ragged.jvp(lambda x: x * x, (x,), (ragged.Array([None, [], [1.0, 10.0]]),))
        assert_same(tangent, ak.Array([None, [], [8.0, 100.0]]))

    def test_records_and_regular_axes(self, backend):
        x = ragged.Array({"a": np.arange(6.0).reshape(3, 2), "n": np.arange(3)})
        _, pullback = ragged.vjp(lambda r: r["a"] * r["a"], x)
        (found,) = pullback(np.ones((3, 2)))
        assert found["a"].to_list() == [[0.0, 2.0], [4.0, 6.0], [8.0, 10.0]]
        assert found["n"].to_list() == [None, None, None]
        _, tangent = ragged.jvp(lambda r: r["a"] * r["a"], (x,), (found,))
        assert tangent.to_list() == [[0.0, 4.0], [16.0, 36.0], [64.0, 100.0]]
        assert_same(
            pullback([[1.0, 1.0], [1.0, 1.0], [1.0, 0.0]])[0]["a"], found["a"] * np.array([[1, 1], [1, 1], [1, 0]])
        )

    def test_numbers_of_primals_and_tangents(self, backend):
        with pytest.raises(TypeError, match="2 primals, 1 tangents"):
            ragged.jvp(lambda x, y: x * y, (1.0, 2.0), (1.0,))

    def test_an_overwritten_buffer_does_not_change_the_gradient(self, backend):
        content = np.array([1.0, 2.0, 3.0])
        x = ragged.from_offsets(content, np.array([0, 2, 3]))
        _, pullback = ragged.vjp(lambda x: x * x, x)
        content[:] = 100.0
        assert_same(pullback([[1.0, 1.0], [1.0]])[0], ak.Array([[2.0, 4.0], [6.0]]))

    def test_gradients_are_the_callers_to_write_to(self, backend):
        if backend != "numpy":
            pytest.skip("other frameworks' arrays are immutable")
        first, second = ragged.grad(lambda x, y: ragged.sum(x + y), (0, 1))(np.ones(3), np.ones(3))
        first[:] = 7
        assert second.tolist() == [1.0] * 3


class TestMatrices:
    def test_jacobian_has_the_type_of_y_times_the_type_of_x(self, backend):
        x = ragged.Array(X)
        found = ragged.jacobian(lambda x: x * x[:, ::-1])(x)
        assert str(found.type) == "3 * var * 3 * var * float64"
        assert_same(found[0, 1], ak.Array([[0.0, 4.0, 0.0], [], [0.0, 0.0]]))
        assert_same(found[2, 0], ak.Array([[0.0, 0.0, 0.0], [], [5.0, 4.0]]))

    def test_dense_and_ragged(self, backend):
        x, w = ragged.Array(X), np.array([1.0, 2.0])
        found = ragged.jacobian(lambda w: x * w[0] + w[1])(w)
        assert_same(found, ak.Array(ak.to_regular(ak.Array([[[a, 1.0] for a in row] for row in X]), axis=-1)))
        found = ragged.jacobian(lambda x: ragged.sum(x))(x)
        assert_same(found, ak.Array([[1.0] * 3, [], [1.0] * 2]))
        found = ragged.jacobian(lambda w: w[:, None] * w[None, :])(w)
        assert ragged.to_numpy(found).tolist() == [[[2.0, 0.0], [2.0, 1.0]], [[2.0, 1.0], [0.0, 4.0]]]
        assert float(ragged.jacobian(lambda s: s * s)(3.0)) == 6.0

    def test_trees(self, backend):
        def f(t):
            return {"row": ragged.sum(t["x"], axis=1) * t["s"], "n": 3}

        found = ragged.jacobian(f)({"x": ragged.Array(X), "s": 2.0})
        assert_same(found["row"]["s"], ak.Array([6.0, 0.0, 9.0]))
        assert str(found["row"]["x"].type) == "3 * 3 * var * float64"
        assert found["row"]["x"][2].to_list() == [[0.0] * 3, [], [2.0] * 2]
        assert found["n"] == {"x": None, "s": None}
        by_both = ragged.jacobian(lambda x, s: x * s, (0, 1))(ragged.Array([[1.0], []]), 2.0)
        assert by_both[0].to_list() == [[[[2.0], []]], []] and by_both[1].to_list() == [[1.0], []]

    def test_missing_values_and_records(self, backend):
        x = ragged.Array([{"a": 1.0, "n": 1}, {"a": 2.0, "n": 2}])
        found = ragged.jacobian(lambda r: r["a"] * r["a"])(x)
        assert str(found.type) == "2 * 2 * {a: float64, n: ?unknown}"
        assert found.to_list()[1] == [{"a": 0.0, "n": None}, {"a": 4.0, "n": None}]
        found = ragged.jacobian(lambda x: x * x)(ragged.Array([1.0, None, 3.0]))
        assert found.to_list() == [[2.0, None, 0.0], None, [0.0, None, 6.0]]

    def test_nothing_at_all(self, backend):
        x = ragged.Array(X)[:0]
        assert str(ragged.jacobian(lambda x: x * x)(x).type) == "0 * var * 0 * var * float64"
        assert ragged.jacobian(lambda x: ragged.sum(x, axis=1)[:0])(ragged.Array(X)).to_list() == []

    def test_hessian_and_its_product(self, backend):
        x = ragged.Array(X)
        found = ragged.hessian(lambda x: ragged.sum(ragged.sum(x * x, axis=1) ** 2))(x)
        assert str(found.type) == "3 * var * 3 * var * float64"
        assert found[2, 0].to_list() == [[0.0] * 3, [], [4 * 41.0 + 8 * 16.0, 8 * 20.0]]
        product = ragged.hvp(lambda x: ragged.sum(ragged.sum(x * x, axis=1) ** 2), (x,), (x,))
        expected = [[12.0 * r * sum(q * q for q in row) for r in row] for row in X]
        assert_same(product, ak.Array(expected))
        first, second = ragged.hvp(lambda x, s: ragged.sum(x * x) * s, (x, 2.0), (x, 1.0))
        assert_same(first, ak.Array([[6.0, 12.0, 18.0], [], [24.0, 30.0]]))
        assert float(second) == 110.0


class TestConstants:
    def test_stop_gradient(self, backend):
        assert float(ragged.grad(lambda x: x * ragged.stop_gradient(x))(3.0)) == 3.0
        found = ragged.grad(lambda x: ragged.sum(x * ragged.stop_gradient({"x": x})["x"]))(ragged.Array(X))
        assert_same(found, ak.Array(X))
        assert float(ragged.grad(ragged.grad(lambda x: x**2 * ragged.stop_gradient(x)))(3.0)) == 6.0
        assert_same(ragged.stop_gradient(ragged.Array(X)), ak.Array(X))
        record = ragged.stop_gradient(ragged.Array(RECORDS)[0])
        assert record.to_list() == RECORDS[0] and ragged.stop_gradient(3) == 3

    def test_custom_vjp(self, backend):
        @ragged.custom_vjp
        def doubled(x, n):
            return x * x

        with pytest.raises(RaggedError, match="defvjp"):
            doubled(ragged.Array(X), 1)
        doubled.defvjp(lambda x, n: (x * x, (x, n)), lambda kept, g: (kept[0] * g * 10 * kept[1], None))
        x = ragged.Array(X)
        assert_same(doubled(x, 2), ak.Array([[1.0, 4.0, 9.0], [], [16.0, 25.0]]))
        found = ragged.grad(lambda x: ragged.sum(doubled(x, 2) * x))(x)
        assert_same(found, ak.Array([[21.0, 84.0, 189.0], [], [336.0, 525.0]]))
        # second order differentiates the rule
        product = ragged.hvp(lambda x: ragged.sum(doubled(x, 2)), (x,), (x,)) if backend == "numpy" else None
        assert product is None or product.to_list() == [[20.0, 40.0, 60.0], [], [80.0, 100.0]]

    def test_custom_vjp_of_trees(self, backend):
        f = ragged.custom_vjp(lambda t: (t["a"] * 2, t["b"] * 3))
        f.defvjp(lambda t: ((t["a"] * 2, t["b"] * 3), None), lambda _, g: ({"a": g[0] * 100, "b": g[1] * 1000},))
        x = ragged.Array(X)
        found = ragged.grad(lambda t: sum(ragged.sum(part) for part in f(t)))({"a": x, "b": 2 * x})
        assert_same(found["a"], ak.Array([[100.0] * 3, [], [100.0] * 2]))
        assert_same(found["b"], ak.Array([[1000.0] * 3, [], [1000.0] * 2]))

    def test_checkpoint_changes_nothing(self, backend):
        calls = []

        def f(x, s):
            calls.append(1)
            return ragged.sum(ragged.sin(x) * s, axis=1)

        x = ragged.Array(X)
        plain = ragged.grad(lambda x, s: ragged.sum(f(x, s) ** 2), (0, 1))(x, 2.0)
        recomputed = ragged.grad(lambda x, s: ragged.sum(ragged.checkpoint(f)(x, s) ** 2), (0, 1))(x, 2.0)
        assert_same(recomputed[0], plain[0])
        np.testing.assert_allclose(float(recomputed[1]), float(plain[1]))
        # values that the function closes over count as well
        closed = ragged.grad(lambda x: ragged.sum(ragged.checkpoint(lambda s: f(x, s))(2.0) ** 2))(x)
        assert_same(closed, plain[0])
        assert_same(ragged.checkpoint(f)(x, 2.0), f(x, 2.0))


@SETTINGS
@given(arrays())
def test_the_identity_gives_cotangents_and_tangents_back(array):
    """Any array in, the same structure out: floats as they were, None for what has no gradient."""
    x = ragged.Array(array)
    if not any(kind in str(x.type) for kind in ("float", "complex")):
        with pytest.raises(TypeError, match="no floating-point numbers"):
            ragged.vjp(lambda x: x, x)
        return
    value, pullback = ragged.vjp(lambda x: x, x)
    assert_same(value, array)
    expected = without_constants(array.layout, array.to_list())
    assert repr(pullback(value)[0].to_list()) == repr(expected)
    assert repr(pullback(array)[0].to_list()) == repr(expected)
    _, tangent = ragged.jvp(lambda x: x, (x,), (array,))
    assert repr(tangent.to_list()) == repr(expected)
    zeros = ragged.grad(lambda x: 1.0)(x)
    assert str(zeros.type) == str(tangent.type)


def without_constants(layout, values):
    """Awkward's values with None for everything that has no derivative."""
    if values is None:
        return None
    if layout.is_option or layout.is_indexed:
        return without_constants(layout.content, values)
    if layout.parameter("__array__") in ("string", "bytestring"):
        return [None for _ in values]
    if layout.is_list:
        return [None if row is None else without_constants(layout.content, row) for row in values]
    if layout.is_record:
        parts = [
            without_constants(content, [None if row is None else row[key] for row in values])
            for key, content in zip(
                range(len(layout.contents)) if layout.is_tuple else layout.fields, layout.contents, strict=True
            )
        ]
        rows = [None if row is None else [part[i] for part in parts] for i, row in enumerate(values)]
        if layout.is_tuple:
            return [None if row is None else tuple(row) for row in rows]
        return [None if row is None else dict(zip(layout.fields, row, strict=True)) for row in rows]
    if layout.is_numpy and layout.dtype.kind not in "fc":
        return nones(values)
    return values


def nones(values):
    return [nones(value) for value in values] if isinstance(values, list) else None


def test_values_on_a_tape_do_not_leave_for_another_framework():
    others = [name for name in ragged.available() if name != "numpy"]
    for name in others:
        with ragged.use(name, precision="float64"):
            foreign = ragged.Array(X)

        def moved(x, name=name):
            with ragged.use(name, precision="float64"):
                return cube(ragged.Array(x))

        for f in (moved, lambda x, y=foreign: cube(x * y), lambda x, y=foreign: cube(x[0, 0] * y)):
            with pytest.raises(BackendMismatchError, match=f"being differentiated on numpy meets {name}"):
                ragged.grad(f)(ragged.Array(X))


def test_threads_have_programs_of_their_own():
    results = {}

    def work(n):
        def f(x):
            for _ in range(20):
                x = x * n
            return ragged.sum(x)

        results[n] = ragged.grad(ragged.grad(lambda s: f(ragged.Array(X) * s * s)))(1.0)

    threads = [threading.Thread(target=work, args=(n,)) for n in (1.0, 1.5, 2.0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for n in (1.0, 1.5, 2.0):
        np.testing.assert_allclose(float(results[n]), 30.0 * n**20)


def test_optree_is_loaded_with_the_first_transform():
    program = (
        "import sys, ragged; ragged.sum(ragged.Array([[1.0]]) * 2); early = 'optree' in sys.modules; "
        "ragged.grad(lambda x: x * x)(1.0); print(early, 'optree' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


def test_derivatives_at_the_edge_of_a_domain_warn_nobody():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = ragged.grad(lambda x: ragged.sum(ragged.sqrt(x)))(ragged.Array([[0.0, 4.0]]))
    assert found.to_list() == [[np.inf, 0.25]]


STEPS = {
    "sin": lambda x: ragged.sin(x),
    "square": lambda x: x * x / 4,
    "reverse": lambda x: x[:, ::-1],
    "rows": lambda x: x[[2, 0, 1, 3, 3, 1]],
    "tail": lambda x: x[:, 1:],
    "sums": lambda x: x - ragged.sum(x, axis=1),
    "columns": lambda x: x * ragged.sum(x, axis=0)[0] if len(x) else x,
    "max": lambda x: x * ragged.fill_none(ragged.max(x, axis=1), 1.0),
    "mask": lambda x: ragged.fill_none(ragged.sqrt(ragged.mask(x, x > 0.3)), 0.5),
    "select": lambda x: x[x > -0.6],
    "concatenate": lambda x: ragged.concatenate([x, x * x], axis=1) / 2,
    "where": lambda x: ragged.where(x > 0.1, x * x, 2 * x),
    "exp": lambda x: ragged.exp(-x * x),
    "softmax": lambda x: ragged.softmax(x, axis=1),
}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.floats(-1, 1, width=16), max_size=4), min_size=6, max_size=6),
    st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=4),
    st.integers(0, 100),
)
def test_random_programs(lists, names, seed):
    """Reverse mode, forward mode and second order of random programs agree with differences of the program."""
    rng = np.random.default_rng(seed)  # away from the kinks that hypothesis loves
    x = ragged.Array(lists)
    if not ragged.count(x):
        return
    x = x + ragged.from_lengths(rng.normal(size=int(ragged.count(x))) * 0.3, np.array([len(row) for row in lists]))

    def program(x):
        for name in names:
            x = STEPS[name](x)
        return ragged.sum(x, axis=1)

    ragged.check_grads(program, x, seed=seed, rtol=1e-5)
