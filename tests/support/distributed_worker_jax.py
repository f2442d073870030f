"""One of two JAX processes, four devices each: a layer split over both, written to a file.

Called with the place of this process, the port where they meet, and the file.
"""

from __future__ import annotations

import sys

import jax
import numpy as np
from jax.experimental.multihost_utils import process_allgather

jax.config.update("jax_cpu_collectives_implementation", "gloo")
jax.distributed.initialize(f"localhost:{sys.argv[2]}", 2, int(sys.argv[1]))

import test_jax_sharding as layers  # noqa: E402

NAMES = ("number", "channel", "several", "relaxed", "float16")


def main() -> None:
    outcome = {}
    assert len(jax.local_devices()) == 4
    assert len(jax.devices()) == 8
    for axis_type in ("Auto", "Explicit"):
        mesh = layers.mesh_of(getattr(layers.AxisType, axis_type))
        with jax.set_mesh(mesh):
            arguments = (
                layers.split(mesh, layers.WEIGHT, None, "model"),
                layers.split(mesh, layers.ALPHA, "model"),
                layers.split(mesh, layers.CURRENTS, None, "data"),
            )
            for name in ("tanh", *NAMES):
                step = jax.jit(layers.both(name))
                loss, gradients = step(*arguments)
                values = [loss.addressable_data(0)]
                values += [process_allgather(gradient, tiled=True) for gradient in gradients]
                values.append(layers.collectives(step, *arguments))
                parts = ("loss", "weight", "alpha", "collectives")
                for part, value in zip(parts, values, strict=True):
                    outcome[f"{axis_type} {name} {part}"] = np.asarray(value)
    np.savez(sys.argv[3], **outcome)


if __name__ == "__main__":
    main()
