"""Finding a backend: built in, plugged in, and not there."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import numpy as np
import pytest

import surrogates
from kinds import Kind, required
from surrogates import Scaled, Sigmoid, backends

TOY = """
import types
import numpy as np
from surrogates.backends import Backend

class ToyArray:
    "As much of an array as SlayerGrad needs."
    shape, ndim = (), 0
    def __init__(self, value):
        self.value = np.float64(value)
    dtype = np.dtype("float64")
    def __array_namespace__(self, api_version=None):
        return namespace
    def __ge__(self, other):
        return ToyArray(self.value >= other)
    def __rmul__(self, other):
        return ToyArray(other * self.value)

namespace = types.ModuleType("toyarrays")
vars(namespace).update(
    float32=np.dtype("float32"),
    float64=np.dtype("float64"),
    astype=lambda x, dtype, copy=True: x,
    exp=lambda x: ToyArray(np.exp(x.value)),
    abs=lambda x: ToyArray(abs(x.value)),
)

class ToyBackend(Backend):
    def spike(self, definition, x, arrays):
        spikes = super().spike(definition, x, arrays)
        spikes.differentiated_by = definition
        return spikes

BACKEND = ToyBackend()
"""


def test_a_third_party_adds_a_backend_by_an_entry_point(tmp_path):
    (tmp_path / "toyarrays.py").write_text(TOY)
    info = tmp_path / "toyarrays-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toyarrays\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[surrogates.backends]\ntoyarrays = toyarrays:BACKEND\n")
    script = """
    import toyarrays, surrogates
    assert "toyarrays" in surrogates.backends.supported()
    spike = surrogates.SlayerGrad(2.0)(toyarrays.ToyArray(0.5))
    assert spike.value == 1.0
    assert spike.differentiated_by == surrogates.SlayerGrad(2.0)
    assert surrogates.backends.of(spike) is toyarrays.BACKEND
    """
    _run(script, tmp_path)


def test_without_the_entry_point_maths_works_and_a_spike_explains(tmp_path):
    (tmp_path / "toyarrays.py").write_text(TOY)
    script = """
    import toyarrays, surrogates
    x = toyarrays.ToyArray(0.0)
    assert surrogates.SlayerGrad(2.0).surrogate_grad(x).value == 1.0
    try:
        surrogates.SlayerGrad(2.0)(x)
    except TypeError as error:
        for part in ("toyarrays.ToyArray", "numpy", "cupy", "torch", "jax", "entry point"):
            assert part in str(error), error
    else:
        raise AssertionError("a bare step would lose its gradient in silence")
    surrogates.backends.register("toyarrays", toyarrays.BACKEND)
    assert surrogates.SlayerGrad(2.0)(x).value == 1.0
    """
    _run(script, tmp_path)


def _run(script, folder):
    code = f"import sys; sys.path[:0] = {[str(folder), *sys.path]!r}\n" + textwrap.dedent(script)
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_entry_of_a_backend_must_be_one():
    with pytest.raises(TypeError, match="must be an instance of"):
        backends.register("mylibrary", backends.Backend)


def test_built_in_backends_are_supported():
    assert {"numpy", "cupy", "torch", "jax"} <= set(backends.supported())


def test_subclass_of_a_known_array_finds_its_backend():
    class Mine(np.ndarray):
        pass

    assert backends.of(np.zeros(3).view(Mine)) is backends.of(np.zeros(3))


def test_cupy_adapter_without_a_device():
    cupy = pytest.importorskip("cupy")
    from surrogates.backends._cupy import BACKEND

    assert backends._at_first_sight(cupy.ndarray) is BACKEND


def test_cupy_backend_runs_the_manual_vjp_on_whatever_it_is_given():
    from surrogates.backends._cupy import CupyBackend

    x = np.asarray([-0.5, 0.0, 2.0])
    backend = CupyBackend()
    surrogate = surrogates.ReluGrad()
    np.testing.assert_array_equal(backend.spike(surrogate, x, ()), [0, 1, 1])
    spikes, derivative = backend.linearize(surrogate, x, ())
    np.testing.assert_array_equal(spikes, [0, 1, 1])
    np.testing.assert_allclose(derivative, [0.15, 0.3, 0])


def test_a_backend_that_differentiates_gives_no_zeros_in_silence():
    class Forgetful(backends.Backend):
        differentiates = True

    backend, x = Forgetful(), np.zeros(3)
    for name, call in {
        "spike": lambda: backend.spike(surrogates.Sigmoid(), x, ()),
        "constant": lambda: backend.constant(x),
        "nondifferentiable": lambda: backend.nondifferentiable(np.abs, x),
    }.items():
        with pytest.raises(NotImplementedError, match=f"Forgetful .* must define .*`{name}`"):
            call()


def test_erfc_by_default_is_of_the_backends_own_namespace():
    class Own(backends.Backend):
        def namespace(self, x):
            return Recording()

    class Recording:
        used = set()  # noqa: RUF012

        def __getattr__(self, name):
            self.used.add(name)
            return getattr(np, name)

    np.testing.assert_allclose(Own().erfc(np.zeros(2)), 1.0)
    assert {"exp", "where"} <= Recording.used


def test_registration_in_the_midst_of_a_look_up(monkeypatch):
    class Interrupted(dict):
        """As if another thread registered between the question and the look-up."""

        def __contains__(self, key):
            found = super().__contains__(key)
            backends.register("mylibrary", backends.Backend())
            return found

    of_numpy = backends.of(np.zeros(1))
    monkeypatch.setattr(backends, "_by_library", backends._by_library.copy())
    monkeypatch.setattr(backends, "_by_type", Interrupted({np.ndarray: of_numpy}))
    assert backends.of(np.zeros(1)) is of_numpy


@pytest.mark.parametrize("library", ["jax", "torch", "dask"])
@pytest.mark.parametrize("raised", ["ImportError", "OSError", "RuntimeError", "KeyError"])
def test_a_framework_that_cannot_be_imported_matters_to_its_own_arrays_alone(library, raised):
    script = f"""
    import importlib.abc, sys, types
    import numpy as np, surrogates

    class Broken(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] == {library!r}:
                raise {raised}("wrong ELF class")

    sys.meta_path.insert(0, Broken())
    if {library!r} == "jax":  # half of it stands there, as in the midst of its import
        sys.modules["jax"] = types.ModuleType("jax")
        sys.modules["jax"].__path__ = []
    assert surrogates.Sigmoid()(0.5) == 1.0
    assert surrogates.Sigmoid(2.0)(np.ones(3)).sum() == 3

    array = type("Array", (), {{"__module__": {library!r}, "dtype": np.dtype(float)}})()
    surrogate = surrogates.Sigmoid()
    for call in (surrogate, surrogate.surrogate_grad, surrogates.backends.of):
        try:
            call(array)
        except ImportError as error:
            assert {library!r} in str(error) and "wrong ELF class" in str(error), error
            assert isinstance(error.__cause__, {raised}), error.__cause__
        else:
            raise AssertionError("no error")
    """
    _run(script, ".")


def plain_uses(x):
    surrogate, generator = surrogates.Sigmoid(), np.random.default_rng(0)
    return {
        "call": lambda: surrogate(x),
        "surrogate_grad": lambda: surrogate.surrogate_grad(x),
        "surrogate_fun": lambda: surrogate.surrogate_fun(x),
        "sample": lambda: surrogates.sample(surrogate, x, generator),
        "vjp": lambda: surrogates.vjp(surrogate, x),
        "jvp": lambda: surrogates.jvp(surrogate, x, x),
        "compressed": lambda: surrogates.vjp(surrogates.Compressed(surrogate), x),
        "relaxed": lambda: surrogates.Relaxed(surrogate)(x),
        "function": lambda: surrogates.sigmoid(x),
        "several": lambda: surrogates.MultiSpike(surrogate)(x),
        "cotangent": lambda: surrogates.vjp(surrogate, np.zeros(x.shape))[1](x),
        "tangent": lambda: surrogates.jvp(surrogate, np.zeros(x.shape), x),
    }


@pytest.mark.parametrize("use", plain_uses(np.zeros(1)))
def test_masked_arrays_are_refused_with_a_remedy(use):
    x = np.ma.masked_array([0.5, -0.5], mask=[True, False])
    with pytest.raises(TypeError, match=r"numpy\.ma\.filled"):
        plain_uses(x)[use]()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("library", ["numpy", "array_api_strict"])
def test_numbers_drawn_for_samples(library, dtype):
    xp = pytest.importorskip(library)
    if (library, dtype) == ("array_api_strict", "float16"):
        pytest.skip("it has none")
    x = xp.zeros(100_000, dtype=getattr(xp, dtype))
    draws = backends.of(x).uniform(np.random.default_rng(0), x)
    assert type(draws) is type(x)
    assert draws.dtype == (xp.float64 if dtype == "float64" else xp.float32)
    draws = np.asarray(draws)
    assert 0 <= draws.min() < 1e-4
    assert 1 - 1e-4 < draws.max() < 1


@pytest.mark.parametrize("taking", [Kind.JAX, Kind.DASK])
def test_numpy_parameters_are_taken_where_the_library_takes_numpy(taking):
    required(taking)
    alpha = np.asarray([1.0, 2.0, 3.0, 4.0])
    values = np.linspace(-1.3, 1.1, 12).reshape(3, 4)
    x = taking.array(values)
    for surrogate in (Sigmoid(alpha), Scaled(Sigmoid(2.0), amplitude=alpha)):
        np.testing.assert_array_equal(taking.numpy(surrogate(x)), values >= 0)
        derivative = taking.numpy(surrogate.surrogate_grad(x))
        np.testing.assert_allclose(derivative, surrogate.surrogate_grad(values), rtol=1e-12)


@pytest.mark.long
@pytest.mark.parametrize("surrogate", [Sigmoid(), surrogates.Boxcar(), surrogates.GaussianGrad()])
def test_a_traced_parameter_selects_its_backend_where_x_stays_an_array_of_numpy(surrogate, jax):
    """As in HIPS autograd, which has no arrays of its own but those that it traces."""
    from surrogates.backends import _jax

    class Namespace:
        def __getattr__(self, name):
            return getattr(jax.numpy, name)

        def asarray(self, x, **given):
            return np.asarray(x) if isinstance(x, (np.ndarray, np.generic)) else x

    class Traced(_jax.JaxBackend):
        def namespace(self, x):
            return Namespace()

    original = backends.of(jax.numpy.zeros(1))
    backends.register("jax", Traced())
    try:
        for x in (np.asarray([-0.3, 0.2]), 0.2):
            scaled = lambda a: Scaled(surrogate, amplitude=a)  # noqa: E731
            of = lambda wrap: jax.grad(lambda a: wrap(scaled(a))(x).sum())(1.0)  # noqa: E731, B023
            assert of(lambda s: s) == 0
            exact = surrogate.formula("area", np, np.asarray(x)).sum()
            np.testing.assert_allclose(of(surrogates.Relaxed), exact, rtol=1e-6)
            slope = jax.grad(lambda a: scaled(a).surrogate_grad(x).sum())(1.0)  # noqa: B023
            np.testing.assert_allclose(slope, surrogate.surrogate_grad(x).sum(), rtol=1e-6)
    finally:
        backends.register("jax", original)


@pytest.mark.parametrize("library", [np, "mylibrary.arrays", "my-library", ""])
def test_a_name_by_which_no_array_would_find_its_backend_is_refused(library):
    with pytest.raises(TypeError, match=f"name of the top-level module .* got {library!r}"):
        backends.register(library, backends.Backend())


def test_a_registered_backend_takes_the_place_of_the_built_in_one():
    class Mine(backends.Backend):
        pass

    class Sub(np.ndarray):
        pass

    built_in = backends.of(np.zeros(1))
    mine = Mine()
    backends.register("numpy", mine)
    try:
        assert backends.of(np.zeros(1)) is mine
        assert backends.of(np.zeros(1).view(Sub)) is mine
    finally:
        backends.register("numpy", built_in)
    assert backends.of(np.zeros(1)) is built_in
