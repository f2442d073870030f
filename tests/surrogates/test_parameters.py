"""Values of array parameters: checked where they are at hand, silent where they are not."""

from __future__ import annotations

import math

import numpy as np
import pytest

import surrogates
from kinds import HALVES, Kind, in_half, parameters, required
from surrogates import Mixture, MultiSpike, Scaled, Sigmoid, Windowed
from surrogates._parameters import above_one, finite, non_negative, parameter, positive

AT_HAND = parameters(kind for kind in Kind if not kind.is_lazy and not kind.on_gpu)
RANGES = {  # a parameter, what it refuses, and its ends
    "positive": (positive(1.0), [0.0, -1.0, 1e-16, 1e16], [1e-15, 1e15]),
    "non_negative": (non_negative(1.0), [-1e-15, 1e16], [0.0, 1e15]),
    "finite": (finite(1.0), [-1e16, 1e16], [-1e15, 1e15]),
    "above_one": (above_one(2.0), [1.0, 0.5, 1e16], [1.000001, 1e15]),
    "own": (parameter(0.75, low=0.7, high=0.8), [0.6999, 0.8001], [0.7, 0.8]),
}


def array(at_hand, values, dtype="float32"):
    required(at_hand)
    return at_hand.array(np.asarray(values, dtype))


@pytest.mark.parametrize("at_hand", AT_HAND)
@pytest.mark.parametrize(("declared", "refused", "ends"), RANGES.values(), ids=RANGES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_one_bad_value_of_an_array_is_refused(at_hand, declared, refused, ends, dtype):
    class Own(surrogates.Surrogate):
        beta: float = declared

        def derivative(self, xp, x):
            return x

    good = declared.default
    for value in [*refused, math.nan, math.inf, -math.inf]:
        for values in (value, [value], [good, value], [[value, good], [good, good]]):
            bad = array(at_hand, values, dtype)
            with pytest.raises(ValueError, match="beta must be") as error:
                Own(bad)
            shown = float(np.asarray(value, dtype))
            start = f"Own: beta must be {declared.metadata['interval'].description} (or an array"
            assert str(error.value).startswith(start)
            assert f"got beta={shown!r} in an array of shape {np.shape(values)}; ch" in str(
                error.value
            )
    for values in (good, [good], [*ends, good], np.ones((0,))):
        fitting = array(at_hand, values, dtype)
        assert Own(fitting).beta is fitting


@pytest.mark.parametrize(
    ("half_kind", "half"), [(kind, half) for kind, half in HALVES if not kind.is_lazy]
)
def test_half_precision_neither_warns_nor_rounds_into_the_range(half_kind, half):
    for value in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="alpha must be a positive"):
            Sigmoid(in_half([1.0, value], half, half_kind))
    assert Sigmoid(in_half([1.0, 2.0], half, half_kind)).array_fields == ("alpha",)


@pytest.mark.parametrize("at_hand", AT_HAND)
@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda bad: Scaled(Sigmoid(), math.inf * bad), "Scaled: amplitude"),
        (lambda bad: Scaled(Sigmoid(), rate=bad), "Scaled: rate"),
        (lambda bad: Scaled(Sigmoid(bad)), "Sigmoid: alpha"),
        (lambda bad: MultiSpike(Sigmoid(), bad), "MultiSpike: threshold"),
        (lambda bad: surrogates.Graded(Sigmoid(), 1.0, bad), "Graded: scale"),
        (lambda bad: Windowed(Sigmoid(), bad), "Windowed: band"),
        (lambda bad: Mixture((Sigmoid(),), (math.inf * bad,)), r"Mixture: weights\[0\]"),
        (lambda bad: surrogates.rescaled(Sigmoid(), peak=bad), "rescaled: peak"),
        (
            lambda bad: surrogates.anneal(Sigmoid(), alpha=surrogates.schedules.linear(1.0, bad)),
            "anneal: alpha",
        ),
    ],
)
def test_every_way_to_a_parameter_is_checked(at_hand, make, name):
    bad = array(at_hand, [-4.0])
    with pytest.raises(ValueError, match=f"^{name} must be .* in an array of shape"):
        make(bad)


@pytest.mark.parametrize("lazy", parameters(kind for kind in Kind if kind.is_lazy))
def test_lazy_values_are_not_computed(lazy):
    assert Sigmoid(array(lazy, [-4.0, 1.0])).array_fields == ("alpha",)


def test_dask_computes_nothing_for_the_check():
    dask_array = pytest.importorskip("dask.array")

    def fail(block):
        if block.size:  # not the sample that tells the dtype
            raise AssertionError("computed")
        return block

    values = dask_array.ones(4, chunks=2).map_blocks(fail, dtype=float)
    assert Sigmoid(values).alpha is values


