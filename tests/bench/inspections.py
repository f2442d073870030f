"""What compilers made of it: counts of kernels, of compilations, and of operations."""

from __future__ import annotations

import dataclasses
import importlib.util
import re
from typing import Any

import surrogates
from surrogates import Relaxed

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
    surrogate = dataclasses.replace(OURS[name])  # PyTorch's hook is loaded when one is made
    _, texts = run_fw_bw_and_get_code(lambda: (compiled(x, surrogate) * g).sum())
    forward, backward = (_kernels(text) for text in texts)
    before = _graphs()
    compiled(x, dataclasses.replace(surrogate))
    compiled(x.detach().clone().requires_grad_(), surrogate)
    return {"forward": forward, "backward": backward, "recompilations": _graphs() - before}


def _kernels(text: str) -> int:
    return len(re.findall(r"async_compile\.(?:cpp_pybinding|cpp|triton)\(", text))


def _graphs() -> int:
    from torch._dynamo.utils import counters

    return int(counters["stats"]["unique_graphs"])


def torch_guards(name: str) -> dict[str, int]:
    """Return how many guards Dynamo checks at each call: leaves of the tree that it prints."""
    import torch
    from torch._C._dynamo.eval_frame import _debug_get_cache_entry_list as entries

    from .by_hand import SLOPES, torch_fixed

    def count(function: Any) -> int:
        def spikes(x: Any) -> Any:
            return function(x)

        torch.compiler.reset()
        x = torch.zeros(1000, requires_grad=True)
        torch.compile(spikes, dynamic=False, backend="eager")(x)
        (entry,) = entries(spikes.__code__)
        return len(re.findall(r"\+- [A-Z_]+: ", str(entry.guard_manager)))

    found = {"ours": count(OURS[name])}
    if name in SLOPES:
        found["an autograd.Function by hand"] = count(torch_fixed(name))
    return found


def torch_compilations(name: str, values: int = 5) -> int:
    """Return how often Dynamo compiles one surrogate, of another alpha at each call."""
    import torch

    def spikes(x: Any, surrogate: Any) -> Any:
        return surrogate(x)

    torch.compiler.reset()
    compiled = torch.compile(spikes, backend="eager")
    x, before = torch.zeros(1000, requires_grad=True), _graphs()
    for number in range(values):
        compiled(x, type(OURS[name])(2.0 + number / 16))
    return _graphs() - before


def jax_compilations(name: str, values: int = 5) -> int:
    """Return how often XLA compiles in eager calls of another alpha each, after the first ten."""
    import jax

    x, g = map(jax.numpy.asarray, inputs(1000))
    compiled = []

    def listen(event: str, *_: Any, **__: Any) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            compiled.append(event)

    def call(number: int) -> None:
        jax.block_until_ready(jax_step(type(OURS[name])(2.0 + number / 16))(x, g))

    for number in range(10):  # operations, and what is compiled after a few uses
        call(number)
    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        for number in range(values):
            call(100 + number)
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    return len(compiled)


def kept(framework: str, name: str, size: int = 100_000) -> dict[str, float]:
    """Return the bytes of an element that are kept for backward, in float32: x is 4 of them."""
    return {"PyTorch eager": _kept_by_torch, "JAX eager": _kept_by_jax}[framework](name, size)


def _kept_by_torch(name: str, size: int) -> dict[str, float]:
    import torch

    surrogate = OURS[name]
    alpha = torch.tensor(2.0, requires_grad=True)
    functions = {
        "fixed": surrogate,
        "Relaxed": Relaxed(type(surrogate)(alpha)),
        "learnable": surrogates.learnable(surrogate, "alpha", framework="torch"),
    }

    def bytes_of(function: Any) -> float:
        storages: dict[int, int] = {}
        alive = []

        def pack(tensor: Any) -> Any:
            alive.append(tensor)  # or the next one might take its place
            storage = tensor.untyped_storage()
            storages[storage.data_ptr()] = storage.nbytes()
            return tensor

        x = torch.linspace(-1, 1, size, requires_grad=True)
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            function(x)
        return round(sum(storages.values()) / size, 2)

    return {what: bytes_of(function) for what, function in functions.items()}


def _kept_by_jax(name: str, size: int) -> dict[str, float]:
    import jax

    surrogate = OURS[name]
    x = jax.numpy.linspace(-1, 1, size, dtype="float32")
    alpha = jax.numpy.asarray(2.0, dtype="float32")

    def bytes_of(function: Any, *arguments: Any) -> float:
        _, pullback = jax.vjp(function, *arguments)
        leaves = {id(leaf): leaf for leaf in jax.tree_util.tree_leaves(pullback)}
        return round(sum(leaf.nbytes for leaf in leaves.values()) / size, 2)

    def relaxed(x: Any, alpha: Any) -> Any:
        return Relaxed(type(surrogate)(alpha))(x)

    return {
        "fixed": bytes_of(surrogate, x),
        "Relaxed": bytes_of(relaxed, x, alpha),
        "learnable": bytes_of(lambda x, raw: relaxed(x, jax.numpy.exp(raw)), x, alpha),
    }


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
    """Return, by framework, what measures the memory of backward besides its result.

    In NumPy it is forward and backward, besides spikes, derivative and gradient.
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
