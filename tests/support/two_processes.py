"""How the two processes of a test of distributed PyTorch meet, and how they leave."""

from __future__ import annotations

import os
from typing import NoReturn

import torch
from torch import distributed
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh


def meet(rank: int, folder: str) -> DeviceMesh:
    """Wait for the other process, which is given the same folder, and return the mesh of both."""
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2
    )
    return init_device_mesh("cpu", (2,))


def leave() -> NoReturn:
    """End this process as soon as the other one has come as far, without finalising Python.

    A thread of Gloo that still holds a tensor while Python is finalised aborts the process, now
    and then: https://github.com/pytorch/pytorch/issues/190489.
    """
    distributed.barrier()
    os._exit(0)
