"""The ways to use a surrogate, each held against the laws: import those from here."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np

import surrogates
from kinds import Kind, generator

from . import (
    cases,
    modes,  # noqa: F401 (it registers its ways)
)
from .checks import PATHS, BrokenError, Run, agree, check, cotangent, path

__all__ = ["PATHS", "BrokenError", "check"]


@path()
def call(run: Run) -> None:
    run.spikes(run.surrogate(run.x))


@path()
def surrogate_grad(run: Run) -> None:
    run.derivative(run.surrogate.surrogate_grad(run.x))


@path()
def surrogate_fun(run: Run) -> None:
    with np.errstate(all="ignore"):
        values = run.like(run.surrogate.surrogate_fun(run.x), "primitive")
        zero = cases.array(run.kind, np.zeros(run.x.shape), run.case["dtype"])
        at_zero = run.numpy(run.surrogate.surrogate_fun(zero))
        (low, high), size = run.reference.primitive()
        room = 64 * run.reference.eps * size
        known = np.isfinite(low) & np.isfinite(high) & np.isfinite(size)
        known &= size < run.reference.largest / 8
        if np.any(np.isnan(values) & known & ~np.isnan(run.reference.x)):
            raise BrokenError("primitive: no NaN from a number", f"{values.tolist()}")
        room = room + 2 * run.reference.spacing * (np.abs(values) + np.abs(at_zero))
        room = room + 4 * run.reference.least
        rise = values - at_zero
        inside = (low - room <= rise) & (rise <= high + room)
        if not np.all(inside | ~known | np.isnan(run.reference.x)):
            span = f"{low.tolist()} to {high.tolist()}"
            raise BrokenError("primitive less its value at 0", f"{rise.tolist()} instead of {span}")


@path()
def vjp(run: Run) -> None:
    x = run.x if run.kind is not Kind.NUMPY else run.x.copy()
    spikes, pullback = surrogates.vjp(run.surrogate, x)
    run.spikes(spikes, "spikes of vjp")
    run.derivative(pullback(cotangent(run)), "pullback", -1.5)
    if run.kind is Kind.NUMPY:
        x[...] = 0.25
        run.derivative(pullback(cotangent(run)), "pullback after x was edited", -1.5)


@path()
def jvp(run: Run) -> None:
    spikes, tangent = surrogates.jvp(run.surrogate, run.x, cotangent(run))
    run.spikes(spikes, "spikes of jvp")
    run.derivative(tangent, "tangent forward", -1.5)


@path(Kind.TORCH)
def torch_backward(run: Run) -> None:
    x = run.x.detach().requires_grad_()
    spikes = run.surrogate(x)
    run.spikes(spikes, "spikes with a graph")
    spikes.backward(cotangent(run))
    run.derivative(x.grad, "backward", -1.5)


@path(Kind.TORCH)
def torch_func(run: Run) -> None:
    import torch

    def summed(x: Any) -> Any:
        return run.surrogate(x).sum()

    run.derivative(torch.func.grad(summed)(run.x), "torch.func.grad")
    # Forward mode writes to its argument: PyTorch refuses one that is expanded.
    x = run.x.clone() if run.case["layout"] == "expanded" else run.x
    spikes, tangent = torch.func.jvp(run.surrogate, (x,), (cotangent(run),))
    run.spikes(spikes, "spikes in forward mode")
    if run.x.ndim == 0:  # times a number, PyTorch's tangent of a single float32 is a float64
        tangent = tangent.to(run.x.dtype)
    run.derivative(tangent, "torch.func.jvp, forward", -1.5)
    if run.x.ndim == 2 and not _has_arrays(run):
        along = torch.func.vmap(run.surrogate, in_dims=1, out_dims=1)(run.x)
        run.spikes(along, "spikes in vmap")
        slopes = torch.func.vmap(torch.func.grad(summed), in_dims=1, out_dims=1)(run.x)
        run.derivative(slopes, "vmap of grad")


def _has_arrays(run: Run) -> bool:
    return bool(run.surrogate.partition()[1])


@path(Kind.JAX)
def jax_grad(run: Run) -> None:
    import jax

    spikes, pullback = jax.vjp(run.surrogate, run.x)
    run.spikes(spikes, "spikes of jax.vjp")
    run.derivative(pullback(cotangent(run))[0], "jax.vjp", -1.5)
    _, tangent = jax.jvp(run.surrogate, (run.x,), (cotangent(run),))
    run.derivative(tangent, "jax.jvp", -1.5)


@path(Kind.JAX)
def jax_jit(run: Run) -> None:
    import jax

    run.spikes(jax.jit(run.surrogate)(run.x), "spikes in jit")
    # As a pytree, whose arrays are traced.
    slope = jax.jit(jax.grad(lambda x, s: s(x).sum()))
    run.derivative(slope(run.x, run.surrogate), "grad in jit")


@path(Kind.JAX)
def jax_vmap(run: Run) -> None:
    import jax

    if run.x.ndim != 2 or _has_arrays(run):
        return
    for axis in (1, -1, 0):
        along = jax.vmap(run.surrogate, in_axes=axis, out_axes=axis)
        run.spikes(along(run.x), "spikes in vmap")
        slope = jax.vmap(jax.grad(lambda x: run.surrogate(x).sum()), axis, axis)
        run.derivative(slope(run.x), "grad in vmap")


@path(Kind.JAX)
def jax_scan_and_checkpoint(run: Run) -> None:
    import jax

    def scanned(x: Any) -> Any:
        def step(carry: Any, _: Any) -> Any:
            return carry + run.surrogate(x), None

        return jax.lax.scan(step, jax.numpy.zeros_like(x), None, length=2)[0].sum()

    run.derivative(jax.grad(scanned)(run.x), "grad in scan", 2.0)
    kept = jax.grad(jax.checkpoint(lambda x: run.surrogate(x).sum()))(run.x)
    run.derivative(kept, "grad in checkpoint")


@path(Kind.MLX)
def mlx_grad(run: Run) -> None:
    import mlx.core as mx

    (spikes,), (gradient,) = mx.vjp(run.surrogate, [run.x], [cotangent(run)])
    run.spikes(spikes, "spikes of mlx.vjp")
    run.derivative(gradient, "mlx.vjp", -1.5)
    (spikes,), (tangent,) = mx.jvp(run.surrogate, [run.x], [cotangent(run)])
    run.spikes(spikes, "spikes of mlx.jvp")
    run.derivative(tangent, "mlx.jvp", -1.5)


@path(Kind.MLX)
def mlx_vmap(run: Run) -> None:
    import mlx.core as mx

    if run.x.ndim != 2 or _has_arrays(run):
        return
    for axis in (1, 0):
        along = mx.vmap(run.surrogate, in_axes=axis, out_axes=axis)
        run.spikes(along(run.x), "spikes in vmap")
        slope = mx.vmap(mx.grad(lambda x: run.surrogate(x).sum()), axis, axis)
        run.derivative(slope(run.x), "grad in vmap")
        gradient = mx.grad(lambda x, along=along: along(x).sum())
        run.derivative(gradient(run.x), "grad over vmap")


@path(Kind.TORCH, Kind.JAX, Kind.MLX)
def second_derivative(run: Run) -> None:
    """Check that the derivative of the gradient is that of `surrogate_grad`."""
    if run.kind is Kind.TORCH:
        import torch

        x = run.x.detach().clone().requires_grad_()
        (first,) = torch.autograd.grad(run.surrogate(x).sum(), x, create_graph=True)
        if not first.requires_grad:
            return
        (second,) = torch.autograd.grad(first.sum(), x, allow_unused=True)
        derivative = run.surrogate.surrogate_grad(x)
        if second is None or not derivative.requires_grad:
            return
        (exact,) = torch.autograd.grad(derivative.sum(), x, allow_unused=True)
        if exact is None:
            return
    else:
        grad = _grad(run.kind)
        first = grad(lambda x: run.surrogate(x).sum())
        second = grad(lambda x: first(x).sum())(run.x)
        exact = grad(lambda x: run.surrogate.surrogate_grad(x).sum())(run.x)
    run.like(second, "second derivative")
    agree(run, second, exact, "second derivative")


def _grad(kind: Kind) -> Any:
    """Return a library's function that makes gradients."""
    if kind is Kind.MLX:
        import mlx.core as mx

        return mx.grad
    import jax

    return jax.grad


