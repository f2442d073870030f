"""Record what other libraries' surrogates compute: ``python -m nox -s golden``.

Writes peers.json beside this file: for every name of `surrogates.from_library`, the spikes and the
gradient that the library itself gives (through its own ``autograd.Function``, ``custom_jvp`` or
``custom_gradient``, in float64), at its defaults and at other values of every parameter: each
changed alone, and all together.

A library that is not importable keeps the records that it has. Those of `COMMITS` in loading.py are
not on PyPI, or not in this state (the package stork is another project): check each out at its
commit, into a folder of the name that it has there, and pass the folder of these folders by
``--sources``.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.metadata
import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import loading
from loading import COMMITS, DISTRIBUTIONS
from peers import JAX, LIBRARIES, MLX, Arguments, Peer

FILE = Path(__file__).with_name("peers.json")

# Membrane potential minus threshold. All are multiples of 1/16, as nearly all parameters below, so
# that `x + threshold` is exact and x hits the edges of boxes and the steps of spike counts.
X = [-2.5, -1.5, -1.0, -0.5, -0.25, -0.0625, -0.0, 0.0, 0.0625, 0.25, 0.5, 1.0, 1.5, 2.5, 3.75]

# Two values of every parameter that are not its default: the first changes it alone, the second
# together with the others. "Name.parameter" goes before "parameter". A parameter that has no
# default has a third, which stands for it while others change.
VALUES: dict[str, dict[str, tuple[Any, ...]]] = {
    "braincog": {"alpha": (0.75, 3.0)},
    "braintools": {
        "alpha": (0.75, 3.0),
        "beta": (2.0, 0.5),
        "c": (0.25, 0.0),
        "epsilon": (0.125, 0.5),
        "h": (0.25, 0.5),
        "n": (1, 5),
        "s": (3.0, 2.0),
        "scale": (2.0, 0.25),
        "sigma": (1.0, 0.25),
        "t_period": (4.0, 3.0),
        "w": (0.5, 2.0),
        "width": (2.0, 0.5),
    },
    "btorch": {
        "alpha": (0.75, 3.0),
        "damping_factor": (2.0, 0.25),
        "variance": (0.25, 4.0),
    },
    "decolle": {},
    "hxtorch": {"alpha": (0.75, 3.0, 2.0)},
    "jaxpike": {"alpha": (0.75, 3.0), "slope": (0.75, 100.0), "width": (0.5, 2.0)},
    "jaxsnn": {"alpha": (0.75, 3.0)},
    "lava_dl": {"scale_rho": (0.25, 4.0, 2.0), "tau_rho": (0.5, 3.0, 2.0)},
    "matterhorn": {
        "a": (0.5, 2.0),
        "Sigmoid.a": (0.5, 0.001953125),
        "heaviside_sigmoid.a": (0.5, 0.001953125),
    },
    "mlx_snn": {"alpha": (0.75, 3.0), "scale": (0.75, 100.0), "slope": (0.75, 100.0)},
    "norse": {"alpha": (0.75, 3.0, 2.0), "k": (0.75, 3.0, 2.0)},
    "rockpool": {
        "max_spikes_per_dt": (2.0, 3.0),
        "threshold": (2.0, 0.5),
        "window": (0.25, 1.0),
    },
    "sinabs": {
        "grad_scale": (2.0, 0.25),
        "grad_width": (0.25, 1.0),
        "h": (0.25, 0.5),
        "mu": (0.25, -0.5),
        "s": (3.0, 2.0),
        "sigma": (1.0, 0.25),
        "spike_threshold": (2.0, 0.5),
        "window": (0.5, 2.5),
    },
    "slax": {
        "alpha": (0.75, 3.0),
        "gamma": (2.0, 0.25),
        "height": (0.25, 0.5),
        "lens": (1.0, 0.25),
        "scale": (3.0, 2.0),
        "slope": (0.75, 100.0),
    },
    "snnax": {"beta": (0.25, 2.5)},
    "snngrow": {"alpha": (0.75, 3.0)},
    "snntorch": {
        "B": (0.25, 0.5),
        "alpha": (0.75, 3.0),
        "beta": (2.0, 0.5),
        "slope": (4.0, 100.0),
        "sigmoid.slope": (4.0, 512.0),
        "threshold": (2.0, 0.5),
    },
    "spaic": {"alpha": (0.75, 3.0)},
    "sparxml": {
        "alpha": (0.75, 3.0),
        "scale": (0.25, 2.0),
        "sigma": (1.0, 0.25),
        "slope": (0.75, 100.0),
        "width": (0.5, 2.0),
    },
    "spikede": {"gamma": (0.5, 2.0), "scale": (0.75, 3.0), "sigma": (0.5, 2.0)},
    "spikingjelly": {
        "T_period": (4.0, 3.0),
        "alpha": (0.75, 3.0),
        "QPseudoSpike.alpha": (1.5, 4.0),
        "Rect.alpha": (0.5, 2.0),
        "beta": (2.0, 0.5),
        "c": (0.25, 0.0),
        "grad_window": ([-0.5, 2.5], [0.25, 1.0]),
        "k": (2.0, 0.5),
        "leak": (0.25, 1.5),
        "max_spike_count": (1, 3, 2),
        "n": (4, 1),
        "w": (0.5, 2.0),
    },
    "spyx": {"height": (2.0, 0.75), "k": (0.75, 3.0), "width": (1.0, 5.0)},
    "stork": {
        "beta": (0.75, 4.0),
        "delta_u": (0.5, 2.0),
        "maxspk": (2, 3),
        "p0": (0.25, 2.0),
        "surrogate_type": ("sigmoid", "exponential"),
    },
}
# Besides: a name that is one function for each value of a parameter.
MORE = {
    ("stork", "CustomSpike"): [
        {"surrogate_type": "sigmoid", "beta": 0.75},
        {"surrogate_type": "exponential"},
        {"surrogate_type": "exponential", "p0": 0.25},
        {"surrogate_type": "exponential", "delta_u": 0.5},
        {"surrogate_type": "MultilayerSpiker"},
    ],
    # Without a threshold it takes its own default, a float, and raises.
    ("rockpool", "PeriodicExponential"): [
        {"threshold": 1.0},
        {"threshold": 1.0, "window": 0.25},
        {"threshold": 1.0, "max_spikes_per_dt": 2.0},
    ],
}
# Whose second derivative is recorded too, since a note in surrogates/libraries speaks of it.
TWICE = {("spikingjelly", "S2NN")}


def in_torch(function: Callable[[Any], Any], v: list[float], times: int) -> list[Any]:
    """Return the values of a function of a tensor, and its first derivatives."""
    import torch

    v = torch.tensor(v, dtype=torch.float64, requires_grad=True)
    found = [function(v)]
    for _ in range(times):
        found += torch.autograd.grad(found[-1].sum(), v, create_graph=times > 1)
    return [compact(values.tolist()) for values in found]


def in_jax(function: Callable[[Any], Any], v: list[float], times: int) -> list[Any]:
    """Return the values of a function of a JAX array, and its first derivative."""
    import jax

    jax.config.update("jax_enable_x64", True)
    v = jax.numpy.asarray(v)
    if times == 0:
        return [compact(function(v).tolist())]
    values, pullback = jax.vjp(function, v)
    return [compact(found.tolist()) for found in (values, *pullback(jax.numpy.ones_like(values)))]


def in_mlx(function: Callable[[Any], Any], v: list[float], times: int) -> list[Any]:
    """Return the values of a function of an MLX array, and its first derivative."""
    import mlx.core as mx

    mx.set_default_device(mx.cpu)  # which has float64
    v = mx.array(v, dtype=mx.float64)
    found = [function(v), mx.grad(lambda v: function(v).sum())(v)]
    return [compact(values.tolist()) for values in found]


def arguments_of(library: str, peer: Peer) -> Iterator[Arguments]:
    """Return the defaults, each parameter changed alone, all together, and what `MORE` says."""
    table = VALUES[library]
    values = {
        key: table[f"{peer.name}.{key}" if f"{peer.name}.{key}" in table else key]
        for key in peer.defaults
        if f"{peer.name}.{key}" in table or key in table
    }
    required = {key: values[key][2] for key, value in peer.defaults.items() if value == "required"}
    yield required
    for key in values:
        yield required | {key: values[key][0]}
    if values:
        yield {key: values[key][1] for key in values}
    yield from MORE.get((library, peer.name), ())


def record(library: str, peer: Peer, given: Arguments) -> dict[str, Any]:
    """Return one record; an error of the library takes the place of the values."""
    found = {"library": library, "name": peer.name, "arguments": given}
    evaluate = in_jax if library in JAX else in_mlx if library in MLX else in_torch
    threshold = peer.threshold(given)
    shifted = [x + threshold if threshold else x for x in X]  # -0.0 + 0.0 is 0.0
    twice = (library, peer.name) in TWICE
    try:
        derivatives = evaluate(peer.make(**given), shifted, 1 + twice)
    except (TypeError, AttributeError, RuntimeError) as error:
        return found | {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
    found |= zip(("spikes", "gradient", "second"), derivatives, strict=False)
    if peer.primitive is not None:
        with contextlib.suppress(NotImplementedError):
            (found["primitive"],) = evaluate(peer.primitive(**given), X, 0)
    return found


def compact(values: list[float]) -> list[float]:
    """Return whole numbers as integers, except -0.0, which keeps its sign."""
    return [int(v) if v.is_integer() and str(v) != "-0.0" else v for v in values]


def repr_of(function: Callable[..., Any]) -> str:
    """Stand for a default that JSON cannot hold: a function."""
    return f"function {function.__name__}"


def write(content: dict[str, Any]) -> None:
    """Write one record a line."""
    lines = ["{"]
    for key in ("description", "x"):
        lines.append(f"{json.dumps(key)}: {json.dumps(content[key])},")
    for key in ("versions", "defaults"):
        inner = ",\n".join(
            f"{json.dumps(k)}: {json.dumps(v, default=repr_of)}" for k, v in content[key].items()
        )
        lines.append(f"{json.dumps(key)}: {{\n{inner}\n}},")
    records = ",\n".join(json.dumps(r, separators=(",", ":")) for r in content["records"])
    lines.append(f'"records": [\n{records}\n]\n}}')
    FILE.write_text("\n".join(lines) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sources", type=Path, help="the folder of the check-outs")
    loading.SOURCES = parser.parse_args().sources
    # samna, which sinabs asks for, installs itself from another index when imported.
    sys.modules["samna"] = None
    old = json.loads(FILE.read_text()) if FILE.exists() else {}
    versions, defaults, records = {}, {}, []
    for library in LIBRARIES:
        name = library.__name__
        try:
            named = list(library())
        except ModuleNotFoundError as error:
            print(f"{name}: {error}; its records stay as they are")
            versions[name] = old["versions"][name]
            defaults[name] = old["defaults"][name]
            records += [r for r in old["records"] if r["library"] == name]
            continue
        is_commit = name in COMMITS
        distribution = DISTRIBUTIONS.get(name, name)
        version = importlib.metadata.version
        versions[name] = f"git {COMMITS[name]}" if is_commit else version(distribution)
        defaults[name] = {peer.name: peer.defaults for peer in named}
        new = [record(name, peer, given) for peer in named for given in arguments_of(name, peer)]
        print(f"{name} {versions[name]}: {len(named)} names, {len(new)} records")
        records += new
    description = (
        "Spikes and gradients that the named libraries themselves produce in float64 at the "
        "points x = v - threshold; written by record.py, which says how. 'error' where the "
        "library raises; 'primitive' where it has one, up to a constant."
    )
    write(
        {
            "description": description,
            "x": X,
            "versions": versions,
            "defaults": defaults,
            "records": records,
        }
    )


if __name__ == "__main__":
    main()
