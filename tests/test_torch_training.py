"""Training in PyTorch on ragged arrays, against the same model on padded and masked tensors."""

from __future__ import annotations

import copy
import time

import pytest

import ragged

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch import nn  # noqa: E402

import ragged_torch  # noqa: E402

WIDTH = 8
LENGTHS = [5, 1, 0, 7, 3, 5]


class Block(nn.Module):
    """The parameters of an attention block; `forward` is for arrays."""

    def __init__(self):
        super().__init__()
        self.norm, self.second = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.query, self.key, self.value, self.out = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.feed = nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH))

    def forward(self, x):
        h = ragged_torch.apply(self.norm, x)
        q, k, v = (ragged_torch.apply(each, h) for each in (self.query, self.key, self.value))
        weights = ragged.softmax(q @ k.mT / WIDTH**0.5, axis=-1)
        x = x + ragged_torch.apply(self.out, weights @ v)
        return x + ragged_torch.apply(nn.Sequential(self.second, self.feed), x)


class Padded(Block):
    """The same block on a dense tensor, whose padding takes no part."""

    def forward(self, x, mask):
        h = self.norm(x)
        q, k, v = self.query(h), self.key(h), self.value(h)
        scores = q @ k.mT / WIDTH**0.5
        weights = torch.softmax(scores.masked_fill(~mask[:, None, :], -1e30), dim=-1)
        x = x + self.out(weights @ v)
        return x + self.feed(self.second(x))


def data():
    generator = torch.Generator().manual_seed(1)
    x = [torch.randn(n, WIDTH, generator=generator, dtype=torch.float64) for n in LENGTHS]
    target = torch.randn(len(LENGTHS), WIDTH, generator=generator, dtype=torch.float64)
    return x, target


def test_three_steps_equal_the_padded_reference():
    torch.manual_seed(0)
    reference = Padded().double()
    model = Block().double()
    model.load_state_dict(copy.deepcopy(reference.state_dict()))
    rows, target = data()
    x = ragged.Array(rows)
    dense = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=float("nan")).nan_to_num(7.0)
    mask = torch.arange(dense.shape[1]) < torch.tensor(LENGTHS)[:, None]
    optimizers = [torch.optim.Adam(each.parameters(), lr=0.01) for each in (model, reference)]
    losses = []
    for _ in range(3):
        for optimizer in optimizers:
            optimizer.zero_grad()
        ours = ragged.sum((ragged.sum(model(x), axis=1) - target) ** 2)
        theirs = (((reference(dense, mask) * mask[..., None]).sum(1) - target) ** 2).sum()
        ours.backward()
        theirs.backward()
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=0)
        for (name, one), other in zip(model.named_parameters(), reference.parameters(), strict=True):
            torch.testing.assert_close(
                one.grad, other.grad, rtol=1e-6, atol=1e-12, msg=lambda m, name=name: f"{name}: {m}"
            )
        for optimizer in optimizers:
            optimizer.step()
        losses.append(ours.item())
    assert losses[0] > losses[1] > losses[2]


def test_a_batch_of_nested_tensors_trains_the_same():
    torch.manual_seed(0)
    model = Block().double()
    rows, target = data()
    nt = torch.nested.nested_tensor(rows, layout=torch.jagged)
    losses = [ragged.sum((ragged.sum(model(x), axis=1) - target) ** 2) for x in (ragged.Array(rows), ragged.Array(nt))]
    assert losses[0] == losses[1]
    out = model(ragged.from_native(nt)).to_native()
    assert out.shape == nt.shape
    out.values().sum().backward()
    assert all(each.grad is not None for each in model.parameters())


class Points(torch.utils.data.Dataset):
    """Clouds of points on a sphere whose radius is the target."""

    def __len__(self):
        return 64

    def __getitem__(self, i):
        generator = torch.Generator().manual_seed(i)
        n, radius = int(torch.randint(1, 20, (1,), generator=generator)), float(torch.rand(1, generator=generator))
        points = torch.randn(n, 3, generator=generator)
        return {"points": radius * points / points.norm(dim=1, keepdim=True), "radius": radius}


