"""What the tests know of PyTorch."""

import numpy as np

from ._facts import Facts


class Torch(Facts):
    library = "torch"
    dtypes = ("float16", "bfloat16", "float32", "float64")
    differentiates = True

    def __init__(self, device):
        self.device = device
        self.on_gpu = device == "cuda"

    def no_device(self):
        import torch

        if self.on_gpu and not torch.cuda.is_available():
            return "PyTorch finds no CUDA device"
        return None

    def array(self, values):
        import torch

        return torch.asarray(values.copy(), device=self.device)

    def numpy(self, array):
        return np.asarray(array.detach().cpu())

    def astype(self, array, dtype):
        import torch

        return array.to(getattr(torch, dtype))

    def broadcast(self, array, shape):
        return array.expand(shape)

    def generator(self):
        import torch

        return torch.Generator(self.device).manual_seed(1)

    def contract(self):
        from torch import func

        return {
            "grad": lambda f: func.grad(lambda x: f(x).sum()),
            "jvp": lambda f, x, tangent: func.jvp(f, (x,), (tangent,))[1],
            "vmap": func.vmap,
        }

    def grad(self, function):
        import torch

        def gradient(x):
            x = x.clone().requires_grad_()
            return torch.autograd.grad(function(x).sum(), x, create_graph=True)[0]

        return gradient

    def gradient(self, function, x):
        x = x.clone().requires_grad_()
        function(x).sum().backward()
        return x.grad


KINDS = {"TORCH": Torch("cpu"), "TORCH_CUDA": Torch("cuda")}
