"""Two JAX processes: losses, gradients and communication as if no surrogate were there."""

from __future__ import annotations

import os
import pathlib
import socket
import subprocess
import sys

import numpy as np
import pytest

layers = pytest.importorskip("test_jax_sharding")
WORKER = pathlib.Path(__file__).parents[1] / "support" / "distributed_worker_jax.py"

pytestmark = pytest.mark.distributed


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """What either process wrote."""
    folder = tmp_path_factory.mktemp("processes")
    with socket.socket() as meeting:
        meeting.bind(("localhost", 0))
        port = meeting.getsockname()[1]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "XLA_FLAGS": "--xla_force_host_platform_device_count=4",
    }
    files = [folder / f"{place}.npz" for place in (0, 1)]
    processes = [
        subprocess.Popen(
            [sys.executable, str(WORKER), str(place), str(port), str(file)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for place, file in enumerate(files)
    ]
    try:
        for process in processes:
            output = process.communicate(timeout=600)[0]
            assert process.returncode == 0, output
    finally:
        for process in processes:
            process.kill()
    return [np.load(file) for file in files]


@pytest.mark.parametrize("name", ["number", "channel", "several", "relaxed", "float16"])
@pytest.mark.parametrize("axis_type", ["Auto", "Explicit"])
def test_a_layer_split_over_two_processes(axis_type, name, outcomes):
    loss, (weight, alpha) = layers.alone(name)
    for outcome in outcomes:
        for part, expected in {"loss": loss, "weight": weight, "alpha": alpha}.items():
            layers.close(outcome[f"{axis_type} {name} {part}"], expected)
        of_tanh = outcome[f"{axis_type} tanh collectives"]
        assert 0 < outcome[f"{axis_type} {name} collectives"] <= of_tanh
