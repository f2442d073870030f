"""Traced programs: the same values as the plain expressions, in place and block by block."""

from __future__ import annotations

import ctypes
import math
import shutil
import subprocess
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import numpy as np
import pytest

import surrogates
from compositions import COMPOSITIONS
from kinds import every_surrogate
from surrogates import backends
from surrogates._parameters import parameters
from surrogates.backends import _numpy as of_numpy
from surrogates.backends._compiler.graph import nodes_of, trace
from surrogates.backends._cupy import kernel_of
from surrogates.definitions import SURROGATES

BLOCK = 64  # elements, in these tests
EXTREMES = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e30, -1e30, 3e38, 1e-40, -1e-40, 0.5, -0.5, 1, -1]

functions = pytest.mark.parametrize("function", ["primitive", "derivative"])
dtypes = pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(of_numpy.NumpyDialect, "block_bytes", 4 * BLOCK)
    monkeypatch.setattr(of_numpy, "_FEW_TO_CHOOSE", BLOCK // 2)


def potentials(size, dtype="float32"):
    values = np.resize(EXTREMES, size)
    values[len(EXTREMES) :] = np.random.default_rng(0).normal(size=max(0, size - len(EXTREMES)))
    with np.errstate(over="ignore", under="ignore"):
        return values.astype(dtype)


def evaluate(surrogate, function, x):
    return {"primitive": surrogate.surrogate_fun, "derivative": surrogate.surrogate_grad}[function](
        x
    )


def plain(surrogate, function, x):
    with np.errstate(over="ignore", under="ignore"):
        return backends.Backend.evaluate(backends.of(x), surrogate, x, (), function)


@every_surrogate
@functions
@dtypes
@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK // 2])
def test_numpy_program_is_the_plain_expression_to_the_bit(cls, function, dtype, size, small_blocks):
    x = potentials(size, dtype)
    actual = evaluate(cls(), function, x)
    assert actual.dtype == x.dtype
    np.testing.assert_array_equal(actual, plain(cls(), function, x))


LAYOUTS = {
    "fortran": lambda x: np.asfortranarray(x.reshape(6, 5, 8)),
    "transposed": lambda x: x.reshape(6, 5, 8).transpose(1, 2, 0),
    "negative": lambda x: x[::-1],
    "stepped": lambda x: x[::3],
    "inner axis stepped": lambda x: x.reshape(30, 8)[:, ::2],
    "long rows": lambda x: x.reshape(2, 120),
    "broadcast": lambda x: np.broadcast_to(x[:80], (3, 80)),
    "one number": lambda x: np.broadcast_to(x[10], (150,)),
    "no axis": lambda x: x[10:11].reshape(()),
}


@every_surrogate
@pytest.mark.parametrize("layout", LAYOUTS)
def test_numpy_program_of_any_layout(cls, layout, small_blocks):
    x = LAYOUTS[layout](potentials(240))
    actual = cls().surrogate_grad(x)
    assert actual.shape == x.shape
    np.testing.assert_array_equal(actual, plain(cls(), "derivative", x))


@pytest.mark.parametrize("name", COMPOSITIONS)
@functions
def test_a_composition_is_one_numpy_program(name, function, small_blocks, monkeypatch):
    """Whatever its parts: no other formula is evaluated, and no result combined with another."""
    x = potentials(3 * BLOCK)
    expected = plain(COMPOSITIONS[name], function, x)
    ran, run_program = [], of_numpy.NumpyDialect.evaluate

    def recorded(self, program, *given):
        ran.append(program)
        return run_program(self, program, *given)

    monkeypatch.setattr(of_numpy.NumpyDialect, "evaluate", recorded)
    monkeypatch.setattr(backends.Backend, "evaluate", lambda *given: pytest.fail("not traced"))
    np.testing.assert_array_equal(evaluate(COMPOSITIONS[name], function, x), expected)
    assert len(ran) == 1


@every_surrogate
def test_every_definition_is_traced(cls):
    for function in ("primitive", "derivative"):
        assert of_numpy._DIALECT.program(cls(), function, "float32", product=False) is not None


class Branching(surrogates.Surrogate):
    def derivative(self, xp, x):
        return x if bool((x > 0).all()) else -x


class Annealed(surrogates.Surrogate):
    slope: ClassVar[float] = 1.0

    def surrogate_grad(self, x):
        return Annealed.slope * x


class OfADefinition(surrogates.SlayerGrad):
    slope: ClassVar[float] = 1.0

    def derivative(self, xp, x):
        return OfADefinition.slope * x


class Yours(surrogates.Surrogate):
    beta: float = 2.0
    slope: ClassVar[float] = 1.0

    def derivative(self, xp, x):
        return Yours.slope * x if x.ndim < 2 else self.beta * xp.ones_like(x)


class WithoutSuper(surrogates.Surrogate):
    slope = 1.0

    def __init__(self):
        """Call no other, so that the instance has what the class has."""

    def derivative(self, xp, x):
        return WithoutSuper.slope * x


UNTRACED = {
    "a dataclass of your own": Yours(),
    "a branch on a value": Branching(),
    "a method of your own": Annealed(),
    "a class of your own": OfADefinition(),
    "a class that makes its objects itself": WithoutSuper(),
    "a function": surrogates.Custom(lambda x: 2 * x),
    "a function inside": surrogates.MultiSpike(surrogates.Custom(lambda x: 2 * x)),
}


@pytest.mark.parametrize("name", UNTRACED)
def test_what_is_no_fixed_graph_is_not_traced(name):
    surrogate = UNTRACED[name]
    assert trace(surrogate, "derivative", "float32") is None
    x = np.asarray([1.0, 2.0], np.float32)
    actual = np.broadcast_to(surrogate.surrogate_grad(x), 2)
    np.testing.assert_array_equal(actual, surrogate.surrogate_grad(np.float32(1.0)) * x)


FOLLOWED = [Annealed, OfADefinition, WithoutSuper, Yours]


@pytest.mark.parametrize("cls", FOLLOWED)
def test_a_formula_that_changes_is_followed(cls, monkeypatch):
    x = np.ones(3)
    cls().surrogate_grad(x)
    monkeypatch.setattr(cls, "slope", 5.0)
    np.testing.assert_array_equal(cls().surrogate_grad(x), 5 * x)


@pytest.mark.parametrize("cls", FOLLOWED)
def test_a_formula_that_changes_is_followed_in_jax(cls, monkeypatch, jax):
    x = jax.numpy.ones(3)
    gradient = jax.grad(lambda x: cls()(x).sum())
    for _ in range(6):
        gradient(x)
    monkeypatch.setattr(cls, "slope", 5.0)
    np.testing.assert_array_equal(gradient(x), 5 * np.ones(3))


def test_a_formula_may_look_at_the_shape():
    x = np.ones((2, 3))
    np.testing.assert_array_equal(Yours().surrogate_grad(x), 2 * x)


def test_array_parameters_are_inputs():
    definition, _ = surrogates.SlayerGrad(np.asarray([1.0, 2.0])).partition()
    root = trace(definition, "derivative", "float64", 1)
    assert [n.operands for n in nodes_of(root) if n.op == "input"] == [("p0",), ("x",)]


@every_surrogate
@pytest.mark.parametrize("shape", [(), (5,), (7, 1), (7, 5)])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_array_parameters_give_the_values_of_the_plain_expression(cls, shape, dtype, monkeypatch):
    monkeypatch.setattr(of_numpy.NumpyDialect, "block_bytes", 4 * 8)
    numbers = {
        p.name: p.default * (1 + np.linspace(0, 0.1, math.prod(shape))).reshape(shape)
        for p in parameters(cls)
        if isinstance(p.default, float)
    }
    x = np.random.default_rng(4).normal(0, 2, (7, 5)).astype(dtype)
    surrogate = cls(**numbers)
    actual = surrogate.surrogate_grad(x), surrogate.surrogate_fun(x)
    monkeypatch.setattr(of_numpy.NumpyDialect, "program", lambda *arguments, **options: None)
    np.testing.assert_array_equal(actual, (surrogate.surrogate_grad(x), surrogate.surrogate_fun(x)))


def test_a_graph_has_each_expression_once_and_no_constant_arithmetic():
    operations = [n.op for n in nodes_of(trace(surrogates.Sigmoid(3.0), "derivative", "float32"))]
    assert operations.count("exp") == 1
    assert "neg" not in operations
    at_zero = trace(surrogates.SpikeRateEscape(), "primitive", "float64")
    for node in nodes_of(at_zero):
        operands = [o for o in node.operands if hasattr(o, "op")]
        assert not operands or any(o.op != "constant" for o in operands)


@pytest.mark.parametrize("cls", [surrogates.Sigmoid, surrogates.ReluGrad, surrogates.QPseudoSpike])
def test_numpy_scratch_memory_is_a_few_blocks(cls):
    x = np.zeros(2_000_000, np.float32)
    cls().surrogate_grad(x)
    tracemalloc.start()
    derivative = cls().surrogate_grad(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert derivative.nbytes <= peak <= derivative.nbytes + 3 * of_numpy.NumpyDialect.block_bytes


def test_threads_do_not_share_buffers():
    surrogate = surrogates.Sigmoid()
    arrays = [np.random.default_rng(i).normal(size=200_000) for i in range(8)]
    expected = [surrogate.surrogate_grad(x) for x in arrays]
    with ThreadPoolExecutor(4) as pool:
        for actual, x in zip(pool.map(surrogate.surrogate_grad, arrays), expected, strict=True):
            np.testing.assert_array_equal(actual, x)


@pytest.mark.long
@every_surrogate
@dtypes
@pytest.mark.parametrize("size", [1, BLOCK, BLOCK + 1, 2**17, 2**17 + 1])
def test_numpy_vjp_of_few_and_of_many_elements(cls, dtype, size):
    x = potentials(size, dtype)
    for at in (1.0, 0.0, 0.5):
        spikes, pullback = surrogates.vjp(cls(at_threshold=at), x)
        assert spikes.dtype == x.dtype
        np.testing.assert_array_equal(spikes, (x > 0) + at * (x == 0))
        derivative = pullback(np.ones_like(x))
        assert derivative.dtype == x.dtype
        np.testing.assert_array_equal(derivative, plain(cls(), "derivative", x))


@every_surrogate
@pytest.mark.parametrize("layout", LAYOUTS)
def test_numpy_vjp_of_any_layout(cls, layout):
    x = LAYOUTS[layout](potentials(240))
    spikes, pullback = surrogates.vjp(cls(), x)
    assert type(spikes) is type(x)
    np.testing.assert_array_equal(spikes, x >= 0)
    np.testing.assert_array_equal(spikes, cls()(x))
    derivative = pullback(np.ones(x.shape, x.dtype))
    np.testing.assert_array_equal(derivative, plain(cls(), "derivative", x))


def test_numpy_plans_tell_equal_numbers_apart():
    x = np.linspace(-2, 2, 50, dtype="float32")
    for surrogate in (surrogates.Sigmoid(2.0), surrogates.Sigmoid(3.0), surrogates.Arctan(2.0)):
        for dtype in ("float64", "float32", "float16"):
            derivative = surrogates.vjp(surrogate, x.astype(dtype))[1](np.ones(50, dtype))
            expected = plain(surrogate, "derivative", x.astype(dtype))
            np.testing.assert_array_equal(derivative, expected)


def test_numpy_squares_where_a_factor_is_multiplied_with_itself():
    text = of_numpy._DIALECT.program(surrogates.ERF(), "derivative", "float32", product=False).text
    assert "square_(x, out)" in text


def test_numpy_leaves_the_settings_of_the_caller():
    x = potentials(50)
    with np.errstate(over="raise", under="raise", divide="raise"):
        before = np.geterr()
        surrogates.vjp(surrogates.GaussianGrad(), x)
        assert np.geterr() == before


def test_pullback_is_not_falsified_by_an_edit_of_x():
    x = potentials(300)
    expected = surrogates.ReluGrad().surrogate_grad(x)
    _, pullback = surrogates.vjp(surrogates.ReluGrad(), x)
    x[:] = 0
    np.testing.assert_array_equal(pullback(np.ones_like(x)), expected)


@pytest.mark.parametrize(("at", "at_zero"), [(1.0, 1.0), (0.0, 0.0), (0.5, 0.5)])
@dtypes
def test_numpy_step(at, at_zero, dtype):
    x = np.asarray([-1, 0, 1, np.nan, -np.inf, np.inf, -0.0], dtype)
    spikes = surrogates.Sigmoid(at_threshold=at)(x)
    assert spikes.dtype == x.dtype
    np.testing.assert_array_equal(spikes, [0, at_zero, 1, 0, 0, 1, at_zero])


# CUDA is not at hand everywhere, but its C++ is that of the host.
KERNEL = """
extern "C" void {name}(const {type}* xs, {type}* outs, {type}* all_spikes, long n) {{
    for (long i = 0; i < n; i++) {{
        typedef {type} T; const T x = xs[i]; T out, spikes;
        {text}
        outs[i] = out; all_spikes[i] = spikes;
    }}
}}
"""


class Sawtooth(surrogates.Surrogate):
    """A user's, in words that no surrogate of this package says so."""

    traceable = True

    def derivative(self, xp, x):
        wrapped = xp.remainder(x, 1.5) + 10 * xp.remainder(x, -0.7) + 100 * xp.remainder(-x, 1.5)
        return wrapped + (x > 1) * 1.0 + xp.astype(~(x < 2) | (x == 0), x.dtype)


@pytest.fixture(scope="module")
def kernels(tmp_path_factory):
    compiler = shutil.which("g++") or pytest.skip("there is no C++ compiler")
    folder = tmp_path_factory.mktemp("kernels")
    code = "#include <cmath>\nusing namespace std;\n"
    traced = {name: cls() for name, cls in SURROGATES.items()} | COMPOSITIONS
    functions = [(name, function) for name in traced for function in ("primitive", "derivative")]
    traced["Sawtooth"] = Sawtooth()
    for name, function in [*functions, ("Sawtooth", "derivative")]:
        for dtype, kind in (("float32", "float"), ("float64", "double")):
            text = kernel_of(traced[name], function, dtype, "ge").replace("\n", "\n        ")
            code += KERNEL.format(name=f"{name}_{function}_{dtype}", type=kind, text=text)
    (folder / "kernels.cpp").write_text(code)
    command = [compiler, "-O1", "-ffp-contract=off", "-shared", "-fPIC"]
    files = ["-o", str(folder / "kernels.so"), str(folder / "kernels.cpp")]
    subprocess.run(command + files, check=True)
    return ctypes.CDLL(str(folder / "kernels.so"))


@every_surrogate
@functions
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_kernel_text_is_the_formula(cls, function, dtype, kernels):
    x = potentials(500, dtype)
    out, spikes = run(getattr(kernels, f"{cls.__name__}_{function}_{dtype}"), x)
    np.testing.assert_array_equal(spikes, x >= 0)
    expected = evaluate(cls(), function, x)
    if cls.__module__.endswith("periodic"):  # far out they magnify any rounding
        near = np.abs(x) < 1e3
        out, expected = out[near], expected[near]
    # Elementary functions of two libraries, of arguments that were rounded alike.
    eps = np.finfo(dtype).eps
    scale = max(1.0, float(np.max(np.abs(expected[np.isfinite(expected)]))))
    np.testing.assert_allclose(out, expected, rtol=64 * eps, atol=8 * eps * scale)


def run(kernel, x):
    out, spikes = np.empty_like(x), np.empty_like(x)
    kernel(*(a.ctypes.data_as(ctypes.c_void_p) for a in (x, out, spikes)), ctypes.c_long(x.size))
    return out, spikes


@pytest.mark.parametrize("name", COMPOSITIONS)
@functions
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_composition_is_one_kernel(name, function, dtype, kernels):
    text = kernel_of(COMPOSITIONS[name], function, dtype, "ge")
    assert text.count("spikes = ") == text.count("\nout = ") == 1
    x = potentials(500, dtype)
    out, spikes = run(getattr(kernels, f"{name}_{function}_{dtype}"), x)
    np.testing.assert_array_equal(spikes, x >= 0)
    eps = np.finfo(dtype).eps
    expected = evaluate(COMPOSITIONS[name], function, x)
    np.testing.assert_allclose(out, expected, rtol=64 * eps, atol=8 * eps)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_kernel_text_of_a_formula_of_a_users(dtype, kernels):
    x = np.asarray([-7.25, -1.5, -0.75, -0.25, 0.0, 0.25, 0.75, 1.5, 1.75, 2.0, 7.25], dtype)
    out, spikes = run(getattr(kernels, f"Sawtooth_derivative_{dtype}"), x)
    np.testing.assert_array_equal(spikes, x >= 0)
    np.testing.assert_allclose(out, Sawtooth().derivative(np, x), rtol=4 * np.finfo(dtype).eps)
