"""What compilers made of it: counts of kernels, of compilations, and of operations."""

from __future__ import annotations

import importlib.util
import re
from typing import Any

import surrogates

from .contenders import by_hand, inputs, jax_step
from .measure import peak_memory
from .peers import OURS


def torch_kernels(name: str, device: str = "cpu") -> dict[str, int]:
    """Return how many kernels Inductor generates for forward and backward, and recompilations."""
    import torch
    from torch._inductor.utils import run_fw_bw_and_get_code

    x, g = (torch.asarray(a, device=device) for a in inputs(1000))
    x.requires_grad_()
    torch.compiler.reset()

    def spikes(x: Any, surrogate: Any) -> Any:
        return surrogate(x)

    compiled = torch.compile(spikes, dynamic=False)
    surrogate = OURS[name]
    _, texts = run_fw_bw_and_get_code(lambda: (compiled(x, surrogate) * g).sum())
    forward, backward = (_kernels(text) for text in texts)
    before = _graphs()
    equal = type(surrogate)(**{k: v for k, v in vars(surrogate).items() if k[0] != "_"})
    compiled(x, equal)
    compiled(x.detach().clone().requires_grad_(), surrogate)
    return {"forward": forward, "backward": backward, "recompilations": _graphs() - before}


def _kernels(text: str) -> int:
    return len(re.findall(r"async_compile\.(?:cpp_pybinding|cpp|triton)\(", text))


def _graphs() -> int:
    from torch._dynamo.utils import counters

    return int(counters["stats"]["unique_graphs"])


def jax_texts(name: str) -> dict[str, bool]:
    """Return whether XLA's text of ours equals that of the same thing written by hand."""
    import jax

    x, g = map(jax.numpy.asarray, inputs(1000))
    surrogate = OURS[name]
    step = _text(jax_step(surrogate), x, g) == _text(by_hand(surrogate.surrogate_grad), x, g)
    bare = _text(surrogate, x) == _text(lambda x: (x >= 0).astype(x.dtype), x)
    return {"forward and backward": step, "forward alone": bare}


def _text(function: Any, *arguments: Any) -> list[str]:
    """Return the operations of the compiled text, without names and places, in order of kind."""
    import jax

    text = jax.jit(function).lower(*arguments).compile().as_text()
    operations = re.findall(r"= (\S+) ([\w-]+)\(", text)
    return sorted(f"{kind} {operation}" for kind, operation in operations)


def launches(run: Any) -> int:
    """Return how many kernels a call launches on a CUDA device, from whatever library."""
    import torch
    from torch.profiler import ProfilerActivity, profile

    run()
    torch.cuda.synchronize()
    with profile(activities=[ProfilerActivity.CUDA]) as recorded:
        run()
        torch.cuda.synchronize()
    skipped = ("Memcpy", "Memset")
    return sum(
        event.count
        for event in recorded.key_averages()
        if event.device_type.name == "CUDA" and not event.key.startswith(skipped)
    )


def backwards(size: int) -> dict[str, Any]:
    """Return, by framework, what measures the memory of backward beside its result.

    In NumPy it is forward and backward, beside spikes, derivative and gradient.
    """

    def of_numpy(name: str) -> float | None:
        x, g = inputs(size)

        def both() -> Any:
            spikes, pullback = surrogates.vjp(OURS[name], x)  # which holds the derivative
            return spikes, pullback, pullback(g)

        return _extra(both, size, results=3)

    def of_torch(name: str) -> float | None:
        x, g = map(torch.asarray, inputs(size))
        spikes = OURS[name](x.requires_grad_())
        return _extra(lambda: torch.autograd.grad(spikes, x, g, retain_graph=True), size)

    found: dict[str, Any] = {"NumPy": of_numpy}
    if importlib.util.find_spec("torch"):
        import torch

        found["PyTorch eager"] = of_torch
    return found


def _extra(run: Any, size: int, results: int = 1) -> float | None:
    if size < 100_000:  # smaller than what processes grow by
        return None
    run()  # what is loaded and cached at first use does not count
    kept = []
    peak = peak_memory(lambda: kept.append(run()))
    return None if peak is None else round(peak / size - 4 * results, 2)
