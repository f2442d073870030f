"""What PyTorch's functions compute at once: the operations that are left, and their values."""

from __future__ import annotations

import re

import pytest

import surrogates
from kinds import REAL_PARAMETERS, every_surrogate

torch = pytest.importorskip("torch")

from in_torch import holding  # noqa: E402
from surrogates.backends._compiler.graph import Trace  # noqa: E402
from surrogates.backends._compiler.tape import Tape  # noqa: E402
from surrogates.backends._compiler.text import template_of  # noqa: E402
from surrogates.backends._torch import program  # noqa: E402
from surrogates.backends._torch.fused import without_choice  # noqa: E402


def calls_of(made):
    return re.findall(r"(\w+)_\(", made.text)


def gradient(surrogate, x, cotangent):
    x = x.detach().requires_grad_()
    return torch.autograd.grad(surrogate(x), x, cotangent)[0]


# Formulas that end in a sum, and the operations that are left of them.
SUMS = {
    "product": (lambda xp, x: 2.0 * x * xp.exp(x) + xp.abs(x), "exp abs addcmul"),
    "difference": (lambda xp, x: (2.0 - x * xp.exp(x)) + xp.abs(x), "exp abs addcmul add"),
    "multiple": (lambda xp, x: 3.0 * xp.exp(x) + xp.abs(x), "exp abs add"),
    "fraction": (lambda xp, x: xp.exp(x) / 3.0 + xp.abs(x), "exp abs add"),
    "nothing": (lambda xp, x: (0.0 - xp.exp(x)) + xp.abs(x), "exp sub abs add"),
    "two": (lambda xp, x: x * xp.exp(x) + xp.abs(x), "exp abs addcmul"),
    "itself": (lambda xp, x: 3.0 * xp.exp(x) + 3.0 * xp.exp(x), "exp mul add"),
}


@pytest.mark.parametrize("name", SUMS)
def test_a_sum_is_united_with_what_it_adds(name):
    formula, operations = SUMS[name]

    class Own(surrogates.Surrogate):
        traceable = True

        def derivative(self, xp, x):
            return formula(xp, x)

    made = program._DIALECT.program(Own(), "derivative", "float32", product=False)
    assert calls_of(made) == operations.split()
    x, cotangent = torch.linspace(-3, 3, 50), torch.linspace(-2, 1, 50)
    torch.testing.assert_close(gradient(Own(), x, cotangent), cotangent * Own().surrogate_grad(x))


def falling(xp, x):
    return xp.exp(-xp.abs(x))


def fraction(xp, x, number=1.0, constant=1.0, slope=1.0):
    return number / (constant + slope * xp.abs(x))


def squared(y):
    return y * y


