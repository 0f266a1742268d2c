"""Derivatives on PyTorch: equal to those of NumPy's tape whichever way PyTorch is asked for them, kinks included."""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pytest

import ragged
from ragged.registry import get_backend
from ragged.testing import _gradients
from ragged.testing._kinks import CONVENTIONS, total
from ragged.testing._operations import OPERATIONS
from ragged.testing._samples import KINKS, SMOOTH, sample
from ragged.testing._values import title_of
from ragged.ufuncs import table

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from ragged_torch import _backend, _host, _segments  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")  # forward mode

NUMPY, TORCH = get_backend("numpy"), get_backend("torch")
SMOOTH_OPERATIONS = {title_of(op): op for op in OPERATIONS if op.smooth}


@pytest.fixture(params=["few", "many"])
def kernels(request, monkeypatch):
    """PyTorch's own functions, as for few elements; or segment kernels with derivatives of their own, as for many."""
    if request.param == "many":
        for module in (_backend, _host, _segments):
            monkeypatch.setattr(module, "SMALL", 0)


# ---------------------------------------------------------------------- elementwise functions

REAL = [-2.5, -1.0, -0.3, -0.0, 0.0, 0.4, 1.0, 2.0, 3.0]
COMPLEX = [0j, 1 + 2j, -0.5 + 0.3j, 2j, -1 + 0j]
DIFFERENTIABLE = sorted(
    {entry.name for entry in table.values() if any(entry.vjps) or any(map(any, entry.parts))} - {"isnat"}
)


def grid(points, nin, dtype):
    """All combinations of the points, one array an argument."""
    return [np.ascontiguousarray(x) for x in np.array(list(itertools.product(points, repeat=nin)), dtype).T]


def weights(y, shift):
    return (np.cos(np.arange(y.size) + shift) + 0.1).reshape(y.shape).astype(y.dtype)


def derivatives(b, name, xs, constants, order):
    """First derivatives of a function of floats, or second ones."""

    def program(*args):
        run = ragged.registry.backend_of_dense(args[0])
        found = run.apply(name, *args, *constants)
        return list(found) if isinstance(found, tuple) else [found], ()

    def pulled(*args):
        run = ragged.registry.backend_of_dense(args[0])
        outputs, _, pull = run.vjp(program, args)
        return pull([b.asarray(weights(b.to_numpy(run.stop_gradient(y)), 0)) for y in outputs]), ()

    outputs, _, pull = b.vjp(program if order == 1 else pulled, [b.asarray(x) for x in xs])
    return [b.to_numpy(x) for x in pull([b.asarray(weights(b.to_numpy(y), order)) for y in outputs])]


def at_pole(name, order, xs):
    """Where the derivative asked for does not exist, and each library may say so in its own way (inf or NaN)."""
    x = xs[0]
    if name == "arccosh" and x.dtype.kind == "f":
        return x <= 1
    if name in ("power", "float_power"):  # x^n by n where x is 0, or is real and negative
        none = (x.dtype.kind == "f") & (x.real < 0) & (xs[1] == 0) & (order == 2)
        return none | ((x == 0) & ((order == 2) | (xs[1].imag != 0) | (xs[1].real < 1)))
    return np.zeros(x.shape, bool)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("points", [REAL, COMPLEX], ids=["real", "complex"])
@pytest.mark.parametrize("name", DIFFERENTIABLE)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_elementwise(name, points, order):
    xs, constants = grid(points, table[name].nin, float if points is REAL else complex), []
    if name == "ldexp":
        xs, constants = xs[:1], [np.arange(xs[0].size) % 4 - 2]
    try:
        values = table[name].numpy(*xs, *constants)
    except TypeError:
        pytest.skip("NumPy has no such loop")
    if (values[0] if isinstance(values, tuple) else values).dtype.kind not in "fc":
        pytest.skip("no floats come of it")
    counts = ~at_pole(name, order, xs)
    wanted = derivatives(NUMPY, name, xs, constants, order)
    for ours, tapes in zip(derivatives(TORCH, name, xs, constants, order), wanted, strict=True):
        assert ours.dtype == tapes.dtype
        ours, tapes = ours[counts], tapes[counts]
        finite = np.isfinite(tapes)
        np.testing.assert_allclose(ours[finite], tapes[finite], rtol=1e-10, atol=1e-13)
        assert not np.isfinite(ours[~finite]).any()


# ---------------------------------------------------------------------- every operation, every way to differentiate


def content(name):
    """A sample's only dense numbers, and the program that makes the sample of such numbers."""
    with ragged.use("torch"):
        x = sample(name)
    (values,) = ragged.autodiff.trees.contents(x.layout)

    def made(v):
        flat = lambda node: ragged.nodes.Flat(v, node.length, node.parameters)  # noqa: E731
        return ragged.Array._of(ragged.operands.map_flats(x.layout, flat), x._backend)

    return values, made


