"""The full softmax against torch's linear and cross entropy."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from gatewise.errors import SettingError, ShapeError
from gatewise.layers import score_tiles
from gatewise.layers.output import FullSoftmax
from gatewise.layers.softmax import cross_entropy, log_prob_of
from tolerance import tolerance


def problem(tokens, width, vocabulary, dtype=torch.float32, bias=True):
    features = torch.randn(tokens, width, dtype=dtype)
    weight = torch.randn(vocabulary, width, dtype=dtype)
    shift = torch.randn(vocabulary, dtype=dtype) if bias else None
    leaves = [tensor.requires_grad_() for tensor in (features, weight, shift) if tensor is not None]
    return features, weight, shift, torch.randint(vocabulary, (tokens,)), leaves


def plain(features, weight, bias, targets):
    return functional.cross_entropy(functional.linear(features, weight, bias), targets, reduction="sum")


@pytest.fixture
def small_tiles(monkeypatch):
    """Tiles of three columns, so that small problems have many and a last one of another size."""
    monkeypatch.setattr(score_tiles, "TILE", 3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("tokens", "vocabulary", "chunk"), [(1, 1, None), (7, 10, 1), (7, 10, 3), (7, 2, None), (9, 1030, 4), (5, 3, 100)]
)
def test_equals_torch(dtype, bias, tokens, vocabulary, chunk):
    *inputs, leaves = problem(tokens, 6, vocabulary, dtype, bias)
    loss = cross_entropy(*inputs, chunk=chunk)
    expected = plain(*inputs)
    bounds = tolerance(dtype, tokens)
    torch.testing.assert_close(loss, expected, **bounds)
    for ours, theirs in zip(torch.autograd.grad(loss, leaves), torch.autograd.grad(expected, leaves), strict=True):
        torch.testing.assert_close(ours, theirs, **bounds)


@pytest.mark.parametrize("factor", [0.25, -3.0])
def test_incoming_gradient_scales(factor, small_tiles):
    *inputs, leaves = problem(5, 4, 10, torch.float64)
    ours = torch.autograd.grad((factor * cross_entropy(*inputs, chunk=2)).tanh(), leaves)
    theirs = torch.autograd.grad((factor * plain(*inputs)).tanh(), leaves)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, **tolerance(torch.float64, 5))


def test_gradcheck(small_tiles):
    *_, targets, leaves = problem(5, 4, 10, torch.float64)
    assert torch.autograd.gradcheck(lambda h, w, b: cross_entropy(h, w, b, targets, chunk=2), leaves)


def test_backward_twice_gives_the_same_and_a_second_derivative_is_refused():
    *inputs, leaves = problem(5, 4, 10)
    loss = cross_entropy(*inputs)
    first = torch.autograd.grad(loss, leaves, retain_graph=True)
    second = torch.autograd.grad(loss, leaves, retain_graph=True)
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))
    with pytest.raises(ShapeError, match="no second derivative"):
        torch.autograd.grad(loss, leaves[0], create_graph=True)


@pytest.mark.parametrize("frozen", [0, 1, 2])
def test_frozen_operands_have_no_gradient(frozen):
    *inputs, leaves = problem(5, 4, 10)
    leaves[frozen].requires_grad_(False)
    cross_entropy(*inputs).backward()
    assert [leaf.grad is None for leaf in leaves] == [index == frozen for index in range(3)]


def test_without_gradients_the_loss_is_the_same(small_tiles):
    *inputs, _ = problem(7, 4, 10)
    expected = cross_entropy(*inputs, chunk=2)
    with torch.no_grad():
        found = cross_entropy(*inputs, chunk=2)
    assert expected.requires_grad
    assert not found.requires_grad
    torch.testing.assert_close(found, expected.detach(), **tolerance(torch.float32, 7))


def test_no_tokens():
    *inputs, leaves = problem(0, 4, 10)
    loss = cross_entropy(*inputs)
    assert loss.item() == 0
    assert [gradient.abs().sum().item() for gradient in torch.autograd.grad(loss, leaves)] == [0, 0, 0]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast(dtype, small_tiles):
    *inputs, leaves = problem(6, 4, 10)
    with torch.autocast("cpu", dtype):
        loss = cross_entropy(*inputs, chunk=4)
    expected = plain(*inputs)
    # float16 is computed in float32; bfloat16 rounds scores of about 4, hence the length.
    bounds = tolerance(torch.float32, 6) if dtype == torch.float16 else tolerance(torch.bfloat16)
    torch.testing.assert_close(loss, expected, **bounds)
    for ours, theirs in zip(torch.autograd.grad(loss, leaves), torch.autograd.grad(expected, leaves), strict=True):
        assert ours.dtype == torch.float32
        torch.testing.assert_close(ours, theirs, **bounds)


def test_autocast_runs_its_products_in_bfloat16():
    *inputs, _ = problem(300, 40, 50)
    with torch.autocast("cpu", torch.bfloat16):
        found = log_prob_of(*inputs)
    rough = log_prob_of(*(tensor.bfloat16() for tensor in inputs[:3]), inputs[3])
    torch.testing.assert_close(found, rough, **tolerance(torch.float32))
    assert found.dtype == torch.float32
    assert not torch.equal(found, log_prob_of(*inputs))


def test_the_only_token_is_certain_however_the_scores_are_rounded():
    features, weight, bias, _, _ = problem(20, 40, 1)
    with torch.autocast("cpu", torch.bfloat16):
        assert log_prob_of(features, weight, bias, torch.zeros(20, dtype=torch.int64)).tolist() == [0.0] * 20


def test_parameters_in_bfloat16():
    *inputs, leaves = problem(6, 4, 10, torch.bfloat16)
    loss = cross_entropy(*inputs)
    gradients = torch.autograd.grad(loss, leaves)
    assert loss.dtype == torch.float32
    assert {gradient.dtype for gradient in gradients} == {torch.bfloat16}
    exact = [None if tensor is None else tensor.detach().float() for tensor in inputs[:3]]
    torch.testing.assert_close(loss, plain(*exact, inputs[3]), **tolerance(torch.bfloat16))


@pytest.mark.parametrize("size", [1e4, 1e30])
def test_extreme_scores_stay_exact(size):
    weight = torch.tensor([[1.0], [-1.0], [0.0]], requires_grad=True)
    features = torch.tensor([[size], [size]], requires_grad=True)
    loss = cross_entropy(features, weight, None, torch.tensor([0, 2]))
    assert loss.item() == torch.tensor(size).item()
    loss.backward()
    assert features.grad.tolist() == [[0.0], [1.0]]
    assert torch.isfinite(weight.grad).all()


def test_nan_is_not_hidden():
    *inputs, _ = problem(3, 4, 10)
    inputs[0].data[1, 1] = torch.nan
    assert cross_entropy(*inputs).isnan()


class LargestTensor(TorchDispatchMode):
    """Remembers how many numbers the largest tensor held that any operation returned."""

    largest = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, tuple | list) else [result]:
            if isinstance(tensor, torch.Tensor):
                self.largest = max(self.largest, tensor.untyped_storage().nbytes() // tensor.element_size())
        return result


def test_the_whole_matrix_of_scores_never_stands_in_memory():
    *inputs, _ = problem(64, 2, 3000)
    with LargestTensor() as seen:
        cross_entropy(*inputs, chunk=8).backward()
    assert seen.largest == 8 * 3000
    with LargestTensor() as seen:
        plain(*inputs).backward()
    assert seen.largest == 64 * 3000


def test_chosen_chunk_is_bounded():
    vocabulary = 2**20
    weight = torch.empty(vocabulary, 1)
    cut = score_tiles.Problem.of(torch.empty(5000, 1), weight, None, torch.zeros(5000), kind=torch.float32, chunk=None)
    assert cut.rows == score_tiles.LEAST_ROWS
    sizes = [rows.stop - rows.start for rows in cut.chunks()]
    assert sum(sizes) == 5000
    assert max(sizes) - min(sizes) <= 1


def test_module_answers_agree():
    output = FullSoftmax(4, 10, chunk=3)
    nn.init.normal_(output.bias)
    features, targets = torch.randn(7, 4), torch.randint(10, (7,))
    table = output.log_probs(features)
    expected = table.gather(1, targets[:, None]).squeeze(1)
    bounds = tolerance(torch.float32, 4)
    torch.testing.assert_close(table.exp().sum(1), torch.ones(7), **bounds)
    torch.testing.assert_close(output.log_prob_of(features, targets), expected.detach(), **bounds)
    torch.testing.assert_close(output.loss(features, targets), -expected.sum(), **bounds)
    assert not output.log_prob_of(features, targets).requires_grad


def test_tied_weight_collects_both_gradients():
    embedding = nn.Embedding(10, 4)
    output = FullSoftmax(4, 10, tied_to=embedding, bias=False)
    ids, targets = torch.tensor([1, 1, 5]), torch.tensor([2, 9, 1])
    output.loss(embedding(ids).tanh(), targets).backward()
    found, embedding.weight.grad = embedding.weight.grad, None
    plain(embedding(ids).tanh(), embedding.weight, None, targets).backward()
    torch.testing.assert_close(found, embedding.weight.grad, **tolerance(torch.float32, 3))


def test_tied_weight_has_one_owner():
    model = nn.ModuleDict({"embedding": nn.Embedding(10, 4)})
    model["output"] = FullSoftmax(4, 10, tied_to=model["embedding"])
    assert set(model.state_dict()) == {"embedding.weight", "output.bias"}
    twin = copy.deepcopy(model).double()
    assert twin["output"].matrix is twin["embedding"].weight
    assert twin["output"].matrix is not model["output"].matrix
    assert repr(model["output"]) == "FullSoftmax(4, 10, tied)"


def tied():
    """An embedding with an output layer tied to it."""
    model = nn.ModuleDict({"embedding": nn.Embedding(10, 4)})
    model["output"] = FullSoftmax(4, 10, tied_to=model["embedding"])
    return model


def test_the_tie_does_not_break_when_tensors_are_assigned():
    model = tied()
    model.load_state_dict({name: tensor + 1 for name, tensor in model.state_dict().items()}, assign=True)
    assert model["output"].matrix is model["embedding"].weight


def test_the_tie_does_not_break_when_a_model_leaves_the_meta_device():
    with torch.device("meta"):
        model = tied()
    model.to_empty(device="cpu")
    assert model["output"].matrix is model["embedding"].weight


def test_the_tie_does_not_break_in_a_functional_call():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = tied()

        def forward(self, features, targets):
            return self.parts["output"].loss(features, targets)

    model, features, targets = Model(), torch.randn(3, 4), torch.tensor([1, 2, 9])
    given = torch.randn(10, 4)
    found = torch.func.functional_call(model, {"parts.embedding.weight": given}, (features, targets))
    expected = plain(features, given, torch.zeros(10), targets)
    torch.testing.assert_close(found, expected, **tolerance(torch.float32, 4))


@pytest.mark.parametrize(("target", "message"), [(10, "a target is 10"), (-1, "a target is -1")])
def test_target_outside(target, message):
    features, weight, bias, targets, _ = problem(3, 4, 10)
    targets[1] = target
    for function in (cross_entropy, log_prob_of):
        with pytest.raises(ShapeError, match=message):
            function(features, weight, bias, targets)


def test_what_does_not_fit_is_refused():
    features, weight, bias, targets, _ = problem(3, 4, 10)
    with pytest.raises(ShapeError, match=r"features are \[3, 5\], expected \[N, 4\]"):
        cross_entropy(torch.zeros(3, 5), weight, bias, targets)
    with pytest.raises(ShapeError, match=r"targets are torch.int32 \[3\]"):
        cross_entropy(features, weight, bias, targets.int())
    with pytest.raises(ShapeError, match=r"targets are torch.int64 \[2\], expected torch.int64 \[3\]"):
        cross_entropy(features, weight, bias, targets[:2])
    with pytest.raises(ShapeError, match=r"bias is \[9\]"):
        cross_entropy(features, weight, bias[:9], targets)
    with pytest.raises(ShapeError, match=r"features are torch\.float64"):
        cross_entropy(features.double(), weight, bias, targets)
    with pytest.raises(ShapeError, match="chunk must be at least 1"):
        cross_entropy(features, weight, bias, targets, chunk=0)


def test_arguments_of_the_module_are_refused():
    with pytest.raises(SettingError, match=r"tied weight is \[10, 4\], expected \[11, 4\]"):
        FullSoftmax(4, 11, tied_to=nn.Embedding(10, 4))
    with pytest.raises(SettingError, match="tied_to is expected as a module with a weight, but Dropout came"):
        FullSoftmax(4, 11, tied_to=nn.Dropout())
    with pytest.raises(SettingError, match="chunk must be a whole number of at least 1"):
        FullSoftmax(4, 10, chunk=0)