# Formulas that end in a product, which the cotangent makes longer still.
PRODUCTS = {
    "a difference": lambda xp, x: 3.0 * (2.0 - xp.abs(x) * falling(xp, x)),
    "a difference of a square": lambda xp, x: 2.0 - squared(fraction(xp, x)),
    "a sum of a square": lambda xp, x: 2.0 + 3.0 * squared(fraction(xp, x)),
    "a square": lambda xp, x: squared(fraction(xp, x)),
    "a square of two": lambda xp, x: squared(fraction(xp, x, 2.0)),
    "twice a square": lambda xp, x: 2.0 * squared(fraction(xp, x)),
    "half a square": lambda xp, x: 0.5 * squared(fraction(xp, x, 3.0, 2.0, 0.7)),
    "no square": lambda xp, x: squared(fraction(xp, x, 0.0)),
    "a negative square": lambda xp, x: -3.0 * squared(fraction(xp, x)),
    "a square that is used": lambda xp, x: squared(fraction(xp, x)) + fraction(xp, x),
    "a fraction": lambda xp, x: fraction(xp, x, 2.0) * falling(xp, x),
    "a fraction of nothing": lambda xp, x: falling(xp, x) / 0.0,
    "a scaled square": lambda xp, x: squared(3.0 * falling(xp, x)),
    "a fraction of a number": lambda xp, x: falling(xp, x) * (xp.abs(x) / 3.0),
    "a multiple of a fraction": lambda xp, x: 3.0 * fraction(xp, x),
    "a fraction, multiplied": lambda xp, x: fraction(xp, x) * 3.0,
    "a negative": lambda xp, x: 0.0 - falling(xp, x),
    "a multiple of a negative": lambda xp, x: 3.0 * (0.0 - falling(xp, x)),
    "large and small": lambda xp, x: 1e30 * squared(fraction(xp, x, 1.0, 1e-20, 1e15)),
    "small and large": lambda xp, x: 1e-30 * squared(fraction(xp, x, 1e18, 1e15, 1e-18)),
    "a small constant": lambda xp, x: 1e-30 * squared(fraction(xp, x, 1.0, 1e-25)),
    "a small slope": lambda xp, x: 1e30 * squared(fraction(xp, x, 1.0, 1e12, 1e-25)),
    "a large slope": lambda xp, x: 1e-30 * squared(fraction(xp, x, 1.0, 1.0, 1e25)),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_a_product_is_that_of_the_formula(name):
    class Own(surrogates.Surrogate):
        traceable = True

        def derivative(self, xp, x):
            return PRODUCTS[name](xp, x)

    x = torch.cat([torch.linspace(-3, 3, 50), torch.tensor([0.0, 1e-6, -1e15, 3e38])])
    cotangent = torch.linspace(-2, 1.1, len(x))
    plain, exact = (cotangent * Own().surrogate_grad(each) for each in (x, x.double()))
    near = torch.isclose(plain, exact.float(), rtol=2e-6, atol=1e-38)  # in range on the way, too
    assert near[:50].all()
    actual = gradient(Own(), x, cotangent)
    torch.testing.assert_close(actual[near], exact.float()[near], rtol=2e-6, atol=1e-38)


OPERATIONS = {
    "Sigmoid": "abs mul sigmoid addcmul addcmul",
    "Arctan": "addcmul div",
    "GaussianGrad": "addcmul exp2 addcmul",
    "ReluGrad": "abs sub maximum addcmul",
    "InvSquareGrad": "abs add mul div",
    "QPseudoSpike": "abs add mul div",
    "SoftSign": "abs add mul div",
    "SuperSpikeRescaled": "abs add mul div",
    "ERF": "addcmul exp2 addcmul",
    # a comparison that writes bools, and a copy of bools to numbers, take several passes' time
    "HeavisideGrad": "is_gt nan_or_zero add mul",
    "Boxcar": "is_ge is_le nan_or_zero addcmul mul",
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_gradient_passes_over_memory_no_more_often_than_it_must(name):
    made = program._DIALECT.program(
        getattr(surrogates, name)(), "derivative", "float32", product=True
    )
    assert calls_of(made) == OPERATIONS[name].split()
    assert len(made.buffers) <= (2 if name == "Boxcar" else 1)  # of which one pass takes three


OPERATIONS_WITH_A_TENSOR = {
    "Arctan": "mul addcmul div",
    # a product and a sum of a parameter and a number would take five times as long in one
    "InvSquareGrad": "abs mul add mul div",
    "Sigmoid": "abs mul sigmoid addcmul mul mul",
    "SlayerGrad": "abs mul exp2 mul",
    "ERF": "mul addcmul exp2 mul mul",
}


@pytest.mark.parametrize("name", OPERATIONS_WITH_A_TENSOR)
def test_a_parameter_and_a_number_are_multiplied_before(name):
    definition, _ = getattr(surrogates, name)(torch.tensor(2.0)).partition()
    made = program._DIALECT.program(definition, "derivative", "float32", 1, product=True)
    assert calls_of(made) == OPERATIONS_WITH_A_TENSOR[name].split()


def both_forms(condition, dtype):
    """Return a program with `torch.where`, and the one without, of a formula with a choice."""
    xp = Trace(dtype)
    x = xp.input("x")
    p, q = xp.exp(x), 3.0 - x * x
    roots = [xp.apply("where", condition(x), p, q), xp.apply("where", condition(x), q, 3.0 - q)]
    roots += [xp.apply("where", condition(x), 0.0, q), xp.apply("where", condition(x), q, 0.0)]
    root = roots[0] * roots[1] + roots[2] * roots[3]
    dialect = program.TorchDialect()
    return [template_of(dialect, r, dtype, 0, Tape(())).of() for r in (root, without_choice(root))]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "condition",
    [
        lambda x: x < 0.2,
        lambda x: x <= 0.2,
        lambda x: x > 0.2,
        lambda x: x >= 0.2,
        lambda x: x == 0.2,
        lambda x: (x < 0.2) & ~(x < -0.4),
    ],
)
def test_without_a_choice_the_values_are_the_same_to_the_bit(condition, dtype):
    x = torch.cat([torch.tensor([-1.3, -0.4, 0.2, 0.9]), torch.linspace(-3, 3, 101)])
    x = x.to(getattr(torch, dtype))
    chosen, summed = both_forms(condition, dtype)
    assert "where_" in chosen.text
    assert "where_" not in summed.text
    results = [program._DIALECT.evaluate(p, x, None, torch.empty_like(x)) for p in (chosen, summed)]
    assert torch.equal(*results)


def test_a_sign_times_x_is_its_size():
    definition, _ = surrogates.InvSquareGrad(torch.ones(())).partition()
    made = program._DIALECT.program(definition, "area", "float32", 1, product=True)
    assert calls_of(made).count("abs") == 1
    assert not any(op in made.text for op in ("where_", "number_", "lt_"))  # each a slow pass


@every_surrogate
def test_in_place_only_the_sign_of_a_zero_gradient_may_differ(cls):
    values = torch.tensor([-30.0, -2.0, -0.5, -0.0, 0.0, 0.5, 2.0, 30.0], requires_grad=True)
    cotangent = torch.tensor([1.0, -1.0]).repeat(4)
    cls()(values).backward(cotangent)
    recorded = cotangent * cls().surrogate_grad(values).detach()
    assert torch.equal(torch.sign(values.grad), torch.sign(recorded))


@pytest.mark.parametrize(("cls", "name"), REAL_PARAMETERS)
def test_what_depends_on_a_parameter_alone_can_be_computed(cls, name):
    surrogate = surrogates.Relaxed(holding(cls, name))
    definition, arrays = surrogate.partition()
    for made in (
        program._DIALECT.program(definition, "derivative", "float32", 1, product=True),
        program._DIALECT.parameter_program(definition, "float32", 1, 0),
    ):
        assert made is None or all(s.dtype != torch.bool for s in made.prelude(*arrays))
