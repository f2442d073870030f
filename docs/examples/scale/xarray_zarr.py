"""xarray over Zarr: chunk by chunk, from disk to disk, with names and coordinates."""

import tempfile

import numpy as np
import xarray as xr

import surrogates


def derivative(x, alpha):
    """Return the surrogate derivative of each neuron, with an alpha of its own."""
    return surrogates.Sigmoid(alpha).surrogate_grad(x)


with tempfile.TemporaryDirectory() as folder:
    voltage = np.random.default_rng(0).normal(size=(10_000, 64))
    data = xr.Dataset({"v": (("time", "neuron"), voltage)}).chunk(time=1000)
    data.to_zarr(f"{folder}/v.zarr")

    v = xr.open_zarr(f"{folder}/v.zarr").v
    alpha = xr.DataArray(np.linspace(2.0, 8.0, 64), dims="neuron")
    # Each chunk by itself, in one process: there is no communication to count.
    options = {"dask": "parallelized", "output_dtypes": [v.dtype]}
    spikes = xr.apply_ufunc(surrogates.Sigmoid(4.0), v - 1.0, **options)
    slope = xr.apply_ufunc(derivative, v - 1.0, alpha, **options)
    xr.Dataset({"spikes": spikes, "slope": slope}).to_zarr(f"{folder}/out.zarr")

    found = xr.open_zarr(f"{folder}/out.zarr").load()
np.testing.assert_array_equal(found.spikes, surrogates.Sigmoid(4.0)(voltage - 1.0))
np.testing.assert_allclose(found.slope, derivative(voltage - 1.0, alpha.values), rtol=1e-14)
print("rates of the first neurons", found.spikes.mean("time").values[:3])
