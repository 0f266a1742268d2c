"""Where PyTorch's nested tensors refuse or are wrong, ragged is right; each test records what PyTorch does.

When one of the records fails, PyTorch has changed: look, and correct docs/pytorch.md.
"""

from __future__ import annotations

import re

import pytest

import ragged

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

pytestmark = [
    pytest.mark.skipif(
        tuple(map(int, re.findall(r"\d+", torch.__version__)[:2])) < (2, 13), reason="recorded with PyTorch 2.13"
    ),
    pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors is in prototype stage:UserWarning"),
]

OFFSETS = torch.tensor([0, 2, 2, 6])
ROWS = (slice(0, 2), slice(2, 2), slice(2, 6))


@pytest.fixture
def values():
    return torch.tensor([1.5, -0.5, -2.0, 0.5, -1.0, 3.0], dtype=torch.float64, requires_grad=True)


def nested(values):
    return torch.nested.nested_tensor_from_jagged(values, OFFSETS)


def array(values):
    return ragged.from_offsets(values, OFFSETS)


def slope(y, values):
    """The gradient of a sum of all numbers of a tensor, each with a weight of its own."""
    y = y.values() if y.is_nested else y
    weights = torch.arange(1.0, y.numel() + 1, dtype=values.dtype).reshape(y.shape)
    return torch.autograd.grad((y * weights).sum(), values, retain_graph=True)[0]


def by_rows(f, values):
    """What `f` of each row gives, one after another: the truth."""
    return torch.cat([f(values[row]).reshape(-1) for row in ROWS if row.start != row.stop])


def flat(x):
    """The numbers of an array or a dense value, those of empty rows left out."""
    x = ragged.drop_none(x) if isinstance(x, ragged.Array) else x
    return ragged.flatten(x, axis=None).to_native() if isinstance(x, ragged.Array) else x


# ---------------------------------------------------------------------- wrong, and nothing says so


def test_softmax_over_the_ragged_dimension_has_a_wrong_gradient(values):
    truth = by_rows(lambda row: torch.softmax(row, 0), values)
    native = torch.softmax(nested(values.reshape(6, 1)), dim=1)
    torch.testing.assert_close(native.values()[:, 0], truth)  # the values are right, ...
    assert not torch.allclose(slope(native, values), slope(truth, values))  # ... their gradient is not, in silence
    ours = ragged.softmax(array(values), axis=1)
    torch.testing.assert_close(flat(ours), truth)
    torch.testing.assert_close(slope(flat(ours), values), slope(truth, values))


def test_a_list_of_tensors_loses_its_graph():
    rows = [torch.ones(2, requires_grad=True), torch.ones(3, requires_grad=True)]
    for layout in (torch.jagged, torch.strided):
        assert not torch.nested.nested_tensor(rows, layout=layout).requires_grad
    ragged.sum(ragged.Array(rows) ** 2).backward()
    assert [row.grad.tolist() for row in rows] == [[2, 2], [2, 2, 2]]


@pytest.mark.parametrize(("name", "worst"), [("amax", -1), ("amin", 1)])
def test_the_extremum_of_an_empty_row_is_a_number(name, worst, values):
    native = getattr(torch, name)(nested(values), dim=1)
    assert native[1] == worst * torch.finfo(torch.float64).max
    ours = getattr(ragged, name[1:])(array(values), axis=1)
    assert ours[1] is None
    torch.testing.assert_close(flat(ours), native[[0, 2]])


def test_equal_tensors_have_unequal_shapes(values):
    assert nested(values).shape != torch.nested.nested_tensor_from_jagged(values, OFFSETS.clone()).shape


# ---------------------------------------------------------------------- a value without a gradient

NO_BACKWARD = {
    "sum": (NotImplementedError, "_nested_sum_backward"),
    "mean": (RuntimeError, "expected to contain only concrete integers"),
    "prod": (AttributeError, "'NestedIntNode' object has no attribute 'sub'"),
}


