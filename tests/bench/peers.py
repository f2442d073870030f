"""The surrogates that are timed, and what other libraries have that is the same function of x.

"The same" up to a factor and a scale of x, which cost nothing: `disagreement` compares each with
`surrogates.from_library` of that name before it is timed.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import surrogates
from surrogates import ERF, Arctan, GaussianGrad, InvSquareGrad, QPseudoSpike, ReluGrad, Sigmoid

OURS = {
    "Sigmoid": Sigmoid(4.0),
    "Arctan": Arctan(2.0),
    "GaussianGrad": GaussianGrad(0.5, 0.5),
    "ReluGrad": ReluGrad(0.3, 1.0),
    "InvSquareGrad": InvSquareGrad(100.0),
    "QPseudoSpike": QPseudoSpike(2.0),
    "ERF": ERF(1.0),
}

FRAMEWORK = {
    "snntorch": "torch",
    "spikingjelly": "torch",
    "norse": "torch",
    "sinabs": "torch",
    "braintools": "jax",
    "spyx": "jax",
}


@dataclass(frozen=True)
class Peer:
    """A surrogate of another library, by its name and parameters there."""

    library: str
    name: str
    parameters: dict[str, float] = field(default_factory=dict)

    @property
    def framework(self) -> str:
        return FRAMEWORK[self.library]

    def installed(self) -> bool:
        return importlib.util.find_spec(self.library) is not None

    def make(self) -> Callable[[Any], Any]:
        """Return the library's own function of the membrane potential minus the threshold."""
        return globals()[f"_{self.library}"](self.name, self.parameters)

    def disagreement(self, slope: Callable[[Any], Any], x: Any) -> float:
        """Return how far the gradient is off, relative to the largest one."""
        expected = surrogates.from_library(self.library, self.name, **self.parameters)
        expected = expected.surrogate_grad(x)
        return float(abs(slope(x) - expected).max() / abs(expected).max())


def _snntorch(name: str, parameters: dict[str, float]) -> Any:
    import snntorch.surrogate

    return getattr(snntorch.surrogate, name)(**parameters)


def _spikingjelly(name: str, parameters: dict[str, float]) -> Any:
    from spikingjelly.activation_based import surrogate

    return getattr(surrogate, name)(**parameters)


def _norse(name: str, parameters: dict[str, float]) -> Any:
    from norse.torch.functional.threshold import threshold

    (value,) = parameters.values()
    return lambda x: threshold(x, name, value)


def _sinabs(name: str, parameters: dict[str, float]) -> Any:
    from sinabs import activation

    gradient = getattr(activation, name)(**parameters)
    return lambda x: activation.SingleSpike.apply(x, 0.0, gradient)


def _braintools(name: str, parameters: dict[str, float]) -> Any:
    import braintools.surrogate

    return getattr(braintools.surrogate, name)(**parameters)


def _spyx(name: str, parameters: dict[str, float]) -> Any:
    import spyx.axn

    return getattr(spyx.axn, name)(**parameters)


PEERS = {
    "Sigmoid": [
        Peer("snntorch", "sigmoid", {"slope": 4.0}),
        Peer("spikingjelly", "Sigmoid", {"alpha": 4.0}),
        Peer("norse", "tanh", {"k": 2.0}),
        Peer("braintools", "Sigmoid", {"alpha": 4.0}),
        Peer("spyx", "tanh", {"k": 2.0}),
    ],
    "Arctan": [
        Peer("snntorch", "atan", {"alpha": 2.0}),
        Peer("spikingjelly", "ATan", {"alpha": 2.0}),
        Peer("braintools", "Arctan", {"alpha": 2.0}),
        Peer("spyx", "arctan", {"k": 1.0}),
    ],
    "GaussianGrad": [
        Peer("sinabs", "Gaussian", {"sigma": 0.5, "grad_scale": 0.5}),
        Peer("norse", "heavi_erfc", {"k": math.sqrt(2)}),
        Peer("spikingjelly", "Erf", {"alpha": math.sqrt(2)}),
        Peer("braintools", "GaussianGrad", {"sigma": 0.5, "alpha": 0.5}),
    ],
    "ReluGrad": [
        Peer("norse", "triangle", {"alpha": 0.3}),
        Peer("spikingjelly", "PiecewiseQuadratic", {"alpha": 1.0}),
        Peer("braintools", "ReluGrad", {"alpha": 0.3, "width": 1.0}),
        Peer("spyx", "triangular", {"k": 1.0}),
    ],
    "InvSquareGrad": [
        Peer("snntorch", "fast_sigmoid", {"slope": 100.0}),
        Peer("spikingjelly", "SoftSign", {"alpha": 100.0}),
        Peer("norse", "super", {"alpha": 1.0}),  # whatever it is given, norse computes alpha = 1
        Peer("braintools", "InvSquareGrad", {"alpha": 100.0}),
        Peer("spyx", "superspike", {"k": 100.0}),
    ],
    "QPseudoSpike": [
        Peer("spikingjelly", "QPseudoSpike", {"alpha": 2.0}),
        Peer("braintools", "QPseudoSpike", {"alpha": 2.0}),
    ],
    "ERF": [
        Peer("spikingjelly", "Erf", {"alpha": 1.0}),
        Peer("norse", "heavi_erfc", {"k": 1.0}),
        Peer("sinabs", "Gaussian", {"sigma": math.sqrt(0.5), "grad_scale": 1.0}),
        Peer("braintools", "ERF", {"alpha": 1.0}),
    ],
}


def installed(framework: str) -> bool:
    """Return whether all libraries of a framework are here."""
    libraries = (library for library, of in FRAMEWORK.items() if of == framework)
    return all(importlib.util.find_spec(library) is not None for library in libraries)


def peers(name: str, framework: str) -> list[Peer]:
    """Return the installed libraries' surrogates of one kind in a framework."""
    return [p for p in PEERS[name] if p.framework == framework and p.installed()]