FAR = {"float64": 1e150}
FAR |= dict.fromkeys(("float16", "bfloat16", "float32"), 1e25)


@path(Kind.TORCH, Kind.JAX, Kind.MLX)
def hypergradient(run: Run) -> None:
    """Check that the gradient's derivative to parameters is that of `surrogate_grad`."""
    definition, arrays = run.surrogate.partition()
    if not arrays:
        return
    if run.surrogate.relaxes and np.any(np.abs(run.reference.x) > FAR[run.case["dtype"]]):
        return  # the slope in a parameter is that where the area has all its digits
    if run.reference.residual == "float16" and run.surrogate.is_signed:
        below = run.numpy(run.surrogate.mirrored(run.x))
        if np.any(np.abs(below) > 65504):  # which a threshold moves: rounding ends, and its slope
            return
    if run.kind is Kind.TORCH:
        import torch

        held = [a.detach().clone().requires_grad_() for a in arrays]
        x = run.x.detach().clone().requires_grad_()
        surrogate = definition.combine(held)
        (first,) = torch.autograd.grad(surrogate(x).sum(), x, create_graph=True)
        exact = surrogate.surrogate_grad(x)
        if not (first.requires_grad and exact.requires_grad):
            return
        mine, theirs = (
            torch.autograd.grad(g.sum(), held, allow_unused=True, retain_graph=True)
            for g in (first, exact)
        )
    else:
        grad = _grad(run.kind)

        def gradient(arrays: Any) -> Any:
            surrogate = definition.combine(arrays)
            return grad(lambda x: surrogate(x).sum())(run.x).sum()

        def derivative(arrays: Any) -> Any:
            return definition.combine(arrays).surrogate_grad(run.x).sum()

        mine, theirs = grad(gradient)(list(arrays)), grad(derivative)(list(arrays))
    is_nan = np.isnan(run.numpy(run.surrogate.surrogate_grad(run.x))) & ~np.isnan(run.reference.x)
    for found, array, exact in zip(mine, arrays, theirs, strict=True):
        if found is None or exact is None:
            continue
        if not (is_nan.any() and np.isnan(run.numpy(found)).any()):  # of what is NaN itself
            agree(run, found, exact, "hypergradient", _of_slopes(run, array))


