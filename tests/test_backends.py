"""Finding a backend: built in, plugged in, and not there."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import numpy as np
import pytest

import surrogates
from surrogates import backends

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

    assert backends._find(cupy.ndarray) is BACKEND


def test_cupy_backend_runs_the_manual_vjp_on_whatever_it_is_given():
    from surrogates.backends._cupy import CupyBackend

    x = np.asarray([-0.5, 0.0, 2.0])
    backend = CupyBackend()
    surrogate = surrogates.ReluGrad()
    np.testing.assert_array_equal(backend.spike(surrogate, x, ()), [0, 1, 1])
    spikes, pullback = backend.vjp(surrogate, x)
    np.testing.assert_array_equal(spikes, [0, 1, 1])
    np.testing.assert_allclose(pullback(2 * np.ones(3)), [0.3, 0.6, 0])
    np.testing.assert_allclose(backend.jvp(surrogate, x, np.ones(3))[1], [0.15, 0.3, 0])