@pytest.mark.parametrize("name", NO_BACKWARD)
def test_reductions_without_a_gradient(name, values):
    truth = by_rows(lambda row: getattr(torch, name)(row, 0), values)
    native = getattr(torch, name)(nested(values), dim=1)
    torch.testing.assert_close(native[[0, 2]], truth)
    error, message = NO_BACKWARD[name]
    with pytest.raises(error, match=message):
        slope(native, values)
    ours = getattr(ragged, name)(array(values), axis=1)[[0, 2]]
    torch.testing.assert_close(flat(ours), truth)
    torch.testing.assert_close(slope(flat(ours), values), slope(truth, values))


@pytest.mark.parametrize("name", ["max", "min"])
def test_max_and_min_have_no_gradient(name, values):
    truth = by_rows(lambda row: getattr(torch, name)(row, 0).values, values)
    native = getattr(torch, name)(nested(values), dim=1).values
    torch.testing.assert_close(native[[0, 2]], truth)
    with pytest.raises(RuntimeError, match="expected to contain only concrete integers"):
        slope(native, values)
    ours = getattr(ragged, name)(array(values), axis=1)
    torch.testing.assert_close(flat(ours), truth)
    torch.testing.assert_close(slope(flat(ours), values), slope(truth, values))


def largest_allocation(f):
    """Bytes of the largest tensor that a function makes."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        f()
    return max(event.self_cpu_memory_usage for event in profile.events())


@pytest.mark.filterwarnings("ignore::FutureWarning:torch.profiler", "ignore::UserWarning:torch.autograd.profiler")
def test_a_sum_over_the_ragged_dimension_is_padded():
    """With a million rows, one of them a million long, it would be terabytes."""
    n = 2000
    lengths = torch.ones(n + 1, dtype=torch.int64)
    lengths[7] = n
    content = torch.randn(2 * n)
    nt = torch.nested.nested_tensor_from_jagged(content, lengths=lengths)
    assert largest_allocation(lambda: torch.sum(nt, dim=1)) >= n * n * content.itemsize
    x = ragged.from_native(nt)
    assert largest_allocation(lambda: ragged.sum(x, axis=1)) <= 16 * n * content.itemsize
    assert largest_allocation(lambda: ragged.softmax(x, axis=1)) <= 16 * n * content.itemsize


def test_the_second_derivative_is_lost_on_the_way(values):
    y = (nested(values).values() ** 3).sum()
    (first,) = torch.autograd.grad(y, values, create_graph=True)
    with pytest.raises(NotImplementedError, match="_nested_tensor_storage_offsets"):
        torch.autograd.grad(first.sum(), values)
    (first,) = torch.autograd.grad(ragged.sum(array(values) ** 3), values, create_graph=True)
    torch.testing.assert_close(torch.autograd.grad(first.sum(), values)[0], 6 * values)


# ---------------------------------------------------------------------- refused

REFUSED = {
    "log_softmax": (
        lambda nt: torch.log_softmax(nt, dim=1),
        (RuntimeError, "not supported when reducing along the ragged dimension"),
        lambda x: x - ragged.logsumexp(x, axis=1),
        lambda row: torch.log_softmax(row, 0),
    ),
    "logsumexp": (
        lambda nt: torch.logsumexp(nt, dim=1),
        (NotImplementedError, r"aten\.logsumexp"),
        lambda x: ragged.logsumexp(x, axis=1)[[0, 2]],
        lambda row: torch.logsumexp(row, 0),
    ),
    "var": (
        lambda nt: torch.var(nt, dim=1),
        (NotImplementedError, r"aten\.var"),
        lambda x: ragged.var(x, axis=1, ddof=1)[[0, 2]],
        lambda row: torch.var(row, 0),
    ),
    "cumsum": (
        lambda nt: torch.cumsum(nt, dim=1),
        (NotImplementedError, r"aten\.cumsum"),
        lambda x: ragged.cumulative_sum(x, axis=1),
        lambda row: torch.cumsum(row, 0),
    ),
    "sort": (
        lambda nt: torch.sort(nt, dim=1),
        (NotImplementedError, r"aten\.sort"),
        lambda x: ragged.sort(x, axis=1),
        lambda row: torch.sort(row, 0).values,
    ),
    "x[:, 0]": (
        lambda nt: nt[:, 0],
        (RuntimeError, r"slice\(\): not supported for NestedTensor on dim=0"),
        lambda x: x[ragged.num(x) > 0][:, 0],
        lambda row: row[0],
    ),
    "x[:, ::-1]": (
        lambda nt: torch.flip(nt, (1,)),
        (NotImplementedError, r"aten\.flip"),
        lambda x: x[:, ::-1],
        lambda row: row.flip(0),
    ),
    "elements by a mask": (
        lambda nt: nt[nt > 0],
        (NotImplementedError, r"aten\.index"),
        lambda x: x[x > 0],
        lambda row: row[row > 0],
    ),
    "concatenate along the ragged dimension": (
        lambda nt: torch.cat([nt, nt], dim=1),
        (RuntimeError, r"cat\(\): not supported for NestedTensor on ragged dim"),
        lambda x: ragged.concatenate([x, x], axis=1),
        lambda row: torch.cat([row, row]),
    ),
    "every row with itself": (
        lambda nt: nt.unsqueeze(-1) @ nt.unsqueeze(-1).transpose(1, 2),
        (RuntimeError, r"matmul\(\): not supported between inputs of shapes"),
        lambda x: x[:, :, None] @ x[:, :, None].mT,
        lambda row: row[:, None] @ row[None, :],
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name, values):
    native, (error, message), ours, truth = REFUSED[name]
    with pytest.raises(error, match=message):
        native(nested(values))
    found, expected = flat(ours(array(values))), by_rows(truth, values)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(slope(found, values), slope(expected, values))


@pytest.mark.parametrize(
    ("native", "message", "ours", "expected"),
    [
        (lambda nt: nt[1:3], "slice.*dim=0", lambda x: x[1:3], [[], [-2, 0.5, -1, 3]]),
        (lambda nt: nt[[2, 0]], "aten.index", lambda x: x[[2, 0]], [[-2, 0.5, -1, 3], [1.5, -0.5]]),
        (
            lambda nt: nt[torch.tensor([True, False, True])],
            "aten.index",
            lambda x: x[torch.tensor([True, False, True])],
            [[1.5, -0.5], [-2, 0.5, -1, 3]],
        ),
        (
            lambda nt: torch.cat([nt, nt], dim=0),
            "cat.*dim=0",
            lambda x: ragged.concatenate([x[:1], x[:1]]),
            [[1.5, -0.5]] * 2,
        ),
    ],
)
def test_rows(native, message, ours, expected, values):
    with pytest.raises((RuntimeError, NotImplementedError), match=message):
        native(nested(values))
    assert ours(array(values)).to_list() == expected


def test_equal_but_distinct_offsets(values):
    other = torch.nested.nested_tensor_from_jagged(values, OFFSETS.clone())
    with pytest.raises(RuntimeError, match="cannot call binary pointwise function"):
        nested(values) + other
    ours = ragged.from_native(nested(values)) + ragged.from_native(other)
    torch.testing.assert_close(flat(ours), 2 * values)
    assert (array(values) + nested(values) + other).to_list() == (3 * array(values)).to_list()


def test_what_nested_tensors_can_do_is_the_same(values):
    nt, x = nested(values), ragged.from_native(nested(values))
    torch.testing.assert_close(torch.sin(nt).values(), flat(ragged.sin(x)))
    torch.testing.assert_close((nt * nt + 1).values(), flat(x * x + 1))
    torch.testing.assert_close(nt[2], x[2].to_native())
    torch.testing.assert_close(torch.nested.to_padded_tensor(nt, 0.0)[:, :4], x.to_padded()[0])
