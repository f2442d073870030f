"""Dask: spikes and gradient of 4 GiB in two workers that may have 1 GiB each."""

import sys

import dask.array as da
import numpy as np
from dask.distributed import Client, LocalCluster, progress

import surrogates


def lazily(rows, surrogate):
    """Return potentials of 4,096 neurons in chunks of 64 MiB, spikes, gradient and one chunk."""
    # Each chunk by itself: only the means below are exchanged, so there is nothing to count.
    x = da.random.default_rng(0).standard_normal((rows, 4096), (4096, 4096), dtype="float32")
    spikes, pullback = surrogates.vjp(surrogate, x)
    return x, spikes, pullback(da.ones_like(x))  # still lazy, in the chunks of x


def main(rows):
    """Compute the means of spikes and gradient, and compare a chunk with NumPy."""
    alpha = np.linspace(2.0, 8.0, 4096, dtype="float32")  # one value a neuron
    settings = {"n_workers": 2, "threads_per_worker": 1, "memory_limit": "1GiB"}
    with LocalCluster(**settings, dashboard_address=None) as cluster, Client(cluster):
        x, spikes, gradient = lazily(rows, surrogates.Sigmoid(alpha))
        result = da.stack([spikes.mean(), gradient.mean()]).persist()
        progress(result)
        rate, mean = result.compute()
        chunk, mine = da.compute(x.blocks[0, 0], gradient.blocks[0, 0])
    _, pullback = surrogates.vjp(surrogates.Sigmoid(alpha), chunk)
    np.testing.assert_allclose(mine, pullback(np.ones_like(chunk)), rtol=1e-6)
    assert abs(rate - 0.5) < 0.001
    print(f"\n{x.nbytes / 2**30:g} GiB, rate {rate:.4f}, mean gradient {mean:.4f}")


if __name__ == "__main__":
    main(rows=int(sys.argv[1]) if len(sys.argv) > 1 else 2**18)
