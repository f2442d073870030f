"""Record what other libraries' surrogates compute: ``python -m nox -s golden``.

Writes peers.json beside this file: for every name of `surrogates.from_library`, the spikes and the
gradient that the library itself gives (through its own ``autograd.Function``, ``custom_jvp`` or
``custom_gradient``, in float64), at its defaults and at other values of every parameter: each
changed alone, and all together. The files in `libraries` say how.

A library that is not importable keeps the records that it has. Those with a commit are not on PyPI,
or not in this state (the package stork is another project): check each out at its commit, into a
folder of the name that its file has there, and pass the folder of these folders by ``--sources``.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from golden import loading
from golden.facts import Arguments, Facts, Peer
from golden.libraries import LIBRARIES, facts_of

FILE = Path(__file__).with_name("peers.json")

# Membrane potential minus threshold. All are multiples of 1/16, as nearly all parameters below, so
# that `x + threshold` is exact and x hits the edges of boxes and the steps of spike counts.
X = [-2.5, -1.5, -1.0, -0.5, -0.25, -0.0625, -0.0, 0.0, 0.0625, 0.25, 0.5, 1.0, 1.5, 2.5, 3.75]


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


FRAMEWORKS = {"torch": in_torch, "jax": in_jax, "mlx": in_mlx}


def arguments_of(facts: Facts, peer: Peer) -> Iterator[Arguments]:
    """Return the defaults, each parameter changed alone, all together, and what `more` says."""
    values = {}
    for key, default in peer.defaults.items():
        if key not in facts.not_taken:
            values[key] = facts.values.get(f"{peer.name}.{key}", facts.values.get(key, ()))
            needed = 3 if default == "required" else 2
            if len(values[key]) < needed:
                raise ValueError(
                    f"{peer.name}: values needs {needed} values of {key!r} that are not its "
                    f"default, {default!r}, got {values[key]!r}; or name it in not_taken, if "
                    "from_library shall not take it"
                )
    required = {key: values[key][2] for key, value in peer.defaults.items() if value == "required"}
    yield required
    for key in values:
        yield required | {key: values[key][0]}
    if values:
        yield {key: values[key][1] for key in values}
    yield from facts.more.get(peer.name, ())


def record(facts: Facts, peer: Peer, given: Arguments) -> dict[str, Any]:
    """Return what was computed; an error of the library takes the place of the values."""
    evaluate = FRAMEWORKS[facts.framework]
    threshold = peer.threshold(given)
    shifted = [x + threshold if threshold else x for x in X]  # -0.0 + 0.0 is 0.0
    try:
        derivatives = evaluate(peer.make(**given), shifted, 1 + (peer.name in facts.twice))
    except (TypeError, AttributeError, RuntimeError) as error:
        return {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
    found = dict(zip(("spikes", "gradient", "second"), derivatives, strict=False))
    if peer.primitive is not None:
        with contextlib.suppress(NotImplementedError):
            (found["primitive"],) = evaluate(peer.primitive(**given), X, 0)
    return found


def records_of(library: str, peers: list[Peer]) -> list[dict[str, Any]]:
    """Return all records of a library."""
    facts = facts_of(library)
    return [
        {"library": library, "name": peer.name, "arguments": given, **record(facts, peer, given)}
        for peer in peers
        for given in arguments_of(facts, peer)
    ]


def version_of(library: str) -> str:
    """Return the version that is installed, or the commit of the check-out."""
    facts = facts_of(library)
    if facts.commit:
        return f"git {facts.commit}"
    return importlib.metadata.version([*facts.requirements, library][0].partition("==")[0])


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


def asked(library: str) -> list[Peer] | None:
    """Return the names of a library, None if it is not here, or was only read."""
    facts = facts_of(library)
    if facts.peers is None:
        return None
    try:
        return list(facts.peers())
    except ModuleNotFoundError as error:
        print(f"{library}: {error}; what is recorded of it stays as it is")
        return None


def main() -> None:
    parser = argparse.ArgumentParser(prog="golden", description=__doc__.splitlines()[0])
    parser.add_argument("libraries", nargs="*", help="record these alone; by default all")
    parser.add_argument("--sources", type=Path, help="the folder of the check-outs")
    parser.add_argument("--requirements", action="store_true", help="print what to install")
    options = parser.parse_args()
    chosen = {library: facts_of(library) for library in options.libraries or LIBRARIES}
    if options.requirements:
        print(*(r for facts in chosen.values() for r in facts.requirements), sep="\n")
        return
    loading.SOURCES = options.sources
    # samna, which sinabs asks for, installs itself from another index when imported.
    sys.modules["samna"] = None
    old = json.loads(FILE.read_text())
    versions, defaults, records = {}, {}, []
    for library in LIBRARIES:
        peers = asked(library) if library in chosen else None
        if peers is None:
            if library not in old["versions"]:
                continue
            versions[library] = old["versions"][library]
            defaults[library] = old["defaults"][library]
            records += [r for r in old["records"] if r["library"] == library]
            continue
        versions[library] = version_of(library)
        defaults[library] = {peer.name: peer.defaults for peer in peers}
        new = records_of(library, peers)
        print(f"{library} {versions[library]}: {len(peers)} names, {len(new)} records")
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
