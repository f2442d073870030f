"""Ray Data: a stream of batches, each a dictionary of NumPy arrays."""

import numpy as np
import ray

import surrogates

ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
surrogate = surrogates.Sigmoid(np.linspace(2.0, 8.0, 64))


def spiking(batch):
    """Return the spikes of a batch of potentials, and the gradient of their number."""
    spikes, pullback = surrogates.vjp(surrogate, batch["data"])
    return {"spikes": spikes, "gradient": pullback(np.ones_like(spikes))}


v = np.random.default_rng(0).normal(size=(10_000, 64))
# Each batch by itself: the tasks exchange nothing, so there is no communication to count.
stream = ray.data.from_numpy(np.array_split(v, 8)).map_batches(spiking)
sums = [(b["spikes"].sum(), b["gradient"].sum()) for b in stream.iter_batches()]
spikes, pullback = surrogates.vjp(surrogate, v)
expected = spikes.sum(), pullback(np.ones_like(spikes)).sum()
np.testing.assert_allclose(np.sum(sums, axis=0), expected, rtol=1e-12)
print("spikes", spikes.sum(), "as in one process")