@functools.cache
def wanted(title, name):
    """Value, gradient, and the Hessian's product with `along(name)`, by NumPy's tape."""
    return tuple(_gradients.numbers(x) for x in _gradients.reference(SMOOTH_OPERATIONS[title], name))


def near(found, expected):
    return _gradients.near(found.detach().numpy(), expected, 1e-10)


@pytest.mark.parametrize("title", SMOOTH_OPERATIONS)
def test_the_users_own_derivatives_of_every_operation(title, kernels):
    operation = SMOOTH_OPERATIONS[title]
    for name in _gradients.points(operation, (*SMOOTH, *KINKS)):
        values, made = content(name)
        kept = torch.from_numpy(np.isfinite(values.numpy()))
        if "missing" in name:
            kept = made(values).layout.content.valid

        def loss(v, made=made):
            return _gradients.weigh(operation.program(made(v)))

        value, gradient, *curvature = wanted(title, name)
        leaf = values.clone().requires_grad_()
        found = loss(leaf)
        first = torch.zeros_like(leaf)
        if found.requires_grad:  # not the imaginary part of real numbers
            (first,) = torch.autograd.grad(found, leaf, create_graph=True, allow_unused=True, materialize_grads=True)
        assert near(found, value)
        assert near(first[kept], gradient)
        assert near(torch.func.grad(loss)(values)[kept], gradient)
        along = torch.zeros_like(values)
        with ragged.use("numpy"):
            along[kept] = torch.from_numpy(_gradients.numbers(_gradients.along(name)))
        moved, slope = torch.func.jvp(loss, (values,), (along,))
        assert near(moved, value)
        if np.isfinite(value):  # the mean of nothing moves to no number
            assert near(slope, np.float64((gradient * along[kept].numpy()).sum()))
        if curvature:
            second = torch.zeros_like(leaf)
            if first.requires_grad:
                (second,) = torch.autograd.grad(first, leaf, along, allow_unused=True, materialize_grads=True)
            assert near(second[kept], curvature[0])
            assert near(torch.func.jvp(torch.func.grad(loss), (values,), (along,))[1][kept], curvature[0])


@pytest.mark.parametrize("title", CONVENTIONS)
def test_backward_follows_the_conventions(title, kernels):
    f, point, slopes, _ = CONVENTIONS[title]
    if "missing" in title:
        pytest.skip("a gradient that is None where the value is: ragged.grad's")
    x = ragged.Array(point, backend="torch")
    leaf = x.layout.content.data.clone().requires_grad_()
    x = ragged.from_lengths(leaf, ragged.num(x))
    total(f, x).backward()
    found = ragged.from_lengths(leaf.grad, ragged.num(x)).to_list()
    assert _gradients.near(np.concatenate(found), np.concatenate(slopes), 1e-12)


OFFSETS = [0, 3, 3, 5, 6]
PROGRAMS = {
    "sum": lambda x: ragged.sum(x * x, axis=1),
    "max": lambda x: ragged.max(x, axis=1, mask_identity=False)[[0, 2, 3]],
    "softmax": lambda x: ragged.softmax(x, axis=1),
    "logsumexp": lambda x: ragged.logsumexp(x, axis=1, mask_identity=False)[[0, 2, 3]],
    "a row's number": lambda x: x * ragged.sum(x, axis=1),
    "prod": lambda x: ragged.prod(x, axis=1),
    "std": lambda x: ragged.std(x, axis=1)[[0, 2]],
    "columns": lambda x: ragged.sum(x**3, axis=0),
    "sort": lambda x: ragged.sort(x, axis=1) ** 2,
    "slice": lambda x: x[:, ::-1] ** 3,
    "pairs": lambda x: ragged.prod(ragged.unflatten(ragged.flatten(x), [2, 4]), axis=1),
    "mask": lambda x: ragged.fill_none(ragged.log(ragged.mask(x, x > 0)), 0.0),
    "hypot": lambda x: ragged.hypot(x, 2 * x + 1),
}


def of_content(f):
    """The program as a function of a dense tensor with a dense result."""

    def program(v):
        result = f(ragged.from_offsets(v, OFFSETS))
        return ragged.ravel(result).to_native() if isinstance(result, ragged.Array) else result

    return program


POINT = [0.5, -1.0, 2.0, 1.5, -0.25, 3.0]


