"""`check_backend` passes the backends that are built in, and finds a fault of each kind."""

from __future__ import annotations

import re
from contextlib import nullcontext

import numpy as np
import pytest

import surrogates
from kinds import FIRST, Kind, every_surrogate, parameters, required
from surrogates import testing
from surrogates._contract import Case, Library
from surrogates.testing import check_backend
from wrong_backends import failing, registered, wrong_somewhere

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
pytest.importorskip("mpmath")

SOME = [surrogates.Sigmoid(), surrogates.ReluGrad()]
RANDOM = {"random spikes", "rare spikes, and rare silence"}
VALUES = {"the derivative", "the primitive"}


def check(kind, **given):
    required(kind)
    means = {"asarray": kind.array, "asnumpy": kind.numpy, "generator": kind.generator()}
    dtypes = [dtype for dtype in kind.dtypes if dtype != "bfloat16"]  # which NumPy does not have
    check_backend(**{**means, "dtypes": dtypes, **kind.contract(), **given})


def of_strict(**given):
    """Check it on its first device, where NumPy takes its arrays: more can be wrong there."""
    xp = pytest.importorskip("array_api_strict")
    check(Kind.STRICT, asarray=xp.asarray, asnumpy=np.asarray, **given)


@pytest.mark.long("jax")
@every_surrogate
@pytest.mark.parametrize("kind", parameters(FIRST))
def test_built_in_backends_keep_the_contract_for_every_surrogate(kind, cls):
    one_dtype = {"dtypes": ["float32"], "compile": None} if kind is Kind.JAX else {}  # it compiles
    check(kind, surrogates=[cls()], **one_dtype)


@pytest.mark.long
@pytest.mark.parametrize(("surrogate", "dtype"), [(SOME[0], "float64"), (SOME[1], "float32")])
def test_jax_keeps_the_contract(surrogate, dtype):
    check(Kind.JAX, surrogates=[surrogate], dtypes=[dtype])


def test_mlx_compiles():
    mx = pytest.importorskip("mlx.core")  # compiles C++ for each function
    check(Kind.MLX, compile=mx.compile, surrogates=[surrogates.Sigmoid()], dtypes=["float32"])


def faults_without_differentiation():
    from surrogates.backends._numpy import NumpyBackend

    class Doubled(NumpyBackend):
        def evaluate(self, definition, x, arrays, name):
            result = super().evaluate(definition, x, arrays, name)
            return 2 * result if name == "derivative" else result

    class Narrow(NumpyBackend):
        def evaluate(self, definition, x, arrays, name):
            xp = self.namespace(x)
            return xp.astype(super().evaluate(definition, x, arrays, name), xp.float32)

    class AboveAlone(NumpyBackend):
        def spike(self, definition, x, arrays):
            return self.namespace(x).astype(x > 0, x.dtype)

    class Converting(NumpyBackend):
        def spike(self, definition, x, arrays):
            return np.asarray(super().spike(definition, x, arrays))

    class Often(NumpyBackend):
        def uniform(self, generator, x):
            return super().uniform(generator, x) ** 1.1  # three hundredths more spikes

    class Coarse(NumpyBackend):
        def uniform(self, generator, x):
            xp = self.namespace(x)
            return xp.floor(super().uniform(generator, x) * 2048) / 2048  # as float16 draws

    class Upwards(NumpyBackend):
        def uniform(self, generator, x):
            xp = self.namespace(x)
            return xp.ceil(super().uniform(generator, x) * 2048) / 2048  # 1 is drawn, too

    class Shortened(NumpyBackend):
        def linearize(self, definition, x, arrays):
            spikes, derivative = super().linearize(definition, x, arrays)
            return spikes, derivative / 2

    return {
        "the derivative: Sigmoid.* ulp, too many": Doubled(),
        "the primitive: Sigmoid.* dtype float32": Narrow(),
        "spikes: Sigmoid": AboveAlone(),
        "spikes: .* of type <class 'numpy": Converting(),
        "random spikes: Sigmoid.* share of spikes": Often(),
        "rare spikes, and rare silence: Sigmoid.* 100000 spike at": Coarse(),
        "rare spikes, and rare silence: Sigmoid.* 100000 do not at": Upwards(),
        r"surrogates\.vjp and surrogates\.jvp: Sigmoid": Shortened(),
    }


