"""What runs against what: for each framework, forward and backward of one surrogate on one array.

Each function returns the contenders by name: "ours", "floor" (a bare copy, then a bare product of
three operands, on arrays that exist already), "floor, new memory" (the same in arrays that are
made at each call), "plain" (the expression that one writes by hand), and
the peers. A contender that cannot run is absent, and `problems` says why.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import surrogates

from .formulas import PLAIN
from .measure import Run
from .peers import OURS, peers

Contenders = dict[str, Run]

problems: dict[str, str] = {}


def inputs(size: int, layout: str = "contiguous") -> tuple[np.ndarray, np.ndarray]:
    """Return potentials and a cotangent: most of one sign, as in a network, none a subnormal."""
    rng = np.random.default_rng(0)
    if layout == "contiguous":
        shape: tuple[int, ...] = (size,)
    elif layout == "transposed":
        shape = (round(size**0.5), round(size**0.5))
    else:
        shape = (2 * size,)
    x = rng.standard_normal(shape, dtype=np.float32)
    return x, rng.standard_normal(shape, dtype=np.float32)


def _laid_out(array: Any, layout: str) -> Any:
    return {"contiguous": array, "transposed": array.swapaxes(0, -1), "strided": array[::2]}[layout]


def _peer_of(peer: Any, where: str, make: Callable[[Any], Run]) -> Run | None:
    """Return what `make` makes of a peer's function, or None and a note where it does not run."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            run = make(peer.make())
            run()
        return run
    except Exception as error:  # whatever a peer raises, the others go on
        problems[f"{peer.library} {peer.name}, {where}"] = f"{type(error).__name__}: {error}"[:200]
        return None


def torch_eager(
    name: str, size: int, dtype: str = "float32", layout: str = "contiguous", device: str = "cpu"
) -> Contenders:
    """Return the contenders of eager PyTorch."""
    import torch

    x, g = (
        _laid_out(torch.asarray(a, dtype=getattr(torch, dtype), device=device), layout)
        for a in inputs(size, layout)
    )
    out = torch.empty_like(x)

    def floor() -> None:
        out.copy_(x)
        torch.mul(x, g, out=out)

    contenders: Contenders = {"ours": torch_step(OURS[name], x, g), "floor": floor}
    for peer in peers(name, "torch"):
        run = _peer_of(peer, f"PyTorch eager, {dtype}", lambda function: torch_step(function, x, g))
        if run is not None:
            contenders[peer.library] = run
    return contenders


def torch_step(
    function: Callable[[Any], Any], x: Any, cotangent: Any, any_size: bool = False
) -> Run:
    """Return forward and backward of a PyTorch function."""
    import torch

    x = x.detach().requires_grad_()
    if any_size:  # for a compiler: the parameters are constants, the size is not
        torch._dynamo.mark_dynamic(x, 0)
    cotangent = cotangent.to(function(x).dtype)

    def step() -> Any:
        spikes = function(x)
        return spikes, torch.autograd.grad(spikes, x, cotangent)

    return step


def compiled_by_torch(function: Any, **options: Any) -> Any:
    """Return `torch.compile` of a function, one of many that share their code.

    Dynamo counts compilations by code, not by function: after eight it would run the rest eagerly,
    without a word. Here it raises, after more than there are.
    """
    import torch

    torch._dynamo.config.recompile_limit = 64
    torch._dynamo.config.fail_on_recompile_limit_hit = True
    return torch.compile(function, **options)


_compiled: dict[tuple[str, str], Any] = {}


def torch_compiled(name: str, size: int, device: str = "cpu") -> Contenders:
    """Return the contenders of `torch.compile`, compiled once for all sizes."""
    import torch

    x, g = (torch.asarray(a, device=device) for a in inputs(size))
    out = torch.empty_like(x)
    if any(compiled != name for compiled, _ in _compiled):
        _compiled.clear()
        torch.compiler.reset()  # each call looks through all that shares its code

    def floor() -> None:
        out.copy_(x)
        torch.mul(x, g, out=out)

    def make(library: str, function: Any) -> Run:
        if (name, library) not in _compiled:
            _compiled[name, library] = compiled_by_torch(lambda x: function(x))
        return torch_step(_compiled[name, library], x, g, any_size=True)

    contenders: Contenders = {"ours": make("ours", OURS[name]), "floor": floor}
    for peer in peers(name, "torch"):
        run = _peer_of(
            peer, "PyTorch compiled", lambda function, library=peer.library: make(library, function)
        )
        if run is not None:
            contenders[peer.library] = run
    return contenders


