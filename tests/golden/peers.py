"""How to call other libraries' surrogates, name by name."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.metadata
import importlib.util
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Arguments = dict[str, Any]


@dataclasses.dataclass
class Peer:
    """One name of a library: its parameters with their defaults, and how to call it.

    `make(**arguments)` returns the library's function of the membrane potential; where that takes
    the potential itself, `threshold(arguments)` is what x lacks of it.
    """

    name: str
    defaults: Arguments
    make: Callable[..., Callable[[Any], Any]]
    threshold: Callable[[Arguments], float] = lambda arguments: 0.0
    primitive: Callable[..., Callable[[Any], Any]] | None = None


def parameters(function: Callable[..., Any], *left_out: str) -> Arguments:
    """Return the parameters with their defaults; ``"required"`` where there is none."""
    found = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name not in left_out and parameter.kind is not parameter.VAR_KEYWORD:
            empty = parameter.default is parameter.empty
            found[parameter.name] = "required" if empty else parameter.default
    return found


def by_file(package: str, path: str) -> Any:
    """Return a module of a package whose own ``__init__`` may not be importable."""
    spec = importlib.util.find_spec(package)
    if spec is None:
        raise ModuleNotFoundError(package)
    return load(Path(spec.submodule_search_locations[0]) / path)


def load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"golden_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def applied(function: Callable[..., Any]) -> Callable[..., Callable[[Any], Any]]:
    """Return the factory for a function of x and parameters."""
    return lambda **given: lambda x: function(x, **given)


def braintools() -> Iterator[Peer]:
    module = importlib.import_module("braintools.surrogate")
    for name, member in inspect.getmembers(module):
        if name == "Surrogate" or module.__name__ not in getattr(member, "__module__", ""):
            continue
        if inspect.isclass(member):

            def primitive(cls=member, **given):
                return cls(**given).surrogate_fun

            yield Peer(name, parameters(member), member, primitive=primitive)
        elif inspect.isfunction(member):
            yield Peer(name, parameters(member, "x"), applied(member))


def norse() -> Iterator[Peer]:
    module = importlib.import_module("norse.torch.functional.threshold")

    # The parameters are named as the autograd functions name them.
    def peer(method: str, function: Callable[..., Any], forward: Callable[..., Any]) -> Peer:
        (name,) = parameters(forward, "ctx", "x", "input_tensor")
        (default,) = parameters(function, "x").values()

        def make(**given):
            values = given.values() or [default]
            return lambda x: module.threshold(x, method, *values)

        return Peer(method, {name: default}, make)

    yield peer("super", module.super_fn, module.super_fn)
    yield peer("triangle", module.triangle_fn, module.Triangle.forward)
    yield peer("heavi_erfc", module.heavi_erfc_fn, module.HeaviErfc.forward)
    yield peer("tanh", module.heavi_tanh_fn, module.HeaviTanh.forward)
    yield peer("circ", module.heavi_circ_fn, module.HeaviCirc.forward)


def rockpool() -> Iterator[Peer]:
    module = importlib.import_module("rockpool.nn.modules.torch.lif_torch")
    torch = importlib.import_module("torch")
    for name in ("StepPWL", "PeriodicExponential"):
        function = getattr(module, name)
        original = parameters(function.forward, "ctx", "x", "data")
        defaults = {
            key: value.item() if isinstance(value, torch.Tensor) else value
            for key, value in original.items()
        }

        # As LIFTorch passes them: tensors. Those that are not given are the library's defaults.
        def make(function=function, original=original, **given):
            tensors = {k: torch.tensor(v, dtype=torch.float64) for k, v in given.items()}
            values = (original | tensors).values()
            return lambda v: function.apply(v, *values)

        yield Peer(name, defaults, make, lambda given: given.get("threshold", 1.0))


def sinabs() -> Iterator[Peer]:
    module = importlib.import_module("sinabs.activation")
    layer = importlib.import_module("sinabs.layers").IAF
    default = inspect.signature(layer).parameters["spike_threshold"].default.item()

    def threshold(given):
        return given.get("spike_threshold", default)

    for name in (
        "SingleExponential",
        "Gaussian",
        "MultiGaussian",
        "Heaviside",
        "PeriodicExponential",
    ):
        cls = getattr(module, name)
        emission = module.MultiSpike if name == "PeriodicExponential" else module.SingleSpike

        def make(cls=cls, emission=emission, spike_threshold=default, **given):
            return lambda v: emission.apply(v, spike_threshold, cls(**given))

        yield Peer(name, {**parameters(cls), "spike_threshold": default}, make, threshold)


def slax() -> Iterator[Peer]:
    module = by_file("slax", "models/surrogates.py")
    for name in ("fast_sigmoid", "atan", "multi_gauss"):
        yield Peer(name, parameters(getattr(module, name)), getattr(module, name))


def snnax() -> Iterator[Peer]:
    module = by_file("snnax", "functional/surrogate.py")
    for name in ("superspike_surrogate", "sigmoid_surrogate", "piecewise_surrogate"):
        yield Peer(name, parameters(getattr(module, name)), getattr(module, name))


def snntorch() -> Iterator[Peer]:
    module = importlib.import_module("snntorch.surrogate")
    for name in (
        "atan",
        "fast_sigmoid",
        "heaviside",
        "LSO",
        "SFS",
        "sigmoid",
        "spike_rate_escape",
        "straight_through_estimator",
        "triangular",
    ):
        yield Peer(name, parameters(getattr(module, name)), getattr(module, name))


def spikingjelly() -> Iterator[Peer]:
    module = importlib.import_module("spikingjelly.activation_based.surrogate")
    base = module.SurrogateFunctionBase
    for name, cls in inspect.getmembers(module, inspect.isclass):
        # PoissonPass emits random spikes.
        if not issubclass(cls, base) or cls is base or name == "PoissonPass":
            continue
        defaults = parameters(cls)
        relaxed = "spiking" in defaults and name != "DeterministicPass"

        def primitive(cls=cls, **given):
            return cls(spiking=False, **given)

        yield Peer(name, defaults, cls, primitive=primitive if relaxed else None)


def spyx() -> Iterator[Peer]:
    module = importlib.import_module("spyx.axn")
    for name in ("arctan", "boxcar", "custom", "superspike", "tanh", "triangular"):
        yield Peer(name, parameters(getattr(module, name)), getattr(module, name))


def stork(path: Path | None) -> Iterator[Peer]:
    if path is None:
        raise ModuleNotFoundError("stork")
    module = load(path)
    for name in (
        "SuperSpike",
        "SuperSpike_rescaled",
        "SuperSpike_MemClamp",
        "SuperSpike_asymptote",
        "EsserSpike",
        "TanhSpike",
        "HardTanhSpike",
        "MultiSpike",
    ):
        cls = getattr(module, name)
        defaults = {key: getattr(cls, key) for key in ("beta", "maxspk") if hasattr(cls, key)}

        # Its parameters are attributes of the class.
        def make(cls=cls, defaults=defaults, **given):
            for key, value in (defaults | given).items():
                setattr(cls, key, value)
            return cls.apply

        yield Peer(name, defaults, make)

    custom = module.CustomSpike
    defaults = {"surrogate_type": custom.surrogate_type, **custom.surrogate_params}

    def make_custom(**given):
        custom.surrogate_params = defaults | given
        custom.surrogate_type = custom.surrogate_params.pop("surrogate_type")
        return custom.apply

    yield Peer("CustomSpike", defaults, make_custom)


TORCH = {"norse", "rockpool", "sinabs", "snntorch", "spikingjelly", "stork"}

LIBRARIES = [braintools, norse, rockpool, sinabs, slax, snnax, snntorch, spikingjelly, spyx, stork]
