"""PyTorch's own ragged types as arrays and back: the same values, the same memory, the same graph."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import ragged

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import ragged_torch  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors is in prototype stage:UserWarning"),
    pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning"),  # in forward mode
]

OFFSETS = [0, 2, 2, 6, 7]


def jagged(values, offsets=OFFSETS, **options):
    return torch.nested.nested_tensor_from_jagged(values, torch.tensor(offsets), **options)


def lists(nt):
    """What PyTorch itself shows of a nested tensor."""
    return [each.tolist() for each in nt.unbind()]


def weights(x):
    return torch.arange(1.0, x.numel() + 1, dtype=x.dtype).reshape(x.shape)


# ---------------------------------------------------------------------- jagged


@pytest.mark.parametrize("trailing", [(), (3,), (3, 2), (0,)])
def test_jagged_shares_everything(trailing):
    values = torch.randn(7, *trailing)
    nt = jagged(values)
    x = ragged.from_native(nt)
    assert x.typestr == " * ".join(["4", "var", *map(str, trailing), "float32"])
    assert x.to_list() == lists(nt)
    assert x.layout.content.data.data_ptr() == values.data_ptr()
    assert x.layout.rows.offsets is nt.offsets()
    back = x.to_native()
    assert back.values().data_ptr() == values.data_ptr()
    assert back.offsets() is nt.offsets()
    assert back.shape == nt.shape  # PyTorch's word for aligned
    assert lists(back) == lists(nt)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "int64", "float16", "float32", "float64", "complex64"])
def test_dtypes(dtype):
    values = torch.tensor([0, 1, 1, 0, 1, 0, 1]).to(getattr(torch, dtype))
    x = ragged.Array(jagged(values))
    assert x.typestr == f"4 * var * {dtype}"
    assert x.to_native().dtype == values.dtype
    assert torch.equal(x.to_native().values(), values)


def test_shared_rows_are_shared_offsets():
    offsets = torch.tensor(OFFSETS)
    one, other = (torch.nested.nested_tensor_from_jagged(torch.randn(7), offsets) for _ in range(2))
    x, y = ragged.from_native(one), ragged.from_native(other)
    assert x.layout.rows is y.layout.rows
    total = x.to_native() + y.to_native()  # PyTorch refuses what it does not take for aligned
    assert lists(total) == ragged.to_list(x + y)
    assert lists(total + one) == ragged.to_list(x + y + x)


def test_results_align_with_what_they_are_made_of():
    nt = jagged(torch.randn(7))
    y = ragged.exp(ragged.from_native(nt)) * 2
    assert torch.equal((y.to_native() - nt).values(), nt.values().exp() * 2 - nt.values())


def test_written_offsets_are_other_rows():
    nt = jagged(torch.arange(7.0))
    x = ragged.from_native(nt)
    nt.offsets()[1] = 1
    y = ragged.from_native(nt)
    assert y.layout.rows is not x.layout.rows
    assert y.to_list() == [[0], [1], [2, 3, 4, 5], [6]]


def test_memory_is_not_kept():
    nt = jagged(torch.arange(7.0))
    x = ragged.from_native(nt)
    rows, offsets = weakref.ref(x.layout.rows), weakref.ref(nt.offsets())
    del x
    gc.collect()
    assert rows() is None
    del nt
    gc.collect()
    assert offsets() is None


def test_gradients_through_jagged():
    values = torch.randn(7, 2, dtype=torch.float64, requires_grad=True)
    nt = jagged(values * 2)
    y = ragged.from_native(nt) ** 2
    out = y.to_native()
    out.backward(torch.nested.nested_tensor_from_jagged(weights(values), nt.offsets()))
    torch.testing.assert_close(values.grad, 8 * values.detach() * weights(values))


def test_gradient_of_a_nested_leaf():
    nt = torch.nested.nested_tensor([torch.randn(2), torch.randn(3)], layout=torch.jagged, requires_grad=True)
    loss = ragged.sum(ragged.Array(nt) ** 3)
    loss.backward()
    assert nt.grad.is_nested
    torch.testing.assert_close(nt.grad.values(), 3 * nt.detach().values() ** 2)


def program(values):
    x = ragged.from_native(jagged(values)) ** 2
    return ragged.from_native(x.to_native()).layout.content.data * values


def test_gradcheck_through_both_ways():
    assert torch.autograd.gradcheck(program, torch.randn(7, dtype=torch.float64, requires_grad=True))


def test_what_pytorch_lacks_beyond_the_first_gradient():
    """The way through a jagged tensor has no second derivative, no forward mode and no torch.func; arrays have."""
    values = torch.randn(7, dtype=torch.float64, requires_grad=True)
    with pytest.raises(NotImplementedError, match="_nested_tensor_storage_offsets"):
        torch.autograd.gradgradcheck(program, values)
    with pytest.raises(NotImplementedError, match="values backward"):
        torch.func.grad(lambda values: (jagged(values).values() ** 2).sum())(values)
    with pytest.raises(NotImplementedError, match="forward AD"):
        torch.func.jvp(lambda values: jagged(values).values(), (values,), (values,))

    def ours(values):
        return ragged.sum(ragged.from_offsets(values, torch.tensor(OFFSETS)) ** 3)

    torch.testing.assert_close(torch.func.grad(ours)(values), 3 * values**2)
    torch.testing.assert_close(torch.func.hessian(ours)(values), torch.diag(6 * values))


@pytest.mark.parametrize("offsets", [[0], [0, 0, 0], [0, 7], [0, 7, 7]])
def test_few_rows(offsets):
    values = torch.randn(offsets[-1], 2)
    nt = jagged(values, offsets)
    x = ragged.from_native(nt)
    assert len(x) == len(offsets) - 1
    assert x.to_list() == lists(nt)
    assert lists(x.to_native()) == lists(nt)


def test_int32_offsets():
    nt = torch.nested.nested_tensor_from_jagged(torch.arange(6.0), torch.tensor([0, 2, 6], dtype=torch.int32))
    x = ragged.from_native(nt)
    assert x.to_list() == [[0, 1], [2, 3, 4, 5]]
    assert x.to_native().offsets().dtype == torch.int64


# ---------------------------------------------------------------------- holes, and the ragged dimension elsewhere


def test_holes():
    values = torch.arange(24.0, dtype=torch.float64, requires_grad=True)
    nt = torch.nested.narrow(
        values.reshape(3, 8), 1, torch.tensor([0, 1, 2]), torch.tensor([3, 0, 4]), layout=torch.jagged
    )
    assert nt.lengths() is not None
    x = ragged.from_native(nt)
    assert x.to_list() == lists(nt) == [[0, 1, 2], [], [18, 19, 20, 21]]
    assert ragged.from_native(nt).layout.rows is x.layout.rows
    ragged.sum(x * x).backward()
    expected = torch.zeros(24, dtype=torch.float64)
    expected[[0, 1, 2, 18, 19, 20, 21]] = 2 * torch.tensor([0.0, 1, 2, 18, 19, 20, 21], dtype=torch.float64)
    torch.testing.assert_close(values.grad, expected)


def test_lengths_that_leave_no_holes_share_the_memory():
    values = torch.randn(7)
    x = ragged.from_native(jagged(values, lengths=torch.tensor([2, 0, 4, 1])))
    assert x.layout.content.data.data_ptr() == values.data_ptr()
    assert ragged.to_list(ragged.num(x)) == [2, 0, 4, 1]


def test_holes_of_overlapping_rows():
    x = ragged.from_native(jagged(torch.arange(7.0), [0, 1, 2, 3, 7], lengths=torch.tensor([3, 3, 0, 2])))
    assert x.to_list() == [[0, 1, 2], [1, 2, 3], [], [3, 4]]


@pytest.mark.parametrize("inner", [(2,), (2, 3), (1,)])
@pytest.mark.parametrize("trailing", [(), (2,)])
def test_ragged_dimension_behind_regular_ones(inner, trailing):
    values = torch.randn(*inner, 7, *trailing, dtype=torch.float64, requires_grad=True)
    nt = jagged(values, jagged_dim=len(inner) + 1)
    x = ragged.from_native(nt)
    assert x.typestr == " * ".join(["4", *map(str, inner), "var", *map(str, trailing), "float64"])
    assert x.to_list() == lists(nt)
    back = x.to_native()
    assert back.offsets() is x.to_native().offsets()
    assert rows_below(ragged.from_native(back).layout) is rows_below(x.layout)
    assert back._ragged_idx == len(inner) + 1
    torch.testing.assert_close(back.values(), values)
    (back.values() * weights(values)).sum().backward()
    torch.testing.assert_close(values.grad, weights(values))


def rows_below(node):
    return node.rows if isinstance(node, ragged.nodes.Lists) else rows_below(node.content)


def test_behind_a_regular_dimension_of_nothing():
    x = ragged.from_native(jagged(torch.zeros(0, 7), jagged_dim=2))
    assert x.typestr == "4 * 0 * var * float32"
    assert x.to_native().shape[:2] == (4, 0)


def test_transposed():
    values = torch.randn(7, 3)
    nt = jagged(values).transpose(1, 2)
    assert ragged.from_native(nt).to_list() == lists(nt)
    again = nt.transpose(1, 2)
    assert ragged.from_native(again).layout.content.data.data_ptr() == values.data_ptr()


def test_behind_a_regular_dimension_with_holes():
    values = torch.randn(2, 8)
    nt = jagged(values, [0, 3, 6, 8], lengths=torch.tensor([2, 3, 0]), jagged_dim=2)
    x = ragged.from_native(nt)
    assert x.to_list() == [
        [values[0, :2].tolist(), values[1, :2].tolist()],
        [values[0, 3:6].tolist(), values[1, 3:6].tolist()],
        [[], []],
    ]


def test_lists_of_different_lengths_behind_a_regular_dimension_are_refused():
    x = ragged.to_regular(ragged.Array([[[1.0], [2.0, 3.0]], [[], []]], backend="torch"))
    with pytest.raises(ragged.UnsupportedError, match=r"different lengths within entry 0.*axis=2"):
        x.to_native()


# ---------------------------------------------------------------------- malformed


@pytest.mark.parametrize(
    ("offsets", "message"),
    [
        ([1, 3, 6], "start at 0"),
        ([0, 4, 2], "row 1 goes from 4 back to 2"),
        ([0, 2, 9], "row 1 ends at 9"),
        ([-1, 2, 6], "negative"),
    ],
)
@pytest.mark.parametrize("jagged_dim", [1, 2])
def test_malformed_offsets(offsets, message, jagged_dim):
    values = torch.arange(6.0) if jagged_dim == 1 else torch.arange(12.0).reshape(2, 6)
    nt = jagged(values, offsets, jagged_dim=jagged_dim)
    with pytest.raises(ragged.StructureError, match=message):
        ragged.from_native(nt)


def test_offsets_that_fit_one_tensor_and_overrun_another():
    offsets = torch.tensor([0, 2, 6])
    x = ragged.from_native(torch.nested.nested_tensor_from_jagged(torch.arange(6.0), offsets))
    with pytest.raises(ragged.StructureError, match="row 1 ends at 6"):
        ragged.from_native(torch.nested.nested_tensor_from_jagged(torch.arange(5.0), offsets))
    assert len(x) == 2


@pytest.mark.parametrize(
    ("offsets", "lengths", "message"),
    [([0, 2, 6], [3, -1], "negative; row 1"), ([0, 4, 6], [1, 3], "row 1 .* 4:7"), ([-1, 4, 6], [1, 1], "row 0")],
)
def test_malformed_lengths(offsets, lengths, message):
    with pytest.raises(ragged.StructureError, match=message):
        ragged.from_native(jagged(torch.arange(6.0), offsets, lengths=torch.tensor(lengths)))


# ---------------------------------------------------------------------- strided


def strided(*shapes, **options):
    return torch.nested.nested_tensor([torch.randn(shape) for shape in shapes], **options)


@pytest.mark.parametrize(
    ("shapes", "kind"),
    [
        (((2,), (0,), (3,)), "3 * var"),
        (((2, 3), (4, 3)), "2 * var * 3"),
        (((2, 3), (4, 1)), "2 * var * var"),
        (((3, 2), (3, 4)), "2 * 3 * var"),
        (((3, 2, 4), (3, 5, 6), (3, 0, 1)), "3 * 3 * var * var"),
        (((1, 2, 5), (2, 3, 5)), "2 * var * var * 5"),
        (((2, 3), (2, 3)), "2 * var * 3"),
        (((0, 3), (2, 3)), "2 * var * 3"),
        (((2, 3),), "1 * var * 3"),
        (((), ()), "2"),
    ],
)
def test_strided_shares_its_buffer(shapes, kind):
    nt = strided(*shapes)
    x = ragged.from_native(nt)
    assert x.typestr == f"{kind} * float32"
    assert x.to_list() == lists(nt)
    (data,) = torch.utils._pytree.tree_leaves(x)
    assert data.data_ptr() == nt.values().data_ptr()
    if shapes[0]:
        back = ragged_torch.to_nested(x, layout=torch.strided)
        assert back.layout == torch.strided
        assert lists(back) == lists(nt)
        assert back.values().data_ptr() == data.data_ptr()


def test_no_rows_strided():
    assert ragged.from_native(torch.nested.nested_tensor([])).typestr == "0 * float32"


@pytest.mark.parametrize("view", [lambda nt: nt.transpose(1, 2), lambda nt: nt.chunk(3, dim=-1)[1]])
def test_views_of_strided(view):
    nt = view(torch.nested.nested_tensor([torch.randn(2, 3), torch.randn(4, 3)]))
    assert not nt.is_contiguous()
    assert ragged.from_native(nt).to_list() == lists(nt)


def test_gradients_through_a_view_of_strided():
    values = [torch.randn(2, 3, requires_grad=True), torch.randn(4, 3, requires_grad=True)]
    nt = torch.nested.as_nested_tensor(values).transpose(1, 2)
    x = ragged.from_native(nt)
    ours = torch.autograd.grad(ragged.sum(x**3), values, retain_graph=True)
    theirs = torch.autograd.grad(sum((each**3).sum() for each in nt.unbind()), values)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other)


def test_gradients_through_strided():
    values = [torch.randn(2, 3, requires_grad=True), torch.randn(4, 1, requires_grad=True)]
    x = ragged.from_native(torch.nested.as_nested_tensor(values)) ** 2

    back = ragged_torch.to_nested(x, layout=torch.strided)
    sum((each * weights(each)).sum() for each in back.unbind()).backward()
    for each in values:
        torch.testing.assert_close(each.grad, 2 * each.detach() * weights(each))


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ([[[1.0], [2.0, 3.0]], [[]]], "different lengths within entry 0 .at axis=2"),
        ([[1.0, None]], "missing values .at axis=1"),
        ([{"a": 1.0}], "records .at axis=0"),
        ([["a"]], "text .at axis=1"),
        ([1.0], "no lists at all"),
    ],
)
def test_what_strided_cannot_hold(x, message):
    with pytest.raises(ragged.UnsupportedError, match=message):
        ragged_torch.to_nested(ragged.Array(x, backend="torch"), layout=torch.strided)


def test_other_layouts_are_refused():
    with pytest.raises(ragged.UnsupportedError, match="sparse_coo"):
        ragged_torch.to_nested(ragged.Array([[1.0]]), layout=torch.sparse_coo)


# ---------------------------------------------------------------------- what the jagged layout cannot hold


@pytest.mark.parametrize(
    ("x", "message", "way_out"),
    [
        ([[[1.0], []], []], r"second ragged axis \(at axis=2\)", "flatten"),
        ([[1.0, None], []], r"missing values \(at axis=1\)", "fill_none"),
        ([[1.0], None], r"missing values \(at axis=0\)", "drop_none"),
        ([{"a": [1.0], "b": 1}], r"records \(at axis=0\)", r"x\['name'\]"),
        ([[{"a": 1.0}]], r"records \(at axis=1\)", r"x\['name'\]"),
        (["ab", "c"], r"text \(at axis=0\)", "numbers"),
        ([["ab", "c"]], r"text \(at axis=1\)", "numbers"),
        ([[], []], r"lists of unknown type \(at axis=1\)", "values_astype"),
        ([[[1.0, None], []], []], r"second ragged axis \(at axis=2\)", "flatten"),  # the first of two
        ([[None, [1.0, None]], None], r"missing values \(at axis=0\)", "fill_none"),
    ],
)
def test_the_first_obstacle_is_named(x, message, way_out):
    with pytest.raises(ragged.UnsupportedError, match=f"{message}.*{way_out}"):
        ragged.Array(x, backend="torch").to_native()


def test_dense_arrays_are_tensors():
    data = torch.randn(3, 2)
    assert ragged.Array(data).to_native() is data


# ---------------------------------------------------------------------- nested tensors as operands


def test_operands():
    nt = jagged(torch.arange(7.0))
    x = ragged.from_native(nt)
    assert ragged.to_list(ragged.sum(nt, axis=1)) == [1, 0, 14, 6]
    assert ragged.to_list(x + nt) == ragged.to_list(x + x)
    assert ragged.Array([nt, nt]).to_list() == [lists(nt), lists(nt)]
    assert ragged.Array({"a": nt, "b": nt}).b.to_list() == lists(nt)


def test_transforms_take_nested_tensors():
    nt = jagged(torch.arange(7.0))
    gradient = ragged.grad(lambda x: ragged.sum(x**2))(nt)
    assert gradient.to_list() == [[0, 2], [], [4, 6, 8, 10], [12]]
    with ragged.use("numpy"):
        assert ragged.backend(ragged.Array(nt)) == "numpy"


def test_context_moves_them():
    nt = jagged(torch.arange(7.0))
    with ragged.use("numpy"):
        x = ragged.from_native(nt)
    assert ragged.backend(x) == "numpy"
    assert x.to_list() == lists(nt)


@pytest.mark.parametrize("name", ["numpy", "jax"])
def test_operations_leave_an_operand_where_it_is(name):
    if name not in ragged.available():
        pytest.skip(f"{name} is not installed")
    values = torch.ones(7, requires_grad=True)
    x = ragged.from_native(jagged(values))
    with ragged.use(name):
        y = x * jagged(values)
    assert ragged.backend(y) == "torch"
    ragged.sum(y).backward()
    assert values.grad.tolist() == [2] * 7


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta state:UserWarning")
@pytest.mark.parametrize("make", [torch.Tensor.to_sparse, torch.Tensor.to_sparse_csr])
def test_sparse_tensors_are_refused(make):
    with pytest.raises(ragged.UnsupportedError, match="to_dense"):
        ragged.Array(make(torch.eye(2)))


# ---------------------------------------------------------------------- lists of tensors, padding, row ids


def test_lists_of_tensors_keep_the_graph():
    tensors = [torch.randn(n, 2, dtype=torch.float64, requires_grad=True) for n in (2, 0, 3)]
    x = ragged.from_native(tensors)
    assert x.typestr == "3 * var * 2 * float64"
    ragged.sum(x**2).backward()
    for each in tensors:
        torch.testing.assert_close(each.grad, 2 * each.detach())
    assert ragged.Array(tensors).to_list() == [each.tolist() for each in tensors]


def test_padded_and_mask():
    dense = torch.arange(12.0, dtype=torch.float64).reshape(3, 4).requires_grad_()
    mask = torch.tensor([[1, 1, 0, 0], [0, 0, 0, 0], [1, 0, 1, 1]], dtype=torch.bool)
    x = ragged.from_padded(dense, mask=mask)
    assert x.to_list() == [[0, 1], [], [8, 10, 11]]
    again, back = x.to_padded(fill=-1.0)
    assert isinstance(again, torch.Tensor)
    assert back.tolist() == [[True, True, False], [False] * 3, [True] * 3]
    (again * weights(again)).sum().backward()
    expected = torch.zeros(3, 4, dtype=torch.float64)
    expected[mask] = weights(again)[back]
    torch.testing.assert_close(dense.grad, expected)


def test_row_ids():
    values = torch.randn(4, requires_grad=True)
    x = ragged.from_row_ids(values, torch.tensor([0, 0, 2, 2]), nrows=4)
    assert ragged.num(x).tolist() == [2, 0, 2, 0]
    assert x.layout.content.data is values
    ragged.sum(ragged.sum(x, axis=1) ** 2).backward()
    sums = values.detach().reshape(2, 2).sum(1).repeat_interleave(2)
    torch.testing.assert_close(values.grad, 2 * sums)


# ---------------------------------------------------------------------- packed sequences


@pytest.mark.parametrize("lengths", [(2, 4, 1), (3, 3, 3), (1,), (4, 2, 2, 1), (1, 2, 5, 2, 5)])
@pytest.mark.parametrize("trailing", [(), (3,)])
def test_packed_sequences(lengths, trailing):
    rows = [torch.randn(n, *trailing, requires_grad=True) for n in lengths]
    packed = torch.nn.utils.rnn.pack_sequence(rows, enforce_sorted=False)
    x = ragged.from_native(packed)
    assert x.to_list() == [row.tolist() for row in rows]
    back = ragged_torch.to_packed_sequence(x)
    for one, other in zip(back, packed, strict=True):
        assert torch.equal(one, other)
    ours = torch.autograd.grad((back.data * weights(packed.data)).sum(), rows, retain_graph=True)
    theirs = torch.autograd.grad((packed.data * weights(packed.data)).sum(), rows)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other)


def test_packed_sequences_that_were_sorted():
    rows = [torch.randn(n) for n in (4, 2, 2)]
    packed = torch.nn.utils.rnn.pack_sequence(rows)
    assert packed.sorted_indices is None
    assert ragged.Array(packed).to_list() == [row.tolist() for row in rows]


def test_recurrent_network():
    torch.manual_seed(0)
    network = torch.nn.GRU(2, 3)
    x = ragged.Array([torch.randn(n, 2) for n in (2, 5, 1)])
    out, _ = network(ragged_torch.to_packed_sequence(x))
    y = ragged.from_native(out)
    for i in range(3):
        torch.testing.assert_close(y[i].to_native(), network(x[i].to_native())[0])


@pytest.mark.parametrize("x", [[[1.0], []], []])
def test_packed_sequences_hold_no_empty_rows(x):
    x = ragged.values_astype(ragged.Array(x, backend="torch"), "float64", including_unknown=True)
    with pytest.raises(ragged.UnsupportedError, match="at least one entry"):
        ragged_torch.to_packed_sequence(ragged.unflatten(x, [0]) if not len(x) else x)


def test_malformed_packed_sequences():
    data = torch.arange(3.0)
    for sizes, message in [([2, 2], "add up"), ([1, 2], "never grow"), ([3, 0], "positive")]:
        with pytest.raises(ragged.StructureError, match=message):
            ragged.from_native(torch.nn.utils.rnn.PackedSequence(data, torch.tensor(sizes)))
    order = torch.tensor([0, 0])
    packed = torch.nn.utils.rnn.PackedSequence(data, torch.tensor([2, 1]), order, order)
    with pytest.raises(ragged.StructureError, match="no order"):
        ragged.from_native(packed)


def test_other_backends_have_their_own():
    x = ragged.Array([[1.0], []])
    assert x.to_backend("torch").to_native().is_nested
    assert ragged_torch.to_nested(x).is_nested  # NumPy joins
    assert np.array_equal(ragged_torch.to_nested(x).values().numpy(), [1.0])


def test_inference_mode():
    with torch.inference_mode():
        nt = jagged(torch.arange(7.0))
        x = ragged.from_native(nt)
        assert ragged.from_native(nt).layout.rows is x.layout.rows
        assert lists(x.to_native()) == lists(nt)
    assert ragged.to_list(ragged.sum(x, axis=1)) == [1, 0, 14, 6]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_a_gpu():
    values = torch.randn(7, 3, device="cuda", requires_grad=True)
    offsets = torch.tensor(OFFSETS, device="cuda")
    nt = torch.nested.nested_tensor_from_jagged(values, offsets)
    x = ragged.from_native(nt)
    assert x.layout.rows.offsets is nt.offsets()
    assert ragged.softmax(x @ x.mT, axis=-1).layout.content.content.data.device == values.device
    assert lists(ragged.from_native(nt.transpose(1, 2)).to_native()) == lists(nt.transpose(1, 2))
    packed = ragged_torch.to_packed_sequence(x[[0, 2, 3]])
    assert ragged.from_native(packed).to_list() == x[[0, 2, 3]].to_list()
    strided = ragged_torch.to_nested(x, layout=torch.strided)
    assert ragged.from_native(strided).to_list() == x.to_list()
    ragged.sum(x.to("cpu") ** 2).backward()
    torch.testing.assert_close(values.grad, 2 * values.detach())
