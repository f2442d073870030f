"""Cubed: block by block, in a memory that is bounded beforehand."""

import tempfile

import cubed
import numpy as np

import surrogates

surrogate = surrogates.ReluGrad(alpha=0.3, width=1.0)
voltage = np.random.default_rng(0).normal(size=(1000, 64))
with tempfile.TemporaryDirectory() as folder:
    spec = cubed.Spec(work_dir=folder, allowed_mem="500MB")
    x = cubed.from_array(voltage, chunks=(250, 64), spec=spec)
    # Each block by itself, in one process: there is no communication to count.
    spikes = cubed.map_blocks(surrogate, x, dtype=x.dtype)
    slope = cubed.map_blocks(surrogate.surrogate_grad, x, dtype=x.dtype)
    found = cubed.compute(spikes, slope)
np.testing.assert_array_equal(found[0], surrogate(voltage))
np.testing.assert_array_equal(found[1], surrogate.surrogate_grad(voltage))
print("rate", found[0].mean(), "as of the whole array")
