from __future__ import annotations

import pytest


@pytest.fixture
def double_precision():
    """JAX in double precision, which brainstate switches off when it is imported."""
    jax = pytest.importorskip("jax")
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)
