"""PyTorch: a parameter that has no gradient is refused in every mode, where it is asked."""

from __future__ import annotations

import pytest

from kinds import others_long
from surrogates import Sigmoid

torch = pytest.importorskip("torch")
func, forward_ad = torch.func, torch.autograd.forward_ad
from in_torch import WARNINGS, by_jvp  # noqa: E402

pytestmark = [
    *WARNINGS,
    # where it runs a function as written, it looks at what that calls all the same
    pytest.mark.filterwarnings("ignore:Dynamo does not know how to trace:UserWarning"),
]
WIDER = torch.tensor([1.0, 2.0, 4.0])


def leaf(x):
    return x.clone().requires_grad_()


class Undifferentiated(Sigmoid):
    undifferentiated = ((0, "no gradient is defined for alpha"),)


def spike(alpha, x):
    return Undifferentiated(alpha)(x).sum()


X3 = torch.tensor([-0.5, 0.0, 0.5])


def in_dual(alpha):
    with forward_ad.dual_level():
        return spike(forward_ad.make_dual(alpha, alpha), X3)


def in_dual_closed_over(alpha):
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(alpha, alpha)
        return func.grad(lambda x: spike(dual, x))(X3)


ASKED = {
    "leaf": lambda alpha: spike(leaf(alpha), X3),
    "leaf, x too": lambda alpha: spike(leaf(alpha), leaf(X3)),
    "grad": lambda alpha: func.grad(lambda a: spike(a, X3))(alpha),
    "grad of vmap": lambda alpha: func.grad(lambda a: func.vmap(spike)(a, X3).sum())(alpha),
    "vmap of grad": lambda alpha: func.vmap(func.grad(spike))(alpha, X3),
    "vmap of a leaf": lambda alpha: func.vmap(spike)(leaf(alpha), X3),
    "jvp": lambda alpha: by_jvp(lambda a: spike(a, X3), alpha),
    "vmap of jvp": lambda alpha: func.vmap(lambda a, x: by_jvp(lambda a: spike(a, x), a))(
        alpha, X3
    ),
    "hessian": lambda alpha: func.hessian(lambda a: spike(a, X3))(alpha),
    "forward_ad": in_dual,
    "forward_ad, closed over": in_dual_closed_over,
}
NOT_ASKED = {
    "grad to x": lambda alpha: func.grad(lambda x: spike(alpha, x))(X3),
    "vmap of grad to x": lambda alpha: func.vmap(func.grad(spike, argnums=1))(alpha, X3),
    "leaf, not recorded": lambda alpha: torch.no_grad()(spike)(leaf(alpha), X3),
    "jvp of grad to x": lambda alpha: func.jvp(func.grad(lambda x: spike(alpha, x)), (X3,), (X3,))[
        0
    ],
    "vjp to x": lambda alpha: func.vjp(lambda x: spike(alpha, x), X3)[0],
}


@pytest.mark.parametrize("way", ASKED)
def test_a_gradient_that_is_not_defined_is_refused(way):
    with pytest.raises(NotImplementedError, match="no gradient is defined for alpha"):
        ASKED[way](WIDER)


@pytest.mark.long
@pytest.mark.parametrize("way", ASKED)
@pytest.mark.parametrize("fullgraph", [True, False])
def test_compiled_a_gradient_that_is_not_defined_is_refused(way, fullgraph):
    torch.compiler.reset()
    with pytest.raises(Exception, match="no gradient is defined for alpha") as refused:
        torch.compile(ASKED[way], fullgraph=fullgraph, backend="aot_eager")(WIDER)
    assert isinstance(refused.value, (NotImplementedError, torch._dynamo.exc.Unsupported))


OUTSIDE = {"spike": spike, "grad": lambda alpha, x: func.grad(lambda x: spike(alpha, x))(x)}


@pytest.mark.parametrize("function", OUTSIDE.values(), ids=OUTSIDE.keys())
@pytest.mark.parametrize("fullgraph", [True, False])
def test_compiled_an_argument_is_refused_in_forward_mode(function, fullgraph):
    torch.compiler.reset()
    compiled = torch.compile(function, fullgraph=fullgraph, backend="aot_eager")
    refused = pytest.raises(Exception, match="no gradient is defined for alpha")
    with forward_ad.dual_level(), refused:
        compiled(forward_ad.make_dual(WIDER, WIDER), X3)


def test_compiled_as_a_whole_it_is_refused_where_x_alone_has_a_tangent():
    """Dynamo does not tell them apart."""
    torch.compiler.reset()
    compiled = torch.compile(spike, fullgraph=True, backend="aot_eager")
    refused = pytest.raises(torch._dynamo.exc.Unsupported, match="forward mode needs a number")
    with forward_ad.dual_level(), refused:
        compiled(WIDER, forward_ad.make_dual(X3, X3))


@pytest.mark.parametrize("way", NOT_ASKED)
@pytest.mark.parametrize("is_compiled", others_long([False, True], False))
def test_nothing_is_refused_that_is_not_asked_for(way, is_compiled):
    torch.compiler.reset()
    function = NOT_ASKED[way]
    if is_compiled:
        function = torch.compile(function, fullgraph=True, backend="aot_eager")
    found = function(WIDER)
    if "grad to x" in way:
        torch.testing.assert_close(found, Sigmoid(WIDER).surrogate_grad(X3))
    else:
        assert found.sum() == 2.0  # spikes, of 0 and 0.5
