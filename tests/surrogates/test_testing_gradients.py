"""`check_backend` on PyTorch that is off by one percent in one place: that check alone notices."""

from __future__ import annotations

import pytest

pytest.importorskip("mpmath")
torch = pytest.importorskip("torch")

from kinds import Kind  # noqa: E402
from surrogates import MultiSpike, Sigmoid, Surrogate, Ternary  # noqa: E402
from surrogates.backends._torch.hook import TorchBackend  # noqa: E402
from surrogates.testing import check_backend  # noqa: E402
from wrong_backends import failing, registered  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")

GIVEN = Kind.TORCH.contract() | {"compile": lambda function: function}
MAPPED = {"vmap of grad", "grad of vmap", "a parameter that is mapped"}
COMPILED = {"the gradient, compiled", "the second derivative, compiled"}


def noticed(**given):
    """Return the titles of what does not hold."""
    try:
        check_backend(
            torch.from_numpy,
            generator=torch.Generator(),
            surrogates=[Sigmoid()],
            dtypes=["float64"],
            **{**GIVEN, **given},
        )
    except AssertionError as raised:
        return failing(raised)
    return set()


def off(values):
    return 1.01 * values


def off_to_gradients(values):
    """Return the values themselves, whose gradient is off."""
    held = values.detach()
    return held + 1.01 * (values - held)


def after(wrong, transform):
    """Return a transform of functions whose results are wrong."""
    return lambda function: lambda *given: wrong(transform(function)(*given))


def jvp_of(wrong, where=lambda function: True):
    def jvp(function, x, tangent):
        result = GIVEN["jvp"](function, x, tangent)
        return wrong(result) if where(function) else result

    return jvp


@pytest.mark.parametrize(
    ("means", "wrong", "titles"),
    [
        ("jvp", jvp_of(off), {"the tangent", "jvp of grad", "grad of jvp"}),
        ("jvp", jvp_of(off_to_gradients), {"grad of jvp"}),
        ("jvp", jvp_of(off, lambda f: not isinstance(f, Surrogate)), {"jvp of grad"}),
        ("vmap", after(off, GIVEN["vmap"]), MAPPED),
        ("vmap", after(off_to_gradients, GIVEN["vmap"]), MAPPED - {"vmap of grad"}),
        ("compile", after(off, GIVEN["compile"]), COMPILED | {"the gradient of what is compiled"}),
        (
            "compile",
            after(off_to_gradients, GIVEN["compile"]),
            {"the gradient of what is compiled"},
        ),
    ],
)
def test_a_transform_that_is_wrong_is_noticed_where_it_is_used(means, wrong, titles):
    assert noticed(**{means: wrong}) == titles


class OffWhere(TorchBackend):
    """Whose gradients are off for some surrogates."""

    def __init__(self, where):
        self.where = where

    def spike(self, definition, x, arrays):
        spikes = super().spike(definition, x, arrays)
        return off_to_gradients(spikes) if self.where(definition) else spikes


def holds(*fields):
    return lambda definition: definition.array_fields == fields


ONLY = {
    "several spikes": (
        lambda definition: isinstance(definition, MultiSpike),
        {"the gradient of several and of signed spikes"},
    ),
    "signed spikes": (
        lambda definition: isinstance(definition, Ternary),
        {"the gradient of several and of signed spikes"},
    ),
    "a shift": (holds("shift"), {"the gradient where a parameter is an array"}),
    "an amplitude": (
        holds("amplitude"),
        {
            "the gradient where a parameter is an array",
            "the gradient of a gradient to a parameter",
            "a parameter that is mapped",
        },
    ),
    "a residual of 16 bits": (
        lambda definition: definition.residual_dtype == "float16",
        {"Compressed to float16"},
    ),
    "a residual of 8 bits": (
        lambda definition: definition.residual_dtype == "uint8",
        {"the derivatives of Compressed to 8 bits"},
    ),
    "a primitive alone": (
        lambda definition: type(definition).__name__ == "Own",
        {"the gradient of a primitive of your own"},
    ),
}


@pytest.mark.parametrize("where", ONLY)
def test_a_gradient_that_is_wrong_for_one_kind_of_surrogate_is_noticed(where):
    is_wrong, titles = ONLY[where]
    with registered("torch", OffWhere(is_wrong)):
        assert noticed() == titles


def test_nothing_is_noticed_where_nothing_is_wrong():
    assert noticed() == set()
