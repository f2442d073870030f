"""JAX, several processes: every host runs this program. Here it starts two on one host."""

import os
import re
import socket
import subprocess
import sys

if len(sys.argv) == 1:
    with socket.socket() as meeting:
        meeting.bind(("127.0.0.1", 0))
        port = str(meeting.getsockname()[1])
    commands = [[sys.executable, __file__, port, str(rank)] for rank in range(2)]
    workers = [subprocess.Popen(c, env={**os.environ, "XLA_FLAGS": ""}) for c in commands]
    sys.exit(max(worker.wait() for worker in workers))

import jax

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_cpu_collectives_implementation", "gloo")  # on GPUs, leave this out
jax.distributed.initialize(f"127.0.0.1:{sys.argv[1]}", num_processes=2, process_id=int(sys.argv[2]))

import numpy as np
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

import surrogates

COLLECTIVE = r"(?:all-reduce|all-gather|all-to-all|collective-permute|reduce-scatter)\("


def gradients(spike, *arguments):
    """Return the loss and its gradients to both weights, and how many collectives compute them."""
    loss = jax.value_and_grad(lambda w, v, x, y: ((spike(x @ w - 1) @ v - y) ** 2).mean(), (0, 1))
    compiled = jax.jit(loss).lower(*arguments).compile()
    return compiled(*arguments), len(re.findall(COLLECTIVE, compiled.as_text()))


rng = np.random.default_rng(0)
w, v, x, y = (rng.normal(size=shape) for shape in ((8, 16), (16, 1), (32, 8), (32, 1)))
expected, _ = gradients(surrogates.Arctan(2.0), w, v, x, y)  # each process by itself

mesh = jax.make_mesh((jax.device_count(),), ("data",))


def split(array, *spec):
    """Return an array of all processes, of which this one makes the part that it holds."""
    sharding = NamedSharding(mesh, P(*spec))
    return jax.make_array_from_callback(array.shape, sharding, lambda index: array[index])


arguments = split(w), split(v), split(x, "data"), split(y, "data")
found, said = gradients(surrogates.Arctan(2.0), *arguments)
for mine, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
    assert abs(theirs).max() > 1e-3
    np.testing.assert_allclose(mine.addressable_data(0), theirs, rtol=1e-10, atol=1e-13)
assert 0 < said <= gradients(jax.numpy.tanh, *arguments)[1]  # no more than with tanh
print("loss", float(found[0]), "as in one process;", said, "collective, as with tanh")