def jax_jit(name: str, size: int, dtype: str = "float32", device: str = "cpu") -> Contenders:
    """Return the contenders of `jax.jit`: "same formula" is ours without a rule around it."""
    import jax

    x, g = jax.device_put(inputs(size), jax.devices(device)[0])
    x, g = x.astype(dtype), g.astype(dtype)
    contenders: Contenders = {"ours": _jitted(jax_step(OURS[name]), x, g)}
    formulas = {
        "same formula": OURS[name].surrogate_grad,
        "plain": lambda x: PLAIN[name](jax.numpy, x),
    }
    for label, derivative in formulas.items():
        contenders[label] = _jitted(by_hand(derivative), x, g)
    # No copy: XLA would hand x on. One sum and one product, in one kernel as all of these.
    contenders["floor"] = _jitted(lambda x, g: (x + 1, x * g), x, g)
    for peer in peers(name, "jax"):
        run = _peer_of(
            peer, f"JAX jit, {dtype}", lambda function: _jitted(jax_step(function), x, g)
        )
        if run is not None:
            contenders[peer.library] = run
    return contenders


def jax_step(function: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    """Return forward and backward of a JAX function."""
    import jax

    def step(x: Any, cotangent: Any) -> Any:
        spikes, pullback = jax.vjp(function, x)
        return spikes, pullback(cotangent)[0]

    return step


def by_hand(derivative: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    """Return forward and backward of a derivative, written out: what XLA could do at best."""

    def step(x: Any, cotangent: Any) -> Any:
        return (x >= 0).astype(x.dtype), cotangent * derivative(x)

    return step


def _jitted(step: Callable[[Any, Any], Any], x: Any, g: Any) -> Run:
    import jax

    compiled = jax.jit(step)
    return lambda: jax.block_until_ready(compiled(x, g))


def jax_eager(name: str, size: int, device: str = "cpu") -> Contenders:
    """Return the contenders of JAX without `jit`; a sine of its own shows what JAX itself takes."""
    import jax

    x, g = jax.device_put(inputs(size), jax.devices(device)[0])

    def make(function: Callable[[Any], Any]) -> Run:
        step = jax_step(function)
        return lambda: jax.block_until_ready(step(x, g))

    contenders: Contenders = {"ours": make(OURS[name]), "jax.lax.sin": make(jax.lax.sin)}
    for peer in peers(name, "jax"):
        run = _peer_of(peer, "JAX eager", make)
        if run is not None:
            contenders[peer.library] = run
    return contenders


def numpy(
    name: str, size: int, dtype: str = "float32", layout: str = "contiguous", xp: Any = np
) -> Contenders:
    """Return the contenders of NumPy, or of CuPy: `vjp` against the plain expression."""
    x, g = (_laid_out(xp.asarray(a, dtype=dtype), layout) for a in inputs(size, layout))
    out, formula = xp.empty_like(x), PLAIN[name]

    def floor() -> None:
        xp.copyto(out, x)
        xp.multiply(x, g, out=out)

    def ours() -> Any:
        spikes, pullback = surrogates.vjp(OURS[name], x)
        return spikes, pullback(g)

    def plain() -> Any:
        return (x >= 0).astype(x.dtype), g * formula(xp, x)

    def floor_anew() -> Any:
        return x.copy(), x * g

    return {"ours": ours, "plain": plain, "floor": floor, "floor, new memory": floor_anew}


def disagreements() -> dict[str, float]:
    """Return the peers whose gradient is not what `from_library` says, and by how much."""
    found = {}
    x = np.linspace(-2, 2, 401, dtype=np.float32)
    for name in OURS:
        for framework, slope in (("torch", _torch_slope), ("jax", _jax_slope)):
            for peer in peers(name, framework):
                off = peer.disagreement(slope(peer.make()), x)
                if not off < 1e-3:
                    found[f"{peer.library} {peer.name}"] = off
    return found


def _torch_slope(function: Any) -> Callable[[np.ndarray], np.ndarray]:
    import torch

    def slope(x: np.ndarray) -> np.ndarray:
        tensor = torch.asarray(x).requires_grad_()
        return torch.autograd.grad(function(tensor).sum(), tensor)[0].numpy()

    return slope


def _jax_slope(function: Any) -> Callable[[np.ndarray], np.ndarray]:
    import jax

    return lambda x: np.asarray(jax.grad(lambda x: function(x).sum())(jax.numpy.asarray(x)))
