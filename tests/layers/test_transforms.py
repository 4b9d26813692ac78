"""Layers under what torch does with a call beside computing it: right as torch's own layers are, or refused."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd import forward_ad
from torch.fx.experimental.proxy_tensor import make_fx
from torch.testing import assert_close

from gatewise import nn
from gatewise.errors import SettingError
from gatewise.layers.errors import InputError
from gatewise.scan import Packed, choose, run
from gatewise.scan.linear import linear, linear_without_graph
from gatewise.scan.transforms import FUNCTORCH, MODE, NONE
from layers.twins import KINDS, B, H, T, X, twins
from scan.problem import UNIFORM, problem
from tolerance import tolerance

# torch's own: of what it calls itself, of kernels it has not, and of tensors that its compiler looks at
pytestmark = [
    pytest.mark.filterwarnings("ignore:.torch.jit.* is deprecated"),
    pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN"),
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf Tensor"),
]
DOUBLE = tolerance(torch.float64, 4 * T)
LENGTHS = [2, 0, 5]
every_kind = pytest.mark.parametrize("kind", KINDS, ids=str)
both_dtypes = pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["double", "single"])


def inputs(count=2, dtype=torch.float64):
    return torch.randn(count, T, B, X, dtype=dtype)


def output_of(layer, **options):
    return lambda x: layer(x, **options)[0]


def cosine(layer):
    """A scalar of the output, of which no derivative is zero."""
    return lambda x: layer(x)[0].cos().sum()


@every_kind
def test_gradients_of_torch_func_are_torchs(kind):
    ours, theirs = twins(kind, dtype=torch.float64)
    (x,) = inputs(1)
    for transform in (torch.func.grad, torch.func.jacrev, torch.func.jacfwd, torch.func.hessian):
        assert_close(transform(cosine(ours))(x), transform(cosine(theirs))(x), **DOUBLE)
    assert ours.runner_used == "reference"


@every_kind
def test_vmap_is_one_call_after_another(kind):
    ours, theirs = twins(kind, dtype=torch.float64)
    xs = inputs(3)
    assert_close(torch.vmap(output_of(ours))(xs), torch.stack([theirs(x)[0] for x in xs]), **DOUBLE)
    ragged = output_of(ours, lengths=LENGTHS)
    assert_close(torch.vmap(ragged)(xs), torch.stack([ragged(x) for x in xs]), **DOUBLE)


def test_layers_side_by_side_run_as_one_by_vmap():
    layers = [nn.GRU(X, H, dtype=torch.float64) for _ in range(3)]
    parameters, buffers = torch.func.stack_module_state(layers)
    (x,) = inputs(1)

    def one(weights, rest):
        return torch.func.functional_call(layers[0], (weights, rest), (x,))[0]

    assert_close(torch.vmap(one)(parameters, buffers), torch.stack([layer(x)[0] for layer in layers]), **DOUBLE)


@every_kind
def test_forward_mode_gradients_are_those_of_the_backward_pass(kind):
    (ours, _), (x, direction) = twins(kind, dtype=torch.float64), inputs()
    with forward_ad.dual_level():
        tangent = forward_ad.unpack_dual(cosine(ours)(forward_ad.make_dual(x, direction))).tangent
    leaf = x.clone().requires_grad_()
    assert_close(tangent, (torch.autograd.grad(cosine(ours)(leaf), leaf)[0] * direction).sum(), **DOUBLE)


@every_kind
@both_dtypes
@pytest.mark.parametrize("options", [{}, {"lengths": LENGTHS}], ids=["padded", "ragged"])
def test_make_fx_takes_down_operations_and_no_constants(kind, dtype, options):
    ours, _ = twins(kind, dtype=dtype)
    x, other = inputs(dtype=dtype)
    traced = make_fx(output_of(ours, **options))(x)
    assert_close(traced(other), output_of(ours, **options)(other), **tolerance(dtype, 4 * T))
    assert not torch.equal(traced(x), traced(other))


def test_make_fx_follows_the_backward_pass_of_a_scan_that_the_engine_has_run():
    (x,) = inputs(1)
    output = nn.GRU(X, H, dtype=torch.float64, runner="fused")(x.requires_grad_())[0]
    first, second = torch.randn(2, *output.shape, dtype=torch.float64)

    def gradient(one):
        return torch.autograd.grad(output, x, one, retain_graph=True)[0]

    assert_close(make_fx(gradient)(first)(second), gradient(second), **DOUBLE)


@every_kind
@both_dtypes
@pytest.mark.parametrize("options", [{}, {"lengths": LENGTHS}], ids=["padded", "ragged"])
def test_fake_tensors_give_shapes(kind, dtype, options):
    with FakeTensorMode():
        fake = kind.make(nn, dtype=dtype)
        output = output_of(fake, **options)(torch.empty(T, B, X, dtype=dtype))
    assert output.shape == output_of(kind.make(nn, dtype=dtype), **options)(torch.zeros(T, B, X, dtype=dtype)).shape
    assert output.dtype is dtype


@every_kind
@both_dtypes
@pytest.mark.parametrize("strict", [False, True], ids=["free", "strict"])
def test_an_exported_layer_computes_the_same(kind, dtype, strict):
    ours, _ = twins(kind, dtype=dtype)
    x, other = inputs(dtype=dtype)
    exported = torch.export.export(ours, (x,), strict=strict).module()
    assert_close(exported(other)[0], ours(other)[0], **tolerance(dtype, 4 * T))


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_a_layer_traced_by_jit_computes_the_same():
    ours, _ = twins(KINDS[2], dtype=torch.float64)
    x, other = inputs()
    assert_close(torch.jit.trace(ours, (x,), check_trace=False)(other)[0], ours(other)[0], **DOUBLE)
    noisy = nn.Recurrent("gru", X, H, zoneout=0.5, dtype=torch.float64)
    with pytest.raises(InputError, match=r"a number that torch.jit.trace would keep for ever; call .eval\(\) first"):
        torch.jit.trace(noisy, (x,), check_trace=False)


@every_kind
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_torch_compile_leaves_a_layer_to_the_engine(kind, backend):
    torch._dynamo.reset()
    ours, _ = twins(kind, dtype=torch.float64)
    compiled = torch.compile(lambda x: ours(x.sin())[0].cos().sum(), backend=backend)
    for x in inputs(3):
        expected, found = (
            torch.autograd.functional.vjp(call, x) for call in (lambda y: cosine(ours)(y.sin()), compiled)
        )
        assert_close(found, expected, **DOUBLE)
        with torch.no_grad():
            assert_close(compiled(x), expected[0], **DOUBLE)
    assert ours.runner_used == "fused"


@pytest.mark.parametrize("runner", ["torch", "reference"])
def test_torch_compile_makes_one_graph_of_a_layer_of_torchs_operations(runner):
    torch._dynamo.reset()
    ours, _ = twins(KINDS[3], dtype=torch.float64, runner=runner)
    (x,) = inputs(1)
    assert_close(torch.compile(ours, backend="eager", fullgraph=True)(x)[0], ours(x)[0], **DOUBLE)


def test_a_call_loads_nothing_of_the_compiler():
    code = (
        "import sys, torch, gatewise.nn\n"
        "layer, x = gatewise.nn.LSTM(3, 4), torch.ones(2, 1, 3, requires_grad=True)\n"
        "layer(x)[0].sum().backward()\n"
        "torch.autograd.grad(layer(x)[0].sum(), x, create_graph=True)\n"
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


class Labelled(torch.Tensor):
    """A subclass that torch's operations return, too."""