def _of_slopes(run: Run, array: Any) -> Any:
    """Return by how much the slopes of an area to a parameter round, of which `Relaxed` is made."""
    if not run.surrogate.relaxes:
        return 0.0
    with np.errstate(all="ignore"):
        # of an area over a parameter they are differences of the derivative over that
        size = np.abs(run.numpy(run.surrogate.exact_grad(run.x)))
        if getattr(run.surrogate, "is_smooth", False):  # of the primitive, whose tails cancel
            rise = run.surrogate.surrogate_fun(run.x) - run.surrogate.surrogate_fun(0 * run.x)
            size = np.fmax(size, np.abs(run.numpy(rise) / run.reference.x))
        # a square on the way, of what is tiny, may leave the range of the dtype
        size = size * np.where(size**2 < run.reference.smallest, 1.0, 16 * run.reference.eps)
        terms = np.sum(size, where=np.isfinite(size)) / np.abs(run.numpy(array))
        return np.where(np.isfinite(terms), terms, 0.0)


@path()
def round_trips(run: Run) -> None:
    surrogate = run.surrogate
    definition, arrays = surrogate.partition()
    hash(definition)
    if definition.combine(arrays) != surrogate:
        raise BrokenError("combine(partition(s)) == s")
    copies = {"copy": copy.copy(surrogate), "combine": definition.combine(arrays)}
    if run.kind is not Kind.DASK or not arrays:
        copies["pickle"] = pickle.loads(pickle.dumps(surrogate))
        copies["deepcopy"] = copy.deepcopy(surrogate)
    if not arrays:
        copies["eval(repr)"] = eval(repr(surrogate), vars(surrogates) | {"inf": np.inf})
    if run.kind is Kind.JAX:
        import jax

        leaves, tree = jax.tree.flatten(surrogate)
        copies["pytree"] = jax.tree.unflatten(tree, leaves)
        if len(leaves) != len(arrays):
            raise BrokenError("the leaves of a surrogate are its arrays", f"{len(leaves)}")
    for name, other in copies.items():
        # Surrogates with arrays are equal where the arrays are the same objects.
        comparable = not arrays or name in ("copy", "combine", "pytree")
        if comparable and (other != surrogate or hash(other) != hash(surrogate)):
            raise BrokenError(f"{name} is the identity", f"{other!r} of {surrogate!r}")
        run.spikes(other(run.x), f"spikes after {name}")