@pytest.mark.parametrize("name", PROGRAMS)
def test_gradcheck_and_gradgradcheck(name, kernels):
    program, point = of_content(PROGRAMS[name]), torch.tensor(POINT, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(program, point, check_forward_ad=True, check_batched_grad=True)
    assert torch.autograd.gradgradcheck(program, point, check_fwd_over_rev=True)


@pytest.mark.parametrize("name", PROGRAMS)
def test_torch_func(name, kernels):
    """jacrev, jacfwd, hessian and vmap of them give what PyTorch gives row by row of the batch."""
    program, v = of_content(PROGRAMS[name]), torch.tensor(POINT, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(program, v)
    for way in (torch.func.jacrev, torch.func.jacfwd):
        torch.testing.assert_close(way(program)(v), jacobian, rtol=1e-12, atol=1e-14)

    def loss(v):
        return program(v).square().sum()

    torch.testing.assert_close(torch.func.hessian(loss)(v), torch.autograd.functional.hessian(loss, v))
    if name == "mask":
        return  # what is missing must be the same for all of a batch
    batch = torch.stack([v, v + 0.125, v * 2])
    for f in (program, torch.func.grad(loss), ragged.grad(loss)):
        torch.testing.assert_close(torch.vmap(f)(batch), torch.stack([f(each) for each in batch]))


def test_vmap_over_dense_parameters():
    x = ragged.from_offsets(torch.tensor(POINT, dtype=torch.float64), OFFSETS)

    def loss(w):
        return ragged.sum(ragged.softmax(w[0] * x, axis=1) * x * w[1])

    ws = torch.tensor([[0.5, 1.0], [2.0, -1.0]], dtype=torch.float64)
    each = torch.stack([torch.func.grad(loss)(w) for w in ws])
    torch.testing.assert_close(torch.vmap(torch.func.grad(loss))(ws), each)
    hessians = torch.stack([torch.func.hessian(loss)(w) for w in ws])
    torch.testing.assert_close(torch.vmap(torch.func.hessian(loss))(ws), hessians)


def test_lengths_that_a_batch_does_not_share_are_refused():
    with pytest.raises(ragged.UnsupportedError, match=r"torch\.vmap maps over"):
        torch.vmap(lambda v: ragged.sum(ragged.from_offsets(v, [0, 3])[ragged.from_offsets(v, [0, 3]) > 0]))(
            torch.ones(2, 3)
        )


# ---------------------------------------------------------------------- transforms within transforms


def cubes(v):
    return ragged.sum(ragged.sum(ragged.from_offsets(v, OFFSETS) ** 3, axis=1) ** 2)


def test_transforms_of_both_nest():
    v = torch.tensor(POINT, dtype=torch.float64)
    expected = torch.func.grad(lambda v: torch.func.grad(cubes)(v).square().sum())(v)
    for outer, inner in itertools.product((torch.func.grad, ragged.grad), repeat=2):
        torch.testing.assert_close(outer(lambda v, inner=inner: inner(cubes)(v).square().sum())(v), expected)
    leaf = v.clone().requires_grad_()
    ragged.grad(cubes)(leaf).square().sum().backward()
    torch.testing.assert_close(leaf.grad, expected)
    outer = torch.func.jvp(lambda v: ragged.jvp(cubes, (v,), (v,))[1], (v,), (v,))[1]
    inner = ragged.jvp(lambda v: torch.func.jvp(cubes, (v,), (v,))[1], (v,), (v,))[1]
    torch.testing.assert_close(outer, inner)


def test_third_derivatives(kernels):
    def f(x):
        return ragged.sum(ragged.softmax(x, axis=1) ** 2) + ragged.sum(ragged.prod(x, axis=1))

    def third(x):
        return ragged.grad(lambda x: ragged.sum(ragged.grad(lambda x: ragged.sum(ragged.grad(f)(x) * x))(x) ** 2))(x)

    data = [[0.5, -1.0, 2.0], [], [1.5, -0.25]]
    ours = third(ragged.Array(data, backend="torch"))
    theirs = third(ragged.Array(data, backend="numpy"))
    np.testing.assert_allclose(np.concatenate(ours.to_list()), np.concatenate(theirs.to_list()), rtol=1e-10)


def test_parameters_that_a_program_closes_over_stay_in_the_graph():
    w = torch.nn.Parameter(torch.tensor(2.0, dtype=torch.float64))
    x = ragged.from_offsets(torch.tensor(POINT, dtype=torch.float64), OFFSETS)
    value, gradient = ragged.value_and_grad(lambda x: ragged.sum(w * x**2))(x)
    assert value.requires_grad
    ragged.sum(gradient).backward()
    assert float(w.grad) == pytest.approx(2 * sum(POINT))


def test_what_nobody_else_differentiates_keeps_no_graph():
    v = torch.tensor(POINT, dtype=torch.float64)
    value, gradient = ragged.value_and_grad(cubes)(v)
    assert not value.requires_grad and not gradient.requires_grad
    outputs, pull = ragged.vjp(lambda v: v**2, v)
    assert not outputs.requires_grad and not pull(v)[0].requires_grad
    assert not ragged.jvp(cubes, (v,), (v,))[1].requires_grad
    leaf = v.clone().requires_grad_()
    with torch.no_grad():
        assert not ragged.grad(cubes)(leaf).requires_grad
    assert leaf.grad is None


def test_pullbacks_are_called_again_and_differentiated():
    v = torch.tensor(POINT, dtype=torch.float64)
    _, pull = ragged.vjp(lambda v: v**3, v)
    torch.testing.assert_close(pull(v)[0], 3 * v**3)
    g = v.clone().requires_grad_()
    found = pull(g)[0]
    found.square().sum().backward()
    torch.testing.assert_close(g.grad, 2 * v * (3 * v**2) ** 2)


def test_pullbacks_in_both_worlds_keep_the_primals_in_the_graph():
    leaf = torch.tensor(POINT, dtype=torch.float64, requires_grad=True)
    value, pull = ragged.vjp(lambda v: v**3, leaf)
    (value.sum() + pull(torch.ones_like(leaf))[0].sum()).backward()
    torch.testing.assert_close(leaf.grad, (3 * leaf**2 + 6 * leaf).detach())


def test_inference_mode_refuses_derivatives_and_spoils_no_structure():
    v = torch.tensor(POINT, dtype=torch.float64)
    x = ragged.from_offsets(v, OFFSETS)
    with torch.inference_mode():
        assert ragged.sum(x * ragged.sum(x, axis=1)).shape == ()
        assert ragged.sort(x, axis=1)[:, :1].to_list() == [[-1.0], [], [-0.25], [3.0]]
        with pytest.raises(ragged.UnsupportedError, match="no_grad"):
            ragged.grad(cubes)(v)
    leaf = v.clone().requires_grad_()
    ragged.sum(ragged.Array._of(type(x.layout)(x.layout.rows, ragged.Array(leaf).layout), x._backend) * 2).backward()
    assert leaf.grad.tolist() == [2.0] * 6


# ---------------------------------------------------------------------- rules of one's own, recomputing


def own_square():
    square = ragged.custom_vjp(lambda x: x * x)
    square.defvjp(lambda x: (x * x, x), lambda x, g: (7 * x * g,))
    return square


def test_custom_rules_in_every_mode():
    square, v = own_square(), torch.tensor(POINT, dtype=torch.float64)

    def loss(v):
        return ragged.sum(square(ragged.from_offsets(v, OFFSETS)) * ragged.from_offsets(v, OFFSETS))

    leaf = v.clone().requires_grad_()
    (first,) = torch.autograd.grad(loss(leaf), leaf, create_graph=True)
    expected = 7 * v * v + v * v
    torch.testing.assert_close(first, expected)
    torch.testing.assert_close(torch.func.grad(loss)(v), expected)
    torch.testing.assert_close(torch.func.jvp(loss, (v,), (v,))[1], (expected * v).sum())
    (second,) = torch.autograd.grad(first, leaf, v)
    torch.testing.assert_close(second, (14 * v + 7 * v) * v)  # the residuals' own derivative, and the rule once more
    torch.testing.assert_close(torch.func.jvp(torch.func.grad(loss), (v,), (v,))[1], second)
    torch.testing.assert_close(torch.vmap(torch.func.grad(loss))(torch.stack([v, 2 * v]))[0], expected)


def test_checkpoint_recomputes():
    calls = []

    def f(x):
        calls.append(1)
        return ragged.exp(x) * x

    v = torch.tensor(POINT, dtype=torch.float64)
    plain = ragged.grad(lambda v: ragged.sum(f(ragged.from_offsets(v, OFFSETS))))(v)
    del calls[:]
    found = ragged.grad(lambda v: ragged.sum(ragged.checkpoint(f)(ragged.from_offsets(v, OFFSETS))))(v)
    assert len(calls) == 2
    torch.testing.assert_close(found, plain)


def test_complex_gradients_are_pytorchs():
    z = torch.tensor([1 + 2j, -1j, 0.5], dtype=torch.complex128)

    def loss(z):
        return ragged.sum(abs(ragged.from_offsets(z, [0, 2, 3])) ** 3) + ragged.sum(ragged.real(z * z))

    leaf = z.clone().requires_grad_()
    loss(leaf).backward()
    torch.testing.assert_close(ragged.grad(loss)(z), leaf.grad)
    with ragged.use("numpy"):
        np.testing.assert_allclose(leaf.grad.numpy(), ragged.grad(loss)(z.numpy()), rtol=1e-12)