def test_a_subclass_goes_through_torchs_operations():
    ours, _ = twins(KINDS[3], dtype=torch.float64)
    (x,) = inputs(1)
    output = ours(x.as_subclass(Labelled))[0]
    assert type(output) is Labelled
    assert_close(output.as_subclass(torch.Tensor), ours(x)[0], **DOUBLE)


def under_vmap(call, x):
    return torch.vmap(call)(x[None])


def under_a_mode(call, x):
    return make_fx(call)(x)


def as_a_subclass(call, x):
    return call(x.as_subclass(Labelled))


def under_a_dual_level(call, x):
    with forward_ad.dual_level():
        return call(x)


@pytest.mark.parametrize(
    ("transform", "name"),
    [
        (under_vmap, "a transform of torch.func"),
        (under_a_mode, r"a torch dispatch mode \(make_fx, FakeTensorMode\)"),
        (as_a_subclass, "a tensor of the class Labelled"),
        (under_a_dual_level, "a forward-mode gradient"),
    ],
)
def test_the_engine_asked_for_by_name_says_what_it_cannot(transform, name):
    layer = nn.LSTM(X, H, runner="fused")
    said = (
        rf'^runner: the fused runner cannot run this: the engine cannot run under {name}; use runner="auto" or "torch"'
    )
    with pytest.raises(SettingError, match=said):
        transform(output_of(layer), torch.zeros(T, B, X))