@pytest.mark.parametrize("fault", faults_without_differentiation())
def test_faults_of_a_library_without_differentiation(fault):
    pytest.importorskip("array_api_strict")
    backend = faults_without_differentiation()[fault]
    with (
        registered("array_api_strict", backend),
        pytest.raises(AssertionError, match=f"64, {fault}"),
    ):
        of_strict(surrogates=SOME[:1], dtypes=["float64"])


def faults_of_differentiation():
    jax = pytest.importorskip("jax")
    from surrogates.backends._jax import JaxBackend

    class Bare(JaxBackend):
        def spike(self, definition, x, arrays):
            return definition.combine(arrays).emit(x)

    class FirstOrder(JaxBackend):
        def spike(self, definition, x, arrays):
            surrogate, held = definition.combine(arrays), self.constant(x)
            return surrogate.emit(held) + (x - held) * surrogate.surrogate_grad(held)

    class FlatAtThreshold(FirstOrder):
        def spike(self, definition, x, arrays):
            exact = JaxBackend.spike(self, definition, x, arrays)
            return jax.numpy.where(x == 0, super().spike(definition, x, arrays), exact)

    class Held(JaxBackend):
        def relaxed(self, definition, x, arrays, general):
            return self.spike(definition, x, tuple(map(self.constant, arrays)))

    class Moving(JaxBackend):
        def spike(self, definition, x, arrays):
            surrogate = definition.combine(arrays)
            area = surrogate.formula("primitive", jax.numpy, x)
            return surrogate.emit(x) + area - jax.lax.stop_gradient(area)

        def relaxed(self, definition, x, arrays, general):
            return general(x, *arrays)

    return locals()


@pytest.mark.long("firstorder", "flatatthreshold", "moving", "held")
@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("Bare", "the gradient: Sigmoid.* 0 everywhere, in silence"),
        ("FirstOrder", "the second derivative: Sigmoid.* 0 everywhere, in silence"),
        ("FirstOrder", "the derivatives of Compressed to 8 bits: Sigmoid"),
        ("FlatAtThreshold", "the second derivative at the threshold: ReluGrad"),
        ("Moving", "a parameter has no gradient by itself: .*"),
        ("Moving", "a threshold without a gradient refuses one: .* in silence"),
        ("Held", "a parameter's gradient under Relaxed: .* 0 everywhere"),
    ],
)
def test_faults_of_a_library_that_differentiates(name, fault):
    backend = faults_of_differentiation()[name]()
    with registered("jax", backend), pytest.raises(AssertionError, match=f"64, {fault}"):
        check(Kind.JAX, surrogates=SOME, dtypes=["float64"], compile=None, vmap=None, jvp=None)


def titles(*means, surrogate=SOME[0]):
    """Return what is checked of a library with these means."""
    names = ("asarray", "asnumpy", "grad", "jvp", "vmap", "compile", "generator")
    library = Library(*((lambda f, *_: f) if name in means else None for name in names))
    return {title for title, _ in Case(library, surrogate, "float64", "float64").checks()}


@pytest.mark.parametrize(
    ("means", "more"),
    [
        (["vmap"], set()),
        (["compile"], set()),
        (["jvp"], {"the tangent"}),
        (["generator"], RANDOM),
        (["grad", "jvp"], {"jvp of grad", "grad of jvp"}),
        (["grad", "vmap"], {"vmap of grad", "grad of vmap", "a parameter that is mapped"}),
        (
            ["grad", "compile"],
            {
                "the gradient, compiled",
                "the gradient of what is compiled",
                "the second derivative, compiled",
            },
        ),
    ],
    ids=lambda value: " and ".join(sorted(value)),  # the processes of pytest-xdist compare them
)
def test_what_a_library_has_the_means_for_is_checked_and_no_more(means, more):
    alone = titles().union(*map(titles, means)) if len(means) > 1 else titles()
    assert titles(*means) - alone == more
    assert titles(*means) >= alone
    assert titles() == VALUES | {
        "spikes",
        "arrays without axes, and empty",
        "surrogates.vjp and surrogates.jvp",
        "a parameter for each channel",
        "integers are refused",
    }
    assert len(titles("grad") - titles()) == 12
    assert titles("generator", surrogate=surrogates.MultiGaussianGrad()) == titles()


