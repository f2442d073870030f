"""Code for each framework on the page of a surrogate: run, and compared with NumPy."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np

from surrogates import Surrogate

SNIPPETS = {
    "PyTorch": """\
        import torch
        import surrogates

        spike = surrogates.{call}
        x = torch.linspace(-1, 1, 5, requires_grad=True)
        spike(x).sum().backward()
        gradient = x.grad
        """,
    "JAX": """\
        import jax
        import surrogates

        spike = surrogates.{call}
        x = jax.numpy.linspace(-1, 1, 5)
        gradient = jax.vmap(jax.grad(spike))(x)
        """,
    "NumPy": """\
        import numpy as np
        import surrogates

        spike = surrogates.{call}
        x = np.linspace(-1, 1, 5)
        spikes, pullback = surrogates.vjp(spike, x)
        gradient = pullback(np.ones_like(x))
        """,
    "CuPy": """\
        import cupy as cp
        import surrogates

        spike = surrogates.{call}
        x = cp.linspace(-1, 1, 5)
        spikes, pullback = surrogates.vjp(spike, x)
        gradient = pullback(cp.ones_like(x))
        """,
    "Dask": """\
        import dask.array as da
        import surrogates

        spike = surrogates.{call}
        x = da.linspace(-1, 1, 5, chunks=5)
        spikes, pullback = surrogates.vjp(spike, x)
        gradient = pullback(da.ones_like(x)).compute()
        """,
}
TOLERANCE = {"PyTorch": 2e-5, "JAX": 2e-5}  # float32, by default; the others compute in float64


def tabs(surrogate: Surrogate) -> list[str]:
    """Return the Markdown of the tabs, after all of them ran."""
    lines = ["::::{tab-set}", ":sync-group: framework", ""]
    for framework, template in SNIPPETS.items():
        code = textwrap.dedent(template).format(call=repr(surrogate)).rstrip()
        if framework != "CuPy" or has_device():
            check(framework, code, surrogate)
        lines += [f":::{{tab-item}} {framework}", f":sync: {framework}"]
        lines += ["```python", code, "```", ":::", ""]
    return [*lines, "::::"]


def what_ran() -> str:
    """Return what the page says of the tabs."""
    left_out = "" if has_device() else " CuPy's was not run: there was no CUDA device."
    return f"When this page was built, each was run and gave the gradient of NumPy.{left_out}"


def check(framework: str, code: str, surrogate: Surrogate) -> None:
    """Run a snippet, and compare its gradient with that of NumPy in float64."""
    scope: dict[str, Any] = {}
    exec(compile(code, f"<snippet of {surrogate!r} for {framework}>", "exec"), scope)
    expected = surrogate.surrogate_grad(np.linspace(-1, 1, 5))
    found = scope["gradient"]
    found = np.asarray(found.get() if framework == "CuPy" else found)
    tolerance = TOLERANCE.get(framework, 1e-13)
    np.testing.assert_allclose(
        found,
        expected,
        rtol=tolerance,
        atol=tolerance * np.abs(expected).max(),
        err_msg=f"{surrogate!r} in {framework}",
    )


def has_device() -> bool:
    """Return whether CuPy has a device to run on."""
    try:
        import cupy

        return bool(cupy.cuda.runtime.getDeviceCount())
    except Exception:  # not installed, or no driver
        return False