def test_the_choice_names_the_transform():
    cell = nn.LSTM(X, H).cell
    assert choose(cell, transform=NONE).name == "fused"
    assert choose(cell, transform=MODE).name == "torch"
    assert choose(cell, transform=MODE, uniform=False).name == "reference"
    assert choose(cell, transform=FUNCTORCH).name == "reference"
    assert "the engine cannot run under a transform of torch.func" in choose(cell, transform=FUNCTORCH).reason


@both_dtypes
def test_a_sign_that_is_only_a_bit_is_read(dtype):
    """``_neg_view`` has it, and so has the imaginary part of a conjugate; input, gradient, weight and state."""
    same = problem(nn.GRU(X, H).cell, UNIFORM, dtype=dtype)
    expected = same.run(runner="fused")
    given = torch.randn_like(expected.outputs)
    wanted = [same.x.data, same.parameters["weight_hh"], same.initial["hidden"]]
    gradients = torch.autograd.grad(expected.outputs, wanted, given)

    x, weight, hidden = (torch._neg_view(-tensor) for tensor in wanted)
    scan = run(
        same.cell, {**same.parameters, "weight_hh": weight}, Packed(x, UNIFORM), {"hidden": hidden}, runner="fused"
    )
    assert torch.equal(scan.outputs, expected.outputs)
    for one, other in zip(torch.autograd.grad(scan.outputs, wanted, torch._neg_view(-given)), gradients, strict=True):
        assert torch.equal(one, other)

    imaginary = torch.complex(torch.zeros_like(x), -same.x.data.detach()).conj().imag
    assert imaginary.is_neg()
    assert torch.equal(run(same.cell, same.parameters, Packed(imaginary, UNIFORM), same.initial).outputs, scan.outputs)


@torch.no_grad()
def test_the_products_of_the_output_layers_follow_the_same_rules():
    features, other, weight, bias = (torch.randn(3, 4), torch.randn(3, 4), torch.randn(5, 4), torch.randn(5))
    expected = linear(features, weight, bias)
    assert torch.equal(linear(torch._neg_view(-features), weight, torch._neg_view(-bias)), expected)
    single = tolerance(torch.float32)
    assert_close(make_fx(linear)(features, weight, bias)(other, weight, bias), linear(other, weight, bias), **single)
    assert_close(torch.vmap(linear, (0, None, None))(features[:, None], weight, bias)[:, 0], expected, **single)
    out = torch.empty(3, 5)

    def written(rows):
        linear_without_graph(rows, weight, bias, out)
        return out.clone()

    assert_close(make_fx(written)(features)(other), linear(other, weight, bias), **single)