def torch_ways():
    """Return ways to trace, or to hold no values, by name: each is called with torch, x and bad."""

    def fake(torch, x, bad):
        from torch._subclasses.fake_tensor import FakeTensorMode

        with FakeTensorMode() as mode:
            Sigmoid(mode.from_tensor(bad))
            Sigmoid(torch.tensor(-4.0))

    def dual(torch, x, bad):
        with torch.autograd.forward_ad.dual_level():
            Sigmoid(torch.autograd.forward_ad.make_dual(bad, bad))

    def symbolic(torch, x, bad):
        from torch.fx.experimental.proxy_tensor import make_fx

        make_fx(lambda x, alpha: Sigmoid(alpha)(x))(x, bad)

    def exported(torch, x, bad, strict=False):
        class Model(torch.nn.Module):
            def forward(self, x, alpha):
                return Sigmoid(alpha)(x)

        torch.export.export(Model(), (x, bad), strict=strict)

    def compiled(torch, x, bad):
        torch.compile(lambda x, a: Sigmoid(a)(x), fullgraph=True, backend="aot_eager")(x, bad)
        torch.compile(lambda x: Sigmoid(bad)(x), fullgraph=True, backend="aot_eager")(x)

    def total(torch, x):
        return lambda alpha: surrogates.Relaxed(Sigmoid(alpha))(x).sum()

    return {
        "fake": fake,
        "dual": dual,
        "make_fx": symbolic,
        "export": exported,
        "strict export": lambda torch, x, bad: exported(torch, x, bad, strict=True),
        "compile": compiled,
        "jit.trace": lambda torch, x, bad: torch.jit.trace(
            lambda x, a: Sigmoid(a)(x), (x, bad), check_trace=False
        ),
        "meta": lambda torch, x, bad: Sigmoid(bad.to("meta")),
        "sparse": lambda torch, x, bad: Sigmoid(bad.reshape(1, 1).to_sparse()),
        "subclass": lambda torch, x, bad: Sigmoid(
            bad.as_subclass(type("Sub", (torch.Tensor,), {}))
        ),
        "vmap": lambda torch, x, bad: torch.vmap(lambda a: Sigmoid(a)(x))(bad[None]),
        "grad": lambda torch, x, bad: torch.func.grad(total(torch, x))(bad),
        "jvp": lambda torch, x, bad: torch.func.jvp(total(torch, x), (bad,), (bad,)),
    }


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.* should not be instantiated:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:Converting a tensor to a Python")
@pytest.mark.parametrize("way", torch_ways().values(), ids=torch_ways())
def test_what_pytorch_traces_or_has_no_values_for_is_not_checked(torch, way):
    way(torch, torch.ones(3), torch.tensor(-4.0))


def test_pytorch_is_checked_where_nothing_traces(torch):
    bad = torch.tensor([4.0, -4.0])
    with torch.inference_mode():
        tensors = [torch.tensor([4.0, -4.0])]
    trained = torch.nn.Parameter(bad)
    tensors += [bad[1], bad.expand(3, 2), bad.flip(0)[::2], bad.clone().requires_grad_(), trained]
    for tensor in tensors:
        with pytest.raises(ValueError, match=r"alpha=-4\.0 in an array") as error:
            Sigmoid(tensor)
        assert ("learnable keeps" in str(error.value)) is (tensor is trained)


def test_the_check_is_no_part_of_a_gradient(torch):
    alphas = torch.tensor([1.0, 2.0], requires_grad=True)
    surrogates.Relaxed(Sigmoid(alphas))(torch.ones(2)).sum().backward()
    assert alphas.grad.count_nonzero() == 2
    assert alphas._version == 0


def test_what_jax_traces_is_not_checked(jax):
    x, bad = jax.numpy.ones(3), jax.numpy.asarray(-4.0)

    def total(alpha):
        return surrogates.Relaxed(Sigmoid(alpha))(x).sum()

    for transform in (jax.jit, jax.grad, jax.vmap, jax.jacfwd, jax.checkpoint, jax.make_jaxpr):
        of = transform(total)
        of(bad[None] if transform is jax.vmap else bad)
    jax.jvp(total, (bad,), (bad,))
    jax.lax.scan(lambda carry, alpha: (carry, total(alpha)), 0.0, bad[None])
    jax.eval_shape(total, bad)
    assert Sigmoid(jax.ShapeDtypeStruct((3,), np.float32)).array_fields == ("alpha",)
    mapped = jax.tree.map(lambda a: -a, Sigmoid(jax.numpy.asarray(4.0)))
    assert mapped.alpha == -4.0  # a pytree is put together without a check: gradients are one


def test_a_constant_of_jax_is_checked_inside_of_jit(jax):
    bad = jax.numpy.asarray([4.0, -4.0])
    with pytest.raises(ValueError, match=r"alpha=-4\.0 in an array"):
        jax.jit(lambda x: Sigmoid(bad)(x))(jax.numpy.ones(2))