@pytest.mark.long
def test_each_check_of_differentiation_notices_one_percent():
    pytest.importorskip("jax")
    from surrogates.backends._jax import JaxBackend

    class Off(JaxBackend):
        def spike(self, definition, x, arrays):
            spikes = super().spike(definition, x, arrays)
            held = self.constant(spikes)
            return held + 1.01 * (spikes - held)

    with registered("jax", Off()), pytest.raises(AssertionError) as raised:
        check(Kind.JAX, surrogates=SOME[:1], dtypes=["float64"], compile=None)
    none = {"a parameter has no gradient by itself", "a threshold without a gradient refuses one"}
    none |= {"the second derivative at the threshold"}  # 1.01 times 0 is 0
    assert failing(raised.value) == titles("grad", "jvp", "vmap") - titles() - none


def test_each_check_of_values_notices_one_percent():
    pytest.importorskip("array_api_strict")
    from surrogates.backends._numpy import NumpyBackend

    class Off(NumpyBackend):
        def evaluate(self, definition, x, arrays, name):
            return 1.01 * super().evaluate(definition, x, arrays, name)

    with registered("array_api_strict", Off()), pytest.raises(AssertionError) as raised:
        of_strict(surrogates=SOME[:1], dtypes=["float64"])
    assert failing(raised.value) == titles() - {"spikes", "integers are refused"}


@pytest.mark.parametrize("fault", wrong_somewhere(np))
def test_a_fault_in_a_few_places_is_noticed_where_it_is(fault):
    backend, noticed = wrong_somewhere(pytest.importorskip("array_api_strict"))[fault]
    with registered("array_api_strict", backend), pytest.raises(AssertionError) as raised:
        of_strict(surrogates=SOME[:1], dtypes=["float64"], generator=None)
    assert failing(raised.value) == noticed


@pytest.mark.parametrize("number", [1, 3, 4, 5])
def test_three_surrogates_of_which_it_does_not_hold_are_named_with_what_is_wrong(number):
    pytest.importorskip("array_api_strict")
    from surrogates.backends._numpy import NumpyBackend

    class Lost(NumpyBackend):
        def spike(self, definition, x, arrays):
            raise KeyError(definition.alpha)

        def evaluate(self, definition, x, arrays, name):
            return self.copy(x)

    chosen = [surrogates.Sigmoid(float(alpha)) for alpha in range(1, number + 1)]
    with registered("array_api_strict", Lost()), pytest.raises(AssertionError) as raised:
        of_strict(surrogates=chosen, dtypes=["float64"], generator=None)
    names = ", ".join(f"Sigmoid(alpha={alpha}.0)" for alpha in range(1, min(number, 3) + 1))
    more = f" and {number - 3} more" if number > 3 else ""
    first, *lines = str(raised.value).splitlines()
    assert first == "the backend does not keep its contract:"
    assert f"float64, spikes: {names}{more}: KeyError(1.0)" in lines
    assert any(line.startswith(f"float64, the primitive: {names}{more}: ") for line in lines)
    assert "AssertionError" not in str(raised.value)


def test_without_more_being_said_all_surrogates_are_checked_in_single_and_double_precision():
    xp = pytest.importorskip("array_api_strict")
    from surrogates.backends._numpy import NumpyBackend

    class Lost(NumpyBackend):
        def spike(self, definition, x, arrays):
            raise KeyError("lost")

        def evaluate(self, definition, x, arrays, name):
            raise KeyError("lost")

    densities = sum(cls().is_distribution for cls in surrogates.definitions.SURROGATES.values())
    with registered("array_api_strict", Lost()), pytest.raises(AssertionError) as raised:
        check_backend(xp.asarray, generator=np.random.default_rng(0))
    found = {}
    for line in str(raised.value).splitlines()[1:]:
        dtype, title, more = re.fullmatch(r"(\w+), (.*?): .* and (\d+) more: .*", line).groups()
        found[dtype, title] = 3 + int(more)
    assert found == {
        (dtype, title): densities if title in RANDOM else len(surrogates.definitions.SURROGATES)
        for dtype in ("float32", "float64")
        for title in titles("generator") - {"integers are refused"}
    }