@path()
def sample(run: Run) -> None:
    is_distribution = run.surrogate.is_distribution
    spikes = surrogates.sample(run.surrogate, run.x, generator(run.kind))
    if not is_distribution:
        raise BrokenError("sample refuses what is no distribution")
    values = run.like(spikes, "sample")
    if not np.all((values == 0) | (values == 1)):
        raise BrokenError("sample spikes or not", f"{values.tolist()}")
    least = np.full(run.x.shape, -run.reference.largest)
    far = cases.array(run.kind, least, run.case["dtype"])
    never, always = run.reference.far()
    if np.any(run.numpy(surrogates.sample(run.surrogate, far, generator(run.kind))) * never):
        raise BrokenError("sample does not spike far below the threshold")
    above = run.numpy(surrogates.sample(run.surrogate, -far, generator(run.kind)))
    if not np.all((above == 1) | ~always):
        raise BrokenError("sample spikes far above the threshold")


SMOOTH = {"Sigmoid", "ERF", "GaussianGrad", "TanhGrad"}


@path(Kind.TORCH, Kind.JAX)
def relaxed(run: Run) -> None:
    """Check the gradients to parameters against finite differences of the area left of x."""
    smooth = all(n["class"] in SMOOTH for n in cases.definitions(run.case["surrogate"]))
    definition, arrays = run.surrogate.partition()
    if not (arrays and smooth and run.case["dtype"] == "float64" and run.x.shape):
        return
    sizes = [np.abs(run.numpy(a)) for a in arrays]
    if any(np.any((s > 20) | ((s < 0.05) & (s != 0))) for s in sizes):
        return
    inner = np.clip(np.nan_to_num(run.reference.x), -3, 3)
    x = cases.array(run.kind, inner, "float64")

    def spikes(arrays: Any) -> Any:
        held = definition.combine(arrays)
        return (held if held.relaxes else surrogates.Relaxed(held))(x).sum()

    if run.kind is Kind.TORCH:
        import torch

        held = [a.detach().clone().requires_grad_() for a in arrays]
        gradients = torch.autograd.grad(spikes(held), held, allow_unused=True)
    else:
        import jax

        gradients = jax.grad(spikes)(list(arrays))

    def area(values: list[np.ndarray], kept: Any) -> float:
        held = [np.asarray(v) for v in values]
        surrogate = definition.combine(held)
        if getattr(surrogate, "is_smooth", False):  # it emits the primitive, with its constant
            return float(surrogate.surrogate_fun(inner).sum())
        high, low = kept(inner), np.full(inner.shape, -1e290)  # left of this is nothing
        if surrogate.is_signed:  # far below it is that of the other bump, which a band may learn
            surrogate, low = surrogate.unsigned(), kept(surrogate.mirrored(inner))
        return float((surrogate.surrogate_fun(high) - surrogate.surrogate_fun(low)).sum())

    step, values = 1e-5, [run.numpy(a) for a in arrays]
    largest = np.sum(np.broadcast_to(definition.combine(values)._largest_term, inner.shape))
    for number, gradient in enumerate(gradients):
        moved = [[v + s * step * (i == number) for i, v in enumerate(values)] for s in (1, -1)]
        moves_x = definition.array_paths[number].endswith("threshold")  # rounding would stop it
        kept = (lambda x: x) if moves_x else run.reference.kept
        exact = (area(moved[0], kept) - area(moved[1], kept)) / (2 * step)
        actual = 0.0 if gradient is None else float(run.numpy(gradient).sum())
        room = 1e-5 * (1 + abs(exact)) + 16 * run.reference.eps * largest / step
        if moves_x:
            room += _of_residual(run, definition.combine(values), inner)
        if not abs(actual - exact) <= room:
            raise BrokenError("gradient of a relaxed parameter", f"{actual} instead of {exact}")


def _of_residual(run: Run, surrogate: Any, x: np.ndarray) -> float:
    """Return by how much a threshold's gradient changes with what is kept of x, which it moves."""
    residual = run.reference.residual
    if residual is None or not surrogate.is_signed:
        return 0.0
    one, below = surrogate.unsigned(), surrogate.mirrored(x)
    if residual == "uint8":
        return float(np.sum(2 * np.broadcast_to(one.peak, x.shape) / 250))
    change = one.exact_grad(run.reference.kept(below)) - one.exact_grad(below)
    return float(2 * np.abs(change).sum())
