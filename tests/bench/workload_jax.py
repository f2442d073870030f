"""The recurrent network of `workload_torch` in JAX: `lax.scan` over the steps, compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

import surrogates
from surrogates import Arctan

from . import by_hand
from .formulas import PLAIN
from .networks import CHANNELS as PER_CHANNEL
from .networks import CHEAPEST, LEARNED, OURS
from .peers import installed

CHANNELS = 64
SEGMENT = 20  # steps that are recomputed together


def plain(
    spike: Callable[..., Any], recompute: bool = False, learns: bool = False
) -> Callable[..., Any]:
    """Return the loss of a network with a neuron of three lines, around any surrogate.

    One that learns takes a third weight, the logarithm of its alpha.
    """

    def loss(weights: Any, inputs: Any) -> Any:
        into, recurrent, *learned = weights

        def step(state: Any, current: Any) -> Any:
            v, z = state
            v = 0.9 * v + current + z @ recurrent - z
            z = spike(v - 1.0, *learned)
            return (v, z), z

        def run(state: Any, inputs: Any) -> Any:
            return jax.lax.scan(step, state, inputs @ into)

        zero = jnp.zeros((inputs.shape[1], recurrent.shape[0]), recurrent.dtype)
        if not recompute:
            return _distance(run((zero, zero), inputs)[1])
        parts = inputs.reshape(-1, SEGMENT, *inputs.shape[1:])
        segment = jax.checkpoint(run, prevent_cse=False)
        return _distance(jnp.concatenate(jax.lax.scan(segment, (zero, zero), parts)[1]))

    loss.learns = learns  # type: ignore[attr-defined]
    return loss


def spyx_rlif(spike: Any) -> Callable[..., Any]:
    """Return the loss of a network of spyx's recurrent neuron."""
    from flax import nnx
    from spyx import nn

    def loss(weights: Any, inputs: Any) -> Any:
        into, recurrent = weights
        hidden = recurrent.shape[0]
        neuron = nn.RLIF((hidden,), beta=0.9, activation=spike, rngs=nnx.Rngs(0))
        neuron.recurrent_w.set_value(recurrent)

        def step(v: Any, current: Any) -> Any:
            z, v = neuron(current, v)
            return v, z

        currents = inputs @ into
        return _distance(jax.lax.scan(step, jnp.zeros_like(currents[0]), currents)[1])

    return loss


def _distance(spikes: Any) -> Any:
    return ((spikes.mean(0) - 0.2) ** 2).mean()


def _by_hand() -> Any:
    @jax.custom_vjp
    def spike(x: Any) -> Any:
        return (x >= 0).astype(x.dtype)

    spike.defvjp(lambda x: (spike(x), x), lambda x, g: (g * PLAIN["Arctan"](jnp, x),))
    return spike


def _relaxed(x: Any, raw: Any) -> Any:
    """Return what the learnable modules of Flax and Equinox compute."""
    return surrogates.Relaxed(Arctan(jnp.exp(raw)))(x)


def networks(hidden: int, with_peers: bool = True) -> dict[str, Callable[[], Any]]:
    """Return the networks' losses by name, made when called."""
    ours = Arctan(2.0)
    found: dict[str, Callable[[], Any]] = {
        "plain neuron, ours": lambda: plain(ours),
        "plain neuron, ours, float16": lambda: plain(surrogates.Compressed(ours, "float16")),
        "plain neuron, ours, bfloat16": lambda: plain(surrogates.Compressed(ours, "bfloat16")),
        "plain neuron, ours, uint8": lambda: plain(surrogates.Compressed(ours, "uint8")),
        "plain neuron, ours, recomputed": lambda: plain(ours, recompute=True),
        "plain neuron, custom_vjp by hand": lambda: plain(_by_hand()),
        f"{OURS}, {LEARNED}": lambda: plain(_relaxed, learns=True),
        f"plain neuron, one-liner, {LEARNED}": lambda: plain(
            by_hand.jax_one_liner("Arctan"), learns=True
        ),
        f"{OURS}, {PER_CHANNEL}": lambda: plain(Arctan(jnp.full(hidden, 2.0, "float32"))),
        CHEAPEST: lambda: plain(by_hand.jax_straight_through()),
    }
    if not (with_peers and installed("jax")):
        return found
    import braintools.surrogate
    import spyx.axn

    return found | {
        "plain neuron, braintools Arctan": lambda: plain(braintools.surrogate.Arctan(2.0)),
        "plain neuron, spyx arctan": lambda: plain(spyx.axn.arctan(1.0)),
        "spyx RLIF, its own": lambda: spyx_rlif(spyx.axn.arctan()),
        "spyx RLIF, ours": lambda: spyx_rlif(surrogates.from_library("spyx", "arctan")),
    }


class Training:
    """Forward and backward of a network on one batch."""

    def __init__(self, make: Callable[[], Any], steps: int, batch: int, hidden: int) -> None:
        keys = jax.random.split(jax.random.key(0), 3)
        draws = jax.random.uniform(keys[0], (steps, batch, CHANNELS))
        self.inputs = (draws < 0.1).astype("float32")
        self.weights = (
            jax.random.normal(keys[1], (CHANNELS, hidden), "float32") / CHANNELS**0.5 * 2,
            jax.random.normal(keys[2], (hidden, hidden), "float32") / hidden**0.5,
        )
        self.loss = make()
        if getattr(self.loss, "learns", False):
            self.weights += (jnp.log(jnp.asarray(by_hand.ALPHAS["Arctan"], "float32")),)
        self.spikes = steps * batch * hidden
        self.steps = steps
        gradient = jax.jit(jax.grad(self.loss))
        self.compiled = gradient.lower(self.weights, self.inputs).compile()

    def step(self) -> Any:
        return jax.block_until_ready(self.compiled(self.weights, self.inputs))

    def kept_per_spike(self) -> float:
        """Return the bytes of what the scan stacks for its backward pass, of each spike."""
        pullback = jax.eval_shape(lambda w: jax.vjp(self.loss, w, self.inputs)[1], self.weights)
        lengths = (self.steps, self.steps // SEGMENT)
        stacked = [
            leaf
            for leaf in jax.tree_util.tree_leaves(pullback)
            if leaf.shape[:1] in [(n,) for n in lengths] and leaf.size != self.inputs.size
        ]
        return sum(leaf.size * leaf.dtype.itemsize for leaf in stacked) / self.spikes

    def peak_memory(self) -> int:
        """Return the bytes of temporaries that XLA allocates for a training step."""
        return int(self.compiled.memory_analysis().temp_size_in_bytes)

    def gradient(self) -> Any:
        """Return the gradient of all weights, those of a surrogate's parameters aside."""
        return jnp.concatenate([g.ravel() for g in self.step()[:2]])
