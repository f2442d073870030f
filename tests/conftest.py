from __future__ import annotations

import os

# Before JAX is imported: without it JAX makes float32 of every float64.
os.environ["JAX_ENABLE_X64"] = "1"

import pytest
from hypothesis import settings

from kinds import Kind, parameters

# Derandomised: a red run means a change of ours. No deadline: the first call compiles.
settings.register_profile("default", deadline=None, derandomize=True, max_examples=25)
settings.register_profile("thorough", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(params=parameters(Kind), scope="session")
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each kind of array that is installed here."""
    reason = request.param.missing()
    if reason is not None:
        pytest.skip(reason)
    return request.param


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


@pytest.fixture
def jax():
    return pytest.importorskip("jax")