class Pool(nn.Module):
    """A network of each point, the mean over the cloud, a network of that."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 16))
        self.outer = nn.Linear(16, 1)

    def forward(self, x):
        return self.outer(ragged.mean(ragged_torch.apply(self.inner, x), axis=1).to_native().float())[:, 0]


def test_a_loader_a_module_and_an_optimizer():
    torch.manual_seed(0)
    loader = torch.utils.data.DataLoader(Points(), batch_size=16, collate_fn=ragged_torch.collate)
    model = Pool()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    losses = []
    for _ in range(8):
        for batch in loader:
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(batch["points"]), batch["radius"].float())
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert sum(losses[-4:]) < 0.3 * sum(losses[:4])


class Table(nn.Module):
    """A ragged parameter: its content is the parameter, its offsets a buffer."""

    def __init__(self, x):
        super().__init__()
        self.content = nn.Parameter(ragged.flatten(x).to_native())
        self.register_buffer("offsets", x.layout.rows.offsets)

    def forward(self):
        return ragged.from_offsets(self.content, self.offsets)


def test_a_ragged_parameter():
    table = Table(ragged.Array([[1.0, 2.0], [], [3.0]], backend="torch"))
    ragged.sum(table() ** 2).backward()
    assert ragged.from_offsets(table.content.grad, table.offsets).to_list() == [[2, 4], [], [6]]
    assert ragged_torch.gradient(table()).to_list() == [[2, 4], [], [6]]
    assert set(table.state_dict()) == {"content", "offsets"}
    assert copy.deepcopy(table)().to_list() == [[1, 2], [], [3]]
    assert table.to(torch.float32)().typestr == "3 * var * float32"


def test_modules_of_elements():
    x = ragged.Array([[1, 0], [], [2]], backend="torch")
    y = ragged_torch.apply(nn.Embedding(3, 4), x)
    assert y.typestr == "3 * var * 4 * float32"
    deep = ragged.Array([[[1.0, 2.0], []], []], backend="torch")
    assert ragged_torch.apply(torch.square, deep).to_list() == [[[1, 4], []], []]
    assert ragged_torch.apply(torch.square, ragged.Array([[3.0], []])).to_list() == [[9], []]  # NumPy joins
    regular = ragged.to_regular(ragged.Array([[[1.0], [2.0, 3.0]]], backend="torch"))
    assert ragged_torch.apply(torch.square, regular).to_list() == [[[1], [4, 9]]]
    with pytest.raises(ragged.StructureError, match="keep the first axis"):
        ragged_torch.apply(lambda t: t[:1], x)
    for bad, message in [([[1.0, None]], "missing values"), ([{"a": 1.0}], "records"), (["a"], "text")]:
        with pytest.raises(ragged.UnsupportedError, match=message):
            ragged_torch.apply(torch.square, ragged.Array(bad, backend="torch"))


def test_nothing_is_padded():
    """A million rows and one more, which is a million long: padded, they would be 4 TB."""
    n = 1_000_000
    lengths = torch.ones(n + 1, dtype=torch.int64)
    lengths[n // 2] = n
    content = torch.randn(2 * n, requires_grad=True)
    begin = time.perf_counter()
    x = ragged.from_lengths(content, lengths)
    y = ragged.softmax(x, axis=1)
    weights = torch.randn(2 * n)
    ragged.sum(y * ragged.from_lengths(weights, lengths)).backward()
    assert time.perf_counter() - begin < 30
    row = content.detach()[n // 2 : n // 2 + n].requires_grad_()
    expected = torch.softmax(row, 0)
    torch.testing.assert_close(y[n // 2].to_native().detach(), expected.detach(), rtol=1e-4, atol=1e-12)
    (expected * weights[n // 2 : n // 2 + n]).sum().backward()
    torch.testing.assert_close(content.grad[n // 2 : n // 2 + n], row.grad, rtol=1e-3, atol=1e-10)
    assert not content.grad[: n // 2].any()
    assert not content.grad[n // 2 + n :].any()