@pytest.mark.parametrize("dtypes", [("float32", "float64"), ("float64", "float32")])
@pytest.mark.parametrize("wrong", ["float32", "float64"])
def test_what_is_wrong_in_one_dtype_is_told_of_that_alone(dtypes, wrong):
    xp = pytest.importorskip("array_api_strict")
    from surrogates.backends._numpy import NumpyBackend

    class InOneDtype(NumpyBackend):
        def spike(self, definition, x, arrays):
            spikes = super().spike(definition, x, arrays)
            return 1 - spikes if x.dtype == getattr(xp, wrong) else spikes

    # What is given may be read once alone.
    given = {"surrogates": iter(SOME), "dtypes": iter(dtypes), "generator": None}
    with registered("array_api_strict", InOneDtype()), pytest.raises(AssertionError) as raised:
        of_strict(**given)
    lines = [line.split(": ")[:2] for line in str(raised.value).splitlines()[1:]]
    assert sorted(lines) == [
        [f"{wrong}, {title}", f"{SOME[0]!r}, {SOME[1]!r}"]
        for title in sorted(titles() - VALUES - {"integers are refused"})
    ]


@pytest.mark.parametrize(
    ("dtype", "as_exact_as", "off", "is_noticed"),
    [
        ("float64", None, 3e-7, True),
        ("float64", {}, 3e-7, True),
        ("float64", {"float32": "float16"}, 3e-7, True),
        ("float64", {"float64": "float32"}, 3e-7, False),
        ("float64", {"float64": "float32"}, 1e-4, True),
        ("float32", {"float64": "float16"}, 1e-4, True),
        ("float32", {"float32": "float16"}, 1e-4, False),
    ],
)
def test_a_dtype_is_as_exact_as_another_where_that_is_said(dtype, as_exact_as, off, is_noticed):
    xp = pytest.importorskip("array_api_strict")
    from surrogates.backends._numpy import NumpyBackend

    class Coarse(NumpyBackend):
        def evaluate(self, definition, x, arrays, name):
            values = super().evaluate(definition, x, arrays, name)
            return values * (1 + off) if x.dtype == getattr(xp, dtype) else values

    refused = pytest.raises(AssertionError, match=f"{dtype}, the derivative: Sigmoid")
    with registered("array_api_strict", Coarse()), refused if is_noticed else nullcontext():
        of_strict(surrogates=SOME[:1], as_exact_as=as_exact_as, generator=None)


@pytest.mark.long
def test_plain_arithmetic_keeps_the_contract():
    pytest.importorskip("jax")
    from surrogates.backends._jax import JaxBackend

    class Plain(JaxBackend):
        def spike(self, definition, x, arrays):
            return self.arithmetic(definition, x, arrays)

        def relaxed(self, definition, x, arrays, general):
            return general(x, *arrays)

    with registered("jax", Plain()):
        check(Kind.JAX, surrogates=SOME[:1], dtypes=["float64"], compile=None)


def test_results_are_read_by_the_function_that_is_given():
    with pytest.raises(AssertionError, match=r"float64, the derivative: Sigmoid.* ulp, too many"):
        check_backend(np.copy, asnumpy=lambda array: 1.01 * array, surrogates=SOME[:1])


def test_it_has_one_public_name():
    assert [getattr(testing, name) for name in testing.__all__] == [check_backend]


def test_a_dtype_that_is_not_kept():
    with pytest.raises(AssertionError, match=r"dtype float32 for one of float64.*`dtypes`"):
        check_backend(lambda x: x.astype(np.float32), surrogates=SOME)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"surrogates": [surrogates.Sigmoid]}, TypeError, r"the class Sigmoid; make an object"),
        ({"surrogates": surrogates.Sigmoid()}, TypeError, r"as in \[Sigmoid\(alpha=4\.0\)\]"),
        ({"surrogates": []}, ValueError, r"one element at least, got surrogates=\[\]"),
        ({"dtypes": "float32"}, TypeError, r'as in \("float32",\), got \'float32\''),
        ({"dtypes": []}, ValueError, r"dtypes=\[\]"),
        ({"surrogates": iter([])}, ValueError, r"got surrogates=\[\]"),
        ({"dtypes": iter([])}, ValueError, r"dtypes=\[\]"),
    ],
)
def test_what_would_check_nothing_or_something_else_is_refused(given, error, message):
    with pytest.raises(error, match=message):
        check(Kind.NUMPY, **{"surrogates": SOME, **given})
